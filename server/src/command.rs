//! Commands of an operator that are more than one call.

use anyhow::{Context as _, bail};
use resonant_backend::{Actor, Backend, DatabaseSettings, RequestId, shards};

/// `server shards status` and `server shards move BUCKET TO`.
///
/// # Errors
/// When the words are no such command, and those of [`shards`].
#[expect(clippy::print_stdout, reason = "the answer goes to who asked")]
pub async fn shards(
    backend: &Backend,
    settings: &DatabaseSettings,
    words: &[String],
) -> anyhow::Result<()> {
    let ctx = backend.ctx(Actor::System, RequestId::new("shards"));
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["status"] => {
            for shard in shards::status(&ctx, settings).await? {
                println!("shard {}: {} buckets", shard.shard, shard.buckets);
            }
        }
        ["move", bucket, to] => {
            let bucket = bucket.parse().context("BUCKET must be a number from 0 to 1023")?;
            let to = to.parse().context("TO must be the number of a shard, from 0")?;
            let moved = shards::move_bucket(&ctx, settings, bucket, to).await;
            moved.map_err(|error| anyhow::anyhow!(error.message()).context(error))?;
            println!("bucket {bucket} is on shard {to}");
        }
        _ => bail!("use `server shards status` or `server shards move BUCKET TO`"),
    }
    Ok(())
}
