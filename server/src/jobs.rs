//! What a process does by the clock, besides running sessions: it writes down what it measured and how it
//! stands, sends the messages of alerts and letters to people, and one process does what is done once for all.

mod end_moves;
mod keep_metrics;
mod lead;
mod read_documents;
mod send_due;
mod tell_process;

use std::time::Duration;

use resonant_backend::processes::Process;
use resonant_backend::{Actor, Backend, Ctx, DatabaseSettings, RequestId};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the last words may take: to the other processes at least, of measurements at most.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The jobs of this process.
#[derive(Debug)]
pub struct Jobs {
    tasks: TaskTracker,
    /// What writes measurements goes on after the others, and until this is cancelled.
    keeper: TaskTracker,
    is_measured: CancellationToken,
}

impl Jobs {
    /// Starts them. They end when `stopping` is cancelled, but for the writing of measurements, which ends
    /// with [`Jobs::measured`].
    #[must_use]
    pub fn start(
        backend: &Backend,
        database: &DatabaseSettings,
        process: Process,
        stopping: &CancellationToken,
    ) -> Self {
        let (tasks, keeper) = (TaskTracker::new(), TaskTracker::new());
        let is_measured = CancellationToken::new();
        keeper.spawn(keep_metrics::until(backend.clone(), is_measured.clone()));
        keeper.close();
        tasks.spawn(tell_process::until(backend.clone(), process, stopping.clone()));
        tasks.spawn(lead::until(backend.clone(), stopping.clone()));
        tasks.spawn(send_due::alerts(backend.clone(), stopping.clone()));
        if backend.writes_to_people() {
            tasks.spawn(send_due::letters(backend.clone(), stopping.clone()));
        }
        if backend.has_embedder() {
            tasks.spawn(read_documents::until(backend.clone(), stopping.clone()));
        }
        if database.shard_urls.len() > 1 {
            let (backend, database) = (backend.clone(), database.clone());
            tasks.spawn(end_moves::until(backend, database, stopping.clone()));
        }
        tasks.close();
        Self { tasks, keeper, is_measured }
    }

    /// Waits until messages of alerts and letters that were under way were taken, at most for `limit`: who was not
    /// waited for is told again by another process.
    pub async fn stopped_within(&self, limit: Duration) {
        if timeout(limit.max(LAST_WORDS), self.tasks.wait()).await.is_err() {
            tracing::warn!("messages were still being sent when the time to stop was over");
        }
    }

    /// Writes what was measured last, once all that is measured is over.
    pub async fn measured(self) {
        self.is_measured.cancel();
        if timeout(LAST_WORDS, self.keeper.wait()).await.is_err() {
            tracing::warn!("the last measurements were not written in time");
        }
    }
}

/// The installation itself, at the work of this name.
fn system(backend: &Backend, name: &str) -> Ctx {
    backend.ctx(Actor::System, RequestId::new(format!("{name}-{}", std::process::id())))
}
