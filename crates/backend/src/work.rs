//! The workers' side: take a session from the queue, run it, give it back.

mod hold;
mod log;
mod turns;
mod workers;

use std::time::Duration;

use resonant_domain::session::{SessionState, Usage};
use resonant_domain::{SessionId, UserId};
use resonant_runtime::log::LogError;
use resonant_runtime::trace::TraceParent;
use resonant_runtime::{Outcome, Run, Signals};
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

use self::hold::{give_back, give_way, keep_lease};
use self::log::QueueLog;
use self::turns::Suspicion;
use crate::cache::Stale;
use crate::database::Shard;
use crate::store::partitions::first_id_at;
use crate::store::queue::{Attempt, Claimed, Terms};
use crate::{Backend, Ctx, Error, Result, access, budgets, sessions, store, test_sets};

pub(crate) use self::turns::Turns;
pub use self::workers::work_until;

/// How many workers a session may lose before it is set aside.
const MAX_ATTEMPTS: i32 = 3;
/// How often a claim is tried again when another worker took the same slot at the same moment.
const CLAIM_TRIES: usize = 20;
/// How soon a worker looks again for a session that could be had and that someone held for a moment, and for
/// one that has to wait for others: whoever frees their place takes the next one, which may be another.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const LOOK_AT_BLOCKED: Duration = Duration::from_secs(2);
/// How long a worker waits at most when no database can call out to it.
const DEAF_WAIT: Duration = Duration::from_secs(1);
/// What is logged of a write under a fence that holds no more.
const REFUSED: &str = "a late write was refused: the session is another worker's, or over";

/// A worker's hold on a session.
#[derive(Clone, Debug)]
pub struct Claim {
    session_id: SessionId,
    owner_id: UserId,
    fence: i64,
    attempts: i32,
    traceparent: Option<String>,
    /// The request that queued it, or let it go on.
    request_id: Option<String>,
    /// How often it gave way to others of its budget.
    budget_waits: i32,
    /// When it was asked for: the lease ends no sooner than that long after this.
    asked_at: Instant,
    /// Its worker was lost before.
    suspicion: Option<Suspicion>,
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

    /// The session is well, or over: another whose worker was lost may be taken.
    fn clear(&self, backend: &Backend) {
        if self.suspicion.as_ref().is_some_and(Suspicion::clear) {
            backend.notices().pass_on();
        }
    }

    /// Says that something came too late.
    fn note_refused(&self) {
        tracing::info!(session.id = %self.session_id, fence = self.fence, "{REFUSED}");
    }
}

/// Takes the session whose turn it is; `None` when none may run. A session that has lost its worker
/// [`MAX_ATTEMPTS`] times is ended as failed on the way.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
pub async fn claim(ctx: &Ctx, worker: &str) -> Result<Option<Claim>> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let claim = backend.first_of(|shard| claim_on(backend, shard, worker)).await?;
    if claim.is_some() {
        // Others may have been queued with it, and the database has called out once.
        backend.notices().pass_on();
    }
    Ok(claim)
}

/// Takes the session whose turn it is in one of the databases.
async fn claim_on(backend: &Backend, shard: Shard, worker: &str) -> Result<Option<Claim>> {
    let mut tries = CLAIM_TRIES;
    loop {
        let suspicion = backend.turns().suspect();
        let terms = terms(backend, suspicion.is_some());
        let asked_at = Instant::now();
        let mut tx = backend.begin_on(shard).await?;
        let claimed = match store::queue::claim(&mut tx, worker, backend.lease(), &terms).await {
            // Another worker took the same slot at the same moment.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() && tries > 0 => {
                tries -= 1;
                continue;
            }
            claimed => claimed?,
        };
        let Some(claimed) = claimed else {
            // Entries that no session belongs to may have been dropped.
            tx.commit().await?;
            return Ok(None);
        };
        let Claimed { owner_id, session_id, fence, attempts, .. } = claimed;
        let claim = Claim {
            session_id,
            owner_id,
            fence,
            attempts,
            traceparent: claimed.traceparent,
            request_id: claimed.request_id,
            budget_waits: claimed.budget_waits,
            asked_at,
            suspicion: suspicion.filter(|_| attempts > 1),
        };
        if attempts <= MAX_ATTEMPTS {
            tx.commit().await?;
            backend.turns().note_served(owner_id);
            return Ok(Some(claim));
        }
        let reason = match claimed.last_error {
            Some(cause) => format!("It broke off {MAX_ATTEMPTS} times: {cause}"),
            None => format!("Its worker was lost {MAX_ATTEMPTS} times"),
        };
        let state = SessionState::Failed;
        // What the database refuses breaks a transaction: the claim outlives that.
        let mut end = PgConnection::begin(&mut tx).await?;
        match sessions::end_locked(backend, &mut end, claim.key(), state, Some(reason)).await {
            Ok(ended) => {
                end.commit().await?;
                tx.commit().await?;
                sessions::tell_ended(backend, vec![ended]).await;
                let request_id = claim.request_id.as_deref();
                tracing::warn!(
                    session.id = %session_id,
                    request.id = request_id,
                    attempts,
                    "session set aside"
                );
            }
            Err(error @ Error::Unavailable(_)) => return Err(error),
            // It is tried again when the lease of this claim is over; the others need not wait for that.
            Err(error) => {
                end.rollback().await?;
                tx.commit().await?;
                let error = &error as &dyn std::error::Error;
                tracing::error!(session.id = %session_id, error, "session not set aside");
            }
        }
    }
}

/// What a worker of this process may take.
fn terms(backend: &Backend, takes_suspects: bool) -> Terms {
    let served = backend.turns().served();
    Terms { takes_suspects, served, ..Terms::new(backend.slots(), backend.owners()) }
}

/// Looks after what no worker would find: sessions that are not over and not in the queue, entries of the
/// queue and reservations without a session, and answers that a caller was not told of. Answers how many
/// sessions it queued again.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
pub async fn reap(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let (found, done) = backend.on_each(|shard| reap_on(backend, shard)).await;
    let orphans: u64 = found.into_iter().sum();
    if orphans > 0 {
        tracing::warn!(orphans, "sessions were found outside of the queue");
    }
    done.map(|()| orphans)
}

async fn reap_on(backend: &Backend, shard: Shard) -> Result<u64> {
    let owners = backend.owners();
    let mut tx = backend.begin_on(shard).await?;
    let orphans = store::queue::insert_orphans(&mut tx, owners).await?;
    let left = store::queue::delete_left(&mut tx, owners).await?;
    let lapsed = first_id_at(backend.now() - budgets::LAPSE);
    let aside = store::budgets::delete_left(&mut tx, owners, lapsed).await?;
    let unheard = store::session_calls::list_unheard(&mut tx, owners).await?;
    tx.commit().await?;
    if left > 0 || aside > 0 {
        tracing::warn!(left, aside, "entries and reservations without a session were dropped");
    }
    sessions::deliver_unheard(backend, unheard).await;
    Ok(orphans)
}

/// Runs a session to its end, or hands it over when `shutdown` fires. Renews the lease meanwhile.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`] when the log could not be
/// written: the session then waits for another attempt.
pub async fn run(ctx: &Ctx, claim: Claim, shutdown: CancellationToken) -> Result<()> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let _at_work = backend.work_begins();
    let span = tracing::info_span!(
        "work",
        otel.kind = "consumer",
        trace.id = Empty,
        request.id = claim.request_id.as_deref(),
    );
    let given = claim.traceparent.as_deref().and_then(TraceParent::parse);
    let place = TraceParent::begin(&span, given);
    let stopping = shutdown.clone();
    // A run holds all of a turn: too much to stand in the futures of its callers.
    let run = Box::pin(run_claimed(backend, &claim, shutdown));
    let done = place.around(claim.request_id.clone(), run).instrument(span.clone()).await;
    if let Err(error) = &done {
        give_back(backend, &claim, error, &stopping).instrument(span).await;
    }
    claim.clear(backend);
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
    let (agent_id, is_test) = (runnable.session.agent_id, runnable.session.is_test);
    let log = QueueLog::new(backend, claim, &runnable.session, signals.clone());
    let run = Run { session: runnable.session, agent: runnable.spec, history };
    let outcome = tokio::select! {
        outcome = backend.engine().run(run, &log, signals.clone()) => outcome,
        lost = keep_lease(backend, claim, &signals.cancel) => Err(lost),
    };
    drop(watch);
    if outcome.is_ok() || log.gives_way().is_some() {
        // What was used is settled where it is written: a call that was refused used nothing.
        log.settle(Usage::default()).await;
    }
    if let (Err(LogError::Fenced), Some(rest)) = (&outcome, log.gives_way()) {
        return give_way(backend, claim, rest).await;
    }
    match outcome {
        Ok(Outcome::Ended(state)) => {
            tracing::info!(session.id = %id, session.state = state.as_str(), "session over");
            Ok(())
        }
        Ok(Outcome::Waiting) => {
            tracing::info!(session.id = %id, "session waits");
            cancel_late(backend, owner, id).await?;
            if is_test {
                test_sets::settle_ended(backend, owner, agent_id).await;
            }
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
        Err(LogError::Unavailable(source)) => match source.downcast::<Error>() {
            Ok(error) => Err(*error),
            Err(source) => Err(Error::Unavailable(source)),
        },
        Err(error @ LogError::Moved { .. }) => Err(Error::internal(error)),
    }
}

/// Cancels a session that began to wait in the moment in which someone asked for its end: its worker,
/// which was asked, has it no more.
async fn cancel_late(backend: &Backend, owner: UserId, id: SessionId) -> Result<()> {
    let mut tx = backend.begin(owner).await?;
    if !store::sessions::is_cancel_asked(&mut tx, owner, id).await? {
        return Ok(());
    }
    let ended = sessions::cancel_locked(backend, &mut tx, owner, &[id]).await?;
    let stale = ended.iter().fold(Stale::nothing(), sessions::Ended::stale);
    backend.commit(tx, stale).await?;
    sessions::tell_ended(backend, ended).await;
    Ok(())
}

/// Waits until something may be queued or due, at most for `timeout`.
pub async fn wait(backend: &Backend, timeout: Duration) {
    let timeout = if backend.notices().is_deaf() { timeout.min(DEAF_WAIT) } else { timeout };
    let timeout = next_due(backend).await.map_or(timeout, |due| due.min(timeout));
    let _ = tokio::time::timeout(timeout, backend.notices().queued()).await;
}

/// For how long there will be nothing to take.
async fn next_due(backend: &Backend) -> Option<Duration> {
    let terms = terms(backend, backend.turns().is_unsuspecting());
    // A database that is away has nothing to take.
    let (next, _) = backend.on_each(|shard| next_due_on(backend, shard, &terms)).await;
    next.into_iter().flatten().min()
}

async fn next_due_on(backend: &Backend, shard: Shard, terms: &Terms) -> Result<Option<Duration>> {
    let mut tx = backend.begin_on(shard).await?;
    let due = store::queue::find_next_due(&mut tx, terms).await?;
    let now = due.is_free.then_some(LOOK_AGAIN);
    let blocked = due.is_blocked.then_some(LOOK_AT_BLOCKED);
    let later = due.after.map(|after| after.max(LOOK_AGAIN));
    Ok([now, blocked, later].into_iter().flatten().min())
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
