//! Sends the messages of alerts. Every process does: those who operate the installation shall hear that
//! no worker runs, too.

use std::time::Duration;

use resonant_backend::{Backend, alerts};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

/// How late a message may leave, and how long this rests after the database did not answer.
const EVERY: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(10);

pub(super) async fn until(backend: Backend, stopping: CancellationToken) {
    let ctx = super::system(&backend, "alerts");
    while !stopping.is_cancelled() {
        let pause = match alerts::deliver_due(&ctx).await {
            Ok(0) => EVERY,
            // There may be more; but none is begun once this process stops.
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(error = chain(&error), "alerts were not told");
                REST
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stopping.cancelled() => {}
        }
    }
}
