//! Several databases: which buckets of owners each holds, and how a bucket moves while its owners work.
//!
//! A move is a copy by logical replication, a short fence, and a switch:
//!
//! 1. the source publishes the bucket's rows and the target copies them, then follows every change;
//! 2. the bucket is fenced on the source: who writes waits, who reads reads on;
//! 3. once the target has all that was written before the fence, both sides are compared and the
//!    subscription ends;
//! 4. the table of buckets names the target, the target answers, the source does not any more;
//! 5. the source's rows are deleted.
//!
//! Whoever dies before step 4 leaves the source in charge, and the next try begins with a clean target;
//! after it the target is in charge, and the next try only tidies up.

use std::time::{Duration, Instant};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::database::{self, BUCKETS};
use crate::store::shards::Move;
use crate::store::{bucket_copy, distribution, shards};
use crate::{Backend, Ctx, DatabaseSettings, Error, Result, access};

/// The pause between two looks at a copy.
const PAUSE: Duration = Duration::from_millis(20);
/// How long another mover is waited for: longer than the database takes to see that one has died.
const LOCKED_FOR: Duration = Duration::from_secs(2);
/// How long the target may take to catch up while the bucket is fenced; then the source goes on.
const FENCED_FOR: Duration = Duration::from_secs(10);
/// How long the source keeps its rows after the switch, for those who began to read before it.
const GRACE: Duration = Duration::from_secs(2);

/// How many buckets a shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardStatus {
    /// Its place in the list of shards, from 0.
    pub shard: usize,
    /// The buckets that it holds.
    pub buckets: usize,
}

/// A step of a move that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The target is to copy.
    Subscribed,
    /// The target has copied and follows.
    Copied,
    /// The bucket is fenced.
    Fenced,
    /// The target has all.
    CaughtUp,
    /// The copy has ended.
    Unsubscribed,
    /// The table names the target.
    Switched,
    /// The target answers.
    Held,
}

/// Brings the schema of every shard up to date, and gives each bucket a shard.
///
/// # Errors
/// Those of [`Backend::migrate`].
pub async fn migrate(settings: &DatabaseSettings) -> Result<()> {
    let urls = settings.urls();
    for url in &urls {
        Backend::migrate(url).await?;
    }
    let [_, others @ ..] = &urls[..] else {
        return Ok(());
    };
    for url in others {
        bucket_copy::delete_references(&mut connect(url).await?).await?;
    }
    let mut catalogue = connect(&settings.url).await?;
    let count = i32::try_from(urls.len()).map_err(Error::internal)?;
    shards::insert_buckets(&mut catalogue, count).await?;
    let buckets = shards::list_buckets(&mut catalogue).await?;
    for (shard, url) in (0..).zip(&urls) {
        let held: Vec<_> = buckets.iter().filter(|(_, of)| *of == shard).map(|(b, _)| *b).collect();
        shards::insert_held(&mut connect(url).await?, &held).await?;
    }
    Ok(())
}

/// Spreads the tables over the nodes of a Citus cluster, by owner. May be repeated.
///
/// # Errors
/// [`Error::Conflict`] when the database has no such extension.
pub async fn distribute(settings: &DatabaseSettings) -> Result<()> {
    let mut conn = connect(&settings.url).await?;
    if !distribution::is_possible(&mut conn).await? {
        return Err(Error::Conflict("The database has no extension citus".to_owned()));
    }
    Ok(distribution::distribute(&mut conn).await?)
}

/// Tells how many buckets each shard holds.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
pub async fn status(ctx: &Ctx, settings: &DatabaseSettings) -> Result<Vec<ShardStatus>> {
    access::system(ctx)?;
    let mut conn = ctx.backend().catalogue_read().await?;
    let buckets = shards::list_buckets(&mut conn).await?;
    let count = |shard: usize| {
        buckets.iter().filter(|(_, of)| usize::try_from(*of).is_ok_and(|of| of == shard)).count()
    };
    let shards = 0..settings.urls().len();
    Ok(shards.map(|shard| ShardStatus { shard, buckets: count(shard) }).collect())
}

/// Moves a bucket to another shard while its owners work. May be repeated after whatever has ended it.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Invalid`] for a bucket or a shard that there
/// is not; [`Error::Conflict`] while another move is under way; [`Error::Unavailable`] when the target
/// does not catch up.
pub async fn move_bucket(
    ctx: &Ctx,
    settings: &DatabaseSettings,
    bucket: i32,
    to: usize,
) -> Result<()> {
    move_bucket_with(ctx, settings, (bucket, to), |_| Ok(())).await
}

/// The same, telling every step that is done.
pub(crate) async fn move_bucket_with(
    ctx: &Ctx,
    settings: &DatabaseSettings,
    (bucket, to): (i32, usize),
    mut after: impl FnMut(Step) -> Result<()> + Send,
) -> Result<()> {
    access::system(ctx)?;
    let urls = settings.urls();
    if !(0..BUCKETS).contains(&bucket) {
        return Err(Error::field("bucket", format!("must be 0 to {}", BUCKETS - 1)));
    }
    if to >= urls.len() {
        return Err(Error::field("shard", format!("must be 0 to {}", urls.len() - 1)));
    }
    let mut catalogue = connect(&urls[0]).await?;
    let since = Instant::now();
    while !shards::lock_moves(&mut catalogue).await? {
        if since.elapsed() > LOCKED_FOR {
            return Err(Error::Conflict("Another bucket is being moved".to_owned()));
        }
        tokio::time::sleep(PAUSE).await;
    }
    if let Some(begun) = shards::find_move(&mut catalogue, bucket).await? {
        let mut mover = Mover::new(&urls, bucket, begun, &mut catalogue).await?;
        if begun.is_switched {
            mover.hold(&mut after).await?;
            mover.tidy_up().await?;
        } else {
            mover.give_up().await?;
        }
    }
    let target = i32::try_from(to).map_err(Error::internal)?;
    let buckets = shards::list_buckets(&mut catalogue).await?;
    let source = buckets.iter().find(|(of, _)| *of == bucket).map(|(_, shard)| *shard);
    let source = source.ok_or_else(|| Error::internal("the bucket has no shard"))?;
    if source == target {
        return Ok(());
    }
    shards::insert_move(&mut catalogue, bucket, source, target).await?;
    let begun = Move { source, target, is_switched: false };
    let mut mover = Mover::new(&urls, bucket, begun, &mut catalogue).await?;
    mover.copy(&mut after).await?;
    mover.fence_and_compare(&mut after).await?;
    mover.switch(&mut after).await?;
    mover.hold(&mut after).await?;
    mover.tidy_up().await?;
    tracing::info!(bucket, shard = to, "bucket moved");
    Ok(())
}

struct Mover<'a> {
    bucket: i32,
    tables: Vec<String>,
    source_url: String,
    source: PgConnection,
    target: PgConnection,
    catalogue: &'a mut PgConnection,
}

impl<'a> Mover<'a> {
    async fn new(
        urls: &[String],
        bucket: i32,
        begun: Move,
        catalogue: &'a mut PgConnection,
    ) -> Result<Self> {
        let url = |shard: i32| {
            let url = usize::try_from(shard).ok().and_then(|shard| urls.get(shard));
            url.ok_or_else(|| Error::internal("DATABASE_SHARD_URLS does not name a move's shard"))
        };
        let mut source = connect(url(begun.source)?).await?;
        let tables = bucket_copy::list_tables(&mut source).await?;
        let target = connect(url(begun.target)?).await?;
        let source_url = url(begun.source)?.clone();
        Ok(Self { bucket, tables, source_url, source, target, catalogue })
    }

    async fn copy(&mut self, after: &mut impl FnMut(Step) -> Result<()>) -> Result<()> {
        bucket_copy::delete(&mut self.target, self.bucket, &self.tables).await?;
        bucket_copy::publish(&mut self.source, self.bucket, &self.tables).await?;
        bucket_copy::subscribe(&mut self.target, self.bucket, &self.source_url).await?;
        after(Step::Subscribed)?;
        while !bucket_copy::is_copied(&mut self.target, self.bucket).await? {
            tokio::time::sleep(PAUSE).await;
        }
        after(Step::Copied)
    }

    async fn fence_and_compare(
        &mut self,
        after: &mut impl FnMut(Step) -> Result<()>,
    ) -> Result<()> {
        let mut tx = self.source.begin().await?;
        shards::update_fence(&mut tx, self.bucket, true).await?;
        tx.commit().await?;
        after(Step::Fenced)?;
        let position = bucket_copy::mark(&mut self.source).await?;
        let (source, bucket) = (&mut self.source, self.bucket);
        let caught_up = async {
            while !bucket_copy::has_reached(source, bucket, &position).await? {
                tokio::time::sleep(PAUSE).await;
            }
            Ok::<_, Error>(())
        };
        match tokio::time::timeout(FENCED_FOR, caught_up).await {
            Ok(caught_up) => caught_up?,
            Err(late) => {
                self.lift_fence().await?;
                return Err(Error::unavailable(late));
            }
        }
        after(Step::CaughtUp)?;
        for table in &self.tables.clone() {
            let here = bucket_copy::fingerprint(&mut self.source, self.bucket, table).await?;
            let there = bucket_copy::fingerprint(&mut self.target, self.bucket, table).await?;
            if here != there {
                self.lift_fence().await?;
                return Err(Error::internal(format!("{table} differs: {here} and {there}")));
            }
        }
        // Before the source deletes anything, nobody may follow it any more.
        bucket_copy::unsubscribe(&mut self.target, self.bucket).await?;
        bucket_copy::unpublish(&mut self.source, self.bucket).await?;
        after(Step::Unsubscribed)
    }

    async fn lift_fence(&mut self) -> Result<()> {
        let mut tx = self.source.begin().await?;
        shards::update_fence(&mut tx, self.bucket, false).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn switch(&mut self, after: &mut impl FnMut(Step) -> Result<()>) -> Result<()> {
        shards::update_switched(self.catalogue, self.bucket).await?;
        after(Step::Switched)
    }

    async fn hold(&mut self, after: &mut impl FnMut(Step) -> Result<()>) -> Result<()> {
        shards::insert_held(&mut self.target, &[self.bucket]).await?;
        shards::delete_held(&mut self.source, self.bucket).await?;
        after(Step::Held)
    }

    async fn tidy_up(&mut self) -> Result<()> {
        tokio::time::sleep(GRACE).await;
        bucket_copy::delete(&mut self.source, self.bucket, &self.tables).await?;
        shards::delete_move(self.catalogue, self.bucket).await?;
        Ok(())
    }

    /// Leaves the source in charge and the target without a trace.
    async fn give_up(&mut self) -> Result<()> {
        self.lift_fence().await?;
        bucket_copy::unsubscribe(&mut self.target, self.bucket).await?;
        bucket_copy::unpublish(&mut self.source, self.bucket).await?;
        bucket_copy::delete(&mut self.target, self.bucket, &self.tables).await?;
        shards::delete_move(self.catalogue, self.bucket).await?;
        Ok(())
    }
}

/// A connection of one's own, without the limits of a use case.
async fn connect(url: &str) -> Result<PgConnection> {
    database::address(url)?.connect().await.map_err(Error::unavailable)
}

#[cfg(test)]
mod faults;
