//! Sessions: start one, look at it, follow it, cancel it.

use futures::stream::BoxStream;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::session::{NewSession, Session, SessionSummary};
use resonant_domain::session_event::SessionEvent;
use resonant_domain::{AgentId, SessionId};

use crate::{Ctx, Result};

/// Which sessions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this agent alone.
    pub agent_id: Option<AgentId>,
    /// Which page.
    pub page: PageRequest,
}

/// A session's events as they come, in batches without gap or repeat.
pub type EventStream = BoxStream<'static, Result<Vec<SessionEvent>>>;

/// Starts a session of an agent.
pub async fn start(ctx: &Ctx, agent_id: AgentId, new: NewSession) -> Result<Session> {
    let _ = (ctx, agent_id, new);
    todo!()
}

/// Reads one session of the caller.
pub async fn get(ctx: &Ctx, id: SessionId) -> Result<Session> {
    let _ = (ctx, id);
    todo!()
}

/// Reads a session's events after the one numbered `after`; 0 for all.
pub async fn events(ctx: &Ctx, id: SessionId, after: i64) -> Result<Vec<SessionEvent>> {
    let _ = (ctx, id, after);
    todo!()
}

/// Lists the caller's sessions, newest first.
pub async fn list(ctx: &Ctx, filter: SessionFilter) -> Result<Page<SessionSummary>> {
    let _ = (ctx, filter);
    todo!()
}

/// Ends a session early. One that has ended stays as it is.
pub async fn cancel(ctx: &Ctx, id: SessionId) -> Result<Session> {
    let _ = (ctx, id);
    todo!()
}

/// Follows a session: all after `after` from its log, then live, until it is over.
pub async fn stream(ctx: &Ctx, id: SessionId, after: i64) -> Result<EventStream> {
    let _ = (ctx, id, after);
    todo!()
}
