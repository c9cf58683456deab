//! The databases: where a thing is kept, and the connection that leads there.
//!
//! | whose | what | by |
//! | --- | --- | --- |
//! | an owner's | agents, sessions, their events and their queue | [`Database::read`], [`Database::write`], [`Database::begin`] |
//! | everybody's, the catalogue | people, sign-ins, listings, installs, settings | [`Database::catalogue_read`], [`Database::catalogue_write`], [`Database::catalogue_begin`] |
//!
//! A use case never asks for "a connection": it says whose things it means and whether it writes. With
//! one database all six lead to the same pool.

#[cfg(test)]
mod faults;
mod marks;
mod pool;
mod presence;
mod replicas;
mod settings;
mod writing;

use std::time::Duration;

use resonant_domain::UserId;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

use self::pool::Pool;
use self::presence::Presence;
use self::replicas::{Mark, Others, Replicas, span};
use crate::Result;
use crate::cache::redis::Redis;
use crate::cache::written::Written;

pub(crate) use self::marks::Whose;
pub(crate) use self::pool::{Limits, address};
pub use self::settings::{DatabaseSettings, Pooler};
pub(crate) use self::writing::Writing;

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
    replicas: Option<Replicas>,
    /// Whether a single statement is spared the transaction around it. Tests do without, so that a
    /// forgotten commit shows.
    is_terse: bool,
}

impl Database {
    /// The databases that the settings name. `redis_url`: where processes tell each other what they
    /// have written.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when one that is written to does not answer, and why;
    /// [`crate::Error::Internal`] when a setting cannot be used.
    pub(crate) async fn open(settings: &DatabaseSettings, redis_url: Option<&str>) -> Result<Self> {
        let shards = vec![Pool::new(&settings.url, settings)?];
        for pool in &shards {
            pool.check().await?;
        }
        let replicas = replicas(&shards, settings, redis_url).await?;
        Ok(Self { shards, replicas, is_terse: true })
    }

    #[cfg(any(test, feature = "fakes"))]
    /// The one database of a test.
    pub(crate) fn of(pool: PgPool) -> Self {
        Self { shards: vec![Pool::of(pool)], replicas: None, is_terse: false }
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
        self.reading(of_owner(owner)).await
    }

    /// Reads what the owner owns where it is written.
    pub(crate) async fn read_latest(&self, owner: UserId) -> Result<Reading> {
        self.shards[of_owner(owner).shard].conn().await
    }

    /// Writes what the owner owns by one statement.
    pub(crate) async fn write(&self, owner: UserId) -> Result<Writing> {
        self.writing(of_owner(owner)).await
    }

    /// Begins a transaction on what the owner owns.
    pub(crate) async fn begin(&self, owner: UserId) -> Result<Writing> {
        self.transaction(of_owner(owner)).await
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
        if let Some(replicas) = &self.replicas
            && let Some(conn) = replicas.reading(whose).await
        {
            return Ok(conn);
        }
        self.shards[whose.shard].conn().await
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

    /// The databases that hold what owners own.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.shards.len()).map(Shard)
    }

    /// Begins a transaction of the installation itself on one database, over all owners there.
    pub(crate) async fn begin_on(&self, shard: Shard) -> Result<Writing> {
        Ok(Writing::transaction(self.shards[shard.0].begin().await?))
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
        (None, Pooler::Absent) => Others::Seen(Presence::show(address(&settings.url)?).await?),
        // Behind a pooler nobody can be seen.
        (None, Pooler::Transaction) => Others::Unknown,
    };
    Ok(Some(Replicas::new(shards.to_vec(), replicas, others, max_lag)))
}

/// The place of what the owner owns.
const fn of_owner(owner: UserId) -> Whose {
    Whose { shard: 0, owner: Some(owner) }
}
