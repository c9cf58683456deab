//! What the workers of a process share: whom they served, whether they have a session that they may be lost to,
//! who waits for a turn to take one, and who sleeps.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonant_domain::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::Claim;
use super::sleepers::Sleepers;

/// How many owners are remembered.
const REMEMBERED: usize = 64;
/// How many sessions are taken at once at most.
const MOST_AT_ONCE: usize = 16;

/// The turns of a process.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Whom it served, each once, the latest at the end.
    served: Mutex<Vec<Uuid>>,
    /// The place for a session whose worker was lost before.
    suspects: Arc<Semaphore>,
    /// Whose turn it is to claim has this: what was taken for those who stand in line behind.
    taken: tokio::sync::Mutex<VecDeque<Claim>>,
    /// How many stand in line, with whose turn it is.
    in_line: AtomicUsize,
    /// Those who found nothing to take.
    sleepers: Arc<Sleepers>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            served: Mutex::default(),
            suspects: Arc::new(Semaphore::new(1)),
            taken: tokio::sync::Mutex::default(),
            in_line: AtomicUsize::new(0),
            sleepers: Arc::default(),
        }
    }
}

/// A worker's place in line.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn behind(in_line: &'a AtomicUsize) -> Self {
        in_line.fetch_add(1, Ordering::AcqRel);
        Self(in_line)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Vec<Uuid>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn served(&self) -> Vec<Uuid> {
        self.lock().clone()
    }

    pub(super) fn note_served(&self, owner: UserId) {
        let mut served = self.lock();
        served.retain(|known| *known != owner.as_uuid());
        served.push(owner.as_uuid());
        if served.len() > REMEMBERED {
            served.remove(0);
        }
    }

    /// What a worker gets that wants a session. Workers take turns to claim: two that did so at once would want
    /// the same slot of a user. Whose turn it is takes for those in line behind it, too, as many as `claim` finds
    /// up to a number: it costs hardly more than one.
    pub(super) async fn take<E>(
        &self,
        claim: impl AsyncFnOnce(usize) -> Result<VecDeque<Claim>, E>,
    ) -> Result<Option<Claim>, E> {
        let _place = Place::behind(&self.in_line);
        let mut taken = self.taken.lock().await;
        if taken.is_empty() {
            let wanted = self.in_line.load(Ordering::Acquire).clamp(1, MOST_AT_ONCE);
            *taken = claim(wanted).await?;
        }
        Ok(taken.pop_front())
    }

    pub(crate) const fn sleepers(&self) -> &Arc<Sleepers> {
        &self.sleepers
    }

    /// Takes the place of a suspect; `None`: another has it.
    pub(super) fn suspect(&self) -> Option<Suspicion> {
        let place = self.suspects.clone().try_acquire_owned().ok()?;
        Some(Suspicion(Arc::new(Mutex::new(Some(place)))))
    }

    /// Whether no session has the place of a suspect.
    pub(super) fn is_unsuspecting(&self) -> bool {
        self.suspects.available_permits() > 0
    }
}

/// That a session may be what its workers are lost to: one whose worker was lost runs in a process without
/// others of its kind until it has done a step, so that one which kills its workers takes those beside it
/// along no more than once.
#[derive(Clone, Debug)]
pub(super) struct Suspicion(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Suspicion {
    /// Gives the place to the next one. `false`: it was given away before.
    pub(super) fn clear(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}
