//! Wakes what the installation does for itself, at the start and every hour.

use std::time::Duration;

use resonant_backend::{Actor, Backend, RequestId, images, upkeep};
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

const PAUSE: Duration = Duration::from_hours(1);

/// Keeps the installation up until `stopping` is cancelled.
pub async fn keep_up(backend: Backend, stopping: CancellationToken) {
    let ctx = backend.ctx(Actor::System, RequestId::new("upkeep"));
    loop {
        if let Err(error) = upkeep::renew_partitions(&ctx).await {
            tracing::warn!(
                error = chain(&error),
                "partitions not renewed; the next hour tries again"
            );
        }
        if let Err(error) = images::delete_unused(&ctx).await {
            tracing::warn!(
                error = chain(&error),
                "unused pictures not deleted; the next hour tries again"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stopping.cancelled() => return,
        }
    }
}
