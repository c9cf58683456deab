//! Agents that call agents: a session starts others and waits for their answers, without a worker.
//!
//! The pause and the sessions that it waits for are written in one transaction, under the caller's fence:
//! however often a worker is lost, a call starts one session. The answer is written with the end of the
//! session that was called. A transaction that locks both locks the caller first.

use std::collections::HashMap;

use resonant_domain::agent::{Agent, AgentStatus, LimitChange, LimitChanges};
use resonant_domain::origin::{Origin, OriginKind};
use resonant_domain::session::{CalledBy, NewSession, Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_domain::timeline::Timeline;
use resonant_domain::waiting::{AgentCall, WaitReason};
use resonant_domain::{AgentId, SessionId, UserId};
use resonant_runtime::log::AgentsAsked;
use sqlx::PgConnection;

use super::{NOT_FOUND, Start, between_ms, enqueue, fill_prompt};
use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::{Backend, Result, agents, entitlements, store};

/// A session held under a fence.
type Key = (UserId, SessionId, i64);

/// Starts a session for each call and lets the caller wait for them. A call that cannot be made is
/// answered with the reason; where none can, nothing is waited for. `None`: the caller is not held
/// under this fence, or its log has moved on, and nothing was written.
pub(crate) async fn call_agents(
    backend: &Backend,
    key: Key,
    after: i64,
    asked: AgentsAsked,
) -> Result<Option<Vec<SessionEvent>>> {
    let (owner, id, _) = key;
    let mut tx = backend.begin(owner).await?;
    let caller = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let depth = caller.called_by.as_ref().map_or(0, |by| by.depth) + 1;
    let mut ids: Vec<_> = asked.calls.iter().map(|call| call.agent_id).collect();
    ids.sort_unstable();
    ids.dedup();
    // Agents before sessions, as whoever deletes an agent locks them.
    let mut known = HashMap::<AgentId, Agent>::new();
    for agent in ids {
        known.extend(store::agents::lock(&mut tx, owner, agent).await?.map(|it| (agent, it)));
    }
    let AgentsAsked { step, calls, most_tokens, most_micro_usd } = asked;
    let is_broke = most_tokens == 0 || most_micro_usd == Some(0);
    let mut entries = Vec::new();
    let mut started = Vec::new();
    for call in calls {
        let agent = match may_call(known.get(&call.agent_id), depth, backend.agent_depth()) {
            Ok(_) if is_broke => Err("not called: nothing is left of this session's limits".into()),
            found => found,
        };
        let (call_id, tool) = (call.call_id, call.tool);
        let agent = match agent {
            Ok(agent) => agent,
            Err(content) => {
                entries.push(refused(step, call_id, tool, content));
                continue;
            }
        };
        let (agent_version, spec) = agents::spec_to_run(&mut tx, agent).await?;
        if fill_prompt(&spec, &call.session.variables).is_err() {
            let content = "not called: its prompt needs values that only a person can give";
            entries.push(refused(step, call_id, tool, content.to_owned()));
            continue;
        }
        let whose = (owner, agent.id);
        if let Some(why) = entitlements::refusal(backend, &mut tx, whose).await? {
            entries.push(refused(step, call_id, tool, format!("not called: the agent {why}")));
            continue;
        }
        if caller.is_test {
            entitlements::admit(backend, &mut tx, whose).await?;
        }
        let cost = [spec.limits.max_cost_micro_usd, most_micro_usd].into_iter().flatten().min();
        let limits = LimitChanges {
            max_tokens: u32::try_from(most_tokens)
                .ok()
                .map(|most| most.min(spec.limits.max_tokens)),
            max_cost_micro_usd: cost.map_or(LimitChange::Keep, LimitChange::To),
            ..LimitChanges::default()
        };
        let start = Start {
            id: SessionId::from_uuid(backend.new_id()?),
            owner,
            agent_id: agent.id,
            agent_version,
            spec,
            called_by: Some(CalledBy { session_id: id, call_id: call_id.clone(), depth }),
            started_by: caller.started_by,
            origin: Origin::of(OriginKind::Agent),
            is_test: caller.is_test,
        };
        let new = NewSession { limits, ..call.session };
        let session = enqueue(backend, &mut tx, start, new).await?;
        tracing::info!(session.id = %session.id, session.caller = %id, "session called");
        started.push(AgentCall { call_id, tool, session_id: session.id });
    }
    if !started.is_empty() {
        let reason = WaitReason::Agents { step, calls: started };
        entries.push(EventBody::Waiting { reason });
    }
    let (used, now) = (Usage::default(), backend.now());
    let written =
        store::session_events::append(&mut tx, key, Some(after), entries, used, now).await?;
    if written.is_some() {
        backend.commit(tx, stale(owner, id)).await?;
    }
    Ok(written)
}

/// What the model is told of a call that was not made.
fn refused(step: u32, call_id: String, tool: String, content: String) -> EventBody {
    let outcome = ToolOutcome::Error;
    EventBody::ToolResult { step, call_id, tool, outcome, content, duration_ms: 0 }
}

/// The agent, when it may be called at this depth, or a sentence for the model.
fn may_call(agent: Option<&Agent>, depth: u32, deepest: u32) -> Result<&Agent, String> {
    if depth > deepest {
        return Err(format!(
            "not called: agents may call each other {deepest} deep at most. Do it without this agent"
        ));
    }
    let agent = agent.ok_or("the agent behind this tool was deleted")?;
    match agent.status {
        AgentStatus::Active => Ok(agent),
        AgentStatus::Paused => Err(format!("the agent {} is paused", agent.spec.name)),
        AgentStatus::Archived => Err(format!("the agent {} is archived", agent.spec.name)),
    }
}

/// Appends the end of a session that was called, and hands its answer to the caller: in one
/// transaction. `None` as in [`store::session_events::append`].
pub(crate) async fn append_end(
    backend: &Backend,
    key: Key,
    by: &CalledBy,
    (after, entries, used): (i64, Vec<EventBody>, Usage),
) -> Result<Option<Vec<SessionEvent>>> {
    let (owner, id, _) = key;
    let now = backend.now();
    let mut tx = backend.begin(owner).await?;
    let caller = store::queue::lock(&mut tx, owner, by.session_id).await?;
    let written =
        store::session_events::append(&mut tx, key, Some(after), entries, used, now).await?;
    if written.is_none() {
        return Ok(None);
    }
    let mut told = Vec::new();
    if let Some(held) = caller {
        told = answer(backend, &mut tx, (owner, by.session_id, held.fence), id).await?;
    }
    backend
        .commit(tx, stale(owner, id).and::<SessionEntry>(&SessionKey(owner, by.session_id)))
        .await?;
    backend.events().publish(by.session_id, &told);
    Ok(written)
}

/// Hands on the answers of sessions that are over, where it was not done with their end.
pub(crate) async fn deliver_unheard(backend: &Backend, unheard: Vec<(UserId, SessionId)>) {
    for (owner, id) in unheard {
        let found = async {
            let mut conn = backend.read_latest(owner).await?;
            Ok::<_, crate::Error>(store::sessions::find(&mut conn, owner, id).await?)
        };
        match found.await {
            Ok(Some(Session { called_by: Some(by), .. })) => {
                deliver_later(backend, (owner, id), by.session_id).await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(session.id = %id, %error, "an answer waits"),
        }
    }
}

/// Hands on the answer of a session that was called and has ended to its caller. One that cannot be handed
/// on now is found again by the reaper.
pub(super) async fn deliver_later(
    backend: &Backend,
    ended: (UserId, SessionId),
    caller: SessionId,
) {
    let (owner, id) = ended;
    if let Err(error) = deliver(backend, owner, id, caller).await {
        tracing::warn!(session.id = %id, %error, "an answer waits to be handed on");
    }
}

async fn deliver(backend: &Backend, owner: UserId, id: SessionId, caller: SessionId) -> Result<()> {
    let mut tx = backend.begin(owner).await?;
    let Some(held) = store::queue::lock(&mut tx, owner, caller).await? else {
        return Ok(());
    };
    let told = answer(backend, &mut tx, (owner, caller, held.fence), id).await?;
    if told.is_empty() {
        return Ok(());
    }
    backend.commit(tx, stale(owner, caller)).await?;
    backend.events().publish(caller, &told);
    Ok(())
}

/// Writes the answer of a session that is over into the log of its caller, whose lock is held, and
/// lets that go on after the last one. Nothing, when the caller does not wait for it or has it.
async fn answer(
    backend: &Backend,
    tx: &mut PgConnection,
    caller: Key,
    id: SessionId,
) -> Result<Vec<SessionEvent>> {
    let (owner, caller_id, _) = caller;
    let asked = store::sessions::find(&mut *tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let waits = store::sessions::find(&mut *tx, owner, caller_id).await?.ok_or(NOT_FOUND)?;
    let wait = waits.waiting.filter(|_| asked.state.is_terminal());
    let Some((wait, WaitReason::Agents { step, calls })) =
        wait.map(|wait| (wait.sequence, wait.reason))
    else {
        return Ok(Vec::new());
    };
    let Some(call) = calls.iter().find(|call| call.session_id == id) else {
        return Ok(Vec::new());
    };
    let history = store::session_events::list(&mut *tx, owner, caller_id, wait, i64::MAX).await?;
    let has_answered = |call_id: &str| {
        history.iter().any(|event| {
            matches!(&event.body, EventBody::ToolResult { call_id: known, .. } if known == call_id)
        })
    };
    if has_answered(&call.call_id) {
        return Ok(Vec::new());
    }
    let is_last = calls.iter().all(|other| other.session_id == id || has_answered(&other.call_id));
    let log = store::session_events::list(&mut *tx, owner, id, 0, i64::MAX).await?;
    let (outcome, content) = outcome(&asked, &Timeline::from_events(log));
    let now = backend.now();
    let entry = EventBody::ToolResult {
        step,
        call_id: call.call_id.clone(),
        tool: call.tool.clone(),
        outcome,
        content,
        duration_ms: between_ms(asked.created_at, asked.ended_at.unwrap_or(now)),
    };
    let nothing = Usage::default();
    let events =
        store::session_events::append(&mut *tx, caller, None, vec![entry], nothing, now).await?;
    store::session_calls::update_used(&mut *tx, owner, caller_id, asked.usage).await?;
    if is_last {
        store::queue::wake(tx, owner, caller_id, now).await?;
    }
    Ok(events.unwrap_or_default())
}

/// What the caller's model is told.
fn outcome(called: &Session, timeline: &Timeline) -> (ToolOutcome, String) {
    let name = &called.agent_name;
    let why = called.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    match (called.state, timeline.answer()) {
        // One that is cut would be taken for whole.
        (SessionState::Completed, Some(answer)) => match &called.reason {
            Some(cut) => (ToolOutcome::Ok, format!("{answer}\n[{cut}]")),
            None => (ToolOutcome::Ok, answer.to_owned()),
        },
        (SessionState::Completed, None) => {
            (ToolOutcome::Error, format!("the agent {name} gave no answer"))
        }
        (SessionState::Cancelled, _) => {
            (ToolOutcome::Error, format!("a person stopped the agent {name}"))
        }
        (SessionState::Timeout, _) => {
            (ToolOutcome::Error, format!("the agent {name} ran out of time{why}"))
        }
        _ => (ToolOutcome::Error, format!("the agent {name} failed{why}")),
    }
}

fn stale(owner: UserId, id: SessionId) -> Stale {
    Stale::one::<SessionEntry>(&SessionKey(owner, id))
}

#[cfg(test)]
mod tests;
