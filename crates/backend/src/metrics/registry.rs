//! Counting within a process: a look-up and a few relaxed additions, no lock that anyone waits for.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use resonant_domain::distribution::{BUCKETS, CUTS, Distribution, bucket_of};
use resonant_domain::metric::{Family, Shape};
use tokio::sync::watch;

use super::slow::{SlowSample, SlowSamples};

/// The most labels of a family; what comes later is counted as `other`, until one is given up.
const LABELS_MAX: usize = 256;
const OTHER: &str = "other";
/// So many bytes of a label count: a model calls tools by whatever name it likes, and no index takes a row of
/// more than 2.7 kB.
const LABEL_MAX: usize = 200;

/// A family and one of its labels.
pub(crate) type Label = (Family, Box<str>);

/// The counters of one process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    families: Vec<RwLock<HashMap<Box<str>, Arc<Series>>>>,
    slow: Mutex<SlowSamples>,
    process: u128,
    news: watch::Sender<Option<Timestamp>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let (one, two) = (RandomState::new(), RandomState::new());
        let random = |state: &RandomState| u128::from(state.build_hasher().finish());
        Self {
            inner: Arc::new(Inner {
                families: Family::ALL.iter().map(|_| RwLock::default()).collect(),
                slow: Mutex::default(),
                process: random(&one) << 64 | random(&two),
                news: watch::Sender::default(),
            }),
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Notes how long something took. The label says what it was: a route, a statement, an agent.
    #[inline(never)]
    pub fn observe(&self, family: Family, label: &str, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.with(family, label, |series| series.record(micros));
    }

    /// Adds to a count.
    #[inline(never)]
    pub fn add(&self, family: Family, label: &str, amount: u64) {
        self.with(family, label, |series| {
            series.count.fetch_add(1, Ordering::Relaxed);
            series.sum.fetch_add(amount, Ordering::Relaxed);
        });
    }

    /// Says how high something stands.
    pub fn set_level(&self, family: Family, level: u64) {
        self.with(family, "", |series| series.sum.store(level, Ordering::Relaxed));
    }

    /// How high something stands. What nobody has raised yet stays unmeasured.
    #[must_use]
    pub fn level(&self, family: Family) -> u64 {
        let Some(all) = self.inner.families.get(family as usize) else {
            return 0;
        };
        let all = all.read().unwrap_or_else(PoisonError::into_inner);
        all.get("").map_or(0, |series| series.sum.load(Ordering::Relaxed))
    }

    /// Raises a level by one until the answer is dropped.
    #[must_use]
    pub fn raise(&self, family: Family) -> Raised {
        let mut raised = None;
        self.with(family, "", |series| {
            series.sum.fetch_add(1, Ordering::Relaxed);
            raised = Some(series.clone());
        });
        Raised { series: raised }
    }

    /// Keeps a request or a statement that was slow, for people to look into.
    pub fn note_slow(&self, sample: SlowSample) {
        self.slow().push(sample);
    }

    /// Hears when measurements were written: the instant of the last time.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<Option<Timestamp>> {
        self.inner.news.subscribe()
    }

    pub(crate) fn tell_news(&self, at: Timestamp) {
        self.inner.news.send_replace(Some(at));
    }

    /// The slow ones since the last call.
    pub(crate) fn take_slow(&self) -> Vec<SlowSample> {
        self.slow().take()
    }

    fn slow(&self) -> std::sync::MutexGuard<'_, SlowSamples> {
        self.inner.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells this process's rows from those of others.
    pub(crate) fn process(&self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.inner.process.to_be_bytes()).into_uuid()
    }

    /// All that was counted since the process began.
    #[must_use]
    pub fn counted(&self) -> Vec<(Family, Box<str>, Distribution)> {
        let mut all = Vec::new();
        for (family, series) in Family::ALL.iter().zip(&self.inner.families) {
            let series = series.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(
                series
                    .iter()
                    .map(|(label, series)| (*family, label.clone(), series.distribution())),
            );
        }
        all
    }

    /// Gives up the labels whose count is what it `was`, in families that are half full: so what comes
    /// later finds room. Answers them. One that is used again is counted from nothing.
    pub(crate) fn give_up_unused(&self, was: &HashMap<Label, u64>) -> Vec<Label> {
        let mut given_up = Vec::new();
        for (family, all) in Family::ALL.iter().zip(&self.inner.families) {
            // Nobody changes a series meanwhile.
            let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
            // Whoever raised a level holds on to it.
            if family.shape() == Shape::Level || all.len() < LABELS_MAX / 2 {
                continue;
            }
            all.retain(|label, series| {
                let key = (*family, label.clone());
                let is_used = was.get(&key) != Some(&series.count.load(Ordering::Relaxed));
                if !is_used {
                    given_up.push(key);
                }
                is_used
            });
        }
        given_up
    }

    fn with(&self, family: Family, label: &str, change: impl FnOnce(&Arc<Series>)) {
        let Some(all) = self.inner.families.get(family as usize) else {
            return;
        };
        let label = &label[..label.floor_char_boundary(LABEL_MAX)];
        if let Some(series) = all.read().unwrap_or_else(PoisonError::into_inner).get(label) {
            return change(series);
        }
        let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
        let label = if all.len() < LABELS_MAX { label } else { OTHER };
        change(all.entry(label.into()).or_default());
    }
}

/// A level that is raised by one.
#[derive(Debug)]
pub struct Raised {
    series: Option<Arc<Series>>,
}

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some(series) = &self.series {
            series.sum.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The values of one label.
#[derive(Debug)]
struct Series {
    count: AtomicU64,
    sum: AtomicU64,
    max: AtomicU64,
    /// The buckets of each power of two, made when the first value falls there.
    octaves: [OnceLock<Box<[AtomicU64; CUTS]>>; BUCKETS / CUTS],
}

impl Default for Series {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
            octaves: [const { OnceLock::new() }; BUCKETS / CUTS],
        }
    }
}

impl Series {
    fn record(&self, value: u64) {
        let bucket = bucket_of(value);
        if let Some(octave) = self.octaves.get(bucket / CUTS) {
            let octave = octave.get_or_init(|| Box::new([const { AtomicU64::new(0) }; CUTS]));
            octave[bucket % CUTS].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    fn distribution(&self) -> Distribution {
        let octaves = self.octaves.iter().enumerate();
        let buckets = octaves.filter_map(|(at, octave)| octave.get().map(|octave| (at, octave)));
        Distribution {
            count: self.count.load(Ordering::Relaxed),
            sum: self.sum.load(Ordering::Relaxed),
            max: self.max.load(Ordering::Relaxed),
            buckets: buckets
                .flat_map(|(at, octave)| {
                    octave.iter().enumerate().map(move |(cut, n)| (at, cut, n))
                })
                .filter_map(|(at, cut, count)| {
                    let count = count.load(Ordering::Relaxed);
                    let bucket = u16::try_from(at * CUTS + cut).ok()?;
                    (count > 0).then_some((bucket, count))
                })
                .collect(),
        }
    }
}
