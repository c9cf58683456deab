//! What a person's agents may use in a month.

use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;

/// The highest limit, in either unit.
pub const BUDGET_MAX: u64 = 1_000_000_000_000;

/// The limits of a budget: the JSON of `PUT /api/v1/budget` and `PUT /api/v1/agents/{id}/budget`.
/// What is absent is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BudgetLimits {
    /// Tokens in both directions in a month.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = BUDGET_MAX)))]
    pub max_tokens: Option<u64>,
    /// Millionths of a dollar in a month.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = BUDGET_MAX)))]
    pub max_micro_usd: Option<u64>,
}

impl BudgetLimits {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let limits = [("max_tokens", self.max_tokens), ("max_micro_usd", self.max_micro_usd)];
        let faults: Vec<_> = limits
            .into_iter()
            .filter(|(_, limit)| limit.is_some_and(|limit| limit == 0 || limit > BUDGET_MAX))
            .map(|(field, _)| FieldFault::new(field, format!("must be 1 to {BUDGET_MAX}")))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Whether there is more of anything than by `other` limits.
    #[must_use]
    pub fn reach_further_than(&self, other: Self) -> bool {
        let is_more = |limit: Option<u64>, other: Option<u64>| {
            other.is_some_and(|other| limit.is_none_or(|limit| limit > other))
        };
        is_more(self.max_tokens, other.max_tokens)
            || is_more(self.max_micro_usd, other.max_micro_usd)
    }
}

/// A budget and how far the month has gone into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Budget {
    /// Its limits.
    #[serde(flatten)]
    pub limits: BudgetLimits,
    /// Tokens used in this month (UTC).
    pub used_tokens: u64,
    /// Millionths of a dollar used in this month.
    pub used_micro_usd: u64,
    /// Tokens that were granted on top for this month.
    pub raised_tokens: u64,
    /// Millionths of a dollar that were granted on top for this month.
    pub raised_micro_usd: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_nothing_is_none() {
        let none = BudgetLimits { max_tokens: Some(0), max_micro_usd: Some(BUDGET_MAX + 1) };
        let faults = none.check().unwrap_err();
        assert_eq!(
            (faults[0].field.as_str(), faults[1].field.as_str()),
            ("max_tokens", "max_micro_usd")
        );
        assert_eq!(BudgetLimits::default().check(), Ok(()));
    }
}
