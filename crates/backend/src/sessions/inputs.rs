//! What a model was given for a step of a session.
//!
//! Steps that were copied from another session were given there what they were given: that session is
//! read for them, by whoever may read it, too.

use resonant_domain::api_key::Scope;
use resonant_domain::session::Session;
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::step_input::StepInput;
use resonant_domain::team::AgentRight;
use resonant_domain::{SessionId, UserId};
use resonant_runtime::Run;

use super::pins::read_whole;
use crate::access::SessionAct;
use crate::{Ctx, Error, Result, access};

const COPIED: Error = Error::NotAllowed("The step was copied from a session that you cannot read");

/// What the model was given for a step of a session, with the prompt and the tools of the agent for who
/// may read these. `None`: the step has not begun.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::NotAllowed`] for a step that was copied from
/// a session that the caller does not reach.
#[tracing::instrument(name = "sessions.step_input", level = "debug", parent = ctx.span(), skip_all)]
pub async fn step_input(ctx: &Ctx, id: SessionId, step: u32) -> Result<Option<StepInput>> {
    let me = access::with_scope(ctx, Scope::SessionsRead)?;
    let mut run = read(ctx, me, id).await?;
    while let Some(parent) = copied_from(&run.history, step) {
        run = match read(ctx, me, parent).await {
            Err(Error::NotFound(_)) => return Err(COPIED),
            read => read?,
        };
    }
    let Some(input) = ctx.backend().engine().step_input(&run, step) else { return Ok(None) };
    let is_whole = may_read_agent(ctx, &run.session).await?;
    Ok(Some(if is_whole { input } else { input.without_agent() }))
}

/// The same for whoever has a link to the session: what the session itself tells, and neither prompt nor
/// tools. What its owner pins is not told.
pub(super) async fn input_by_link(
    ctx: &Ctx,
    (owner, id): (UserId, SessionId),
    step: u32,
) -> Result<Option<StepInput>> {
    let mut conn = ctx.backend().read(owner).await?;
    let mut run = read_whole(&mut conn, owner, id).await?;
    drop(conn);
    if copied_from(&run.history, step).is_some() {
        return Err(COPIED);
    }
    run.session.pins.clear();
    let input = ctx.backend().engine().step_input(&run, step);
    Ok(input.map(StepInput::without_agent))
}

/// A session that the caller may read, with its whole log.
async fn read(ctx: &Ctx, me: UserId, id: SessionId) -> Result<Run> {
    let mut conn = ctx.backend().read(me).await?;
    match read_whole(&mut conn, me, id).await {
        Err(Error::NotFound(_)) => {}
        own => return own,
    }
    drop(conn);
    let owner = access::shared_session(ctx, me, id, SessionAct::Read).await?;
    let mut conn = ctx.backend().read(owner).await?;
    read_whole(&mut conn, owner, id).await
}

/// The session in which a step was taken, where that is another one.
fn copied_from(history: &[SessionEvent], step: u32) -> Option<SessionId> {
    let begins = |event: &SessionEvent| matches!(event.body, EventBody::StepStart { step: number, .. } if number == step);
    let begun = history.iter().rposition(begins)?;
    history[begun..].iter().find_map(|event| match event.body {
        EventBody::Fork { parent, .. } => Some(parent),
        _ => None,
    })
}

/// Whether the caller may read the agent itself: a key within its scopes, a teammate while it is shared
/// with them. To its owner a session outlives its agent.
async fn may_read_agent(ctx: &Ctx, session: &Session) -> Result<bool> {
    let Ok(me) = access::with_scope(ctx, Scope::AgentsRead) else { return Ok(false) };
    if session.owner_id == me {
        return Ok(true);
    }
    match access::agent(ctx, Scope::AgentsRead, session.agent_id, AgentRight::Read).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
