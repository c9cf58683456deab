//! What a draft weighs: the tokens of its prompt beside the model's window, and what a session is likely
//! to cost.

use serde::{Deserialize, Serialize};

use crate::money::MicroUsd;

/// So many of an agent's newest sessions are looked at for an estimate.
pub const PAST_MAX: i64 = 200;

/// What a prompt weighs with a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftWeight {
    /// The model, such as `openai:gpt-4o`.
    pub model: String,
    /// The tokens of the prompt.
    pub tokens: u64,
    /// How they are counted: the name of a vocabulary, or what the estimate is.
    pub counted_by: String,
    /// The tokens that the model takes; `None`: any number.
    pub window: Option<u64>,
    /// What the agent's past sessions took; `None` without one that is over.
    pub past: Option<PastSessions>,
}

/// What half of an agent's past sessions took at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSessions {
    /// How many there are, at most [`PAST_MAX`].
    pub sessions: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What so many tokens cost with the model that is chosen now; `None`: it costs nothing.
    pub cost: Option<MicroUsd>,
}

impl DraftWeight {
    /// The share of the window that the prompt takes, in percent.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        self.window.and_then(|window| (self.tokens * 100).checked_div(window))
    }
}
