//! What a process remembers from one claim to the next: whom it served, and whether it has a session that
//! its workers may be lost to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonant_domain::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// How many owners are remembered.
const REMEMBERED: usize = 64;

/// The turns of a process.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Whom it served, each once, the latest at the end.
    served: Mutex<Vec<Uuid>>,
    /// The place for a session whose worker was lost before.
    suspects: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { served: Mutex::default(), suspects: Arc::new(Semaphore::new(1)) }
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
