//! Looks that are shared: those who look at the same agents in a process do not each ask the database.
//!
//! Once a second whoever comes first asks for all of them. What has changed is noted for each and calls
//! them, so that nobody hears of it later than who has looked. Who is slow to fetch what was noted misses
//! nothing of it, and costs the id of each agent that has changed.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resonant_domain::{AgentId, UserId};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::changes::Seen;
use crate::{Error, Result};

/// How often is looked for changes.
const LOOK: Duration = Duration::from_secs(1);
/// How long is waited for whoever looks for all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Those who look at agents in this process, by whose agents they look at.
#[derive(Clone, Default)]
pub(crate) struct AgentLooks(Arc<Mutex<HashMap<UserId, Arc<Shared>>>>);

/// What those who look at the same agents share.
#[derive(Default)]
pub(super) struct Shared {
    /// What was seen last; who looks has it. `None`: nobody has looked yet.
    seen: tokio::sync::Mutex<Option<Seen>>,
    noted: Mutex<Noted>,
    found: Notify,
}

/// What a look finds to have happened to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// It is another one than before, or a session of it began, ended or came to another state.
    Changed,
    /// It came to the list.
    Came,
    /// It left the list.
    Gone,
}

/// Who looks for all.
pub(super) type Turn<'a> = tokio::sync::MutexGuard<'a, Option<Seen>>;

#[derive(Default)]
struct Noted {
    /// How often was looked.
    looks: u64,
    /// When the last look was over.
    looked_at: Option<Instant>,
    /// The number of whoever comes next.
    next: u64,
    /// By their numbers, what each has not fetched yet of the agents that have changed.
    news: HashMap<u64, HashMap<AgentId, Happened>>,
}

/// Somebody who looks at their agents.
pub struct AgentWatch {
    all: AgentLooks,
    shared: Arc<Shared>,
    owner: UserId,
    number: u64,
    /// How often was looked when this one knew of all that was found.
    looks: u64,
}

impl AgentLooks {
    /// One more looks at an owner's agents: all that changes from the last look on is noted for them.
    pub(super) fn join(&self, owner: UserId) -> AgentWatch {
        let mut all = self.owners();
        let shared = all.entry(owner).or_default().clone();
        let mut noted = shared.noted();
        let (number, looks) = (noted.next, noted.looks);
        noted.next += 1;
        noted.news.insert(number, HashMap::new());
        drop(noted);
        drop(all);
        AgentWatch { all: self.clone(), shared, owner, number, looks }
    }

    /// At how many owners' agents somebody looks.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.owners().len()
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Shared>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Waits until nobody else looks.
    pub(super) async fn turn(&self) -> Result<Turn<'_>> {
        timeout(PATIENCE, self.seen.lock()).await.map_err(Error::unavailable)
    }

    /// Notes for all what a look has found. Answers how often was looked.
    pub(super) fn note(&self, changed: &[(AgentId, Happened)]) -> u64 {
        let mut noted = self.noted();
        noted.looks += 1;
        noted.looked_at = Some(Instant::now());
        for news in noted.news.values_mut() {
            for (id, happened) in changed {
                let noted = news.entry(*id).or_insert(*happened);
                // That it came or left counts for more than that it changed.
                if *happened != Happened::Changed {
                    *noted = *happened;
                }
            }
        }
        let looks = noted.looks;
        drop(noted);
        if !changed.is_empty() {
            self.found.notify_waiters();
        }
        looks
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn has_news_for(&self, watch: u64) -> bool {
        self.news.get(&watch).is_some_and(|news| !news.is_empty())
    }
}

impl AgentWatch {
    /// Waits until it is time to look, or until somebody else has found something.
    pub async fn called(&self) {
        let mut found = pin!(self.shared.found.notified());
        // What is called out from here on is heard.
        found.as_mut().enable();
        let due = {
            let noted = self.shared.noted();
            noted
                .looked_at
                .filter(|_| !noted.has_news_for(self.number))
                .map(|looked_at| looked_at + LOOK)
        };
        let Some(due) = due else { return };
        tokio::select! {
            () = found => {}
            () = sleep_until(due) => {}
        }
    }

    /// Whose agents are looked at.
    pub(super) const fn owner(&self) -> UserId {
        self.owner
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Whether there is something to fetch.
    pub(super) fn has_news(&self) -> bool {
        self.shared.noted().has_news_for(self.number)
    }

    /// Whether somebody else has looked since this one did, and not long ago. Ask within one's turn.
    pub(super) fn catches_up(&mut self) -> bool {
        let noted = self.shared.noted();
        let is_fresh = noted.looked_at.is_some_and(|looked_at| looked_at.elapsed() < LOOK);
        let has_missed = noted.looks > self.looks;
        let looks = noted.looks;
        drop(noted);
        self.looks = looks;
        has_missed && is_fresh
    }

    /// Notes that this one has looked, which was the look of this number.
    pub(super) fn has_looked(&mut self, looks: u64) {
        self.looks = looks;
    }

    /// Fetches agents to which something has happened, so many at most.
    pub(super) fn fetch(&self, most: usize) -> Vec<(AgentId, Happened)> {
        let mut noted = self.shared.noted();
        let Some(news) = noted.news.get_mut(&self.number) else { return Vec::new() };
        let fetched: Vec<_> =
            news.iter().take(most).map(|(id, happened)| (*id, *happened)).collect();
        for (id, _) in &fetched {
            news.remove(id);
        }
        fetched
    }
}

impl fmt::Debug for AgentWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentWatch").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Drop for AgentWatch {
    fn drop(&mut self) {
        let mut all = self.all.owners();
        let mut noted = self.shared.noted();
        noted.news.remove(&self.number);
        // The last one takes away what was shared.
        if noted.news.is_empty() {
            all.remove(&self.owner);
        }
    }
}
