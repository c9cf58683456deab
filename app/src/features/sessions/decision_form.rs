//! What the form of a waiting session sends.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The fields of the form as a browser sends them. Which of them count follows from the choice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecisionForm {
    /// The number of the `waiting` event that the person saw.
    pub waiting: i64,
    /// The button that was pressed.
    pub choice: String,
    /// By how many tokens a limit grows.
    pub by: String,
    /// By how many dollars one of money grows.
    pub dollars: String,
    /// A word that goes with the choice.
    pub note: String,
    /// `approve` or `refuse`, by call.
    pub verdicts: BTreeMap<String, String>,
    /// Arguments as JSON text, by call.
    pub arguments: BTreeMap<String, String>,
    /// A word on each call.
    pub notes: BTreeMap<String, String>,
    /// What was filled into the fields of a question.
    pub answers: BTreeMap<String, String>,
}
