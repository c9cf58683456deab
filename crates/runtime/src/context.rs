//! Where a session stands, folded from its log, and what a model is told of it.
//!
//! The loop keeps no other state: what it appends it folds in again, so that a session that another
//! worker takes over stands exactly where it stood.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use resonant_domain::session::{SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use serde_json::Value;

use crate::models::{CallRequest, Message};

/// The longest tool result that a model is shown whole, in characters.
pub(crate) const RESULT_SHOWN_MAX: usize = 16_000;

/// Where a session stands.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The steps begun so far.
    pub steps: Vec<StepRecord>,
    /// What the session has used so far.
    pub used: Usage,
    /// When its first event was written.
    pub began_at: Option<Timestamp>,
    /// How it ended.
    pub ended: Option<SessionState>,
}

/// One step as the log tells it.
#[derive(Debug)]
pub(crate) struct StepRecord {
    pub number: u32,
    pub attempt: u32,
    /// Faults of the model that the step outlived.
    pub faults: u32,
    pub began_at: Timestamp,
    pub output: String,
    pub calls: Vec<CallRecord>,
    pub usage: Usage,
    pub is_complete: bool,
}

/// A tool call and, when it is there, its result.
#[derive(Debug, Clone)]
pub(crate) struct CallRecord {
    pub call_id: String,
    pub tool: String,
    pub arguments: Value,
    pub result: Option<(ToolOutcome, String)>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A step begins, for the first time or anew.
    Step { number: u32, attempt: u32 },
    /// The last step asked for tools, and some or all have not answered.
    Tools,
    /// The last step asked for nothing: the session has its answer.
    Answered,
    /// The session is over.
    Over(SessionState),
}

impl Progress {
    /// Folds what is written so far. `used` is what the session's row says.
    pub fn new(history: &[SessionEvent], used: Usage) -> Self {
        let mut progress = Self::default();
        progress.take(history);
        let mut sum = Usage::default();
        for step in &progress.steps {
            sum += step.usage;
        }
        // The row counts the model's reply from the moment it is written, the log only once the
        // step is complete.
        progress.used = if used.total_tokens() >= sum.total_tokens() { used } else { sum };
        progress
    }

    /// Folds in the next events.
    pub fn take(&mut self, events: &[SessionEvent]) {
        for event in events {
            self.take_one(event);
        }
    }

    fn take_one(&mut self, event: &SessionEvent) {
        self.began_at.get_or_insert(event.at);
        match &event.body {
            EventBody::StepStart { step, attempt } => {
                let faults = match self.steps.last() {
                    Some(last) if last.number == *step => {
                        let faults = last.faults;
                        self.steps.pop();
                        faults
                    }
                    _ => 0,
                };
                self.steps.push(StepRecord {
                    number: *step,
                    attempt: *attempt,
                    faults,
                    began_at: event.at,
                    output: String::new(),
                    calls: Vec::new(),
                    usage: Usage::default(),
                    is_complete: false,
                });
            }
            EventBody::Output { delta, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.output.push_str(delta);
                }
            }
            EventBody::ToolCall { call_id, tool, arguments, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.calls.push(CallRecord {
                        call_id: call_id.clone(),
                        tool: tool.clone(),
                        arguments: arguments.clone(),
                        result: None,
                    });
                }
            }
            EventBody::ToolResult { call_id, outcome, content, .. } => {
                let calls = self.steps.iter_mut().rev().flat_map(|step| &mut step.calls);
                if let Some(call) = calls.into_iter().find(|call| call.call_id == *call_id) {
                    call.result = Some((*outcome, content.clone()));
                }
            }
            EventBody::StepComplete { usage, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.usage = *usage;
                    step.is_complete = true;
                }
            }
            EventBody::Error { step: Some(_), recoverable: true, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.faults += 1;
                }
            }
            EventBody::Done { state, .. } => self.ended = Some(*state),
            EventBody::SessionStart { .. }
            | EventBody::Thinking { .. }
            | EventBody::Waiting { .. }
            | EventBody::Decision { .. }
            | EventBody::Message { .. }
            | EventBody::Retry { .. }
            | EventBody::Fork { .. }
            | EventBody::ModelChoice { .. }
            | EventBody::ContextSummary { .. }
            | EventBody::ToolStart { .. }
            | EventBody::Error { .. } => {}
        }
    }

    /// What comes next.
    pub fn next(&self) -> Next {
        if let Some(state) = self.ended {
            return Next::Over(state);
        }
        match self.steps.last() {
            None => Next::Step { number: 1, attempt: 1 },
            Some(step) if step.is_complete && step.calls.is_empty() => Next::Answered,
            Some(step) if step.is_complete => Next::Step { number: step.number + 1, attempt: 1 },
            Some(step) if !step.calls.is_empty() => Next::Tools,
            Some(step) => Next::Step { number: step.number, attempt: step.attempt + 1 },
        }
    }

    /// What the open step has used: all that no complete step has.
    pub fn open_usage(&self) -> Usage {
        let mut open = self.used;
        for step in self.steps.iter().filter(|step| step.is_complete) {
            open.input_tokens = open.input_tokens.saturating_sub(step.usage.input_tokens);
            open.output_tokens = open.output_tokens.saturating_sub(step.usage.output_tokens);
            open.cost.0 = open.cost.0.saturating_sub(step.usage.cost.0).max(0);
        }
        open
    }

    /// The calls of the open step that have no result.
    pub fn open_calls(&self) -> Vec<CallRecord> {
        match self.steps.last() {
            Some(step) if !step.is_complete => {
                step.calls.iter().filter(|call| call.result.is_none()).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The conversation as a model is shown it: the goal, then every complete step. Results stand
    /// in the order of their calls, whatever order they arrived in.
    pub fn messages(&self, goal: &str, context: Option<&str>) -> Vec<Message> {
        let mut messages =
            vec![Message::User { text: goal.to_owned(), context: context.map(str::to_owned) }];
        for step in self.steps.iter().filter(|step| step.is_complete) {
            messages.push(Message::Assistant {
                text: step.output.clone(),
                calls: step
                    .calls
                    .iter()
                    .map(|call| CallRequest {
                        call_id: call.call_id.clone(),
                        tool: call.tool.clone(),
                        arguments: call.arguments.clone(),
                    })
                    .collect(),
            });
            for call in &step.calls {
                if let Some((outcome, content)) = &call.result {
                    messages.push(Message::Tool {
                        call_id: call.call_id.clone(),
                        tool: call.tool.clone(),
                        content: shown(content, &call.call_id),
                        is_error: *outcome != ToolOutcome::Ok,
                    });
                }
            }
        }
        messages
    }

    /// The texts that tool arguments may name: `context`, and each good result by its `call_id`.
    pub fn sources(&self, context: Option<&str>) -> Arc<HashMap<String, String>> {
        let mut sources = HashMap::new();
        if let Some(context) = context {
            sources.insert("context".to_owned(), context.to_owned());
        }
        for call in self.steps.iter().flat_map(|step| &step.calls) {
            if let Some((ToolOutcome::Ok, content)) = &call.result {
                sources.insert(call.call_id.clone(), content.clone());
            }
        }
        Arc::new(sources)
    }

    /// A sentence on a call that was made in three steps with the same answer each time.
    pub fn loop_found(&self) -> Option<String> {
        let same = |a: &CallRecord, b: &CallRecord| {
            a.tool == b.tool && a.arguments == b.arguments && a.result == b.result
        };
        let last = self.steps.last()?;
        let found = last.calls.iter().filter(|call| call.result.is_some()).find(|call| {
            let steps = self.steps.iter();
            steps.filter(|step| step.calls.iter().any(|other| same(call, other))).count() >= 3
        })?;
        Some(format!(
            "it called `{}` three times with the same arguments and got the same answer each time",
            found.tool
        ))
    }
}

/// A result as a model is shown it: a long one is cut, and the note names where the whole stands.
fn shown(content: &str, call_id: &str) -> String {
    let Some((end, _)) = content.char_indices().nth(RESULT_SHOWN_MAX) else {
        return content.to_owned();
    };
    let total = content.chars().count();
    format!(
        "{}\n[Shortened: the first {RESULT_SHOWN_MAX} of {total} characters. The whole text is the \
         source `{call_id}`: name it in a tool's `source` argument to work on all of it.]",
        &content[..end]
    )
}

#[cfg(test)]
mod tests;
