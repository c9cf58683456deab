//! Guesses of passwords: of an account a few may be wrong at once, and then one now and then, wherever they come
//! from. Those that are right do not count.
//!
//! Where strangers use that up, whoever signed in of late, or set a forgotten password, may still guess from where they
//! did: nobody keeps a person out of their account by guessing at it.

use std::net::IpAddr;
use std::time::Duration;

use jiff::SignedDuration;
use resonant_domain::UserId;

use crate::rate_limits::{self, Sharer};
use crate::{Ctx, Error, RateLimit, Result, audit};

/// Ten at once, then one a minute.
const LIMIT: RateLimit =
    RateLimit { name: "password", requests: 10, window: Duration::from_mins(10) };
/// For how long it is remembered from where somebody signed in.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Whether a password is the one of the hash; `of` are those whose guesses are counted together, and `whose` is
/// the account, where there is one and its owner is not known yet. It is counted before it is looked at, since
/// many may be looked at side by side.
///
/// # Errors
/// [`Error::TooMany`], whether anybody has such an account or not.
pub(super) async fn is_right(
    ctx: &Ctx,
    mut of: Sharer,
    whose: Option<UserId>,
    password: String,
    hash: Option<String>,
) -> Result<bool> {
    let mut standing = rate_limits::count(ctx, &LIMIT, &of).await;
    if standing.retry_after.is_some()
        && let Some(at_home) = at_home(ctx, whose).await?
    {
        of = at_home;
        standing = rate_limits::count(ctx, &LIMIT, &of).await;
    }
    if let Some(retry_after) = standing.retry_after {
        return Err(Error::TooMany { retry_after });
    }
    let is_right = ctx.backend().passwords().verify(password, hash).await;
    // Nor does one count that nobody had the time to look at.
    if !matches!(is_right, Ok(false)) {
        ctx.backend().rate_limits().take_back(&LIMIT, of.as_str()).await;
    }
    is_right
}

/// Whoever guesses from where the account's owner signed in, or set a forgotten password, of late; `None` from
/// elsewhere.
async fn at_home(ctx: &Ctx, whose: Option<UserId>) -> Result<Option<Sharer>> {
    let (Some(whose), Some(address)) = (whose, ctx.address()) else { return Ok(None) };
    let place = Sharer::address(Some(address));
    let since = ctx.backend().now() - REMEMBERED;
    let known = audit::signed_in_from(ctx, whose, since).await?;
    let is_it = |known: &IpAddr| Sharer::address(Some(*known)) == place;
    Ok(known.iter().any(is_it).then(|| Sharer::owner_at(whose, &place)))
}
