//! Buckets that a move has left behind: fenced, while its target is away, or held by nobody.

use sqlx::PgConnection;

use super::connect;
use super::mover::{set, url};
use crate::store::shards::{self, BucketState, Move};
use crate::{DatabaseSettings, Error, Result};

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
