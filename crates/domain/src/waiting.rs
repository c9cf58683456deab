//! What a session waits for, and what a person may decide about it.

mod decision;
mod shortfall;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::decision::{
    BudgetChoice, CallVerdict, Decision, NOTE_MAX, OutcomeChoice, RAISE_MAX, Verdict,
};
pub use self::shortfall::{Amount, BudgetScope, Shortfall, Unit};
use crate::form::Form;
use crate::ids::SessionId;

/// How deep the arguments of a call may be nested: what is nested too deep in a log could not be read again.
pub const ARGUMENTS_DEPTH_MAX: usize = 64;

/// A session's pause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Wait {
    /// The number of the event that began it. A decision names it, so that of two decisions on the
    /// same pause one alone holds.
    pub sequence: i64,
    /// When it began.
    pub since: Timestamp,
    /// What is waited for.
    pub reason: WaitReason,
}

impl Wait {
    /// How long it lasted, in milliseconds, when it ended at this instant.
    #[must_use]
    pub fn ended_after_ms(&self, at: Timestamp) -> u64 {
        u64::try_from(at.duration_since(self.since).as_millis()).unwrap_or(0)
    }
}

/// What a session waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum WaitReason {
    /// A person shall allow tool calls.
    Approval {
        /// The step that asks for them.
        step: u32,
        /// The calls, none of which was made yet.
        calls: Vec<PendingCall>,
    },
    /// A person shall answer a question.
    Question {
        /// The step that asks.
        step: u32,
        /// The call that the answer becomes the result of, or that goes on with it.
        call_id: String,
        /// What is asked.
        question: String,
        /// The fields of the answer.
        form: Form,
        /// The tool that asks, where one does: the answer goes back to it. Absent: the agent asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AskingTool>,
    },
    /// A budget is used up.
    Budget {
        /// Which one, and how far it goes.
        shortfall: Shortfall,
        /// Whether going on with cheaper models is one of the ways.
        #[serde(default)]
        has_cheaper: bool,
    },
    /// A worker was lost during a call that must not be made twice: nobody knows whether it took
    /// effect.
    UnknownOutcome {
        /// The step that asked for it.
        step: u32,
        /// The call.
        call: PendingCall,
    },
    /// Other agents shall answer. No decision ends this: their answers do.
    Agents {
        /// The step that called them.
        step: u32,
        /// The calls, each with its session.
        calls: Vec<AgentCall>,
    },
}

impl WaitReason {
    /// Whether a person must do something about it.
    #[must_use]
    pub const fn needs_person(&self) -> bool {
        !matches!(self, Self::Agents { .. })
    }

    /// Whether other agents were waited for and the last of them has answered: `has_result` tells for
    /// a call's id whether its result is there.
    pub fn is_answered(&self, mut has_result: impl FnMut(&str) -> bool) -> bool {
        matches!(self, Self::Agents { calls, .. } if calls.iter().all(|call| has_result(&call.call_id)))
    }

    /// The reason's name, as it stands in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approval { .. } => "approval",
            Self::Question { .. } => "question",
            Self::Budget { .. } => "budget",
            Self::UnknownOutcome { .. } => "unknown_outcome",
            Self::Agents { .. } => "agents",
        }
    }
}

impl fmt::Display for WaitReason {
    /// One sentence for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approval { calls, .. } => match calls.as_slice() {
                [call] => write!(f, "the call of `{}` needs your approval", call.tool),
                calls => write!(f, "{} tool calls need your approval", calls.len()),
            },
            Self::Question { question, .. } => write!(f, "it asks: {question}"),
            Self::Budget { shortfall, .. } => shortfall.fmt(f),
            Self::UnknownOutcome { call, .. } => write!(
                f,
                "its worker was lost while `{}` was called: nobody knows whether it took effect",
                call.tool
            ),
            Self::Agents { calls, .. } => match calls.as_slice() {
                [call] => write!(f, "`{}` is at work on its part", call.tool),
                calls => write!(f, "{} agents are at work on their parts", calls.len()),
            },
        }
    }
}

/// A tool that asks a person before it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AskingTool {
    /// Its name.
    pub tool: String,
    /// What it wants back with the answer. The log keeps it; nobody is shown it, so it is left out wherever a
    /// reason is written for somebody.
    #[serde(default, skip_serializing)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub resume: Value,
}

/// A tool call that a person decides on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PendingCall {
    /// Joins it to its result.
    pub call_id: String,
    /// The tool's name.
    pub tool: String,
    /// What it would be called with.
    pub arguments: Value,
}

/// A call of another agent that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentCall {
    /// Joins it to its result.
    pub call_id: String,
    /// The tool's name.
    pub tool: String,
    /// The session that it started.
    pub session_id: SessionId,
}

/// Whether arguments are nested deeper than [`ARGUMENTS_DEPTH_MAX`].
#[must_use]
pub fn are_too_deep(arguments: &Value) -> bool {
    is_deeper(arguments, ARGUMENTS_DEPTH_MAX)
}

fn is_deeper(value: &Value, most: usize) -> bool {
    let is_within = |inner: &Value| most > 0 && !is_deeper(inner, most - 1);
    match value {
        Value::Array(items) => most == 0 || !items.iter().all(is_within),
        Value::Object(fields) => most == 0 || !fields.values().all(is_within),
        _ => false,
    }
}
