//! Spans for a collector, by OTLP over HTTP.
//!
//! They wait in a queue of bounded length for a thread that sends them in batches. Nobody waits for
//! it: what finds the queue full is dropped.

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample,
};
use resonant_backend::CollectorClient;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::settings::Tracing;

/// How long the last spans may take on their way when the process stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What sends spans; ends with the process.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    provider: SdkTracerProvider,
}

impl Spans {
    pub(super) fn to(tracing: &Tracing) -> anyhow::Result<Self> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new()?)
            .with_endpoint(&tracing.endpoint)
            .build()
            .context("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used")?;
        let resource = Resource::builder()
            .with_service_name(tracing.service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(Worth::of(tracing))
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        Ok(Self { provider })
    }

    /// The layer that turns our spans into theirs. What packages tell of themselves stays out.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("resonant"))
            .with_location(false)
            .with_threads(false)
            .with_level(false)
            .with_filter(filter_fn(is_ours))
    }

    /// Sends what is left, for a moment.
    pub(super) async fn end(self) {
        let end = move || self.provider.shutdown_with_timeout(LAST_WORDS);
        match tokio::task::spawn_blocking(end).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the last spans were lost"),
            Err(error) => tracing::debug!(%error, "the last spans were lost"),
        }
    }
}

fn is_ours(span: &Metadata<'_>) -> bool {
    let target = span.target();
    let package = target.split("::").next().unwrap_or(target);
    span.is_span() && (package == "server" || package == "app" || package.starts_with("resonant_"))
}

/// Keeps what somebody asked for: requests, and the work on sessions. What the process does by the
/// clock would be a trace every second that nobody reads.
#[derive(Clone, Debug)]
struct Worth {
    roots: Sampler,
}

impl Worth {
    fn of(tracing: &Tracing) -> Self {
        let own = Sampler::TraceIdRatioBased(tracing.ratio);
        let roots = if tracing.follows_caller { Sampler::ParentBased(Box::new(own)) } else { own };
        Self { roots }
    }
}

impl ShouldSample for Worth {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent_place = parent.map(|parent| parent.span().span_context().clone());
        let inside = parent_place.filter(opentelemetry::trace::SpanContext::is_valid);
        let is_sampled = match &inside {
            // Within the process, what its beginning was decides.
            Some(place) if !place.is_remote() => place.is_sampled(),
            None if !matches!(kind, SpanKind::Server | SpanKind::Consumer) => false,
            _ => {
                return self.roots.should_sample(parent, trace, name, kind, attributes, links);
            }
        };
        let decision =
            if is_sampled { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        let trace_state = inside.map(|place| place.trace_state().clone()).unwrap_or_default();
        SamplingResult { decision, attributes: Vec::new(), trace_state }
    }
}
