//! Brings moves of buckets to an end whose mover has died: meanwhile owners could not write.

use std::time::Duration;

use resonant_backend::{Backend, DatabaseSettings, shards};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

/// How long a bucket may stay fenced for nothing, beside the time that its end takes. Far below what a
/// writer waits.
const EVERY: Duration = Duration::from_secs(2);

pub(super) async fn until(
    backend: Backend,
    settings: DatabaseSettings,
    stopping: CancellationToken,
) {
    let ctx = super::system(&backend, "end-moves");
    while !stopping.is_cancelled() {
        if let Err(error) = shards::end_abandoned_moves(&ctx, &settings).await {
            tracing::warn!(error = chain(&error), "an abandoned move has to wait");
        }
        tokio::select! {
            () = sleep(EVERY) => {}
            () = stopping.cancelled() => {}
        }
    }
}
