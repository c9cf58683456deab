//! A session while someone looks at it: its log folded into a [`Timeline`], and one signal for each
//! part of the page that an event can change. A piece of text that arrives redraws that text alone.

use jiff::Timestamp;
use leptos::prelude::*;
use resonant_domain::SessionId;
use resonant_domain::model::ModelChoice;
use resonant_domain::pin::NewPin;
use resonant_domain::session::{Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_domain::timeline::{
    Settled, Timeline, TimelineMessage, TimelineResult, TimelineStep, TimelineSummary,
};
use resonant_domain::tool::{ASK_USER, KNOWLEDGE};
use resonant_domain::waiting::{Wait, WaitReason};

use super::api::SessionSoFar;
use super::citations::Citations;
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

/// The signals of one attempt at a step.
#[derive(Debug, Clone)]
pub struct LiveStep {
    /// The step's number.
    pub step: u32,
    /// The attempt's number.
    pub attempt: u32,
    opening: ArcTrigger,
    thinking: ArcTrigger,
    calls: ArcTrigger,
    results: ArcTrigger,
    output: ArcTrigger,
    close: ArcTrigger,
}

impl LiveStep {
    fn new(step: &TimelineStep) -> Self {
        Self {
            step: step.step,
            attempt: step.attempt,
            opening: ArcTrigger::new(),
            thinking: ArcTrigger::new(),
            calls: ArcTrigger::new(),
            results: ArcTrigger::new(),
            output: ArcTrigger::new(),
            close: ArcTrigger::new(),
        }
    }

    fn trigger(&self, part: Part) -> &ArcTrigger {
        match part {
            Part::Opening => &self.opening,
            Part::Thinking => &self.thinking,
            Part::Calls => &self.calls,
            Part::Results => &self.results,
            Part::Output => &self.output,
            Part::Close => &self.close,
        }
    }
}

/// A part of a step that an event changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// What the model is told anew, and which model it is.
    Opening,
    Thinking,
    Calls,
    Results,
    Output,
    /// Usage, duration and faults.
    Close,
}

/// What an event changes on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touch {
    /// What stands above the steps.
    Head,
    /// Which steps there are.
    Steps,
    /// The calls of any step: a person may have changed them.
    Calls,
    /// What one step came to: it is tried again.
    Void(u32),
    /// A part of one step.
    Step(u32, Part),
}

impl Touch {
    const fn of(body: &EventBody) -> Self {
        match body {
            // Which sessions the calls have started.
            EventBody::Waiting { reason: WaitReason::Agents { .. } }
            | EventBody::Decision { .. } => Self::Calls,
            EventBody::SessionStart { .. }
            | EventBody::Waiting { .. }
            | EventBody::Message { .. }
            | EventBody::Fork { .. }
            | EventBody::Done { .. }
            | EventBody::Error { step: None, .. } => Self::Head,
            EventBody::StepStart { .. } => Self::Steps,
            EventBody::Retry { step } => Self::Void(*step),
            EventBody::ModelChoice { step, .. } | EventBody::ContextSummary { step, .. } => {
                Self::Step(*step, Part::Opening)
            }
            EventBody::Thinking { step, .. } => Self::Step(*step, Part::Thinking),
            EventBody::Output { step, .. } => Self::Step(*step, Part::Output),
            EventBody::ToolCall { step, .. } | EventBody::ToolStart { step, .. } => {
                Self::Step(*step, Part::Calls)
            }
            EventBody::ToolResult { step, .. } => Self::Step(*step, Part::Results),
            EventBody::StepComplete { step, .. } | EventBody::Error { step: Some(step), .. } => {
                Self::Step(*step, Part::Close)
            }
        }
    }
}

/// Counts the time since a round began from what the server said last, so that a browser with a
/// wrong clock shows the right time.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// The server's time.
    as_of: Timestamp,
    /// The browser's counter at that time.
    heard_ms: f64,
}

impl Clock {
    fn hear(&mut self, at: Timestamp, now_ms: f64) {
        // An event of long ago, sent now because the page was away, does not turn the clock back.
        if at.as_millisecond()
            > self.as_of.as_millisecond().saturating_add(since(self.heard_ms, now_ms))
        {
            (self.as_of, self.heard_ms) = (at, now_ms);
        }
    }

    fn elapsed_ms(&self, started_at: Timestamp, now_ms: f64) -> u64 {
        let known = self.as_of.as_millisecond() - started_at.as_millisecond();
        u64::try_from(known.saturating_add(since(self.heard_ms, now_ms))).unwrap_or(0)
    }
}

fn since(then_ms: f64, now_ms: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a page is not open for 2^63 milliseconds")]
    let ms = (now_ms - then_ms).max(0.0) as i64;
    ms
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
                    step.calls.notify();
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

    /// The steps, in order.
    pub fn steps(self) -> Vec<LiveStep> {
        self.steps.get()
    }

    /// What a step begins with.
    pub fn opening(self, step: &LiveStep) -> StepOpening {
        step.opening.track();
        self.read(step, |known| StepOpening {
            messages: known.messages.clone(),
            model: known.model.clone(),
            summary: known.summary.clone(),
        })
    }

    /// What a step has thought so far.
    pub fn thinking(self, step: &LiveStep) -> String {
        step.thinking.track();
        self.read(step, |known| known.thinking.clone())
    }

    /// What a step has written so far.
    pub fn output(self, step: &LiveStep) -> String {
        step.output.track();
        self.read(step, |known| known.output.clone())
    }

    /// The ids of a step's calls.
    pub fn calls(self, step: &LiveStep) -> Vec<Call> {
        step.calls.track();
        self.read(step, |known| {
            let call = |call: &resonant_domain::timeline::TimelineCall| Call {
                id: call.call_id.clone(),
                tool: call.tool.clone(),
                arguments: call.arguments.clone(),
                is_edited: call.is_edited,
                session: call.session,
            };
            known.calls.iter().map(call).collect()
        })
    }

    /// What a step may cite: the passages that those before it were told of.
    pub fn citations(self, step: &LiveStep) -> Citations {
        let agent = self.session.with_untracked(|session| session.agent_id);
        self.timeline.with_value(|timeline| {
            let before = timeline.steps.iter().filter(|known| known.step < step.step);
            let calls = before.flat_map(|known| &known.calls);
            let told = calls.filter(|call| call.tool == KNOWLEDGE);
            let told = told.filter_map(|call| Some(call.result.as_ref()?.content.as_str()));
            Citations::of(agent, told)
        })
    }

    /// The result of a call, when it is there.
    pub fn result(self, step: &LiveStep, call_id: &str) -> Option<TimelineResult> {
        step.results.track();
        self.read(step, |known| {
            known.calls.iter().find(|call| call.call_id == call_id)?.result.clone()
        })
    }

    /// The number by which a person's reply to a call is pinned, while it is part of the conversation.
    pub fn reply(self, step: &LiveStep, call_id: &str) -> Option<i64> {
        step.results.track();
        self.read(step, |known| {
            let call = known.calls.iter().find(|call| call.call_id == call_id)?;
            let result = call.result.as_ref()?;
            let is_reply = call.tool == ASK_USER && result.outcome == ToolOutcome::Ok;
            (is_reply && !known.is_void).then_some(result.sequence)
        })
    }

    /// How a step ended: usage, duration, faults.
    pub fn close(self, step: &LiveStep) -> StepClose {
        step.close.track();
        self.read(step, |known| StepClose {
            usage: known.usage,
            duration_ms: known.duration_ms,
            sequence: known.sequence.filter(|_| !known.is_void),
            errors: known.errors.clone(),
        })
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

    /// Milliseconds from the first step of its round until now or its end. Follows the end alone: whoever shows a
    /// running session asks again by the clock.
    pub fn elapsed_ms(self) -> u64 {
        self.with_head(|session, timeline| {
            if !is_newer(session, timeline)
                && let Some(end) = &timeline.end
            {
                return end.duration_ms;
            }
            if let (Some(started_at), Some(ended_at)) = (session.started_at, session.ended_at) {
                let ms = ended_at.as_millisecond() - started_at.as_millisecond();
                return u64::try_from(ms).unwrap_or(0);
            }
            if state_of(session, timeline).is_terminal() {
                return 0;
            }
            let Some(began_at) = timeline.began_at.or(session.started_at) else {
                return 0;
            };
            self.clock.with_value(|clock| clock.elapsed_ms(began_at, browser::now_ms()))
        })
    }

    fn with_head<T>(self, read: impl FnOnce(&Session, &Timeline) -> T) -> T {
        self.head.track();
        self.session.with(|session| self.timeline.with_value(|timeline| read(session, timeline)))
    }

    /// Reads a step of the timeline; one that was begun anew in the meantime reads as empty.
    fn read<T>(self, step: &LiveStep, read: impl FnOnce(&TimelineStep) -> T) -> T {
        self.timeline.with_value(|timeline| {
            let known = timeline
                .steps
                .iter()
                .find(|known| (known.step, known.attempt) == (step.step, step.attempt));
            let empty = TimelineStep::default();
            read(known.unwrap_or(&empty))
        })
    }
}

/// A tool call without its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Joins it to its result.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// What it was called with.
    pub arguments: serde_json::Value,
    /// Whether a person changed that.
    pub is_edited: bool,
    /// The session that it started, when it called another agent.
    pub session: Option<SessionId>,
}

/// What a step begins with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepOpening {
    /// What people said before it.
    pub messages: Vec<TimelineMessage>,
    /// The model that answers from here on, when it is another than before.
    pub model: Option<ModelChoice>,
    /// What stands for earlier steps from here on.
    pub summary: Option<TimelineSummary>,
}

/// How a step ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepClose {
    /// What it used.
    pub usage: Option<Usage>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// The number of the event that ended it, while what it wrote is part of the conversation.
    pub sequence: Option<i64>,
    /// What went wrong in it.
    pub errors: Vec<String>,
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
