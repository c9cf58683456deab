//! One step of a live session: what an event changes of it, and what can be read of it, each with a signal of
//! its own.

use leptos::prelude::*;
use resonant_domain::SessionId;
use resonant_domain::model::ModelChoice;
use resonant_domain::session::Usage;
use resonant_domain::session_event::{EventBody, ToolOutcome};
use resonant_domain::timeline::{
    TimelineCall, TimelineMessage, TimelineResult, TimelineStep, TimelineSummary,
};
use resonant_domain::tool::{ASK_USER, KNOWLEDGE};
use resonant_domain::waiting::WaitReason;

use super::LiveSession;
use crate::features::sessions::citations::Citations;

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
    pub(super) fn new(step: &TimelineStep) -> Self {
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

    /// What tells of changes of a part.
    pub(super) fn trigger(&self, part: Part) -> &ArcTrigger {
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
pub(super) enum Part {
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
pub(super) enum Touch {
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
    /// What an event changes.
    pub(super) const fn of(body: &EventBody) -> Self {
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

impl LiveSession {
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
            let call = |call: &TimelineCall| Call {
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
