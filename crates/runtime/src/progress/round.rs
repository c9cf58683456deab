//! The stretch of a session from a person's word to the end that answers it.

use std::time::Duration;

use jiff::Timestamp;
use resonant_domain::agent::Limits;
use resonant_domain::session::Usage;
use resonant_domain::waiting::{Amount, BudgetScope, Shortfall, Unit};

use crate::engine::elapsed;

/// One round. The limits on steps, tokens and time hold for each anew.
#[derive(Debug)]
pub(crate) struct Round {
    /// The number of its first step.
    pub first_step: u32,
    /// When its first step began.
    pub began_at: Option<Timestamp>,
    /// For how long people, other agents and the queue have kept it waiting.
    pub waited_ms: u64,
    /// What the steps before it have used.
    pub used_before: Usage,
    raised_tokens: u64,
    raised_micro_usd: u64,
}

impl Default for Round {
    fn default() -> Self {
        Self {
            first_step: 1,
            began_at: None,
            waited_ms: 0,
            used_before: Usage::default(),
            raised_tokens: 0,
            raised_micro_usd: 0,
        }
    }
}

impl Round {
    /// A round that begins with this step.
    pub fn begin(first_step: u32, used_before: Usage) -> Self {
        Self { first_step, used_before, ..Self::default() }
    }

    /// A person lets the session go further than its limit.
    pub const fn raise(&mut self, by: u64, unit: Unit) {
        match unit {
            Unit::Tokens => self.raised_tokens = self.raised_tokens.saturating_add(by),
            Unit::MicroUsd => self.raised_micro_usd = self.raised_micro_usd.saturating_add(by),
        }
    }

    /// How long the session has worked in this round, without the time that it waited.
    pub fn worked(&self, now: Timestamp) -> Duration {
        let all = self.began_at.map_or(Duration::ZERO, |began_at| elapsed(began_at, now));
        all.saturating_sub(Duration::from_millis(self.waited_ms))
    }

    /// How many steps of the round a step's number makes.
    pub const fn steps_at(&self, number: u32) -> u32 {
        (number + 1).saturating_sub(self.first_step)
    }

    /// The tokens that the model may still write.
    pub fn tokens_left(&self, limits: Limits, used: Usage) -> u64 {
        let most = u64::from(limits.max_tokens).saturating_add(self.raised_tokens);
        most.saturating_sub(used.output_tokens.saturating_sub(self.used_before.output_tokens))
    }

    /// What the session may still cost, in millionths of a dollar, when it has such a limit.
    pub fn micro_usd_left(&self, limits: Limits, used: Usage) -> Option<u64> {
        let most = limits.max_cost_micro_usd?.saturating_add(self.raised_micro_usd);
        let used = u64::try_from(used.cost.0 - self.used_before.cost.0).unwrap_or(0);
        Some(most.saturating_sub(used))
    }

    /// The session's own limit that is used up, when one is.
    pub fn shortfall(&self, limits: Limits, used: Usage, next_cost: u64) -> Option<Shortfall> {
        let scope = BudgetScope::Session;
        if self.tokens_left(limits, used) == 0 {
            let most = u64::from(limits.max_tokens).saturating_add(self.raised_tokens);
            let used = used.output_tokens.saturating_sub(self.used_before.output_tokens);
            let limit = Amount::Tokens(most);
            return Some(Shortfall { scope, caller_agent_id: None, limit, used });
        }
        let most = limits.max_cost_micro_usd?.saturating_add(self.raised_micro_usd);
        let used = u64::try_from(used.cost.0 - self.used_before.cost.0).unwrap_or(0);
        (used.saturating_add(next_cost) > most || used >= most).then_some(Shortfall {
            scope,
            caller_agent_id: None,
            limit: Amount::MicroUsd(most),
            used,
        })
    }
}
