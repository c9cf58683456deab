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

use std::time::Instant;

use resonant_domain::UserId;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

use self::buckets::Buckets;
use self::pool::Pool;
use self::presence::Presence;
use self::replicas::{Mark, Others, Replicas, span};
use crate::cache::redis::Redis;
use crate::cache::written::Written;
use crate::store;
use crate::{Error, Result};

pub(crate) use self::buckets::{BUCKETS, bucket_of};
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
pub(crate) struct Shard(pub(crate) usize);

/// Every database of an installation.
pub(crate) struct Database {
    shards: Vec<Pool>,
    /// Where the owners are, when there are several databases.
    buckets: Option<Buckets>,
    replicas: Option<Replicas>,
    /// Whether a single statement is spared the transaction around it. Tests do without, so that a
    /// forgotten commit shows.
    is_terse: bool,
}

impl Database {
    /// The databases that the settings name.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] says why one does not answer; [`crate::Error::Internal`] when a
    /// setting cannot be used.
    pub(crate) async fn open(settings: &DatabaseSettings, redis: Option<&Redis>) -> Result<Self> {
        let shards = settings
            .urls()
            .iter()
            .map(|url| Pool::new(url, settings))
            .collect::<Result<Vec<_>>>()?;
        for pool in &shards {
            pool.check().await?;
        }
        let buckets = match &shards[..] {
            [_] => None,
            [catalogue, ..] => Some(Buckets::read(catalogue, shards.len()).await?),
            [] => return Err(Error::internal("there is no database")),
        };
        let replicas = settings
            .replica_urls
            .iter()
            .map(|url| Ok((Pool::name(url)?, Pool::replica(url, settings)?)))
            .collect::<Result<Vec<_>>>()?;
        let max_lag = settings.replica_max_lag;
        let others = match redis {
            _ if replicas.is_empty() => {
                return Ok(Self { shards, buckets, replicas: None, is_terse: true });
            }
            Some(redis) => Others::Told(Written::new(redis, span(max_lag))?),
            None => Others::Seen(Presence::show(address(&settings.url)?).await?),
        };
        let replicas = Some(Replicas::new(shards.clone(), replicas, others, max_lag));
        Ok(Self { shards, buckets, replicas, is_terse: true })
    }

    /// The one database of a test.
    pub(crate) fn of(pool: PgPool) -> Self {
        Self { shards: vec![Pool::of(pool)], buckets: None, replicas: None, is_terse: false }
    }

    /// Reads what the owner owns.
    pub(crate) async fn read(&self, owner: UserId) -> Result<Reading> {
        let Some(buckets) = &self.buckets else {
            return self.reading(Whose { shard: 0, owner: Some(owner) }).await;
        };
        let (bucket, since) = (bucket_of(owner), Instant::now());
        loop {
            let whose = Whose { shard: buckets.shard_of(bucket), owner: Some(owner) };
            let mut conn = self.reading(whose).await?;
            if store::shards::holds(&mut conn, bucket).await? {
                return Ok(conn);
            }
            drop(conn);
            buckets.look_again(self.catalogue(), since).await?;
        }
    }

    /// Reads what the owner owns where it is written.
    pub(crate) async fn read_latest(&self, owner: UserId) -> Result<Reading> {
        let Some(buckets) = &self.buckets else {
            return self.catalogue().conn().await;
        };
        let (bucket, since) = (bucket_of(owner), Instant::now());
        loop {
            let mut conn = self.shards[buckets.shard_of(bucket)].conn().await?;
            if store::shards::holds(&mut conn, bucket).await? {
                return Ok(conn);
            }
            drop(conn);
            buckets.look_again(self.catalogue(), since).await?;
        }
    }

    /// Writes what the owner owns by one statement.
    pub(crate) async fn write(&self, owner: UserId) -> Result<Writing> {
        if self.buckets.is_some() {
            return self.begin(owner).await;
        }
        self.writing(Whose { shard: 0, owner: Some(owner) }).await
    }

    /// Begins a transaction on what the owner owns. Waits while it is being moved.
    pub(crate) async fn begin(&self, owner: UserId) -> Result<Writing> {
        let Some(buckets) = &self.buckets else {
            return self.transaction(Whose { shard: 0, owner: Some(owner) }).await;
        };
        let (bucket, since) = (bucket_of(owner), Instant::now());
        loop {
            let whose = Whose { shard: buckets.shard_of(bucket), owner: Some(owner) };
            let mut tx = self.transaction(whose).await?;
            if store::shards::enter(&mut tx, bucket).await? {
                return Ok(tx);
            }
            drop(tx);
            buckets.look_again(self.catalogue(), since).await?;
        }
    }

    /// Whether what an owner owns may be written here, within a transaction of the installation's own
    /// that has found it: not while it is being moved.
    pub(crate) async fn enter(&self, tx: &mut Writing, owner: UserId) -> Result<bool> {
        match self.buckets {
            None => Ok(true),
            Some(_) => Ok(store::shards::enter(tx, bucket_of(owner)).await?),
        }
    }

    /// Whether there are several databases.
    pub(crate) const fn is_sharded(&self) -> bool {
        self.buckets.is_some()
    }

    fn catalogue(&self) -> &Pool {
        &self.shards[0]
    }

    /// Reads what is everybody's.
    pub(crate) async fn catalogue_read(&self) -> Result<Reading> {
        self.reading(CATALOGUE).await
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
