//! Workers that found nothing to take. Who starts a session in the same process hands it to one of them with the
//! transaction that writes it down: nobody has to be called, and nothing is claimed afterwards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resonant_domain::session::Session;
use resonant_domain::{SessionId, UserId};
use resonant_runtime::trace::kept_request;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Claim;
use super::hold::release;
use crate::Backend;
use crate::store::queue::{AtOnce, Attempt, Queued};
use crate::store::sessions::Runnable;
use crate::store::shards::Owners;

/// How long a commit may be under way whose answer nobody waits for any more.
const COMMITTING: Duration = Duration::from_millis(250);

/// The workers of a process that sleep, the last to lie down at the end.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    beds: Mutex<Vec<Bed>>,
    /// How many have lain down so far.
    count: AtomicU64,
}

/// Where a worker lies.
#[derive(Debug)]
struct Bed {
    number: u64,
    worker: String,
    sender: oneshot::Sender<Claim>,
}

impl Sleepers {
    fn lock(&self) -> MutexGuard<'_, Vec<Bed>> {
        self.beds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }
}

/// A worker that sleeps.
pub(super) struct Sleeper {
    sleepers: Arc<Sleepers>,
    number: u64,
    handed: oneshot::Receiver<Claim>,
}

impl Sleeper {
    pub(super) fn among(sleepers: &Arc<Sleepers>, worker: &str) -> Self {
        let (sender, handed) = oneshot::channel();
        let number = sleepers.count.fetch_add(1, Ordering::Relaxed);
        sleepers.lock().push(Bed { number, worker: worker.to_owned(), sender });
        Self { sleepers: sleepers.clone(), number, handed }
    }

    /// What was handed to it. `None`: a session was to be, and was not written down after all.
    pub(super) async fn handed(&mut self) -> Option<Claim> {
        (&mut self.handed).await.ok()
    }

    /// Wakes up for another reason: it is picked no more. `false`: somebody has picked it, and is about to hand it
    /// something.
    pub(super) fn leave(&self) -> bool {
        let mut all = self.sleepers.lock();
        let at = all.iter().position(|bed| bed.number == self.number);
        at.map(|at| all.remove(at)).is_some()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A worker that is kept for a session which is being written down.
#[must_use = "the worker waits until it is handed the session or this is dropped"]
pub(crate) struct Offer {
    bed: Bed,
    asked_at: Instant,
}

impl Offer {
    /// Picks a worker that sleeps, the last one that lay down. `None`: there is none, or the queue is on another
    /// node than the session.
    pub(crate) fn find(backend: &Backend) -> Option<Self> {
        if backend.owners() == Owners::Spread {
            return None;
        }
        let bed = backend.turns().sleepers().lock().pop()?;
        Some(Self { bed, asked_at: Instant::now() })
    }

    /// On which terms the session is queued and taken at once.
    pub(crate) fn terms(&self, backend: &Backend) -> AtOnce<'_> {
        AtOnce { worker: &self.bed.worker, lease: backend.lease(), slots: backend.slots() }
    }
}

/// A session that is written down, and the worker that gets it once that is committed. Where it is not known to be,
/// as whoever asked for it has gone meanwhile, it is given back to the queue.
#[must_use = "the worker waits until the transaction is committed"]
pub(crate) struct Handed {
    backend: Backend,
    fence: i64,
    traceparent: Option<String>,
    what: Option<(Offer, Runnable)>,
}

impl Handed {
    pub(crate) fn new(backend: &Backend, offer: Offer, runnable: Runnable, queued: Queued) -> Self {
        let Queued { fence, traceparent, .. } = queued;
        Self { backend: backend.clone(), fence, traceparent, what: Some((offer, runnable)) }
    }

    /// Hands it over, after the commit.
    pub(crate) fn over(mut self) {
        let Some((offer, runnable)) = self.what.take() else { return };
        let Session { id, owner_id, .. } = runnable.session;
        self.backend.turns().note_served(owner_id);
        let claim = Claim {
            session_id: id,
            owner_id,
            fence: self.fence,
            attempts: 1,
            traceparent: self.traceparent.take(),
            request_id: kept_request(),
            budget_waits: 0,
            asked_at: offer.asked_at,
            suspicion: None,
            runnable: Some(Box::new(runnable)),
        };
        if let Err(claim) = offer.bed.sender.send(claim) {
            give_back(&self.backend, claim.key());
        }
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if let Some((_, runnable)) = self.what.take() {
            let Session { id, owner_id, .. } = runnable.session;
            give_back(&self.backend, (owner_id, id, self.fence));
        }
    }
}

/// Gives back what no worker has, a moment later: its commit may still be under way. Where this fails, too, the
/// lease runs out.
fn give_back(backend: &Backend, key: (UserId, SessionId, i64)) {
    let backend = backend.clone();
    let given_back = async move {
        tokio::time::sleep(COMMITTING).await;
        let released = release(&backend, key, Attempt::Forgiven, Duration::ZERO).await;
        if let Err(error) = released {
            tracing::debug!(session.id = %key.1, %error, "session not given back");
        }
    };
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(given_back);
    }
}
