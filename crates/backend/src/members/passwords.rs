//! A member's password, and the browsers that are signed in by it.

use resonant_domain::audit::Deed;
use resonant_domain::member::{Email, check_password};
use resonant_runtime::models::Secret;

use super::admins::unguessable;
use super::{guesses, own_hash, stale};
use crate::audit::Log;
use crate::rate_limits::Sharer;
use crate::{Ctx, Error, Result, access, audit, store};

/// Gives the caller another password and ends their sign-ins in all other browsers, and the links that were mailed
/// to them; answers how many sign-ins those were.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Conflict`] for a guest; [`Error::Invalid`] on the fields
/// `current_password` and `password`; [`Error::TooMany`].
#[tracing::instrument(name = "members.change_password", level = "debug", parent = ctx.span(), skip_all)]
pub async fn change_password(ctx: &Ctx, current: String, new: String) -> Result<usize> {
    let id = access::member(ctx)?;
    let mut faults = Vec::new();
    check_password(&mut faults, &new);
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let before = check_current(ctx, current).await?;
    let after = ctx.backend().passwords().hash(new).await?;
    let own = own_hash(ctx);
    let mut tx = ctx.backend().catalogue_begin().await?;
    let now = ctx.backend().now();
    if !store::accounts::update_password(&mut tx, id, &before, &after, now).await? {
        return Err(wrong());
    }
    store::account_letters::delete_of(&mut tx, id).await?;
    let ended = store::members::delete_sign_ins_of(&mut tx, id, own.as_ref()).await?;
    audit::note(ctx, &mut tx, Log::Account(id), Deed::PasswordChanged, None).await?;
    ctx.backend().commit(tx, stale(&ended)).await?;
    tracing::info!(user.id = %id, "password changed");
    Ok(ended.len())
}

/// Gives the member with this address a password that cannot be guessed and ends all their sign-ins: for whoever
/// has forgotten theirs. Answers the password, of which only the hash is kept. Their keys stay.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Invalid`] on the field `email`;
/// [`Error::NotFound`] when no member has the address; [`Error::Conflict`] when they change it meanwhile.
#[tracing::instrument(name = "members.reset_password", level = "debug", parent = ctx.span(), skip_all)]
pub async fn reset_password(ctx: &Ctx, email: &str) -> Result<Secret> {
    access::system(ctx)?;
    let email = Email::parse(email)?;
    let backend = ctx.backend();
    let mut conn = backend.catalogue_read_latest().await?;
    let found = store::members::find_by_email(&mut conn, &email).await?;
    drop(conn);
    let member = found.ok_or(Error::NotFound("member"))?;
    let (id, before) = (member.viewer.id, member.password_hash);
    let password = unguessable()?;
    let after = backend.passwords().hash(password.expose().to_owned()).await?;
    let mut tx = backend.catalogue_begin().await?;
    if !store::accounts::update_password(&mut tx, id, &before, &after, backend.now()).await? {
        return Err(Error::Conflict("The password has just been changed. Try again".to_owned()));
    }
    store::account_letters::delete_of(&mut tx, id).await?;
    let ended = store::members::delete_sign_ins_of(&mut tx, id, None).await?;
    audit::note(ctx, &mut tx, Log::Account(id), Deed::PasswordChanged, None).await?;
    backend.commit(tx, stale(&ended)).await?;
    tracing::info!(user.id = %id, "password reset");
    Ok(password)
}

/// In how many browsers the caller is signed in.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "members.count_sign_ins", level = "debug", parent = ctx.span(), skip_all)]
pub async fn count_sign_ins(ctx: &Ctx) -> Result<u64> {
    let id = access::user(ctx)?;
    let mut conn = ctx.backend().catalogue_read().await?;
    Ok(store::accounts::count_sign_ins(&mut conn, id, ctx.backend().now()).await?)
}

/// Ends the caller's sign-ins in all other browsers; answers how many those were.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "members.end_other_sign_ins", level = "debug", parent = ctx.span(), skip_all)]
pub async fn end_other_sign_ins(ctx: &Ctx) -> Result<usize> {
    let id = access::user(ctx)?;
    let own = own_hash(ctx);
    let mut tx = ctx.backend().catalogue_begin().await?;
    let ended = store::members::delete_sign_ins_of(&mut tx, id, own.as_ref()).await?;
    if !ended.is_empty() {
        audit::note(ctx, &mut tx, Log::Account(id), Deed::SignInsEnded, None).await?;
    }
    ctx.backend().commit(tx, stale(&ended)).await?;
    tracing::info!(user.id = %id, sign_ins = ended.len(), "other sign-ins ended");
    Ok(ended.len())
}

/// Checks that the caller knows their password, and answers its hash. Whoever is at another's browser guesses no
/// faster than at the door; who guesses there keeps nobody from this.
pub(super) async fn check_current(ctx: &Ctx, password: String) -> Result<String> {
    let id = access::member(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let hash = store::accounts::find_password(&mut conn, id).await?;
    drop(conn);
    let is_right = guesses::is_right(ctx, Sharer::owner(id), None, password, hash.clone()).await?;
    hash.filter(|_| is_right).ok_or_else(wrong)
}

pub(super) fn wrong() -> Error {
    Error::field("current_password", "is not your password")
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;
    use crate::members::{Credentials, authenticate, close_account, sign_in};
    use crate::{Backend, SignInChange, sample};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_new_password_ends_the_other_sign_ins(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let here = sample::member(&backend, "ada").await.unwrap();
        let (email, old) = (sample::new_member("ada").email, sample::new_member("ada").password);
        let with =
            |password: &str| Credentials { email: email.clone(), password: password.to_owned() };
        let there = backend.anonymous();
        sign_in(&there, with(&old)).await.unwrap();
        let Some(SignInChange::Issued(token)) = there.sign_in_change() else { panic!("no token") };
        assert_eq!(count_sign_ins(&here).await.unwrap(), 2);

        for (current, new, field) in [
            ("not it", "a new pass phrase", "current_password"),
            ("", "a new pass phrase", "current_password"),
            (old.as_str(), "short", "password"),
        ] {
            let refused = change_password(&here, current.into(), new.into()).await.unwrap_err();
            assert_eq!(refused.fields()[0].field, field);
        }
        assert!(authenticate(&backend, token.as_str()).await.unwrap().is_some());

        let new = "a new pass phrase";
        let ended = change_password(&here, old.clone(), new.into()).await.unwrap();
        assert_eq!((ended, count_sign_ins(&here).await.unwrap()), (1, 1));
        assert!(authenticate(&backend, token.as_str()).await.unwrap().is_none());
        let again = backend.anonymous();
        assert!(sign_in(&again, with(&old)).await.is_err());
        sign_in(&again, with(new)).await.unwrap();
        assert_eq!(end_other_sign_ins(&again).await.unwrap(), 1);
        assert_eq!(count_sign_ins(&again).await.unwrap(), 1);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn the_present_password_is_not_guessed_fast(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::member(&backend, "ada").await.unwrap();
        let old = || sample::new_member("ada").password;
        let change = |current: String| change_password(&ada, current, "a new pass phrase".into());
        for _ in 0..10 {
            let wrong = change("not it".into()).await.unwrap_err();
            assert_eq!(wrong.fields()[0].field, "current_password");
        }
        let refused = change(old()).await;
        assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
        let refused = close_account(&ada, old()).await;
        assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
        let email = sample::new_member("ada").email;
        sign_in(&backend.anonymous(), Credentials { email, password: old() }).await.unwrap();
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn who_has_forgotten_the_password_is_given_another_by_the_operator(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::member(&backend, "ada").await.unwrap();
        let Some(SignInChange::Issued(token)) = ada.sign_in_change() else { panic!("no token") };
        let (email, old) = (sample::new_member("ada").email, sample::new_member("ada").password);
        assert!(matches!(reset_password(&ada, &email).await, Err(Error::Forbidden)));
        let system = backend.system();
        let nobody = reset_password(&system, "nobody@example.org").await;
        assert!(matches!(nobody, Err(Error::NotFound("member"))), "{nobody:?}");
        assert_eq!(reset_password(&system, "x").await.unwrap_err().fields()[0].field, "email");

        let new = reset_password(&system, "Ada@Example.org").await.unwrap();
        assert!(authenticate(&backend, token.as_str()).await.unwrap().is_none());
        let sign_in_with = async |password: &str| {
            let credentials = Credentials { email: email.clone(), password: password.to_owned() };
            sign_in(&backend.anonymous(), credentials).await
        };
        assert!(sign_in_with(&old).await.is_err());
        assert_eq!(sign_in_with(new.expose()).await.unwrap().email.as_ref(), Some(&email));
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_guest_has_no_password(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let guest = sample::guest(&backend).await.unwrap();
        let refused = change_password(&guest, String::new(), "a new pass phrase".into()).await;
        assert!(matches!(refused.unwrap_err(), Error::Conflict(_)));
    }
}
