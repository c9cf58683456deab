//! A session while someone looks at it: its log folded into a [`Timeline`], and one signal for each
//! part of the page that an event can change. A piece of text that arrives redraws that text alone.

mod clock;
mod step;

use leptos::prelude::*;
use resonant_domain::SessionId;
use resonant_domain::breakdown::Breakdown;
use resonant_domain::pin::NewPin;
use resonant_domain::session::{Session, SessionState, Usage};
use resonant_domain::session_event::SessionEvent;
use resonant_domain::timeline::{Settled, Timeline, TimelineMessage, TimelineStep};
use resonant_domain::waiting::Wait;

use self::clock::Clock;
pub use self::step::{Call, LiveStep, StepClose, StepOpening};
use self::step::{Part, Touch};
use super::api::SessionSoFar;
use super::ending::{Ending, Facts};
use crate::browser::{self, StreamState};

/// A session and what the page hears of it.
#[derive(Clone, Copy)]
pub struct LiveSession {
    session: RwSignal<Session>,
    /// The messages that are pinned: they change by themselves.
    pins: RwSignal<Vec<i64>>,
    timeline: StoredValue<Timeline>,
    clock: StoredValue<Clock>,
    /// The steps, each with its signals.
    steps: RwSignal<Vec<LiveStep>>,
    /// State, model, usage, faults and end have changed.
    head: RwSignal<()>,
    /// Anything has changed.
    pulse: RwSignal<()>,
    stream: RwSignal<StreamState>,
    /// The step that the form for a fork is set to.
    fork_step: RwSignal<u32>,
    /// Whether the reader is at the end of what is written.
    at_end: RwSignal<bool>,
}

impl LiveSession {
    /// Takes over what the server said. Call it inside a component.
    pub fn new(so_far: SessionSoFar) -> Self {
        let SessionSoFar { session, timeline, as_of } = so_far;
        let steps = timeline.steps.iter().map(LiveStep::new).collect();
        let clock = Clock { as_of, heard_ms: browser::now_ms() };
        Self {
            pins: RwSignal::new(session.pins.clone()),
            session: RwSignal::new(session),
            timeline: StoredValue::new(timeline),
            clock: StoredValue::new(clock),
            steps: RwSignal::new(steps),
            head: RwSignal::new(()),
            pulse: RwSignal::new(()),
            stream: RwSignal::new(StreamState::Connecting),
            fork_step: RwSignal::new(0),
            at_end: RwSignal::new(true),
        }
    }

    /// Takes in the next event; one that was heard before changes nothing.
    pub fn hear(self, event: SessionEvent) {
        let touch = Touch::of(&event.body);
        let at = event.at;
        let is_new = self.timeline.try_update_value(|timeline| {
            let before = timeline.last_sequence;
            timeline.apply(event);
            timeline.last_sequence != before
        });
        if is_new != Some(true) {
            return;
        }
        self.clock.update_value(|clock| clock.hear(at, browser::now_ms()));
        match touch {
            Touch::Head => {}
            Touch::Steps => self.renew_steps(),
            Touch::Calls => self.steps.with_untracked(|steps| {
                for step in steps {
                    step.trigger(Part::Calls).notify();
                }
            }),
            Touch::Void(step) => {
                for part in [Part::Results, Part::Close] {
                    self.touch_step(step, part);
                }
            }
            Touch::Step(step, part) => self.touch_step(step, part),
        }
        if !matches!(touch, Touch::Step(_, part) if !matches!(part, Part::Opening | Part::Close)) {
            self.head.notify();
        }
        self.pulse.notify();
    }

    /// Takes over a newer record of the session.
    pub fn renew(self, session: Session) {
        self.pins.try_set(session.pins.clone());
        self.session.try_set(session);
    }

    /// Takes over whether one message is pinned: answers about several come in any order.
    pub fn set_pin(self, message: i64, is_pinned: bool) {
        self.pins.try_update(|pins| {
            if let Some(after) = (NewPin { message, is_pinned }).over(pins) {
                *pins = after;
            }
        });
    }

    /// Takes over which messages are pinned, as the stream tells it: someone has changed it elsewhere.
    pub fn set_pins(self, pins: Vec<i64>) {
        self.pins.try_set(pins);
    }

    /// The newest record of the session that is known by now.
    pub fn record(self) -> Session {
        self.session.get_untracked()
    }

    /// Which session it is.
    pub fn id(self) -> SessionId {
        self.session.with_untracked(|session| session.id)
    }

    /// Whether the message of this number is pinned.
    pub fn is_pinned(self, message: i64) -> bool {
        self.pins.with(|pins| pins.contains(&message))
    }

    /// Takes over how the connection stands.
    pub fn set_stream(self, state: StreamState) {
        self.stream.try_set(state);
    }

    fn renew_steps(self) {
        self.timeline.with_value(|timeline| {
            self.steps.update(|steps| {
                for (at, step) in timeline.steps.iter().enumerate() {
                    match steps.get_mut(at) {
                        Some(known) if (known.step, known.attempt) == (step.step, step.attempt) => {
                        }
                        Some(known) => *known = LiveStep::new(step),
                        None => steps.push(LiveStep::new(step)),
                    }
                }
            });
        });
    }

    fn touch_step(self, step: u32, part: Part) {
        let is_known = self.steps.with_untracked(|steps| {
            let known = steps.iter().find(|known| known.step == step);
            if let Some(known) = known {
                known.trigger(part).notify();
            }
            known.is_some()
        });
        if !is_known {
            self.renew_steps();
        }
    }

    /// How the connection stands.
    pub fn stream(self) -> StreamState {
        self.stream.get()
    }

    /// Follows every change.
    pub fn track_pulse(self) {
        self.pulse.track();
    }

    /// The number of the newest event taken in.
    pub fn last_sequence(self) -> i64 {
        self.timeline.with_value(|timeline| timeline.last_sequence)
    }

    /// Where the session stands.
    pub fn state(self) -> SessionState {
        self.with_head(state_of)
    }

    /// What it has used.
    pub fn usage(self) -> Usage {
        self.with_head(|session, timeline| {
            let heard = timeline.usage();
            if heard.total_tokens() >= session.usage.total_tokens() { heard } else { session.usage }
        })
    }

    /// The same in parts.
    pub fn breakdown(self) -> Breakdown {
        let whole = self.usage();
        self.with_head(|session, timeline| {
            let shared = session.parent.as_ref().map_or(0, |parent| parent.step);
            Breakdown::of(timeline, shared, whole)
        })
    }

    /// For how long people have kept it waiting so far, in milliseconds.
    pub fn people_ms(self) -> u64 {
        self.with_head(|_, timeline| timeline.people_ms)
    }

    /// How many steps were begun.
    pub fn step_count(self) -> u64 {
        let heard = self.steps.with(Vec::len) as u64;
        heard.max(self.session.with(|session| u64::from(session.steps)))
    }

    /// Who answers: provider and model.
    pub fn model(self) -> Option<(Option<String>, String)> {
        self.with_head(|session, timeline| {
            let model = timeline.model.clone().or_else(|| session.model.clone())?;
            Some((timeline.provider.clone(), model))
        })
    }

    /// Whether a model was chosen whose price nobody has told: the cost is an estimate then.
    pub fn is_cost_presumed(self) -> bool {
        self.with_head(|_, timeline| timeline.is_cost_presumed)
    }

    /// What it waits for.
    pub fn wait(self) -> Option<Wait> {
        self.with_head(|_, timeline| timeline.waiting.clone())
    }

    /// What was decided last.
    pub fn settled(self) -> Option<Settled> {
        self.with_head(|_, timeline| timeline.settled.clone())
    }

    /// The tool that a call is of; the call itself where no step asks for it any more.
    pub fn tool_of(self, call_id: &str) -> String {
        self.timeline.with_value(|timeline| {
            let mut calls = timeline.steps.iter().flat_map(|step| &step.calls);
            let call = calls.find(|call| call.call_id == call_id);
            call.map_or(call_id, |call| call.tool.as_str()).to_owned()
        })
    }

    /// What people said that no step has heard yet.
    pub fn unheard(self) -> Vec<TimelineMessage> {
        self.with_head(|_, timeline| timeline.unheard.clone())
    }

    /// The steps that another session can share: complete ones, less the last answer, to which nothing
    /// was said.
    pub fn fork_steps(self) -> Vec<u32> {
        self.with_head(|_, timeline| {
            let last = timeline.steps.last().map(|step| step.step);
            let shared = |step: &&TimelineStep| {
                step.is_over() && (!step.calls.is_empty() || Some(step.step) != last)
            };
            timeline.steps.iter().filter(shared).map(|step| step.step).collect()
        })
    }

    /// The step that the form for a fork is set to; 0 is the goal.
    pub fn fork_step(self) -> RwSignal<u32> {
        self.fork_step
    }

    /// The step in which it came to no good end: another try begins there.
    pub fn failed_step(self) -> Option<u32> {
        self.with_head(|session, timeline| {
            let state = state_of(session, timeline);
            let is_good = matches!(state, SessionState::Completed);
            let last = timeline.steps.last().map(|step| step.step);
            last.filter(|_| state.is_terminal() && !is_good)
        })
    }

    /// Whether the reader is at the end of what is written: the page goes along with it then.
    pub fn at_end(self) -> RwSignal<bool> {
        self.at_end
    }

    /// Faults that belong to no step.
    pub fn errors(self) -> Vec<String> {
        self.with_head(|_, timeline| timeline.errors.clone())
    }

    /// The answer, once the session is over.
    pub fn answer(self) -> Option<String> {
        self.with_head(|session, timeline| {
            let is_over = state_of(session, timeline).is_terminal();
            timeline.answer().filter(|_| is_over).map(str::to_owned)
        })
    }

    /// What to say now that it is over.
    pub fn ending(self) -> Option<Ending> {
        self.with_head(|session, timeline| {
            let end = timeline.end.as_ref();
            let reason = end.and_then(|end| end.reason.as_deref());
            Ending::of(Facts {
                state: state_of(session, timeline),
                reason: reason.or(session.reason.as_deref()),
                limits: session.limits,
                steps: timeline.steps.len(),
                usage: timeline.usage(),
                has_answer: timeline.answer().is_some(),
            })
        })
    }

    /// Milliseconds of work until now or its end, in all rounds. Follows the end alone: whoever shows a running
    /// session asks again by the clock.
    pub fn elapsed_ms(self) -> u64 {
        self.with_head(|session, timeline| {
            if !is_newer(session, timeline)
                && let Some(end) = &timeline.end
            {
                return timeline.worked_before_ms + end.duration_ms;
            }
            if let Some(worked_ms) = session.worked_ms() {
                return worked_ms;
            }
            if state_of(session, timeline).is_terminal() {
                return 0;
            }
            let Some(began_at) = timeline.began_at.or(session.started_at) else {
                return 0;
            };
            let now_ms = browser::now_ms();
            let since = |at| self.clock.with_value(|clock| clock.elapsed_ms(at, now_ms));
            let waits = timeline.waiting.as_ref().map_or(0, |wait| since(wait.since));
            let worked = since(began_at).saturating_sub(timeline.waited_ms + waits);
            timeline.worked_before_ms + worked
        })
    }

    fn with_head<T>(self, read: impl FnOnce(&Session, &Timeline) -> T) -> T {
        self.head.track();
        self.session.with(|session| self.timeline.with_value(|timeline| read(session, timeline)))
    }
}

/// Whether the record tells of entries that were not heard yet: it came with an answer to the viewer.
fn is_newer(session: &Session, timeline: &Timeline) -> bool {
    session.last_sequence > timeline.last_sequence
}

/// Where a session stands: the newer of record and log says it, and the record alone knows an end
/// that was never written to the log.
fn state_of(session: &Session, timeline: &Timeline) -> SessionState {
    if is_newer(session, timeline) {
        session.state
    } else if let Some(end) = &timeline.end {
        end.state
    } else if session.state.is_terminal() {
        session.state
    } else if timeline.waiting.is_some() {
        SessionState::Waiting
    } else if timeline.model.is_some() || !timeline.steps.is_empty() {
        SessionState::Running
    } else {
        session.state
    }
}

#[cfg(test)]
mod tests;
