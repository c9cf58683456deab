//! Log lines: what they look like, and that a panic becomes one; the measuring of spans, and their way
//! to a collector.

mod measure;
mod spans;

use std::panic;

use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use self::spans::Spans;
use crate::Settings;
use crate::settings::LogFormat;

/// What must be told that the process ends.
#[derive(Debug)]
#[must_use]
pub struct Telemetry {
    spans: Option<Spans>,
}

/// Starts logging to standard output, measuring, and sending spans where the settings name a
/// collector. Call once, on the runtime.
///
/// # Errors
/// When the filter is no filter, the collector's address cannot be used, or logging was started
/// before.
pub fn start(settings: &Settings) -> anyhow::Result<Telemetry> {
    // sqlx tells each statement at debug level and slow ones at warn; the latter are wanted.
    let filter = EnvFilter::try_new(&settings.log_filter)
        .map_err(|error| anyhow::anyhow!("RUST_LOG must be a filter such as info: {error}"))?;
    let lines = match settings.log_format {
        LogFormat::Text => fmt::layer().with_target(false).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_current_span(true).boxed(),
    };
    let spans = settings.tracing.as_ref().map(Spans::to).transpose()?;
    let registry = Registry::default()
        .with(lines.with_filter(filter))
        .with(measure::layer(settings.backend.metrics.clone()));
    // Without a collector there is no layer for one: it costs nothing.
    match &spans {
        Some(spans) => registry.with(spans.layer()).try_init()?,
        None => registry.try_init()?,
    }
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panicked");
    }));
    Ok(Telemetry { spans })
}

impl Telemetry {
    /// Sends the last spans.
    pub async fn end(self) {
        if let Some(spans) = self.spans {
            spans.end().await;
        }
    }
}
