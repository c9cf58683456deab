//! What an alert watches, read from what was written.

mod told;

use self::told::short;
use super::{AlertKind, Join, NewAlert, Operator, PARTS_MAX, Part};
use crate::fault::FieldFault;
use crate::metric::{Metric, Period};

/// A value that a metric shall not pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The metric.
    pub metric: Metric,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: f64,
    /// The value at which it is over.
    pub clear_value: f64,
    /// How far back is looked.
    pub period: Period,
}

/// What is watched.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// A metric passes a value.
    Threshold(Limit),
    /// Nothing is measured.
    Absence {
        /// Of this.
        metric: Metric,
        /// For as long as this.
        period: Period,
    },
    /// Several thresholds together.
    Composite {
        /// How many of them must hold.
        join: Join,
        /// The thresholds.
        limits: Vec<Limit>,
    },
}

impl Operator {
    /// Whether the value stands so to the other.
    #[must_use]
    pub fn holds(self, value: f64, other: f64) -> bool {
        match self {
            Self::Gt => value > other,
            Self::Gte => value >= other,
            Self::Lt => value < other,
            Self::Lte => value <= other,
        }
    }

    const fn is_upward(self) -> bool {
        matches!(self, Self::Gt | Self::Gte)
    }
}

impl Rule {
    /// Reads what is watched and reports every rule that is broken.
    pub(super) fn of(new: &NewAlert, faults: &mut Vec<FieldFault>) -> Option<Self> {
        match new.kind {
            AlertKind::Threshold => {
                strange(new, faults, &["join", "parts"]);
                let metric = metric_of(new, faults);
                let condition = &new.condition;
                let operator = required(condition.operator, "condition.operator", faults);
                let value = required(condition.value, "condition.value", faults);
                let period = period_of(new, faults);
                let clear = (operator, value, condition.clear_value);
                let clear_value = clear_value("condition", clear, faults);
                Some(Self::Threshold(Limit {
                    metric: metric?,
                    operator: operator?,
                    value: value?,
                    clear_value: clear_value?,
                    period: period?,
                }))
            }
            AlertKind::Absence => {
                strange(new, faults, &["operator", "value", "clear_value", "join", "parts"]);
                let (metric, period) = (metric_of(new, faults), period_of(new, faults));
                Some(Self::Absence { metric: metric?, period: period? })
            }
            AlertKind::Composite => {
                strange(new, faults, &["operator", "value", "clear_value", "period"]);
                if new.metric.is_some() {
                    faults.push(FieldFault::new("metric", "must be absent: each part has its own"));
                }
                let parts = &new.condition.parts;
                if !(1..=PARTS_MAX).contains(&parts.len()) {
                    let reason = format!("must be 1 to {PARTS_MAX} thresholds");
                    faults.push(FieldFault::new("condition.parts", reason));
                }
                let limits = parts.iter().enumerate().map(|(index, part)| {
                    Limit::of(part, &format!("condition.parts[{index}]"), faults)
                });
                let limits = limits.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
                Some(Self::Composite { join: new.condition.join.unwrap_or(Join::All), limits })
            }
        }
    }

    /// What is measured for it: each metric and how far back.
    #[must_use]
    pub fn measured(&self) -> Vec<(&Metric, Period)> {
        match self {
            Self::Threshold(limit) => vec![(&limit.metric, limit.period)],
            Self::Absence { metric, period } => vec![(metric, *period)],
            Self::Composite { limits, .. } => {
                limits.iter().map(|limit| (&limit.metric, limit.period)).collect()
            }
        }
    }
}

impl Limit {
    fn of(part: &Part, place: &str, faults: &mut Vec<FieldFault>) -> Option<Self> {
        let metric = Metric::parse(&format!("{place}.metric"), &part.metric);
        let metric = metric.map_err(|fault| faults.push(fault)).ok();
        let period = Period::parse(&format!("{place}.period"), &part.period);
        let period = period.map_err(|fault| faults.push(fault)).ok();
        let value = required(Some(part.value), &format!("{place}.value"), faults);
        let clear = (Some(part.operator), value, part.clear_value);
        Some(Self {
            clear_value: clear_value(place, clear, faults)?,
            metric: metric?,
            operator: part.operator,
            value: value?,
            period: period?,
        })
    }
}

impl Part {
    /// Reads a part from one line: `api.latency.p99 gt 1000 5m`, and where it is over behind it.
    ///
    /// # Errors
    /// A sentence that says what a line is.
    pub fn parse_line(line: &str) -> Result<Self, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        let read = || {
            let (metric, operator, value, period, clear) = match words[..] {
                [metric, operator, value, period] => (metric, operator, value, period, None),
                [metric, operator, value, period, clear] => {
                    (metric, operator, value, period, Some(clear))
                }
                _ => return None,
            };
            Some(Self {
                metric: metric.to_owned(),
                operator: Operator::parse(operator)?,
                value: value.parse().ok()?,
                clear_value: clear.map(str::parse).transpose().ok()?,
                period: period.to_owned(),
            })
        };
        read().ok_or_else(|| {
            format!(
                "“{line}” must be a metric, gt, gte, lt or lte, a number and a period, such as \
                 api.latency.p99 gt 1000 5m"
            )
        })
    }

    /// The line that reads as this part.
    #[must_use]
    pub fn to_line(&self) -> String {
        let Self { metric, operator, value, clear_value, period } = self;
        let clear = clear_value.map_or_else(String::new, |clear| format!(" {clear}"));
        format!("{metric} {} {value} {period}{clear}", operator.as_str())
    }
}

fn required<T: Copy + Finite>(
    value: Option<T>,
    field: &str,
    faults: &mut Vec<FieldFault>,
) -> Option<T> {
    match value {
        Some(value) if value.is_fit() => Some(value),
        Some(_) => {
            faults.push(FieldFault::new(field, "must be a finite number"));
            None
        }
        None => {
            faults.push(FieldFault::new(field, "is required"));
            None
        }
    }
}

trait Finite {
    fn is_fit(&self) -> bool;
}

impl Finite for f64 {
    fn is_fit(&self) -> bool {
        self.is_finite()
    }
}

impl Finite for Operator {
    fn is_fit(&self) -> bool {
        true
    }
}

fn metric_of(new: &NewAlert, faults: &mut Vec<FieldFault>) -> Option<Metric> {
    let required = || FieldFault::new("metric", "is required");
    let metric = new.metric.as_deref().ok_or_else(required);
    metric.and_then(|name| Metric::parse("metric", name)).map_err(|fault| faults.push(fault)).ok()
}

fn period_of(new: &NewAlert, faults: &mut Vec<FieldFault>) -> Option<Period> {
    let field = "condition.period";
    let text = new.condition.period.as_deref();
    let text = text.ok_or_else(|| FieldFault::new(field, "is required"));
    text.and_then(|text| Period::parse(field, text)).map_err(|fault| faults.push(fault)).ok()
}

/// The value at which it is over: on the good side of the limit, or the limit itself.
fn clear_value(
    place: &str,
    (operator, value, clear): (Option<Operator>, Option<f64>, Option<f64>),
    faults: &mut Vec<FieldFault>,
) -> Option<f64> {
    let (operator, value) = (operator?, value?);
    let Some(clear) = clear else { return Some(value) };
    let side = if operator.is_upward() { "at most" } else { "at least" };
    let fits = if operator.is_upward() { clear <= value } else { clear >= value };
    if !fits || !clear.is_finite() {
        let reason = format!("must be {side} {}", short(value));
        faults.push(FieldFault::new(format!("{place}.clear_value"), reason));
        return None;
    }
    Some(clear)
}

/// Reports what does not belong to an alert of this type.
fn strange(new: &NewAlert, faults: &mut Vec<FieldFault>, names: &[&str]) {
    let condition = &new.condition;
    for (name, is_there) in [
        ("operator", condition.operator.is_some()),
        ("value", condition.value.is_some()),
        ("clear_value", condition.clear_value.is_some()),
        ("period", condition.period.is_some()),
        ("join", condition.join.is_some()),
        ("parts", !condition.parts.is_empty()),
    ] {
        if is_there && names.contains(&name) {
            let reason = format!("must be absent: the alert's type is {}", new.kind.as_str());
            faults.push(FieldFault::new(format!("condition.{name}"), reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn new(value: serde_json::Value) -> NewAlert {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_guides_alert_is_one() {
        let guide = new(json!({
            "name": "Slow API Response",
            "type": "threshold",
            "metric": "api.latency.p99",
            "condition": { "operator": "gt", "value": 1000, "period": "5m" },
            "severity": "warning",
        }));
        let rule = guide.check().unwrap();
        let Rule::Threshold(limit) = &rule else { panic!("{rule:?}") };
        assert_eq!(limit.clear_value.to_bits(), limit.value.to_bits(), "over where it began");
        assert_eq!(
            rule.told(&[Some(1_234.567)]),
            "api.latency.p99 is 1234.57 ms over 5m, above 1000 ms"
        );
        assert_eq!(guide.for_seconds(), 0);
        let back = serde_json::to_value(&guide).unwrap();
        assert_eq!(new(back), guide);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let threshold = json!({ "operator": "gt", "value": 1, "period": "5m" });
        for (kind, metric, condition, field) in [
            ("threshold", "api.latency.p98", threshold.clone(), "metric"),
            ("threshold", "queue.age", json!({ "value": 1, "period": "5m" }), "condition.operator"),
            (
                "threshold",
                "queue.age",
                json!({ "operator": "gt", "value": 1, "period": "5m", "clear_value": 2 }),
                "condition.clear_value",
            ),
            (
                "threshold",
                "cache.hit_rate",
                json!({ "operator": "lt", "value": 80, "period": "5m", "clear_value": 70 }),
                "condition.clear_value",
            ),
            (
                "threshold",
                "queue.age",
                json!({ "operator": "gt", "value": 1, "period": "soon" }),
                "condition.period",
            ),
            ("absence", "queue.age", json!({}), "condition.period"),
            ("absence", "queue.age", json!({ "period": "5m", "value": 3 }), "condition.value"),
        ] {
            let wrong =
                new(json!({ "name": "A", "type": kind, "metric": metric, "condition": condition }));
            let faults = wrong.check().unwrap_err();
            let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, [field], "{faults:?}");
        }
        let parts = json!([{ "metric": "x", "operator": "gt", "value": 1, "period": "5m" }]);
        let composite =
            json!({ "name": "A", "type": "composite", "condition": { "parts": parts } });
        let faults = new(composite).check().unwrap_err();
        assert_eq!(faults[0].field, "condition.parts[0].metric");
        let channels = json!([{ "type": "slack", "url": "ftp://example.org" }]);
        let wrong = new(json!({
            "name": "", "type": "absence", "metric": "queue.age", "condition": { "period": "5m" },
            "channels": channels, "for_duration": "never",
        }));
        let fields: Vec<_> =
            wrong.check().unwrap_err().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["name", "for_duration", "channels[0].url"]);
        for (channel, field) in [
            (json!({ "type": "mail", "to": "ops@example.org" }), None),
            (json!({ "type": "mail" }), Some("channels[0].to")),
            (json!({ "type": "mail", "to": "ops" }), Some("channels[0].to")),
            (json!({ "type": "mail", "to": "a@b.c\r\nBcc: d@e.f" }), Some("channels[0].to")),
            (
                json!({ "type": "mail", "to": "a@b.c", "url": "https://b.c" }),
                Some("channels[0].url"),
            ),
            (
                json!({ "type": "slack", "to": "a@b.c", "url": "https://b.c" }),
                Some("channels[0].to"),
            ),
        ] {
            let alert = new(json!({
                "name": "A", "type": "absence", "metric": "queue.age",
                "condition": { "period": "5m" }, "channels": [channel],
            }));
            let fields: Vec<_> = alert.check().err().unwrap_or_default();
            let fields: Vec<_> = fields.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, Vec::from_iter(field), "{alert:?}");
        }
    }

    #[test]
    fn a_line_is_a_part_and_reads_back() {
        for line in ["api.latency.p99 gt 1000 5m", "cache.hit_rate lt 50 1h 60.5"] {
            assert_eq!(Part::parse_line(line).unwrap().to_line(), line);
        }
        for line in ["", "api.latency.p99", "a > 1 5m", "a gt x 5m", "a gt 1 5m 2 3"] {
            assert!(Part::parse_line(line).is_err(), "{line}");
        }
    }
}
