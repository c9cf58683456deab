//! Ends without a worker: of one session, or of all that an agent has open, by the same few statements.
//! What a worker has is asked to end and does so by that worker.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use resonant_domain::api_key::Scope;
use resonant_domain::session::{Session, SessionState};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;

use super::{NOT_FOUND, between_ms, calls, steer};
use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::database::Writing;
use crate::store::session_ends::{CallEntry, CallStage, End, Entry, Idle};
use crate::{Backend, Ctx, Result, access, effects, store};

/// How many sessions end by one statement, whose logs are read and written at once. Few in tests, which so
/// see how one part follows the other.
const AT_ONCE: usize = if cfg!(test) { 4 } else { 500 };
/// What a model is told of a call that was not made, should it go on.
const STOPPED: &str = "the session was stopped";
/// What it is told of one that was being made, and must not be made twice.
const STOPPED_AT_WORK: &str = "the session was stopped; the outcome is unknown: it may have taken \
                               effect, so do not call it again without making sure that it has not";

/// Ends a session early: at once when no worker has it, through its worker otherwise. One that has
/// ended stays as it is.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`].
#[tracing::instrument(name = "sessions.cancel", level = "debug", parent = ctx.span(), skip_all)]
pub async fn cancel(ctx: &Ctx, id: SessionId) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    steer(ctx, me, id, |owner| cancel_once(ctx, owner, id)).await
}

/// Ends a session unless an earlier try of the request has done so: it may have gone on since.
async fn cancel_once(ctx: &Ctx, owner: UserId, id: SessionId) -> Result<Session> {
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    if ctx.reserved().is_some() {
        // Before the note, as whoever decides or says something does: else each could wait for the other.
        store::queue::lock(&mut tx, owner, id).await?;
    }
    if effects::find::<()>(ctx, &mut tx, owner).await?.is_some() {
        return store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND);
    }
    effects::note(ctx, &mut tx, owner, &()).await?;
    let ended = cancel_locked(backend, &mut tx, owner, &[id]).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    finish(backend, tx, Stale::one::<SessionEntry>(&SessionKey(owner, id)), ended).await?;
    tracing::info!(session.id = %id, session.state = session.state.as_str(), "session cancelled");
    Ok(session)
}

/// Ends sessions of an owner early, for whoever may.
pub(crate) async fn cancel_of(backend: &Backend, owner: UserId, ids: &[SessionId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut tx = backend.begin(owner).await?;
    let ended = cancel_locked(backend, &mut tx, owner, ids).await?;
    finish(backend, tx, Stale::nothing(), ended).await
}

/// Commits, and tells what has ended.
async fn finish(backend: &Backend, tx: Writing, stale: Stale, ended: Vec<Ended>) -> Result<()> {
    backend.commit(tx, ended.iter().fold(stale, Ended::stale)).await?;
    tell_ended(backend, ended).await;
    Ok(())
}

/// A session that was ended without its worker, and what is yet to be told of it.
pub(crate) struct Ended {
    owner: UserId,
    /// The session as it was before.
    session: Idle,
    /// Whether the round that ends had begun.
    is_begun: bool,
    events: Vec<SessionEvent>,
}

impl Ended {
    pub(crate) fn stale(stale: Stale, ended: &Self) -> Stale {
        stale.and::<SessionEntry>(&SessionKey(ended.owner, ended.session.id))
    }

    pub(crate) fn into_events(self) -> Vec<SessionEvent> {
        self.events
    }
}

/// Tells those who watch, and the sessions that wait for an answer, of what has ended, and counts it. After
/// the transaction: callers are locked before those whom they called. Each caller hears by a transaction of
/// its own: its log gets the answer. One that has ended with those whom it called hears nothing.
pub(crate) async fn tell_ended(backend: &Backend, ended: Vec<Ended>) {
    let over: HashSet<_> = ended.iter().map(|ended| ended.session.id).collect();
    for Ended { owner, session, is_begun, events } in ended {
        backend.metrics().ended_idle(session.agent_id, is_begun, &events);
        backend.events().publish(session.id, &events);
        if let Some(caller) = session.caller.filter(|caller| !over.contains(caller)) {
            calls::deliver_later(backend, (owner, session.id), caller).await;
        }
    }
}

/// Cancels the open sessions of agents within a transaction, as [`cancel_locked`] does.
pub(crate) async fn cancel_of_agents(
    backend: &Backend,
    tx: &mut PgConnection,
    owner: UserId,
    agents: &[AgentId],
) -> Result<Vec<Ended>> {
    if agents.is_empty() {
        return Ok(Vec::new());
    }
    let mut last = store::sessions::list_open(&mut *tx, owner, agents).await?;
    // Those that they have called are known before anything is locked: so all are locked in one order.
    let mut all: BTreeSet<_> = last.iter().copied().collect();
    while !last.is_empty() {
        let called = store::session_calls::list_called(&mut *tx, owner, &last).await?;
        last = called.into_iter().filter(|id| all.insert(*id)).collect();
    }
    let all: Vec<_> = all.into_iter().collect();
    cancel_locked(backend, tx, owner, &all).await
}

/// Cancels sessions within a transaction, and with each those that it has called and still waits for: a
/// handful of statements for each [`AT_ONCE`] of them, and for each level of calls that was not named.
/// Answers what has ended, to tell after it; what a worker has ends by that worker.
///
/// Callers are locked before those whom they called: they have the lower ids.
pub(crate) async fn cancel_locked(
    backend: &Backend,
    tx: &mut PgConnection,
    owner: UserId,
    ids: &[SessionId],
) -> Result<Vec<Ended>> {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for ids in ids.chunks(AT_ONCE) {
        let mut wanted: Vec<_> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
        while !wanted.is_empty() {
            let ended = cancel_these(backend, &mut *tx, owner, &wanted).await?;
            let called = ended.iter().flat_map(|ended| &ended.session.called);
            wanted = called.copied().filter(|id| seen.insert(*id)).collect();
            all.extend(ended);
        }
    }
    Ok(all)
}

async fn cancel_these(
    backend: &Backend,
    tx: &mut PgConnection,
    owner: UserId,
    ids: &[SessionId],
) -> Result<Vec<Ended>> {
    let held = store::queue::lock_many(&mut *tx, owner, ids).await?;
    let (leased, idle): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, held)| held.is_leased);
    if !leased.is_empty() {
        let leased: Vec<_> = leased.into_iter().map(|(id, _)| id).collect();
        store::sessions::update_cancel_asked(&mut *tx, owner, &leased).await?;
        store::queue::notify_cancel(&mut *tx, &leased).await?;
    }
    let idle: Vec<_> = idle.into_iter().map(|(id, held)| (id, held.fence)).collect();
    end_these(backend, tx, owner, &idle, (SessionState::Cancelled, None)).await
}

/// Ends a session whose lock is held, without a worker.
pub(crate) async fn end_locked(
    backend: &Backend,
    tx: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    state: SessionState,
    reason: Option<String>,
) -> Result<Ended> {
    let ended = end_these(backend, tx, owner, &[(id, fence)], (state, reason)).await?;
    ended.into_iter().next().ok_or(NOT_FOUND)
}

/// Ends sessions whose locks are held, each with its fence, without a worker.
async fn end_these(
    backend: &Backend,
    tx: &mut PgConnection,
    owner: UserId,
    held: &[(SessionId, i64)],
    (state, reason): (SessionState, Option<String>),
) -> Result<Vec<Ended>> {
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = held.iter().map(|(id, _)| *id).collect();
    let sessions = store::session_ends::list_idle(&mut *tx, owner, &ids).await?;
    let mut open = open_ends(store::session_ends::list_entries(&mut *tx, owner, &ids).await?);
    let fences: HashMap<_, _> = held.iter().copied().collect();
    let now = backend.now();
    let mut ends = Vec::with_capacity(sessions.len());
    let mut begun = HashSet::new();
    for session in &sessions {
        let Some(fence) = fences.get(&session.id) else { continue };
        let OpenEnd { calls, round } = open.remove(&session.id).unwrap_or_default();
        if round.began_at.is_some() {
            begun.insert(session.id);
        }
        let mut entries: Vec<_> = calls.into_iter().map(stopped).collect();
        entries.push(done(session, &round, (state, reason.clone()), now));
        ends.push(End { id: session.id, fence: *fence, entries });
    }
    let how = (state, reason.as_deref());
    let written = store::session_ends::append(tx, owner, ends, how, now).await?;
    let mut written: HashMap<_, _> = written.into_iter().collect();
    Ok(sessions
        .into_iter()
        .map(|session| {
            let events = written.remove(&session.id).unwrap_or_default();
            Ended { owner, is_begun: begun.contains(&session.id), session, events }
        })
        .collect())
}

/// The entry that ends a session. It tells of its last round, as a worker's does.
fn done(
    session: &Idle,
    round: &Round,
    (state, reason): (SessionState, Option<String>),
    now: Timestamp,
) -> EventBody {
    let waits = session.waiting_since.map_or(0, |since| between_ms(since, now));
    let worked = session.started_at.map_or(0, |started_at| between_ms(started_at, now));
    let worked = worked.saturating_sub(session.waited_ms + waits);
    let whole = round.began_at.map_or(0, |began_at| between_ms(began_at, now));
    let duration_ms = worked.saturating_sub(round.worked_before_ms).min(whole);
    let waited_ms = whole - duration_ms;
    EventBody::Done { state, reason, usage: session.usage, duration_ms, waited_ms }
}

/// What the log of a session that is not over tells of its end.
#[derive(Default)]
struct OpenEnd {
    /// The calls that will get no result any more.
    calls: Vec<OpenCall>,
    round: Round,
}

/// The round under way.
#[derive(Default)]
struct Round {
    /// When its first step began.
    began_at: Option<Timestamp>,
    /// For how long the session worked in those before it.
    worked_before_ms: u64,
}

/// A tool call without a result.
struct OpenCall {
    step: u32,
    call_id: String,
    tool: String,
    is_begun: bool,
}

/// What the logs of sessions tell of their ends.
fn open_ends(log: Vec<(SessionId, Entry)>) -> HashMap<SessionId, OpenEnd> {
    let mut all: HashMap<_, OpenEnd> = HashMap::new();
    for (session, entry) in log {
        let OpenEnd { calls, round } = all.entry(session).or_default();
        match entry {
            Entry::Call(entry) => follow(calls, entry),
            Entry::Step(at) => {
                round.began_at.get_or_insert(at);
            }
            Entry::Fork => *round = Round::default(),
            Entry::Done { worked_ms } => {
                round.began_at = None;
                round.worked_before_ms += worked_ms;
            }
        }
    }
    all
}

/// Keeps the calls that have no result yet.
fn follow(open: &mut Vec<OpenCall>, CallEntry { stage, step, call_id, tool }: CallEntry) {
    match stage {
        CallStage::Asked => {
            // A step that is begun anew has the same ids again.
            open.retain(|call| call.call_id != call_id);
            open.push(OpenCall { step, call_id, tool, is_begun: false });
        }
        CallStage::Begun => {
            let begun = open.iter_mut().filter(|call| call.call_id == call_id);
            begun.for_each(|call| call.is_begun = true);
        }
        CallStage::Asks => {
            let asks = open.iter_mut().filter(|call| call.call_id == call_id);
            asks.for_each(|call| call.is_begun = false);
        }
        CallStage::Answered => open.retain(|call| call.call_id != call_id),
    }
}

/// An answer to a tool call that will get none any more, so that no log ends with open calls. Of one that must
/// not be made twice and was begun nobody knows whether it took effect: that is said.
fn stopped(OpenCall { step, call_id, tool, is_begun }: OpenCall) -> EventBody {
    EventBody::ToolResult {
        step,
        call_id,
        tool,
        outcome: ToolOutcome::Cancelled,
        content: if is_begun { STOPPED_AT_WORK } else { STOPPED }.to_owned(),
        duration_ms: 0,
    }
}

#[cfg(test)]
mod tests;
