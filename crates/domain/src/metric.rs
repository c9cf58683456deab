//! What is measured, under the names that programs and people know it by.
//!
//! A name is a family (`api.latency`) and, where it is not the family's first, a statistic of it
//! (`api.latency.p99`); shares such as `cache.hit_rate` are made of two families.

use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;
use crate::fault::FieldFault;

/// How the values of a family are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// How long things took, in microseconds.
    Duration,
    /// How much there was.
    Count,
    /// How high something stood, looked at once a minute.
    Level,
}

macro_rules! families {
    ($($variant:ident $name:literal $shape:ident $unit:ident $about:literal,)*) => {
        /// Values that are measured together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Family {
            $(#[doc = $about] $variant,)*
        }

        impl Family {
            /// Every family.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The family as it stands in names and in the store.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How its values are kept.
            #[must_use]
            pub const fn shape(self) -> Shape {
                match self { $(Self::$variant => Shape::$shape,)* }
            }

            /// What its values are told in.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)* }
            }

            /// What it is, for a person.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

families! {
    ApiLatency "api.latency" Duration Milliseconds "Time to answer a program's request, by route",
    PageLatency "page.latency" Duration Milliseconds "Time to answer a browser's page request, by route",
    AgentExecution "agent.execution.duration" Duration Milliseconds "Time from a session's first step to its end, by agent",
    ModelDuration "model.reply.duration" Duration Milliseconds "Time a model took for one reply, by model",
    ToolDuration "tool.call.duration" Duration Milliseconds "Time of one tool call, by tool",
    DbQuery "db.query.duration" Duration Milliseconds "Time of one database statement, by statement",
    DbPoolWait "db.pool.wait" Duration Milliseconds "Time spent waiting for a database connection",
    ApiErrors "api.errors" Count Number "Requests of programs answered with a 5xx, by route",
    PageErrors "page.errors" Count Number "Page requests answered with a 5xx, by route",
    CacheHits "cache.hits" Count Number "Look-ups that the cache answered, by kind",
    CacheMisses "cache.misses" Count Number "Look-ups that the cache could not answer, by kind",
    ModelErrors "model.errors" Count Number "Replies that a model failed to give, by model",
    Limited "rate_limit.refused" Count Number "Requests that were one too many, by limit and caller",
    SessionsEnded "sessions.ended" Count Number "Sessions that ended, by state",
    Tokens "tokens.used" Count Number "Tokens that sessions used, both ways",
    Cost "cost.usd" Count Dollars "What the tokens cost",
    QueueDepth "queue.depth" Level Number "Sessions that wait for a worker and nothing else",
    QueueAge "queue.age" Level Milliseconds "How long the first of those that wait for a worker has been due",
    SessionsActive "sessions.active" Level Number "Sessions that a worker runs",
    SseSubscribers "sse.subscribers" Level Number "Open event streams",
    DbPoolUsed "db.pool.used" Level Number "Database connections in use",
    DbPoolSize "db.pool.size" Level Number "Database connections that may be open",
    ProcessMemory "process.memory" Level Bytes "Memory of the server processes",
}

/// What a value is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Unit {
    /// Thousandths of a second.
    #[serde(rename = "ms")]
    Milliseconds,
    /// A bare number.
    #[serde(rename = "")]
    Number,
    /// US dollars.
    #[serde(rename = "USD")]
    Dollars,
    /// Hundredths.
    #[serde(rename = "%")]
    Percent,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
}

impl Unit {
    /// The unit as it stands behind a number.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Number => "",
            Self::Dollars => "USD",
            Self::Percent => "%",
            Self::Bytes => "bytes",
        }
    }
}

/// What is told of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// The mean; of a level, over the minutes.
    Mean,
    /// A quantile, in thousandths.
    Quantile(u16),
    /// The greatest.
    Max,
    /// How many durations there were.
    Count,
    /// The sum.
    Total,
    /// The sum per second.
    Rate,
}

impl Statistic {
    const OF_DURATIONS: [(&'static str, Self); 8] = [
        ("", Self::Mean),
        (".p50", Self::Quantile(500)),
        (".p90", Self::Quantile(900)),
        (".p95", Self::Quantile(950)),
        (".p99", Self::Quantile(990)),
        (".p999", Self::Quantile(999)),
        (".max", Self::Max),
        (".count", Self::Count),
    ];
    const OF_COUNTS: [(&'static str, Self); 2] = [("", Self::Total), (".rate", Self::Rate)];
    const OF_LEVELS: [(&'static str, Self); 2] = [("", Self::Mean), (".max", Self::Max)];

    const fn of(shape: Shape) -> &'static [(&'static str, Self)] {
        match shape {
            Shape::Duration => &Self::OF_DURATIONS,
            Shape::Count => &Self::OF_COUNTS,
            Shape::Level => &Self::OF_LEVELS,
        }
    }
}

/// A share of one family in another, in percent.
const SHARES: [(&str, Family, &[Family]); 5] = [
    ("cache.hit_rate", Family::CacheHits, &[Family::CacheHits, Family::CacheMisses]),
    ("api.error_rate", Family::ApiErrors, &[Family::ApiLatency]),
    ("page.error_rate", Family::PageErrors, &[Family::PageLatency]),
    ("model.error_rate", Family::ModelErrors, &[Family::ModelErrors, Family::ModelDuration]),
    ("db.pool.use_rate", Family::DbPoolUsed, &[Family::DbPoolSize]),
];

/// Something that can be asked for by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Metric {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Of(Family, Statistic),
    Share(Family, &'static [Family]),
}

impl Metric {
    /// Every metric.
    pub fn all() -> impl Iterator<Item = Self> {
        let plain = Family::ALL.iter().flat_map(|family| {
            Statistic::of(family.shape()).iter().map(|(ending, statistic)| Self {
                name: format!("{}{ending}", family.as_str()),
                kind: Kind::Of(*family, *statistic),
            })
        });
        let shares = SHARES.iter().map(|(name, part, whole)| Self {
            name: (*name).to_owned(),
            kind: Kind::Share(*part, whole),
        });
        plain.chain(shares)
    }

    /// Reads a metric's name.
    ///
    /// # Errors
    /// A fault of `field` that lists every name.
    pub fn parse(field: &str, name: &str) -> Result<Self, FieldFault> {
        Self::all().find(|metric| metric.name == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(|metric| metric.name).collect();
            FieldFault::new(field, format!("must be one of {}", names.join(", ")))
        })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as an attribute of an object in most languages.
    #[must_use]
    pub fn attribute(&self) -> String {
        self.name.replace('.', "_")
    }

    /// What its value is told in.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        match self.kind {
            Kind::Share(..) => Unit::Percent,
            Kind::Of(_, Statistic::Count) => Unit::Number,
            Kind::Of(family, _) => family.unit(),
        }
    }

    /// Whether it says how many there were: where somebody counts, none is a number too.
    #[must_use]
    pub const fn is_count(&self) -> bool {
        matches!(self.kind, Kind::Of(_, Statistic::Count | Statistic::Total | Statistic::Rate))
    }

    /// The families that its value is made of.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        match self.kind {
            Kind::Of(family, _) => vec![family],
            Kind::Share(part, whole) => {
                let others = whole.iter().copied().filter(|family| *family != part);
                std::iter::once(part).chain(others).collect()
            }
        }
    }

    /// Its value, from what was measured of its families in `seconds`. `None`: nothing was.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts and sums stay far below 2^52")]
    pub fn value(
        &self,
        measured: &dyn Fn(Family) -> Option<Distribution>,
        seconds: f64,
    ) -> Option<f64> {
        let (family, statistic) = match self.kind {
            Kind::Of(family, statistic) => (family, statistic),
            Kind::Share(part, whole) => {
                let amount =
                    |family: Family| measured(family).map_or(0, |all| amount(family, &all));
                let whole: u64 = whole.iter().map(|family| amount(*family)).sum();
                return (whole > 0).then(|| amount(part) as f64 / whole as f64 * 100.0);
            }
        };
        let all = measured(family).unwrap_or_default();
        let raw = match statistic {
            Statistic::Mean => all.mean()?,
            Statistic::Quantile(thousandths) => all.quantile(thousandths)? as f64,
            Statistic::Max if all.is_empty() => return None,
            Statistic::Max => all.max as f64,
            Statistic::Count => return Some(all.count as f64),
            Statistic::Total => all.sum as f64,
            Statistic::Rate if seconds > 0.0 => all.sum as f64 / seconds,
            Statistic::Rate => return None,
        };
        Some(raw / scale(family))
    }
}

/// What counts when families are compared: how many durations, how much of the others.
const fn amount(family: Family, all: &Distribution) -> u64 {
    match family.shape() {
        Shape::Duration => all.count,
        Shape::Count | Shape::Level => all.sum,
    }
}

/// How much finer a family's values are kept than they are told.
const fn scale(family: Family) -> f64 {
    match (family.shape(), family.unit()) {
        (Shape::Duration, _) => 1_000.0,
        (_, Unit::Dollars) => 1_000_000.0,
        _ => 1.0,
    }
}

/// How far back a question reaches, or how long something lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    seconds: u32,
}

impl Period {
    /// An hour.
    pub const HOUR: Self = Self { seconds: 3_600 };
    const MIN: Self = Self { seconds: 60 };
    const MAX: Self = Self { seconds: 400 * 86_400 };

    /// Twice as long, as far as anything is kept.
    #[must_use]
    pub const fn doubled(self) -> Self {
        let seconds = self.seconds * 2;
        if seconds > Self::MAX.seconds { Self::MAX } else { Self { seconds } }
    }

    /// Reads `5m`, `1h`, `24h`, `7d` or `2w`.
    ///
    /// # Errors
    /// A fault of `field` that says what can be written.
    pub fn parse(field: &str, text: &str) -> Result<Self, FieldFault> {
        let unit = text.chars().last().and_then(|unit| match unit {
            's' => Some(1),
            'm' => Some(60),
            'h' => Some(3_600),
            'd' => Some(86_400),
            'w' => Some(7 * 86_400),
            _ => None,
        });
        let number = text.get(..text.len().saturating_sub(1)).filter(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let seconds = unit.zip(number.and_then(|number| number.parse::<u32>().ok()));
        seconds
            .and_then(|(unit, number)| number.checked_mul(unit))
            .map(|seconds| Self { seconds })
            .filter(|period| (Self::MIN..=Self::MAX).contains(period))
            .ok_or_else(|| {
                FieldFault::new(
                    field,
                    "must be a whole number and m, h, d or w, such as 5m, 1h, 24h, 7d or 30d; from \
                     1m to 400d",
                )
            })
    }

    /// The period in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.seconds
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let unit = units.into_iter().find(|(seconds, _)| self.seconds.is_multiple_of(*seconds));
        let (seconds, unit) = unit.unwrap_or((1, 's'));
        write!(f, "{}{unit}", self.seconds / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(values: &[(Family, &[u64])]) -> impl Fn(Family) -> Option<Distribution> {
        let values: Vec<_> = values
            .iter()
            .map(|(family, values)| {
                let mut all = Distribution::default();
                values.iter().for_each(|value| all.record(*value));
                (*family, all)
            })
            .collect();
        move |family| values.iter().find(|(known, _)| *known == family).map(|(_, all)| all.clone())
    }

    #[test]
    fn the_names_of_the_guide_are_known() {
        for name in [
            "api.latency.p50",
            "api.latency.p99",
            "agent.execution.duration",
            "cache.hit_rate",
            "db.query.duration",
            "queue.depth",
            "queue.age",
            "sessions.active",
            "sse.subscribers",
        ] {
            assert_eq!(Metric::parse("metrics", name).unwrap().name(), name);
        }
        let fault = Metric::parse("metrics", "api.latency.p98").unwrap_err();
        assert!(fault.reason.contains("api.latency.p99, "), "{fault}");
        let names: std::collections::HashSet<_> =
            Metric::all().map(|one| one.attribute()).collect();
        assert_eq!(names.len(), Metric::all().count(), "an attribute stands for one metric");
    }

    #[test]
    fn values_follow_from_what_was_measured() {
        let of = |name: &str, values: &[(Family, &[u64])]| {
            Metric::parse("metric", name).unwrap().value(&measured(values), 60.0)
        };
        let latency: &[(Family, &[u64])] = &[(Family::ApiLatency, &[10_000, 20_000, 90_000])];
        assert_eq!(of("api.latency", latency), Some(40.0));
        assert_eq!(of("api.latency.count", latency), Some(3.0));
        assert_eq!(of("api.latency.max", latency), Some(90.0));
        assert!((of("api.latency.p50", latency).unwrap() - 20.0).abs() < 0.2);
        assert_eq!(of("api.latency.p99", &[]), None);
        assert_eq!(of("tokens.used", &[]), Some(0.0));
        assert_eq!(of("tokens.used.rate", &[(Family::Tokens, &[600])]), Some(10.0));
        assert_eq!(of("cost.usd", &[(Family::Cost, &[1_500_000])]), Some(1.5));
        let cache: &[(Family, &[u64])] = &[(Family::CacheHits, &[9]), (Family::CacheMisses, &[3])];
        assert_eq!(of("cache.hit_rate", cache), Some(75.0));
        assert_eq!(of("cache.hit_rate", &[]), None);
        assert_eq!(of("api.error_rate", latency), Some(0.0));
        let pages: &[(Family, &[u64])] =
            &[(Family::PageLatency, &[5_000, 6_000]), (Family::PageErrors, &[1])];
        assert_eq!(of("page.error_rate", pages), Some(50.0));
    }

    #[test]
    fn what_says_how_many_is_told_from_the_rest() {
        let counts: Vec<_> = Metric::all().filter(Metric::is_count).collect();
        let is_one = |name: &str| counts.iter().any(|metric| metric.name() == name);
        for name in ["sessions.ended", "tokens.used.rate", "api.latency.count", "cost.usd"] {
            assert!(is_one(name), "{name}");
        }
        for name in ["api.latency", "api.latency.p99", "queue.depth", "cache.hit_rate"] {
            assert!(!is_one(name), "{name}");
        }
    }

    #[test]
    fn periods_read_back() {
        for (text, seconds, shown) in [
            ("5m", 300, "5m"),
            ("1h", 3_600, "1h"),
            ("60m", 3_600, "1h"),
            ("24h", 86_400, "1d"),
            ("2w", 14 * 86_400, "14d"),
            ("90s", 90, "90s"),
        ] {
            let period = Period::parse("period", text).unwrap();
            assert_eq!((period.seconds(), period.to_string().as_str()), (seconds, shown));
        }
        for text in ["", "h", "1", "0m", "30s", "401d", "1.5h", "-1h", "1 h", "99999999999d", "1ä"]
        {
            assert!(Period::parse("period", text).is_err(), "{text}");
        }
    }
}
