//! What was read of a session's log a moment ago, for those who begin to follow it at the same time.
//!
//! Many come at once: after a restart, or when a link goes around. The first of them reads the log, and
//! what it read, with what the bus brought since, is everybody's for a moment; so is what was pinned then.
//! All times are those of the monotonic clock.

use std::time::Duration;

use resonant_domain::UserId;
use resonant_domain::session_event::EventBody;
use tokio::time::Instant;

use crate::sessions::Batch;

/// For how long what was read is believed: what the bus has not brought stays unseen for so long at most.
const TRUST: Duration = Duration::from_secs(1);
/// The most events that are kept.
const EVENTS_MAX: usize = 1_000;

/// What is known of the log of one session that is watched.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The newest entry that the bus has brought.
    heard: i64,
    /// When the bus said last that something may have been missed, or that there is something to look at.
    stirred: Option<Instant>,
    /// Where the log was found to end, and when that was asked.
    end: Option<(i64, Instant)>,
    read: Option<Read>,
}

/// Entries of the log without a gap, and whose they are.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) owner: UserId,
    /// What comes after this entry is here.
    pub(crate) after: i64,
    /// What was pinned, first, then the entries.
    pub(crate) batches: Vec<Batch>,
    /// When the read began.
    pub(crate) at: Instant,
}

impl Read {
    fn last(&self) -> i64 {
        self.batches.last().and_then(Batch::last_sequence).unwrap_or(self.after)
    }

    fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.len()).sum()
    }
}

/// Whether the events tell of the session's end. Whoever comes after one reads for themselves whether it
/// was the last word.
fn ends(batch: &Batch) -> bool {
    batch.iter().any(|event| matches!(event.body, EventBody::Done { .. }))
}

impl Recent {
    /// Takes in what the bus brings. An empty batch says that something may have been missed.
    pub(super) fn hear(&mut self, batch: &Batch) {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            self.stirred = Some(Instant::now());
            self.read = None;
            self.end = None;
            return;
        };
        self.heard = self.heard.max(last.sequence);
        let Some(read) = &mut self.read else { return };
        let known = read.last();
        if last.sequence <= known {
            return;
        }
        let is_next = first.sequence == known + 1;
        let is_fit = read.at.elapsed() <= TRUST && read.len() + batch.len() <= EVENTS_MAX;
        if is_next && !ends(batch) && is_fit {
            read.batches.push(batch.clone());
        } else {
            self.read = None;
        }
    }

    /// Keeps what was read, unless the bus has brought more already, or a doubt since, which a reader
    /// would miss.
    pub(super) fn keep(&mut self, read: Read) {
        let is_doubtful = self.stirred.is_some_and(|stirred| read.at < stirred);
        if is_doubtful || read.last() < self.heard || read.batches.last().is_some_and(ends) {
            return;
        }
        self.end = Some((read.last(), read.at));
        self.read = (read.len() <= EVENTS_MAX).then_some(read);
    }

    /// Notes that the log was found to end with an entry.
    pub(super) fn note_end(&mut self, last: i64, at: Instant) {
        if last >= self.heard {
            self.end = Some((last, at));
        }
    }

    /// Whether the log was found to end with this entry by someone who asked no longer ago than this.
    pub(super) fn ends_with(&self, last: i64, within: Duration) -> bool {
        self.end.is_some_and(|(end, at)| end == last && at.elapsed() < within)
    }

    /// What comes after an entry, when that is known from a read that is fresh, and that began at `since`
    /// or later where that matters.
    pub(super) fn after(
        &self,
        owner: UserId,
        after: i64,
        since: Option<Instant>,
    ) -> Option<Vec<Batch>> {
        let read = self.read.as_ref()?;
        let is_fresh = read.at.elapsed() <= TRUST && since.is_none_or(|since| read.at >= since);
        // An entry that comes after all of them may have been written elsewhere: the log knows.
        let is_within = read.owner == owner && (read.after..=read.last()).contains(&after);
        let batches = (is_fresh && is_within).then_some(&read.batches)?.iter();
        let tells = |batch: &Batch| !batch.is_empty() || batch.pins().is_some();
        Some(batches.map(|batch| batch.after(after)).filter(tells).collect())
    }

    /// Gives up what nobody may use any more.
    pub(super) fn tidy(&mut self) {
        if self.read.as_ref().is_some_and(|read| read.at.elapsed() > TRUST) {
            self.read = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use resonant_domain::session::{SessionState, Usage};
    use resonant_domain::session_event::SessionEvent;
    use uuid::Uuid;

    use super::*;

    fn batch(sequences: impl IntoIterator<Item = i64>) -> Batch {
        let event = |sequence| SessionEvent {
            sequence,
            at: Timestamp::UNIX_EPOCH,
            body: EventBody::Output { step: 1, delta: "x".to_owned() },
        };
        sequences.into_iter().map(event).collect()
    }

    fn owner() -> UserId {
        UserId::from_uuid(Uuid::from_u128(1))
    }

    fn read(after: i64, sequences: impl IntoIterator<Item = i64>) -> Read {
        Read { owner: owner(), after, batches: vec![batch(sequences)], at: Instant::now() }
    }

    fn numbers(batches: Option<Vec<Batch>>) -> Option<Vec<i64>> {
        let events = batches?.into_iter().flat_map(|batch| batch.to_vec());
        Some(events.map(|event| event.sequence).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_goes_on_with_what_the_bus_brings() {
        let mut recent = Recent::default();
        assert_eq!(numbers(recent.after(owner(), 0, None)), None);
        recent.keep(read(0, 1..=3));
        recent.hear(&batch(2..=3));
        recent.hear(&batch(4..=5));
        assert_eq!(numbers(recent.after(owner(), 0, None)), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(numbers(recent.after(owner(), 4, None)), Some(vec![5]));
        assert_eq!(numbers(recent.after(owner(), 5, None)), Some(vec![]));
        // What comes after all of it may have been written elsewhere.
        assert_eq!(numbers(recent.after(owner(), 6, None)), None);
        let stranger = UserId::from_uuid(Uuid::from_u128(2));
        assert_eq!(numbers(recent.after(stranger, 0, None)), None);
        let doubt = Instant::now() + Duration::from_millis(1);
        assert_eq!(numbers(recent.after(owner(), 0, Some(doubt))), None);
        tokio::time::advance(TRUST + Duration::from_millis(1)).await;
        assert_eq!(numbers(recent.after(owner(), 0, None)), None, "it is old");
        recent.tidy();
        assert!(recent.read.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_is_told_what_is_pinned_as_well() {
        let mut recent = Recent::default();
        let batches = vec![Batch::of_pins(vec![2]), batch(1..=3)];
        recent.keep(Read { batches, ..read(0, []) });
        for (after, events) in [(0, vec![1, 2, 3]), (3, vec![])] {
            let found = recent.after(owner(), after, None).unwrap();
            assert_eq!(found[0].pins(), Some(&[2][..]), "after {after}");
            assert_eq!(numbers(Some(found)), Some(events));
        }
        // No entry came along, and one that the bus brings is the next all the same.
        recent.keep(Read { batches: vec![Batch::of_pins(vec![])], ..read(3, []) });
        recent.hear(&batch([4]));
        assert_eq!(numbers(recent.after(owner(), 3, None)), Some(vec![4]));
        // Somebody pins: who comes now looks, and what was read before says nothing of it.
        let before = read(4, []);
        tokio::time::advance(Duration::from_millis(1)).await;
        recent.hear(&Batch::default());
        assert_eq!(numbers(recent.after(owner(), 4, None)), None);
        recent.keep(before);
        assert_eq!(numbers(recent.after(owner(), 4, None)), None);
        recent.keep(read(4, []));
        assert_eq!(numbers(recent.after(owner(), 4, None)), Some(vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_a_doubt_and_an_end_are_for_the_log() {
        let done = SessionEvent {
            sequence: 4,
            at: Timestamp::UNIX_EPOCH,
            body: EventBody::Done {
                state: SessionState::Completed,
                reason: None,
                usage: Usage::default(),
                duration_ms: 1,
                waited_ms: 0,
            },
        };
        for next in [batch([5]), batch([]), batch(3..=4), Batch::from(vec![done])] {
            let mut recent = Recent::default();
            recent.keep(read(0, 1..=3));
            recent.hear(&next);
            assert_eq!(numbers(recent.after(owner(), 0, None)), None, "{next:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_bus_overtook_is_not_kept() {
        let mut recent = Recent::default();
        recent.hear(&batch([4]));
        recent.keep(read(0, 1..=3));
        assert_eq!(numbers(recent.after(owner(), 0, None)), None);
        recent.note_end(3, Instant::now());
        assert!(!recent.ends_with(3, TRUST));
        recent.note_end(4, Instant::now());
        assert!(recent.ends_with(4, TRUST) && !recent.ends_with(3, TRUST));
        tokio::time::advance(TRUST).await;
        assert!(!recent.ends_with(4, TRUST), "it is to be asked again");
    }
}
