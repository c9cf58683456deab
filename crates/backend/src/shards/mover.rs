//! One try to move a bucket, step by step.

use std::time::{Duration, Instant};

use sqlx::types::Uuid;
use sqlx::{Connection as _, PgConnection};

use super::{Step, Witness, connect};
use crate::database::Limits;
use crate::store::distribution::list_tables;
use crate::store::shards::{self, BucketState, Move};
use crate::store::{bucket_copy, limits};
use crate::{Error, Result};

/// The pause between two looks at a copy.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the bucket may be fenced before the target is in charge; the source goes on otherwise.
const FENCED_FOR: Duration = Duration::from_secs(10);

/// Whoever moves a bucket, with a connection to each of the databases concerned.
pub(super) struct Mover<'a> {
    bucket: i32,
    /// Whether the table of buckets names the target, or may do so.
    is_decided: bool,
    epoch: i64,
    tables: Vec<String>,
    source_url: String,
    source: PgConnection,
    target: PgConnection,
    catalogue: &'a mut PgConnection,
    witness: Witness<'a>,
}

impl<'a> Mover<'a> {
    /// Begins a try under a new epoch; who tried before is overtaken.
    pub(super) async fn new(
        urls: &[String],
        begun: Move,
        catalogue: &'a mut PgConnection,
        witness: Witness<'a>,
    ) -> Result<Self> {
        let source_url = url(urls, begun.source)?.to_owned();
        let mut source = connect(&source_url).await?;
        let target = connect(url(urls, begun.target)?).await?;
        let tables = list_tables(&mut source).await?;
        let (bucket, is_decided) = (begun.bucket, begun.is_switched);
        let epoch = shards::update_epoch(catalogue, bucket).await?;
        Ok(Self {
            bucket,
            is_decided,
            epoch,
            tables,
            source_url,
            source,
            target,
            catalogue,
            witness,
        })
    }

    /// Brings a move that someone else has begun to one of its two ends.
    pub(super) async fn resume(mut self, grace: Duration) -> Result<()> {
        if self.is_decided { self.finish(grace).await } else { self.give_up().await }
    }

    /// Moves the bucket. After a fault it is where it was, or someone has to try again.
    pub(super) async fn run(mut self, grace: Duration) -> Result<()> {
        if let Err(fault) = self.copy_and_switch().await {
            if !self.is_decided {
                self.give_up().await?;
            }
            return Err(fault);
        }
        self.finish(grace).await
    }

    async fn copy_and_switch(&mut self) -> Result<()> {
        if !bucket_copy::is_possible(&mut self.source).await? {
            return Err(Error::Conflict(
                "The bucket's database needs PostgreSQL 15 and wal_level=logical".to_owned(),
            ));
        }
        self.set_target(BucketState::Left).await?;
        self.set_source(BucketState::Held).await?;
        self.copy().await?;
        let until = self.fence().await?;
        self.compare(until).await?;
        // Before the source deletes anything, nobody may follow it any more.
        bucket_copy::unsubscribe(&mut self.target, self.bucket).await?;
        bucket_copy::unpublish(&mut self.source, self.bucket).await?;
        self.done(Step::Unsubscribed).await?;
        let last = shards::find_fence(&mut self.source).await?;
        shards::update_fence(&mut self.target, last).await?;
        self.set_target(BucketState::Fenced).await?;
        self.done(Step::Ready).await?;
        // When no answer comes, nobody but the next try may say which side is in charge.
        self.is_decided = true;
        if !shards::update_shard(self.catalogue, self.bucket, self.epoch).await? {
            return Err(overtaken());
        }
        self.done(Step::Switched).await
    }

    async fn copy(&mut self) -> Result<()> {
        delete_left(&mut self.target, self.bucket, self.epoch, &self.tables).await?;
        bucket_copy::publish(&mut self.source, self.bucket, &self.tables).await?;
        bucket_copy::subscribe(&mut self.target, self.bucket, &self.source_url).await?;
        self.done(Step::Subscribed).await?;
        while !bucket_copy::is_copied(&mut self.target, self.bucket).await? {
            if bucket_copy::has_failed(&mut self.target, self.bucket).await? {
                return Err(Error::unavailable("the target cannot copy; its log says why"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.done(Step::Copied).await
    }

    /// Lets nobody write any more, and waits until the target has what was written. Answers until when
    /// those who write can be let wait.
    async fn fence(&mut self) -> Result<Instant> {
        let until = Instant::now() + FENCED_FOR;
        let is_late = || Instant::now() > until;
        // Those who write at the moment are waited for, a second at a time: others wait behind.
        while let Err(busy) = self.set_source(BucketState::Fenced).await {
            if is_late() || !matches!(busy, Error::Unavailable(_)) {
                return Err(busy);
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.done(Step::Fenced).await?;
        let position = bucket_copy::mark(&mut self.source).await?;
        while !bucket_copy::has_reached(&mut self.source, self.bucket, &position).await? {
            if is_late() {
                return Err(Error::unavailable("the target does not catch up"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.done(Step::CaughtUp).await?;
        Ok(until)
    }

    /// Fails when the target has something else than the source, and when nobody knows by then: those who
    /// write are still waiting. What lies months back may have changed since it was copied, so it is
    /// compared with the rest.
    async fn compare(&mut self, until: Instant) -> Result<()> {
        let owners = bucket_copy::list_owners(self.catalogue, self.bucket).await?;
        for table in &self.tables {
            // Both to their end: a connection on which a statement still runs is of no use afterwards.
            let (here, there) = tokio::join!(
                fingerprint(&mut self.source, &owners, table, until),
                fingerprint(&mut self.target, &owners, table, until),
            );
            let (here, there) = (here?, there?);
            if here != there {
                return Err(Error::internal(format!("{table} differs: {here} and {there}")));
            }
        }
        Ok(())
    }

    /// Puts the target in charge of what is its already, and leaves nothing on the source.
    async fn finish(&mut self, grace: Duration) -> Result<()> {
        self.set_source(BucketState::Left).await?;
        self.done(Step::Released).await?;
        self.set_target(BucketState::Held).await?;
        self.done(Step::Held).await?;
        tokio::time::sleep(grace).await;
        delete_left(&mut self.source, self.bucket, self.epoch, &self.tables).await?;
        Ok(shards::delete_move(self.catalogue, self.bucket).await?)
    }

    /// Leaves the source in charge and nothing on the target.
    async fn give_up(&mut self) -> Result<()> {
        let left = self.set_target(BucketState::Left).await;
        // Those who write have waited long enough, even when the target is away.
        self.set_source(BucketState::Held).await?;
        left?;
        bucket_copy::unsubscribe(&mut self.target, self.bucket).await?;
        bucket_copy::unpublish(&mut self.source, self.bucket).await?;
        delete_left(&mut self.target, self.bucket, self.epoch, &self.tables).await?;
        Ok(shards::delete_move(self.catalogue, self.bucket).await?)
    }

    /// Tells of a step, and goes on only as the latest who tries.
    async fn done(&mut self, step: Step) -> Result<()> {
        (self.witness)(step).await;
        let is_latest = shards::is_latest(self.catalogue, self.bucket, self.epoch).await?;
        if is_latest { Ok(()) } else { Err(overtaken()) }
    }

    async fn set_source(&mut self, state: BucketState) -> Result<()> {
        set(&mut self.source, self.bucket, self.epoch, state).await
    }

    async fn set_target(&mut self, state: BucketState) -> Result<()> {
        set(&mut self.target, self.bucket, self.epoch, state).await
    }
}

/// Lets those write again who wait for a target that does not answer: as long as the table of buckets names
/// the source, that is in charge.
pub(super) async fn free_source(
    urls: &[String],
    begun: Move,
    catalogue: &mut PgConnection,
) -> Result<()> {
    if begun.is_switched {
        return Ok(());
    }
    let mut source = connect(url(urls, begun.source)?).await?;
    if shards::enter(&mut source, begun.bucket).await? {
        return Ok(());
    }
    let epoch = shards::update_epoch(catalogue, begun.bucket).await?;
    set(&mut source, begun.bucket, epoch, BucketState::Held).await
}

fn url(urls: &[String], shard: i32) -> Result<&str> {
    let url = usize::try_from(shard).ok().and_then(|shard| urls.get(shard));
    url.map(String::as_str)
        .ok_or_else(|| Error::internal("DATABASE_SHARD_URLS does not name a move's shard"))
}

/// What the owners have in a table of a database, when it can be told by then.
async fn fingerprint(
    conn: &mut PgConnection,
    owners: &[Uuid],
    table: &str,
    until: Instant,
) -> Result<String> {
    let late = || Error::unavailable("the two sides cannot be compared in time");
    let left = until.saturating_duration_since(Instant::now());
    // Less would be without end.
    if left < Duration::from_millis(1) {
        return Err(late());
    }
    let mut tx = conn.begin().await?;
    let limits = Limits { statement: left, idle_transaction: FENCED_FOR };
    limits::set_in_transaction(&mut tx, limits).await?;
    let found = bucket_copy::fingerprint(&mut tx, owners, table).await;
    tx.rollback().await?;
    match found {
        // Broken off by its own limit.
        Err(sqlx::Error::Database(fault)) if fault.code().as_deref() == Some("57014") => {
            Err(late())
        }
        found => Ok(found?),
    }
}

fn overtaken() -> Error {
    Error::Conflict("A later move of this bucket has begun".to_owned())
}

async fn set(conn: &mut PgConnection, bucket: i32, epoch: i64, state: BucketState) -> Result<()> {
    let mut tx = conn.begin().await?;
    let is_set = shards::update_state(&mut tx, bucket, epoch, state).await.map_err(in_the_way)?;
    tx.commit().await?;
    if is_set { Ok(()) } else { Err(overtaken()) }
}

/// Deletes a copy, and only a copy.
async fn delete_left(
    conn: &mut PgConnection,
    bucket: i32,
    epoch: i64,
    tables: &[String],
) -> Result<()> {
    let mut tx = conn.begin().await?;
    if !shards::lock_left(&mut tx, bucket, epoch).await? {
        return Err(overtaken());
    }
    bucket_copy::delete(&mut tx, bucket, tables).await?;
    Ok(tx.commit().await?)
}

/// Those who write did not end in time (55P03).
fn in_the_way(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(source) if source.code().as_deref() == Some("55P03") => {
            Error::unavailable(error)
        }
        _ => error.into(),
    }
}
