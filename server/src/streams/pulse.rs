//! When streams that are silent say that they are still there: one clock for all of them, in the place of a
//! timer and of a place in the queue for the stop each.
//!
//! The clock's hand goes round a wheel of slots and wakes whoever waits in one after the other, so that
//! thousands of streams are neither written to at the same moment nor wake the process one by one. Streams
//! are spread over the slots in turn, whenever they come. The hand goes round twice in [`SILENCE`], and a
//! stream speaks when it has passed twice since the stream last wrote: after more than half of that time,
//! and not later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The longest silence of a stream: proxies close what they take for dead.
const SILENCE: Duration = Duration::from_secs(15);
/// How often the hand passes within that time.
const PASSES: usize = 2;
/// So many times is woken in one round of the hand.
const SLOTS: usize = 30;
/// From one slot to the next.
const STEP: Duration = Duration::from_millis(SILENCE.as_secs() * 1_000 / (PASSES * SLOTS) as u64);

/// What a stream hears that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// It has been silent for long enough.
    StillHere,
    /// The process stops.
    Stopping,
}

/// The one clock.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: [Notify; SLOTS],
    /// The slot of who comes next, counted on.
    next: AtomicUsize,
    stopping: CancellationToken,
}

impl Wheel {
    /// Goes round until `stopping`. Must be called within a runtime.
    pub(super) fn start(stopping: CancellationToken) -> Arc<Self> {
        let slots = std::array::from_fn(|_| Notify::new());
        let wheel = Arc::new(Self { slots, next: AtomicUsize::new(0), stopping });
        tokio::spawn(turn(wheel.clone()));
        wheel
    }

    /// A place on the wheel.
    pub(super) fn join(self: &Arc<Self>) -> Pulse {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % SLOTS;
        Pulse { wheel: self.clone(), slot }
    }
}

async fn turn(wheel: Arc<Wheel>) {
    let mut steps = interval(STEP);
    // A machine that slept does not make up for it in one go.
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for slot in wheel.slots.iter().cycle() {
        tokio::select! {
            _ = steps.tick() => slot.notify_waiters(),
            () = wheel.stopping.cancelled() => break,
        }
    }
    // Whoever comes later sees it before they wait.
    for slot in &wheel.slots {
        slot.notify_waiters();
    }
}

/// A stream's place on the wheel.
#[derive(Debug)]
pub(super) struct Pulse {
    wheel: Arc<Wheel>,
    slot: usize,
}

impl Pulse {
    /// Waits until the hand has passed often enough, or until the process stops. Whoever has something to
    /// write drops this, and begins anew after that.
    pub(super) async fn beat(&self) -> Beat {
        for _ in 0..PASSES {
            // Waits from here on: what is called out between the question and the waiting is heard.
            let called = self.wheel.slots[self.slot].notified();
            if self.wheel.stopping.is_cancelled() {
                return Beat::Stopping;
            }
            called.await;
        }
        if self.wheel.stopping.is_cancelled() { Beat::Stopping } else { Beat::StillHere }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures::future::join_all;
    use tokio::time::{Instant, timeout};

    use super::*;

    async fn silence_of(pulse: Pulse) -> Duration {
        let began = Instant::now();
        assert_eq!(pulse.beat().await, Beat::StillHere);
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_speaks_in_time_and_not_all_at_once() {
        const EACH: usize = 3;
        let wheel = Wheel::start(CancellationToken::new());
        let silences = join_all((0..EACH * SLOTS).map(|_| silence_of(wheel.join()))).await;
        let mut at_once = BTreeMap::<Duration, usize>::new();
        for silence in silences {
            assert!((SILENCE / 2..=SILENCE).contains(&silence), "{silence:?}");
            *at_once.entry(silence).or_default() += 1;
        }
        assert!(at_once.values().all(|count| *count == EACH), "{at_once:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_written_is_silent_from_then_on() {
        let wheel = Wheel::start(CancellationToken::new());
        let pulse = wheel.join();
        for _ in 0..10 {
            timeout(SILENCE / 3, pulse.beat()).await.unwrap_err();
        }
        let silence = silence_of(pulse).await;
        assert!((SILENCE / 2..=SILENCE).contains(&silence), "{silence:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_heard_at_once_by_who_waits_and_by_who_comes_later() {
        let stopping = CancellationToken::new();
        let wheel = Wheel::start(stopping.clone());
        let waiting = (0..2 * SLOTS).map(|_| wheel.join()).collect::<Vec<_>>();
        let began = Instant::now();
        let beats = join_all(waiting.iter().map(Pulse::beat));
        let (beats, ()) = tokio::join!(beats, async { stopping.cancel() });
        assert!(beats.iter().all(|beat| *beat == Beat::Stopping), "{beats:?}");
        assert_eq!(wheel.join().beat().await, Beat::Stopping);
        assert!(began.elapsed() < STEP, "{:?}", began.elapsed());
    }
}
