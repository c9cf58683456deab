//! Writes down what this process measured.

use std::time::Duration;

use resonant_backend::Backend;
use resonant_backend::metrics::Keeper;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

const EVERY: Duration = Duration::from_secs(10);

/// Writes until all that is measured is over, and then once more.
pub(super) async fn until(backend: Backend, is_measured: CancellationToken) {
    let ctx = super::system(&backend, "metrics");
    let mut keeper = Keeper::default();
    loop {
        tokio::select! {
            () = sleep(EVERY) => {}
            () = is_measured.cancelled() => {}
        }
        if let Err(error) = keeper.keep(&ctx).await {
            // It is kept in memory and written with the next one.
            tracing::warn!(error = chain(&error), "measurements not written");
        }
        if is_measured.is_cancelled() {
            return;
        }
    }
}
