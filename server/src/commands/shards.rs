//! `server shards`: how the buckets of owners are spread over several databases.

use anyhow::{Context as _, anyhow};
use resonant_backend::{Actor, Backend, DatabaseSettings, RequestId, shards};

use super::ShardsCommand;

/// Reads what to move, and where.
pub(super) fn parse_move(bucket: &str, to: &str) -> anyhow::Result<ShardsCommand> {
    let bucket = bucket.parse().context("BUCKET must be a number from 0 to 1023")?;
    let to = to.parse().context("TO must be the number of a shard, from 0")?;
    Ok(ShardsCommand::Move { bucket, to })
}

/// Says how the buckets are spread, or moves one.
#[expect(clippy::print_stdout, reason = "the answer goes to whoever asked")]
pub(super) async fn run(
    backend: &Backend,
    settings: &DatabaseSettings,
    command: ShardsCommand,
) -> anyhow::Result<()> {
    let ctx = backend.ctx(Actor::System, RequestId::new("shards"));
    match command {
        ShardsCommand::Status => {
            let spread = shards::status(&ctx).await?;
            for (shard, buckets) in spread.buckets.iter().enumerate() {
                println!("shard {shard}: {buckets} buckets");
            }
            for it in spread.moves {
                let (bucket, from, to) = (it.bucket, it.from, it.to);
                println!("bucket {bucket} is on its way from shard {from} to shard {to}");
            }
        }
        ShardsCommand::Move { bucket, to } => {
            let moved = shards::move_bucket(&ctx, settings, bucket, to).await;
            moved.map_err(|error| anyhow!(error.message()).context(error))?;
            println!("bucket {bucket} is on shard {to}");
        }
    }
    Ok(())
}
