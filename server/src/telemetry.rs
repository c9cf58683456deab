//! Log lines: what they look like, and that a panic becomes one.

use std::panic;

use tracing_subscriber::EnvFilter;

use crate::settings::LogFormat;

/// Starts logging to standard output. Call once.
///
/// # Errors
/// When `filter` is no filter, or logging was started before.
pub fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    // sqlx tells each statement at debug level and slow ones at warn; the latter are wanted.
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("RUST_LOG must be a filter such as info: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).try_init(),
    }
    .map_err(|error| anyhow::anyhow!(error))?;
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "panicked");
    }));
    Ok(())
}
