//! Takes sessions from the queue and runs them.

use std::time::Duration;

use resonant_backend::{Actor, Backend, RequestId, agents, test_sets, work};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::middleware::problem::chain;
use crate::serve::GRACE;
use crate::timekeeper;

/// How often one of the workers looks for sessions that fell out of the queue.
const REAP_EVERY: Duration = Duration::from_mins(1);
/// How often the trash is looked at.
const SWEEP: Duration = Duration::from_hours(1);

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
        if count > 0 {
            tasks.spawn(reap_until(backend.clone(), stopping.clone()));
        }
        for number in 1..=count {
            let name = format!("{}-{number}", std::process::id());
            tasks.spawn(work::work_until(backend.clone(), name, stopping.clone()));
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
        if let Err(error) = test_sets::purge(&ctx).await {
            tracing::warn!(error = chain(&error), "deleted test sets were not purged");
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
