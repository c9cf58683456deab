//! Forking a session: another one with the same beginning, to go another way or to try a step anew.

use resonant_domain::api_key::Scope;
use resonant_domain::pin::GOAL_NUMBER;
use resonant_domain::session::{Lineage, NewFork, Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{SessionId, UserId};

use super::{NOT_FOUND, QUEUED_MAX, check_active, filled, origin_of, too_many};
use crate::access::SessionAct;
use crate::store::listing_runs::Ran;
use crate::store::queue::NewEntry;
use crate::{Ctx, Error, Result, access, entitlements, store};

/// Starts a session that shares the steps of another up to `new.step` and goes on from there, with
/// the goal, the prompt or the model changed where the caller says so. The other one stays as it is.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for a step that is not complete
/// or has answered, and for a prompt that is too long with its values; [`Error::Conflict`] when the agent
/// is paused or archived, or too many sessions are queued.
#[tracing::instrument(name = "sessions.fork", level = "debug", parent = ctx.span(), skip_all)]
pub async fn fork(ctx: &Ctx, id: SessionId, new: NewFork) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    new.check()?;
    fork_reached(ctx, me, id, Cut::After(new.step), new).await
}

/// Tries a step of a session anew, in another session: it shares all that came before the step, and is
/// told what the step was told, by people too. Goal, prompt and policy stay; what the step had come to
/// counts for nothing there, and the session itself stays as it is.
///
/// # Errors
/// Those of [`fork`]; [`Error::Invalid`] for a step that has not begun.
#[tracing::instrument(name = "sessions.retry_from", level = "debug", parent = ctx.span(), skip_all)]
pub async fn retry_from(ctx: &Ctx, id: SessionId, step: u32) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    fork_reached(ctx, me, id, Cut::Before(step), NewFork::default()).await
}

/// How much of a session another one shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Everything up to the end of this step; 0: nothing.
    After(u32),
    /// Everything up to where this step begins.
    Before(u32),
}

impl Cut {
    /// The last step that is shared; 0: none.
    const fn step(self) -> u32 {
        match self {
            Self::After(step) => step,
            Self::Before(step) => step.saturating_sub(1),
        }
    }
}

/// Forks a session of the caller's own or, where it is not among those, one of another that they reach.
async fn fork_reached(
    ctx: &Ctx,
    me: UserId,
    id: SessionId,
    cut: Cut,
    new: NewFork,
) -> Result<Session> {
    match fork_of(ctx, (me, id), cut, new.clone(), None).await {
        // A step or an agent that is not there is told as it is: the session is the caller's.
        Err(Error::NotFound("session")) => {
            let is_changed = new.system_prompt.is_some() || new.model_policy.is_some();
            let act = if is_changed { SessionAct::ForkChanged } else { SessionAct::Fork };
            let owner = access::shared_session(ctx, me, id, act).await?;
            fork_of(ctx, (owner, id), cut, new, Some(me)).await
        }
        done => done,
    }
}

async fn fork_of(
    ctx: &Ctx,
    (owner, id): (UserId, SessionId),
    cut: Cut,
    new: NewFork,
    started_by: Option<UserId>,
) -> Result<Session> {
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    let parent = store::sessions::find_runnable(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let agent = store::agents::lock(&mut tx, owner, parent.session.agent_id).await?;
    // An earlier try held the same lock: what it has made is seen from here.
    if let Some(made) = ctx.made_before().map(SessionId::from_uuid)
        && let Some(made) = store::sessions::find(&mut tx, owner, made).await?
    {
        return Ok(made);
    }
    if let Some(agent) = agent {
        check_active(agent.status)?;
    }
    entitlements::admit(backend, &mut tx, (owner, parent.session.agent_id)).await?;
    let history = store::session_events::list(&mut tx, owner, id, 0, i64::MAX).await?;
    let copied = beginning(history, cut, new.model_policy.is_some())?;
    let other_goal = new.goal.as_ref().is_some_and(|goal| goal.trim() != parent.session.goal);
    let pins = pins_of(&parent.session.pins, &copied, other_goal);
    let mut entries: Vec<_> = copied.into_iter().map(|(_, entry)| entry).collect();
    entries.push(EventBody::Fork { parent: id, step: cut.step() });

    let is_changed = new.system_prompt.is_some() || new.model_policy.is_some();
    let mut spec = parent.spec;
    // A prompt of its own has the same variables; the parent's is filled already.
    let values = &parent.session.variables;
    if let Some(prompt) = new.system_prompt {
        spec.system_prompt = filled("system_prompt", &prompt, values)?;
    }
    spec.model_policy = new.model_policy.unwrap_or(spec.model_policy);
    let goal = new.goal.map_or(parent.session.goal, |goal| goal.trim().to_owned());
    let session = Session {
        id: SessionId::from_uuid(ctx.resource_id()?),
        goal,
        state: SessionState::Queued,
        reason: None,
        run_at: None,
        usage: Usage::default(),
        steps: 0,
        model: None,
        waiting: None,
        waited_ms: 0,
        is_test: false,
        parent: Some(Lineage { session_id: id, step: cut.step() }),
        called_by: None,
        started_by,
        origin: Some(origin_of(ctx.actor(), None)),
        thumb: None,
        pins,
        last_sequence: 0,
        created_at: backend.now(),
        started_at: None,
        ended_at: None,
        ..parent.session
    };
    let ran = store::listing_runs::find_ran(&mut tx, owner, id).await?;
    let ran = ran.map(|ran| Ran { is_pristine: ran.is_pristine && !is_changed, ..ran });
    store::sessions::insert(&mut tx, &session, &spec, ran).await?;
    if !session.pins.is_empty() {
        store::sessions::update_pins(&mut tx, owner, session.id, &session.pins).await?;
    }
    let entry = NewEntry {
        owner_id: owner,
        session_id: session.id,
        agent_id: session.agent_id,
        priority: session.priority.rank(),
        run_at: None,
        most: Some(QUEUED_MAX),
        at_once: None,
    };
    let fence = store::queue::insert(&mut tx, entry).await?.ok_or_else(too_many)?.fence;
    let (key, now) = ((owner, session.id, fence), backend.now());
    store::session_events::append(&mut tx, key, None, entries, Usage::default(), now).await?;
    let session = store::sessions::find(&mut tx, owner, session.id).await?.ok_or(NOT_FOUND)?;
    tx.commit().await?;
    tracing::info!(session.id = %session.id, session.parent = %id, "session forked");
    Ok(session)
}

/// The pins of a session that begins with these entries of another one: those of the messages that it
/// shares, by their numbers in it.
fn pins_of(pins: &[i64], copied: &[(i64, EventBody)], other_goal: bool) -> Vec<i64> {
    let number_of = |pin: i64| match pin {
        GOAL_NUMBER => (!other_goal).then_some(GOAL_NUMBER),
        pin => (1..).zip(copied).find(|(_, (number, _))| *number == pin).map(|(number, _)| number),
    };
    pins.iter().filter_map(|pin| number_of(*pin)).collect()
}

/// The entries that are shared, as another session's own: what they cost, the parent paid. Each with its
/// number in the parent.
fn beginning(
    history: Vec<SessionEvent>,
    cut: Cut,
    other_model: bool,
) -> Result<Vec<(i64, EventBody)>> {
    let kept = match cut {
        Cut::After(0) => Vec::new(),
        Cut::After(step) => up_to_end(history, step)?,
        Cut::Before(step) => up_to_begin(history, step)?,
    };
    let numbered = |event: SessionEvent| Some((event.sequence, own(event.body, other_model)?));
    Ok(kept.into_iter().filter_map(numbered).collect())
}

/// The entries before a step begins for the last time, without what earlier attempts at it had come to:
/// what people said to these is said to the next one.
fn up_to_begin(history: Vec<SessionEvent>, step: u32) -> Result<Vec<SessionEvent>> {
    let begins_here = |event: &SessionEvent| matches!(event.body, EventBody::StepStart { step: number, .. } if number == step);
    let Some(begin) = history.iter().rposition(begins_here) else {
        return Err(Error::field("step", "must be a step that has begun"));
    };
    let kept = history.into_iter().take(begin);
    Ok(kept.filter(|event| !is_attempt(&event.body, step)).collect())
}

/// Whether an entry belongs to an attempt at a step. What stands for the steps before it does not.
fn is_attempt(entry: &EventBody, step: u32) -> bool {
    match entry {
        EventBody::StepStart { step: number, .. }
        | EventBody::ModelChoice { step: number, .. }
        | EventBody::Thinking { step: number, .. }
        | EventBody::Output { step: number, .. }
        | EventBody::ToolCall { step: number, .. }
        | EventBody::ToolStart { step: number, .. }
        | EventBody::ToolResult { step: number, .. }
        | EventBody::StepComplete { step: number, .. } => *number == step,
        _ => false,
    }
}

/// The entries up to the end of a step.
fn up_to_end(mut history: Vec<SessionEvent>, step: u32) -> Result<Vec<SessionEvent>> {
    let ends_here = |event: &SessionEvent| matches!(event.body, EventBody::StepComplete { step: number, .. } if number == step);
    let Some(mut last) = history.iter().rposition(ends_here) else {
        return Err(Error::field("step", "must be a step that is complete"));
    };
    // What an attempt had asked for that was tried again counts for nothing.
    let begins_here = |event: &SessionEvent| matches!(event.body, EventBody::StepStart { step: number, .. } if number == step);
    let begin = history[..last].iter().rposition(begins_here).unwrap_or(0);
    let has_calls = history[begin..=last].iter().any(
        |event| matches!(event.body, EventBody::ToolCall { step: number, .. } if number == step),
    );
    if !has_calls {
        // It answered: the fork answers anew what was said next.
        let later = history.iter().skip(last + 1);
        let said = later.clone().position(|event| matches!(event.body, EventBody::Message { .. }));
        let Some(said) = said else {
            let reason = "must not be the last answer: nothing was said after it";
            return Err(Error::field("step", reason));
        };
        last += 1 + said;
    }
    history.truncate(last + 1);
    Ok(history)
}

/// An entry as another session's own. `None`: it is the parent's alone.
fn own(entry: EventBody, other_model: bool) -> Option<EventBody> {
    match entry {
        EventBody::Waiting { .. }
        | EventBody::Done { .. }
        | EventBody::Retry { .. }
        | EventBody::Fork { .. }
        | EventBody::Error { .. } => None,
        EventBody::ModelChoice { .. } if other_model => None,
        mut other => {
            if let EventBody::StepComplete { usage, .. } | EventBody::ContextSummary { usage, .. } =
                &mut other
            {
                *usage = Usage::default();
            }
            Some(other)
        }
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::session_event::ToolOutcome;

    use super::*;

    fn log(bodies: Vec<EventBody>) -> Vec<SessionEvent> {
        let at = jiff::Timestamp::UNIX_EPOCH;
        (1..).zip(bodies).map(|(sequence, body)| SessionEvent { sequence, at, body }).collect()
    }

    fn say(text: &str) -> EventBody {
        EventBody::Message { text: text.to_owned(), context: None }
    }

    fn start(step: u32, attempt: u32) -> EventBody {
        EventBody::StepStart { step, attempt }
    }

    /// A step that calls a tool, and is over.
    fn step(step: u32) -> Vec<EventBody> {
        let (call_id, tool) = (format!("call{step:02}001"), "calculator".to_owned());
        let (outcome, content) = (ToolOutcome::Ok, "4".to_owned());
        vec![
            start(step, 1),
            EventBody::ToolCall {
                step,
                call_id: call_id.clone(),
                tool: tool.clone(),
                arguments: serde_json::Value::Null,
                provider_data: None,
            },
            EventBody::ToolResult { step, call_id, tool, outcome, content, duration_ms: 1 },
            EventBody::StepComplete { step, usage: Usage::default(), duration_ms: 1 },
        ]
    }

    fn shared(history: &[SessionEvent], cut: Cut) -> Vec<(i64, &'static str)> {
        let copied = beginning(history.to_vec(), cut, false).unwrap();
        copied.into_iter().map(|(number, entry)| (number, entry.name())).collect()
    }

    #[test]
    fn a_step_that_answered_when_it_was_tried_again_has_answered() {
        let mut bodies = step(1);
        bodies.push(EventBody::Retry { step: 1 });
        bodies.push(start(1, 2));
        bodies.push(EventBody::Output { step: 1, delta: "42".to_owned() });
        bodies.push(EventBody::StepComplete { step: 1, usage: Usage::default(), duration_ms: 1 });
        let error = beginning(log(bodies.clone()), Cut::After(1), false).unwrap_err();
        assert_eq!(error.fields()[0].field, "step");
        bodies.push(say("And then?"));
        let last = shared(&log(bodies), Cut::After(1)).pop();
        assert_eq!(last, Some((9, "message")));
    }

    #[test]
    fn a_step_that_is_tried_anew_is_told_what_it_was_told() {
        let mut bodies = vec![say("At once")];
        bodies.extend(step(1));
        // Said after the first step was over: it is the second one that hears it.
        bodies.push(say("Hurry"));
        bodies.push(start(2, 1));
        bodies.push(EventBody::Output { step: 2, delta: "half an ans".to_owned() });
        bodies.push(say("Still there?"));
        bodies.push(start(2, 2));
        bodies.push(EventBody::Output { step: 2, delta: "an answer".to_owned() });
        let history = log(bodies);
        let first = [
            (1, "message"),
            (2, "step_start"),
            (3, "tool_call"),
            (4, "tool_result"),
            (5, "step_complete"),
        ];
        assert_eq!(shared(&history, Cut::After(1)), first);
        let second = [&first[..], &[(6, "message"), (9, "message")]].concat();
        assert_eq!(shared(&history, Cut::Before(2)), second);
        assert_eq!(shared(&history, Cut::Before(1)), [(1, "message")]);
        assert!(shared(&history, Cut::After(0)).is_empty());
        for cut in [Cut::Before(0), Cut::Before(3), Cut::After(2)] {
            let error = beginning(history.clone(), cut, false).unwrap_err();
            assert_eq!(error.fields()[0].field, "step", "{cut:?}");
        }
    }
}
