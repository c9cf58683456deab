//! Several databases: which buckets of owners each holds, and how a bucket moves while its owners work.
//!
//! A move is a copy by logical replication, a short fence, and a switch:
//!
//! 1. the source publishes the bucket's rows, and the target copies them and follows every change; meanwhile
//!    the source's replicas hear that they answer for it no more;
//! 2. both sides are compared as they are at an instant at which the target has all: for that instant alone
//!    the bucket is fenced on the source;
//! 3. the bucket is fenced: who writes waits, who reads reads on;
//! 4. once the target has all that was written before the fence, what has changed since the comparison, on
//!    either side, is compared, the copy ends, and the target may be read;
//! 5. the table of buckets names the target;
//! 6. the source answers no more, then the target is written to;
//! 7. the source's rows are deleted, once the replicas of both know who is in charge.
//!
//! So what a bucket has decides how long a move takes, and not how long anyone waits for it.
//!
//! Whoever dies before step 5 leaves the source in charge, and the next try begins with a clean target;
//! after it the target is in charge, and the next try only tidies up. Each try has an epoch, which every
//! database keeps beside the bucket's state: who was overtaken by a later one can change nothing.

mod comparison;
mod messages;
mod mover;
mod replicas;
mod strays;

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx::{ConnectOptions as _, PgConnection};

use self::mover::Mover;
use self::strays::{free_source, take_in};
use crate::database::{self, BUCKETS};
use crate::store::shards::Move;
use crate::store::{bucket_copy, shards};
use crate::{Backend, Ctx, DatabaseSettings, Error, Result, access};

/// The pause between two looks whether another mover is done.
const PAUSE: Duration = Duration::from_millis(20);
/// How long another mover is waited for: longer than the database takes to see that one has died.
const LOCKED_FOR: Duration = Duration::from_secs(2);
/// How long a database may take to take up a connection.
const ANSWERS_IN: Duration = Duration::from_secs(5);
/// How long the source keeps its rows after the switch, for those who began to read before it.
const GRACE: Duration = Duration::from_secs(5);

/// How the buckets are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The numbers of the buckets that each shard has, from shard 0 on.
    pub buckets: Vec<Vec<i32>>,
    /// The moves that were begun and are not over.
    pub moves: Vec<Unfinished>,
}

/// A move that is under way, or waits for someone to repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// What moves.
    pub bucket: i32,
    /// The shard that it comes from.
    pub from: i32,
    /// The shard that it goes to.
    pub to: i32,
}

/// A step of a move that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The target is to copy.
    Subscribed,
    /// The target has copied and follows.
    Copied,
    /// No replica of the source answers for the bucket.
    Withdrawn,
    /// Both sides have had the same for an instant, and are compared as they were then.
    Agreed,
    /// They were the same.
    Compared,
    /// The bucket is fenced on the source.
    Fenced,
    /// The target has all.
    CaughtUp,
    /// The copy has ended.
    Unsubscribed,
    /// The target may be read.
    Ready,
    /// The table names the target.
    Switched,
    /// The source answers no more.
    Released,
    /// The target is written to.
    Held,
}

/// Who is told of every step, and is waited for.
pub(crate) type Witness<'a> = &'a mut (dyn FnMut(Step) -> BoxFuture<'static, ()> + Send);

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
    for (number, url) in (0..).zip(&urls) {
        let found = shards::insert_number(&mut connect(url).await?, number).await?;
        if found != number {
            return Err(Error::internal(format!(
                "DATABASE_SHARD_URLS names shard {found} as number {number}"
            )));
        }
    }
    for url in others {
        bucket_copy::delete_references(&mut connect(url).await?).await?;
    }
    let mut catalogue = connect(&urls[0]).await?;
    let count = i32::try_from(urls.len()).map_err(Error::internal)?;
    shards::insert_buckets(&mut catalogue, count).await?;
    let buckets = shards::list_buckets(&mut catalogue).await?;
    for (shard, url) in (0..).zip(&urls) {
        let held: Vec<_> = buckets.iter().filter(|(_, of)| *of == shard).map(|(b, _)| *b).collect();
        shards::insert_states(&mut connect(url).await?, &held).await?;
    }
    Ok(())
}

/// Tells how the buckets are spread.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "shards.status", level = "debug", parent = ctx.span(), skip_all)]
pub async fn status(ctx: &Ctx) -> Result<Spread> {
    access::system(ctx)?;
    spread(ctx.backend()).await
}

/// The same for those who have passed already.
pub(crate) async fn spread(backend: &Backend) -> Result<Spread> {
    let mut buckets = vec![Vec::new(); backend.shards().count()];
    if let [all] = &mut buckets[..] {
        *all = (0..BUCKETS).collect();
        return Ok(Spread { buckets, moves: Vec::new() });
    }
    let mut conn = backend.catalogue_read_latest().await?;
    for (bucket, shard) in shards::list_buckets(&mut conn).await? {
        if let Some(held) = usize::try_from(shard).ok().and_then(|shard| buckets.get_mut(shard)) {
            held.push(bucket);
        }
    }
    let moves = shards::list_moves(&mut conn).await?.into_iter();
    let moves = moves.map(|it| Unfinished { bucket: it.bucket, from: it.source, to: it.target });
    Ok(Spread { buckets, moves: moves.collect() })
}

/// Moves a bucket to another shard while its owners work. May be repeated after whatever has ended it. One that no
/// database holds is taken in again where it was last.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Invalid`] for a bucket or a shard that there
/// is not; [`Error::Conflict`] while another move is under way, when the source cannot be copied from, or when the
/// bucket is on neither side;
/// [`Error::Unavailable`] when the target does not catch up, or what changes all the time is too much to be compared
/// while those who write wait: the bucket then stays where it is.
#[tracing::instrument(name = "shards.move_bucket", level = "debug", parent = ctx.span(), skip_all)]
pub async fn move_bucket(
    ctx: &Ctx,
    settings: &DatabaseSettings,
    bucket: i32,
    to: usize,
) -> Result<()> {
    let mut witness = |step| -> BoxFuture<'static, ()> {
        tracing::info!(bucket, ?step, "step of a move");
        Box::pin(std::future::ready(()))
    };
    move_bucket_before(ctx, settings, (bucket, to), GRACE, &mut witness).await
}

/// The same before a witness, with a grace of one's own.
pub(crate) async fn move_bucket_before(
    ctx: &Ctx,
    settings: &DatabaseSettings,
    (bucket, to): (i32, usize),
    grace: Duration,
    witness: Witness<'_>,
) -> Result<()> {
    access::system(ctx)?;
    let urls = settings.urls();
    if !(0..BUCKETS).contains(&bucket) {
        return Err(Error::field("bucket", format!("must be 0 to {}", BUCKETS - 1)));
    }
    if to >= urls.len() {
        return Err(Error::field("shard", format!("must be 0 to {}", urls.len() - 1)));
    }
    let target = i32::try_from(to).map_err(Error::internal)?;
    let mut catalogue = connect(&urls[0]).await?;
    lock_moves(&mut catalogue).await?;

    let begun = shards::list_moves(&mut catalogue).await?.into_iter();
    if let Some(begun) = begun.into_iter().find(|begun| begun.bucket == bucket) {
        resume(settings, begun, &mut catalogue, witness, grace).await?;
    }
    let buckets = shards::list_buckets(&mut catalogue).await?;
    let source = buckets.iter().find(|(of, _)| *of == bucket).map(|(_, shard)| *shard);
    let source = source.ok_or_else(|| Error::Conflict("There is one database alone".to_owned()))?;
    if source == target {
        return take_in(settings, bucket, target, &mut catalogue).await;
    }
    shards::insert_move(&mut catalogue, bucket, source, target).await?;
    let begun = Move { bucket, source, target, is_switched: false };
    Mover::new(settings, begun, &mut catalogue, witness).await?.run(grace).await?;
    tracing::info!(bucket, shard = to, "bucket moved");
    Ok(())
}

/// Brings moves to an end whose mover has died, so that no bucket stays fenced: back where the table of
/// buckets still names the source, forth where it names the target. None waits for a database that another
/// one needs. Answers how many.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system; [`Error::Unavailable`] when one of the databases does
/// not answer: the next call tries again.
#[tracing::instrument(name = "shards.end_abandoned_moves", level = "debug", parent = ctx.span(), skip_all)]
pub async fn end_abandoned_moves(ctx: &Ctx, settings: &DatabaseSettings) -> Result<usize> {
    access::system(ctx)?;
    let urls = settings.urls();
    if urls.len() == 1 {
        return Ok(0);
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    if shards::list_moves(&mut conn).await?.is_empty() {
        return Ok(0);
    }
    drop(conn);
    let mut catalogue = connect(&urls[0]).await?;
    // Who moves holds the lock for as long as the connection lives.
    match lock_moves(&mut catalogue).await {
        Err(Error::Conflict(_)) => return Ok(0),
        locked => locked?,
    }
    let (mut count, mut fault) = (0, None);
    for begun in shards::list_moves(&mut catalogue).await? {
        let bucket = begun.bucket;
        let mut witness = |_| -> BoxFuture<'static, ()> { Box::pin(std::future::ready(())) };
        match resume(settings, begun, &mut catalogue, &mut witness, GRACE).await {
            Ok(is_moved) => {
                tracing::warn!(bucket, is_moved, "abandoned move brought to an end");
                count += 1;
            }
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    fault.map_or(Ok(count), Err)
}

/// Brings a move that someone else has begun to one of its two ends. Answers whether the bucket has moved.
/// Where its target does not answer, the source is written to meanwhile.
async fn resume(
    settings: &DatabaseSettings,
    begun: Move,
    catalogue: &mut PgConnection,
    witness: Witness<'_>,
    grace: Duration,
) -> Result<bool> {
    match Mover::new(settings, begun, &mut *catalogue, witness).await {
        Ok(mover) => mover.resume(grace).await,
        Err(fault) => {
            free_source(settings, begun, catalogue).await?;
            Err(fault)
        }
    }
}

async fn lock_moves(catalogue: &mut PgConnection) -> Result<()> {
    let since = Instant::now();
    while !shards::lock_moves(catalogue).await? {
        if since.elapsed() > LOCKED_FOR {
            return Err(Error::Conflict("Another bucket is being moved".to_owned()));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// A connection of one's own, without the limits of a use case.
async fn connect(url: &str) -> Result<PgConnection> {
    let options = database::address(url)?;
    let connected = tokio::time::timeout(ANSWERS_IN, options.connect()).await;
    connected.map_err(Error::unavailable)?.map_err(Error::unavailable)
}

#[cfg(test)]
mod faults;
