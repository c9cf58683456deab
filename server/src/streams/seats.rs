//! How many streams each caller holds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonant_backend::rate_limits::Sharer;

/// The seats that are taken, by who has them. Who has none is not in here.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<HashMap<Arc<Sharer>, usize>>,
}

impl Seats {
    /// Takes one seat more for who has less than `most`; otherwise gives them back.
    pub(super) fn take(self: &Arc<Self>, sharer: Sharer, most: usize) -> Result<Seat, Sharer> {
        let mut taken = self.taken();
        let (sharer, count) = match taken.get_key_value(&sharer) {
            Some((_, count)) if *count >= most => return Err(sharer),
            // Thousands of streams of one caller have one name in memory.
            Some((known, count)) => (known.clone(), *count),
            None => (Arc::new(sharer), 0),
        };
        taken.insert(sharer.clone(), count + 1);
        drop(taken);
        Ok(Seat { seats: self.clone(), sharer })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Arc<Sharer>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One seat; free again when it is dropped, in whichever way its stream ends.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    sharer: Arc<Sharer>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.seats.taken().entry(self.sharer.clone()) {
            if *entry.get() > 1 {
                *entry.get_mut() -= 1;
            } else {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharer(address: &str) -> Sharer {
        Sharer::address(Some(address.parse().unwrap()))
    }

    #[test]
    fn each_has_so_many_seats_and_gets_those_again_that_are_left() {
        let seats = Arc::<Seats>::default();
        let take = |address| seats.take(sharer(address), 2);
        let (first, second) = (take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap());
        assert_eq!(take("192.0.2.1").unwrap_err(), sharer("192.0.2.1"));
        let other = take("192.0.2.2").unwrap();
        drop(first);
        let third = take("192.0.2.1").unwrap();
        take("192.0.2.1").unwrap_err();
        drop((second, third, other));
        assert!(seats.taken().is_empty());
    }
}
