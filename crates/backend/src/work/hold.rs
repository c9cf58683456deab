//! How a worker keeps its hold on a session, and lets go of it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use resonant_domain::{SessionId, UserId};
use resonant_runtime::log::LogError;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Claim, cancel_late};
use crate::store::queue::Attempt;
use crate::{Backend, Error, Result, store};

/// How long a session rests after its worker met a fault, and how long at most.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long a run may take to tell of the end that it has written.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Renews the lease until it is another's or ran out before it could be renewed: which of them the answer
/// tells. Passes on a cancellation that went unheard.
///
/// The fence protects the log whoever holds the lease; but what a run does elsewhere would be done beside
/// the next one.
pub(super) async fn keep_lease(
    backend: &Backend,
    claim: &Claim,
    cancel: &CancellationToken,
) -> LogError {
    let lease = backend.lease();
    let mut ends_at = claim.asked_at + lease;
    loop {
        sleep(lease / 3).await;
        let asked_at = Instant::now();
        let renewed = async {
            let mut conn = backend.write(claim.owner_id).await?;
            let (key, owners) = (claim.key(), backend.owners());
            let renewed = store::queue::update_lease(&mut conn, key, lease, owners).await?;
            conn.commit().await?;
            Ok::<_, Error>(renewed)
        };
        match timeout_at(ends_at, renewed).await {
            Ok(Ok(Some(is_cancel_asked))) => {
                ends_at = asked_at + lease;
                if is_cancel_asked {
                    cancel.cancel();
                }
            }
            Ok(Ok(None)) => {
                // It may be the end that the run has just written, and is still telling of.
                sleep(LAST_WORDS).await;
                claim.note_refused();
                return LogError::Fenced;
            }
            Ok(Err(error)) => tracing::warn!(
                session.id = %claim.session_id,
                error = &error as &dyn std::error::Error,
                "lease not renewed"
            ),
            Err(_) => {}
        }
        if Instant::now() >= ends_at {
            return LogError::Unavailable("the lease ran out before it could be renewed".into());
        }
    }
}

/// Gives a session back to the queue, due after `rest`. `false`: it is not held under this fence.
pub(super) async fn release(
    backend: &Backend,
    key: (UserId, SessionId, i64),
    attempt: Attempt<'_>,
    rest: Duration,
) -> Result<bool> {
    let mut conn = backend.write(key.0).await?;
    let is_held = store::queue::release(&mut conn, key, attempt, rest).await?;
    conn.commit().await?;
    Ok(is_held)
}

/// Gives a session back that could not go on. The lease would run out in any case; but what the
/// database could not take while it was away is no fault of the session: that its worker tells, as soon
/// as somebody listens, so that it does not count as a loss.
pub(super) async fn give_back(
    backend: &Backend,
    claim: &Claim,
    error: &Error,
    stopping: &CancellationToken,
) {
    let is_away = matches!(error, Error::Unavailable(_));
    let cause = cause_of(error);
    let attempt = if is_away { Attempt::Forgiven } else { Attempt::Counts(&cause) };
    let until = Instant::now() + backend.lease();
    loop {
        let given_back = release(backend, claim.key(), attempt, rest_after(claim.attempts));
        match timeout_at(until, given_back).await {
            Ok(Ok(true)) => return,
            Ok(Ok(false)) => return claim.note_refused(),
            Ok(Err(_)) if is_away && Instant::now() < until => tokio::select! {
                () = sleep(REST.0) => {}
                () = stopping.cancelled() => return,
            },
            Ok(Err(_)) | Err(_) => {
                tracing::debug!(session.id = %claim.session_id, %error, "session not given back");
                return;
            }
        }
    }
}

/// Why a run broke off, in words for its owner: what kind of fault it was, and nothing of what was read or
/// written, which may hold secrets. The log has the rest.
fn cause_of(error: &Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        match cause.downcast_ref() {
            Some(sqlx::Error::Database(fault)) => {
                let code = fault.code().unwrap_or_default();
                return format!("the database refused what it wrote ({code})");
            }
            Some(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                return "what is kept of it cannot be read".to_owned();
            }
            _ => source = cause.source(),
        }
    }
    error.message()
}

/// Gives a session back to the queue for a while, since others have set its budget aside.
pub(super) async fn give_way(backend: &Backend, claim: &Claim, rest: Duration) -> Result<()> {
    release(backend, claim.key(), Attempt::Crowded, rest).await?;
    tracing::info!(session.id = %claim.session_id, "session gives way to others of its budget");
    cancel_late(backend, claim.owner_id, claim.session_id).await
}

/// The rest doubles with every attempt; a part of it is left to chance, so that sessions which broke
/// together do not come back together.
pub(super) fn rest_after(attempts: i32) -> Duration {
    let doubled = REST.0 * (1 << attempts.clamp(1, 6).saturating_sub(1));
    let longest = doubled.min(REST.1);
    let chance = RandomState::new().build_hasher().finish() % 1_000;
    let chance = u32::try_from(chance).unwrap_or_default();
    longest / 2 + longest * chance / 2_000
}
