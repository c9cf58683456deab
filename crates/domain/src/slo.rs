//! The service targets of the performance guide, and what is spent of the room that they leave.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::metric::Family;
use crate::{AgentId, UserId};

/// A target: a share of all events must be good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// What a person calls it.
    pub title: &'static str,
    /// The metric that is shown beside the target.
    pub metric: &'static str,
    /// The value that shall not be passed.
    pub target: f64,
    /// The value at which people suffer.
    pub critical: f64,
    /// Which events are good.
    pub good: Good,
    /// The share of events, in percent, that may be bad.
    pub room_percent: f64,
}

/// Which events are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Good {
    /// Those that took at most the target.
    Fast(Family),
    /// Those that are counted here and not there.
    Counted(Family, Family),
}

/// The table of the guide. Where it names no share, this one does: 95 % of the sessions and 99 % of
/// the statements keep the target.
pub const OBJECTIVES: [Objective; 5] = [
    Objective {
        title: "API response time (p50)",
        metric: "api.latency.p50",
        target: 100.0,
        critical: 500.0,
        good: Good::Fast(Family::ApiLatency),
        room_percent: 50.0,
    },
    Objective {
        title: "API response time (p99)",
        metric: "api.latency.p99",
        target: 500.0,
        critical: 2_000.0,
        good: Good::Fast(Family::ApiLatency),
        room_percent: 1.0,
    },
    Objective {
        title: "Agent execution time (p95)",
        metric: "agent.execution.duration.p95",
        target: 5_000.0,
        critical: 30_000.0,
        good: Good::Fast(Family::AgentExecution),
        room_percent: 5.0,
    },
    Objective {
        title: "Database query time (p99)",
        metric: "db.query.duration.p99",
        target: 50.0,
        critical: 200.0,
        good: Good::Fast(Family::DbQuery),
        room_percent: 1.0,
    },
    Objective {
        title: "Cache hit rate",
        metric: "cache.hit_rate",
        target: 80.0,
        critical: 50.0,
        good: Good::Counted(Family::CacheHits, Family::CacheMisses),
        room_percent: 20.0,
    },
];

impl Objective {
    /// Whether more is better.
    #[must_use]
    pub const fn is_floor(&self) -> bool {
        matches!(self.good, Good::Counted(..))
    }

    /// How a measured value stands to the target.
    #[must_use]
    pub fn standing(&self, value: Option<f64>) -> Standing {
        let is_past = |value: f64, limit: f64| {
            if self.is_floor() { value < limit } else { value > limit }
        };
        match value {
            None => Standing::Unknown,
            Some(value) if is_past(value, self.critical) => Standing::Critical,
            Some(value) if is_past(value, self.target) => Standing::Missed,
            Some(_) => Standing::Kept,
        }
    }

    /// How fast the room for bad events is used up: 1 uses it up exactly, 10 ten times as fast.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn burn_rate(&self, bad: u64, all: u64) -> Option<f64> {
        (all > 0).then(|| bad as f64 / all as f64 * 100.0 / self.room_percent)
    }
}

/// How a measured value stands to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing was measured.
    Unknown,
    /// Within the target.
    Kept,
    /// Past the target.
    Missed,
    /// Past the critical value.
    Critical,
}

impl Standing {
    /// The standing as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Unknown => "Nothing measured",
            Self::Kept => "Kept",
            Self::Missed => "Missed",
            Self::Critical => "Critical",
        }
    }
}

/// How the installation stands to its targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    /// The period, as it is written: `1h`.
    pub period: String,
    /// When it ends.
    pub at: Timestamp,
    /// One for each of [`OBJECTIVES`], in their order.
    pub levels: Vec<Level>,
    /// The routes, agents and statements that took the most time.
    pub worst: Vec<Ranking>,
    /// The agents that are named by their id above, as far as they are still there.
    pub agents: Vec<NamedAgent>,
    /// The slowest requests and statements.
    pub slow: Vec<Slow>,
    /// How other things stand, by their metric's name.
    pub figures: Vec<Figure>,
}

/// One objective and what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Level {
    /// What a person calls the objective.
    pub title: String,
    /// The metric that is measured.
    pub metric: String,
    /// What its values are told in.
    pub unit: String,
    /// The value that shall not be passed.
    pub target: f64,
    /// The value at which people suffer.
    pub critical: f64,
    /// The value over the whole period.
    pub value: Option<f64>,
    /// How it stands to the target.
    pub standing: Standing,
    /// How fast the room for bad events is used up.
    pub burn_rate: Option<f64>,
    /// The value in equal parts of the period.
    pub points: Vec<Option<f64>>,
    /// What lies behind the value: what was bad the most often comes first.
    pub behind: Vec<Behind>,
}

/// A route, an agent, a statement or a kind of key behind a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Behind {
    /// Its name; an agent's is its id.
    pub name: String,
    /// How often it was measured.
    pub count: u64,
    /// How often it was past the target.
    pub bad: u64,
    /// Its own value of the level's metric.
    pub value: Option<f64>,
}

/// An agent by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NamedAgent {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner_id: UserId,
    /// What its owner is called.
    pub owner: String,
    /// The listing that it is published as.
    pub listing: Option<String>,
}

/// What took the most time of one family.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ranking {
    /// What is ranked: routes, agents, statements.
    pub title: String,
    /// The first ones.
    pub rows: Vec<Ranked>,
}

/// A route, agent or statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ranked {
    /// Its name.
    pub name: String,
    /// How often it was measured.
    pub count: u64,
    /// Its median, in milliseconds.
    pub p50_ms: f64,
    /// What one in a hundred passes, in milliseconds.
    pub p99_ms: f64,
    /// All of its time, in milliseconds.
    pub total_ms: f64,
}

/// One slow request or statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Slow {
    /// When it ended.
    pub at: Timestamp,
    /// `request` or `statement`.
    pub kind: String,
    /// Which it was.
    pub name: String,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// The request that it belongs to.
    pub request_id: Option<String>,
    /// Its trace.
    pub trace_id: Option<String>,
}

/// A metric's value, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figure {
    /// The metric's name.
    pub metric: String,
    /// The value and its unit.
    pub value: Option<f64>,
    /// What the value is told in.
    pub unit: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Metric;

    #[test]
    fn every_objective_has_a_metric() {
        for objective in OBJECTIVES {
            assert!(Metric::parse("metric", objective.metric).is_ok(), "{}", objective.title);
        }
    }

    #[test]
    fn a_value_stands_where_the_guide_says() {
        let [p50, .., cache] = OBJECTIVES;
        for (objective, value, standing) in [
            (p50, None, Standing::Unknown),
            (p50, Some(100.0), Standing::Kept),
            (p50, Some(100.1), Standing::Missed),
            (p50, Some(501.0), Standing::Critical),
            (cache, Some(80.0), Standing::Kept),
            (cache, Some(79.9), Standing::Missed),
            (cache, Some(49.0), Standing::Critical),
        ] {
            assert_eq!(objective.standing(value), standing, "{} {value:?}", objective.title);
        }
    }

    #[test]
    fn the_room_is_used_up_at_one() {
        let [_, p99, ..] = OBJECTIVES;
        assert_eq!(p99.burn_rate(10, 1_000), Some(1.0));
        assert_eq!(p99.burn_rate(100, 1_000), Some(10.0));
        assert_eq!(p99.burn_rate(0, 0), None);
    }
}
