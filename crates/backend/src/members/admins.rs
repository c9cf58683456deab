//! Who operates the installation. Admins are made by whoever can start the server's program, and by
//! nobody on the web.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use resonant_domain::UserId;
use resonant_domain::audit::Deed;
use resonant_domain::member::{Email, UserKind, Viewer};
use resonant_runtime::models::Secret;
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::backend::random;
use crate::{Ctx, Error, Result, access, audit, store};

/// How an admin came to be.
#[derive(Debug)]
pub enum Appointed {
    /// Was a member already.
    Member,
    /// Is a new member.
    NewMember {
        /// To be told to them once; only its hash is kept.
        password: Secret,
    },
}

/// Makes the member with this address an admin; without such a member, makes one with a password
/// that cannot be guessed.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Invalid`] on the field `email`.
#[tracing::instrument(name = "members.appoint_admin", level = "debug", parent = ctx.span(), skip_all)]
pub async fn appoint_admin(ctx: &Ctx, email: &str) -> Result<Appointed> {
    access::system(ctx)?;
    let email = Email::parse(email)?;
    let backend = ctx.backend();
    let now = backend.now();
    let mut tx = backend.catalogue_begin().await?;
    let known = store::members::update_admin(&mut tx, &email, true, now).await?;
    let (id, appointed) = if let Some(id) = known {
        (id, Appointed::Member)
    } else {
        let password = unguessable()?;
        let hash = backend.passwords().hash(password.expose().to_owned()).await?;
        let address = email.as_str().to_owned();
        let viewer = Viewer {
            id: UserId::from_uuid(backend.new_id()?),
            kind: UserKind::Member,
            display_name: address.split('@').next().unwrap_or(&address).to_owned(),
            email: Some(address),
            is_admin: true,
            unread_notices: 0,
        };
        store::members::insert(&mut tx, &viewer, Some(&hash), now).await?;
        store::members::update_admin(&mut tx, &email, true, now).await?;
        (viewer.id, Appointed::NewMember { password })
    };
    note(ctx, &mut tx, id, Deed::AdminAppointed, &email).await?;
    tx.commit().await?;
    tracing::info!(email = email.as_str(), "admin appointed");
    Ok(appointed)
}

/// A password that cannot be guessed.
pub(super) fn unguessable() -> Result<Secret> {
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(random::<18>()?)))
}

/// Makes an admin a member as all others.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Invalid`] on the field `email`;
/// [`Error::NotFound`] when no member has the address.
#[tracing::instrument(name = "members.dismiss_admin", level = "debug", parent = ctx.span(), skip_all)]
pub async fn dismiss_admin(ctx: &Ctx, email: &str) -> Result<()> {
    access::system(ctx)?;
    let email = Email::parse(email)?;
    let now = ctx.backend().now();
    let mut tx = ctx.backend().catalogue_begin().await?;
    let id = store::members::update_admin(&mut tx, &email, false, now).await?;
    let id = id.ok_or(Error::NotFound("member"))?;
    note(ctx, &mut tx, id, Deed::AdminDismissed, &email).await?;
    tx.commit().await?;
    tracing::info!(email = email.as_str(), "admin dismissed");
    Ok(())
}

/// Writes down what becomes of a member's rights.
async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    id: UserId,
    deed: Deed,
    email: &Email,
) -> Result<()> {
    let subject = Subject::account(id, email.as_str());
    audit::note(ctx, tx, Log::Account(id), deed, Some(subject)).await
}

/// The addresses of all admins.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "members.list_admins", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list_admins(ctx: &Ctx) -> Result<Vec<String>> {
    access::system(ctx)?;
    let mut conn = ctx.backend().catalogue_read().await?;
    Ok(store::members::list_admins(&mut conn).await?)
}
