//! Time, as something that a test can set.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Hears what another clock showed that was asked at this moment, and answers how far it was moved by
    /// that. Most clocks do not care.
    fn agree(&self, theirs: Timestamp, asked: Instant) -> SignedDuration {
        let _ = (theirs, asked);
        SignedDuration::ZERO
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// How far two clocks may lie apart that are said to show the same.
const SLACK: SignedDuration = SignedDuration::from_secs(1);

/// A clock that goes on evenly from where it agreed with another one. Whoever sets the machine's clock
/// does not move it; should it lie apart from the other by more than a second, it is set.
pub struct SteadyClock {
    machine: Arc<dyn Clock>,
    began: Instant,
    /// What it showed at the beginning, in microseconds since 1970.
    base: AtomicI64,
}

impl SteadyClock {
    /// A clock that begins where the machine's stands.
    #[must_use]
    pub fn new() -> Self {
        Self::over(Arc::new(SystemClock))
    }

    /// The same with another clock in the machine's place.
    #[must_use]
    pub fn over(machine: Arc<dyn Clock>) -> Self {
        let base = machine.now().as_microsecond().into();
        Self { machine, began: Instant::now(), base }
    }

    fn passed(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SteadyClock").field(&self.now()).finish()
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let micros = self.base.load(Ordering::Relaxed).saturating_add(self.passed());
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    fn agree(&self, theirs: Timestamp, asked: Instant) -> SignedDuration {
        // The answer was on its way for about half of the time.
        let theirs = theirs.saturating_add(asked.elapsed() / 2).unwrap_or(theirs);
        let is_near = |at: Timestamp| at.duration_since(theirs).abs() <= SLACK;
        let before = self.now();
        if is_near(before) {
            return SignedDuration::ZERO;
        }
        let machine = self.machine.now();
        let right = if is_near(machine) { machine } else { theirs };
        let base = right.as_microsecond().saturating_sub(self.passed());
        self.base.store(base, Ordering::Relaxed);
        let moved = right.duration_since(before);
        tracing::warn!(by_seconds = moved.as_secs(), "the time was set to that of the database");
        moved
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that stands at `instant`.
    #[must_use]
    pub const fn new(instant: Timestamp) -> Self {
        Self(Mutex::new(instant))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.saturating_add(by).unwrap_or(*now);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_clock_is_moved_by_the_other_alone() {
        let start = SystemClock.now();
        let machine = Arc::new(FixedClock::new(start));
        let clock = SteadyClock::over(machine.clone());
        let is_at = |wanted: Timestamp| clock.now().duration_since(wanted).abs() < SLACK * 30;
        let day = SignedDuration::from_hours(24);
        for jump in [day, -day * 3] {
            machine.advance(jump);
            assert!(is_at(start), "{jump}");
            assert_eq!(clock.agree(start, Instant::now()), SignedDuration::ZERO);
            assert!(is_at(start), "{jump}");
        }
        // The other one was set, for whatever reason: all who agree with it go on together.
        for other in [start + day, start - day] {
            assert!(clock.agree(other, Instant::now()).abs() > SLACK);
            assert!(is_at(other), "{other}");
        }
    }
}
