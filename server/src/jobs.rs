//! What a process does by the clock, besides running sessions: it writes down what it measured and how it
//! stands, sends the messages of alerts, and one process does what is done once for all.

mod end_moves;
mod keep_metrics;
mod lead;
mod read_documents;
mod tell_alerts;
mod tell_process;

use std::time::Duration;

use resonant_backend::processes::Process;
use resonant_backend::{Actor, Backend, Ctx, DatabaseSettings, RequestId};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The jobs of this process.
#[derive(Debug)]
pub struct Jobs {
    tasks: TaskTracker,
}

impl Jobs {
    /// Starts them. They end when `stopping` is cancelled.
    #[must_use]
    pub fn start(
        backend: &Backend,
        database: &DatabaseSettings,
        process: Process,
        stopping: &CancellationToken,
    ) -> Self {
        let tasks = TaskTracker::new();
        tasks.spawn(keep_metrics::until(backend.clone(), stopping.clone()));
        tasks.spawn(tell_process::until(backend.clone(), process, stopping.clone()));
        tasks.spawn(lead::until(backend.clone(), stopping.clone()));
        tasks.spawn(tell_alerts::until(backend.clone(), stopping.clone()));
        if backend.has_embedder() {
            tasks.spawn(read_documents::until(backend.clone(), stopping.clone()));
        }
        if database.shard_urls.len() > 1 {
            let (backend, database) = (backend.clone(), database.clone());
            tasks.spawn(end_moves::until(backend, database, stopping.clone()));
        }
        tasks.close();
        Self { tasks }
    }

    /// Waits until the last was written and sent.
    pub async fn stopped(self) {
        if timeout(LAST_WORDS, self.tasks.wait()).await.is_err() {
            tracing::warn!("the last measurements were not written, or alerts not told, in time");
        }
    }
}

/// The installation itself, at the work of this name.
fn system(backend: &Backend, name: &str) -> Ctx {
    backend.ctx(Actor::System, RequestId::new(format!("{name}-{}", std::process::id())))
}
