//! What the log tells of a session's steps: what people said, which tools were called, what came of it.

use jiff::Timestamp;
use resonant_domain::session::Usage;
use resonant_domain::session_event::ToolOutcome;
use resonant_domain::tool::ASK_USER;
use serde_json::Value;

use crate::models::{Material, Who};
use crate::tools::Answered;

/// A person's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// The number of its event.
    pub sequence: i64,
    pub text: String,
    /// What came with it.
    pub material: Option<Material>,
}

/// What stands for steps in the middle of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SummaryRecord {
    pub through_step: u32,
    pub text: String,
}

/// One step as the log tells it.
#[derive(Debug)]
pub(crate) struct StepRecord {
    pub number: u32,
    pub attempt: u32,
    /// The faults that it outlived.
    pub faults: Vec<Fault>,
    /// What people said before it.
    pub heard: Vec<Said>,
    pub began_at: Timestamp,
    pub output: String,
    pub calls: Vec<CallRecord>,
    pub usage: Usage,
    pub is_complete: bool,
    /// The number of the event that ended it.
    pub completed: Option<i64>,
}

/// A model that did not answer a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub who: Who,
    /// Why, for a person.
    pub message: String,
    /// What it had used until then.
    pub usage: Usage,
}

/// A tool call and, when it is there, its result.
#[derive(Debug, Clone)]
pub(crate) struct CallRecord {
    pub call_id: String,
    pub tool: String,
    pub arguments: Packed,
    /// What the model's provider wants back with it.
    pub provider_data: Option<Packed>,
    /// The attempt of the step that asked for it.
    pub attempt: u32,
    /// A person allowed it.
    pub is_approved: bool,
    /// It must not be made twice, and was begun.
    pub is_begun: bool,
    /// What a person has answered to what it has asked.
    pub answer: Option<Box<Answered>>,
    pub result: Option<(ToolOutcome, String)>,
    /// The number of the event that the result came with.
    pub answered: Option<i64>,
}

/// JSON that is kept for long: its text takes a twentieth of what its tree does, and a session that works holds
/// that of all its calls.
#[derive(Debug, Clone)]
pub(crate) struct Packed(Box<str>);

impl Packed {
    pub fn value(&self) -> Value {
        // It was JSON before it was this.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<&Value> for Packed {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

/// Whatever the order of its fields.
impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.value() == other.value()
    }
}

impl Said {
    /// Its text, with the number by which it is pinned.
    pub fn numbered(&self) -> (i64, &str) {
        (self.sequence, self.text.as_str())
    }
}

impl StepRecord {
    /// What a person can pin of it, with the numbers by which it is pinned: what people said before it,
    /// their replies to its questions, and what it wrote.
    pub fn messages(&self) -> impl Iterator<Item = (i64, &str)> {
        let heard = self.heard.iter().map(Said::numbered);
        let answer = self.answer().map(|number| (number, self.output.as_str()));
        heard.chain(self.calls.iter().filter_map(CallRecord::reply)).chain(answer)
    }

    /// The number by which what the step wrote is pinned; none while it is not complete.
    pub fn answer(&self) -> Option<i64> {
        self.completed.filter(|_| !self.output.trim().is_empty())
    }
}

impl CallRecord {
    /// What a person answered to the question that the call was, with its number.
    pub fn reply(&self) -> Option<(i64, &str)> {
        match &self.result {
            Some((ToolOutcome::Ok, content)) if self.tool == ASK_USER => {
                Some((self.answered?, content.as_str()))
            }
            _ => None,
        }
    }
}
