//! Tells the other processes how this one stands.

use std::time::Duration;

use resonant_backend::Backend;
use resonant_backend::processes::{self, Process};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

/// Several times within the minute after which a process that tells nothing is taken to be gone.
const EVERY: Duration = Duration::from_secs(10);

pub(super) async fn until(backend: Backend, process: Process, stopping: CancellationToken) {
    let ctx = super::system(&backend, "process");
    while !stopping.is_cancelled() {
        if let Err(error) = processes::tell(&ctx, &process).await {
            tracing::warn!(error = chain(&error), "the other processes were not told of this one");
        }
        tokio::select! {
            () = sleep(EVERY) => {}
            () = stopping.cancelled() => {}
        }
    }
    // Should this fail, it is taken to be gone a minute later.
    if let Err(error) = processes::leave(&ctx).await {
        tracing::debug!(error = chain(&error), "the other processes were not told of the end");
    }
}
