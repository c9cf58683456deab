//! The loop of a worker.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{run, sleep, take};
use crate::{Actor, Backend, RequestId, chain};

/// How long a worker sleeps at most before it looks at the queue again.
const IDLE: Duration = Duration::from_secs(5);
/// The first and the longest pause after the database did not answer.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Takes sessions from the queue and runs them, one after the other, until `stopping` is cancelled: the one
/// that it has then is handed over.
pub async fn work_until(backend: Backend, name: String, stopping: CancellationToken) {
    let mut pause = BACK_OFF.0;
    let mut handed = None;
    while handed.is_some() || !stopping.is_cancelled() {
        let ctx = backend.ctx(Actor::System, RequestId::new(format!("worker-{name}")));
        let claimed = match handed.take() {
            Some(claim) => Ok(Some(claim)),
            None => take(&ctx, &name).await,
        };
        match claimed {
            Ok(Some(claim)) => {
                pause = BACK_OFF.0;
                let session = claim.session_id();
                let request = claim.request_id.clone();
                let request = request.as_deref();
                // A task of its own, so that a panic ends this session's run and not the worker.
                // The lease then runs out, and the queue gives the session to someone else.
                let ran = {
                    let stopping = stopping.clone();
                    tokio::spawn(async move { run(&ctx, claim, stopping).await })
                };
                match ran.await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::error!(session.id = %session, request.id = request, error = chain(&error), "a session's run broke off");
                    }
                    Err(error) => {
                        tracing::error!(session.id = %session, request.id = request, error = chain(&error), "a session's run panicked");
                    }
                }
            }
            Ok(None) => {
                pause = BACK_OFF.0;
                handed = sleep(&backend, &name, IDLE, &stopping).await;
            }
            Err(error) => {
                tracing::warn!(worker = name, error = chain(&error), "the queue does not answer");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stopping.cancelled() => {}
                }
                pause = (pause * 2).min(BACK_OFF.1);
            }
        }
    }
}
