//! Takes sessions from the queue and runs them.

use std::time::Duration;

use resonant_backend::{Actor, Backend, RequestId, work};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::middleware::problem::chain;
use crate::serve::GRACE;
use crate::timekeeper;

/// How long a worker sleeps at most before it looks at the queue again.
const IDLE: Duration = Duration::from_secs(5);
/// The first and the longest pause after the database did not answer.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// The workers of this process.
#[derive(Debug)]
pub struct Workers {
    tasks: TaskTracker,
}

impl Workers {
    /// Starts `count` workers. They stop when `stopping` is cancelled: a session that one of them
    /// has is handed over, and another process goes on with it.
    #[must_use]
    pub fn start(backend: &Backend, count: usize, stopping: &CancellationToken) -> Self {
        let tasks = TaskTracker::new();
        for number in 1..=count {
            let name = format!("{}-{number}", std::process::id());
            tasks.spawn(work_until(backend.clone(), name, stopping.clone()));
        }
        if count > 0 {
            timekeeper::start(&tasks, backend, stopping);
        }
        tasks.close();
        Self { tasks }
    }

    /// Waits until every worker has stopped, at most as long as a stop may take. A session whose
    /// worker did not is given to another when its lease runs out.
    pub async fn stopped(self) {
        if timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!("sessions still ran when the time to stop was over");
        }
    }
}

async fn work_until(backend: Backend, name: String, stopping: CancellationToken) {
    let mut pause = BACK_OFF.0;
    while !stopping.is_cancelled() {
        let ctx = backend.ctx(Actor::System, RequestId::new(format!("worker-{name}")));
        match work::claim(&ctx, &name).await {
            Ok(Some(claim)) => {
                pause = BACK_OFF.0;
                let session = claim.session_id();
                // A task of its own, so that a panic ends this session's run and not the worker.
                // The lease then runs out, and the queue gives the session to someone else.
                let run = {
                    let stopping = stopping.clone();
                    tokio::spawn(async move { work::run(&ctx, claim, stopping).await })
                };
                match run.await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::error!(session.id = %session, error = chain(&error), "a session's run broke off");
                    }
                    Err(error) => {
                        tracing::error!(session.id = %session, error = chain(&error), "a session's run panicked");
                    }
                }
            }
            Ok(None) => {
                pause = BACK_OFF.0;
                tokio::select! {
                    () = work::wait(&backend, IDLE) => {}
                    () = stopping.cancelled() => {}
                }
            }
            Err(error) => {
                tracing::warn!(worker = name, error = chain(&error), "the queue does not answer");
                tokio::select! {
                    () = sleep(pause) => {}
                    () = stopping.cancelled() => {}
                }
                pause = (pause * 2).min(BACK_OFF.1);
            }
        }
    }
}
