//! The workers' side: take a session from the queue, run it, give it back.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use futures::future::BoxFuture;
use resonant_domain::session::{CalledBy, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::waiting::Shortfall;
use resonant_domain::{AgentId, SessionId, UserId};
use resonant_runtime::log::{AgentsAsked, LogError, SessionLog};
use resonant_runtime::trace::TraceParent;
use resonant_runtime::{Outcome, Run, Signals};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::cache::Stale;
use crate::database::Shard;
use crate::store::queue::{Attempt, Claimed};
use crate::{Backend, Ctx, Error, Result, access, budgets, sessions, store, test_sets};

/// How many workers a session may lose before it is set aside.
const MAX_ATTEMPTS: i32 = 3;
/// How long a session rests after its worker met a fault, and how long at most.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often a claim is tried again when another worker took the same slot at the same moment.
const CLAIM_TRIES: usize = 20;
/// How soon a worker looks again for a session that is due and could not be had.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a worker waits at most when no database can call out to it.
const DEAF_WAIT: Duration = Duration::from_secs(1);

/// A worker's hold on a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    session_id: SessionId,
    owner_id: UserId,
    fence: i64,
    attempts: i32,
    traceparent: Option<String>,
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
    let mut tries = CLAIM_TRIES;
    let (slots, owners) = (backend.slots(), backend.owners());
    loop {
        let mut tx = backend.begin_on(shard).await?;
        let claimed =
            match store::queue::claim(&mut tx, worker, backend.lease(), slots, owners).await {
                // Another worker took the same slot at the same moment.
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() && tries > 0 => {
                    tries -= 1;
                    continue;
                }
                claimed => claimed?,
            };
        let Some(claimed) = claimed else {
            return Ok(None);
        };
        let Claimed { owner_id, session_id, fence, attempts, traceparent } = claimed;
        let claim = Claim { session_id, owner_id, fence, attempts, traceparent };
        if attempts <= MAX_ATTEMPTS {
            tx.commit().await?;
            return Ok(Some(claim));
        }
        let reason = format!("Its worker was lost {MAX_ATTEMPTS} times");
        let state = SessionState::Failed;
        let ended =
            sessions::end_locked(backend, &mut tx, claim.key(), state, Some(reason)).await?;
        tx.commit().await?;
        sessions::tell_ended(backend, vec![ended]).await;
        tracing::warn!(session.id = %session_id, attempts, "session set aside");
    }
}

/// Looks after what no worker would find: sessions that are not over and not in the queue, and answers
/// that a caller was not told of. Answers how many it queued again.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
pub async fn reap(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let mut orphans = 0;
    for shard in ctx.backend().shards() {
        let mut tx = ctx.backend().begin_on(shard).await?;
        orphans += store::queue::insert_orphans(&mut tx, ctx.backend().owners()).await?;
        let unheard = store::session_calls::list_unheard(&mut tx, ctx.backend().owners()).await?;
        tx.commit().await?;
        sessions::deliver_unheard(ctx.backend(), unheard).await;
    }
    if orphans > 0 {
        tracing::warn!(orphans, "sessions were found outside of the queue");
    }
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
    // A run holds all of a turn: too much to stand in the futures of its callers.
    let span = tracing::info_span!("work", otel.kind = "consumer", trace.id = Empty);
    if let Some(place) = claim.traceparent.as_deref().and_then(TraceParent::parse) {
        place.lead(&span);
        span.record("trace.id", place.trace_id());
    }
    let stopping = shutdown.clone();
    let done = Box::pin(run_claimed(backend, &claim, shutdown)).instrument(span).await;
    if let Err(error) = &done {
        give_back(backend, &claim, error, &stopping).await;
    }
    done
}

/// Gives a session back that could not go on. The lease would run out in any case; but what the
/// database could not take while it was away is no fault of the session: that its worker tells, as soon
/// as somebody listens, so that it does not count as a loss.
async fn give_back(backend: &Backend, claim: &Claim, error: &Error, stopping: &CancellationToken) {
    let is_away = matches!(error, Error::Unavailable(_));
    let attempt = if is_away { Attempt::Forgiven } else { Attempt::Counts };
    let until = Instant::now() + backend.lease();
    loop {
        let given_back = async {
            let mut conn = backend.write(claim.owner_id).await?;
            let rest = rest_after(claim.attempts);
            store::queue::release(&mut conn, claim.key(), attempt, rest).await?;
            conn.commit().await?;
            Ok::<_, Error>(())
        };
        match given_back.await {
            Ok(()) => return,
            Err(_) if is_away && Instant::now() < until => tokio::select! {
                () = sleep(REST.0) => {}
                () = stopping.cancelled() => return,
            },
            Err(_) => {
                tracing::debug!(session.id = %claim.session_id, %error, "session not given back");
                return;
            }
        }
    }
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
    let called_by = runnable.session.called_by.clone();
    let run = Run { session: runnable.session, agent: runnable.spec, history };
    let log = QueueLog { backend, claim, agent_id, called_by, is_test };
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
    let ended = sessions::cancel_locked(backend, &mut tx, owner, id).await?;
    let stale = ended.iter().fold(Stale::nothing(), sessions::Ended::stale);
    backend.commit(tx, stale).await?;
    sessions::tell_ended(backend, ended).await;
    Ok(())
}

/// The rest doubles with every attempt; a part of it is left to chance, so that sessions which broke
/// together do not come back together.
fn rest_after(attempts: i32) -> Duration {
    let doubled = REST.0 * (1 << attempts.clamp(1, 6).saturating_sub(1));
    let longest = doubled.min(REST.1);
    let chance = RandomState::new().build_hasher().finish() % 1_000;
    let chance = u32::try_from(chance).unwrap_or_default();
    longest / 2 + longest * chance / 2_000
}

/// Renews the lease until it is another's, and passes on a cancellation that went unheard.
async fn keep_lease(backend: &Backend, claim: &Claim, cancel: &CancellationToken) {
    let lease = backend.lease();
    loop {
        tokio::time::sleep(lease / 3).await;
        let renewed = async {
            let mut conn = backend.write(claim.owner_id).await?;
            let (key, owners) = (claim.key(), backend.owners());
            let renewed = store::queue::update_lease(&mut conn, key, lease, owners).await?;
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

/// Waits until something may be queued or due, at most for `timeout`.
pub async fn wait(backend: &Backend, timeout: Duration) {
    let timeout = if backend.notices().is_deaf() { timeout.min(DEAF_WAIT) } else { timeout };
    let timeout = next_due(backend).await.map_or(timeout, |due| due.min(timeout));
    let _ = tokio::time::timeout(timeout, backend.notices().queued()).await;
}

/// For how long no session will be due. One that is due now and was not claimed waits for a slot, or
/// someone held it for a moment: it is looked for again soon.
async fn next_due(backend: &Backend) -> Option<Duration> {
    let mut next: Option<Duration> = None;
    for shard in backend.shards() {
        let mut tx = backend.begin_on(shard).await.ok()?;
        let due = store::queue::find_next_due(&mut tx, backend.owners()).await.ok()?;
        next = next.into_iter().chain(due.map(|due| due.max(LOOK_AGAIN))).min();
    }
    next
}

/// The log of a session that a worker holds.
struct QueueLog<'a> {
    backend: &'a Backend,
    claim: &'a Claim,
    agent_id: AgentId,
    /// The session that waits for its answer.
    called_by: Option<CalledBy>,
    /// Whether it tests the agent.
    is_test: bool,
}

impl QueueLog<'_> {
    /// What others have written since `after`, when this worker still holds the session.
    async fn moved(&self, after: i64) -> Result<Option<Vec<SessionEvent>>> {
        let (owner, id, fence) = self.claim.key();
        let mut tx = self.backend.begin(owner).await?;
        let held = store::queue::lock(&mut tx, owner, id).await?;
        if held.is_none_or(|held| held.fence != fence) {
            return Ok(None);
        }
        let events = store::session_events::list(&mut tx, owner, id, after, i64::MAX).await?;
        Ok((!events.is_empty()).then_some(events))
    }

    /// Why nothing was appended.
    async fn refusal(&self, after: i64, refused: Vec<EventBody>) -> LogError {
        match self.moved(after).await {
            Ok(Some(events)) => LogError::Moved { events, refused },
            Ok(None) => LogError::Fenced,
            Err(error) => unavailable(error),
        }
    }
}

impl SessionLog for QueueLog<'_> {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        Box::pin(async move {
            let now = self.backend.now();
            let key = self.claim.key();
            let refused = entries.clone();
            let ends = matches!(entries.last(), Some(EventBody::Done { .. }));
            let written = if let (Some(by), true) = (&self.called_by, ends) {
                // Whoever called is answered with the end: in one transaction.
                let end = (after, entries, usage);
                sessions::append_end(self.backend, key, by, end).await.map_err(unavailable)?
            } else {
                let mut conn =
                    self.backend.write(self.claim.owner_id).await.map_err(unavailable)?;
                let written =
                    store::session_events::append(&mut conn, key, Some(after), entries, usage, now)
                        .await
                        .map_err(unavailable)?;
                conn.commit().await.map_err(unavailable)?;
                written
            };
            let Some(events) = written else {
                return Err(self.refusal(after, refused).await);
            };
            self.backend.metrics().appended(self.agent_id, &events, usage);
            if ends && self.is_test {
                // Who hears of the end finds the test decided.
                let owner = self.claim.owner_id;
                test_sets::settle_ended(self.backend, owner, self.agent_id).await;
            }
            self.backend.events().publish(self.claim.session_id, &events);
            Ok(events)
        })
    }

    fn reserve(&self, most: Usage) -> BoxFuture<'_, Result<Option<Shortfall>, LogError>> {
        Box::pin(async move {
            let session = (self.claim.owner_id, self.claim.session_id);
            let reserved = budgets::reserve(self.backend, session, self.agent_id, most).await;
            reserved.map_err(unavailable)
        })
    }

    fn pins(&self) -> BoxFuture<'_, Result<Option<Vec<i64>>, LogError>> {
        Box::pin(async move {
            let (owner, id) = (self.claim.owner_id, self.claim.session_id);
            let mut conn = self.backend.read_latest(owner).await.map_err(unavailable)?;
            store::sessions::find_pins(&mut conn, owner, id).await.map_err(unavailable)
        })
    }

    fn call_agents(
        &self,
        after: i64,
        asked: AgentsAsked,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        Box::pin(async move {
            let (backend, key) = (self.backend, self.claim.key());
            let called = sessions::call_agents(backend, key, after, asked).await;
            let Some(events) = called.map_err(unavailable)? else {
                return Err(self.refusal(after, Vec::new()).await);
            };
            backend.metrics().appended(self.agent_id, &events, Usage::default());
            backend.events().publish(self.claim.session_id, &events);
            Ok(events)
        })
    }
}

/// The log tells one kind of fault; the cause within says whether the database was away.
fn unavailable(error: impl Into<Error>) -> LogError {
    LogError::Unavailable(error.into().into())
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
