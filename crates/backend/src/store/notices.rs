//! What the database calls out: something is queued, a session shall be cancelled, kept things have
//! become untrue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use resonant_domain::SessionId;
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgNotification};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::cache_outbox;
use crate::cache::Cache;
use crate::cache::ear::{Voice, open_letter};

const QUEUE: &str = "resonant_queue";
const CANCEL: &str = "resonant_cancel";
/// From so many writes on that went unheard, everything that is kept is in doubt.
const OUTBOX_MAX: usize = 5_000;

/// The ear of one process. It begins to listen when it is first needed, holds one connection of each
/// pool from then on, and comes back by itself when a connection is lost.
pub(crate) struct Notices {
    shared: Arc<Shared>,
    pools: Vec<PgPool>,
    begin: Once,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

struct Shared {
    queued: Notify,
    cancels: Mutex<HashMap<SessionId, CancellationToken>>,
    cache: Cache,
}

impl Shared {
    fn cancels(&self) -> MutexGuard<'_, HashMap<SessionId, CancellationToken>> {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, notice: &PgNotification) {
        match notice.channel() {
            QUEUE => self.queued.notify_one(),
            CANCEL => {
                let token = notice.payload().parse().ok().and_then(|id| self.cancels().remove(&id));
                if let Some(token) = token {
                    token.cancel();
                }
            }
            cache_outbox::CHANNEL => {
                if let Some((write, names)) = open_letter(notice.payload()) {
                    self.cache.hear(write, &names, Voice::Database).await;
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
    pub(crate) fn new(pools: Vec<PgPool>, cache: Cache) -> Self {
        let stop = CancellationToken::new();
        let (queued, cancels) = (Notify::new(), Mutex::default());
        Self {
            shared: Arc::new(Shared { queued, cancels, cache }),
            pools,
            begin: Once::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Begins to listen, when it has not begun.
    pub(crate) fn begin(&self) {
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
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "not listening to the database"
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Listens over one connection until it is lost.
async fn listen_once(pool: &PgPool, shared: &Shared) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    // A lost connection must be known at once: what is kept then counts no more.
    listener.eager_reconnect(false);
    listener.listen_all([QUEUE, CANCEL, cache_outbox::CHANNEL]).await?;
    // What was called out before the connection stood went unheard: look once.
    shared.queued.notify_one();
    let outbox = cache_outbox::list(&mut *pool.acquire().await?, OUTBOX_MAX).await?;
    let is_whole = outbox.len() < OUTBOX_MAX;
    shared.cache.begin_to_hear(is_whole.then_some(outbox));
    let lost = hear(&mut listener, shared).await;
    shared.cache.cease_to_hear();
    lost
}

async fn hear(listener: &mut PgListener, shared: &Shared) -> sqlx::Result<()> {
    while let Some(notice) = listener.try_recv().await? {
        shared.take(&notice).await;
    }
    Ok(())
}
