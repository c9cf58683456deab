//! Going on with a session: a person's word, another try.

use std::collections::HashSet;

use resonant_domain::agent::AgentStatus;
use resonant_domain::api_key::Scope;
use resonant_domain::session::{NewMessage, Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::waiting::WaitReason;
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;

use super::{NOT_FOUND, QUEUED_MAX, check_active, steer, too_many};
use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::store::OnConstraint as _;
use crate::store::queue::NewEntry;
use crate::{Backend, Ctx, Error, Result, access, effects, entitlements, publications, store};

/// How much people may say to a session, with all the material: whoever takes it or looks at it reads all of it.
const SAID_MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Says something to a session. One that runs or waits hears it with its next step; one that is over
/// goes on with it, with all that came before, and is not shown in the marketplace any more.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Conflict`] when the
/// session is over and its agent is paused or archived, too many sessions are queued, or as much was said to
/// it as it may hold.
#[tracing::instrument(name = "sessions.say", level = "debug", parent = ctx.span(), skip_all)]
pub async fn say(ctx: &Ctx, id: SessionId, new: NewMessage) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    new.check()?;
    steer(ctx, me, id, |owner| say_to(ctx, owner, id, new.clone())).await
}

async fn say_to(ctx: &Ctx, owner: UserId, id: SessionId, new: NewMessage) -> Result<Session> {
    let more = (new.text.len() + new.context.as_deref().map_or(0, str::len)) as u64;
    let message = EventBody::Message {
        text: new.text.trim().to_owned(),
        context: new.context.filter(|context| !context.trim().is_empty()),
    };
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    let held = store::queue::lock(&mut tx, owner, id).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    if effects::find::<()>(ctx, &mut tx, owner).await?.is_some() {
        let is_shared = is_shared(&mut tx, owner, id).await?;
        drop(tx);
        if is_shared {
            // The earlier try may not have come to this.
            publications::forget_session(ctx, owner, id).await?;
        }
        return Ok(session);
    }
    let said = store::session_events::count_said(&mut tx, owner, id).await?;
    if said.saturating_add(more) > SAID_MAX_BYTES {
        let full = "As much was said to this session as it can hold. Start another one";
        return Err(Error::Conflict(full.to_owned()));
    }
    let fence = match held {
        Some(held) => held.fence,
        None => reopen(backend, &mut tx, &session).await?,
    };
    // Also where it is under way: who opened it again may not have come to hiding it.
    let may_be_shown = is_shared(&mut tx, owner, id).await?;
    let events = append(backend, &mut tx, (owner, id, fence), message).await?;
    effects::note(ctx, &mut tx, owner, &()).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    backend.commit(tx, Stale::one::<SessionEntry>(&SessionKey(owner, id))).await?;
    backend.events().publish(id, &events);
    if may_be_shown {
        // What comes now was not looked through for secrets, nor did anybody agree to showing it.
        publications::forget_session(ctx, owner, id).await?;
    }
    tracing::info!(session.id = %id, session.state = session.state.as_str(), "session told more");
    Ok(session)
}

/// Whether there is a link to a session. One without is shown nowhere.
async fn is_shared(tx: &mut PgConnection, owner: UserId, id: SessionId) -> Result<bool> {
    Ok(store::session_shares::find_of(tx, owner, id).await?.is_some())
}

/// Tries a session that came to no good end again, from the step that it failed in. What that step had
/// come to is part of the conversation no more, and pinned no more; but where calls were begun in it that
/// must not be made twice, or other agents were called, whatever these have done, their results stay, and the
/// session goes on behind it.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] when the session is not over,
/// has its answer, its agent is paused or archived, or too many sessions are queued.
#[tracing::instrument(name = "sessions.retry", level = "debug", parent = ctx.span(), skip_all)]
pub async fn retry(ctx: &Ctx, id: SessionId) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    steer(ctx, me, id, |owner| retry_of(ctx, owner, id)).await
}

async fn retry_of(ctx: &Ctx, owner: UserId, id: SessionId) -> Result<Session> {
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    if effects::find::<()>(ctx, &mut tx, owner).await?.is_some() {
        return Ok(session);
    }
    match session.state {
        SessionState::Failed | SessionState::Cancelled | SessionState::Timeout => {}
        SessionState::Completed => {
            return Err(Error::Conflict(
                "The session has its answer. Send it a message to go on".to_owned(),
            ));
        }
        _ => return Err(Error::Conflict("The session is not over".to_owned())),
    }
    let fence = reopen(backend, &mut tx, &session).await?;
    let step = step_to_retry(&mut tx, &session).await?;
    let again = EventBody::Retry { step };
    let events = append(backend, &mut tx, (owner, id, fence), again).await?;
    effects::note(ctx, &mut tx, owner, &()).await?;
    let mut session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    if !session.pins.is_empty() {
        // The row is locked since it was opened again: nobody pins in between.
        let among = &session.pins;
        let void = store::session_events::list_outcomes(&mut tx, owner, id, step, among).await?;
        if !void.is_empty() {
            session.pins.retain(|pin| !void.contains(pin));
            store::sessions::update_pins(&mut tx, owner, id, &session.pins).await?;
        }
    }
    backend.commit(tx, Stale::one::<SessionEntry>(&SessionKey(owner, id))).await?;
    backend.events().publish(id, &events);
    tracing::info!(session.id = %id, "session tried again");
    Ok(session)
}

/// The step that begins anew: the last one, or the next where the last must not be made twice.
async fn step_to_retry(tx: &mut PgConnection, session: &Session) -> Result<u32> {
    let last = session.steps.max(1);
    let (owner, id) = (session.owner_id, session.id);
    let history = store::session_events::list(tx, owner, id, 0, i64::MAX).await?;
    Ok(if has_begun_calls(&history, last) { last + 1 } else { last })
}

/// Whether a step has begun calls that must not be made twice, or called other agents, since it was begun
/// itself.
fn has_begun_calls(history: &[SessionEvent], step: u32) -> bool {
    let (mut begun, mut has_called) = (HashSet::new(), false);
    for event in history {
        match &event.body {
            EventBody::StepStart { step: number, .. } | EventBody::Retry { step: number }
                if *number == step =>
            {
                begun.clear();
                has_called = false;
            }
            EventBody::ToolStart { step: number, call_id } if *number == step => {
                begun.insert(call_id.as_str());
            }
            // A tool that asks a person has done nothing.
            EventBody::Waiting { reason: WaitReason::Question { call_id, by: Some(_), .. } } => {
                begun.remove(call_id.as_str());
            }
            EventBody::Waiting { reason: WaitReason::Agents { step: number, .. } } => {
                has_called |= *number == step;
            }
            _ => {}
        }
    }
    has_called || !begun.is_empty()
}

async fn append(
    backend: &Backend,
    tx: &mut PgConnection,
    key: (UserId, SessionId, i64),
    entry: EventBody,
) -> Result<Vec<SessionEvent>> {
    let (used, now) = (Usage::default(), backend.now());
    let events = store::session_events::append(tx, key, None, vec![entry], used, now).await?;
    events.ok_or_else(|| Error::Conflict("The session has just moved on. Try again".to_owned()))
}

/// Queues a session that is over. Answers the fence to write under.
async fn reopen(backend: &Backend, tx: &mut PgConnection, session: &Session) -> Result<i64> {
    check_agent(tx, session.owner_id, session.agent_id).await?;
    entitlements::may_go_on(backend, tx, (session.owner_id, session.agent_id)).await?;
    let gone_on = || Error::Conflict("The session has just gone on. Try again".to_owned());
    let opened = store::sessions::update_reopened(&mut *tx, session.owner_id, session.id).await?;
    let entry = NewEntry {
        owner_id: session.owner_id,
        session_id: session.id,
        agent_id: session.agent_id,
        priority: opened.ok_or_else(gone_on)?,
        run_at: None,
        most: Some(QUEUED_MAX),
        at_once: None,
    };
    let queued = store::queue::insert(tx, entry).await;
    Ok(queued.on_constraint("session_queue_pkey", gone_on)?.ok_or_else(too_many)?.fence)
}

/// A session outlives its agent, but does not go on while that is paused or put away. The agent is locked: who
/// pauses it meanwhile finds the session in the queue.
async fn check_agent(tx: &mut PgConnection, owner: UserId, id: AgentId) -> Result<()> {
    let agent = store::agents::lock(tx, owner, id).await?;
    check_active(agent.map_or(AgentStatus::Active, |agent| agent.status))
}

#[cfg(test)]
mod tests {
    use resonant_domain::form::Form;
    use resonant_domain::waiting::AskingTool;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_other_agents_have_done_is_not_done_twice() {
        let start = |step, attempt| EventBody::StepStart { step, attempt };
        let called = |step| {
            let reason = WaitReason::Agents { step, calls: Vec::new() };
            EventBody::Waiting { reason }
        };
        let begun = |step| EventBody::ToolStart { step, call_id: "call02001".to_owned() };
        let asks = |step| {
            let reason = WaitReason::Question {
                step,
                call_id: "call02001".to_owned(),
                question: "Which one?".to_owned(),
                form: Form::free_answer(),
                by: Some(AskingTool { tool: "shelf".to_owned(), resume: Value::Null }),
            };
            EventBody::Waiting { reason }
        };
        for (bodies, has_begun) in [
            (vec![start(1, 1), called(1), start(2, 1)], false),
            (vec![start(1, 1), start(2, 1), called(2)], true),
            (vec![start(2, 1), begun(2)], true),
            (vec![start(2, 1), begun(2), asks(2)], false),
            (vec![start(2, 1), begun(2), asks(2), begun(2)], true),
            // It was tried again, and is at its beginning.
            (vec![start(2, 1), called(2), EventBody::Retry { step: 2 }, start(2, 2)], false),
        ] {
            let at = jiff::Timestamp::UNIX_EPOCH;
            let events = (1..).zip(bodies.clone());
            let log: Vec<_> =
                events.map(|(sequence, body)| SessionEvent { sequence, at, body }).collect();
            assert_eq!(has_begun_calls(&log, 2), has_begun, "{bodies:?}");
        }
    }
}
