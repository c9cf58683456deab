//! What the page of usage and budgets asks the server.

use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::budget::BudgetLimits;
use resonant_domain::money::MicroUsd;
use resonant_domain::usage::BudgetUse;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::features::studio::{invalid, micro_usd};
#[cfg(feature = "ssr")]
use crate::language::key;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What the viewer's agents used, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsagePage {
    /// The first day of this month, such as `2026-11-01`.
    pub month: String,
    /// Today, such as `2026-11-25`.
    pub today: String,
    /// All agents together.
    pub all: OwnBudget,
    /// What guests may use in a month, where the viewer is one and guests are bounded.
    pub guest: Option<BudgetLimits>,
    /// The agents that were told of.
    pub agents: Vec<AgentBudget>,
    /// The agent that was asked for.
    pub wanted: Option<AgentId>,
    /// Whose form was refused and led to this page: an agent's, or empty for all agents together.
    pub refused: Option<String>,
    /// The last days, in order; those without a session are left out.
    pub days: Vec<UsedOnDay>,
    /// The months, the newest first.
    pub months: Vec<UsedInMonth>,
    /// The models whose price nobody has told.
    pub presumed_prices: Vec<String>,
}

/// A budget, and the version in which it is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnBudget {
    /// The budget.
    pub used: BudgetUse,
    /// Names its limits as they are, for whoever changes them.
    pub version: String,
}

/// The budget of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentBudget {
    /// The agent.
    pub id: AgentId,
    /// Its name; `None` when it is deleted.
    pub name: Option<String>,
    /// Its budget.
    pub budget: OwnBudget,
}

/// What was used on a day. The date is text: to reckon with it is the server's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedOnDay {
    /// The day.
    pub date: String,
    /// How many days ago that is.
    pub ago: u64,
    /// Tokens in both directions.
    pub tokens: u64,
    /// What they cost.
    pub cost: MicroUsd,
}

/// What was used in a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsedInMonth {
    /// Its first day.
    pub month: String,
    /// Tokens in both directions.
    pub tokens: u64,
    /// What they cost.
    pub cost: MicroUsd,
}

/// What the viewer's agents used and may use, with the named one first.
#[server(prefix = "/api/fn", endpoint = "account/get_usage")]
pub async fn get_usage(#[server(default)] agent: Option<AgentId>) -> Result<UsagePage, AppError> {
    use resonant_domain::usage::UsageReport;

    let refused = crate::refused_form::refused_form().text("agent");
    let report = resonant_backend::usage::report(&ssr::ctx()?, agent).await.map_err(ssr::fail)?;
    let UsageReport { today, all, guest, agents, days, months, presumed_prices } = report;
    Ok(UsagePage {
        month: today.first_of_month().to_string(),
        today: today.to_string(),
        all: OwnBudget::from(all),
        guest,
        agents: agents
            .into_iter()
            .map(|agent| AgentBudget {
                id: agent.agent_id,
                name: agent.name,
                budget: OwnBudget::from(agent.used),
            })
            .collect(),
        wanted: agent,
        refused,
        days: days
            .into_iter()
            .map(|day| UsedOnDay {
                date: day.from.to_string(),
                ago: u64::try_from(day.from.duration_until(today).as_hours() / 24).unwrap_or(0),
                tokens: day.tokens,
                cost: day.cost,
            })
            .collect(),
        months: months
            .into_iter()
            .map(|month| UsedInMonth {
                month: month.from.to_string(),
                tokens: month.tokens,
                cost: month.cost,
            })
            .collect(),
        presumed_prices,
    })
}

#[cfg(feature = "ssr")]
impl From<BudgetUse> for OwnBudget {
    fn from(used: BudgetUse) -> Self {
        Self { version: resonant_backend::version_of(&used.budget), used }
    }
}

/// Sets the limits of an agent, or of all agents together, unless they have changed since they were `seen`;
/// `overwrite` sets them all the same. What is left empty is not limited.
#[server(prefix = "/api/fn", endpoint = "account/set_budget")]
pub async fn set_budget(
    #[server(default)] agent: String,
    #[server(default)] tokens: String,
    #[server(default)] dollars: String,
    #[server(default)] seen: String,
    #[server(default)] overwrite: bool,
) -> Result<(), AppError> {
    use resonant_backend::{Error, Seen, budgets};

    let agent: Option<AgentId> = match agent.trim() {
        "" => None,
        id => Some(id.parse().map_err(|_| ssr::fail(Error::NotFound("agent")))?),
    };
    let limits = read_limits(&tokens, &dollars)?;
    let mut ctx = ssr::ctx()?;
    if !overwrite && !seen.is_empty() {
        ctx = ctx.expecting(Seen::at(seen));
    }
    budgets::set(&ctx, agent, limits).await.map_err(ssr::fail)?;
    ssr::redirect_form(&agent.map_or_else(|| paths::USAGE.to_owned(), paths::usage_of));
    Ok(())
}

/// Reads limits as a person writes them.
#[cfg(feature = "ssr")]
fn read_limits(tokens: &str, dollars: &str) -> Result<BudgetLimits, AppError> {
    use resonant_domain::FieldFault;
    use resonant_domain::budget::BUDGET_MAX;

    let mut faults = Vec::new();
    let mut read = |field: &str, text: &str, number: Option<u64>, rule: &'static str| {
        if text.is_empty() {
            return None;
        }
        match number.filter(|number| *number <= BUDGET_MAX) {
            Some(0) => faults.push(FieldFault::new(
                field,
                key("must be more than nothing; leave it empty for no limit"),
            )),
            Some(number) => return Some(number),
            None => faults.push(FieldFault::new(field, rule)),
        }
        None
    };
    let (tokens, dollars) = (tokens.trim(), dollars.trim());
    let whole: String = tokens.chars().filter(|sign| !sign.is_whitespace()).collect();
    let limits = BudgetLimits {
        max_tokens: read("max_tokens", tokens, whole.parse().ok(), key("must be a whole number")),
        max_micro_usd: read(
            "max_micro_usd",
            dollars,
            micro_usd(dollars),
            key("must be an amount such as 5.00"),
        ),
    };
    if faults.is_empty() { Ok(limits) } else { Err(invalid(faults)) }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        let limits = |tokens: &str, dollars: &str| read_limits(tokens, dollars).unwrap();
        let (tokens, micro) = (Some(1_500_000), Some(2_500_000));
        for (written, dollars, expected) in [
            ("1500000", "2.50", (tokens, micro)),
            (" 1 500 000 ", "$2.5", (tokens, micro)),
            ("", "2,50", (None, micro)),
            ("1500000", " ", (tokens, None)),
            ("", "", (None, None)),
        ] {
            let BudgetLimits { max_tokens, max_micro_usd } = limits(written, dollars);
            assert_eq!((max_tokens, max_micro_usd), expected, "{written} {dollars}");
        }
        let fault = |tokens: &str, dollars: &str| {
            let faults = read_limits(tokens, dollars).unwrap_err().fields;
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(fault("many", "much"), ["max_tokens", "max_micro_usd"]);
        assert_eq!(fault("0", "0"), ["max_tokens", "max_micro_usd"]);
        assert_eq!(fault("1.5", ""), ["max_tokens"]);
        assert_eq!(fault("9999999999999", "1"), ["max_tokens"]);
    }
}
