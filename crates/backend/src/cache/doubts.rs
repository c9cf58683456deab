//! Names whose copy in Redis may be older than a write that this process has heard of.
//!
//! PostgreSQL tells of the write, Redis that its copy is gone. In between, and for as long as Redis did
//! not take the deletion, the copy is in doubt: the next look deletes it before it looks.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// How many names are remembered.
const NAMES: usize = 50_000;
/// When more are in doubt, everything is, for longer than anything is kept in Redis.
const EVERYTHING: Duration = Duration::from_hours(2);

#[derive(Default)]
pub(super) struct Doubts {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each with the latest write that raised the doubt.
    names: HashMap<String, Uuid>,
    everything_until: Option<Instant>,
}

impl Doubts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The write that raised a doubt about the name.
    pub(super) fn of(&self, name: &str) -> Option<Uuid> {
        self.state().names.get(name).copied()
    }

    /// Whether Redis must not be asked at all.
    pub(super) fn is_everything(&self) -> bool {
        let mut state = self.state();
        match state.everything_until {
            Some(until) if Instant::now() < until => true,
            Some(_) => {
                state.everything_until = None;
                false
            }
            None => false,
        }
    }

    pub(super) fn raise(&self, write: Uuid, names: &[String]) {
        let mut state = self.state();
        if state.names.len() + names.len() > NAMES {
            state.names.clear();
            state.everything_until = Some(Instant::now() + EVERYTHING);
            return;
        }
        for name in names {
            state.names.insert(name.clone(), write);
        }
    }

    /// Doubts everything: too much was written unheard.
    pub(super) fn raise_all(&self) {
        self.state().everything_until = Some(Instant::now() + EVERYTHING);
    }

    /// The copies were deleted after the write.
    pub(super) fn clear(&self, write: Uuid, names: &[String]) {
        let mut state = self.state();
        for name in names {
            if state.names.get(name) == Some(&write) {
                state.names.remove(name);
            }
        }
    }

    /// The copy was deleted because of this doubt; a later one stays.
    pub(super) fn settle(&self, name: &str, doubt: Option<Uuid>) {
        if let Some(write) = doubt {
            self.clear(write, &[name.to_owned()]);
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.state().names.len()
    }
}
