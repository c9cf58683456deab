//! What an agent did lately, in numbers for its owner.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::money::MicroUsd;

/// So many of an agent's newest sessions are counted.
pub const COUNTED_MAX: i64 = 10_000;
/// So many days are told apart.
pub const DAYS: i64 = 30;

/// What an agent did lately: its newest [`COUNTED_MAX`] sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentNumbers {
    /// By version, the newest first; drafts before all.
    pub versions: Vec<VersionNumbers>,
    /// By day, in UTC, the last [`DAYS`] days; days without a session are left out.
    pub days: Vec<DayNumbers>,
    /// The sessions that failed last, at most five.
    pub failures: Vec<Failure>,
}

/// What the sessions of one version did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VersionNumbers {
    /// The version; `None` for drafts.
    pub version: Option<u32>,
    /// How many sessions there are.
    pub sessions: u64,
    /// How many of them reached an answer.
    pub completed: u64,
    /// How many failed or ran out of time.
    pub failed: u64,
    /// Half of those that are over took no longer than this, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 99 of 100 of those that are over took no longer than this, in milliseconds.
    pub p99_ms: Option<u64>,
    /// What half of those that are over cost at most.
    pub median_cost: Option<MicroUsd>,
    /// What all of them cost.
    pub cost: MicroUsd,
    /// How many of them a person liked.
    #[serde(default)]
    pub thumbs_up: u64,
    /// How many of them a person did not like.
    #[serde(default)]
    pub thumbs_down: u64,
}

impl VersionNumbers {
    /// The share of those that are over and were not cancelled that reached an answer, in percent.
    #[must_use]
    pub fn success_percent(&self) -> Option<u64> {
        let decided = self.completed + self.failed;
        (self.completed * 100).checked_div(decided)
    }
}

/// What happened on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DayNumbers {
    /// The day, in UTC.
    pub day: Date,
    /// Sessions that were started and reached an answer.
    pub completed: u64,
    /// Sessions that were started and failed or ran out of time.
    pub failed: u64,
    /// Sessions that were started and are not over or were cancelled.
    pub other: u64,
}

/// A session that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// The session.
    pub id: SessionId,
    /// Why it failed.
    pub reason: Option<String>,
    /// When it ended.
    pub ended_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_counts_what_was_decided() {
        let numbers = |completed, failed| VersionNumbers {
            version: None,
            sessions: 9,
            completed,
            failed,
            p50_ms: None,
            p99_ms: None,
            median_cost: None,
            cost: MicroUsd(0),
            thumbs_up: 0,
            thumbs_down: 0,
        };
        for (completed, failed, percent) in
            [(0, 0, None), (3, 0, Some(100)), (3, 1, Some(75)), (0, 2, Some(0)), (2, 1, Some(66))]
        {
            assert_eq!(numbers(completed, failed).success_percent(), percent);
        }
    }
}
