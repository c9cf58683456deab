//! The databases: where a thing is kept, and the connection that leads there.
//!
//! | whose | what | by |
//! | --- | --- | --- |
//! | an owner's | agents, sessions, their events and their queue | [`Database::read`], [`Database::write`], [`Database::begin`] |
//! | everybody's, the catalogue | people, sign-ins, listings, installs, settings | [`Database::catalogue_read`], [`Database::catalogue_write`], [`Database::catalogue_begin`] |
//!
//! A use case never asks for "a connection": it says whose things it means and whether it writes. With
//! one database all six lead to the same pool.

mod buckets;
#[cfg(test)]
mod faults;
mod marks;
mod pool;
mod presence;
mod replicas;
mod settings;
mod writing;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use resonant_domain::UserId;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::time::timeout;

use self::buckets::{Buckets, Route};
use self::pool::Pool;
use self::presence::Presence;
use self::replicas::{Mark, Others, Replicas};
use crate::cache::redis::Redis;
use crate::cache::written::Written;
use crate::store::shards::Owners;
use crate::{Error, Result, store};

pub(crate) use self::buckets::BUCKETS;
#[cfg(test)]
pub(crate) use self::buckets::bucket_of;
pub(crate) use self::marks::Whose;
pub(crate) use self::pool::{Limits, address};
pub(crate) use self::replicas::span;
pub use self::settings::{DatabaseSettings, Pooler};
pub(crate) use self::writing::Writing;

/// How long the installation waits for one of several databases that did not answer the last time.
const AWAY_WAIT: Duration = Duration::from_secs(1);
/// Where what is everybody's is kept.
const CATALOGUE: Whose = Whose { shard: 0, owner: None };

/// A connection that reads.
pub(crate) type Reading = PoolConnection<Postgres>;

/// One of the databases that hold what owners own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard(usize);

/// Every database of an installation.
pub(crate) struct Database {
    shards: Vec<Pool>,
    /// Which of several databases did not answer the installation itself when it last asked.
    away: Vec<AtomicBool>,
    /// Where the owners are, when there are several databases.
    buckets: Option<Buckets>,
    replicas: Option<Replicas>,
    /// Whether a single statement is spared the transaction around it. Tests do without, so that a
    /// forgotten commit shows.
    is_terse: bool,
    /// Whether it is the coordinator of a cluster over whose nodes the tables are spread.
    is_spread: bool,
}

impl Database {
    /// The databases that the settings name. `redis_url`: where processes tell each other what they
    /// have written.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when one that is written to does not answer, and why;
    /// [`crate::Error::Internal`] when a setting cannot be used.
    pub(crate) async fn open(settings: &DatabaseSettings, redis_url: Option<&str>) -> Result<Self> {
        let shards = settings.urls();
        let shards = shards.iter().map(|url| Pool::new(url, settings));
        let mut shards = shards.collect::<Result<Vec<_>>>()?;
        for pool in &shards {
            pool.check().await?;
        }
        buckets::check_numbers(&shards).await?;
        let buckets = match &shards[..] {
            [_] => None,
            [catalogue, ..] => Some(Buckets::read(catalogue, shards.len()).await?),
            [] => return Err(Error::internal("there is no database")),
        };
        let replicas = replicas(&shards, settings, redis_url).await?;
        let is_spread = match &shards[..] {
            [one] => {
                let mut conn = one.conn().await?;
                store::distribution::is_spread(&mut conn).await?
            }
            _ => false,
        };
        if is_spread {
            shards.iter_mut().for_each(Pool::plan_by_arguments);
        }
        let away = shards.iter().map(|_| AtomicBool::default()).collect();
        Ok(Self { shards, away, buckets, replicas, is_terse: true, is_spread })
    }

    /// The first of them, of which nobody knows whether it answers.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] when a setting cannot be used.
    pub(crate) fn unasked(settings: &DatabaseSettings) -> Result<Self> {
        Ok(Self {
            shards: vec![Pool::new(&settings.url, settings)?],
            away: vec![AtomicBool::default()],
            buckets: None,
            replicas: None,
            is_terse: true,
            is_spread: false,
        })
    }

    /// One of them by itself, whichever number it has.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when it does not answer, and why; [`crate::Error::Internal`] when a
    /// setting cannot be used.
    pub(crate) async fn alone(url: &str, settings: &DatabaseSettings) -> Result<Self> {
        let one = Self::unasked(&DatabaseSettings { url: url.to_owned(), ..settings.clone() })?;
        one.shards[CATALOGUE.shard].check().await?;
        Ok(one)
    }

    #[cfg(any(test, feature = "fakes"))]
    /// The one database of a test.
    pub(crate) fn of(pool: PgPool) -> Self {
        Self {
            shards: vec![Pool::of(pool)],
            away: vec![AtomicBool::default()],
            buckets: None,
            replicas: None,
            is_terse: false,
            is_spread: false,
        }
    }

    /// How many connections are in use, and how many may be open.
    pub(crate) fn connections(&self) -> (u64, u64) {
        self.shards
            .iter()
            .map(Pool::connections)
            .fold((0, 0), |(used, size), pool| (used + pool.0, size + pool.1))
    }

    /// Each replica by its name, and how far it is behind; `None`: it is not in use.
    pub(crate) fn replicas(&self) -> Vec<(String, Option<Duration>)> {
        self.replicas.as_ref().map(Replicas::standings).unwrap_or_default()
    }

    /// Reads what the owner owns.
    pub(crate) async fn read(&self, owner: UserId) -> Result<Reading> {
        let route = self.route(owner);
        loop {
            let whose = route.whose();
            // One that says no may not have heard yet that it may, or may no more.
            if let Some(mut conn) = self.replica(whose).await
                && route.may_read(&mut conn).await.is_ok_and(|may_read| may_read)
            {
                return Ok(conn);
            }
            let conn = self.shards[whose.shard].conn().await;
            let Some(mut conn) = route.given(whose, conn).await? else { continue };
            if route.may_read(&mut conn).await? {
                return Ok(conn);
            }
            drop(conn);
            route.look_again().await?;
        }
    }

    /// Reads what the owner owns where it is written.
    pub(crate) async fn read_latest(&self, owner: UserId) -> Result<Reading> {
        let route = self.route(owner);
        loop {
            let whose = route.whose();
            let conn = self.shards[whose.shard].conn().await;
            let Some(mut conn) = route.given(whose, conn).await? else { continue };
            if route.may_read(&mut conn).await? {
                return Ok(conn);
            }
            drop(conn);
            route.look_again().await?;
        }
    }

    /// Writes what the owner owns by one statement.
    pub(crate) async fn write(&self, owner: UserId) -> Result<Writing> {
        if self.is_sharded() {
            return self.begin(owner).await;
        }
        self.writing(self.route(owner).whose()).await
    }

    /// Begins a transaction on what the owner owns. Waits while that is being moved.
    pub(crate) async fn begin(&self, owner: UserId) -> Result<Writing> {
        let route = self.route(owner);
        loop {
            let whose = route.whose();
            let tx = self.transaction(whose).await;
            let Some(mut tx) = route.given(whose, tx).await? else { continue };
            if route.may_write(&mut tx).await? {
                return Ok(tx);
            }
            drop(tx);
            route.look_again().await?;
        }
    }

    /// Whether there are several databases.
    pub(crate) const fn is_sharded(&self) -> bool {
        self.buckets.is_some()
    }

    /// Whose things a statement over all owners takes.
    pub(crate) const fn owners(&self) -> Owners {
        match (&self.buckets, self.is_spread) {
            (Some(_), _) => Owners::Held,
            (None, true) => Owners::Spread,
            (None, false) => Owners::All,
        }
    }

    fn route(&self, owner: UserId) -> Route<'_> {
        Route::new(self.buckets.as_ref(), &self.shards[CATALOGUE.shard], owner)
    }

    /// Reads what is everybody's.
    pub(crate) async fn catalogue_read(&self) -> Result<Reading> {
        self.reading(CATALOGUE).await
    }

    /// Reads what is everybody's where it is written.
    pub(crate) async fn catalogue_read_latest(&self) -> Result<Reading> {
        self.shards[CATALOGUE.shard].conn().await
    }

    /// Writes what is everybody's by one statement.
    pub(crate) async fn catalogue_write(&self) -> Result<Writing> {
        self.writing(CATALOGUE).await
    }

    /// Begins a transaction on what is everybody's.
    pub(crate) async fn catalogue_begin(&self) -> Result<Writing> {
        self.transaction(CATALOGUE).await
    }

    async fn reading(&self, whose: Whose) -> Result<Reading> {
        match self.replica(whose).await {
            Some(conn) => Ok(conn),
            None => self.shards[whose.shard].conn().await,
        }
    }

    /// A replica that has all that the reader wrote, if there is one.
    async fn replica(&self, whose: Whose) -> Option<Reading> {
        self.replicas.as_ref()?.reading(whose).await
    }

    async fn writing(&self, whose: Whose) -> Result<Writing> {
        if !self.is_terse {
            return self.transaction(whose).await;
        }
        let conn = self.shards[whose.shard].conn().await?;
        Ok(Writing::statement(conn).marking(self.mark(whose)))
    }

    async fn transaction(&self, whose: Whose) -> Result<Writing> {
        let tx = self.shards[whose.shard].begin().await?;
        Ok(Writing::transaction(tx).marking(self.mark(whose)))
    }

    fn mark(&self, whose: Whose) -> Option<Mark> {
        self.replicas.as_ref().map(|replicas| replicas.mark(whose))
    }

    /// Those of these owners whose database did not answer the installation when it last asked.
    pub(crate) async fn list_away(&self, owners: &[UserId]) -> HashSet<UserId> {
        let is_away =
            |owner: &&UserId| self.away[self.route(**owner).whose().shard].load(Ordering::Relaxed);
        if let Some(buckets) = &self.buckets
            && owners.iter().any(|owner| is_away(&owner))
        {
            // Some may be elsewhere by now. Where that cannot be read they count as they were known.
            let _ = buckets.read_again(&self.shards[CATALOGUE.shard]).await;
        }
        owners.iter().filter(is_away).copied().collect()
    }

    /// The databases that hold what owners own, those first that answered the last time.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        let mut shards: Vec<_> = (0..self.shards.len()).map(Shard).collect();
        shards.sort_by_key(|shard| self.away[shard.0].load(Ordering::Relaxed));
        shards.into_iter()
    }

    /// Begins a transaction of the installation itself on one database, over all owners there. One of several
    /// that did not answer before is waited for but shortly: there is work on the others.
    pub(crate) async fn begin_on(&self, shard: Shard) -> Result<Writing> {
        let (pool, away) = (&self.shards[shard.0], &self.away[shard.0]);
        if !self.is_sharded() {
            return Ok(Writing::transaction(pool.begin().await?));
        }
        let begun = if away.load(Ordering::Relaxed) {
            timeout(AWAY_WAIT, pool.begin()).await.map_err(Error::unavailable).flatten()
        } else {
            pool.begin().await
        };
        away.store(matches!(begun, Err(Error::Unavailable(_))), Ordering::Relaxed);
        let mut tx = begun?;
        store::shards::enter_all(&mut tx).await?;
        Ok(Writing::transaction(tx))
    }

    /// The pools whose databases call out to workers: none behind a pooler.
    pub(crate) fn callers(&self) -> Vec<PgPool> {
        self.shards.iter().filter_map(Pool::listening).collect()
    }
}

/// The replicas that the settings name, if any.
async fn replicas(
    shards: &[Pool],
    settings: &DatabaseSettings,
    redis_url: Option<&str>,
) -> Result<Option<Replicas>> {
    if settings.replica_urls.is_empty() {
        return Ok(None);
    }
    let replicas = settings
        .replica_urls
        .iter()
        .map(|url| Ok((Pool::name(url)?, Pool::replica(url, settings)?)))
        .collect::<Result<Vec<_>>>()?;
    let max_lag = settings.replica_max_lag;
    let others = match (redis_url, settings.pooler) {
        // A connection of its own: whether it was lost says whether Redis may have forgotten.
        (Some(url), _) => Others::Told(Written::new(Redis::new(url)?, span(max_lag))),
        (None, Pooler::Absent) => {
            Others::Seen(Presence::show(address(&settings.url)?, span(max_lag)).await?)
        }
        // Behind a pooler nobody can be seen.
        (None, Pooler::Transaction) => Others::Unknown,
    };
    Ok(Some(Replicas::new(shards.to_vec(), replicas, others, max_lag)))
}
