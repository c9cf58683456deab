//! Letters to people about their accounts: written where they are asked for, sent from here, and tried again
//! until the mail server takes them. The token of a link is made when its letter is sent, so that it stands in
//! the letter alone.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use jiff::SignedDuration;
use resonant_domain::UserId;
use resonant_domain::member::{Email, MAILED_LINK_MINUTES};
use sqlx::PgConnection;

use super::new_token;
use crate::mail::Letter;
use crate::rate_limits::{self, Sharer};
use crate::store::account_letters::{Due, Link, NewLetter, Purpose};
use crate::webhooks::{RETAKEN_AFTER, SIDE_BY_SIDE, post};
use crate::{Backend, Ctx, Error, RateLimit, Result, access, store};

/// For how long a link counts.
const LINK_LASTS: SignedDuration = SignedDuration::from_mins(MAILED_LINK_MINUTES);

/// Letters with links, to one address and in the name of one person: three at once, and then three an hour. Those for
/// another password are counted by themselves: who wants an address of others for their own uses none of them up.
const fn limit(purpose: Purpose) -> RateLimit {
    let name = match purpose {
        Purpose::Password => "mail-password",
        Purpose::Address => "mail-address",
    };
    RateLimit { name, requests: 3, window: Duration::from_hours(1) }
}

/// Where links lead, with the token behind it: the pages' routes.
const fn place_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Password => "/reset-password/",
        Purpose::Address => "/confirm-email/",
    }
}

/// Refuses where no letters are sent.
pub(super) fn check_are_sent(backend: &Backend) -> Result<()> {
    if backend.writes_to_people() {
        return Ok(());
    }
    let reason = "This installation sends no mail. Ask whoever operates it";
    Err(Error::Conflict(reason.to_owned()))
}

/// Counts a letter with a link, to or by somebody. It is refused alike whether anybody has such an account.
///
/// # Errors
/// [`Error::TooMany`].
pub(super) async fn count(ctx: &Ctx, purpose: Purpose, sharer: &Sharer) -> Result<()> {
    match rate_limits::count(ctx, &limit(purpose), sharer).await.retry_after {
        Some(retry_after) => Err(Error::TooMany { retry_after }),
        None => Ok(()),
    }
}

/// Writes a letter whose `{link}` becomes a link for this purpose: of whoever has the address when it is sent, or
/// of the person whose address it is to become.
pub(super) async fn write_link(
    ctx: &Ctx,
    tx: &mut PgConnection,
    (purpose, user): (Purpose, Option<UserId>),
    email: &Email,
    words: &Letter,
) -> Result<()> {
    write(ctx, tx, (Some(purpose), user), email.as_str(), words).await
}

/// Writes a letter as it is.
pub(super) async fn write_word(
    ctx: &Ctx,
    tx: &mut PgConnection,
    email: &str,
    words: &Letter,
) -> Result<()> {
    write(ctx, tx, (None, None), email, words).await
}

async fn write(
    ctx: &Ctx,
    tx: &mut PgConnection,
    (purpose, user): (Option<Purpose>, Option<UserId>),
    email: &str,
    words: &Letter,
) -> Result<()> {
    let (id, at) = (ctx.backend().new_id()?, ctx.backend().now());
    let new = NewLetter { id, purpose, user, email, words, at };
    Ok(store::account_letters::insert(tx, &new).await?)
}

/// Sends as many of the letters that are due as are sent side by side. Answers how many: 0 when none is due.
/// Whoever calls this again and again can stop in between, and has none in flight then.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "members.send_letters", level = "debug", parent = ctx.span(), skip_all)]
pub async fn send_letters(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let backend = ctx.backend();
    if !backend.writes_to_people() {
        return Ok(0);
    }
    let most = i64::try_from(SIDE_BY_SIDE).unwrap_or(1);
    let mut tx = backend.catalogue_begin().await?;
    let due = store::account_letters::claim_due(&mut tx, RETAKEN_AFTER, most).await?;
    tx.commit().await?;
    let count = due.len();
    let sent = stream::iter(due).map(|due| send(backend, due));
    let done: Vec<_> = sent.buffer_unordered(SIDE_BY_SIDE).collect().await;
    done.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(count)
}

/// Sends one letter, unless nobody is to have it any more.
async fn send(backend: &Backend, due: Due) -> Result<()> {
    let words = whole(backend, &due).await?;
    let (Some(words), Some(mailer)) = (words, backend.mailer()) else {
        return forget(backend, &due).await;
    };
    // Each attempt has a link of its own, and the one before counts no more: no mail box is to take the second
    // letter for the first.
    let id = format!("{}.{}", due.id, due.attempts);
    let answer = mailer.send(&id, &due.email, words, backend.now()).await;
    let done = post::attempted(answer, due.attempts, backend.now())?;
    tracing::info!(
        letter.id = %due.id,
        letter.state = done.state.as_str(),
        attempts = due.attempts,
        error = done.error.as_deref(),
        "letter sent"
    );
    let Some(wait) = done.wait else { return forget(backend, &due).await };
    let mut conn = backend.catalogue_write().await?;
    store::account_letters::update_put_off(&mut conn, due.id, due.attempts, wait).await?;
    conn.commit().await
}

async fn forget(backend: &Backend, due: &Due) -> Result<()> {
    let mut conn = backend.catalogue_write().await?;
    store::account_letters::delete(&mut conn, due.id).await?;
    conn.commit().await
}

/// The letter with its link. `None`: it concerns nobody, or not any more.
async fn whole(backend: &Backend, due: &Due) -> Result<Option<Letter>> {
    let Some(purpose) = due.purpose else { return Ok(Some(due.words.clone())) };
    let (token, hash) = new_token()?;
    let now = backend.now();
    let mut tx = backend.catalogue_begin().await?;
    let user = if let Some(user) = due.user {
        user
    } else {
        let email = Email::parse(&due.email)?;
        let found = store::members::find_by_email(&mut tx, &email).await?;
        let Some(found) = found else { return Ok(None) };
        found.viewer.id
    };
    // The account before its letters and links, as everywhere; what ends them waits for this one.
    if !store::members::lock_is_member(&mut tx, user).await?
        || !store::account_letters::lock(&mut tx, due.id).await?
    {
        return Ok(None);
    }
    store::account_letters::delete_expired_links(&mut tx, now).await?;
    let link = Link { user, email: due.email.clone() };
    store::account_letters::insert_link(&mut tx, &link, purpose, &hash, now + LINK_LASTS).await?;
    tx.commit().await?;
    let origin = backend.public_origin().unwrap_or_default();
    let link = format!("{origin}{}{token}", place_of(purpose));
    let Letter { subject, text } = &due.words;
    Ok(Some(Letter { subject: subject.clone(), text: text.replace("{link}", &link) }))
}
