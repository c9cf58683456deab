//! Sends the messages of alerts, and letters to people. Every process does: those who operate the installation
//! shall hear that no worker runs, too. One does not wait for the other.

use std::time::Duration;

use resonant_backend::{Backend, Result, alerts, members};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

/// How late a message may leave, and how long this rests after the database did not answer.
const EVERY: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(10);

pub(super) async fn alerts(backend: Backend, stopping: CancellationToken) {
    let ctx = super::system(&backend, "alerts");
    until(&stopping, "alerts were not told", || alerts::deliver_due(&ctx)).await;
}

pub(super) async fn letters(backend: Backend, stopping: CancellationToken) {
    let ctx = super::system(&backend, "letters");
    until(&stopping, "letters were not sent", || members::send_letters(&ctx)).await;
}

/// Sends what is due again and again; `failed` is what the log says when that did not go.
async fn until<F>(stopping: &CancellationToken, failed: &str, send: impl Fn() -> F)
where
    F: Future<Output = Result<usize>>,
{
    while !stopping.is_cancelled() {
        let pause = match send().await {
            Ok(0) => EVERY,
            // There may be more; but none is begun once this process stops.
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(error = chain(&error), "{failed}");
                REST
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stopping.cancelled() => {}
        }
    }
}
