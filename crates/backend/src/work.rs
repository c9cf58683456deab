//! The workers' side: take a session from the queue, run it, give it back.

use std::time::Duration;

use futures::future::BoxFuture;
use resonant_domain::session::{SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{SessionId, UserId};
use resonant_runtime::log::{LogError, SessionLog};
use resonant_runtime::{Outcome, Run, Signals};
use tokio_util::sync::CancellationToken;

use crate::database::Shard;
use crate::store::queue::{Attempt, Claimed};
use crate::{Backend, Ctx, Error, Result, access, sessions, store};

/// How many workers a session may lose before it is set aside.
const MAX_ATTEMPTS: i32 = 3;
/// How long a session rests after its worker met a fault.
const REST: Duration = Duration::from_secs(1);
/// How long a worker waits at most when no database can call out to it.
const DEAF_WAIT: Duration = Duration::from_secs(1);

/// A worker's hold on a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    session_id: SessionId,
    owner_id: UserId,
    fence: i64,
}

impl Claim {
    /// The session.
    #[must_use]
    pub const fn session_id(&self) -> SessionId {
        self.session_id
    }

    const fn key(&self) -> (UserId, SessionId, i64) {
        (self.owner_id, self.session_id, self.fence)
    }
}

/// Takes the session that has waited longest; `None` when none waits. A session that has lost its
/// worker [`MAX_ATTEMPTS`] times is ended as failed on the way.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
pub async fn claim(ctx: &Ctx, worker: &str) -> Result<Option<Claim>> {
    access::system(ctx)?;
    let backend = ctx.backend();
    for shard in backend.shards() {
        let claim = claim_on(backend, shard, worker).await?;
        if claim.is_some() {
            return Ok(claim);
        }
    }
    Ok(None)
}

/// Takes the session that has waited longest in one of the databases.
async fn claim_on(backend: &Backend, shard: Shard, worker: &str) -> Result<Option<Claim>> {
    loop {
        let mut tx = backend.begin_on(shard).await?;
        let is_sharded = backend.is_sharded();
        let claimed = store::queue::claim(&mut tx, worker, backend.lease(), is_sharded).await?;
        let Some(Claimed { owner_id, session_id, fence, attempts }) = claimed else {
            return Ok(None);
        };
        if !backend.enter(&mut tx, owner_id).await? {
            return Ok(None);
        }
        let claim = Claim { session_id, owner_id, fence };
        if attempts <= MAX_ATTEMPTS {
            tx.commit().await?;
            return Ok(Some(claim));
        }
        let reason = format!("Its worker was lost {MAX_ATTEMPTS} times");
        let state = SessionState::Failed;
        let events =
            sessions::end_locked(backend, &mut tx, claim.key(), state, Some(reason)).await?;
        tx.commit().await?;
        backend.events().publish(session_id, &events);
        tracing::warn!(session.id = %session_id, attempts, "session set aside");
    }
}

/// Runs a session to its end, or hands it over when `shutdown` fires. Renews the lease meanwhile.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`] when the log could not be
/// written: the session then waits for another attempt.
pub async fn run(ctx: &Ctx, claim: Claim, shutdown: CancellationToken) -> Result<()> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let done = run_claimed(backend, &claim, shutdown).await;
    if let Err(error) = &done {
        // The lease would run out in any case; giving the session back only saves the wait.
        let given_back = async {
            let mut conn = backend.write(claim.owner_id).await?;
            store::queue::release(&mut conn, claim.key(), Attempt::Counts, REST).await?;
            conn.commit().await?;
            Ok::<_, Error>(())
        };
        if given_back.await.is_err() {
            tracing::debug!(session.id = %claim.session_id, %error, "session not given back");
        }
    }
    done
}

async fn run_claimed(backend: &Backend, claim: &Claim, shutdown: CancellationToken) -> Result<()> {
    let (owner, id) = (claim.owner_id, claim.session_id);
    let signals = Signals { cancel: CancellationToken::new(), hand_over: shutdown.child_token() };
    // The ear is open before the session is read, so that no cancellation falls in between.
    let watch = backend.notices().watch_cancel(id, signals.cancel.clone());
    let mut conn = backend.read_latest(owner).await?;
    let runnable = store::sessions::find_runnable(&mut conn, owner, id)
        .await?
        .ok_or(Error::NotFound("session"))?;
    let history = store::session_events::list(&mut conn, owner, id, 0, i64::MAX).await?;
    drop(conn);
    if runnable.is_cancel_asked {
        signals.cancel.cancel();
    }
    let run = Run { session: runnable.session, agent: runnable.spec, history };
    let log = QueueLog { backend, claim };
    let outcome = tokio::select! {
        outcome = backend.engine().run(run, &log, signals.clone()) => outcome,
        () = keep_lease(backend, claim, &signals.cancel) => Err(LogError::Fenced),
    };
    drop(watch);
    match outcome {
        Ok(Outcome::Ended(state)) => {
            tracing::info!(session.id = %id, session.state = state.as_str(), "session over");
            Ok(())
        }
        Ok(Outcome::HandedOver) => {
            let mut conn = backend.write(owner).await?;
            let (attempt, delay) = (Attempt::Forgiven, Duration::ZERO);
            store::queue::release(&mut conn, claim.key(), attempt, delay).await?;
            conn.commit().await?;
            tracing::info!(session.id = %id, "session handed over");
            Ok(())
        }
        Err(LogError::Fenced) => {
            tracing::info!(session.id = %id, "session belongs to another worker or is over");
            Ok(())
        }
        Err(LogError::Unavailable(source)) => Err(Error::Unavailable(source)),
    }
}

/// Renews the lease until it is another's, and passes on a cancellation that went unheard.
async fn keep_lease(backend: &Backend, claim: &Claim, cancel: &CancellationToken) {
    let lease = backend.lease();
    loop {
        tokio::time::sleep(lease / 3).await;
        let renewed = async {
            let mut conn = backend.write(claim.owner_id).await?;
            let renewed = store::queue::update_lease(&mut conn, claim.key(), lease).await?;
            conn.commit().await?;
            Ok::<_, Error>(renewed)
        };
        match renewed.await {
            Ok(Some(true)) => cancel.cancel(),
            Ok(Some(false)) => {}
            Ok(None) => return,
            // Nothing is lost yet: the fence protects the log whoever holds the lease.
            Err(error) => tracing::warn!(
                session.id = %claim.session_id,
                error = &error as &dyn std::error::Error,
                "lease not renewed"
            ),
        }
    }
}

/// Waits until something may be queued, at most for `timeout`.
pub async fn wait(backend: &Backend, timeout: Duration) {
    let timeout = if backend.notices().is_deaf() { timeout.min(DEAF_WAIT) } else { timeout };
    let _ = tokio::time::timeout(timeout, backend.notices().queued()).await;
}

/// The log of a session that a worker holds.
struct QueueLog<'a> {
    backend: &'a Backend,
    claim: &'a Claim,
}

impl SessionLog for QueueLog<'_> {
    fn append(
        &self,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        Box::pin(async move {
            let mut conn = self.backend.write(self.claim.owner_id).await.map_err(unavailable)?;
            let now = self.backend.now();
            let key = self.claim.key();
            let events = store::session_events::append(&mut conn, key, entries, usage, now)
                .await
                .map_err(unavailable)?
                .ok_or(LogError::Fenced)?;
            conn.commit().await.map_err(unavailable)?;
            self.backend.events().publish(self.claim.session_id, &events);
            Ok(events)
        })
    }
}

fn unavailable(error: impl Into<crate::Source>) -> LogError {
    LogError::Unavailable(error.into())
}

#[cfg(test)]
mod tests;
