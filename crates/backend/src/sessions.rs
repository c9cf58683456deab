//! Sessions: start one, look at it, follow it, cancel it.

mod calls;
mod decide;
mod fork;
mod go_on;
pub mod records;
mod shares;
mod stream;

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use resonant_domain::agent::{AgentSpec, AgentStatus, SYSTEM_PROMPT_MAX};
use resonant_domain::agent_version::Edition;
use resonant_domain::api_key::Scope;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::session::{
    CalledBy, NewSession, Session, SessionState, SessionSummary, Usage,
};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_domain::variable::Values;
use resonant_domain::waiting::WaitReason;
use resonant_domain::{AgentId, SessionId, UserId, variable};
use sqlx::PgConnection;

use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::store::queue::NewEntry;
use crate::store::sessions::SessionPosition;
use crate::{Backend, Ctx, Document, Error, Result, access, agents, store};

pub(crate) use calls::{append_end, call_agents, deliver_unheard};
pub use decide::decide;
pub use fork::fork;
pub use go_on::{retry, say};
pub use shares::{share, share_token, shared, stream_shared, unshare};
pub use stream::{EventStream, stream};

/// Which sessions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this agent alone.
    pub agent_id: Option<AgentId>,
    /// Which page.
    pub page: PageRequest,
}

const NOT_FOUND: Error = Error::NotFound("session");
/// The longest prompt with the values of its variables, in characters.
const FILLED_PROMPT_MAX: usize = 2 * SYSTEM_PROMPT_MAX;

/// Starts a session of an agent: writes it down, with the published version of the agent or, where
/// none is, the agent as it is now, and queues it.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent; [`Error::Invalid`];
/// [`Error::Conflict`] when the agent is paused or archived.
#[tracing::instrument(name = "sessions.start", level = "debug", parent = ctx.span(), skip_all)]
pub async fn start(ctx: &Ctx, agent_id: AgentId, new: NewSession) -> Result<Session> {
    start_edition(ctx, agent_id, new, None).await
}

/// Starts a session of one edition of an agent, whatever is published.
///
/// # Errors
/// Those of [`start`]; [`Error::NotFound`] for the version.
#[tracing::instrument(name = "sessions.try_edition", level = "debug", parent = ctx.span(), skip_all)]
pub async fn try_edition(
    ctx: &Ctx,
    agent_id: AgentId,
    new: NewSession,
    edition: Edition,
) -> Result<Session> {
    start_edition(ctx, agent_id, new, Some(edition)).await
}

async fn start_edition(
    ctx: &Ctx,
    agent_id: AgentId,
    new: NewSession,
    edition: Option<Edition>,
) -> Result<Session> {
    let owner = access::with_scope(ctx, Scope::SessionsRun)?;
    new.check()?;
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    let agent =
        store::agents::lock(&mut tx, owner, agent_id).await?.ok_or(Error::NotFound("agent"))?;
    // An earlier try held the same lock: what it has made is seen from here.
    if let Some(made) = ctx.made_before()
        && let Some(session) =
            store::sessions::find(&mut tx, owner, SessionId::from_uuid(made)).await?
    {
        return Ok(session);
    }
    check_active(agent.status)?;
    let (agent_version, spec) = match edition {
        Some(edition) => (number_of(edition), agents::spec_of(&mut tx, &agent, edition).await?),
        None => agents::spec_to_run(&mut tx, &agent).await?,
    };
    let start = Start {
        id: SessionId::from_uuid(ctx.resource_id()?),
        owner,
        agent_id,
        agent_version,
        spec,
        called_by: None,
        is_test: false,
    };
    let session = enqueue(backend, &mut tx, start, new).await?;
    tx.commit().await?;
    tracing::info!(session.id = %session.id, agent.id = %agent_id, "session queued");
    Ok(session)
}

const fn number_of(edition: Edition) -> Option<u32> {
    match edition {
        Edition::Draft => None,
        Edition::Version(number) => Some(number),
    }
}

/// A session to start, and the agent as it shall run it.
pub(crate) struct Start {
    pub(crate) id: SessionId,
    pub(crate) owner: UserId,
    pub(crate) agent_id: AgentId,
    pub(crate) agent_version: Option<u32>,
    pub(crate) spec: AgentSpec,
    /// The session that wants its answer.
    pub(crate) called_by: Option<CalledBy>,
    /// Whether it tests the agent.
    pub(crate) is_test: bool,
}

/// An agent's prompt with the values of its variables in it, and these values.
///
/// # Errors
/// [`Error::Invalid`] for values that do not fit, or that make the prompt too long.
pub(crate) fn fill_prompt(spec: &AgentSpec, given: &Values) -> Result<(String, Values)> {
    let values = variable::resolve(&spec.variables, given)?;
    let prompt = variable::fill(&spec.system_prompt, &values);
    if prompt.chars().count() > FILLED_PROMPT_MAX {
        let reason = format!("must leave the prompt at most {FILLED_PROMPT_MAX} characters");
        return Err(Error::field("variables", reason));
    }
    Ok((prompt, values))
}

/// Writes a session down and queues it, within a transaction.
pub(crate) async fn enqueue(
    backend: &Backend,
    tx: &mut PgConnection,
    start: Start,
    new: NewSession,
) -> Result<Session> {
    let Start { id, owner, agent_id, agent_version, mut spec, called_by, is_test } = start;
    spec.limits = new.limits.over(spec.limits);
    let (prompt, variables) = fill_prompt(&spec, &new.variables)?;
    spec.system_prompt = prompt;
    let session = Session {
        id,
        owner_id: owner,
        agent_id,
        agent_version,
        agent_name: spec.name.clone(),
        agent_avatar: spec.avatar.clone(),
        goal: new.goal.trim().to_owned(),
        context: new.context.filter(|context| !context.trim().is_empty()),
        variables,
        state: SessionState::Queued,
        reason: None,
        limits: spec.limits,
        usage: Usage::default(),
        steps: 0,
        model: None,
        waiting: None,
        waited_ms: 0,
        is_test,
        parent: None,
        called_by,
        last_sequence: 0,
        created_at: backend.now(),
        started_at: None,
        ended_at: None,
    };
    store::sessions::insert(&mut *tx, &session, &spec).await?;
    let entry = NewEntry {
        owner_id: owner,
        session_id: session.id,
        agent_id,
        priority: new.priority.rank(),
        run_at: new.run_at,
    };
    store::queue::insert(&mut *tx, entry).await?;
    if !is_test {
        store::agents::update_run_count(&mut *tx, owner, agent_id).await?;
    }
    Ok(session)
}

/// Lets an active agent pass and no other.
fn check_active(status: AgentStatus) -> Result<()> {
    match status {
        AgentStatus::Active => Ok(()),
        AgentStatus::Paused => {
            Err(Error::Conflict("The agent is paused. Resume it to run it".to_owned()))
        }
        AgentStatus::Archived => {
            Err(Error::Conflict("The agent is archived. Restore it to run it".to_owned()))
        }
    }
}

/// Reads one session of the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] when there is none or it is another's.
#[tracing::instrument(name = "sessions.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: SessionId) -> Result<Session> {
    Ok(document(ctx, id).await?.value().clone())
}

/// Reads one session of the caller as callers of the interface get it.
///
/// # Errors
/// Those of [`get`].
#[tracing::instrument(name = "sessions.document", level = "debug", parent = ctx.span(), skip_all)]
pub async fn document(ctx: &Ctx, id: SessionId) -> Result<Arc<Document<Session>>> {
    let owner = access::with_scope(ctx, Scope::SessionsRead)?;
    let backend = ctx.backend();
    let found = backend.cache().get::<SessionEntry>(backend, &SessionKey(owner, id)).await?;
    found.ok_or(NOT_FOUND)
}

/// Reads a session's events after the one numbered `after`; 0 for all.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "sessions.events", level = "debug", parent = ctx.span(), skip_all)]
pub async fn events(ctx: &Ctx, id: SessionId, after: i64) -> Result<Vec<SessionEvent>> {
    let owner = access::with_scope(ctx, Scope::SessionsRead)?;
    let mut conn = ctx.backend().read(owner).await?;
    store::sessions::find(&mut conn, owner, id).await?.ok_or(NOT_FOUND)?;
    Ok(store::session_events::list(&mut conn, owner, id, after, i64::MAX).await?)
}

/// Lists the caller's sessions, newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "sessions.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, filter: SessionFilter) -> Result<Page<SessionSummary>> {
    let owner = access::with_scope(ctx, Scope::SessionsRead)?;
    let limit = filter.page.checked_limit()?;
    let scope = ("sessions", owner, filter.agent_id);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<SessionPosition> = cursors.open(&scope, filter.page.cursor.as_deref())?;

    let mut conn = ctx.backend().read(owner).await?;
    let wanted = i64::from(limit) + 1;
    let mut items = store::sessions::list(&mut conn, owner, filter.agent_id, after, wanted).await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = match items.last() {
        Some(last) if has_more => {
            let position = SessionPosition { id: last.id };
            Some(cursors.seal(&scope, &position)?)
        }
        _ => None,
    };
    Ok(Page { items, next_cursor })
}

/// Ends a session early: at once when no worker has it, through its worker otherwise. One that has
/// ended stays as it is.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "sessions.cancel", level = "debug", parent = ctx.span(), skip_all)]
pub async fn cancel(ctx: &Ctx, id: SessionId) -> Result<Session> {
    let owner = access::with_scope(ctx, Scope::SessionsRun)?;
    cancel_of(ctx.backend(), owner, id).await
}

/// Ends a session of an owner early, for whoever may.
pub(crate) async fn cancel_of(backend: &Backend, owner: UserId, id: SessionId) -> Result<Session> {
    let mut tx = backend.begin(owner).await?;
    let ended = cancel_locked(backend, &mut tx, owner, id).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let stale = Stale::one::<SessionEntry>(&SessionKey(owner, id));
    backend.commit(tx, ended.iter().fold(stale, Ended::stale)).await?;
    tell_ended(backend, ended).await;
    tracing::info!(session.id = %id, session.state = session.state.as_str(), "session cancelled");
    Ok(session)
}

/// A session that was ended without its worker, and what is yet to be told of it.
pub(crate) struct Ended {
    /// The session as it was before.
    session: Session,
    events: Vec<SessionEvent>,
}

impl Ended {
    pub(crate) fn stale(stale: Stale, ended: &Self) -> Stale {
        stale.and::<SessionEntry>(&SessionKey(ended.session.owner_id, ended.session.id))
    }

    pub(crate) fn into_events(self) -> Vec<SessionEvent> {
        self.events
    }
}

/// Tells those who watch, and the sessions that wait for an answer, of what has ended. After the
/// transaction: callers are locked before those whom they called.
pub(crate) async fn tell_ended(backend: &Backend, ended: Vec<Ended>) {
    for Ended { session, events } in ended {
        backend.events().publish(session.id, &events);
        calls::deliver_later(backend, &session).await;
    }
}

/// Cancels within a transaction, and with a session those that it has called and still waits for.
/// Answers what has ended, to tell after it; what a worker has ends by that worker.
pub(crate) fn cancel_locked<'a>(
    backend: &'a Backend,
    tx: &'a mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> BoxFuture<'a, Result<Vec<Ended>>> {
    Box::pin(async move {
        let Some(held) = store::queue::lock(&mut *tx, owner, id).await? else {
            return Ok(Vec::new());
        };
        if held.is_leased {
            store::sessions::update_cancel_asked(&mut *tx, owner, id).await?;
            store::queue::notify_cancel(&mut *tx, id).await?;
            return Ok(Vec::new());
        }
        let key = (owner, id, held.fence);
        let ended = end_locked(backend, tx, key, SessionState::Cancelled, None).await?;
        let wait = ended.session.waiting.as_ref().map(|wait| wait.reason.clone());
        let mut all = vec![ended];
        if let Some(WaitReason::Agents { calls, .. }) = wait {
            for call in calls {
                all.extend(cancel_locked(backend, &mut *tx, owner, call.session_id).await?);
            }
        }
        Ok(all)
    })
}

/// Ends a session whose lock is held, without a worker.
pub(crate) async fn end_locked(
    backend: &Backend,
    tx: &mut PgConnection,
    key: (UserId, SessionId, i64),
    state: SessionState,
    reason: Option<String>,
) -> Result<Ended> {
    let (owner, id, _) = key;
    let session = store::sessions::find(&mut *tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let history = store::session_events::list(&mut *tx, owner, id, 0, i64::MAX).await?;
    let now = backend.now();
    let waited_ms =
        session.waited_ms + session.waiting.as_ref().map_or(0, |wait| wait.ended_after_ms(now));
    let duration_ms = session.started_at.map_or(0, |started_at| between_ms(started_at, now));
    let duration_ms = duration_ms.saturating_sub(waited_ms);
    let mut entries = open_calls(history);
    entries.push(EventBody::Done { state, reason, usage: session.usage, duration_ms, waited_ms });
    let events =
        store::session_events::append(tx, key, None, entries, Usage::default(), now).await?;
    Ok(Ended { session, events: events.unwrap_or_default() })
}

/// An answer for every tool call that will get none any more, so that no log ends with open calls.
fn open_calls(history: Vec<SessionEvent>) -> Vec<EventBody> {
    let mut open = Vec::new();
    for event in history {
        match event.body {
            EventBody::ToolCall { step, call_id, tool, .. } => open.push((step, call_id, tool)),
            EventBody::ToolResult { call_id, .. } => open.retain(|(_, open, _)| *open != call_id),
            _ => {}
        }
    }
    open.into_iter()
        .map(|(step, call_id, tool)| EventBody::ToolResult {
            step,
            call_id,
            tool,
            outcome: ToolOutcome::Cancelled,
            content: "the session was stopped".to_owned(),
            duration_ms: 0,
        })
        .collect()
}

pub(crate) fn between_ms(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod variable_tests;
