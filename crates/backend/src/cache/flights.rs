//! One loader at a time for each name: who comes later waits for the one that is under way.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::document::Document;
use super::level_one::Mark;
use crate::{Error, Result};

/// What a flight brought.
#[derive(Clone)]
pub(super) struct Landed {
    /// A document whose type the flight's name tells; `None`: there is no such thing.
    pub(super) document: Option<Arc<dyn Any + Send + Sync>>,
    /// Whether the name's mark tells when it becomes untrue. Otherwise it is good only for who asked
    /// before the flight began.
    pub(super) is_kept: bool,
}

impl Landed {
    /// The document of the kind whose name the flight has.
    pub(super) fn into_document<T: Send + Sync + 'static>(self) -> Option<Arc<Document<T>>> {
        self.document.and_then(|document| document.downcast().ok())
    }
}

type Outcome = Result<Landed, Arc<Error>>;

#[derive(Default)]
pub(super) struct Flights {
    under_way: Mutex<HashMap<String, Flight>>,
}

struct Flight {
    /// The name's mark when it began. Who comes after a write must not wait for what began before it.
    mark: Mark,
    landing: watch::Receiver<Option<Outcome>>,
}

/// What a caller waits for.
pub(super) struct Landing {
    receiver: watch::Receiver<Option<Outcome>>,
    /// Whether the flight began with this caller.
    pub(super) is_own: bool,
}

impl Landing {
    /// Waits for the flight.
    pub(super) async fn landed(mut self) -> Outcome {
        let outcome = self.receiver.wait_for(Option::is_some).await.ok();
        outcome
            .and_then(|outcome| outcome.clone())
            .unwrap_or_else(|| Err(Arc::new(Error::internal("a loader of the cache broke off"))))
    }
}

/// The right and duty to load. Dropping it ends the flight.
pub(super) struct Pilot {
    flights: Arc<Flights>,
    name: String,
    landing: watch::Sender<Option<Outcome>>,
}

impl Pilot {
    /// Hands the result to all who wait. Who comes later finds it in the first level.
    pub(super) fn land(&self, landed: Landed) {
        self.leave();
        self.land_and_go_on(landed);
    }

    /// Hands a first result to all who wait and who join while a better one is on its way.
    pub(super) fn land_and_go_on(&self, landed: Landed) {
        self.landing.send_replace(Some(Ok(landed)));
    }

    /// Tells all who wait that it came to nothing, unless they have a first result.
    pub(super) fn fail(&self, error: Error) {
        self.leave();
        self.landing.send_if_modified(|outcome| {
            let is_first = outcome.is_none();
            if is_first {
                *outcome = Some(Err(Arc::new(error)));
            }
            is_first
        });
    }

    /// Lets nobody join any more.
    fn leave(&self) {
        let mut under_way = self.flights.under_way();
        let is_own = under_way
            .get(&self.name)
            .is_some_and(|flight| flight.landing.same_channel(&self.landing.subscribe()));
        if is_own {
            under_way.remove(&self.name);
        }
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Flights {
    fn under_way(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the flight that is under way since the name has this mark, or becomes its pilot.
    pub(super) fn join(self: &Arc<Self>, name: &str, mark: Mark) -> (Landing, Option<Pilot>) {
        let mut under_way = self.under_way();
        if let Some(flight) = under_way.get(name).filter(|flight| flight.mark == mark) {
            return (Landing { receiver: flight.landing.clone(), is_own: false }, None);
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(name.to_owned(), Flight { mark, landing: receiver.clone() });
        let pilot = Pilot { flights: self.clone(), name: name.to_owned(), landing: sender };
        (Landing { receiver, is_own: true }, Some(pilot))
    }
}
