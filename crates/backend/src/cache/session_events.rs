//! Events on their way to those who watch a session live.
//!
//! Key: the session. Value: the events of one append, numbered. Lifetime: none, they are handed on.
//! Empty, late or lost: the watcher reads the log, which every event was written to before it came
//! here. Within a process events go from hand to hand; with Redis they also cross processes, on the
//! channel `resonant:events:<session>`. No events at all say that the watcher is to look: at the log and
//! at what is pinned. So do results of tools that are too long for a letter.

mod recent;
mod wire;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{SessionId, UserId};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;

use self::recent::Recent;
use super::redis::Redis;
use crate::sessions::Batch;

pub(crate) use self::recent::Read;

/// How many appends a watcher may fall behind before it reads the log instead.
const BACKLOG: usize = 256;
/// How many appends may wait for Redis before they are dropped.
const OUTBOX: usize = 1024;
/// How much of the results of tools goes over Redis at once, in bytes.
const LETTER_MAX_BYTES: usize = 256 * 1024;

/// The bus of one process. Must be made within a runtime.
#[derive(Clone)]
pub(crate) struct SessionEvents {
    shared: Arc<Shared>,
    wire: Option<Wire>,
}

/// What those who watch a session in this process share.
struct Channel {
    sender: broadcast::Sender<Batch>,
    recent: Recent,
    /// Who reads the log for the others.
    turn: Turn,
}

/// Taken by one at a time.
pub(crate) type Turn = Arc<tokio::sync::Mutex<()>>;

#[derive(Default)]
struct Shared {
    watched: Mutex<HashMap<SessionId, Channel>>,
    is_deaf: AtomicBool,
    /// Sessions of which Redis did not take every event.
    unsent: Mutex<HashSet<SessionId>>,
}

/// The ends of the two tasks that talk to Redis. They end when the bus is dropped.
#[derive(Clone)]
struct Wire {
    outbox: mpsc::Sender<(SessionId, Vec<SessionEvent>)>,
    changes: mpsc::UnboundedSender<Change>,
}

#[derive(Clone, Copy)]
enum Change {
    Watch(SessionId),
    Leave(SessionId),
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, HashMap<SessionId, Channel>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsent(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a batch to those who watch the session in this process. An empty one says that something
    /// may have been missed: they look.
    fn hand_on(&self, id: SessionId, batch: impl FnOnce() -> Batch) {
        // What nobody watches is not made, and what is made is made outside the lock.
        if !self.watched().contains_key(&id) {
            return;
        }
        let batch = batch();
        if let Some(channel) = self.watched().get_mut(&id) {
            channel.send(batch);
        }
    }

    /// Tells every watcher to read the log.
    fn stir_all(&self) {
        for channel in self.watched().values_mut() {
            channel.send(Batch::default());
        }
    }
}

impl Channel {
    fn send(&mut self, batch: Batch) {
        self.recent.hear(&batch);
        // An error means that the last watcher is just leaving.
        let _ = self.sender.send(batch);
    }
}

/// One watcher's place on the bus.
pub(crate) struct Watch {
    bus: SessionEvents,
    id: SessionId,
    receiver: Option<broadcast::Receiver<Batch>>,
}

impl Watch {
    /// Waits for the next batch; an empty one when some were missed.
    pub(crate) async fn next(&mut self) -> Batch {
        let Some(receiver) = &mut self.receiver else {
            return Batch::default();
        };
        receiver.recv().await.unwrap_or_default()
    }

    /// What reads the log for all who watch the session in this process.
    pub(crate) fn turn(&self) -> Turn {
        self.with(|channel| channel.turn.clone()).unwrap_or_default()
    }

    /// What comes after an entry, as another has just read it; `since`: not before that instant.
    pub(crate) fn recent(
        &self,
        owner: UserId,
        after: i64,
        since: Option<Instant>,
    ) -> Option<Vec<Batch>> {
        self.with(|channel| channel.recent.after(owner, after, since)).flatten()
    }

    /// Shares what was read of the log up to its end with the others, if there are any.
    pub(crate) fn share(&self, read: Read) {
        self.with(|channel| {
            if channel.sender.receiver_count() > 1 {
                channel.recent.keep(read);
            }
        });
    }

    /// Notes that the log was found to end with an entry, by who asked at an instant.
    pub(crate) fn note_end(&self, last: i64, at: Instant) {
        self.with(|channel| {
            channel.recent.note_end(last, at);
            channel.recent.tidy();
        });
    }

    /// Makes all who watch the session in this process look at it.
    pub(crate) fn stir(&self) {
        self.bus.shared.hand_on(self.id, Batch::default);
    }

    /// Whether another has found the log to end with this entry, no longer ago than this.
    pub(crate) fn ends_with(&self, last: i64, within: Duration) -> bool {
        self.with(|channel| channel.recent.ends_with(last, within)).unwrap_or_default()
    }

    fn with<T>(&self, look: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        self.bus.shared.watched().get_mut(&self.id).map(look)
    }

    /// Whether events may be passing by unheard at present.
    pub(crate) fn is_deaf(&self) -> bool {
        self.bus.shared.is_deaf.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The receiver goes first, so that the count below is that of the others.
        self.receiver = None;
        let mut watched = self.bus.shared.watched();
        if let Entry::Occupied(entry) = watched.entry(self.id)
            && entry.get().sender.receiver_count() == 0
        {
            entry.remove();
            self.bus.tell(Change::Leave(self.id));
        }
    }
}

impl SessionEvents {
    pub(crate) fn new(redis: Option<Redis>) -> Self {
        let shared = Arc::new(Shared::default());
        let wire = redis.map(|redis| {
            let (outbox, letters) = mpsc::channel(OUTBOX);
            let (changes, wanted) = mpsc::unbounded_channel();
            shared.is_deaf.store(true, Ordering::Relaxed);
            tokio::spawn(wire::send(redis.clone(), shared.clone(), letters));
            tokio::spawn(wire::listen(redis, shared.clone(), wanted));
            Wire { outbox, changes }
        });
        Self { shared, wire }
    }

    fn tell(&self, change: Change) {
        if let Some(wire) = &self.wire {
            // An error means that the runtime is stopping.
            let _ = wire.changes.send(change);
        }
    }

    /// Takes a place on the bus. What is appended from now on is heard.
    pub(crate) fn watch(&self, id: SessionId) -> Watch {
        let receiver = match self.shared.watched().entry(id) {
            Entry::Occupied(entry) => entry.get().sender.subscribe(),
            Entry::Vacant(entry) => {
                self.tell(Change::Watch(id));
                let channel = Channel {
                    sender: broadcast::channel(BACKLOG).0,
                    recent: Recent::default(),
                    turn: Turn::default(),
                };
                entry.insert(channel).sender.subscribe()
            }
        };
        Watch { bus: self.clone(), id, receiver: Some(receiver) }
    }

    /// Whether events may be passing by unheard at present.
    pub(crate) fn is_deaf(&self) -> bool {
        self.shared.is_deaf.load(Ordering::Relaxed)
    }

    /// How many sessions are watched.
    #[cfg(test)]
    pub(crate) fn watched_count(&self) -> usize {
        self.shared.watched().len()
    }

    /// Hands on events that were written to the log. Never waits: who misses them reads the log.
    pub(crate) fn publish(&self, id: SessionId, events: &[SessionEvent]) {
        if events.is_empty() {
            return;
        }
        self.shared.hand_on(id, || events.iter().cloned().collect());
        if self.wire.is_some() {
            self.send(id, letter(events));
        }
    }

    /// Makes those who watch a session look at it: something has changed that its log does not tell.
    pub(crate) fn stir(&self, id: SessionId) {
        self.shared.hand_on(id, Batch::default);
        self.send(id, Vec::new());
    }

    /// Sends to the other processes, where there are any.
    fn send(&self, id: SessionId, events: Vec<SessionEvent>) {
        if let Some(wire) = &self.wire
            && wire.outbox.try_send((id, events)).is_err()
        {
            self.shared.unsent().insert(id);
        }
    }
}

/// What the other processes are told of events: nothing that is long enough to fill what waits for Redis.
fn letter(events: &[SessionEvent]) -> Vec<SessionEvent> {
    let results = events.iter().map(|event| match &event.body {
        EventBody::ToolResult { content, .. } => content.len(),
        _ => 0,
    });
    if results.sum::<usize>() > LETTER_MAX_BYTES { Vec::new() } else { events.to_vec() }
}
