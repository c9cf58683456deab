//! Measures database statements by the spans that the store's functions open.

use std::time::{Duration, Instant};

use resonant_backend::Metrics;
use resonant_backend::clock::{Clock as _, SystemClock};
use resonant_backend::metrics::{SlowKind, SlowSample};
use resonant_domain::metric::Family;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// A statement that takes longer is kept for people to look into: the target of the SLO page.
const SLOW: Duration = Duration::from_millis(50);
/// The span of one request.
pub(crate) const REQUEST: &str = "request";
/// The span of a worker's hold on a session.
const WORK: &str = "work";
/// Begins the names of the store's spans.
const STATEMENT: &str = "db.";

/// The layer that measures. It sees its own spans alone, whatever the log is told to show.
pub(super) fn layer<S>(metrics: Metrics) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Measure { metrics }.with_filter(filter_fn(is_measured))
}

fn is_measured(span: &Metadata<'_>) -> bool {
    span.is_span() && (span.name().starts_with(STATEMENT) || [REQUEST, WORK].contains(&span.name()))
}

struct Measure {
    metrics: Metrics,
}

/// When a statement's span was opened.
struct Began(Instant);

/// By what people find the request or the session's run again, for the statements within.
#[derive(Clone, Default)]
struct Named {
    request_id: Option<String>,
    trace_id: Option<String>,
}

impl<S> Layer<S> for Measure
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    #[inline(never)]
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        if [REQUEST, WORK].contains(&span.name()) {
            let mut named = Named::default();
            attributes.record(&mut named);
            span.extensions_mut().insert(named);
        } else {
            span.extensions_mut().insert(Began(Instant::now()));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        if let Some(named) = span.extensions_mut().get_mut::<Named>() {
            values.record(named);
        }
    }

    #[inline(never)]
    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let Some(took) = span.extensions().get::<Began>().map(|began| began.0.elapsed()) else {
            return;
        };
        let statement = span.name().strip_prefix(STATEMENT).unwrap_or(span.name());
        self.metrics.observe(Family::DbQuery, statement, took);
        if took >= SLOW {
            let named = span.scope().find_map(|span| span.extensions().get::<Named>().cloned());
            let Named { request_id, trace_id } = named.unwrap_or_default();
            self.metrics.note_slow(SlowSample {
                at: SystemClock.now(),
                kind: SlowKind::Statement,
                name: statement.to_owned(),
                duration_us: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
                request_id,
                trace_id,
            });
        }
    }
}

impl Visit for Named {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "request.id" => self.request_id = Some(value.to_owned()),
            "trace.id" => self.trace_id = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_statement_is_measured_whatever_the_log_shows() {
        let metrics = Metrics::default();
        let subscriber = tracing_subscriber::registry().with(layer(metrics.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let request = tracing::info_span!("request", request.id = "first-request");
            request.in_scope(|| {
                tracing::info_span!("db.agent.find").in_scope(|| {});
                tracing::info_span!("not measured").in_scope(|| {});
            });
        });
        let all = metrics.counted();
        let counted: Vec<_> =
            all.iter().map(|(family, label, all)| (*family, &**label, all.count)).collect();
        assert_eq!(counted, [(Family::DbQuery, "agent.find", 1)]);
    }
}
