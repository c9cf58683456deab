//! Where a session writes what happens.

use std::sync::Mutex;

use futures::future::BoxFuture;
use resonant_domain::session::Usage;
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::waiting::Shortfall;

/// Why the log took nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another worker has the session, or it is over: this one must stop and write nothing more.
    #[error("the session belongs to another worker or is over")]
    Fenced,
    /// Someone else has written since the event that the caller knew of: nothing was appended.
    #[error("the session log has moved on")]
    Moved {
        /// What they wrote.
        events: Vec<SessionEvent>,
        /// What was not appended.
        refused: Vec<EventBody>,
    },
    /// The store does not answer.
    #[error("the session log cannot be written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An append-only log of one session, held by one worker.
pub trait SessionLog: Send + Sync {
    /// Appends all entries in one transaction and adds `usage` to what the session has used.
    /// When this returns, they are durable. An entry [`EventBody::Done`] ends the session, a last
    /// entry [`EventBody::Waiting`] takes it from its worker. `after` is the number of the newest event
    /// that the caller knows of.
    ///
    /// # Errors
    /// [`LogError::Fenced`] when this worker no longer holds the session, [`LogError::Moved`] when
    /// `after` is no longer the newest: nothing was written.
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>>;

    /// Sets aside what the next call of a model may use at most, out of the budgets of the agent and
    /// the user. The next append settles it. `Some`: it does not reach, and nothing was set aside.
    ///
    /// # Errors
    /// [`LogError::Unavailable`].
    fn reserve(&self, _most: Usage) -> BoxFuture<'_, Result<Option<Shortfall>, LogError>> {
        Box::pin(async { Ok(None) })
    }
}

/// A log in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryLog {
    entries: Mutex<Vec<SessionEvent>>,
}

impl MemoryLog {
    /// A log that already holds `history`.
    #[must_use]
    pub const fn with_history(history: Vec<SessionEvent>) -> Self {
        Self { entries: Mutex::new(history) }
    }

    /// All that was written.
    pub fn events(&self) -> Vec<SessionEvent> {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl SessionLog for MemoryLog {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        _usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        let mut log = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if log.iter().any(|event| matches!(event.body, EventBody::Done { .. })) {
            return Box::pin(async { Err(LogError::Fenced) });
        }
        if log.last().map_or(0, |event| event.sequence) != after {
            let events = log.iter().filter(|event| event.sequence > after).cloned().collect();
            return Box::pin(async { Err(LogError::Moved { events, refused: entries }) });
        }
        let first = log.last().map_or(1, |event| event.sequence + 1);
        let events: Vec<_> = (first..)
            .zip(entries)
            .map(|(sequence, body)| SessionEvent {
                sequence,
                at: jiff::Timestamp::UNIX_EPOCH,
                body,
            })
            .collect();
        log.extend(events.iter().cloned());
        Box::pin(async move { Ok(events) })
    }
}
