//! What people do by links that are mailed to them: set a password in the place of one that they have forgotten,
//! and change their e-mail address.
//!
//! Nobody is told who has an account: whoever asks for a link is answered alike, and that somebody else has an
//! address is told to whom it is proven to belong. What is done to an account locks it before its letters and
//! links, so that no two wait for each other.

use resonant_domain::audit::Deed;
use resonant_domain::member::{Email, UserKind, check_password};

use super::passwords::{check_current, wrong};
use super::{hash_token, letters, own_hash, stale};
use crate::audit::Log;
use crate::mail::Letter;
use crate::rate_limits::Sharer;
use crate::store::OnConstraint as _;
use crate::store::account_letters::{Link, Purpose};
use crate::store::members::TokenHash;
use crate::{Actor, Ctx, Error, Result, access, audit, store};

/// The link was used, is too old, or a newer one took its place.
const GONE: Error = Error::NotFound("link");

/// Has a link mailed to this address, if an account has it, by which another password is set. Answers alike
/// whether one has, also to whoever asks too often. In `words` the link stands at `{link}`.
///
/// # Errors
/// [`Error::Forbidden`] for the system and for keys; [`Error::Conflict`] where no mail is sent;
/// [`Error::Invalid`] on the field `email`.
#[tracing::instrument(name = "members.ask_for_password", level = "debug", parent = ctx.span(), skip_all)]
pub async fn ask_for_password(ctx: &Ctx, email: &str, words: &Letter) -> Result<()> {
    check_in_person(ctx)?;
    letters::check_are_sent(ctx.backend())?;
    let email = Email::parse(email)?;
    if letters::count(ctx, Purpose::Password, &Sharer::email(&email)).await.is_err() {
        // Enough of them are on their way there.
        return Ok(());
    }
    // Whose it is turns out where nobody waits for it.
    let mut conn = ctx.backend().catalogue_write().await?;
    letters::write_link(ctx, &mut conn, (Purpose::Password, None), &email, words).await?;
    conn.commit().await
}

/// The address of the account whose password the link of this token sets; `None` when it does not count any more.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "members.find_forgotten", level = "debug", parent = ctx.span(), skip_all)]
pub async fn find_forgotten(ctx: &Ctx, token: &str) -> Result<Option<String>> {
    Ok(find(ctx, Purpose::Password, token).await?.map(|(link, _)| link.email))
}

/// Sets a password by the link of this token, and ends the account's sign-ins in all other browsers. Its keys stay.
///
/// # Errors
/// [`Error::Forbidden`] for the system and for keys; [`Error::Invalid`] on the field `password`;
/// [`Error::NotFound`] when the link does not count any more.
#[tracing::instrument(name = "members.set_forgotten", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_forgotten(ctx: &Ctx, token: &str, password: String) -> Result<()> {
    check_in_person(ctx)?;
    let mut faults = Vec::new();
    check_password(&mut faults, &password);
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let (link, hash) = find(ctx, Purpose::Password, token).await?.ok_or(GONE)?;
    let backend = ctx.backend();
    let password_hash = backend.passwords().hash(password).await?;
    let (id, now) = (link.user, backend.now());
    let mut tx = backend.catalogue_begin().await?;
    // Whoever has another address by now is not to be got at by the one before.
    let is_set =
        store::accounts::update_forgotten_password(&mut tx, id, &link.email, &password_hash, now);
    if !is_set.await? {
        return Err(GONE);
    }
    if !store::account_letters::delete_used_link(&mut tx, Purpose::Password, &hash, now).await? {
        return Err(GONE);
    }
    store::account_letters::delete_of(&mut tx, id).await?;
    let ended = store::members::delete_sign_ins_of(&mut tx, id, own_hash(ctx).as_ref()).await?;
    let member = Actor::User { id, kind: UserKind::Member };
    audit::note_as(ctx, &mut tx, member, Log::Account(id), Deed::PasswordReset, None).await?;
    backend.commit(tx, stale(&ended)).await?;
    tracing::info!(user.id = %id, "password set by a mailed link");
    Ok(())
}

/// Has a link mailed to the address that is to be the caller's, by which it becomes that. In `words` the link
/// stands at `{link}`.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Conflict`] for a guest, and where no mail is sent; [`Error::Invalid`] on
/// the fields `email` and `current_password`; [`Error::TooMany`].
#[tracing::instrument(name = "members.ask_for_address", level = "debug", parent = ctx.span(), skip_all)]
pub async fn ask_for_address(
    ctx: &Ctx,
    password: String,
    email: &str,
    words: &Letter,
) -> Result<()> {
    let id = access::member(ctx)?;
    letters::check_are_sent(ctx.backend())?;
    let email = Email::parse(email)?;
    let before = check_current(ctx, password).await?;
    for sharer in [Sharer::owner(id), Sharer::email(&email)] {
        letters::count(ctx, Purpose::Address, &sharer).await?;
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    let now = store::accounts::lock_member(&mut tx, id).await?.ok_or(Error::Unauthenticated)?;
    // Another password ends what was asked for by the one before.
    if now.password_hash != before {
        return Err(wrong());
    }
    if now.email == email.as_str() {
        return Err(Error::field("email", "is your address already"));
    }
    // One that is yet to be sent, or tried again, would end the link of this one, and lead to an address that was
    // mistyped.
    store::account_letters::delete_letters_of(&mut tx, id).await?;
    letters::write_link(ctx, &mut tx, (Purpose::Address, Some(id)), &email, words).await?;
    audit::note(ctx, &mut tx, Log::Account(id), Deed::EmailChangeAsked, None).await?;
    tx.commit().await
}

/// The address that becomes an account's by the link of this token; `None` when it does not count any more.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "members.find_address", level = "debug", parent = ctx.span(), skip_all)]
pub async fn find_address(ctx: &Ctx, token: &str) -> Result<Option<String>> {
    Ok(find(ctx, Purpose::Address, token).await?.map(|(link, _)| link.email))
}

/// Gives an account the address to which the link of this token was mailed, whoever is signed in, and tells the
/// address before by mail. In `words` the new one stands at `{email}`.
///
/// # Errors
/// [`Error::Forbidden`] for the system and for keys; [`Error::NotFound`] when the link does not count any more;
/// [`Error::Conflict`] when another account has the address.
#[tracing::instrument(name = "members.confirm_address", level = "debug", parent = ctx.span(), skip_all)]
pub async fn confirm_address(ctx: &Ctx, token: &str, words: &Letter) -> Result<()> {
    check_in_person(ctx)?;
    let (link, hash) = find(ctx, Purpose::Address, token).await?.ok_or(GONE)?;
    let (id, now) = (link.user, ctx.backend().now());
    let mut tx = ctx.backend().catalogue_begin().await?;
    let before = store::accounts::lock_member(&mut tx, id).await?.ok_or(GONE)?;
    if !store::account_letters::delete_used_link(&mut tx, Purpose::Address, &hash, now).await? {
        return Err(GONE);
    }
    let of_another = || Error::Conflict("Another account has this address".to_owned());
    store::accounts::update_email(&mut tx, id, &link.email, now)
        .await
        .on_constraint("users_email_key", of_another)?;
    store::account_letters::delete_of(&mut tx, id).await?;
    let text = words.text.replace("{email}", &link.email);
    let told = Letter { subject: words.subject.clone(), text };
    letters::write_word(ctx, &mut tx, &before.email, &told).await?;
    let member = Actor::User { id, kind: UserKind::Member };
    audit::note_as(ctx, &mut tx, member, Log::Account(id), Deed::EmailChanged, None).await?;
    tx.commit().await?;
    tracing::info!(user.id = %id, "e-mail address changed");
    Ok(())
}

/// Refuses whoever is no person.
fn check_in_person(ctx: &Ctx) -> Result<()> {
    match ctx.actor() {
        Actor::System | Actor::Key { .. } => Err(Error::Forbidden),
        Actor::User { .. } | Actor::Anonymous => Ok(()),
    }
}

/// The link of a token that still counts, and the token's hash.
async fn find(ctx: &Ctx, purpose: Purpose, token: &str) -> Result<Option<(Link, TokenHash)>> {
    let Some(hash) = hash_token(token) else { return Ok(None) };
    let now = ctx.backend().now();
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let link = store::account_letters::find_link(&mut conn, purpose, &hash, now).await?;
    Ok(link.map(|link| (link, hash)))
}

#[cfg(test)]
mod tests;
