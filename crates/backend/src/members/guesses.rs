//! Guesses of passwords: of an account a few may be wrong at once, and then one now and then, wherever they come
//! from. Those that are right do not count.

use std::time::Duration;

use crate::rate_limits::{self, Sharer};
use crate::{Ctx, Error, RateLimit, Result};

/// Ten at once, then one a minute: whoever the account is does not wait for longer because somebody guesses.
const LIMIT: RateLimit =
    RateLimit { name: "password", requests: 10, window: Duration::from_mins(10) };

/// Whether a password is the one of the hash; `of` are those whose guesses are counted together. It is counted
/// before it is looked at, since many may be looked at side by side.
///
/// # Errors
/// [`Error::TooMany`], whether anybody has such an account or not.
pub(super) async fn is_right(
    ctx: &Ctx,
    of: &Sharer,
    password: String,
    hash: Option<String>,
) -> Result<bool> {
    let standing = rate_limits::count(ctx, &LIMIT, of).await;
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
