//! What one process does for all of them.

use std::time::Duration;

use resonant_backend::{Backend, Ctx, Result, alerts, leadership, members, metrics};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

const EVERY: Duration = Duration::from_secs(10);
const ROLL_UP_EVERY: Duration = Duration::from_mins(1);

pub(super) async fn until(backend: Backend, stopping: CancellationToken) {
    let ctx = super::system(&backend, "lead");
    let mut roll_up_at = Instant::now();
    while !stopping.is_cancelled() {
        if let Err(error) = once(&ctx, &mut roll_up_at).await {
            tracing::warn!(error = chain(&error), "the work for all processes has to wait");
        }
        tokio::select! {
            () = sleep(EVERY) => {}
            () = stopping.cancelled() => {}
        }
    }
    // Should this fail, another process leads when the lease is over.
    if let Err(error) = leadership::give_up(&ctx).await {
        tracing::debug!(error = chain(&error), "leadership not given up");
    }
}

async fn once(ctx: &Ctx, roll_up_at: &mut Instant) -> Result<()> {
    if !leadership::claim(ctx).await? {
        return Ok(());
    }
    metrics::keep_queue(ctx).await?;
    let looked = alerts::evaluate(ctx).await;
    if Instant::now() >= *roll_up_at {
        metrics::roll_up(ctx).await?;
        alerts::forget_old(ctx).await?;
        members::purge_closed(ctx).await?;
        *roll_up_at = Instant::now() + ROLL_UP_EVERY;
    }
    // Alerts that cannot be looked at hold nothing else up.
    looked.map(drop)
}
