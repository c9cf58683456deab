//! Forking a session: another one with the same beginning.

use resonant_domain::api_key::Scope;
use resonant_domain::pin::GOAL_NUMBER;
use resonant_domain::session::{Lineage, NewFork, Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{SessionId, UserId, variable};

use super::{NOT_FOUND, check_active};
use crate::access::SessionAct;
use crate::store::queue::NewEntry;
use crate::{Ctx, Error, Result, access, entitlements, store};

/// Starts a session that shares the steps of another up to `new.step` and goes on from there, with
/// the goal, the prompt or the model changed where the caller says so. The other one stays as it is.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for a step that is not complete
/// or has answered; [`Error::Conflict`] when the agent is paused or archived.
#[tracing::instrument(name = "sessions.fork", level = "debug", parent = ctx.span(), skip_all)]
pub async fn fork(ctx: &Ctx, id: SessionId, new: NewFork) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    new.check()?;
    match fork_of(ctx, me, id, new.clone(), None).await {
        // A step or an agent that is not there is told as it is: the session is the caller's.
        Err(Error::NotFound("session")) => {
            let is_changed = new.system_prompt.is_some() || new.model_policy.is_some();
            let act = if is_changed { SessionAct::ForkChanged } else { SessionAct::Fork };
            let owner = access::shared_session(ctx, me, id, act).await?;
            fork_of(ctx, owner, id, new, Some(me)).await
        }
        done => done,
    }
}

async fn fork_of(
    ctx: &Ctx,
    owner: UserId,
    id: SessionId,
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
    let copied = beginning(history, new.step, new.model_policy.is_some())?;
    let other_goal = new.goal.as_ref().is_some_and(|goal| goal.trim() != parent.session.goal);
    let pins = pins_of(&parent.session.pins, &copied, other_goal);
    let mut entries: Vec<_> = copied.into_iter().map(|(_, entry)| entry).collect();
    entries.push(EventBody::Fork { parent: id, step: new.step });

    let mut spec = parent.spec;
    // A prompt of its own has the same variables; the parent's is filled already.
    let values = &parent.session.variables;
    let prompt = new.system_prompt.map(|prompt| variable::fill(&prompt, values));
    spec.system_prompt = prompt.unwrap_or(spec.system_prompt);
    spec.model_policy = new.model_policy.unwrap_or(spec.model_policy);
    let goal = new.goal.map_or(parent.session.goal, |goal| goal.trim().to_owned());
    let session = Session {
        id: SessionId::from_uuid(ctx.resource_id()?),
        goal,
        state: SessionState::Queued,
        reason: None,
        usage: Usage::default(),
        steps: 0,
        model: None,
        waiting: None,
        waited_ms: 0,
        is_test: false,
        parent: Some(Lineage { session_id: id, step: new.step }),
        called_by: None,
        started_by,
        thumb: None,
        pins,
        last_sequence: 0,
        created_at: backend.now(),
        started_at: None,
        ended_at: None,
        ..parent.session
    };
    store::sessions::insert(&mut tx, &session, &spec).await?;
    if !session.pins.is_empty() {
        store::sessions::update_pins(&mut tx, owner, session.id, &session.pins).await?;
    }
    let entry = NewEntry {
        owner_id: owner,
        session_id: session.id,
        agent_id: session.agent_id,
        priority: 0,
        run_at: None,
    };
    let fence = store::queue::insert(&mut tx, entry).await?;
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

/// The entries up to the end of a step, as another session's own: what they cost, the parent paid. Each
/// with its number in the parent.
fn beginning(
    history: Vec<SessionEvent>,
    step: u32,
    other_model: bool,
) -> Result<Vec<(i64, EventBody)>> {
    if step == 0 {
        return Ok(Vec::new());
    }
    let ends_here = |event: &SessionEvent| matches!(event.body, EventBody::StepComplete { step: number, .. } if number == step);
    let Some(mut last) = history.iter().rposition(ends_here) else {
        return Err(Error::field("step", "must be a step that is complete"));
    };
    let has_calls = history.iter().any(
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
    let copy = |entry: EventBody| match entry {
        EventBody::Waiting { .. }
        | EventBody::Done { .. }
        | EventBody::Retry { .. }
        | EventBody::Fork { .. }
        | EventBody::Error { .. } => None,
        EventBody::ModelChoice { .. } if other_model => None,
        EventBody::StepComplete { step, duration_ms, .. } => {
            Some(EventBody::StepComplete { step, usage: Usage::default(), duration_ms })
        }
        EventBody::ContextSummary {
            step,
            from_step,
            through_step,
            text,
            by,
            tokens_before,
            tokens_after,
            pinned,
            usage: _,
        } => Some(EventBody::ContextSummary {
            step,
            from_step,
            through_step,
            text,
            by,
            tokens_before,
            tokens_after,
            pinned,
            usage: Usage::default(),
        }),
        other => Some(other),
    };
    let kept = history.into_iter().take(last + 1);
    Ok(kept.filter_map(|event| Some((event.sequence, copy(event.body)?))).collect())
}
