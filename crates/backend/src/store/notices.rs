//! What the database calls out to workers: something is queued, a session shall be cancelled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use resonant_domain::SessionId;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgNotification};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

const QUEUE: &str = "resonant_queue";
const CANCEL: &str = "resonant_cancel";

/// The ear of one process. It begins to listen with the first worker that needs it, holds one
/// connection of each pool from then on, and comes back by itself when a connection is lost.
pub(crate) struct Notices {
    shared: Arc<Shared>,
    pools: Vec<PgPool>,
    begin: Once,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

#[derive(Default)]
struct Shared {
    queued: Notify,
    cancels: Mutex<HashMap<SessionId, CancellationToken>>,
}

impl Shared {
    fn cancels(&self) -> MutexGuard<'_, HashMap<SessionId, CancellationToken>> {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, notice: &PgNotification) {
        match notice.channel() {
            QUEUE => self.queued.notify_one(),
            CANCEL => {
                let token = notice.payload().parse().ok().and_then(|id| self.cancels().remove(&id));
                if let Some(token) = token {
                    token.cancel();
                }
            }
            _ => {}
        }
    }
}

/// Keeps a session's cancellation within reach while its worker runs it.
pub(crate) struct CancelWatch {
    shared: Arc<Shared>,
    id: SessionId,
}

impl Drop for CancelWatch {
    fn drop(&mut self) {
        self.shared.cancels().remove(&self.id);
    }
}

impl Notices {
    /// An ear for what these databases call out.
    pub(crate) fn new(pools: Vec<PgPool>) -> Self {
        let stop = CancellationToken::new();
        Self {
            shared: Arc::default(),
            pools,
            begin: Once::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    fn begin(&self) {
        self.begin.call_once(|| {
            for pool in self.pools.clone() {
                let (shared, stop) = (self.shared.clone(), self.stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = listen(&pool, &shared) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        });
    }

    /// Whether no database calls out to this process: it must look for itself.
    pub(crate) const fn is_deaf(&self) -> bool {
        self.pools.is_empty()
    }

    /// Fires `token` when the database calls out the session's cancellation.
    pub(crate) fn watch_cancel(&self, id: SessionId, token: CancellationToken) -> CancelWatch {
        self.begin();
        self.shared.cancels().insert(id, token);
        CancelWatch { shared: self.shared.clone(), id }
    }

    /// Waits until the database calls out that something is queued.
    pub(crate) async fn queued(&self) {
        self.begin();
        self.shared.queued.notified().await;
    }
}

/// Listens until the pool is closed.
async fn listen(pool: &PgPool, shared: &Shared) {
    while !pool.is_closed() {
        if let Err(error) = listen_once(pool, shared).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "not listening to the queue");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(pool: &PgPool, shared: &Shared) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all([QUEUE, CANCEL]).await?;
    loop {
        // What was called out before the connection stood went unheard: look once.
        shared.queued.notify_one();
        while let Some(notice) = listener.try_recv().await? {
            shared.take(&notice);
        }
    }
}
