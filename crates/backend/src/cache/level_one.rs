//! The first level: what this process keeps.
//!
//! Every name has a mark, a number that grows when the name is forgotten. A value is kept with the mark
//! that its name had *before* it was read, and counts only as long as that is the name's mark. So a
//! reader that began before a write cannot put the old value back, however late it comes.
//!
//! All that everybody may see has one number more, its edition: by it those know of a write who keep what
//! was made of many things.

use std::any::Any;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::counters::{Counters, Kind};
use super::document::Document;
use super::place::{Place, is_public};
use super::{Entry, Span};

/// The most that a process keeps, in bytes.
const CAPACITY: u64 = 64 << 20;
/// What an entry costs beside its texts, in bytes.
const OVERHEAD: usize = 256;
/// Names share marks: forgetting one name forgets few others.
const MARKS: usize = 4096;

pub(super) struct LevelOne {
    kept: Cache<String, Kept>,
    marks: Box<[AtomicU64]>,
    public_edition: AtomicU64,
    hasher: RandomState,
}

#[derive(Clone)]
struct Kept {
    /// An `Arc` of the kind's document; `None`: there is no such thing.
    document: Option<Arc<dyn Any + Send + Sync>>,
    kind: Kind,
    weight: u32,
    fresh_until: Instant,
    lifetime: Duration,
    mark: Mark,
}

/// The state of a name and of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// What was found.
pub(super) struct Hit<T> {
    /// `None`: it is known that there is no such thing.
    pub(super) document: Option<Arc<Document<T>>>,
    /// Whether it is time to read it anew.
    pub(super) is_stale: bool,
}

struct Lifetimes;

impl moka::Expiry<String, Kept> for Lifetimes {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.lifetime)
    }

    fn expire_after_update(
        &self,
        _: &String,
        kept: &Kept,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.lifetime)
    }
}

impl LevelOne {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        let kept = Cache::builder()
            .max_capacity(CAPACITY)
            .weigher(|_: &String, kept: &Kept| kept.weight)
            .expire_after(Lifetimes)
            .eviction_listener(move |_, kept: Kept, _| {
                let counters = counters.of(kept.kind);
                counters.entries.subtract(1);
                counters.bytes.subtract(kept.weight.into());
            })
            .build();
        let marks = std::iter::repeat_with(AtomicU64::default).take(MARKS).collect();
        Self { kept, marks, public_edition: AtomicU64::default(), hasher: RandomState::new() }
    }

    fn mark_of(&self, name: &str) -> &AtomicU64 {
        let hash = self.hasher.hash_one(name);
        // The remainder is below MARKS, so it fits.
        &self.marks[usize::try_from(hash % MARKS as u64).unwrap_or(0)]
    }

    /// The present mark of a place. Marks only grow, so a sum tells a change of either.
    pub(super) fn mark(&self, place: &Place) -> Mark {
        let own = self.mark_of(&place.name).load(Ordering::SeqCst);
        let group = place.group.as_deref().map_or(0, |g| self.mark_of(g).load(Ordering::SeqCst));
        Mark(own.wrapping_add(group))
    }

    /// Looks, without waiting for anything.
    pub(super) fn find<E: Entry>(&self, place: &Place) -> Option<Hit<E::Value>> {
        let kept = self.kept.get(&place.name)?;
        if kept.mark != self.mark(place) {
            return None;
        }
        let document = match kept.document {
            None => None,
            Some(document) => Some(document.downcast::<Document<E::Value>>().ok()?),
        };
        Some(Hit { document, is_stale: Instant::now() >= kept.fresh_until })
    }

    /// Keeps what was read since the place had `mark`.
    pub(super) fn keep<E: Entry>(
        &self,
        counters: &Counters,
        place: &Place,
        document: Option<Arc<Document<E::Value>>>,
        span: Span,
        mark: Mark,
    ) {
        if span.whole().is_zero() || mark != self.mark(place) {
            return;
        }
        // The value itself is about as large as its JSON.
        let size = document.as_ref().map_or(0, |document| document.json().len() * 2);
        let weight = u32::try_from(OVERHEAD + place.name.len() + size).unwrap_or(u32::MAX);
        let kept = Kept {
            document: document.map(|document| document as Arc<dyn Any + Send + Sync>),
            kind: E::KIND,
            weight,
            fresh_until: Instant::now() + span.fresh,
            lifetime: span.whole(),
            mark,
        };
        counters.of(E::KIND).entries.add(1);
        counters.of(E::KIND).bytes.add(weight.into());
        self.kept.insert(place.name.clone(), kept);
    }

    /// Forgets these names and the members of these groups.
    pub(super) fn forget(&self, names: &[String]) {
        for name in names {
            self.mark_of(name).fetch_add(1, Ordering::SeqCst);
        }
        if names.iter().any(|name| is_public(name)) {
            self.raise_public_edition();
        }
        for name in names {
            // The mark alone does it; this gives the memory back.
            self.kept.invalidate(name);
        }
    }

    /// The edition of all that everybody may see.
    pub(super) fn public_edition(&self) -> u64 {
        self.public_edition.load(Ordering::SeqCst)
    }

    /// To be called after the marks are raised: who sees the new edition finds nothing of the old one.
    fn raise_public_edition(&self) {
        self.public_edition.fetch_add(1, Ordering::SeqCst);
    }

    /// Forgets everything.
    pub(super) fn forget_all(&self) {
        for mark in &self.marks {
            mark.fetch_add(1, Ordering::SeqCst);
        }
        self.raise_public_edition();
    }

    /// Lets moka do what it puts off, so that the counters are exact.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.kept.run_pending_tasks();
    }
}
