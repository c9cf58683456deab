//! What this process counted, in Prometheus' text format (version 0.0.4).

use std::fmt::Write as _;
use std::time::Duration;

use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Shape, Unit};

use crate::{Ctx, Result};

/// Upper bounds of the buckets, in microseconds. They lie at the targets of the SLO page too, and the last
/// one beyond them: Prometheus takes what lies above it for the bound itself, which passes no limit there.
const BOUNDS: [u64; 16] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];

/// How long a database may take to tell how the queue stands. Those who scrape wait ten seconds.
const QUEUE_PATIENCE: Duration = Duration::from_secs(2);

/// Writes everything. The queue's levels are asked for anew: they belong to no process. Where no
/// database tells them they are left out: what this process counted is worth the most then.
///
/// # Errors
/// None; whoever may read was asked before.
#[tracing::instrument(name = "metrics.prometheus", level = "debug", parent = ctx.span(), skip_all)]
pub async fn prometheus(ctx: &Ctx) -> Result<String> {
    let backend = ctx.backend();
    backend.look_at_levels();
    let mut counted = backend.counted();
    let (queue, told) = super::keep::queue_levels(backend, QUEUE_PATIENCE).await;
    counted.extend(queue.into_iter().map(|(family, level)| {
        (family, Box::default(), Distribution { sum: level, ..Distribution::default() })
    }));
    if let Err(error) = told {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the queue of a database is not told");
    }
    counted.sort_by(|(one, label, _), (other, other_label, _)| {
        one.cmp(other).then_with(|| label.cmp(other_label))
    });
    let mut text = String::new();
    let mut before = None;
    for (family, label, all) in counted {
        if before != Some(family) {
            head(&mut text, family);
            before = Some(family);
        }
        write_series(&mut text, family, &label, &all);
    }
    Ok(text)
}

fn name(family: Family) -> String {
    let name = family.as_str().replace('.', "_");
    match (family.shape(), family.unit()) {
        (Shape::Duration, _) | (Shape::Level, Unit::Milliseconds) => {
            format!("resonant_{name}_seconds")
        }
        (Shape::Level, Unit::Bytes) => format!("resonant_{name}_bytes"),
        (Shape::Level, _) => format!("resonant_{name}"),
        (Shape::Count, _) => format!("resonant_{name}_total"),
    }
}

fn head(text: &mut String, family: Family) {
    let kind = match family.shape() {
        Shape::Duration => "histogram",
        Shape::Count => "counter",
        Shape::Level => "gauge",
    };
    let name = name(family);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {}", family.about());
    let _ = writeln!(text, "# TYPE {name} {kind}");
}

fn write_series(text: &mut String, family: Family, label: &str, all: &Distribution) {
    let name = name(family);
    let labels = label_of(family, label);
    let braces = |more: &str| match (labels.as_str(), more) {
        ("", "") => String::new(),
        (labels, "") => format!("{{{labels}}}"),
        ("", more) => format!("{{{more}}}"),
        (labels, more) => format!("{{{labels},{more}}}"),
    };
    match family.shape() {
        Shape::Duration => {
            for bound in BOUNDS {
                let below = all.count - all.count_above(bound).min(all.count);
                let le = braces(&format!("le=\"{}\"", seconds(bound)));
                let _ = writeln!(text, "{name}_bucket{le} {below}");
            }
            let _ = writeln!(text, "{name}_bucket{} {}", braces("le=\"+Inf\""), all.count);
            let _ = writeln!(text, "{name}_sum{} {}", braces(""), seconds(all.sum));
            let _ = writeln!(text, "{name}_count{} {}", braces(""), all.count);
        }
        Shape::Count if family.unit() == Unit::Dollars => {
            let _ = writeln!(text, "{name}{} {}", braces(""), seconds(all.sum));
        }
        Shape::Level if family.unit() == Unit::Milliseconds => {
            let _ = writeln!(text, "{name}{} {}", braces(""), seconds(all.sum * 1_000));
        }
        Shape::Count | Shape::Level => {
            let _ = writeln!(text, "{name}{} {}", braces(""), all.sum);
        }
    }
}

/// Millionths as a decimal number.
fn seconds(millionths: u64) -> String {
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

/// The label under the name that says what it is.
fn label_of(family: Family, label: &str) -> String {
    if label.is_empty() {
        return String::new();
    }
    let name = match family {
        Family::ApiLatency | Family::PageLatency | Family::ApiErrors | Family::PageErrors => {
            "route"
        }
        Family::AgentExecution => "agent",
        Family::ModelDuration | Family::ModelErrors => "model",
        Family::ToolDuration => "tool",
        Family::DbQuery => "statement",
        Family::SessionsEnded => "state",
        _ => "kind",
    };
    let value = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use resonant_domain::slo::{Good, OBJECTIVES};

    use super::*;

    #[test]
    fn what_is_critical_can_be_told_from_what_is_more() {
        for objective in OBJECTIVES {
            if matches!(objective.good, Good::Fast(_)) {
                let is_beyond = |bound: &u64| {
                    Duration::from_micros(*bound).as_secs_f64() * 1_000.0 > objective.critical
                };
                assert!(BOUNDS.last().is_some_and(is_beyond), "{}", objective.title);
            }
        }
        assert!(BOUNDS.is_sorted());
    }
}
