//! The curves of the overview.

use resonant_domain::metric::{Metric, Period};
use resonant_domain::operations::{Chart, Curve};

use crate::metrics::Courses;

/// The most parts of a period: each is a row of the table beside the drawing.
const PARTS_MAX: u32 = 30;
const HOUR_S: u32 = 3_600;

/// One curve: its title, its metric, and how its values are told.
type Drawn = (&'static str, &'static str, Told);

/// How a metric's value becomes a curve's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    AsItIs,
    /// Of so many in the part, how many in each second of it.
    PerSecond,
}

use Told::{AsItIs, PerSecond};

/// What is drawn. The curves of a chart are told in the same unit.
const CHARTS: [(&str, &[Drawn]); 11] = [
    (
        "Sessions running",
        &[("On average", "sessions.active", AsItIs), ("At most", "sessions.active.max", AsItIs)],
    ),
    ("Sessions ended", &[("Ended", "sessions.ended", AsItIs)]),
    (
        "Sessions that wait",
        &[("On average", "queue.depth", AsItIs), ("At most", "queue.depth.max", AsItIs)],
    ),
    ("Longest wait", &[("On average", "queue.age", AsItIs), ("At most", "queue.age.max", AsItIs)]),
    (
        "Requests per second",
        &[
            ("Of programs", "api.latency.count", PerSecond),
            ("Pages", "page.latency.count", PerSecond),
        ],
    ),
    (
        "Time to answer programs",
        &[("p50", "api.latency.p50", AsItIs), ("p99", "api.latency.p99", AsItIs)],
    ),
    ("Cache hit rate", &[("Answered by the cache", "cache.hit_rate", AsItIs)]),
    ("Tokens", &[("Used", "tokens.used", AsItIs)]),
    ("Cost", &[("Spent", "cost.usd", AsItIs)]),
    (
        "Open event streams",
        &[("On average", "sse.subscribers", AsItIs), ("At most", "sse.subscribers.max", AsItIs)],
    ),
    ("Requests that were one too many", &[("Refused", "rate_limit.refused", AsItIs)]),
];

/// The metrics of all curves, one after the other.
pub(super) fn drawn() -> Vec<Metric> {
    let drawn = CHARTS.iter().flat_map(|(_, drawn)| drawn.iter());
    drawn.filter_map(|(_, name, _)| Metric::parse("metrics", name).ok()).collect()
}

/// Draws everything: the courses are those of what is [`drawn`].
pub(super) fn charts(courses: &Courses) -> Vec<Chart> {
    let metrics = drawn();
    let mut values = metrics.iter().zip(&courses.values);
    let charts = CHARTS.iter().map(|(title, drawn)| {
        let mut unit = "";
        let curves =
            drawn.iter().zip(values.by_ref()).map(|((title, _, told), (metric, values))| {
                unit = metric.unit().as_str();
                let points = match told {
                    AsItIs => values.clone(),
                    PerSecond => per_second(courses, values),
                };
                Curve { title: (*title).to_owned(), points }
            });
        let curves = curves.collect();
        Chart { title: (*title).to_owned(), unit: unit.to_owned(), curves }
    });
    charts.collect()
}

/// In how many parts a period is drawn. Parts of whole hours are read from hours, which are few.
pub(super) fn parts_of(period: Period) -> u32 {
    let seconds = period.seconds();
    if seconds < 12 * HOUR_S {
        return (seconds / 60).clamp(1, PARTS_MAX);
    }
    let hours = seconds / HOUR_S;
    let width = hours.div_ceil(PARTS_MAX);
    (hours / width).max(1)
}

/// The last part is not over yet: it is as long as it has lasted.
fn per_second(courses: &Courses, counts: &[Option<f64>]) -> Vec<Option<f64>> {
    let ends = courses.at.iter().skip(1).chain([&courses.to]);
    let parts = courses.at.iter().zip(ends).zip(counts);
    parts
        .map(|((from, to), count)| {
            let seconds = to.duration_since(*from).as_secs_f64();
            count.filter(|_| seconds > 0.0).map(|count| count / seconds)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_curve_is_a_metric_and_a_chart_has_one_unit() {
        for (title, drawn) in CHARTS {
            let units: Vec<_> = drawn
                .iter()
                .map(|(_, name, _)| Metric::parse("metrics", name).unwrap().unit())
                .collect();
            assert!(units.windows(2).all(|pair| pair[0] == pair[1]), "{title}");
        }
    }

    #[test]
    fn a_period_has_parts_of_whole_minutes_or_hours() {
        for (period, parts) in
            [("1m", 1), ("5m", 5), ("1h", 30), ("24h", 24), ("7d", 28), ("400d", 30)]
        {
            let period = Period::parse("period", period).unwrap();
            assert_eq!(parts_of(period), parts, "{period}");
        }
    }

    #[test]
    fn what_is_not_over_counts_for_as_long_as_it_lasted() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let courses = Courses { at: vec![at(0), at(60)], to: at(70), values: Vec::new() };
        let counts = [Some(120.0), Some(20.0)];
        assert_eq!(per_second(&courses, &counts), [Some(2.0), Some(2.0)]);
        let just_begun = Courses { to: at(60), ..courses };
        assert_eq!(per_second(&just_begun, &[None, Some(0.0)]), [None, None]);
    }
}
