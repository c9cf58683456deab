//! Names whose copy in Redis may be older than a write that this process has heard of.
//!
//! PostgreSQL tells of the write, Redis that its copy is gone. In between, and for as long as Redis did
//! not take the deletion, the copy is in doubt: the next look deletes it before it looks.
//!
//! Of writes from before a process began to hear, the outbox names the latest. What was put before those is
//! in doubt by its age alone, whatever its name: what was put since was read since, and is true but for the
//! writes that are known by name.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// How many names are remembered. When more are in doubt, all is that was put before.
const NAMES: usize = 50_000;
/// Longer than anything is kept in Redis: nothing there is older.
const OLDEST: Duration = Duration::from_hours(2);

#[derive(Default)]
pub(super) struct Doubts {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each with the latest write that raised the doubt.
    names: HashMap<String, Uuid>,
    /// What was put longer before this instant than that is in doubt.
    older: Option<(Instant, Duration)>,
}

impl State {
    /// How long ago something may have been put that is in doubt by its name alone; `None`: at any time.
    fn reach(&self) -> Option<Duration> {
        let (at, reach) = self.older?;
        Some(at.elapsed() + reach).filter(|reach| *reach < OLDEST)
    }

    fn doubt_older(&mut self, reach: Duration) {
        let known = self.reach().unwrap_or(reach);
        self.older = Some((Instant::now(), known.min(reach)));
    }
}

impl Doubts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The write that raised a doubt about the name.
    pub(super) fn of(&self, name: &str) -> Option<Uuid> {
        self.state().names.get(name).copied()
    }

    /// How long ago something may have been put that is in doubt by its name alone; `None`: at any time. To be
    /// asked after [`Doubts::of`]: names that are given up are known by age from then on.
    pub(super) fn reach(&self) -> Option<Duration> {
        self.state().reach()
    }

    pub(super) fn raise(&self, write: Uuid, names: &[String]) {
        let mut state = self.state();
        if state.names.len() + names.len() > NAMES {
            state.names.clear();
            state.doubt_older(Duration::ZERO);
            return;
        }
        for name in names {
            state.names.insert(name.clone(), write);
        }
    }

    /// Doubts all that was put longer ago than that: what was written before is not known by name.
    pub(super) fn raise_older(&self, reach: Duration) {
        self.state().doubt_older(reach);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_stays_in_doubt_whatever_is_heard_later() {
        let doubts = Doubts::default();
        assert_eq!(doubts.reach(), None);
        let minute = Duration::from_mins(1);
        doubts.raise_older(minute);
        assert!(doubts.reach().is_some_and(|reach| reach >= minute));
        // Too many names: from here on their age tells.
        let names: Vec<_> = (0..=NAMES).map(|number| number.to_string()).collect();
        doubts.raise(Uuid::nil(), &names);
        assert_eq!(doubts.count(), 0);
        let since = doubts.reach().unwrap();
        assert!(since < minute, "{since:?}");
        // An outbox that reaches back further says nothing of names that were given up.
        doubts.raise_older(OLDEST / 2);
        assert!(doubts.reach().is_some_and(|reach| reach >= since && reach < minute));
        let forgotten = Doubts::default();
        forgotten.raise_older(OLDEST);
        assert_eq!(forgotten.reach(), None, "nothing is as old");
    }
}
