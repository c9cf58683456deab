//! Whose budget is used up, and how far it goes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::AgentId;
use crate::money::MicroUsd;

/// Whose budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// The session's own limit.
    Session,
    /// The agent's, for the month.
    Agent,
    /// The user's, for the month.
    User,
    /// A guest's, for the month. An account lifts it, and nobody raises it.
    Guest,
    /// That of all guests of a network together, for the day. An account lifts it, and nobody raises it.
    Guests,
}

impl BudgetScope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Session, Self::Agent, Self::User, Self::Guest, Self::Guests];

    /// The scope as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Guest => "guest",
            Self::Guests => "guests",
        }
    }

    /// Whether guests are bounded by it, and members are not.
    #[must_use]
    pub const fn is_of_guests(self) -> bool {
        matches!(self, Self::Guest | Self::Guests)
    }
}

/// An amount of the one thing or the other that a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "unit", content = "amount", rename_all = "snake_case")]
pub enum Amount {
    /// Tokens in both directions; of a session's own limit, those that the model wrote.
    Tokens(u64),
    /// Millionths of a dollar.
    MicroUsd(u64),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens(1) => f.write_str("1 token"),
            Self::Tokens(count) => write!(f, "{count} tokens"),
            Self::MicroUsd(micro) => MicroUsd(i64::try_from(*micro).unwrap_or(i64::MAX)).fmt(f),
        }
    }
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens.
    Tokens,
    /// Millionths of a dollar.
    MicroUsd,
}

impl Amount {
    /// What is counted.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Tokens(_) => Unit::Tokens,
            Self::MicroUsd(_) => Unit::MicroUsd,
        }
    }
}

/// A budget that does not reach for the next call of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shortfall {
    /// Whose budget it is.
    pub scope: BudgetScope,
    /// The agent that it is of, where that is one that called the session's agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_agent_id: Option<AgentId>,
    /// How far it goes.
    pub limit: Amount,
    /// What is used or reserved already, in the same unit.
    pub used: u64,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.scope {
            BudgetScope::Session => "the session's limit",
            BudgetScope::Agent if self.caller_agent_id.is_some() => {
                "the calling agent's budget for the month"
            }
            BudgetScope::Agent => "the agent's budget for the month",
            BudgetScope::User => "your budget for the month",
            BudgetScope::Guest => "the guest budget for the month",
            BudgetScope::Guests => "the budget for the day of all guests in your network",
        };
        write!(f, "{whose} of {} does not reach for the next step", self.limit)
    }
}
