//! An alert's course: from quiet over pending to firing, and back.
//!
//! Two values part the good from the bad: the one that must be passed, and the one at which it is
//! over. Between them an alert stays what it is, so that a value that wavers around the limit is told
//! once.

use jiff::{SignedDuration, Timestamp};

use super::{AlertState, Join, Limit, Rule};

/// What a look at the metrics says of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It holds.
    Holds,
    /// It holds no more, but is not over: between the two values.
    Between,
    /// It is over.
    Over,
    /// Nothing was measured, which says neither for as long as the period is long.
    Unknown,
}

/// What was measured of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Its value. Of what is counted there is one wherever somebody counts.
    pub value: Option<f64>,
    /// Whether there was anything to measure.
    pub is_there: bool,
    /// Whether there was, looking back twice as far.
    pub was_there: bool,
}

/// Where an alert stands, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub state: AlertState,
    /// Since when.
    pub since: Timestamp,
}

impl Rule {
    /// Reads the condition off what was measured, in the order of [`Rule::measured`].
    #[must_use]
    pub fn read(&self, measured: &[Measured]) -> Reading {
        let value = |index: usize| measured.get(index).filter(|one| one.is_there);
        let limit = |index: usize, limit: &Limit| match measured.get(index) {
            // None of what is counted is a number, and the worst one where there shall be some.
            Some(Measured { value: Some(value), is_there, .. })
                if *is_there || limit.metric.is_count() =>
            {
                limit.read(*value)
            }
            // It was unknown for a whole period: what nobody does any more is no trouble either.
            Some(Measured { is_there: false, was_there: false, .. }) => Reading::Over,
            _ => Reading::Unknown,
        };
        match self {
            Self::Threshold(one) => limit(0, one),
            Self::Absence { .. } if value(0).is_some() => Reading::Over,
            Self::Absence { .. } => Reading::Holds,
            Self::Composite { join, limits } => {
                let readings: Vec<_> =
                    limits.iter().enumerate().map(|(index, one)| limit(index, one)).collect();
                joined(*join, &readings)
            }
        }
    }
}

impl Limit {
    fn read(&self, value: f64) -> Reading {
        if self.operator.holds(value, self.value) {
            Reading::Holds
        } else if self.operator.holds(value, self.clear_value) {
            Reading::Between
        } else {
            Reading::Over
        }
    }
}

/// All: the best of the parts decides. Any: the worst does.
fn joined(join: Join, readings: &[Reading]) -> Reading {
    let order = match join {
        Join::All => [Reading::Over, Reading::Unknown, Reading::Between],
        Join::Any => [Reading::Holds, Reading::Between, Reading::Unknown],
    };
    let rest = if join == Join::All { Reading::Holds } else { Reading::Over };
    order.into_iter().find(|one| readings.contains(one)).unwrap_or(rest)
}

impl Standing {
    /// Where the alert stands after a look. A condition that must hold for a while is pending until
    /// then; nothing measured ends what is pending, and leaves alone what fires, or was resolved by hand,
    /// until it is taken to be over.
    #[must_use]
    pub fn after(self, reading: Reading, now: Timestamp, for_seconds: u32) -> Self {
        use AlertState::{Firing, Pending, Quiet, Resolved};

        let has_held = |since: Timestamp| {
            now.duration_since(since) >= SignedDuration::from_secs(for_seconds.into())
        };
        let state = match (self.state, reading) {
            (Quiet, Reading::Holds) if for_seconds == 0 => Firing,
            (Pending, Reading::Holds) if has_held(self.since) => Firing,
            (Quiet | Pending, Reading::Holds) => Pending,
            (Firing, Reading::Holds | Reading::Between | Reading::Unknown) => Firing,
            (Resolved, Reading::Holds | Reading::Between | Reading::Unknown) => Resolved,
            _ => Quiet,
        };
        if state == self.state { self } else { Self { state, since: now } }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alert::NewAlert;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn rule(value: serde_json::Value) -> Rule {
        serde_json::from_value::<NewAlert>(value).unwrap().check().unwrap()
    }

    fn there(value: f64) -> Measured {
        Measured { value: Some(value), is_there: true, was_there: true }
    }

    const NOTHING: Measured = Measured { value: None, is_there: false, was_there: false };

    #[test]
    fn a_wavering_value_is_told_once() {
        let rule = rule(json!({
            "name": "A", "type": "threshold", "metric": "queue.age",
            "condition": { "operator": "gt", "value": 100, "clear_value": 50, "period": "1m" },
        }));
        let mut standing = Standing { state: AlertState::Quiet, since: at(0) };
        let mut fired = 0;
        for (second, value) in
            [60.0, 101.0, 99.0, 102.0, 51.0, 101.0, 50.0, 60.0].iter().enumerate()
        {
            let before = standing.state;
            let now = at(i64::try_from(second).unwrap());
            standing = standing.after(rule.read(&[there(*value)]), now, 0);
            fired += u32::from(standing.state == AlertState::Firing && before != standing.state);
        }
        assert_eq!((fired, standing.state), (1, AlertState::Quiet));
    }

    #[test]
    fn a_condition_must_hold_for_its_time() {
        let quiet = Standing { state: AlertState::Quiet, since: at(0) };
        let pending = quiet.after(Reading::Holds, at(10), 60);
        assert_eq!(pending, Standing { state: AlertState::Pending, since: at(10) });
        assert_eq!(pending.after(Reading::Holds, at(69), 60), pending);
        let firing = pending.after(Reading::Holds, at(70), 60);
        assert_eq!(firing, Standing { state: AlertState::Firing, since: at(70) });
        for reading in [Reading::Between, Reading::Over, Reading::Unknown] {
            assert_eq!(pending.after(reading, at(20), 60).state, AlertState::Quiet, "{reading:?}");
        }
        for (reading, state) in [
            (Reading::Between, AlertState::Firing),
            (Reading::Unknown, AlertState::Firing),
            (Reading::Over, AlertState::Quiet),
        ] {
            assert_eq!(firing.after(reading, at(80), 60).state, state, "{reading:?}");
        }
    }

    #[test]
    fn what_was_resolved_by_hand_stays_quiet_until_it_was_over() {
        let resolved = Standing { state: AlertState::Resolved, since: at(0) };
        for reading in [Reading::Holds, Reading::Between, Reading::Unknown] {
            assert_eq!(resolved.after(reading, at(10), 0), resolved, "{reading:?}");
        }
        assert_eq!(resolved.after(Reading::Over, at(10), 0).state, AlertState::Quiet);
    }

    #[test]
    fn absence_holds_while_there_is_nothing() {
        let rule = rule(json!({
            "name": "A", "type": "absence", "metric": "sessions.ended",
            "condition": { "period": "1h" },
        }));
        assert_eq!(rule.read(&[NOTHING]), Reading::Holds);
        assert_eq!(rule.read(&[Measured { value: Some(0.0), ..NOTHING }]), Reading::Holds);
        assert_eq!(rule.read(&[there(0.0)]), Reading::Over);
    }

    #[test]
    fn none_of_what_is_counted_is_a_number() {
        let of = |metric: &str, operator: &str| {
            rule(json!({
                "name": "A", "type": "threshold", "metric": metric,
                "condition": { "operator": operator, "value": 1, "period": "30m" },
            }))
        };
        let none = Measured { value: Some(0.0), ..NOTHING };
        for metric in ["sessions.ended", "api.latency.count", "tokens.used.rate"] {
            assert_eq!(of(metric, "lt").read(&[none]), Reading::Holds, "{metric}");
            assert_eq!(of(metric, "gt").read(&[none]), Reading::Over, "{metric}");
            // Nobody has counted.
            let lately = Measured { was_there: true, ..NOTHING };
            assert_eq!(of(metric, "lt").read(&[lately]), Reading::Unknown, "{metric}");
        }
        assert_eq!(of("api.error_rate", "lt").read(&[none]), Reading::Over, "a share of nothing");
    }

    #[test]
    fn what_is_not_measured_is_over_after_a_period() {
        let lately = Measured { was_there: true, ..NOTHING };
        let threshold = rule(json!({
            "name": "A", "type": "threshold", "metric": "api.error_rate",
            "condition": { "operator": "gt", "value": 5, "period": "5m" },
        }));
        let part = |metric: &str| json!({ "metric": metric, "operator": "gt", "value": 5, "period": "1m" });
        let parts = [part("queue.age"), part("queue.depth")];
        let [all, any] = ["all", "any"].map(|join| {
            rule(json!({
                "name": "A", "type": "composite",
                "condition": { "join": join, "parts": parts },
            }))
        });
        for (rule, measured, reading) in [
            (&threshold, vec![lately], Reading::Unknown),
            (&threshold, vec![Measured { value: Some(0.0), ..lately }], Reading::Unknown),
            (&threshold, vec![NOTHING], Reading::Over),
            (&all, vec![there(6.0), lately], Reading::Unknown),
            (&all, vec![there(6.0), NOTHING], Reading::Over),
            (&any, vec![there(6.0), NOTHING], Reading::Holds),
            (&any, vec![lately, NOTHING], Reading::Unknown),
            (&any, vec![NOTHING, NOTHING], Reading::Over),
        ] {
            assert_eq!(rule.read(&measured), reading, "{measured:?}");
        }
    }

    #[test]
    fn a_composite_joins_its_parts() {
        use Reading::{Between, Holds, Over, Unknown};
        for (join, readings, reading) in [
            (Join::All, vec![Holds, Holds], Holds),
            (Join::All, vec![Holds, Between], Between),
            (Join::All, vec![Between, Over], Over),
            (Join::All, vec![Holds, Unknown], Unknown),
            (Join::Any, vec![Over, Holds], Holds),
            (Join::Any, vec![Over, Between], Between),
            (Join::Any, vec![Over, Over], Over),
            (Join::Any, vec![Over, Unknown], Unknown),
        ] {
            assert_eq!(joined(join, &readings), reading, "{join:?} {readings:?}");
        }
        let part = |metric: &str| json!({ "metric": metric, "operator": "gt", "value": 5, "period": "1m" });
        let rule = rule(json!({
            "name": "A", "type": "composite",
            "condition": { "join": "any", "parts": [part("queue.age"), part("queue.depth")] },
        }));
        assert_eq!(rule.measured().len(), 2);
        assert_eq!(rule.read(&[there(1.0), there(6.0)]), Holds);
        assert!(rule.told(&[Some(1.0), Some(6.0)]).contains("; or queue.depth is 6 over 1m"));
    }
}
