//! Agents as programs ask for them: some fields, and their sessions.

use serde::Serialize;

use crate::agent::Agent;
use crate::fields::Part;
use crate::ids::AgentId;
use crate::session::SessionSummary;

/// An agent as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentRecord {
    /// The fields that were asked for.
    #[serde(flatten)]
    pub agent: Part<Agent>,
    /// Its newest sessions, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Vec<SessionSummary>>,
}

/// Agents that were asked for by their ids.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentBatch {
    /// Those that there are, in the order in which they were asked for.
    pub agents: Vec<AgentRecord>,
    /// Those that there are not, or that are another's.
    pub missing: Vec<AgentId>,
}
