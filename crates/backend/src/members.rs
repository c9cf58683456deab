//! People: guests, members and their sign-ins.

mod admins;
mod closing;
mod export;
mod guesses;
mod letters;
mod mailed;
mod passwords;

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use resonant_domain::UserId;
use resonant_domain::audit::Deed;
use resonant_domain::member::{Email, UserKind, Viewer, check_display_name, check_password};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use crate::audit::Log;
use crate::backend::random;
use crate::budgets::guests;
use crate::cache::Stale;
use crate::cache::listing::ListingEntry;
use crate::cache::listing_page::{MARKETPLACE, REVIEWS};
use crate::cache::shelves::PublisherEntry;
use crate::cache::sign_in::{KnownSignIn, SignInEntry, SignInKey};
use crate::rate_limits::Sharer;
use crate::store::OnConstraint as _;
use crate::store::members::TokenHash;
use crate::{Actor, Backend, Ctx, Error, Result, SignInToken, access, audit, sessions, store};

pub use self::admins::{Appointed, appoint_admin, dismiss_admin, list_admins};
pub use self::closing::{close_account, purge_closed};
pub use self::export::export;
pub use self::letters::send_letters;
pub use self::mailed::{
    ask_for_address, ask_for_password, confirm_address, find_address, find_forgotten, set_forgotten,
};
pub use self::passwords::{change_password, count_sign_ins, end_other_sign_ins, reset_password};
pub use crate::mail::Letter;

/// For how long a sign-in lasts after it was last used.
const SIGN_IN_LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often its end is moved at most.
const SIGN_IN_STEP: SignedDuration = SignedDuration::from_hours(1);
/// The random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// What someone writes to become a member.
#[derive(Clone)]
pub struct NewMember {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// What they want to be called.
    pub display_name: String,
}

impl fmt::Debug for NewMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewMember(…)")
    }
}

/// What a member writes to sign in.
#[derive(Clone)]
pub struct Credentials {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Tells who the caller is; `None` for someone anonymous.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "members.viewer", level = "debug", parent = ctx.span(), skip_all)]
pub async fn viewer(ctx: &Ctx) -> Result<Option<Viewer>> {
    match ctx.actor() {
        Actor::User { id, .. } => {
            let mut conn = ctx.backend().catalogue_read().await?;
            Ok(store::members::find(&mut conn, id).await?)
        }
        Actor::Anonymous | Actor::Key { .. } | Actor::System => Ok(None),
    }
}

/// Tells whom a token stands for; `None` when it stands for nobody.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn authenticate(backend: &Backend, token: &str) -> Result<Option<Actor>> {
    let Some(hash) = hash_token(token) else {
        return Ok(None);
    };
    let known = backend.cache().get::<SignInEntry>(backend, &SignInKey(hash)).await?;
    let now = backend.now();
    Ok(known
        .map(|known| *known.value())
        .filter(|known| known.expires_at > now)
        .map(|known| Actor::User { id: known.user_id, kind: known.kind }))
}

/// Reads whom a token stands for, and moves its end when it has not been used for a while.
pub(crate) async fn look_up(backend: &Backend, hash: &TokenHash) -> Result<Option<KnownSignIn>> {
    let now = backend.now();
    // A sign-in counts from the moment it is kept, so the database that keeps it is asked.
    let mut conn = backend.catalogue_write().await?;
    let sign_in = store::members::find_sign_in(&mut conn, hash).await?;
    let Some(mut sign_in) = sign_in.filter(|sign_in| sign_in.expires_at > now) else {
        return Ok(None);
    };
    if now.duration_since(sign_in.last_seen_at) >= SIGN_IN_STEP {
        sign_in.expires_at = now + SIGN_IN_LASTS;
        store::members::update_expiry(&mut conn, hash, now, sign_in.expires_at).await?;
        conn.commit().await?;
    }
    Ok(Some(KnownSignIn {
        user_id: sign_in.user_id,
        kind: sign_in.kind,
        expires_at: sign_in.expires_at,
    }))
}

/// Makes the caller a guest. Someone who is signed in stays who they are.
///
/// # Errors
/// [`Error::Forbidden`] for the system and for keys.
#[tracing::instrument(name = "members.begin_guest", level = "debug", parent = ctx.span(), skip_all)]
pub async fn begin_guest(ctx: &Ctx) -> Result<Viewer> {
    if let Some(viewer) = viewer(ctx).await? {
        return Ok(viewer);
    }
    if matches!(ctx.actor(), Actor::System | Actor::Key { .. }) {
        return Err(Error::Forbidden);
    }
    let [high, low] = random::<2>()?;
    let guest = Viewer {
        id: UserId::from_uuid(ctx.backend().new_id()?),
        kind: UserKind::Guest,
        display_name: format!("Guest {high:02X}{low:02X}"),
        email: None,
        is_admin: false,
        unread_notices: 0,
    };
    let origin = guests::origin_of(ctx).await?;
    let now = ctx.backend().now();
    let mut tx = ctx.backend().catalogue_begin().await?;
    store::guests::insert(&mut tx, &guest, origin.as_deref(), now).await?;
    let token = issue(&mut tx, guest.id, now).await?;
    tx.commit().await?;
    ctx.signed_in(actor(&guest), token);
    tracing::info!(user.id = %guest.id, "guest began");
    Ok(guest)
}

/// Makes the caller a member. A guest keeps identity, agents and sessions, and gets a new token; what guests
/// may use bounds them no more, and their sessions that wait because of it go on. What they installed, whom
/// they follow and what they run counts from now on.
///
/// # Errors
/// [`Error::Invalid`] for values that break rules, also for an address that is in use;
/// [`Error::Conflict`] for someone who is a member already; [`Error::TooMany`].
#[tracing::instrument(name = "members.sign_up", level = "debug", parent = ctx.span(), skip_all)]
pub async fn sign_up(ctx: &Ctx, new: NewMember) -> Result<Viewer> {
    let present = match ctx.actor() {
        Actor::System | Actor::Key { .. } => return Err(Error::Forbidden),
        Actor::User { kind: UserKind::Member, .. } => {
            return Err(Error::Conflict("You have an account already".to_owned()));
        }
        Actor::User { id, kind: UserKind::Guest } => Some(id),
        Actor::Anonymous => None,
    };
    let display_name = new.display_name.trim().to_owned();
    let mut faults = Vec::new();
    let email = Email::parse(&new.email).map_err(|fault| faults.push(fault)).ok();
    check_password(&mut faults, &new.password);
    check_display_name(&mut faults, &display_name);
    let Some(email) = email.filter(|_| faults.is_empty()) else {
        return Err(faults.into());
    };

    let backend = ctx.backend();
    let password_hash = backend.passwords().hash(new.password).await?;
    let id = match present {
        Some(id) => id,
        None => UserId::from_uuid(backend.new_id()?),
    };
    let member = Viewer {
        id,
        kind: UserKind::Member,
        display_name,
        email: Some(email.as_str().to_owned()),
        is_admin: false,
        unread_notices: 0,
    };
    let in_use = || Error::field("email", "is in use already; sign in instead");
    let now = backend.now();
    let mut tx = backend.catalogue_begin().await?;
    let (mut ended, mut installed, mut followed) = (Vec::new(), Vec::new(), Vec::new());
    if present.is_some() {
        let is_guest = store::members::update_guest(&mut tx, &member, &password_hash, now)
            .await
            .on_constraint("users_email_key", in_use)?;
        if !is_guest {
            return Err(Error::Conflict("You have an account already".to_owned()));
        }
        ended = store::members::delete_sign_ins_of(&mut tx, member.id, None).await?;
        // Publishers before listings, as where both are changed together.
        followed = store::follows::update_counted(&mut tx, member.id).await?;
        installed = store::installs::update_counted(&mut tx, member.id).await?;
    } else {
        store::members::insert(&mut tx, &member, Some(&password_hash), now)
            .await
            .on_constraint("users_email_key", in_use)?;
    }
    let token = issue(&mut tx, member.id, now).await?;
    note(ctx, &mut tx, &member, Deed::SignedUp).await?;
    let mut stale = stale(&ended);
    if !installed.is_empty() {
        stale = stale.and_group(MARKETPLACE);
    }
    stale = followed.iter().fold(stale, Stale::and::<PublisherEntry>);
    backend.commit(tx, installed.iter().fold(stale, Stale::and::<ListingEntry>)).await?;
    ctx.signed_in(actor(&member), token);
    if let Some(id) = present
        && let Err(error) = Box::pin(sessions::lift_bounds_of_guests(backend, id)).await
    {
        // They are a member all the same, and can say so session by session.
        let error = &error as &dyn std::error::Error;
        tracing::warn!(user.id = %id, error, "sessions of a former guest go on waiting");
    }
    tracing::info!(user.id = %member.id, "member signed up");
    Ok(member)
}

/// Signs a member in, by a new token; the one that the caller had before ends.
///
/// # Errors
/// [`Error::Invalid`] on the field `password`, the same for an unknown address and a wrong password;
/// [`Error::TooMany`].
#[tracing::instrument(name = "members.sign_in", level = "debug", parent = ctx.span(), skip_all)]
pub async fn sign_in(ctx: &Ctx, credentials: Credentials) -> Result<Viewer> {
    if matches!(ctx.actor(), Actor::System | Actor::Key { .. }) {
        return Err(Error::Forbidden);
    }
    let backend = ctx.backend();
    let email = Email::parse(&credentials.email).ok();
    let secret = match &email {
        Some(email) => {
            let mut conn = backend.catalogue_read().await?;
            store::members::find_by_email(&mut conn, email).await?
        }
        None => None,
    };
    let hash = secret.as_ref().map(|secret| secret.password_hash.clone());
    let account = secret.as_ref().map(|secret| secret.viewer.id);
    let is_right = match &email {
        Some(email) => {
            let of = Sharer::email(email);
            guesses::is_right(ctx, of, account, credentials.password, hash.clone()).await?
        }
        None => backend.passwords().verify(credentials.password, hash.clone()).await?,
    };
    let Some(member) = secret.filter(|_| is_right).map(|secret| secret.viewer) else {
        return refuse_sign_in(ctx, account).await;
    };

    let now = backend.now();
    let before = own_hash(ctx);
    let mut tx = backend.catalogue_begin().await?;
    // Another password ends the sign-ins that there are by then. None by the one before comes behind that: it was
    // looked at for a while, and read from a replica that may lack the new one.
    if !store::members::lock_is_member(&mut tx, member.id).await?
        || store::accounts::find_password(&mut tx, member.id).await? != hash
    {
        drop(tx);
        return refuse_sign_in(ctx, account).await;
    }
    if let Some(before) = &before {
        store::members::delete_sign_in(&mut tx, before).await?;
    }
    store::members::delete_expired_sign_ins(&mut tx, now).await?;
    let token = issue(&mut tx, member.id, now).await?;
    note(ctx, &mut tx, &member, Deed::SignedIn).await?;
    backend.commit(tx, stale(before.as_slice())).await?;
    ctx.signed_in(actor(&member), token);
    tracing::info!(user.id = %member.id, "member signed in");
    Ok(member)
}

/// Tells somebody that they do not get in, and no more than that.
async fn refuse_sign_in(ctx: &Ctx, account: Option<UserId>) -> Result<Viewer> {
    audit::note_failed_sign_in(ctx, account).await?;
    Err(Error::field("password", "e-mail address or password is wrong"))
}

/// Ends the caller's sign-in. Nothing happens to someone who has none.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "members.sign_out", level = "debug", parent = ctx.span(), skip_all)]
pub async fn sign_out(ctx: &Ctx) -> Result<()> {
    if let Some(hash) = own_hash(ctx) {
        let mut tx = ctx.backend().catalogue_begin().await?;
        store::members::delete_sign_in(&mut tx, &hash).await?;
        if let Actor::User { id, .. } = ctx.actor() {
            audit::note(ctx, &mut tx, Log::Account(id), Deed::SignedOut, None).await?;
        }
        ctx.backend().commit(tx, stale(&[hash])).await?;
    }
    ctx.signed_out();
    Ok(())
}

/// Changes what the caller is called.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] on the field `display_name`.
#[tracing::instrument(name = "members.update_profile", level = "debug", parent = ctx.span(), skip_all)]
pub async fn update_profile(ctx: &Ctx, display_name: String) -> Result<Viewer> {
    let id = access::user(ctx)?;
    let display_name = display_name.trim();
    let mut faults = Vec::new();
    check_display_name(&mut faults, display_name);
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let now = ctx.backend().now();
    let mut tx = ctx.backend().catalogue_begin().await?;
    store::members::update_display_name(&mut tx, id, display_name, now).await?;
    let viewer = store::members::find(&mut tx, id).await?.ok_or(Error::Unauthenticated)?;
    // Their reviews bear the new name at once, and so do their listings where they have no page of their own.
    let slugs = store::publishers::update_unnamed(&mut tx, id, display_name).await?;
    let mut stale = Stale::nothing().and_group(REVIEWS);
    if !slugs.is_empty() {
        stale = stale.and_group(MARKETPLACE);
    }
    ctx.backend().commit(tx, slugs.iter().fold(stale, Stale::and::<ListingEntry>)).await?;
    Ok(viewer)
}

const fn actor(viewer: &Viewer) -> Actor {
    Actor::User { id: viewer.id, kind: viewer.kind }
}

/// Writes down what somebody does who becomes the caller by it.
async fn note(ctx: &Ctx, tx: &mut PgConnection, viewer: &Viewer, deed: Deed) -> Result<()> {
    audit::note_as(ctx, tx, actor(viewer), Log::Account(viewer.id), deed, None).await
}

/// Makes a token and keeps its hash.
async fn issue(tx: &mut PgConnection, user: UserId, now: Timestamp) -> Result<SignInToken> {
    let (token, hash) = new_token()?;
    store::members::insert_sign_in(tx, &hash, user, now, now + SIGN_IN_LASTS).await?;
    Ok(SignInToken::new(token))
}

/// A token that cannot be guessed, and its hash.
fn new_token() -> Result<(String, TokenHash)> {
    let token = BASE64_URL_SAFE_NO_PAD.encode(random::<TOKEN_BYTES>()?);
    let hash = Sha256::digest(&token).into();
    Ok((token, hash))
}

/// The hash of the token by which the caller is signed in.
fn own_hash(ctx: &Ctx) -> Option<TokenHash> {
    hash_token(ctx.token()?.as_str())
}

/// The hash of a token; `None` for a text that cannot be one.
fn hash_token(token: &str) -> Option<TokenHash> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    (bytes.len() == TOKEN_BYTES).then(|| Sha256::digest(token).into())
}

/// What the end of these sign-ins makes untrue.
fn stale(ended: &[TokenHash]) -> Stale {
    ended.iter().fold(Stale::nothing(), |stale, hash| stale.and::<SignInEntry>(&SignInKey(*hash)))
}

#[cfg(test)]
mod tests;
