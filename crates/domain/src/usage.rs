//! What a person's agents used, beside what they may use.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, BudgetLimits};
use crate::ids::AgentId;
use crate::money::MicroUsd;

/// So many days are told apart.
pub const DAYS: i64 = 30;
/// So many of the newest sessions are counted day by day.
pub const COUNTED_MAX: i64 = 10_000;
/// So many agents are told of: those that used most.
pub const AGENTS_MAX: i64 = 50;
/// So many months are told of.
pub const MONTHS: i64 = 12;

/// A budget of the month, what is used of it and what is set aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BudgetUse {
    /// The budget and what is used of it.
    pub budget: Budget,
    /// Tokens that sessions under way have set aside for what they ask next.
    pub reserved_tokens: u64,
    /// Millionths of a dollar that they have set aside.
    pub reserved_micro_usd: u64,
}

/// What one agent used in the month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentUse {
    /// The agent.
    pub agent_id: AgentId,
    /// Its name; `None` when it is deleted.
    pub name: Option<String>,
    /// Its budget.
    pub used: BudgetUse,
}

/// What sessions used that were started in a day, or a month, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeriodUse {
    /// The day, or the first of the month.
    pub from: Date,
    /// Tokens in both directions.
    pub tokens: u64,
    /// What they cost.
    pub cost: MicroUsd,
}

/// What a person's agents used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UsageReport {
    /// Today, in UTC.
    pub today: Date,
    /// All agents together, in this month.
    pub all: BudgetUse,
    /// What guests may use in a month, where the person is one and guests are bounded.
    pub guest: Option<BudgetLimits>,
    /// The agents that have a limit or used something in this month, at most [`AGENTS_MAX`]; those that cost
    /// most first, but before all the one that was asked for.
    pub agents: Vec<AgentUse>,
    /// By the day on which a session was started, the last [`DAYS`] days of the newest [`COUNTED_MAX`]
    /// sessions; days without one are left out.
    pub days: Vec<PeriodUse>,
    /// By month, the newest first, at most [`MONTHS`].
    pub months: Vec<PeriodUse>,
    /// The models of the installation whose price nobody has told, as `provider:model`: they are counted at the
    /// dearest of their provider's, so that what they are part of may have cost less.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presumed_prices: Vec<String>,
}
