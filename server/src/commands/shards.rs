//! `server shards`: how the buckets of owners are spread over several databases.

use anyhow::{Context as _, anyhow, bail};
use resonant_backend::{Actor, Backend, DatabaseSettings, Error, RequestId, shards};

use super::ShardsCommand;

/// The highest number of a bucket: there are as many for ever.
const LAST: i32 = 1023;

/// Reads what to move, and where.
pub(super) fn parse_move(buckets: &str, to: &str) -> anyhow::Result<ShardsCommand> {
    let (first, last) = buckets.split_once('-').unwrap_or((buckets, buckets));
    let number = |text: &str| text.parse::<i32>().ok().filter(|number| (0..=LAST).contains(number));
    let Some((first, last)) = number(first).zip(number(last)).filter(|(first, last)| first <= last)
    else {
        bail!("BUCKETS must be a number from 0 to {LAST}, or the first and the last, as in 0-255");
    };
    let to = to.parse().context("TO must be the number of a shard, from 0")?;
    Ok(ShardsCommand::Move { first, last, to })
}

/// Says how the buckets are spread, or moves some, one after the other.
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
                println!("shard {shard}: {}", tell(buckets));
            }
            for it in spread.moves {
                let (bucket, from, to) = (it.bucket, it.from, it.to);
                println!("bucket {bucket} is on its way from shard {from} to shard {to}");
            }
        }
        ShardsCommand::Move { first, last, to } => {
            for bucket in first..=last {
                let moved = shards::move_bucket(&ctx, settings, bucket, to).await;
                let moved = moved.map_err(why);
                moved.with_context(|| format!("bucket {bucket} has not been moved"))?;
                println!("bucket {bucket} is on shard {to}");
            }
        }
    }
    Ok(())
}

/// Why a move was not made, for whoever operates the databases: with the causes, which tell what to mend there.
fn why(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(_) => anyhow!(error.message()),
        error => error.into(),
    }
}

/// How many buckets there are, and which: of those in a row the first and the last.
fn tell(buckets: &[i32]) -> String {
    let row = |row: &[i32]| match row {
        [first, .., last] => format!("{first}-{last}"),
        row => row.iter().map(i32::to_string).collect(),
    };
    let rows: Vec<_> = buckets.chunk_by(|one, next| one + 1 == *next).map(row).collect();
    let colon = if rows.is_empty() { "" } else { ": " };
    format!("{} buckets{colon}{}", buckets.len(), rows.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_moves_is_told_the_cause() {
        let sentence = "Both databases need PostgreSQL 15 and wal_level=logical";
        for (error, told) in [
            (
                Error::unavailable("the target does not catch up"),
                "a part that the answer needs does not respond: the target does not catch up",
            ),
            (Error::internal("notes differs"), "a defect: notes differs"),
            (Error::Conflict(sentence.to_owned()), sentence),
            (Error::field("shard", "must be 0 to 1"), "shard must be 0 to 1"),
        ] {
            assert_eq!(format!("{:#}", why(error)), told);
        }
    }

    #[test]
    fn what_is_told_can_be_moved() {
        assert_eq!(tell(&[]), "0 buckets");
        assert_eq!(tell(&[0, 1, 2, 3, 7, 9, 10]), "7 buckets: 0-3, 7, 9-10");
        let every: Vec<_> = (0..=LAST).collect();
        assert_eq!(tell(&every), "1024 buckets: 0-1023");
        for (told, first, last) in [("7", 7, 7), ("9-10", 9, 10), ("0-1023", 0, LAST)] {
            let parsed = parse_move(told, "2").unwrap();
            assert_eq!(parsed, ShardsCommand::Move { first, last, to: 2 }, "{told}");
        }
        for wrong in ["", "-", "-1", "3-", "10-9", "0-1024", "1024", "1-2-3", "seven"] {
            let error = parse_move(wrong, "2").unwrap_err().to_string();
            assert!(error.contains("as in 0-255"), "{wrong}: {error}");
        }
        assert!(parse_move("7", "two").is_err());
    }
}
