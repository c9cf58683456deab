//! One try to move a bucket, step by step.

use std::time::{Duration, Instant};

use sqlx::types::Uuid;
use sqlx::{Connection as _, PgConnection};

use super::replicas::Milestone;
use super::{Step, Witness, connect};
use crate::database::Limits;
use crate::store::distribution::list_tables;
use crate::store::shards::{self, BucketState, Move, Stay};
use crate::store::{bucket_copy, limits};
use crate::{DatabaseSettings, Error, Result};

/// The pause between two looks at a copy.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the bucket may be fenced before the target is in charge; the source goes on otherwise.
const FENCED_FOR: Duration = Duration::from_secs(10);

/// Whoever moves a bucket, with a connection to each of the databases concerned.
pub(super) struct Mover<'a> {
    settings: &'a DatabaseSettings,
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
        settings: &'a DatabaseSettings,
        begun: Move,
        catalogue: &'a mut PgConnection,
        witness: Witness<'a>,
    ) -> Result<Self> {
        let source_url = url(settings, begun.source)?;
        let mut source = connect(&source_url).await?;
        let mut target = connect(&url(settings, begun.target)?).await?;
        let tables = list_tables(&mut source).await?;
        let bucket = begun.bucket;
        let here = shards::find_stay(&mut source, bucket).await?;
        let there = shards::find_stay(&mut target, bucket).await?;
        // What the source has left it may have deleted, even if the table of buckets does not know: another
        // may have become the primary that had not heard of it yet.
        let is_decided = begun.is_switched || here.is_some_and(|stay| stay.is_left);
        if is_decided && there.is_none_or(|stay| stay.is_left) {
            // To try again would not bring it.
            shards::delete_move(catalogue, bucket).await?;
            let named = if begun.is_switched { begun.target } else { begun.source };
            return Err(Error::Conflict(format!(
                "Bucket {bucket} is on neither side: move it to where it was last. By the table of buckets \
                 that is shard {named}"
            )));
        }
        let known = here.into_iter().chain(there).map(|Stay { epoch, .. }| epoch).max();
        let epoch = shards::update_epoch(catalogue, bucket, known.unwrap_or(0)).await?;
        Ok(Self {
            settings,
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

    /// Brings a move that someone else has begun to one of its two ends. Answers whether the bucket has moved.
    pub(super) async fn resume(mut self, grace: Duration) -> Result<bool> {
        if self.is_decided {
            self.switch().await?;
            self.finish(grace).await?;
        } else {
            self.give_up().await?;
        }
        Ok(self.is_decided)
    }

    /// Moves the bucket. After a fault it is where it was, or someone has to try again.
    pub(super) async fn run(mut self, grace: Duration) -> Result<()> {
        if self.is_decided {
            self.resume(grace).await?;
            return Ok(());
        }
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
        self.set_source(BucketState::Leaving).await?;
        let leaving = Milestone::set(self.settings, &mut self.source).await?;
        self.copy().await?;
        // While nobody has to wait for it.
        leaving.passed(self.settings).await;
        self.done(Step::Withdrawn).await?;
        let until = self.fence().await?;
        self.compare(until).await?;
        // Before the source deletes anything, nobody may follow it any more.
        self.end_copy().await?;
        self.done(Step::Unsubscribed).await?;
        let last = shards::find_fence(&mut self.source).await?;
        shards::update_fence(&mut self.target, last).await?;
        self.set_target(BucketState::Fenced).await?;
        self.done(Step::Ready).await?;
        // When no answer comes, nobody but the next try may say which side is in charge.
        self.is_decided = true;
        self.switch().await?;
        self.done(Step::Switched).await
    }

    /// Has the table of buckets name the target.
    async fn switch(&mut self) -> Result<()> {
        let is_switched = shards::update_shard(self.catalogue, self.bucket, self.epoch).await?;
        if is_switched { Ok(()) } else { Err(overtaken()) }
    }

    async fn copy(&mut self) -> Result<()> {
        delete_left(&mut self.target, self.bucket, self.epoch, &self.tables).await?;
        bucket_copy::publish(&mut self.source, self.bucket, &self.tables).await?;
        bucket_copy::subscribe(&mut self.target, self.bucket, &self.source_url).await?;
        self.done(Step::Subscribed).await?;
        while !bucket_copy::is_copied(&mut self.target, self.bucket).await? {
            if bucket_copy::has_failed(&mut self.target, self.bucket).await? {
                return Err(Error::unavailable("the target does not copy; its log says why"));
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
        // What a table has that came after the copy began would stay behind.
        if list_tables(&mut self.source).await? != self.tables {
            return Err(Error::unavailable("owners have got other tables since the copy began"));
        }
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
        // One of the replicas may become the primary: it must not have the bucket where it is no more, or lack
        // it where it is.
        let left = Milestone::set(self.settings, &mut self.source).await?;
        let held = Milestone::set(self.settings, &mut self.target).await?;
        tokio::join!(
            tokio::time::sleep(grace),
            left.passed(self.settings),
            held.passed(self.settings),
        );
        delete_left(&mut self.source, self.bucket, self.epoch, &self.tables).await?;
        Ok(shards::delete_move(self.catalogue, self.bucket).await?)
    }

    /// Leaves the source in charge and nothing on the target.
    async fn give_up(&mut self) -> Result<()> {
        let left = self.set_target(BucketState::Left).await;
        // Those who write have waited long enough, even when the target is away.
        self.set_source(BucketState::Held).await?;
        left?;
        self.end_copy().await?;
        delete_left(&mut self.target, self.bucket, self.epoch, &self.tables).await?;
        Ok(shards::delete_move(self.catalogue, self.bucket).await?)
    }

    /// Ends what is left of a copy on both sides.
    async fn end_copy(&mut self) -> Result<()> {
        if !bucket_copy::has_slot(&mut self.source, self.bucket).await? {
            bucket_copy::forget_slot(&mut self.target, self.bucket).await?;
        }
        bucket_copy::unsubscribe(&mut self.target, self.bucket).await?;
        bucket_copy::unpublish(&mut self.source, self.bucket).await?;
        Ok(())
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
    settings: &DatabaseSettings,
    begun: Move,
    catalogue: &mut PgConnection,
) -> Result<()> {
    if begun.is_switched {
        return Ok(());
    }
    let mut source = connect(&url(settings, begun.source)?).await?;
    let here = shards::find_stay(&mut source, begun.bucket).await?;
    let Some(fenced) = here.filter(|stay| stay.is_fenced) else { return Ok(()) };
    let epoch = shards::update_epoch(catalogue, begun.bucket, fenced.epoch).await?;
    set(&mut source, begun.bucket, epoch, BucketState::Held).await
}

/// Has the database that the table of buckets names hold its bucket again where none does: another may have become
/// the primary there that had not heard that it does.
pub(super) async fn take_in(
    settings: &DatabaseSettings,
    bucket: i32,
    shard: i32,
    catalogue: &mut PgConnection,
) -> Result<()> {
    let mut own = connect(&url(settings, shard)?).await?;
    let stay = shards::find_stay(&mut own, bucket).await?;
    if stay.is_some_and(|stay| !stay.is_left) {
        return Ok(());
    }
    let mut stays = Vec::new();
    for url in settings.urls() {
        stays.extend(shards::find_stay(&mut connect(&url).await?, bucket).await?);
    }
    let known = stays.iter().map(|stay| stay.epoch).max().unwrap_or(0);
    // A table that was set back does not know who had it last, and a database that has never heard of it had it never.
    if stay.is_none()
        || stays.iter().any(|stay| !stay.is_left)
        || !shards::is_known(catalogue, bucket, known).await?
    {
        return Err(Error::Conflict(format!(
            "Bucket {bucket} was last on another shard than the table of buckets names: let that one hold it in \
             its bucket_states, unless it does, and move it there"
        )));
    }
    let epoch = shards::update_epoch(catalogue, bucket, known).await?;
    set(&mut own, bucket, epoch, BucketState::Held).await?;
    tracing::warn!(bucket, shard, "bucket taken in again that no database held");
    Ok(())
}

fn url(settings: &DatabaseSettings, shard: i32) -> Result<String> {
    let url = usize::try_from(shard).ok().and_then(|shard| settings.urls().into_iter().nth(shard));
    url.ok_or_else(|| Error::internal("DATABASE_SHARD_URLS does not name a move's shard"))
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
