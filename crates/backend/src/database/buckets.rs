//! Which of an installation's databases holds what an owner owns.
//!
//! Owners fall into [`BUCKETS`] buckets by a hash that never changes; a table on the first database
//! says where each bucket is. What a process knows of that table may be old: each database knows itself
//! which buckets it answers for, and who comes to the wrong one looks anew.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use resonant_domain::UserId;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use super::marks::Whose;
use super::pool::Pool;
use crate::store::shards;
use crate::{Error, Result};

/// How many buckets there are; fixed, since rows do not keep theirs.
pub(crate) const BUCKETS: i32 = 1_024;
/// How long who writes waits while a bucket is fenced.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause between two looks at the table.
const PAUSE: Duration = Duration::from_millis(20);

/// The bucket of an owner: ten bits of the SHA-256 of its id, as the database's `bucket_of` has it.
pub(crate) fn bucket_of(owner: UserId) -> i32 {
    let hash = Sha256::digest(owner.as_uuid().as_bytes());
    i32::from(u16::from_be_bytes([hash[0], hash[1]])) % BUCKETS
}

/// Where each bucket is, as far as this process knows.
pub(super) struct Buckets {
    shards: RwLock<Arc<[usize]>>,
    /// How many shards there are.
    count: usize,
}

impl Buckets {
    /// Reads the table.
    pub(super) async fn read(catalogue: &Pool, count: usize) -> Result<Self> {
        Ok(Self { shards: RwLock::new(list(catalogue, count).await?), count })
    }

    pub(super) fn shard_of(&self, bucket: i32) -> usize {
        let shards = self.shards.read().unwrap_or_else(PoisonError::into_inner);
        usize::try_from(bucket).ok().and_then(|bucket| shards.get(bucket).copied()).unwrap_or(0)
    }

    /// Reads the table anew after a pause, unless it has been waited long enough.
    pub(super) async fn look_again(&self, catalogue: &Pool, since: Instant) -> Result<()> {
        if since.elapsed() > PATIENCE {
            return Err(Error::unavailable("what the owner owns is being moved"));
        }
        tokio::time::sleep(PAUSE).await;
        self.read_again(catalogue).await
    }

    /// Reads the table anew.
    pub(super) async fn read_again(&self, catalogue: &Pool) -> Result<()> {
        let fresh = list(catalogue, self.count).await?;
        *self.shards.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

/// What makes a start wait for whoever migrates.
const NOT_MIGRATED: &str = "`server migrate` has not been run since DATABASE_SHARD_URLS was set";

async fn list(catalogue: &Pool, count: usize) -> Result<Arc<[usize]>> {
    let rows = shards::list_buckets(&mut *catalogue.conn().await?).await?;
    let shard_of = |bucket: i32| {
        let at = rows.binary_search_by_key(&bucket, |(of, _)| *of);
        let (_, shard) = rows[at.map_err(|_| Error::unavailable(NOT_MIGRATED))?];
        let reason = "buckets are on shards that DATABASE_SHARD_URLS does not name";
        let shard = usize::try_from(shard).ok().filter(|shard| *shard < count);
        shard.ok_or_else(|| Error::internal(reason))
    };
    (0..BUCKETS).map(shard_of).collect()
}

/// Refuses databases that are not all there are, or in another order: owners would be looked for where
/// they are not, and new ones kept where nobody else looks.
pub(super) async fn check_numbers(pools: &[Pool]) -> Result<()> {
    let Some(catalogue) = pools.first() else { return Ok(()) };
    let last = known(shards::find_last(&mut *catalogue.conn().await?).await)?.flatten();
    let most = last.and_then(|last| usize::try_from(last).ok()).unwrap_or(0);
    if most >= pools.len() {
        let reason = format!("DATABASE_SHARD_URLS must name {} databases or more", most + 1);
        return Err(Error::internal(reason));
    }
    if pools.len() == 1 {
        return Ok(());
    }
    for (number, pool) in (0..).zip(pools) {
        match known(shards::find_number(&mut *pool.conn().await?).await)?.flatten() {
            Some(own) if own == number => {}
            Some(own) => {
                let reason = format!("DATABASE_SHARD_URLS names shard {own} as number {number}");
                return Err(Error::internal(reason));
            }
            None => return Err(Error::unavailable(NOT_MIGRATED)),
        }
    }
    Ok(())
}

/// Nothing where the tables of the shards are not there yet (42P01).
fn known<T>(found: sqlx::Result<T>) -> Result<Option<T>> {
    match found {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Ok(None),
        found => Ok(Some(found?)),
    }
}

/// The way to the database that answers for an owner. With one database it is the only one, and nobody
/// is asked.
pub(super) struct Route<'a> {
    buckets: Option<&'a Buckets>,
    catalogue: &'a Pool,
    owner: UserId,
    bucket: i32,
    began: Instant,
}

impl<'a> Route<'a> {
    pub(super) fn new(buckets: Option<&'a Buckets>, catalogue: &'a Pool, owner: UserId) -> Self {
        let bucket = buckets.map_or(0, |_| bucket_of(owner));
        Self { buckets, catalogue, owner, bucket, began: Instant::now() }
    }

    /// Where the owner is, as far as this process knows.
    pub(super) fn whose(&self) -> Whose {
        let shard = self.buckets.map_or(0, |buckets| buckets.shard_of(self.bucket));
        Whose { shard, owner: Some(self.owner) }
    }

    /// Whether the database of this connection answers for the owner.
    pub(super) async fn may_read(&self, conn: &mut PgConnection) -> Result<bool> {
        match self.buckets {
            None => Ok(true),
            Some(_) => Ok(shards::may_read(conn, self.bucket).await?),
        }
    }

    /// Whether it takes the owner's writes. It does then until the transaction ends.
    pub(super) async fn may_write(&self, tx: &mut PgConnection) -> Result<bool> {
        match self.buckets {
            None => Ok(true),
            Some(_) => Ok(shards::enter(tx, self.bucket).await?),
        }
    }

    /// What the database gave where the owner was thought to be; `None` when it gave nothing, and the owner is
    /// elsewhere by now: a database that is away tells nobody so.
    pub(super) async fn given<T>(&self, whose: Whose, given: Result<T>) -> Result<Option<T>> {
        let fault = match given {
            Ok(given) => return Ok(Some(given)),
            Err(fault) => fault,
        };
        if self.has_left(whose).await { Ok(None) } else { Err(fault) }
    }

    /// Looks anew whether the owner is still there.
    async fn has_left(&self, whose: Whose) -> bool {
        let Some(buckets) = self.buckets else { return false };
        // The table is on the first one: where that does not answer nobody learns anything.
        whose.shard != 0
            && buckets.read_again(self.catalogue).await.is_ok()
            && self.whose() != whose
    }

    /// Waits a moment and looks anew where the owner is.
    pub(super) async fn look_again(&self) -> Result<()> {
        match self.buckets {
            None => Ok(()),
            Some(buckets) => buckets.look_again(self.catalogue, self.began).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::types::Uuid;

    use super::*;

    const VECTORS: [(&str, i32); 3] = [
        ("00000000-0000-0000-0000-000000000000", 839),
        ("01890a5d-ac96-774b-bcce-b302099a8057", 760),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", 710),
    ];

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn an_owners_bucket_never_changes(pool: sqlx::PgPool) {
        for (owner, bucket) in VECTORS {
            let owner: Uuid = owner.parse().unwrap();
            assert_eq!(bucket_of(UserId::from_uuid(owner)), bucket, "{owner}");
            let told = sqlx::query_scalar!(r#"SELECT bucket_of($1) AS "bucket!""#, owner);
            assert_eq!(told.fetch_one(&pool).await.unwrap(), bucket, "{owner}");
        }
    }
}
