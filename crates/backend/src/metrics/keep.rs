//! Writes what a process counted into its rows of the present minute.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Family, Shape};
use uuid::Uuid;

use super::Step;
use crate::store::metrics::Row;
use crate::{Backend, Ctx, Result, access, store};

/// Minutes that wait at most while the database is away.
const MINUTES_MAX: usize = 120;

type Minute = HashMap<(Family, Box<str>), Distribution>;

/// The writer of one process.
#[derive(Debug, Default)]
pub struct Keeper {
    /// What had been counted at the last look.
    before: Minute,
    /// What is not yet, or not for the last time, written.
    minutes: BTreeMap<Timestamp, Minute>,
}

impl Keeper {
    /// Writes what was counted since the last call. What could not be written is written next time.
    ///
    /// # Errors
    /// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
    /// [`Error::Unavailable`](crate::Error::Unavailable).
    pub async fn keep(&mut self, ctx: &Ctx) -> Result<()> {
        access::system(ctx)?;
        let backend = ctx.backend();
        let metrics = backend.metrics();
        backend.look_at_levels();
        let minute = Step::Minute.floor(backend.now());
        self.take(minute, backend.counted());
        let slow = metrics.take_slow();
        let rows = self.rows(metrics.process());
        let mut tx = backend.catalogue_begin().await?;
        store::metrics::upsert(&mut tx, &rows).await?;
        store::slow_samples::insert(&mut tx, &slow).await?;
        tx.commit().await?;
        self.minutes.retain(|at, _| *at == minute);
        metrics.tell_news(backend.now());
        Ok(())
    }

    /// Adds what was counted since the last look to the minute.
    fn take(&mut self, at: Timestamp, counted: Vec<(Family, Box<str>, Distribution)>) {
        let minute = self.minutes.entry(at).or_default();
        for (family, label, now) in counted {
            let key = (family, label);
            if family.shape() == Shape::Level {
                let level = Distribution { count: 1, max: now.sum, ..now };
                minute.insert(key, level);
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
            self.minutes.pop_first();
        }
    }

    /// The rows of all minutes: one for each label, and one for each family as a whole.
    fn rows(&self, process: Uuid) -> Vec<Row> {
        let mut rows = Vec::new();
        for (at, minute) in &self.minutes {
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

/// Writes how the queue stands. One process does it for all; another one's look at the same minute
/// is written over.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system;
/// [`Error::Unavailable`](crate::Error::Unavailable).
#[tracing::instrument(name = "metrics.keep_queue", level = "debug", parent = ctx.span(), skip_all)]
pub async fn keep_queue(ctx: &Ctx) -> Result<()> {
    access::system(ctx)?;
    let minute = Step::Minute.floor(ctx.backend().now());
    let queue = queue_levels(ctx.backend()).await?;
    let rows: Vec<_> = queue
        .into_iter()
        .map(|(family, level)| {
            let look = Distribution { count: 1, sum: level, max: level, ..Distribution::default() };
            Row::new(minute, family, String::new(), Uuid::nil(), look)
        })
        .collect();
    let mut conn = ctx.backend().catalogue_write().await?;
    store::metrics::upsert(&mut conn, &rows).await?;
    conn.commit().await
}

/// How the queue stands over all databases: what waits and what runs adds up, of the ages the
/// greatest counts.
pub(super) async fn queue_levels(backend: &Backend) -> Result<BTreeMap<Family, u64>> {
    let mut all = BTreeMap::new();
    for shard in backend.shards() {
        let mut conn = backend.begin_on(shard).await?;
        let found = store::metrics::find_queue_levels(&mut conn, backend.owners()).await?;
        for (family, level) in found.levels() {
            let sum = all.entry(family).or_insert(0);
            *sum = if family == Family::QueueAge { level.max(*sum) } else { *sum + level };
        }
    }
    Ok(all)
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
