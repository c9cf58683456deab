//! What a process hears of the writes of others.
//!
//! A write leaves a row in `cache_outbox`, and PostgreSQL calls it out when the write commits. With
//! Redis its copies are deleted before the write's reply, and that is published there. The first of the
//! two that is heard forgets the names in this process; each write is heard once.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use ::redis::{RedisError, Value};
use futures::StreamExt as _;
use tokio::time::timeout;
use uuid::Uuid;

use super::level_two::CHANNEL;
use super::redis::Redis;
use super::{Cache, Shared};

/// How many writes are remembered as heard.
const HEARD: usize = 16_384;
/// How soon a lost subscription is taken up again.
const RETRY: Duration = Duration::from_secs(1);
/// How long the making of a subscription may take, and an answer over one.
const PATIENCE: Duration = Duration::from_secs(5);
/// After such a silence it is asked whether Redis is still there: a way that is cut off says nothing, not
/// even that, and what is not heard from Redis stays in doubt.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

/// Who tells of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// The database: it is committed.
    Database,
    /// Redis: its copies are deleted.
    Redis,
}

/// How a process hears.
pub(super) struct Ear {
    /// Databases whose calls may be missed at present.
    deaf_to: AtomicUsize,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    writes: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

impl Ear {
    /// An ear for this many databases. It is deaf to all of them at first; where none calls out, it
    /// stays deaf.
    pub(super) fn new(databases: usize) -> Self {
        Self { deaf_to: AtomicUsize::new(databases.max(1)), heard: Mutex::default() }
    }

    /// Whether nothing that is written goes unheard.
    pub(super) fn hears(&self) -> bool {
        self.deaf_to.load(Ordering::SeqCst) == 0
    }

    pub(super) fn gain(&self) {
        self.deaf_to.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn lose(&self) {
        self.deaf_to.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes a write; `false` when it was heard before.
    pub(super) fn note(&self, write: Uuid) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if !heard.writes.insert(write) {
            return false;
        }
        heard.order.push_back(write);
        if heard.order.len() > HEARD
            && let Some(oldest) = heard.order.pop_front()
        {
            heard.writes.remove(&oldest);
        }
        true
    }
}

/// A write and the names that it made untrue, as one line. Names hold no blanks.
pub(crate) fn letter(write: Uuid, names: &[String]) -> String {
    let mut text = write.to_string();
    for name in names {
        text.push(' ');
        text.push_str(name);
    }
    text
}

/// Reads a [`letter`].
pub(crate) fn open_letter(text: &str) -> Option<(Uuid, Vec<String>)> {
    let mut words = text.split(' ');
    let write = words.next()?.parse().ok()?;
    Some((write, words.map(ToOwned::to_owned).collect()))
}

/// Hears from Redis what other processes have deleted there, until the cache is gone.
pub(super) async fn listen(redis: Redis, shared: Weak<Shared>, silence: Duration) {
    while shared.strong_count() > 0 {
        let subscribed = async {
            let mut connection = redis.client().get_async_pubsub().await?;
            connection.subscribe(CHANNEL).await?;
            Ok::<_, RedisError>(connection)
        };
        if let Ok(Ok(connection)) = timeout(PATIENCE, subscribed).await {
            let (mut sink, mut messages) = connection.split();
            loop {
                let message = match timeout(silence, messages.next()).await {
                    Ok(Some(message)) => message,
                    Ok(None) => break,
                    Err(_) if shared.strong_count() == 0 => return,
                    Err(_) => match timeout(PATIENCE, sink.ping::<Value>()).await {
                        Ok(Ok(_)) => continue,
                        Ok(Err(_)) | Err(_) => break,
                    },
                };
                let Some(shared) = shared.upgrade() else { return };
                let letter = std::str::from_utf8(message.get_payload_bytes()).ok();
                if let Some((write, names)) = letter.and_then(open_letter) {
                    Cache { shared }.hear(write, &names, Voice::Redis);
                }
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}
