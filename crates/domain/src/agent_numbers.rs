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
    /// The last of the days, in UTC.
    pub today: Date,
    /// By version, the newest first; drafts before all.
    pub versions: Vec<VersionNumbers>,
    /// By day, in UTC, the [`DAYS`] days until today; days without a session are left out.
    pub days: Vec<DayNumbers>,
    /// The sessions that failed last, at most five.
    pub failures: Vec<Failure>,
}

impl AgentNumbers {
    /// What a session is likely to take and to cost: what those of the edition took that `runs`, or of the newest
    /// one where none of that has reached an answer.
    #[must_use]
    pub fn typical(&self, runs: Option<u32>) -> Option<&VersionNumbers> {
        let is_known =
            |numbers: &&VersionNumbers| numbers.p50_ms.is_some() && numbers.median_cost.is_some();
        let running = self.versions.iter().find(|numbers| numbers.version == runs);
        running.filter(is_known).or_else(|| self.versions.iter().find(is_known))
    }
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
    /// Half of those that reached an answer worked no longer than this, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 99 of 100 of those that reached an answer worked no longer than this, in milliseconds.
    pub p99_ms: Option<u64>,
    /// What half of those that reached an answer cost at most.
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

    fn numbers(version: Option<u32>) -> VersionNumbers {
        VersionNumbers {
            version,
            sessions: 9,
            completed: 0,
            failed: 0,
            p50_ms: None,
            p99_ms: None,
            median_cost: None,
            cost: MicroUsd(0),
            thumbs_up: 0,
            thumbs_down: 0,
        }
    }

    #[test]
    fn success_counts_what_was_decided() {
        for (completed, failed, percent) in
            [(0, 0, None), (3, 0, Some(100)), (3, 1, Some(75)), (0, 2, Some(0)), (2, 1, Some(66))]
        {
            let numbers = VersionNumbers { completed, failed, ..numbers(None) };
            assert_eq!(numbers.success_percent(), percent);
        }
    }

    #[test]
    fn what_is_typical_is_told_of_what_runs() {
        let known = |version| VersionNumbers {
            p50_ms: Some(2_000),
            median_cost: Some(MicroUsd(0)),
            ..numbers(version)
        };
        let typical = |versions: Vec<VersionNumbers>, runs| {
            let all = AgentNumbers { versions, ..AgentNumbers::default() };
            all.typical(runs).map(|numbers| numbers.version)
        };
        let drafts_too = || vec![known(None), known(Some(3)), known(Some(2))];
        assert_eq!(typical(drafts_too(), Some(2)), Some(Some(2)));
        assert_eq!(typical(drafts_too(), None), Some(None));
        assert_eq!(typical(drafts_too(), Some(4)), Some(None), "it has not run yet");
        // What nothing is known of is no measure, whether it runs or is the newest.
        let half = VersionNumbers { median_cost: Some(MicroUsd(0)), ..numbers(None) };
        let late = vec![half.clone(), numbers(Some(3)), known(Some(2))];
        assert_eq!(typical(late.clone(), Some(3)), Some(Some(2)));
        assert_eq!(typical(late, None), Some(Some(2)));
        assert_eq!(typical(vec![half], None), None);
    }
}
