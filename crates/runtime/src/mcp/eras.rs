//! Which servers hold sessions, as far as it was found out: they are not asked again with each use.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long it counts. A server may have learned the newest version since.
const KEPT: Duration = Duration::from_hours(1);
/// Of how many servers it is known.
const SERVERS_MAX: usize = 1_000;

/// When it was found out, by address.
static HOLDING: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());

fn holding() -> MutexGuard<'static, BTreeMap<String, Instant>> {
    HOLDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the server is known to hold sessions.
pub(super) fn holds_sessions(url: &str) -> bool {
    holding().get(url).is_some_and(|at| at.elapsed() < KEPT)
}

/// It does.
pub(super) fn note(url: &str) {
    let mut holding = holding();
    if holding.len() >= SERVERS_MAX {
        holding.retain(|_, at| at.elapsed() < KEPT);
    }
    if holding.len() < SERVERS_MAX {
        holding.insert(url.to_owned(), Instant::now());
    }
}

/// What is known of it does not hold any more.
pub(super) fn forget(url: &str) {
    holding().remove(url);
}
