//! How the parts of an installation stand, for those who operate it.

mod processes;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use processes::{
    CacheUse, ProcessStanding, ProcessState, ProviderSeen, ProviderStanding, ReplicaSeen,
    ReplicaStanding,
};

/// Everything at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Overview {
    /// The period, as it is written: `1h`.
    pub period: String,
    /// When it ends.
    pub at: Timestamp,
    /// What is measured, by part.
    pub groups: Vec<Group>,
    /// Where the equal parts of the period begin that curves are drawn from.
    pub times: Vec<Timestamp>,
    /// How things went over the period.
    pub charts: Vec<Chart>,
    /// Sessions that ended in the period, by their state.
    pub ended: Vec<Ended>,
    /// The processes that are there.
    pub processes: Vec<ProcessStanding>,
    /// The cache, by kind of key.
    pub caches: Vec<CacheUse>,
    /// The replicas, as all processes see them.
    pub replicas: Vec<ReplicaStanding>,
    /// The databases that hold what owners own.
    pub shards: Vec<ShardStanding>,
    /// The moves of buckets between them that are not over.
    pub moves: Vec<MoveStanding>,
    /// Who asked too often in the period, the most refused first.
    pub limited: Vec<Limited>,
    /// The providers of models, as all processes see them.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// The part.
    pub title: String,
    /// What is measured of it.
    pub figures: Vec<Shown>,
}

/// One figure with its title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shown {
    /// What a person calls it.
    pub title: String,
    /// The value; `None` when nothing was measured.
    pub value: Option<f64>,
    /// What it is told in.
    pub unit: String,
}

/// Curves of one unit over the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Chart {
    /// What is drawn.
    pub title: String,
    /// What the values are told in.
    pub unit: String,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// One curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Curve {
    /// What a person calls it.
    pub title: String,
    /// A value for each of the overview's times; `None` where nothing was measured.
    pub points: Vec<Option<f64>>,
}

impl Curve {
    /// All values that are known.
    fn known(&self) -> impl Iterator<Item = f64> {
        self.points.iter().copied().flatten()
    }
}

impl Chart {
    /// The highest value of all curves; `None` when nothing was measured.
    #[must_use]
    pub fn highest(&self) -> Option<f64> {
        self.curves.iter().flat_map(Curve::known).reduce(f64::max)
    }

    /// What the drawing shows, in words: each curve's least, greatest and newest value.
    #[must_use]
    pub fn told(&self) -> String {
        let mut parts = Vec::with_capacity(self.curves.len());
        for curve in &self.curves {
            let (least, most) = (curve.known().reduce(f64::min), curve.known().reduce(f64::max));
            let text = match (least, most, curve.known().last()) {
                (Some(least), Some(most), Some(newest)) => format!(
                    "{}: from {} to {}, {} at last",
                    curve.title,
                    figure_text(Some(least), &self.unit),
                    figure_text(Some(most), &self.unit),
                    figure_text(Some(newest), &self.unit),
                ),
                _ => format!("{}: nothing measured", curve.title),
            };
            parts.push(text);
        }
        format!("{}. {}", self.title, parts.join("; "))
    }
}

/// How many sessions ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ended {
    /// Their state.
    pub state: String,
    /// How many there were.
    pub sessions: u64,
}

/// One of the databases that hold what owners own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShardStanding {
    /// Its number, from 0.
    pub number: u64,
    /// How many of the buckets it holds.
    pub buckets: u64,
}

/// A move of a bucket that is under way, or waits for someone to repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limited {
    /// The limit and who shares it: `caller user:0198…`.
    pub who: String,
    /// Requests that were refused.
    pub refused: u64,
}

/// How one model did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    fn a_chart_reads_without_its_drawing() {
        let curve = |title: &str, points: &[Option<f64>]| Curve {
            title: title.to_owned(),
            points: points.to_vec(),
        };
        let chart = Chart {
            title: "Time to answer".to_owned(),
            unit: "ms".to_owned(),
            curves: vec![curve("p50", &[Some(2.0), None, Some(1.0)]), curve("p99", &[None])],
        };
        let told = "Time to answer. p50: from 1 ms to 2 ms, 1 ms at last; p99: nothing measured";
        assert_eq!(chart.told(), told);
        assert_eq!(chart.highest(), Some(2.0));
    }
}
