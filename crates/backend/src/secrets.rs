//! Secrets: written by their owner, read by nobody but the tools that send them.

use resonant_domain::UserId;
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::secret::{NewSecret, SECRETS_MAX, SecretChanges, SecretSummary};
use resonant_domain::template::is_secret_name;
use resonant_runtime::models::Secret;
use resonant_runtime::tools::BoundSecret;
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::store::OnConstraint as _;
use crate::{Backend, Ctx, Error, Result, access, audit, effects, seen, store};

const NOT_FOUND: Error = Error::NotFound("secret");

/// Lists the caller's secrets by name, without their values.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "secrets.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<SecretSummary>> {
    let owner = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("secrets", owner);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<String> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().read(owner).await?;
    let wanted = i64::from(limit) + 1;
    let found = store::secrets::list(&mut conn, owner, after.as_deref(), wanted).await?;
    cursors.page(&scope, limit, found, |last| last.name.clone())
}

/// Reads what may be known of a secret of the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "secrets.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, name: &str) -> Result<SecretSummary> {
    let owner = access::user(ctx)?;
    check_name(name)?;
    let mut conn = ctx.backend().read(owner).await?;
    store::secrets::find(&mut conn, owner, name).await?.ok_or(NOT_FOUND)
}

/// The secrets of the owner of an agent that the caller may change, by name, without their values.
pub(crate) async fn list_of(ctx: &Ctx, owner: UserId) -> Result<Vec<SecretSummary>> {
    let mut conn = ctx.backend().read(owner).await?;
    Ok(store::secrets::list(&mut conn, owner, None, i64::MAX).await?)
}

/// Keeps a secret.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`]; [`Error::Conflict`] when there is one of its name,
/// when there are too many, or when this installation has no key to seal it with.
#[tracing::instrument(name = "secrets.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, new: NewSecret) -> Result<SecretSummary> {
    let owner = access::user(ctx)?;
    new.check()?;
    let backend = ctx.backend();
    let sealed = backend.keyring().await?.seal(&place(owner, &new.name), new.value.as_bytes())?;
    let now = backend.now();
    let secret =
        SecretSummary { name: new.name, hosts: lower(new.hosts), created_at: now, updated_at: now };
    let mut tx = backend.begin(owner).await?;
    if let Some(made) = effects::find(ctx, &mut tx, owner).await? {
        return Ok(made);
    }
    let max = i64::try_from(SECRETS_MAX).unwrap_or(i64::MAX);
    let is_kept = store::secrets::insert(&mut tx, owner, &secret, &sealed, max)
        .await
        .on_constraint("secrets_pkey", || {
            Error::Conflict(format!("There is a secret {} already", secret.name))
        })?;
    if !is_kept {
        return Err(Error::Conflict(format!("There are {SECRETS_MAX} secrets already")));
    }
    note(ctx, &mut tx, owner, Deed::SecretCreated, &secret.name).await?;
    effects::note(ctx, &mut tx, owner, &secret).await?;
    tx.commit().await?;
    tracing::info!(owner.id = %owner, secret.name = secret.name, "secret created");
    Ok(secret)
}

/// Changes a secret's value, its hosts, or both.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`]; [`Error::Invalid`];
/// [`Error::Conflict`] when this installation has no key to seal it with.
#[tracing::instrument(name = "secrets.update", level = "debug", parent = ctx.span(), skip_all)]
pub async fn update(ctx: &Ctx, name: &str, changes: SecretChanges) -> Result<SecretSummary> {
    let owner = access::user(ctx)?;
    check_name(name)?;
    let backend = ctx.backend();
    let keyring = backend.keyring().await?;
    let mut tx = backend.begin(owner).await?;
    let mut secret = store::secrets::lock(&mut tx, owner, name).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &secret)?;
    let hosts = changes.hosts.map(lower);
    let changes = SecretChanges { hosts, ..changes };
    changes.check(&secret.hosts)?;
    let sealed = match &changes.value {
        Some(value) => Some(keyring.seal(&place(owner, name), value.as_bytes())?),
        None => None,
    };
    if let Some(hosts) = changes.hosts {
        secret.hosts = hosts;
    }
    secret.updated_at = backend.now();
    store::secrets::update(&mut tx, owner, &secret, sealed.as_ref()).await?;
    note(ctx, &mut tx, owner, Deed::SecretChanged, name).await?;
    tx.commit().await?;
    tracing::info!(owner.id = %owner, secret.name = name, "secret changed");
    Ok(secret)
}

/// Deletes a secret.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "secrets.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, name: &str) -> Result<()> {
    let owner = access::user(ctx)?;
    check_name(name)?;
    let mut tx = ctx.backend().begin(owner).await?;
    let secret = store::secrets::lock(&mut tx, owner, name).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &secret)?;
    store::secrets::delete(&mut tx, owner, name).await?;
    note(ctx, &mut tx, owner, Deed::SecretDeleted, name).await?;
    tx.commit().await?;
    tracing::info!(owner.id = %owner, secret.name = name, "secret deleted");
    Ok(())
}

/// Refuses what no secret can be called: the database does not take every text.
fn check_name(name: &str) -> Result<()> {
    if is_secret_name(name) { Ok(()) } else { Err(NOT_FOUND) }
}

/// Seals every secret under the installation's first key that lies under another one, so that the
/// older keys can be given up. Answers how many it sealed.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Internal`] when a secret lies under a key
/// that the installation no longer has.
#[tracing::instrument(name = "secrets.rotate", level = "debug", parent = ctx.span(), skip_all)]
pub async fn rotate(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let keyring = backend.keyring().await?;
    let key_id = keyring.current_id()?;
    let mut owners = Vec::new();
    for shard in backend.shards() {
        let mut tx = backend.begin_on(shard).await?;
        owners.extend(store::secrets::list_owners_under_other_keys(&mut tx, key_id).await?);
    }
    let mut count = 0;
    for owner in owners {
        let mut tx = backend.begin(owner).await?;
        for found in store::secrets::lock_under_other_keys(&mut tx, owner, key_id).await? {
            let (key, id) = keyring.seal_key_again(&place(owner, &found.name), &found.sealed)?;
            store::secrets::update_key(&mut tx, owner, &found.name, &key, &id).await?;
            count += 1;
        }
        tx.commit().await?;
    }
    let mut conn = backend.catalogue_write().await?;
    audit::note(ctx, &mut conn, Log::Installation, Deed::SecretsReencrypted, None).await?;
    conn.commit().await?;
    Ok(count)
}

/// Writes down what the caller does to a secret, by its name.
async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    owner: UserId,
    deed: Deed,
    name: &str,
) -> Result<()> {
    let subject = Subject { kind: SubjectKind::Secret, id: None, name };
    audit::note(ctx, tx, Log::Owner(owner), deed, Some(subject)).await
}

/// Those of an owner's secrets that are named, with their values, for the tools that send them.
/// One that no longer opens is left out.
pub(crate) async fn reveal(
    backend: &Backend,
    owner: UserId,
    names: &[String],
) -> Result<Vec<BoundSecret>> {
    // A value that was changed a moment ago is the one that is sent.
    let mut conn = backend.read_latest(owner).await?;
    let found = store::secrets::list_sealed(&mut conn, owner, names).await?;
    drop(conn);
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let keyring = backend.keyring().await?;
    let opened = found.into_iter().filter_map(|secret| {
        let value = keyring.open(&place(owner, &secret.name), &secret.sealed);
        let value = value.and_then(|bytes| String::from_utf8(bytes).map_err(Error::internal));
        match value {
            Ok(value) => Some(BoundSecret {
                name: secret.name,
                value: Secret::new(value),
                hosts: secret.hosts,
            }),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(owner.id = %owner, secret.name, error, "a secret does not open");
                None
            }
        }
    });
    Ok(opened.collect())
}

/// What binds a sealed value to its row.
fn place(owner: UserId, name: &str) -> Vec<u8> {
    [owner.as_uuid().as_bytes(), name.as_bytes()].concat()
}

fn lower(hosts: Vec<String>) -> Vec<String> {
    hosts.into_iter().map(|host| host.trim().to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
