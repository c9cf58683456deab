//! Takes sessions from the queue and runs them.

use std::sync::Arc;
use std::time::Duration;

use resonant_backend::{Actor, Backend, RequestId, agents, work};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::middleware::problem::chain;
use crate::serve::GRACE;
use crate::timekeeper;

/// How often one of the workers looks for sessions that fell out of the queue.
const REAP_EVERY: Duration = Duration::from_mins(1);
/// How long a worker sleeps at most before it looks at the queue again.
const IDLE: Duration = Duration::from_secs(5);
/// How often the trash is looked at.
const SWEEP: Duration = Duration::from_hours(1);
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
        // Two that claim at once would want the same slot of a user: they take turns.
        let turn = Arc::new(Mutex::new(()));
        if count > 0 {
            tasks.spawn(reap_until(backend.clone(), stopping.clone()));
        }
        for number in 1..=count {
            let name = format!("{}-{number}", std::process::id());
            tasks.spawn(work_until(backend.clone(), name, turn.clone(), stopping.clone()));
        }
        if count > 0 {
            tasks.spawn(sweep_until(backend.clone(), stopping.clone()));
        }
        if count > 0 {
            timekeeper::start(&tasks, backend, stopping);
        }
        tasks.close();
        Self { tasks }
    }

    /// Waits until every worker has stopped, at most as long as a stop takes by default.
    pub async fn stopped(self) {
        self.stopped_within(GRACE).await;
    }

    /// Waits until every worker has stopped, at most for `limit`. A session whose worker did not is
    /// given to another when its lease runs out.
    pub async fn stopped_within(self, limit: Duration) {
        if timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::warn!("sessions still ran when the time to stop was over");
        }
    }
}

/// Empties the trash of what has been there long enough, now and then.
async fn sweep_until(backend: Backend, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = sleep(SWEEP) => {}
            () = stopping.cancelled() => return,
        }
        let ctx = backend.ctx(Actor::System, RequestId::new("sweep"));
        if let Err(error) = agents::purge(&ctx).await {
            tracing::warn!(error = chain(&error), "the trash was not emptied");
        }
    }
}

async fn reap_until(backend: Backend, stopping: CancellationToken) {
    let ctx = backend.ctx(Actor::System, RequestId::new("reaper"));
    loop {
        if let Err(error) = work::reap(&ctx).await {
            tracing::warn!(error = chain(&error), "lost sessions could not be looked for");
        }
        tokio::select! {
            () = sleep(REAP_EVERY) => {}
            () = stopping.cancelled() => return,
        }
    }
}

async fn work_until(
    backend: Backend,
    name: String,
    turn: Arc<Mutex<()>>,
    stopping: CancellationToken,
) {
    let mut pause = BACK_OFF.0;
    while !stopping.is_cancelled() {
        let ctx = backend.ctx(Actor::System, RequestId::new(format!("worker-{name}")));
        let claimed = {
            let _turn = turn.lock().await;
            work::claim(&ctx, &name).await
        };
        match claimed {
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
