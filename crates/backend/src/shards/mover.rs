//! One try to move a bucket, step by step.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use super::comparison::Changes;
use super::messages::Rows;
use super::replicas::Milestone;
use super::{Step, Witness, connect};
use crate::store::distribution::list_tables;
use crate::store::shards::{self, BucketState, Move, Stay};
use crate::store::{bucket_changes, bucket_copy};
use crate::{DatabaseSettings, Error, Result};

/// The pause between two looks at a copy.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the bucket may be fenced before the target is in charge; the source goes on otherwise.
const FENCED_FOR: Duration = Duration::from_secs(10);
/// How many rows that have changed the fence is let last longer for: more are compared before it.
pub(super) const FEW: usize = 10_000;

/// Whoever moves a bucket, with a connection to each of the databases concerned.
pub(super) struct Mover<'a> {
    settings: &'a DatabaseSettings,
    bucket: i32,
    /// What the copy is called.
    name: String,
    /// Whether the table of buckets names the target, or may do so.
    is_decided: bool,
    epoch: i64,
    tables: Vec<String>,
    source_url: String,
    target_url: String,
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
        let target_url = url(settings, begun.target)?;
        let mut source = connect(&source_url).await?;
        let mut target = connect(&target_url).await?;
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
        let name = bucket_copy::find_name(&mut source, bucket).await?;
        let epoch = shards::update_epoch(catalogue, bucket, known.unwrap_or(0)).await?;
        Ok(Self {
            settings,
            bucket,
            name,
            is_decided,
            epoch,
            tables,
            source_url,
            target_url,
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
        for conn in [&mut self.source, &mut self.target] {
            if !bucket_copy::is_possible(conn).await? {
                return Err(Error::Conflict(
                    "Both databases need PostgreSQL 15 and wal_level=logical".to_owned(),
                ));
            }
        }
        self.set_target(BucketState::Left).await?;
        self.set_source(BucketState::Leaving).await?;
        let leaving = Milestone::set(self.settings, &mut self.source).await?;
        self.copy().await?;
        // While nobody has to wait for it.
        leaving.passed(self.settings).await;
        self.done(Step::Withdrawn).await?;
        let changes = self.compare_ahead().await?;
        let until = self.fence().await?;
        self.check_tables().await?;
        let sides = [&mut self.source, &mut self.target];
        changes.compare_rest(sides, &self.tables, until).await?;
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
        // A process of an earlier release may have ended a move and not the copy of a later one.
        self.end_copy().await?;
        delete_left(&mut self.target, self.bucket, self.epoch, &self.tables).await?;
        bucket_copy::publish(&mut self.source, &self.name, self.bucket, &self.tables).await?;
        bucket_copy::keep_log(&mut self.source, &self.name).await?;
        bucket_copy::subscribe(&mut self.target, &self.name, &self.source_url).await?;
        self.done(Step::Subscribed).await?;
        while !bucket_copy::is_copied(&mut self.target, &self.name).await? {
            if bucket_copy::has_failed(&mut self.target, &self.name).await? {
                return Err(Error::unavailable("the target does not copy; its log says why"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.done(Step::Copied).await
    }

    /// Compares all that both sides have while owners write, so that they need not wait for it; then what they
    /// have changed meanwhile, as long as that becomes less. Answers what is left.
    async fn compare_ahead(&mut self) -> Result<Changes> {
        self.check_tables().await?;
        bucket_copy::publish(&mut self.target, &self.name, self.bucket, &self.tables).await?;
        let urls = [self.source_url.as_str(), self.target_url.as_str()];
        let mut changes = Changes::follow(urls, &self.name, &self.tables).await?;
        let mut due: Option<Rows> = None;
        loop {
            self.compare_an_instant(&mut changes, due.as_ref()).await?;
            let count = changes.count();
            if count <= FEW || due.is_some_and(|due| count >= due.count()) {
                break;
            }
            due = Some(changes.take());
        }
        self.done(Step::Compared).await?;
        Ok(changes)
    }

    /// Compares what both sides have at an instant at which it must be the same: all, or what has changed.
    async fn compare_an_instant(
        &mut self,
        changes: &mut Changes,
        due: Option<&Rows>,
    ) -> Result<()> {
        let mut here = connect(&self.source_url).await?;
        let mut there = connect(&self.target_url).await?;
        let until = Instant::now() + FENCED_FOR;
        self.shut(until).await?;
        self.catch_up(until).await?;
        // Whoever has anything by now is among them.
        let owners = bucket_copy::list_owners(self.catalogue, self.bucket).await?;
        let mut here = bucket_changes::freeze(&mut here).await?;
        let mut there = bucket_changes::freeze(&mut there).await?;
        self.set_source(BucketState::Leaving).await?;
        self.done(Step::Agreed).await?;
        let sides = [&mut *here, &mut *there];
        match due {
            None => changes.compare_all(sides, &self.tables, &owners).await,
            Some(rows) => changes.compare_again(sides, rows).await,
        }
    }

    /// Lets nobody write any more, and waits until the target has what was written. Answers until when
    /// those who write can be let wait.
    async fn fence(&mut self) -> Result<Instant> {
        let until = Instant::now() + FENCED_FOR;
        self.shut(until).await?;
        self.done(Step::Fenced).await?;
        self.catch_up(until).await?;
        self.done(Step::CaughtUp).await?;
        Ok(until)
    }

    /// Lets nobody write any more.
    async fn shut(&mut self, until: Instant) -> Result<()> {
        // Those who write at the moment are waited for, a second at a time: others wait behind.
        while let Err(busy) = self.set_source(BucketState::Fenced).await {
            if Instant::now() > until || !matches!(busy, Error::Unavailable(_)) {
                return Err(busy);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Waits until the target has what was written so far.
    async fn catch_up(&mut self, until: Instant) -> Result<()> {
        let position = bucket_copy::mark(&mut self.source).await?;
        while !bucket_copy::has_reached(&mut self.source, &self.name, &position).await? {
            if Instant::now() > until {
                return Err(Error::unavailable("the target does not catch up"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Fails when owners have a table that came after the copy began: what it has would stay behind.
    async fn check_tables(&mut self) -> Result<()> {
        if list_tables(&mut self.source).await? == self.tables {
            Ok(())
        } else {
            Err(Error::unavailable("owners have got other tables since the copy began"))
        }
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

    /// Ends what is left of copies on both sides, whatever they are called.
    async fn end_copy(&mut self) -> Result<()> {
        for copy in bucket_copy::list_copies(&mut self.target, self.bucket).await? {
            if !bucket_copy::has_slot(&mut self.source, &copy).await? {
                bucket_copy::forget_slot(&mut self.target, &copy).await?;
            }
            bucket_copy::unsubscribe(&mut self.target, &copy).await?;
        }
        bucket_copy::unpublish(&mut self.target, self.bucket).await?;
        Ok(bucket_copy::unpublish(&mut self.source, self.bucket).await?)
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

pub(super) fn url(settings: &DatabaseSettings, shard: i32) -> Result<String> {
    let url = usize::try_from(shard).ok().and_then(|shard| settings.urls().into_iter().nth(shard));
    url.ok_or_else(|| Error::internal("DATABASE_SHARD_URLS does not name a move's shard"))
}

fn overtaken() -> Error {
    Error::Conflict("A later move of this bucket has begun".to_owned())
}

pub(super) async fn set(
    conn: &mut PgConnection,
    bucket: i32,
    epoch: i64,
    state: BucketState,
) -> Result<()> {
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
