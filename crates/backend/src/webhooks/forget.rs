//! What goes out of the log of messages: what has been over for long enough.

use std::time::Duration;

use crate::database::Shard;
use crate::{Backend, Ctx, Result, access, store};

/// For how long it is kept what became of a message, after it was sent last.
const KEPT: Duration = Duration::from_hours(24 * 30);
/// How many messages one transaction deletes.
const BATCH: i64 = 1_000;

/// Deletes the messages that were taken or given up [`KEPT`] ago. Answers how many those were. May be repeated
/// at any time.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system.
#[tracing::instrument(name = "webhooks.forget_old", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget_old(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let (gone, done) = backend.on_each(|shard| forget_on(backend, shard)).await;
    let gone: u64 = gone.into_iter().sum();
    if gone > 0 {
        tracing::info!(messages = gone, "old messages to webhooks deleted");
    }
    done.map(|()| gone)
}

async fn forget_on(backend: &Backend, shard: Shard) -> Result<u64> {
    let mut gone = 0;
    loop {
        let mut tx = backend.begin_on(shard).await?;
        let owners = backend.owners();
        let count = store::webhooks::delete_over(&mut tx, KEPT, BATCH, owners).await?;
        tx.commit().await?;
        gone += count;
        if count < BATCH.unsigned_abs() {
            return Ok(gone);
        }
    }
}
