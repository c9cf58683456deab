//! Does what is due by the clock where sessions run: schedules start sessions, webhooks are told, tests
//! are decided.

use std::time::Duration;

use futures::future::BoxFuture;
use resonant_backend::{Actor, Backend, Ctx, RequestId, Result, schedules, test_sets, webhooks};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::middleware::problem::chain;

/// How late something may begin that is due.
const TICK: Duration = Duration::from_secs(2);
/// The pause after the database did not answer.
const PAUSE: Duration = Duration::from_secs(10);

/// Starts the clocks of this process. They stop when `stopping` is cancelled.
pub(crate) fn start(tasks: &TaskTracker, backend: &Backend, stopping: &CancellationToken) {
    let ctx = || backend.ctx(Actor::System, RequestId::new("timekeeper"));
    // Each by itself: a receiver that is slow to take a message holds up no schedule.
    tasks.spawn(keep(ctx(), stopping.clone(), |ctx| Box::pin(schedules::run_due(ctx))));
    tasks.spawn(keep(ctx(), stopping.clone(), |ctx| Box::pin(webhooks::deliver_due(ctx))));
    tasks.spawn(keep(ctx(), stopping.clone(), |ctx| Box::pin(test_sets::settle_due(ctx))));
}

/// What does everything that is due, and says how much it was.
type Due = for<'a> fn(&'a Ctx) -> BoxFuture<'a, Result<usize>>;

async fn keep(ctx: Ctx, stopping: CancellationToken, due: Due) {
    while !stopping.is_cancelled() {
        let pause = match due(&ctx).await {
            Ok(_) => TICK,
            Err(error) => {
                tracing::warn!(error = chain(&error), "what is due was not done");
                PAUSE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stopping.cancelled() => {}
        }
    }
}
