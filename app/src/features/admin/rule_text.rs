//! What an alert watches, as a person reads it.

use resonant_domain::alert::{Join, Limit, Rule};

use crate::language::{decimal, key, tr, tr_with};

/// The condition, with what was measured. In English the same as [`Rule::told`], which messages hold.
pub(super) fn told(rule: &Rule, values: &[Option<f64>]) -> String {
    let value = |index: usize| values.get(index).copied().flatten();
    match rule {
        Rule::Threshold(limit) => told_limit(limit, value(0)),
        Rule::Absence { metric, period } => tr_with(
            "nothing was measured of {metric} over {period}",
            &[("metric", &metric.name()), ("period", period)],
        ),
        Rule::Composite { join, limits } => {
            let parts = limits.iter().enumerate();
            let parts: Vec<_> =
                parts.map(|(index, limit)| told_limit(limit, value(index))).collect();
            parts.join(tr(match join {
                Join::All => key("; and "),
                Join::Any => key("; or "),
            }))
        }
    }
}

fn told_limit(limit: &Limit, value: Option<f64>) -> String {
    let unit = limit.metric.unit().as_str();
    let unit = if unit.is_empty() { String::new() } else { format!(" {}", tr(unit)) };
    let number = |value: f64| format!("{}{unit}", decimal(short(value)));
    let (metric, operator, own) =
        (limit.metric.name(), tr(limit.operator.title()), number(limit.value));
    match value {
        Some(value) => tr_with(
            "{metric} is {value} over {period}, {operator} {limit}",
            &[
                ("metric", &metric),
                ("value", &number(value)),
                ("period", &limit.period),
                ("operator", &operator),
                ("limit", &own),
            ],
        ),
        None => tr_with(
            "{metric} over {period} {operator} {limit}, not measured now",
            &[
                ("metric", &metric),
                ("period", &limit.period),
                ("operator", &operator),
                ("limit", &own),
            ],
        ),
    }
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
    fn a_condition_reads_in_english_as_it_does_in_messages() {
        let threshold = AlertForm { name: "Slow".to_owned(), ..AlertForm::fresh() };
        let absence = AlertForm { kind: "absence".to_owned(), ..threshold.clone() };
        let composite = AlertForm {
            kind: "composite".to_owned(),
            parts: "api.latency.p99 gt 1000 5m\ncache.hit_rate lte 50.5 1h".to_owned(),
            ..threshold.clone()
        };
        let any = AlertForm { join: "any".to_owned(), ..composite.clone() };
        let measured: [&[Option<f64>]; 3] = [&[], &[Some(1_234.567), None], &[None, Some(50.0)]];
        for form in [threshold, absence, composite, any] {
            let rule = form.alert().unwrap().check().unwrap();
            for values in measured {
                assert_eq!(told(&rule, values), rule.told(values));
            }
        }
    }
}
