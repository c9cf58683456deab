//! What an alert watches, as a person reads it.

use resonant_domain::alert::{Join, Limit, Rule};

use crate::language::{decimal, key, tr, tr_with};

/// When the alert fires, whatever is measured at present.
pub(super) fn when(rule: &Rule) -> String {
    match rule {
        Rule::Threshold(limit) => when_beyond(limit),
        Rule::Absence { metric, period } => tr_with(
            "when nothing is measured of {metric} over {period}",
            &[("metric", &metric.name()), ("period", period)],
        ),
        Rule::Composite { join, limits } => {
            let parts: Vec<_> = limits.iter().map(when_beyond).collect();
            parts.join(tr(match join {
                Join::All => key("; and "),
                Join::Any => key("; or "),
            }))
        }
    }
}

fn when_beyond(limit: &Limit) -> String {
    let unit = limit.metric.unit().as_str();
    let unit = if unit.is_empty() { String::new() } else { format!(" {}", tr(unit)) };
    let (operator, value) = (tr(limit.operator.title()), decimal(short(limit.value)));
    tr_with(
        "when {metric} over {period} is {operator} {limit}",
        &[
            ("metric", &limit.metric.name()),
            ("period", &limit.period),
            ("operator", &operator),
            ("limit", &format!("{value}{unit}")),
        ],
    )
}

/// A number with at most two digits behind the point.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::alert_form::AlertForm;
    use super::*;

    #[test]
    fn a_condition_reads_as_a_rule() {
        let threshold = AlertForm { name: "Slow".to_owned(), ..AlertForm::fresh() };
        let absence = AlertForm { kind: "absence".to_owned(), ..threshold.clone() };
        let composite = AlertForm {
            kind: "composite".to_owned(),
            parts: "api.latency.p99 gt 1000 5m\ncache.hit_rate lte 50.5 1h".to_owned(),
            ..threshold.clone()
        };
        let any = AlertForm { join: "any".to_owned(), ..composite.clone() };
        let (slow, cold) = (
            "when api.latency.p99 over 5m is above 1000 ms",
            "when cache.hit_rate over 1h is at or below 50.5 %",
        );
        for (form, text) in [
            (threshold, slow.to_owned()),
            (absence, "when nothing is measured of api.latency.p99 over 5m".to_owned()),
            (composite, format!("{slow}; and {cold}")),
            (any, format!("{slow}; or {cold}")),
        ] {
            assert_eq!(when(&form.alert().unwrap().check().unwrap()), text);
        }
    }
}
