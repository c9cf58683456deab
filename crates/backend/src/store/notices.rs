//! What the database calls out: something is queued, a session shall be cancelled, an account was told
//! something, alerts have changed, kept things have become untrue.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use resonant_domain::{SessionId, UserId};
use sqlx::postgres::{PgListener, PgNotification};
use sqlx::{Acquire as _, Connection as _, PgPool};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::cache_outbox;
use crate::cache::Cache;
use crate::cache::ear::{Voice, open_letter};

const QUEUE: &str = "resonant_queue";
const CANCEL: &str = "resonant_cancel";
const NOTICES: &str = "resonant_notices";
const ALERTS: &str = "resonant_alerts";
/// So many writes that went unheard are known by their names. From there on all is in doubt that was put into
/// Redis before.
const OUTBOX_MAX: usize = 5_000;
/// So many cancellations of sessions that did not run here are remembered, the latest.
const CANCELS_MAX: usize = 1_000;
/// After such a silence it is asked whether the database is still there: a way that is cut off says
/// nothing, not even that.
const SILENCE: Duration = Duration::from_secs(1);
/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take until a new connection listens.
const BEGINNING: Duration = Duration::from_secs(10);

/// The ear of one process. It begins to listen when it is first needed, holds one connection of each
/// pool from then on, and comes back by itself when a connection is lost.
pub(crate) struct Notices {
    shared: Arc<Shared>,
    pools: Vec<PgPool>,
    begin: Once,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// What was called out about the ends of sessions.
#[derive(Default)]
struct Cancels {
    /// Of those that run here.
    running: HashMap<SessionId, CancellationToken>,
    /// Those of others, the latest at the end.
    others: VecDeque<SessionId>,
    /// Since when each database is heard; `None`: it is not.
    heard_since: Vec<Option<Instant>>,
}

struct Shared {
    queued: Notify,
    cancels: Mutex<Cancels>,
    readers: Mutex<HashMap<UserId, watch::Sender<()>>>,
    alerts: watch::Sender<()>,
    cache: Cache,
}

impl Shared {
    fn cancels(&self) -> MutexGuard<'_, Cancels> {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_heard(&self, number: usize, since: Option<Instant>) {
        if let Some(heard) = self.cancels().heard_since.get_mut(number) {
            *heard = since;
        }
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<UserId, watch::Sender<()>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, notice: &PgNotification) {
        match notice.channel() {
            QUEUE => self.queued.notify_one(),
            CANCEL => {
                let Ok(id) = notice.payload().parse() else { return };
                let mut cancels = self.cancels();
                if let Some(token) = cancels.running.remove(&id) {
                    token.cancel();
                } else {
                    cancels.others.push_back(id);
                    if cancels.others.len() > CANCELS_MAX {
                        cancels.others.pop_front();
                    }
                }
            }
            NOTICES => {
                let readers = self.readers();
                for reader in notice.payload().split(' ').filter_map(|id| id.parse().ok()) {
                    if let Some(sender) = readers.get(&reader) {
                        sender.send_replace(());
                    }
                }
            }
            ALERTS => {
                self.alerts.send_replace(());
            }
            cache_outbox::CHANNEL => {
                if let Some((write, names)) = open_letter(notice.payload()) {
                    self.cache.hear(write, &names, Voice::Database);
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
        self.shared.cancels().running.remove(&self.id);
    }
}

/// Hears whenever an account is told something, or has read it.
pub(crate) struct ReaderWatch {
    shared: Arc<Shared>,
    reader: UserId,
    receiver: Option<watch::Receiver<()>>,
}

impl ReaderWatch {
    /// Waits until something was called out since the last time.
    pub(crate) async fn called(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            // The sender stays for as long as somebody listens.
            let _ = receiver.changed().await;
        }
    }
}

impl Drop for ReaderWatch {
    fn drop(&mut self) {
        // The receiver goes first, so that the count below is that of the others.
        self.receiver = None;
        let mut readers = self.shared.readers();
        if readers.get(&self.reader).is_some_and(|sender| sender.receiver_count() == 0) {
            readers.remove(&self.reader);
        }
    }
}

impl Notices {
    /// An ear for what these databases call out.
    pub(crate) fn new(pools: Vec<PgPool>, cache: Cache) -> Self {
        let stop = CancellationToken::new();
        let (queued, readers) = (Notify::new(), Mutex::default());
        let heard_since = vec![None; pools.len()];
        let cancels = Mutex::new(Cancels { heard_since, ..Cancels::default() });
        let alerts = watch::Sender::default();
        Self {
            shared: Arc::new(Shared { queued, cancels, readers, alerts, cache }),
            pools,
            begin: Once::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Begins to listen, when it has not begun.
    pub(crate) fn begin(&self) {
        self.begin.call_once(|| {
            for (number, pool) in self.pools.iter().cloned().enumerate() {
                let (shared, stop) = (self.shared.clone(), self.stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = listen(number, &pool, &shared) => {}
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
        self.shared.cancels().running.insert(id, token);
        CancelWatch { shared: self.shared.clone(), id }
    }

    /// Whether every database was heard since then, and none called out this session's cancellation.
    pub(crate) fn heard_no_cancel(&self, id: SessionId, since: Instant) -> bool {
        let cancels = self.shared.cancels();
        let is_heard = |heard: &Option<Instant>| heard.is_some_and(|heard| heard <= since);
        !cancels.heard_since.is_empty()
            && cancels.heard_since.iter().all(is_heard)
            && !cancels.others.contains(&id)
    }

    /// Hears from now on when the database calls out that the account was told something.
    pub(crate) fn watch_reader(&self, reader: UserId) -> ReaderWatch {
        self.begin();
        let mut readers = self.shared.readers();
        let sender = readers.entry(reader).or_insert_with(|| watch::channel(()).0);
        let receiver = Some(sender.subscribe());
        ReaderWatch { shared: self.shared.clone(), reader, receiver }
    }

    /// Hears from now on when the database calls out that alerts have changed.
    pub(crate) fn watch_alerts(&self) -> watch::Receiver<()> {
        self.begin();
        self.shared.alerts.subscribe()
    }

    /// Waits until the database calls out that something is queued, or somebody passes that on.
    pub(crate) async fn queued(&self) {
        self.begin();
        self.shared.queued.notified().await;
    }

    /// Wakes the next who waits for what is queued. The database calls out once for all that a transaction
    /// queues: whoever has found something looks to it that the next one is found too.
    pub(crate) fn pass_on(&self) {
        self.shared.queued.notify_one();
    }
}

/// Listens until the pool is closed.
async fn listen(number: usize, pool: &PgPool, shared: &Shared) {
    while !pool.is_closed() {
        if let Err(error) = listen_once(number, pool, shared).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "not listening to the database"
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Listens over one connection until it is lost.
async fn listen_once(number: usize, pool: &PgPool, shared: &Shared) -> sqlx::Result<()> {
    let mut listener = within(BEGINNING, begin_to_listen(pool, shared)).await?;
    shared.note_heard(number, Some(Instant::now()));
    let lost = hear(&mut listener, shared).await;
    shared.note_heard(number, None);
    shared.cache.cease_to_hear();
    lost
}

async fn begin_to_listen(pool: &PgPool, shared: &Shared) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(pool).await?;
    // A lost connection must be known at once: what is kept then counts no more.
    listener.eager_reconnect(false);
    listener.listen_all([QUEUE, CANCEL, NOTICES, ALERTS, cache_outbox::CHANNEL]).await?;
    // What was called out before the connection stood went unheard: look once.
    shared.queued.notify_one();
    for sender in shared.readers().values() {
        sender.send_replace(());
    }
    shared.alerts.send_replace(());
    let outbox = cache_outbox::list(&mut *pool.acquire().await?, OUTBOX_MAX).await?;
    let is_whole = outbox.len() < OUTBOX_MAX;
    let reach = if is_whole { cache_outbox::REACH } else { Duration::ZERO };
    shared.cache.begin_to_hear(outbox, reach);
    Ok(listener)
}

async fn hear(listener: &mut PgListener, shared: &Shared) -> sqlx::Result<()> {
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(heard) => match heard? {
                Some(notice) => shared.take(&notice),
                None => return Ok(()),
            },
            Err(_) => within(PATIENCE, async { listener.acquire().await?.ping().await }).await?,
        }
    }
}

/// Fails when it takes longer than that.
async fn within<T>(
    limit: Duration,
    doing: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let is_late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(limit, doing).await.map_err(is_late)?
}
