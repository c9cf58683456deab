//! Events that several hear: they are read once and written once for all of them.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use resonant_domain::session_event::SessionEvent;

/// The events of one append, or of one read of the log, in their order; or, in the place of events, which
/// messages are pinned. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Batch(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    events: Box<[SessionEvent]>,
    pins: Option<Box<[i64]>>,
    written: OnceLock<Bytes>,
}

impl Batch {
    /// No events, but which messages are pinned.
    pub(crate) fn of_pins(pins: Vec<i64>) -> Self {
        Self(Arc::new(Inner { pins: Some(pins.into()), ..Inner::default() }))
    }

    /// The messages that are pinned, where it tells them.
    #[must_use]
    pub fn pins(&self) -> Option<&[i64]> {
        self.0.pins.as_deref()
    }

    /// What it tells as it goes out, which `write` makes for the first who asks.
    pub fn written(&self, write: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.0.written.get_or_init(|| write(self)).clone()
    }

    /// The number of the last event.
    #[must_use]
    pub fn last_sequence(&self) -> Option<i64> {
        self.last().map(|event| event.sequence)
    }

    /// The part that comes after an event: the whole is shared, anything less is made anew.
    #[must_use]
    pub fn after(&self, sequence: i64) -> Self {
        match self.first() {
            Some(first) if first.sequence <= sequence => {
                self.iter().filter(|event| event.sequence > sequence).cloned().collect()
            }
            _ => self.clone(),
        }
    }
}

impl Deref for Batch {
    type Target = [SessionEvent];

    fn deref(&self) -> &[SessionEvent] {
        &self.0.events
    }
}

impl From<Vec<SessionEvent>> for Batch {
    fn from(events: Vec<SessionEvent>) -> Self {
        Self(Arc::new(Inner { events: events.into(), ..Inner::default() }))
    }
}

impl FromIterator<SessionEvent> for Batch {
    fn from_iter<I: IntoIterator<Item = SessionEvent>>(events: I) -> Self {
        Self::from(events.into_iter().collect::<Vec<_>>())
    }
}
