//! What is kept at hand for a while: in this process (the first level), and in Redis where one is
//! configured (the second level).
//!
//! Each kind has a file below with its key, value, lifetime and what happens when it is empty: an
//! [`Entry`]. A cache that is away is an empty one: callers then read from PostgreSQL, one of them for
//! all, and never hear of it. README.md, "Caching", tells the whole way.

pub(crate) mod agent;
pub(crate) mod agent_page;
pub(crate) mod api_key;
mod counters;
pub(crate) mod document;
mod doubts;
pub(crate) mod ear;
mod flights;
mod level_one;
mod level_two;
pub(crate) mod listing;
pub(crate) mod listing_facts;
pub(crate) mod listing_page;
mod many;
pub(crate) mod picture;
mod place;
pub(crate) mod rate_limit;
pub(crate) mod redis;
pub(crate) mod session;
pub(crate) mod session_events;
pub(crate) mod shelves;
pub(crate) mod sign_in;
pub(crate) mod written;

use std::any::Any;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;
use uuid::Uuid;

pub(crate) use self::counters::Kind;
pub use self::counters::{CacheFigures, PageCounters};
use self::counters::{Counters, KindCounters};
pub use self::document::Document;
use self::ear::{Ear, Voice};
use self::flights::{Flights, Landed, Pilot};
use self::level_one::{LevelOne, Mark};
use self::level_two::{Lease, LevelTwo, Look};
use self::place::Place;
pub(crate) use self::place::Stale;
use self::redis::Redis;
use crate::backend::random;
use crate::{Backend, Error, Result};

/// How often it is looked whether another process has put what it is loading.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One kind of thing that is kept.
pub(crate) trait Entry: Sized + 'static {
    /// What it is found by. Its text holds no blanks.
    type Key: Clone + Display + Send + Sync + 'static;
    /// What is kept.
    type Value: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Begins every key and names the counters.
    const KIND: Kind;
    /// Changes with the shape of the value, so that releases side by side do not meet.
    const SCHEMA: u16;
    /// For how long it is fresh at most.
    const LIFETIME: Duration;
    /// For how much longer it is served while it is read anew.
    const STALE: Duration;
    /// For how long it is remembered that there is no such thing. Zero: not at all.
    const ABSENT: Duration;
    /// How long another process may take to read it before this one reads it too.
    const WAIT: Duration = Duration::from_millis(500);

    /// What happens when it is empty: reads it where it is written.
    fn load(
        backend: &Backend,
        key: &Self::Key,
    ) -> impl Future<Output = Result<Option<Self::Value>>> + Send;

    /// The value as callers get it.
    fn json(value: &Self::Value) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(value)
    }

    /// Tells two states of the value apart.
    fn version(_: &Self::Value, json: &[u8]) -> String {
        document::digest(json)
    }

    /// Whether this value may be kept.
    fn is_kept(_: &Self::Value) -> bool {
        true
    }

    /// The group that it is forgotten with, for what cannot be named one by one.
    fn group(_: &Self::Key) -> Option<String> {
        None
    }

    /// The group of what shows it beside others, forgotten whenever it is.
    fn shown_in(_: &Self::Key) -> Option<String> {
        None
    }
}

/// A kind of which several are read at once.
pub(crate) trait Many: Entry {
    /// Reads those of these keys that there are; as many answers as keys, in their order.
    fn load_many(
        backend: &Backend,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<Option<Self::Value>>>> + Send;
}

/// For how long something is fresh, and then for how long stale.
#[derive(Clone, Copy, Debug)]
struct Span {
    fresh: Duration,
    stale: Duration,
}

impl Span {
    const NONE: Self = Self { fresh: Duration::ZERO, stale: Duration::ZERO };

    fn whole(self) -> Duration {
        self.fresh + self.stale
    }

    /// The span of a value that was just read. Shortened by up to a tenth, so that what was read
    /// together does not run out together.
    fn of<E: Entry>(value: Option<&E::Value>) -> Self {
        let (fresh, stale) = match value {
            None => (E::ABSENT, Duration::ZERO),
            Some(value) if E::is_kept(value) => (E::LIFETIME, E::STALE),
            Some(_) => return Self::NONE,
        };
        let chance = random::<1>().map_or(0, |[byte]| byte);
        Self { fresh: fresh.saturating_sub(fresh / 10 * u32::from(chance) / 255), stale }
    }
}

/// Bytes as they stand in keys.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The cache of a process. Cheap to clone; must be made within a runtime.
#[derive(Clone)]
pub(crate) struct Cache {
    shared: Arc<Shared>,
}

struct Shared {
    counters: Arc<Counters>,
    level_one: LevelOne,
    level_two: Option<LevelTwo>,
    flights: Arc<Flights>,
    ear: Ear,
}

impl Cache {
    /// A cache that hears of writes from `databases` databases.
    pub(crate) fn new(redis: Option<Redis>, databases: usize) -> Self {
        let counters = Arc::<Counters>::default();
        let shared = Arc::new(Shared {
            level_one: LevelOne::new(counters.clone()),
            level_two: redis.clone().map(LevelTwo::new),
            flights: Arc::default(),
            ear: Ear::new(databases),
            counters,
        });
        if let Some(redis) = redis {
            tokio::spawn(ear::listen(redis, Arc::downgrade(&shared), ear::SILENCE));
        }
        Self { shared }
    }

    /// Gets a thing: from this process, from Redis, or by the kind's loader. `None`: there is no such
    /// thing.
    ///
    /// # Errors
    /// Those of the loader.
    pub(crate) async fn get<E: Entry>(
        &self,
        backend: &Backend,
        key: &E::Key,
    ) -> Result<Option<Arc<Document<E::Value>>>> {
        let place = Place::of::<E>(key);
        let counters = self.counters::<E>();
        if let Some(hit) = self.find::<E>(&place) {
            counters.hits.add(1);
            counters.absent_hits.add(u64::from(hit.document.is_none()));
            if hit.is_stale {
                counters.stale_hits.add(1);
                self.fly::<E>(backend, key, place);
            }
            return Ok(hit.document);
        }
        counters.misses.add(1);
        // Waiting takes much room, which a hit would move about for nothing.
        Box::pin(self.wait_for::<E>(backend, key, place)).await
    }

    /// Loads a thing, or waits for who does.
    async fn wait_for<E: Entry>(
        &self,
        backend: &Backend,
        key: &E::Key,
        place: Place,
    ) -> Result<Option<Arc<Document<E::Value>>>> {
        let mut landing = self.fly::<E>(backend, key, place.clone());
        let is_own = landing.is_own;
        let mut landed = landing.landed().await.map_err(Error::shared)?;
        if !landed.is_kept && !is_own {
            // What is not kept has no mark: a flight that began before this call may bring what was
            // before a write that the caller knows of. The next flight does not.
            landing = self.fly::<E>(backend, key, place);
            landed = landing.landed().await.map_err(Error::shared)?;
        }
        Ok(landed.into_document())
    }

    fn counters<E: Entry>(&self) -> &KindCounters {
        self.shared.counters.of(E::KIND)
    }

    /// What this process keeps; nothing while a write could go unheard.
    fn find<E: Entry>(&self, place: &Place) -> Option<level_one::Hit<E::Value>> {
        if !self.shared.ear.hears() {
            return None;
        }
        self.shared.level_one.find::<E>(place)
    }

    /// Joins the loading of a thing, or begins it in a task of its own: whoever asked first may go away
    /// before it is done.
    fn fly<E: Entry>(&self, backend: &Backend, key: &E::Key, place: Place) -> flights::Landing {
        let mark = self.shared.level_one.mark(&place);
        let (landing, pilot) = self.shared.flights.join(&place.name, mark);
        if let Some(pilot) = pilot {
            let (cache, backend, key) = (self.clone(), backend.clone(), key.clone());
            let load = async move {
                let flight = Flight { cache: &cache, backend: &backend, place: &place, mark };
                flight.load::<E>(&key, &pilot).await;
            };
            tokio::spawn(load.in_current_span());
        }
        landing
    }

    /// Forgets what a write has made untrue, on both levels. Done when it returns; what Redis did not
    /// take is deleted there before it is looked at again.
    pub(crate) async fn forget(&self, write: Uuid, names: &[String]) {
        self.shared.ear.note(write);
        if let Some(level_two) = &self.shared.level_two {
            // Who looks before Redis has answered must not take the copy for one that was written since.
            level_two.doubts().raise(write, names);
        }
        self.shared.level_one.forget(names);
        if let Some(level_two) = &self.shared.level_two {
            level_two.forget(write, names).await;
        }
    }

    /// Hears of a write, perhaps of another process.
    pub(crate) fn hear(&self, write: Uuid, names: &[String], voice: Voice) {
        let is_new = self.shared.ear.note(write);
        if let Some(level_two) = &self.shared.level_two {
            match voice {
                Voice::Redis => level_two.doubts().clear(write, names),
                Voice::Database if is_new => level_two.doubts().raise(write, names),
                Voice::Database => {}
            }
        }
        if is_new {
            self.shared.level_one.forget(names);
        }
    }

    /// From now on nothing that is written to one of the databases goes unheard. `outbox` tells all that was
    /// written up to `reach` ago; what was put into Redis before that is in doubt.
    pub(crate) fn begin_to_hear(&self, outbox: Vec<(Uuid, Vec<String>)>, reach: Duration) {
        if let Some(level_two) = &self.shared.level_two {
            for (write, names) in outbox {
                if self.shared.ear.note(write) {
                    level_two.doubts().raise(write, &names);
                }
            }
            level_two.doubts().raise_older(reach);
        }
        self.shared.level_one.forget_all();
        self.shared.ear.gain();
    }

    /// From now on writes to one of the databases may go unheard.
    pub(crate) fn cease_to_hear(&self) {
        self.shared.ear.lose();
    }

    /// A number that is another one after every write of what everybody may see, for those who keep what
    /// was made of it. `None` while a write could go unheard: then nothing is to be kept.
    pub(crate) fn public_edition(&self) -> Option<u64> {
        self.shared.ear.hears().then(|| self.shared.level_one.public_edition())
    }

    /// Where whole pages are counted that are kept elsewhere.
    pub(crate) fn page_counters(&self) -> PageCounters {
        PageCounters::new(self.shared.counters.clone())
    }

    /// Whether this process hears of every write, so that it may keep things.
    #[cfg(test)]
    pub(crate) fn hears(&self) -> bool {
        self.shared.ear.hears()
    }

    /// What was done, by kind.
    pub(crate) fn figures(&self) -> Vec<CacheFigures> {
        self.shared.counters.figures()
    }
}

/// One loading of one thing.
struct Flight<'a> {
    cache: &'a Cache,
    backend: &'a Backend,
    place: &'a Place,
    mark: Mark,
}

fn landed<T: Send + Sync + 'static>(document: Option<&Arc<Document<T>>>, is_kept: bool) -> Landed {
    let document = document.map(|document| document.clone() as Arc<dyn Any + Send + Sync>);
    Landed { document, is_kept }
}

impl Flight<'_> {
    async fn load<E: Entry>(&self, key: &E::Key, pilot: &Pilot) {
        let shared = &self.cache.shared;
        // Another flight may have landed between the caller's look and this one.
        if let Some(hit) = self.cache.find::<E>(self.place)
            && !hit.is_stale
        {
            return pilot.land(landed(hit.document.as_ref(), true));
        }
        let level_two = shared.level_two.as_ref().filter(|_| shared.ear.hears());
        let lease = match level_two {
            None => None,
            Some(level_two) => match self.look::<E>(level_two, pilot).await {
                Looked::Done => return,
                Looked::Load(lease) => lease.map(|lease| (level_two, lease)),
            },
        };
        self.cache.counters::<E>().loads.add(1);
        let loaded = match E::load(self.backend, key).await {
            Ok(None) => Ok(None),
            Ok(Some(value)) => document::write::<E>(value).map(Some),
            Err(error) => Err(error),
        };
        let document = match loaded {
            Ok(document) => document,
            Err(error) => {
                pilot.fail(error);
                if let Some((level_two, lease)) = lease {
                    level_two.put::<E>(self.place, lease, None).await;
                }
                return;
            }
        };
        let span = self.land::<E>(pilot, document.as_ref());
        if let Some((level_two, lease)) = lease {
            let value = (!span.whole().is_zero()).then_some((document.as_deref(), span));
            level_two.put::<E>(self.place, lease, value).await;
        }
    }

    /// Keeps what was read and hands it to all who wait. Answers for how long it is kept.
    fn land<E: Entry>(&self, pilot: &Pilot, document: Option<&Arc<Document<E::Value>>>) -> Span {
        let span = Span::of::<E>(document.map(|document| document.value()));
        self.keep::<E>(document.cloned(), span);
        let is_kept = self.cache.shared.ear.hears() && !span.whole().is_zero();
        pilot.land(landed(document, is_kept));
        span
    }

    fn keep<E: Entry>(&self, document: Option<Arc<Document<E::Value>>>, span: Span) {
        let shared = &self.cache.shared;
        let (counters, place, mark) = (&shared.counters, self.place, self.mark);
        shared.level_one.keep::<E>(counters, place, document, span, mark);
    }

    /// Looks in Redis, for a while also for what another process is loading.
    async fn look<E: Entry>(&self, level_two: &LevelTwo, pilot: &Pilot) -> Looked {
        let Some(key) = level_two.key(self.place).await else { return Looked::Load(None) };
        let began = Instant::now();
        loop {
            match level_two.look::<E>(self.place, &key).await {
                Look::Away => return Looked::Load(None),
                Look::Empty(Some(lease)) => return Looked::Load(Some(lease)),
                Look::Empty(None) if began.elapsed() >= E::WAIT => return Looked::Load(None),
                Look::Empty(None) => tokio::time::sleep(LOOK_AGAIN).await,
                Look::Found { document, span, lease } => {
                    self.cache.counters::<E>().shared_hits.add(1);
                    self.keep::<E>(document.clone(), span);
                    let landed = landed(document.as_ref(), true);
                    let Some(lease) = lease else {
                        pilot.land(landed);
                        return Looked::Done;
                    };
                    // Who holds the lease of a stale value reads it anew.
                    pilot.land_and_go_on(landed);
                    return Looked::Load(Some(lease));
                }
            }
        }
    }
}

/// What a look in Redis comes to.
enum Looked {
    /// It has landed.
    Done,
    /// It must be loaded; with a lease it is put into Redis too.
    Load(Option<Lease>),
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod shapes;
#[cfg(test)]
pub(crate) mod tests;
