//! How the parts of an installation stand, for those who operate it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The period, as it is written: `1h`.
    pub period: String,
    /// When it ends.
    pub at: Timestamp,
    /// What is measured, by part.
    pub groups: Vec<Group>,
    /// Sessions that ended in the period, by their state.
    pub ended: Vec<(String, u64)>,
    /// The cache, by kind of key.
    pub caches: Vec<CacheUse>,
    /// The replicas, as the process that answers sees them.
    pub replicas: Vec<ReplicaStanding>,
    /// The databases that hold what owners own.
    pub shards: Vec<ShardStanding>,
    /// The moves of buckets between them that are not over.
    pub moves: Vec<MoveStanding>,
    /// Who asked too often in the period, the most refused first.
    pub limited: Vec<Limited>,
    /// The providers of models, as the process that answers sees them.
    pub providers: Vec<ProviderStanding>,
    /// The models that were asked in the period.
    pub models: Vec<ModelUse>,
    /// The alerts that fire.
    pub firing: u64,
    /// How many alerts there are.
    pub alerts: u64,
}

/// Some figures of one part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The part.
    pub title: String,
    /// What is measured of it.
    pub figures: Vec<Shown>,
}

/// One figure with its title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// What a person calls it.
    pub title: String,
    /// The value; `None` when nothing was measured.
    pub value: Option<f64>,
    /// What it is told in.
    pub unit: String,
}

/// What the cache did for one kind of key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheUse {
    /// The kind.
    pub kind: String,
    /// Look-ups that it answered.
    pub hits: u64,
    /// Look-ups that it could not answer.
    pub misses: u64,
    /// Of the process that answers, since it began: look-ups that were answered by what was past its
    /// lifetime, while it was read anew.
    pub stale: u64,
    /// Of the process that answers: things that it has at present.
    pub entries: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl CacheUse {
    /// How many of a hundred look-ups it answered.
    #[must_use]
    pub fn hit_percent(&self) -> Option<u64> {
        (self.hits * 100).checked_div(self.hits + self.misses)
    }
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaStanding {
    /// Its name in the log.
    pub name: String,
    /// How far it is behind, in milliseconds; `None`: it is not in use.
    pub lag_ms: Option<u64>,
}

/// One of the databases that hold what owners own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardStanding {
    /// Its number, from 0.
    pub number: u64,
    /// How many of the buckets it holds.
    pub buckets: u64,
}

/// A move of a bucket that is under way, or waits for someone to repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveStanding {
    /// What moves.
    pub bucket: i32,
    /// The shard that it comes from.
    pub from: i32,
    /// The shard that it goes to.
    pub to: i32,
}

/// Someone who asked too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// The limit and who shares it: `caller user:0198…`.
    pub who: String,
    /// Requests that were refused.
    pub refused: u64,
}

/// One provider of models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderStanding {
    /// Its name.
    pub name: String,
    /// Whether it is not asked for a while, because it failed several times in a row.
    pub is_resting: bool,
}

/// How one model did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelUse {
    /// Its provider and name.
    pub name: String,
    /// Whole replies.
    pub replies: u64,
    /// What half of the replies took at most, in milliseconds.
    pub p50_ms: Option<f64>,
    /// What one in a hundred passes, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Replies that it failed to give.
    pub errors: u64,
}

/// A number as a person reads it, with its unit: `1,234.5 ms`.
#[must_use]
pub fn figure_text(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else { return "–".to_owned() };
    match unit {
        "bytes" => format!("{} MiB", grouped(value / 1_048_576.0, 1)),
        "USD" => format!("{} USD", grouped(value, 4)),
        "" => grouped(value, 1),
        unit => format!("{} {unit}", grouped(value, 1)),
    }
}

/// A number with commas between its thousands, and at most so many digits behind the point.
fn grouped(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::with_capacity(text.len() + 4);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let rest = rest.trim_end_matches('0');
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        for (value, unit, text) in [
            (None, "ms", "–"),
            (Some(0.0), "", "0"),
            (Some(1_234_567.0), "", "1,234,567"),
            (Some(999.96), "ms", "1,000 ms"),
            (Some(12.34), "ms", "12.3 ms"),
            (Some(99.5), "%", "99.5 %"),
            (Some(104_857_600.0), "bytes", "100 MiB"),
            (Some(0.0123), "USD", "0.0123 USD"),
            (Some(-1_000.5), "", "-1,000.5"),
        ] {
            assert_eq!(figure_text(value, unit), text, "{value:?} {unit}");
        }
    }

    #[test]
    fn a_cache_that_nobody_asked_has_no_rate() {
        let used = |hits, misses| CacheUse {
            kind: "agent".to_owned(),
            hits,
            misses,
            stale: 0,
            entries: 0,
            bytes: 0,
        };
        assert_eq!(used(0, 0).hit_percent(), None);
        assert_eq!(used(3, 1).hit_percent(), Some(75));
    }
}
