//! A condition as a person reads it, with what was measured.

use super::{Limit, Rule};
use crate::alert::Join;

impl Rule {
    /// The condition while it holds.
    #[must_use]
    pub fn told(&self, values: &[Option<f64>]) -> String {
        match self {
            Self::Threshold(limit) => limit.told(value(values, 0)),
            Self::Absence { metric, period } => {
                format!("nothing was measured of {} over {period}", metric.name())
            }
            Self::Composite { join, limits } => {
                let parts = limits.iter().enumerate();
                let parts: Vec<_> =
                    parts.map(|(index, limit)| limit.told(value(values, index))).collect();
                parts.join(match join {
                    Join::All => "; and ",
                    Join::Any => "; or ",
                })
            }
        }
    }

    /// What there is instead once the condition is over.
    #[must_use]
    pub fn told_over(&self, values: &[Option<f64>]) -> String {
        match self {
            Self::Threshold(limit) => limit.told_over(value(values, 0)),
            Self::Absence { metric, .. } => {
                format!("something was measured of {} again", metric.name())
            }
            Self::Composite { limits, .. } => {
                let parts = limits.iter().enumerate();
                let parts: Vec<_> =
                    parts.map(|(index, limit)| limit.told_over(value(values, index))).collect();
                parts.join("; ")
            }
        }
    }
}

impl Limit {
    fn told(&self, value: Option<f64>) -> String {
        let (name, period, limit) = (self.metric.name(), self.period, self.limit());
        match value {
            Some(value) => format!("{name} is {} over {period}, {limit}", self.in_unit(value)),
            None => format!("{name} over {period} {limit}, not measured now"),
        }
    }

    fn told_over(&self, value: Option<f64>) -> String {
        let (name, period, limit) = (self.metric.name(), self.period, self.limit());
        match value {
            Some(value) => {
                format!("{name} is {} over {period}, limit {limit}", self.in_unit(value))
            }
            None => format!("{name} is not measured any more over {period}, limit {limit}"),
        }
    }

    fn limit(&self) -> String {
        format!("{} {}", self.operator.title(), self.in_unit(self.value))
    }

    fn in_unit(&self, value: f64) -> String {
        match self.metric.unit().as_str() {
            "" => short(value),
            unit => format!("{} {unit}", short(value)),
        }
    }
}

fn value(values: &[Option<f64>], index: usize) -> Option<f64> {
    values.get(index).copied().flatten()
}

/// A number with at most two digits behind the point.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alert::NewAlert;

    fn rule(value: serde_json::Value) -> Rule {
        serde_json::from_value::<NewAlert>(value).unwrap().check().unwrap()
    }

    #[test]
    fn an_end_does_not_say_that_the_condition_holds() {
        let part = json!({ "metric": "queue.depth", "operator": "gt", "value": 5, "period": "1m" });
        let threshold = rule(json!({
            "name": "A", "type": "threshold", "metric": "api.latency.p99",
            "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        }));
        let absence = rule(json!({
            "name": "A", "type": "absence", "metric": "sessions.ended",
            "condition": { "period": "30m" },
        }));
        let composite = rule(json!({
            "name": "A", "type": "composite",
            "condition": { "parts": [part, part] },
        }));
        for (rule, values, held, over) in [
            (
                &threshold,
                vec![Some(1_234.567)],
                "api.latency.p99 is 1234.57 ms over 5m, above 1000 ms",
                "api.latency.p99 is 1234.57 ms over 5m, limit above 1000 ms",
            ),
            (
                &threshold,
                vec![None],
                "api.latency.p99 over 5m above 1000 ms, not measured now",
                "api.latency.p99 is not measured any more over 5m, limit above 1000 ms",
            ),
            (
                &absence,
                vec![Some(3.0)],
                "nothing was measured of sessions.ended over 30m",
                "something was measured of sessions.ended again",
            ),
            (
                &composite,
                vec![Some(6.0), Some(1.0)],
                "queue.depth is 6 over 1m, above 5; and queue.depth is 1 over 1m, above 5",
                "queue.depth is 6 over 1m, limit above 5; queue.depth is 1 over 1m, limit above 5",
            ),
        ] {
            assert_eq!(rule.told(&values), held);
            assert_eq!(rule.told_over(&values), over);
        }
    }
}
