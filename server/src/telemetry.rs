//! Log lines: what they look like, and that a panic becomes one; and the measuring of spans.

mod measure;

use std::panic;

use resonant_backend::Metrics;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::settings::LogFormat;

/// Starts logging to standard output, and measuring into `metrics`. Call once.
///
/// # Errors
/// When `filter` is no filter, or logging was started before.
pub fn start(format: LogFormat, filter: &str, metrics: &Metrics) -> anyhow::Result<()> {
    // sqlx tells each statement at debug level and slow ones at warn; the latter are wanted.
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("RUST_LOG must be a filter such as info: {error}"))?;
    let lines = match format {
        LogFormat::Text => fmt::layer().with_target(false).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_current_span(true).boxed(),
    };
    Registry::default()
        .with(lines.with_filter(filter))
        .with(measure::layer(metrics.clone()))
        .try_init()?;
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panicked");
    }));
    Ok(())
}
