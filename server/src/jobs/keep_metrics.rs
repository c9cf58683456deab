//! Writes down what this process measured.

use std::time::Duration;

use resonant_backend::Backend;
use resonant_backend::metrics::Keeper;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

const EVERY: Duration = Duration::from_secs(10);

pub(super) async fn until(backend: Backend, stopping: CancellationToken) {
    let ctx = super::system(&backend, "metrics");
    let mut keeper = Keeper::default();
    loop {
        tokio::select! {
            () = sleep(EVERY) => {}
            () = stopping.cancelled() => {}
        }
        if let Err(error) = keeper.keep(&ctx).await {
            // It is kept in memory and written with the next one.
            tracing::warn!(error = chain(&error), "measurements not written");
        }
        if stopping.is_cancelled() {
            return;
        }
    }
}
