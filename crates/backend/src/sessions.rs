//! Sessions: start one, look at it, follow it, cancel it.

mod batch;
mod calls;
mod decide;
mod ends;
mod fork;
mod go_on;
mod inputs;
mod once;
mod pins;
pub mod records;
mod results;
mod shares;
mod stream;
mod thumbs;

use std::sync::Arc;

use jiff::Timestamp;
use resonant_domain::agent::{AgentSpec, AgentStatus, SYSTEM_PROMPT_MAX};
use resonant_domain::agent_version::Edition;
use resonant_domain::api_key::Scope;
use resonant_domain::origin::{Origin, OriginKind};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::session::{
    CalledBy, NewSession, Session, SessionState, SessionSummary, Usage,
};
use resonant_domain::session_event::SessionEvent;
use resonant_domain::team::{AgentRight, SessionStanding};
use resonant_domain::variable::Values;
use resonant_domain::{AgentId, SessionId, UserId, variable};
use sqlx::PgConnection;

use crate::access::SessionAct;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::listings::lineage;
use crate::store::agents::Counted;
use crate::store::queue::NewEntry;
use crate::store::sessions::{Runnable, SessionPosition};
use crate::work::{Handed, Offer};
use crate::{Actor, Backend, Ctx, Document, Error, Result, access, agents, entitlements, store};

pub use batch::Batch;
pub(crate) use calls::{append_end, call_agents, deliver_unheard};
pub(crate) use decide::{MonthBudget, go_on_with_more, lift_bounds_of_guests};
pub use decide::{decide, resume_renewed};
pub use ends::cancel;
pub(crate) use ends::{Ended, cancel_locked, cancel_of, cancel_of_agents, end_locked, tell_ended};
pub use fork::{fork, retry_from};
pub use go_on::{retry, say};
pub use inputs::step_input;
pub use once::once;
pub use pins::pin;
pub use results::result;
pub use shares::{
    share, share_token, shared, shared_events, shared_input, shared_result, stream_shared, unshare,
};
pub use stream::{EventStream, stream};
pub use thumbs::rate;

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
/// How many entries of a log are read at once.
const LOG_PART: i64 = 1_000;
/// How many sessions of an owner are in the queue at most, but for those that wait for a person or for others.
const QUEUED_MAX: i64 = 10_000;

/// Starts a session of an agent: writes it down, with the published version of the agent or, where
/// none is, the agent as it is now, and queues it.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent; [`Error::NotAllowed`] for a teammate
/// whose role does not reach so far; [`Error::Invalid`]; [`Error::Conflict`] when the agent is paused
/// or archived, its owner has not paid for it, or too many sessions of theirs are queued.
#[tracing::instrument(name = "sessions.start", level = "debug", parent = ctx.span(), skip_all)]
pub async fn start(ctx: &Ctx, agent_id: AgentId, new: NewSession) -> Result<Session> {
    start_edition(ctx, agent_id, new, (None, None)).await
}

/// The same for a session that is begun in another way than by a person or a key as such.
///
/// # Errors
/// Those of [`start`].
#[tracing::instrument(name = "sessions.start_by", level = "debug", parent = ctx.span(), skip_all)]
pub async fn start_by(
    ctx: &Ctx,
    agent_id: AgentId,
    new: NewSession,
    way: OriginKind,
) -> Result<Session> {
    start_edition(ctx, agent_id, new, (None, Some(way))).await
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
    start_edition(ctx, agent_id, new, (Some(edition), None)).await
}

async fn start_edition(
    ctx: &Ctx,
    agent_id: AgentId,
    new: NewSession,
    (edition, way): (Option<Edition>, Option<OriginKind>),
) -> Result<Session> {
    access::with_scope(ctx, Scope::SessionsRun)?;
    new.check()?;
    let backend = ctx.backend();
    let right = match edition {
        // What nobody has published runs for whoever may change it.
        Some(Edition::Draft) => AgentRight::Edit,
        Some(Edition::Version(_)) | None => AgentRight::Run,
    };
    let (agent, reached, mut tx, counted) = access::agent_to_run(ctx, agent_id, right).await?;
    let owner = reached.owner;
    // An earlier try held the same lock: what it has made is seen from here.
    if let Some(made) = ctx.made_before()
        && let Some(session) =
            store::sessions::find(&mut tx, owner, SessionId::from_uuid(made)).await?
    {
        return Ok(session);
    }
    check_active(agent.status)?;
    let (published, counted) = counted.unzip();
    let (agent_version, spec) = match edition.or(published) {
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
        started_by: reached.starter(),
        origin: origin_of(ctx.actor(), way),
        is_test: false,
    };
    let (session, handed) = queue(backend, &mut tx, start, new, (counted, true)).await?;
    tx.commit().await?;
    if let Some(handed) = handed {
        handed.over();
    }
    tracing::info!(session.id = %session.id, agent.id = %agent_id, "session queued");
    Ok(session)
}

/// What a session comes from that this caller asks for, by some way where it has a name.
fn origin_of(actor: Actor, way: Option<OriginKind>) -> Origin {
    let (kind, id) = match actor {
        Actor::Key { key, .. } => (OriginKind::Api, Some(key.as_uuid())),
        Actor::User { .. } | Actor::Anonymous | Actor::System => (OriginKind::Person, None),
    };
    Origin { kind: way.unwrap_or(kind), id }
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
    /// The teammate who started it; nobody where the owner did.
    pub(crate) started_by: Option<UserId>,
    /// What begins it.
    pub(crate) origin: Origin,
    /// Whether it tests the agent.
    pub(crate) is_test: bool,
}

/// An agent's prompt with the values of its variables in it, and these values.
///
/// # Errors
/// [`Error::Invalid`] for values that do not fit, or that make the prompt too long.
pub(crate) fn fill_prompt(spec: &AgentSpec, given: &Values) -> Result<(String, Values)> {
    let values = variable::resolve(&spec.variables, given)?;
    let prompt = filled("variables", &spec.system_prompt, &values)?;
    Ok((prompt, values))
}

/// A prompt with these values in it.
///
/// # Errors
/// [`Error::Invalid`] on `field` where they make it too long.
fn filled(field: &str, prompt: &str, values: &Values) -> Result<String> {
    if variable::filled_chars(prompt, values) > FILLED_PROMPT_MAX {
        let reason = format!("must leave the prompt at most {FILLED_PROMPT_MAX} characters");
        return Err(Error::field(field, reason));
    }
    Ok(variable::fill(prompt, values))
}

/// Writes a session down and queues it, within a transaction.
///
/// # Errors
/// [`Error::Conflict`] when too many of the owner's are queued. What agents call, and tests, which are
/// bounded by themselves, are not counted.
pub(crate) async fn enqueue(
    backend: &Backend,
    tx: &mut PgConnection,
    start: Start,
    new: NewSession,
) -> Result<Session> {
    let (session, _) = queue(backend, tx, start, new, (None, false)).await?;
    Ok(session)
}

/// The same for a session of an agent that may have been counted, which a worker of this process that sleeps may
/// get at once: it is handed over when the transaction is committed.
async fn queue(
    backend: &Backend,
    tx: &mut PgConnection,
    start: Start,
    new: NewSession,
    (counted, at_once): (Option<Counted>, bool),
) -> Result<(Session, Option<Handed>)> {
    let Start {
        id,
        owner,
        agent_id,
        agent_version,
        mut spec,
        called_by,
        started_by,
        origin,
        is_test,
    } = start;
    let (prompt, variables) = fill_prompt(&spec, &new.variables)?;
    let mut ran = None;
    // Tests count for nothing here: who starts them has them admitted.
    if !is_test {
        let counted = match counted {
            Some(counted) => counted,
            None => store::agents::update_run_count(&mut *tx, owner, agent_id).await?,
        };
        if counted.needs_entitlement {
            entitlements::admit(backend, &mut *tx, (owner, agent_id)).await?;
        }
        if counted.is_copy {
            ran = lineage::ran(&mut *tx, (owner, agent_id), agent_version, &spec).await?;
        }
    }
    spec.limits = new.limits.over(spec.limits);
    spec.system_prompt = prompt;
    // What is switched off is no tool of this session, whatever becomes of it later.
    spec.tools.retain(|grant| !grant.is_off);
    let now = backend.now();
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
        priority: new.priority,
        // Nobody has waited since a time before the session was asked for.
        run_at: new.run_at.filter(|at| *at > now),
        usage: Usage::default(),
        steps: 0,
        model: None,
        waiting: None,
        waited_ms: 0,
        is_test,
        parent: None,
        called_by,
        started_by,
        origin: Some(origin),
        thumb: None,
        pins: Vec::new(),
        last_sequence: 0,
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    let is_bounded = session.called_by.is_none() && !is_test;
    let is_due = session.run_at.is_none();
    let offer = (at_once && is_due).then(|| Offer::find(backend)).flatten();
    let entry = NewEntry {
        owner_id: owner,
        session_id: session.id,
        agent_id,
        priority: session.priority.rank(),
        run_at: session.run_at,
        most: is_bounded.then_some(QUEUED_MAX),
        at_once: offer.as_ref().map(|offer| offer.terms(backend)),
    };
    let queued = store::queue::insert(&mut *tx, entry).await?.ok_or_else(too_many)?;
    let offer = offer.filter(|_| queued.is_taken);
    let Some(offer) = offer else {
        store::sessions::insert(&mut *tx, &session, &spec, ran).await?;
        return Ok((session, None));
    };
    // Who asked for it is told that it was queued, whoever has it by then.
    let taken = Session { state: SessionState::Running, ..session.clone() };
    store::sessions::insert(&mut *tx, &taken, &spec, ran).await?;
    let runnable = Runnable { session: taken, spec, is_cancel_asked: false };
    Ok((session, Some(Handed::new(backend, offer, runnable, queued))))
}

/// Whether no more sessions of the owner can be queued, for who starts them for many.
pub(crate) async fn is_queue_full(conn: &mut PgConnection, owner: UserId) -> Result<bool> {
    Ok(!has_room(conn, owner, 1).await?)
}

/// Whether so many sessions of the owner can be queued beside those that are.
pub(crate) async fn has_room(conn: &mut PgConnection, owner: UserId, count: usize) -> Result<bool> {
    let count = i64::try_from(count).map_err(Error::internal)?;
    let most = (QUEUED_MAX - count + 1).max(0);
    Ok(!store::queue::is_full(conn, owner, most).await?)
}

fn too_many() -> Error {
    Error::Conflict(format!(
        "{QUEUED_MAX} of your sessions wait or run already. Start more when some of them are over"
    ))
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
    let me = access::with_scope(ctx, Scope::SessionsRead)?;
    let backend = ctx.backend();
    if let Some(own) = SessionEntry::find(backend, SessionKey(me, id)).await? {
        return Ok(own);
    }
    let owner = access::shared_session(ctx, me, id, SessionAct::Read).await?;
    SessionEntry::find(backend, SessionKey(owner, id)).await?.ok_or(NOT_FOUND)
}

/// What the caller may do with a session that they have read, and who started it. For what is shown: use
/// cases ask anew.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "sessions.standing", level = "debug", parent = ctx.span(), skip_all)]
pub async fn standing(ctx: &Ctx, session: &Session) -> Result<SessionStanding> {
    let me = access::with_scope(ctx, Scope::SessionsRead)?;
    let is_own = session.owner_id == me;
    if is_own && session.started_by.is_none() {
        return Ok(SessionStanding { is_own, may_fork: true, may_steer: true, starter: None });
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let starter = match session.started_by {
        Some(id) => store::members::find(&mut conn, id).await?.map(|viewer| viewer.display_name),
        None => None,
    };
    if is_own {
        return Ok(SessionStanding { is_own, may_fork: true, may_steer: true, starter });
    }
    let ways = store::team_agents::list_ways(&mut conn, me, session.agent_id).await?;
    let role = ways.iter().map(|way| way.role).max().unwrap_or_default();
    let may_fork = role.may(AgentRight::Run);
    let may_steer = may_fork && (session.started_by == Some(me) || role.may_manage());
    Ok(SessionStanding { is_own, may_fork, may_steer, starter })
}

/// Reads a session's events after the one numbered `after`; 0 for all.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "sessions.events", level = "debug", parent = ctx.span(), skip_all)]
pub async fn events(ctx: &Ctx, id: SessionId, after: i64) -> Result<Vec<SessionEvent>> {
    events_at_most(ctx, id, after, i64::MAX).await
}

/// A part of a session's log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPart {
    /// The events, in their order.
    pub events: Vec<SessionEvent>,
    /// Whether others come after them.
    pub has_more: bool,
}

/// Reads at most 1,000 of a session's events after the one numbered `after`; 0 for the first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "sessions.log_part", level = "debug", parent = ctx.span(), skip_all)]
pub async fn log_part(ctx: &Ctx, id: SessionId, after: i64) -> Result<LogPart> {
    let mut events = events_at_most(ctx, id, after, LOG_PART + 1).await?;
    let most = usize::try_from(LOG_PART).map_err(Error::internal)?;
    let has_more = events.len() > most;
    events.truncate(most);
    Ok(LogPart { events, has_more })
}

async fn events_at_most(
    ctx: &Ctx,
    id: SessionId,
    after: i64,
    most: i64,
) -> Result<Vec<SessionEvent>> {
    let me = access::with_scope(ctx, Scope::SessionsRead)?;
    let mut conn = ctx.backend().read(me).await?;
    if store::sessions::find(&mut conn, me, id).await?.is_some() {
        return Ok(store::session_events::list(&mut conn, me, id, after, most).await?);
    }
    drop(conn);
    let owner = access::shared_session(ctx, me, id, SessionAct::Read).await?;
    let mut conn = ctx.backend().read(owner).await?;
    Ok(store::session_events::list(&mut conn, owner, id, after, most).await?)
}

/// Lists the caller's sessions, newest first. Of an agent that is shared with the caller: those that
/// people of their teams started.
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
    let mut found = store::sessions::list(&mut conn, owner, filter.agent_id, after, wanted).await?;
    drop(conn);
    if let (Some(agent), true) = (filter.agent_id, found.is_empty()) {
        found = list_of_shared(ctx, owner, agent, after, wanted).await?;
    }
    cursors.page(&scope, limit, found, |last| SessionPosition { id: last.id })
}

/// The sessions of an agent of another that the caller reads; none where it is not shared with them.
async fn list_of_shared(
    ctx: &Ctx,
    me: UserId,
    agent: AgentId,
    after: Option<SessionPosition>,
    limit: i64,
) -> Result<Vec<SessionSummary>> {
    let Some((owner, peers)) = access::shared_sessions_of(ctx, me, agent).await? else {
        return Ok(Vec::new());
    };
    let mut conn = ctx.backend().read(owner).await?;
    let found = store::sessions::list_started(&mut conn, (owner, agent), &peers, after, limit);
    Ok(found.await?)
}

/// Does something to a session of the caller's own or, where it is not among those, to one of another
/// that they may steer: `act` is told whose it is.
async fn steer<T, F>(
    ctx: &Ctx,
    me: UserId,
    id: SessionId,
    act: impl Fn(UserId) -> F + Send + Sync,
) -> Result<T>
where
    T: Send,
    F: Future<Output = Result<T>> + Send,
{
    match act(me).await {
        Err(Error::NotFound(_)) => {
            let owner = access::shared_session(ctx, me, id, SessionAct::Steer).await?;
            act(owner).await
        }
        done => done,
    }
}

pub(crate) fn between_ms(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod origin_tests;
#[cfg(test)]
mod people_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod variable_tests;
