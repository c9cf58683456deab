//! What the cache has done, counted by kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The kinds of things that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Agent,
    AgentPage,
    ApiKey,
    Card,
    Collection,
    Featured,
    Listing,
    ListingFacts,
    ListingPage,
    Page,
    Picture,
    Publisher,
    Session,
    SignIn,
    Templates,
}

impl Kind {
    const ALL: [Self; 15] = [
        Self::Agent,
        Self::AgentPage,
        Self::ApiKey,
        Self::Card,
        Self::Collection,
        Self::Featured,
        Self::Listing,
        Self::ListingFacts,
        Self::ListingPage,
        Self::Page,
        Self::Picture,
        Self::Publisher,
        Self::Session,
        Self::SignIn,
        Self::Templates,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::AgentPage => "agent_page",
            Self::ApiKey => "api_key",
            Self::Card => "card",
            Self::Collection => "collection",
            Self::Featured => "featured",
            Self::Listing => "listing",
            Self::ListingFacts => "listing_facts",
            Self::ListingPage => "listing_page",
            Self::Page => "page",
            Self::Picture => "picture",
            Self::Publisher => "publisher",
            Self::Session => "session",
            Self::SignIn => "sign_in",
            Self::Templates => "templates",
        }
    }
}

/// What the cache of this process has done with one kind of thing since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// The kind, as it stands in keys and metrics.
    pub kind: &'static str,
    /// Questions that the first level answered.
    pub hits: u64,
    /// Of those, answered by what was past its lifetime, while it was read anew.
    pub stale_hits: u64,
    /// Of those, answered by knowing that there is nothing.
    pub absent_hits: u64,
    /// Questions that the first level could not answer.
    pub misses: u64,
    /// Times that Redis had what the first level had not.
    pub shared_hits: u64,
    /// Times that the database was asked.
    pub loads: u64,
    /// Things in the first level at present.
    pub entries: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// The counters of one kind.
#[derive(Default)]
pub(super) struct KindCounters {
    pub(super) hits: Counter,
    pub(super) stale_hits: Counter,
    pub(super) absent_hits: Counter,
    pub(super) misses: Counter,
    pub(super) shared_hits: Counter,
    pub(super) loads: Counter,
    pub(super) entries: Counter,
    pub(super) bytes: Counter,
}

#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(super) struct Counters([KindCounters; Kind::ALL.len()]);

impl Counters {
    pub(super) const fn of(&self, kind: Kind) -> &KindCounters {
        &self.0[kind as usize]
    }

    pub(super) fn figures(&self) -> Vec<CacheFigures> {
        let figures = |kind: Kind| {
            let counters = self.of(kind);
            CacheFigures {
                kind: kind.as_str(),
                hits: counters.hits.get(),
                stale_hits: counters.stale_hits.get(),
                absent_hits: counters.absent_hits.get(),
                misses: counters.misses.get(),
                shared_hits: counters.shared_hits.get(),
                loads: counters.loads.get(),
                entries: counters.entries.get(),
                bytes: counters.bytes.get(),
            }
        };
        Kind::ALL.into_iter().map(figures).collect()
    }
}

/// Counts whole pages, which are kept where they are rendered. Cheap to clone.
#[derive(Clone)]
pub struct PageCounters(Arc<Counters>);

impl PageCounters {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self(counters)
    }

    fn own(&self) -> &KindCounters {
        self.0.of(Kind::Page)
    }

    /// A page was answered from what is kept.
    pub fn hit(&self) {
        self.own().hits.add(1);
    }

    /// A page had to be rendered.
    pub fn miss(&self) {
        self.own().misses.add(1);
        self.own().loads.add(1);
    }

    /// A page of so many bytes is kept from now on.
    pub fn kept(&self, bytes: u64) {
        self.own().entries.add(1);
        self.own().bytes.add(bytes);
    }

    /// A page of so many bytes is kept no more.
    pub fn gone(&self, bytes: u64) {
        self.own().entries.subtract(1);
        self.own().bytes.subtract(bytes);
    }
}
