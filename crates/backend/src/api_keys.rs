//! API keys: make one, see which there are, revoke one, and tell whom one stands for.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use resonant_domain::ApiKeyId;
use resonant_domain::api_key::{ApiKey, KEY_START, KEYS_MAX, NewApiKey, Scope, Scopes};
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::page::{Page, PageRequest};
use sha2::{Digest as _, Sha256};

use crate::audit::{Log, Subject};
use crate::backend::random;
use crate::cache::Stale;
use crate::cache::api_key::{ApiKeyEntry, ApiKeyKey, KnownApiKey};
use crate::store::api_keys::{KeyHash, KeyPosition};
use crate::{Actor, Backend, Ctx, Error, Result, access, audit, seen, store};

/// The random bytes of a key.
const KEY_BYTES: usize = 32;
/// How many characters of a key its owner sees later on.
const PREFIX: usize = KEY_START.len() + 4;
/// How often the use of a key is written down at most.
const USE_STEP: SignedDuration = SignedDuration::from_mins(1);

const NOT_FOUND: Error = Error::NotFound("key");

/// A key itself. Only its hash is kept here.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText(String);

impl ApiKeyText {
    /// The key as a program sends it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyText(…)")
    }
}

/// Makes a key. The text is told this once. A key makes no key that may do more than itself, or do it for
/// longer.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`]; [`Error::MissingScope`]; [`Error::Conflict`] when
/// there are too many keys already.
#[tracing::instrument(name = "api_keys.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, new: NewApiKey) -> Result<(ApiKey, ApiKeyText)> {
    let owner = access::with_scope(ctx, Scope::KeysWrite)?;
    let now = ctx.backend().now();
    new.check(now)?;
    if let Actor::Key { scopes, .. } = ctx.actor()
        && let Some(wider) = new.scopes.iter().find(|scope| !scopes.has(**scope))
    {
        return Err(Error::MissingScope(*wider));
    }
    let text = format!("{KEY_START}{}", BASE64_URL_SAFE_NO_PAD.encode(random::<KEY_BYTES>()?));
    let key = ApiKey {
        id: ApiKeyId::from_uuid(ctx.resource_id()?),
        name: new.name.trim().to_owned(),
        prefix: text[..PREFIX].to_owned(),
        scopes: Scopes::from(new.scopes),
        created_at: now,
        last_used_at: None,
        expires_at: new.expires_at,
    };
    let most = i64::try_from(KEYS_MAX).unwrap_or(i64::MAX);
    let mut tx = ctx.backend().catalogue_begin().await?;
    if let Actor::Key { key: maker, .. } = ctx.actor() {
        let maker = store::api_keys::find(&mut tx, owner, maker).await?;
        let end = maker.ok_or(Error::Unauthenticated)?.expires_at;
        if let Some(end) = end
            && key.expires_at.is_none_or(|at| at > end)
        {
            let reason = format!("must be at most {end}, when the key that asks expires");
            return Err(Error::field("expires_at", reason));
        }
    }
    // Its text went down with whoever made it: a key that nobody knows is of no use, and nobody has used
    // it. It is made anew, and told of no more.
    let is_again = match ctx.made_before().map(ApiKeyId::from_uuid) {
        Some(made) => store::api_keys::delete(&mut tx, owner, made).await?.is_some(),
        None => false,
    };
    if !store::api_keys::insert(&mut tx, owner, &key, &hash(&text), most).await? {
        return Err(Error::Conflict(format!(
            "You have {KEYS_MAX} keys. Revoke one to make another"
        )));
    }
    if !is_again {
        let subject = Subject::new(SubjectKind::Key, key.id.as_uuid(), &key.name);
        audit::note(ctx, &mut tx, Log::Account(owner), Deed::KeyCreated, Some(subject)).await?;
    }
    tx.commit().await?;
    tracing::info!(key.id = %key.id, user.id = %owner, "API key made");
    Ok((key, ApiKeyText(text)))
}

/// Makes a key that works for so many days, or without an end.
///
/// # Errors
/// Those of [`create`].
#[tracing::instrument(name = "api_keys.create_lasting", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create_lasting(
    ctx: &Ctx,
    name: String,
    scopes: Vec<Scope>,
    days: Option<u32>,
) -> Result<(ApiKey, ApiKeyText)> {
    let life = days.map(|days| SignedDuration::from_hours(i64::from(days) * 24));
    let expires_at = life.map(|life| ctx.backend().now() + life);
    create(ctx, NewApiKey { name, scopes, expires_at }).await
}

/// Lists the caller's keys, newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::Invalid`] for a limit or cursor that
/// cannot be used.
#[tracing::instrument(name = "api_keys.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<ApiKey>> {
    let owner = access::with_scope(ctx, Scope::KeysRead)?;
    let limit = page.checked_limit()?;
    let scope = ("api_keys", owner);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<KeyPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read().await?;
    let found = store::api_keys::list(&mut conn, owner, after, i64::from(limit) + 1).await?;
    let position = |last: &ApiKey| KeyPosition { created_at: last.created_at, id: last.id };
    cursors.page(&scope, limit, found, position)
}

/// Reads all of a key of the caller but its text.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "api_keys.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: ApiKeyId) -> Result<ApiKey> {
    let owner = access::with_scope(ctx, Scope::KeysRead)?;
    let mut conn = ctx.backend().catalogue_read().await?;
    store::api_keys::find(&mut conn, owner, id).await?.ok_or(NOT_FOUND)
}

/// Ends a key of the caller: from now on this process does not take it, and the others from when they
/// hear of it.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "api_keys.revoke", level = "debug", parent = ctx.span(), skip_all)]
pub async fn revoke(ctx: &Ctx, id: ApiKeyId) -> Result<()> {
    let owner = access::with_scope(ctx, Scope::KeysWrite)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let found = store::api_keys::find(&mut tx, owner, id).await?;
    seen::check(ctx, &found.ok_or(NOT_FOUND)?)?;
    let (hash, name) = store::api_keys::delete(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let subject = Subject::new(SubjectKind::Key, id.as_uuid(), &name);
    audit::note(ctx, &mut tx, Log::Account(owner), Deed::KeyRevoked, Some(subject)).await?;
    ctx.backend().commit(tx, Stale::one::<ApiKeyEntry>(&ApiKeyKey(hash))).await?;
    tracing::info!(key.id = %id, user.id = %owner, "API key revoked");
    Ok(())
}

/// Tells whom a key stands for; `None` when it stands for nobody.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn authenticate(backend: &Backend, text: &str) -> Result<Option<Actor>> {
    if !is_key(text) {
        return Ok(None);
    }
    let key = ApiKeyKey(hash(text));
    let known = backend.cache().get::<ApiKeyEntry>(backend, &key).await?;
    let mut known = known.map(|known| *known.value());
    let now = backend.now();
    if known.is_some_and(|known| now.duration_since(known.seen_at) >= USE_STEP) {
        known = look_up(backend, &key.0).await?;
    }
    Ok(known.filter(|known| known.expires_at.is_none_or(|at| at > now)).map(|known| Actor::Key {
        owner: known.owner,
        key: known.id,
        scopes: known.scopes,
    }))
}

/// Reads whom a key stands for, and notes that it is used when that was not noted for a while.
pub(crate) async fn look_up(backend: &Backend, hash: &KeyHash) -> Result<Option<KnownApiKey>> {
    let now = backend.now();
    // Where it is written: a replica may not have heard of the revocation yet.
    let mut conn = backend.catalogue_write().await?;
    let known = store::api_keys::find_by_hash(&mut conn, hash).await?;
    let Some(known) = known.filter(|known| known.expires_at.is_none_or(|at| at > now)) else {
        return Ok(None);
    };
    if known.last_used_at.is_none_or(|at| now.duration_since(at) >= USE_STEP) {
        store::api_keys::update_last_used(&mut conn, hash, now, now - USE_STEP).await?;
        conn.commit().await?;
    }
    Ok(Some(KnownApiKey {
        id: known.id,
        owner: known.user_id,
        scopes: known.scopes,
        expires_at: known.expires_at,
        seen_at: now,
    }))
}

/// What a key's owner sees of it later on; `None` for a text that is too short for one.
pub(crate) fn prefix_of(text: &str) -> Option<&str> {
    text.get(..PREFIX)
}

/// Whether a text may be a key at all.
fn is_key(text: &str) -> bool {
    text.strip_prefix(KEY_START)
        .and_then(|rest| BASE64_URL_SAFE_NO_PAD.decode(rest).ok())
        .is_some_and(|bytes| bytes.len() == KEY_BYTES)
}

fn hash(text: &str) -> KeyHash {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests;
