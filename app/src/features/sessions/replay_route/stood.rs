//! A recorded session as it stood at an event.

use leptos::prelude::*;
use resonant_domain::session::{Session, SessionState};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::timeline::Timeline;
use resonant_domain::waiting::Decision;

use super::Player;
use crate::features::sessions::api::SessionSoFar;
use crate::features::sessions::brief::{Brief, heading};
use crate::features::sessions::door::Door;
use crate::features::sessions::happened::{Below, Close, Queued, Steps, Waiting};
use crate::features::sessions::input_panel::Inputs;
use crate::features::sessions::live_session::LiveSession;
use crate::features::sessions::settled_news::decision_words;
use crate::language::{tr, tr_with};
use crate::ui::{Notice, StateBadge, Tone};

/// A session as it stood after so much of its log.
pub(super) fn so_far(record: Session, events: &[SessionEvent]) -> SessionSoFar {
    let timeline = Timeline::from_events(events.iter().cloned());
    let session = record_at(record, timeline.last_sequence);
    SessionSoFar { as_of: session.created_at, session, timeline }
}

/// The record of a session as it stood at an event of its log.
fn record_at(record: Session, last_sequence: i64) -> Session {
    if last_sequence >= record.last_sequence {
        return record;
    }
    // Where it stood then, the log says. How it went on, nobody knew.
    let state = SessionState::Queued;
    Session { state, reason: None, model: None, ended_at: None, last_sequence, ..record }
}

/// What the session was asked for, and where it stood. What comes next is added; where the reader goes back it
/// is made anew.
#[component]
pub(super) fn Shown(
    /// What is replayed, and how far.
    player: Player,
    /// The session as it is now.
    head: LiveSession,
    /// Its record.
    session: Session,
) -> impl IntoView {
    let made_at = RwSignal::new(player.at.get_untracked());
    let inputs = StoredValue::new(Inputs { door: Door::Own(session.id), asked: None });
    let goal = heading(&session.goal);
    let brief = {
        let Session { goal, context, variables, .. } = session.clone();
        view! { <Brief goal=goal context=context variables=variables /> }
    };
    let stood = move || {
        let at = made_at.get();
        let record = head.record();
        let so_far =
            player.events.with_value(|events| so_far(record, &events[..at.min(events.len())]));
        let session = session.clone();
        view! { <Stood player so_far head session made_at inputs /> }
    };
    view! {
        <div class="session__head">
            <h2 class="session__goal">{goal}</h2>
            {brief}
        </div>
        <h2 class="visually-hidden">{tr("What happened")}</h2>
        {stood}
    }
}

/// The session as it stood, and what has come since that was made. What the model was given for a step does
/// not change any more.
#[component]
fn Stood(
    player: Player,
    so_far: SessionSoFar,
    head: LiveSession,
    session: Session,
    made_at: RwSignal<usize>,
    inputs: StoredValue<Inputs>,
) -> impl IntoView {
    let live = LiveSession::new(so_far);
    let from = made_at.get_untracked();
    Effect::new(move |shown: Option<usize>| {
        let (shown, at) = (shown.unwrap_or(from), player.at.get());
        if at < shown {
            made_at.set(at);
            return shown;
        }
        if at > shown {
            player.events.with_value(|events| {
                for event in events.iter().take(at).skip(shown) {
                    live.hear(event.clone());
                }
            });
            live.renew(record_at(head.record(), live.last_sequence()));
        }
        at
    });
    let state = Memo::new(move |_| live.state());
    view! {
        <p>
            <StateBadge state=state />
        </p>
        <Queued live=live />
        <Steps live=live may_look_up=true inputs=inputs />
        <Below live=live pins=None>
            <Decided player=player live=live />
            <Waiting live=live />
        </Below>
        <Close live=live session=session />
    }
}

/// What was decided about a pause, until the session goes on.
#[component]
fn Decided(player: Player, live: LiveSession) -> impl IntoView {
    let decision = Memo::new(move |_| {
        let at = player.at.get();
        player.events.with_value(|events| decided(&events[..at.min(events.len())]).cloned())
    });
    move || {
        let what = decision_words(&decision.get()?, |call_id| live.tool_of(call_id));
        let words = tr_with("Decided: {what}", &[("what", &what)]);
        Some(view! { <Notice tone=Tone::Neutral>{words}</Notice> })
    }
}

/// The decision that a log ends with, and with what it has settled.
fn decided(events: &[SessionEvent]) -> Option<&Decision> {
    let mut bodies = events.iter().rev().map(|event| &event.body);
    match bodies.find(|body| !matches!(body, EventBody::ToolResult { .. }))? {
        EventBody::Decision { decision, .. } => Some(decision),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::{Avatar, Limits};
    use resonant_domain::session::Usage;
    use resonant_domain::session_event::ToolOutcome;
    use serde_json::{Value, json};

    use super::*;

    /// A session that was cancelled, and its log.
    fn recording() -> (Session, Vec<SessionEvent>) {
        let (call_id, tool) = ("a".to_owned(), "calculator".to_owned());
        let reason = Some("enough".to_owned());
        let decision = Decision::Answer { values: None };
        let (state, usage) = (SessionState::Cancelled, Usage::default());
        let bodies = [
            EventBody::StepStart { step: 1, attempt: 1 },
            EventBody::ToolCall {
                step: 1,
                call_id: call_id.clone(),
                tool: tool.clone(),
                arguments: Value::Null,
                provider_data: None,
            },
            EventBody::Decision { waiting: 0, decision },
            EventBody::ToolResult {
                step: 1,
                call_id,
                tool,
                outcome: ToolOutcome::Ok,
                content: "42".to_owned(),
                duration_ms: 1,
            },
            EventBody::Message { text: "And now?".to_owned(), context: None },
            EventBody::Done { state, reason: reason.clone(), usage, duration_ms: 1, waited_ms: 0 },
        ];
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let at = "2026-01-02T03:04:05Z";
        let record = json!({
            "id": id, "owner_id": id, "agent_id": id, "agent_name": "Reckoner",
            "agent_avatar": Avatar::default(), "goal": "Reckon", "state": state, "reason": reason,
            "limits": Limits::default(), "usage": usage, "steps": 1, "last_sequence": bodies.len(),
            "created_at": at, "started_at": at, "ended_at": at,
        });
        let at = at.parse().unwrap();
        let events =
            (1..).zip(bodies).map(|(sequence, body)| SessionEvent { sequence, at, body }).collect();
        (serde_json::from_value(record).unwrap(), events)
    }

    #[test]
    fn a_session_is_shown_as_it_stood() {
        let (record, events) = recording();
        let stood = |at: usize| {
            Owner::new().with(|| {
                let live = LiveSession::new(so_far(record.clone(), &events[..at]));
                (live.state(), live.unheard().len(), live.ending().is_some())
            })
        };
        assert_eq!(stood(0), (SessionState::Queued, 0, false));
        // The call is under way, and is not taken for one that was never answered.
        assert_eq!(stood(2), (SessionState::Running, 0, false));
        assert_eq!(stood(5), (SessionState::Running, 1, false));
        assert_eq!(stood(6), (SessionState::Cancelled, 1, true));
    }

    #[test]
    fn an_end_that_no_log_tells_of_is_known_once_all_was_shown() {
        let (record, events) = recording();
        let record = Session { last_sequence: 5, ..record };
        assert_eq!(record_at(record.clone(), 4).state, SessionState::Queued);
        assert_eq!(record_at(record.clone(), 5), record);
        let state = Owner::new().with(|| LiveSession::new(so_far(record, &events[..5])).state());
        assert_eq!(state, SessionState::Cancelled);
    }

    #[test]
    fn a_decision_is_told_until_the_session_goes_on() {
        let (_, events) = recording();
        let told: Vec<_> = (0..=6).map(|at| decided(&events[..at]).is_some()).collect();
        assert_eq!(told, [false, false, false, true, true, false, false]);
    }
}
