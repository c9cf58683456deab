//! Writes what a process counted into its rows of the present minute.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Shape};
use tokio::time::timeout;
use uuid::Uuid;

use super::Step;
use super::registry::{Label, Metrics};
use super::slow::SlowSample;
use crate::database::Shard;
use crate::store::metrics::{QueueLevels, Row};
use crate::{Backend, Ctx, Error, Result, access, store};

/// Minutes that wait at most while the database is away.
const MINUTES_MAX: usize = 120;
/// How near to the present a minute lies that is known on when it is written: should the clock step
/// there, it is gone on with.
const KNOWN_FOR: SignedDuration = SignedDuration::from_mins(30);
/// For how long a label is unused before it is given up.
const UNUSED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// How long a database may take to tell how its queue stands: the next look is due then.
const PATIENCE: Duration = Duration::from_secs(10);

type Minute = HashMap<Label, Distribution>;

/// The writer of one process.
#[derive(Debug, Default)]
pub struct Keeper {
    /// What had been counted at the last look.
    before: Minute,
    /// The last minutes, the oldest first.
    minutes: BTreeMap<Timestamp, Minute>,
    /// Those of them that have changed since they were written.
    unwritten: BTreeSet<Timestamp>,
    /// How often each label had been counted when unused ones were looked for, and when that was.
    looked: HashMap<Label, u64>,
    looked_at: Option<Timestamp>,
}

impl Keeper {
    /// Writes what was counted since the last call. What could not be written is written next time.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`].
    pub async fn keep(&mut self, ctx: &Ctx) -> Result<()> {
        access::system(ctx)?;
        let backend = ctx.backend();
        let metrics = backend.metrics();
        backend.look_at_levels();
        let minute = Step::Minute.floor(backend.now());
        self.take(minute, backend.counted());
        let slow = metrics.take_slow();
        let rows = self.rows(metrics.process());
        if let Err(error) = write(backend, &rows, &slow).await {
            for sample in slow {
                metrics.note_slow(sample);
            }
            return Err(error);
        }
        self.unwritten.clear();
        self.minutes.retain(|at, _| at.duration_since(minute).abs() <= KNOWN_FOR);
        self.give_up_unused(metrics, minute);
        metrics.tell_news(backend.now());
        Ok(())
    }

    /// Gives up what was not counted for long: all of it is written.
    fn give_up_unused(&mut self, metrics: &Metrics, now: Timestamp) {
        if self.looked_at.is_some_and(|at| now.duration_since(at).abs() < UNUSED_FOR) {
            return;
        }
        for label in metrics.give_up_unused(&self.looked) {
            self.before.remove(&label);
        }
        self.looked = self.before.iter().map(|(label, all)| (label.clone(), all.count)).collect();
        self.looked_at = Some(now);
    }

    /// Adds what was counted since the last look to the minute.
    fn take(&mut self, at: Timestamp, counted: Vec<(Family, Box<str>, Distribution)>) {
        self.unwritten.insert(at);
        let minute = self.minutes.entry(at).or_default();
        for (family, label, now) in counted {
            let key = (family, label);
            if family.shape() == Shape::Level {
                // The last look counts, and the highest of the minute is known on.
                let highest = minute.get(&key).map_or(0, |seen| seen.max).max(now.sum);
                minute.insert(key, Distribution { count: 1, max: highest, ..now });
                continue;
            }
            let before = self.before.get(&key).cloned().unwrap_or_default();
            let fresh = difference(&now, &before);
            if !fresh.is_empty() {
                minute.entry(key.clone()).or_default().merge(&fresh);
                self.before.insert(key, now);
            }
        }
        while self.minutes.len() > MINUTES_MAX {
            // A clock that was ahead leaves minutes that come after the present one.
            let is_first = self.minutes.first_key_value().is_some_and(|(first, _)| *first == at);
            let lost = if is_first { self.minutes.pop_last() } else { self.minutes.pop_first() };
            if let Some((lost, _)) = lost {
                self.unwritten.remove(&lost);
            }
        }
    }

    /// The rows of all minutes that changed: one for each label, and one for each family as a whole.
    fn rows(&self, process: Uuid) -> Vec<Row> {
        let mut rows = Vec::new();
        let changed = self.minutes.iter().filter(|(at, _)| self.unwritten.contains(at));
        for (at, minute) in changed {
            let mut wholes: HashMap<Family, Distribution> = HashMap::new();
            for ((family, label), distribution) in minute {
                wholes.entry(*family).or_default().merge(distribution);
                if !label.is_empty() {
                    let label = label.to_string();
                    rows.push(Row::new(*at, *family, label, process, distribution.clone()));
                }
            }
            rows.extend(wholes.into_iter().map(|(family, distribution)| {
                Row::new(*at, family, String::new(), process, distribution)
            }));
        }
        rows
    }
}

async fn write(backend: &Backend, rows: &[Row], slow: &[SlowSample]) -> Result<()> {
    let mut tx = backend.catalogue_begin().await?;
    store::metrics::upsert(&mut tx, rows).await?;
    store::slow_samples::insert(&mut tx, slow).await?;
    tx.commit().await
}

/// Writes how the queue stands. One process does it for all; another one's look at the same minute
/// is written over, but for the highest. Of several databases those that are away are left out.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`], also where one of several databases
/// alone does not answer.
#[tracing::instrument(name = "metrics.keep_queue", level = "debug", parent = ctx.span(), skip_all)]
pub async fn keep_queue(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let minute = Step::Minute.floor(ctx.backend().now());
    let (queue, told) = queue_levels(ctx.backend(), PATIENCE).await;
    let rows: Vec<_> = queue
        .into_iter()
        .map(|(family, level)| {
            let look = Distribution { count: 1, sum: level, max: level, ..Distribution::default() };
            Row::new(minute, family, String::new(), Uuid::nil(), look)
        })
        .collect();
    if rows.is_empty() {
        return told;
    }
    let mut conn = ctx.backend().catalogue_write().await?;
    store::metrics::upsert(&mut conn, &rows).await?;
    conn.commit().await?;
    told
}

/// How the queue stands over all databases that tell it in time: what waits and what runs adds up, of the
/// ages the greatest counts. And the first fault of those that do not.
pub(super) async fn queue_levels(
    backend: &Backend,
    patience: Duration,
) -> (BTreeMap<Family, u64>, Result<()>) {
    let looks = backend.shards().map(|shard| timeout(patience, queue_levels_on(backend, shard)));
    let (mut all, mut told) = (BTreeMap::new(), Ok(()));
    for look in join_all(looks).await {
        match look.map_err(Error::unavailable).flatten() {
            Ok(found) => {
                for (family, level) in found.levels() {
                    let sum = all.entry(family).or_insert(0);
                    *sum = if family == Family::QueueAge { level.max(*sum) } else { *sum + level };
                }
            }
            Err(fault) => told = told.and(Err(fault)),
        }
    }
    (all, told)
}

async fn queue_levels_on(backend: &Backend, shard: Shard) -> Result<QueueLevels> {
    let mut conn = backend.begin_on(shard).await?;
    Ok(store::metrics::find_queue_levels(&mut conn, backend.slots(), backend.owners()).await?)
}

/// What came after `before`. The greatest is only known to be new when it rose; else the fresh
/// buckets tell it.
fn difference(now: &Distribution, before: &Distribution) -> Distribution {
    let buckets: BTreeMap<u16, u64> = now
        .buckets
        .iter()
        .filter_map(|(bucket, count)| {
            let fresh = count.saturating_sub(before.buckets.get(bucket).copied().unwrap_or(0));
            (fresh > 0).then_some((*bucket, fresh))
        })
        .collect();
    let highest = buckets.last_key_value().map_or(0, |(bucket, _)| {
        resonant_domain::distribution::middle_of((*bucket).into()).min(now.max)
    });
    Distribution {
        count: now.count.saturating_sub(before.count),
        sum: now.sum.saturating_sub(before.sum),
        max: if now.max > before.max { now.max } else { highest },
        buckets,
    }
}
