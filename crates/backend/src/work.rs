//! The workers' side: take a session from the queue, run it, give it back.

mod hold;
mod log;
mod sleepers;
mod turns;
mod workers;

use std::collections::VecDeque;
use std::time::Duration;

use resonant_domain::session::{SessionState, Usage};
use resonant_domain::{SessionId, UserId};
use resonant_runtime::log::LogError;
use resonant_runtime::trace::TraceParent;
use resonant_runtime::{Outcome, Run, Signals};
use sqlx::error::DatabaseError;
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

use self::hold::{give_back, give_way, keep_lease, release};
use self::log::QueueLog;
use self::sleepers::Sleeper;
use self::turns::Suspicion;
use crate::cache::Stale;
use crate::database::Shard;
use crate::store::partitions::first_id_at;
use crate::store::queue::{Attempt, Claimed, Taken, Terms};
use crate::store::sessions::Runnable;
use crate::store::shards::Owners;
use crate::{Backend, Ctx, Error, Result, access, budgets, sessions, store, test_sets};

pub(crate) use self::sleepers::{Handed, Offer};
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
    /// What there is to run, as it was when it was claimed.
    runnable: Option<Box<Runnable>>,
}

impl Claim {
    fn new(
        claimed: Claimed,
        runnable: Option<Runnable>,
        asked_at: Instant,
        suspicion: Option<Suspicion>,
    ) -> Self {
        Self {
            session_id: claimed.session_id,
            owner_id: claimed.owner_id,
            fence: claimed.fence,
            attempts: claimed.attempts,
            traceparent: claimed.traceparent,
            request_id: claimed.request_id,
            budget_waits: claimed.budget_waits,
            asked_at,
            suspicion,
            runnable: runnable.map(Box::new),
        }
    }

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
    Ok(claim_some(ctx, worker, 1).await?.pop_front())
}

/// The same for a worker of a process that has others, which are served along with it.
async fn take(ctx: &Ctx, worker: &str) -> Result<Option<Claim>> {
    let turns = ctx.backend().turns();
    turns.take(async |wanted| claim_some(ctx, worker, wanted).await).await
}

/// Takes the sessions whose turn it is, so many at most.
async fn claim_some(ctx: &Ctx, worker: &str, most: usize) -> Result<VecDeque<Claim>> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let claims = backend.first_of(|shard| claim_on(backend, shard, worker, most)).await?;
    let Some((claims, is_more)) = claims else { return Ok(VecDeque::new()) };
    // A database has called out once for all that a transaction has queued, and another one may have, too.
    if is_more || backend.owners() == Owners::Held {
        backend.notices().pass_on();
    }
    Ok(claims)
}

/// Takes the sessions whose turn it is in one of the databases. Answers whether there may be more.
async fn claim_on(
    backend: &Backend,
    shard: Shard,
    worker: &str,
    mut most: usize,
) -> Result<Option<(VecDeque<Claim>, bool)>> {
    let mut tries = CLAIM_TRIES;
    loop {
        let mut suspicion = backend.turns().suspect();
        let terms = terms(backend, suspicion.is_some());
        let asked_at = Instant::now();
        let mut tx = backend.begin_on(shard).await?;
        let lease = backend.lease();
        let Taken { sessions, is_more } =
            match store::queue::claim(&mut tx, worker, lease, &terms, most).await {
                // Another worker took the same slot at the same moment, or two wait for each other's. The fewer
                // are taken, the fewer collide.
                Err(sqlx::Error::Database(error)) if is_collision(&*error) && tries > 0 => {
                    tries -= 1;
                    most = 1;
                    continue;
                }
                taken => taken?,
            };
        if sessions.is_empty() {
            // Entries that no session belongs to may have been dropped.
            tx.commit().await?;
            if most > 1 {
                // Of those that lost their worker several take but the first, which somebody else may hold.
                most = 1;
                continue;
            }
            return Ok(None);
        }
        let (mut claims, mut told) = (VecDeque::new(), Vec::new());
        for (mut claimed, runnable) in sessions {
            let last_error = claimed.last_error.take();
            let suspicion = if claimed.attempts > 1 { suspicion.take() } else { None };
            let claim = Claim::new(claimed, runnable, asked_at, suspicion);
            if claim.attempts > MAX_ATTEMPTS {
                told.extend(set_aside(backend, &mut tx, claim, last_error).await?);
            } else {
                claims.push_back(claim);
            }
        }
        tx.commit().await?;
        let telling = tell_set_aside(backend.clone(), told);
        if claims.is_empty() {
            telling.await;
            continue;
        }
        // Their leases run.
        tokio::spawn(telling);
        for claim in &claims {
            backend.turns().note_served(claim.owner_id);
        }
        return Ok(Some((claims, is_more)));
    }
}

fn is_collision(error: &dyn DatabaseError) -> bool {
    const DEADLOCK: &str = "40P01";
    error.is_unique_violation() || error.code().as_deref() == Some(DEADLOCK)
}

async fn tell_set_aside(backend: Backend, told: Vec<(sessions::Ended, Claim)>) {
    for (ended, claim) in told {
        sessions::tell_ended(&backend, vec![ended]).await;
        let (request_id, attempts) = (claim.request_id.as_deref(), claim.attempts);
        tracing::warn!(
            session.id = %claim.session_id,
            request.id = request_id,
            attempts,
            "session set aside"
        );
    }
}

/// Ends a session that has lost its workers, as failed. Where the database refuses that, it is tried again when
/// the lease of this claim is over: the others need not wait for that.
async fn set_aside(
    backend: &Backend,
    tx: &mut PgConnection,
    claim: Claim,
    last_error: Option<String>,
) -> Result<Option<(sessions::Ended, Claim)>> {
    let reason = match last_error {
        Some(cause) => format!("It broke off {MAX_ATTEMPTS} times: {cause}"),
        None => format!("Its worker was lost {MAX_ATTEMPTS} times"),
    };
    let state = SessionState::Failed;
    // What the database refuses breaks a transaction: the claim outlives that.
    let mut end = PgConnection::begin(tx).await?;
    match sessions::end_locked(backend, &mut end, claim.key(), state, Some(reason)).await {
        Ok(ended) => {
            end.commit().await?;
            Ok(Some((ended, claim)))
        }
        Err(error @ Error::Unavailable(_)) => Err(error),
        Err(error) => {
            end.rollback().await?;
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %claim.session_id, error, "session not set aside");
            Ok(None)
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
pub async fn run(ctx: &Ctx, mut claim: Claim, shutdown: CancellationToken) -> Result<()> {
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
    let runnable = claim.runnable.take();
    let run = Box::pin(run_claimed(backend, &claim, runnable, shutdown));
    let done = place.around(claim.request_id.clone(), run).instrument(span.clone()).await;
    if let Err(error) = &done {
        give_back(backend, &claim, error, &stopping).instrument(span).await;
    }
    claim.clear(backend);
    done
}

/// A session as it was when it was claimed, unless somebody may have asked for its end since then.
async fn still_runnable(
    backend: &Backend,
    claim: &Claim,
    runnable: Option<Box<Runnable>>,
) -> Result<Runnable> {
    let id = claim.session_id;
    if let Some(runnable) = runnable
        && backend.notices().heard_no_cancel(id, claim.asked_at)
    {
        return Ok(*runnable);
    }
    let mut conn = backend.read_latest(claim.owner_id).await?;
    let found = store::sessions::find_runnable(&mut conn, claim.owner_id, id).await?;
    found.ok_or(Error::NotFound("session"))
}

async fn run_claimed(
    backend: &Backend,
    claim: &Claim,
    runnable: Option<Box<Runnable>>,
    shutdown: CancellationToken,
) -> Result<()> {
    let (owner, id) = (claim.owner_id, claim.session_id);
    let signals = Signals { cancel: CancellationToken::new(), hand_over: shutdown.child_token() };
    // The ear is open before the session is looked at, so that no cancellation falls in between.
    let watch = backend.notices().watch_cancel(id, signals.cancel.clone());
    let runnable = still_runnable(backend, claim, runnable).await?;
    let history = if runnable.session.last_sequence == 0 {
        Vec::new()
    } else {
        let mut conn = backend.read_latest(owner).await?;
        store::session_events::list(&mut conn, owner, id, 0, i64::MAX).await?
    };
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
            release(backend, claim.key(), Attempt::Forgiven, Duration::ZERO).await?;
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
    let timeout = longest_wait(backend, timeout).await;
    let _ = tokio::time::timeout(timeout, backend.notices().queued()).await;
}

/// The same for a worker that may be handed a session meanwhile, which a use case of this process writes down.
/// It also ends when `stopping` fires.
pub async fn sleep(
    backend: &Backend,
    worker: &str,
    timeout: Duration,
    stopping: &CancellationToken,
) -> Option<Claim> {
    let timeout = longest_wait(backend, timeout).await;
    let mut sleeper = Sleeper::among(backend.turns().sleepers(), worker);
    let is_called = tokio::select! {
        handed = sleeper.handed() => return handed,
        called = tokio::time::timeout(timeout, backend.notices().queued()) => called.is_ok(),
        () = stopping.cancelled() => false,
    };
    if sleeper.leave() {
        return None;
    }
    if is_called {
        // What was called out is for another worker.
        backend.notices().pass_on();
    }
    sleeper.handed().await
}

async fn longest_wait(backend: &Backend, timeout: Duration) -> Duration {
    let timeout = if backend.notices().is_deaf() { timeout.min(DEAF_WAIT) } else { timeout };
    next_due(backend).await.map_or(timeout, |due| due.min(timeout))
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
