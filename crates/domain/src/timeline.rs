//! A session as people look at it: its events folded into steps, the same on the server, in the
//! browser and in a replay.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::{SessionState, Usage};
use crate::session_event::{EventBody, SessionEvent, ToolOutcome};

/// The steps of a session so far, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The steps in order.
    pub steps: Vec<TimelineStep>,
    /// The model that answers.
    pub model: Option<String>,
    /// Who answers: `builtin` or `openai`.
    pub provider: Option<String>,
    /// Faults that belong to no step.
    pub errors: Vec<String>,
    /// What the session waits for.
    pub waiting: Option<String>,
    /// How it ended.
    pub end: Option<TimelineEnd>,
    /// The number of the newest event taken in.
    pub last_sequence: i64,
}

/// One turn of the loop.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TimelineStep {
    /// Its number, from 1.
    pub step: u32,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// The model's reasoning so far.
    pub thinking: String,
    /// The tool calls, in the order in which they were asked for.
    pub calls: Vec<TimelineCall>,
    /// The model's answer so far.
    pub output: String,
    /// Faults within the step.
    pub errors: Vec<String>,
    /// What it used, once it is over.
    pub usage: Option<Usage>,
    /// How long it took, once it is over, in milliseconds.
    pub duration_ms: Option<u64>,
}

impl TimelineStep {
    /// Whether the step is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.duration_ms.is_some()
    }
}

/// A tool call and, when it is there, its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineCall {
    /// Joins call and result.
    pub call_id: String,
    /// The tool's name.
    pub tool: String,
    /// What it was called with.
    pub arguments: Value,
    /// What it answered.
    pub result: Option<TimelineResult>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineResult {
    /// How it went.
    pub outcome: ToolOutcome,
    /// The answer's text.
    pub content: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEnd {
    /// The final state.
    pub state: SessionState,
    /// Why, when the state alone does not say.
    pub reason: Option<String>,
    /// What the whole session used.
    pub usage: Usage,
    /// From first step to end, in milliseconds.
    pub duration_ms: u64,
}

impl Timeline {
    /// Folds a whole log.
    pub fn from_events(events: impl IntoIterator<Item = SessionEvent>) -> Self {
        let mut timeline = Self::default();
        for event in events {
            timeline.apply(event);
        }
        timeline
    }

    /// Takes in the next event. An event that was taken in before changes nothing, so a stream may
    /// overlap what is already there.
    pub fn apply(&mut self, event: SessionEvent) {
        if event.sequence <= self.last_sequence {
            return;
        }
        self.last_sequence = event.sequence;
        match event.body {
            EventBody::SessionStart { provider, model } => {
                self.provider = Some(provider);
                self.model = Some(model);
            }
            EventBody::StepStart { step, attempt } => {
                self.waiting = None;
                let fresh = TimelineStep { step, attempt, ..TimelineStep::default() };
                match self.steps.iter_mut().find(|known| known.step == step) {
                    Some(known) => *known = fresh,
                    None => self.steps.push(fresh),
                }
            }
            EventBody::Thinking { step, delta } => self.step(step).thinking.push_str(&delta),
            EventBody::Output { step, delta } => self.step(step).output.push_str(&delta),
            EventBody::ToolCall { step, call_id, tool, arguments } => {
                self.step(step).calls.push(TimelineCall { call_id, tool, arguments, result: None });
            }
            EventBody::ToolResult { step, call_id, outcome, content, duration_ms, .. } => {
                let calls = &mut self.step(step).calls;
                if let Some(call) = calls.iter_mut().find(|call| call.call_id == call_id) {
                    call.result = Some(TimelineResult { outcome, content, duration_ms });
                }
            }
            EventBody::StepComplete { step, usage, duration_ms } => {
                let step = self.step(step);
                step.usage = Some(usage);
                step.duration_ms = Some(duration_ms);
            }
            EventBody::Waiting { reason } => self.waiting = Some(reason),
            EventBody::Error { step: Some(step), message, .. } => {
                self.step(step).errors.push(message);
            }
            EventBody::Error { step: None, message, .. } => self.errors.push(message),
            EventBody::Done { state, reason, usage, duration_ms } => {
                self.waiting = None;
                self.end = Some(TimelineEnd { state, reason, usage, duration_ms });
            }
        }
    }

    /// What the finished steps have used, or the whole session once it is over.
    #[must_use]
    pub fn usage(&self) -> Usage {
        if let Some(end) = &self.end {
            return end.usage;
        }
        let mut sum = Usage::default();
        for usage in self.steps.iter().filter_map(|step| step.usage) {
            sum += usage;
        }
        sum
    }

    /// The answer: the output of the last step that wrote one.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        let step = self.steps.iter().rev().find(|step| !step.output.is_empty())?;
        Some(&step.output)
    }

    fn step(&mut self, step: u32) -> &mut TimelineStep {
        let known = self.steps.iter().position(|known| known.step == step);
        let at = known.unwrap_or_else(|| {
            self.steps.push(TimelineStep { step, attempt: 1, ..TimelineStep::default() });
            self.steps.len() - 1
        });
        &mut self.steps[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(bodies: Vec<EventBody>) -> Vec<SessionEvent> {
        (1..)
            .zip(bodies)
            .map(|(sequence, body)| SessionEvent {
                sequence,
                at: "2026-01-02T03:04:05Z".parse().unwrap(),
                body,
            })
            .collect()
    }

    fn output(step: u32, delta: &str) -> EventBody {
        EventBody::Output { step, delta: delta.to_owned() }
    }

    #[test]
    fn an_event_heard_twice_counts_once() {
        let log = events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            output(1, "a"),
            output(1, "b"),
        ]);
        let once = Timeline::from_events(log.clone());
        let mut twice = Timeline::from_events(log.clone());
        for event in log {
            twice.apply(event);
        }
        assert_eq!(once, twice);
        assert_eq!(once.answer(), Some("ab"));
    }

    #[test]
    fn a_step_begun_anew_forgets_its_first_attempt() {
        let timeline = Timeline::from_events(events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            output(1, "half an ans"),
            EventBody::StepStart { step: 1, attempt: 2 },
            output(1, "an answer"),
        ]));
        assert_eq!(timeline.steps.len(), 1);
        assert_eq!(timeline.answer(), Some("an answer"));
        assert_eq!(timeline.steps[0].attempt, 2);
    }

    #[test]
    fn results_find_their_calls() {
        let call = |id: &str| EventBody::ToolCall {
            step: 1,
            call_id: id.to_owned(),
            tool: "calculator".to_owned(),
            arguments: Value::Null,
        };
        let timeline = Timeline::from_events(events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            call("a"),
            call("b"),
            EventBody::ToolResult {
                step: 1,
                call_id: "b".to_owned(),
                tool: "calculator".to_owned(),
                outcome: ToolOutcome::Ok,
                content: "4".to_owned(),
                duration_ms: 1,
            },
        ]));
        let calls = &timeline.steps[0].calls;
        assert!(calls[0].result.is_none());
        assert_eq!(calls[1].result.as_ref().unwrap().content, "4");
    }
}
