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
    tasks.spawn(keep(ctx(), stopping.clone(), TICK, |ctx| Box::pin(schedules::run_due(ctx))));
    // Some at a time: none is begun once this process stops.
    let at_once = Duration::ZERO;
    for _ in 0..webhooks::DELIVERERS {
        let deliver: Due = |ctx| Box::pin(webhooks::deliver_due(ctx));
        tasks.spawn(keep(ctx(), stopping.clone(), at_once, deliver));
    }
    tasks.spawn(keep(ctx(), stopping.clone(), TICK, |ctx| Box::pin(test_sets::settle_due(ctx))));
}

/// What does something that is due, and says how much it was.
type Due = for<'a> fn(&'a Ctx) -> BoxFuture<'a, Result<usize>>;

/// Does what is due, and after that the next, `again` later, or when nothing was due a while later.
async fn keep(ctx: Ctx, stopping: CancellationToken, again: Duration, due: Due) {
    while !stopping.is_cancelled() {
        let pause = match due(&ctx).await {
            Ok(0) => TICK,
            Ok(_) => again,
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
