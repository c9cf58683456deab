//! Several things at once: what this process keeps from here, what is on its way with those who wait for it,
//! the rest from Redis by one question, and what that lacks by another one of the kind's loader.
//!
//! What is loaded is put into Redis under leases, as one thing is. What another process holds the lease of
//! is waited for as long as one thing would be, once all that is ours is loaded: two batches that lack the
//! same never wait for each other.

use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument as _;

use super::document::{self, Document};
use super::flights::{Landing, Pilot};
use super::level_one::Mark;
use super::level_two::{Lease, Look, Puts};
use super::place::Place;
use super::{Cache, Entry, Flight, LOOK_AGAIN, Many, landed};
use crate::{Backend, Error, Result};

/// One thing that is loaded together with others.
struct Seat<K> {
    key: K,
    place: Place,
    mark: Mark,
    pilot: Pilot,
}

/// Seats whose things are to be loaded, each with the right to put its thing into Redis.
type Leased<K> = Vec<(Seat<K>, Option<Lease>)>;

impl Cache {
    /// Gets several things, in their order.
    ///
    /// # Errors
    /// Those of the loader.
    pub(crate) async fn get_many<E: Many>(
        &self,
        backend: &Backend,
        keys: &[E::Key],
    ) -> Result<Vec<Option<Arc<Document<E::Value>>>>> {
        let counters = self.counters::<E>();
        let (mut found, mut missing, mut stale) = (vec![None; keys.len()], Vec::new(), Vec::new());
        for (index, key) in keys.iter().enumerate() {
            match self.find::<E>(&Place::of::<E>(key)) {
                Some(hit) => {
                    found[index] = hit.document;
                    stale.extend(hit.is_stale.then(|| (index, key.clone())));
                }
                None => missing.push((index, key.clone())),
            }
        }
        counters.hits.add((keys.len() - missing.len()) as u64);
        counters.stale_hits.add(stale.len() as u64);
        counters.misses.add(missing.len() as u64);
        // What is stale is read anew, but nobody waits for it.
        let landings = self.fly_many::<E>(backend, &[&missing[..], &stale[..]].concat());
        let mut again = Vec::new();
        for ((index, key), landing) in missing.into_iter().zip(landings) {
            let is_own = landing.is_own;
            let landed = landing.landed().await.map_err(Error::shared)?;
            // As with one thing: without a mark only the next flight is sure to know of every write.
            if landed.is_kept || is_own {
                found[index] = landed.into_document();
            } else {
                again.push((index, key));
            }
        }
        let landings = self.fly_many::<E>(backend, &again);
        for ((index, _), landing) in again.into_iter().zip(landings) {
            found[index] = landing.landed().await.map_err(Error::shared)?.into_document();
        }
        Ok(found)
    }

    /// Joins the loading of each thing that is on its way, and begins that of all others together.
    fn fly_many<E: Many>(&self, backend: &Backend, missing: &[(usize, E::Key)]) -> Vec<Landing> {
        let (mut landings, mut own) = (Vec::with_capacity(missing.len()), Vec::new());
        for (_, key) in missing {
            let place = Place::of::<E>(key);
            let mark = self.shared.level_one.mark(&place);
            let (landing, pilot) = self.shared.flights.join(&place.name, mark);
            landings.push(landing);
            own.extend(pilot.map(|pilot| Seat { key: key.clone(), place, mark, pilot }));
        }
        if !own.is_empty() {
            let (cache, backend) = (self.clone(), backend.clone());
            let load = async move { cache.load_many::<E>(&backend, own).await };
            tokio::spawn(load.in_current_span());
        }
        landings
    }

    /// Loads things together and tells each to those who wait for it.
    async fn load_many<E: Many>(&self, backend: &Backend, seats: Vec<Seat<E::Key>>) {
        let began = Instant::now();
        // Another flight may have landed between the caller's look and this one.
        let mut seats = self.land_kept::<E>(seats);
        while !seats.is_empty() {
            let (mut own, others) = self.look_many::<E>(backend, seats).await;
            seats = others;
            if began.elapsed() >= E::WAIT {
                own.extend(seats.drain(..).map(|seat| (seat, None)));
            }
            self.load_these::<E>(backend, own).await;
            if !seats.is_empty() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }

    /// Lands those that this process keeps by now. Answers the others.
    fn land_kept<E: Entry>(&self, seats: Vec<Seat<E::Key>>) -> Vec<Seat<E::Key>> {
        let missing = seats.into_iter().filter(|seat| {
            let hit = self.find::<E>(&seat.place).filter(|hit| !hit.is_stale);
            if let Some(hit) = &hit {
                seat.pilot.land(landed(hit.document.as_ref(), true));
            }
            hit.is_none()
        });
        missing.collect()
    }

    /// Looks in Redis, and lands what it has. Answers what is to be loaded here, with the lease of each that
    /// was had, and what another process is loading.
    async fn look_many<E: Entry>(
        &self,
        backend: &Backend,
        seats: Vec<Seat<E::Key>>,
    ) -> (Leased<E::Key>, Vec<Seat<E::Key>>) {
        let level_two = self.shared.level_two.as_ref().filter(|_| self.shared.ear.hears());
        let Some(level_two) = level_two else {
            return (seats.into_iter().map(|seat| (seat, None)).collect(), Vec::new());
        };
        let places: Vec<_> = seats.iter().map(|seat| &seat.place).collect();
        let looks = level_two.look_many::<E>(&places).await;
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (seat, look) in seats.into_iter().zip(looks) {
            match look {
                Look::Away => own.push((seat, None)),
                Look::Empty(Some(lease)) => own.push((seat, Some(lease))),
                Look::Empty(None) => others.push(seat),
                Look::Found { document, span, lease } => {
                    self.counters::<E>().shared_hits.add(1);
                    self.flight(backend, &seat).keep::<E>(document.clone(), span);
                    let landed = landed(document.as_ref(), true);
                    if lease.is_some() {
                        // Who holds the lease of a stale value reads it anew.
                        seat.pilot.land_and_go_on(landed);
                        own.push((seat, lease));
                    } else {
                        seat.pilot.land(landed);
                    }
                }
            }
        }
        (own, others)
    }

    /// Loads things by one question, and puts them into Redis by another one.
    async fn load_these<E: Many>(&self, backend: &Backend, taken: Leased<E::Key>) {
        if taken.is_empty() {
            return;
        }
        self.counters::<E>().loads.add(1);
        let keys: Vec<_> = taken.iter().map(|(seat, _)| seat.key.clone()).collect();
        let loaded = E::load_many(backend, &keys).await;
        let mut puts = Puts::default();
        match loaded {
            Ok(values) => {
                for ((seat, lease), value) in taken.into_iter().zip(values) {
                    let read = match value.map(document::write::<E>).transpose() {
                        Ok(document) => {
                            let flight = self.flight(backend, &seat);
                            let span = flight.land::<E>(&seat.pilot, document.as_ref());
                            (!span.whole().is_zero()).then_some((document, span))
                        }
                        Err(error) => {
                            seat.pilot.fail(error);
                            None
                        }
                    };
                    if let Some(lease) = lease {
                        let value = read.as_ref().map(|(read, span)| (read.as_deref(), *span));
                        puts.add::<E>(&seat.place, lease, value);
                    }
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for (seat, lease) in taken {
                    seat.pilot.fail(Error::shared(error.clone()));
                    if let Some(lease) = lease {
                        puts.add::<E>(&seat.place, lease, None);
                    }
                }
            }
        }
        if let Some(level_two) = &self.shared.level_two {
            level_two.put_many(puts).await;
        }
    }

    fn flight<'a, K>(&'a self, backend: &'a Backend, seat: &'a Seat<K>) -> Flight<'a> {
        Flight { cache: self, backend, place: &seat.place, mark: seat.mark }
    }
}

#[cfg(test)]
mod tests;
