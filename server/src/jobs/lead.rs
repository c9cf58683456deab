//! What one process does for all of them.

use std::time::Duration;

use jiff::Timestamp;
use resonant_backend::listings::ranking;
use resonant_backend::{
    Backend, Ctx, Result, alerts, audit, budgets, follows, leadership, members, metrics, news,
    sessions, webhooks,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

const EVERY: Duration = Duration::from_secs(10);
const ROLL_UP_EVERY: Duration = Duration::from_mins(1);
const RANK_EVERY: Duration = Duration::from_mins(5);

/// What is due next.
struct Due {
    roll_up_at: Instant,
    rank_at: Instant,
    /// From when on the costs of sessions were not looked at; `None` for long ago.
    costs_since: Option<Timestamp>,
}

pub(super) async fn until(backend: Backend, stopping: CancellationToken) {
    let ctx = super::system(&backend, "lead");
    let mut due = Due { roll_up_at: Instant::now(), rank_at: Instant::now(), costs_since: None };
    while !stopping.is_cancelled() {
        if let Err(error) = once(&ctx, &mut due).await {
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

async fn once(ctx: &Ctx, due: &mut Due) -> Result<()> {
    if !leadership::claim(ctx).await? {
        return Ok(());
    }
    // A queue that is not told, and alerts that cannot be looked at, hold nothing else up.
    let kept = metrics::keep_queue(ctx).await;
    let looked = alerts::evaluate(ctx).await;
    let told = follows::tell_followers(ctx).await;
    let heard = news::tell_holders(ctx).await;
    let mut ranked = Ok(());
    if Instant::now() >= due.rank_at {
        due.rank_at = Instant::now() + RANK_EVERY;
        ranked = rank(ctx, due).await;
    }
    let mut cleared = Ok(());
    if Instant::now() >= due.roll_up_at {
        // What cannot be done holds up nothing else, and all is tried anew in the next round.
        let done = [
            metrics::roll_up(ctx).await,
            alerts::forget_old(ctx).await,
            members::purge_closed(ctx).await.map(drop),
            budgets::forget_networks(ctx).await,
            sessions::resume_renewed(ctx).await.map(drop),
            audit::forget_old(ctx).await.map(drop),
            webhooks::forget_old(ctx).await.map(drop),
        ];
        cleared = done.into_iter().collect();
        if cleared.is_ok() {
            due.roll_up_at = Instant::now() + ROLL_UP_EVERY;
        }
    }
    kept.and(looked.map(drop)).and(told.map(drop)).and(heard.map(drop)).and(ranked).and(cleared)
}

/// Orders the listings, and takes over what their sessions cost: what a database that is away has, once it is
/// back.
async fn rank(ctx: &Ctx, due: &mut Due) -> Result<()> {
    let followed = ranking::follow_trends(ctx).await;
    let since = ranking::measure_costs(ctx, due.costs_since).await;
    followed.and(since.map(|since| due.costs_since = Some(since)))
}

#[cfg(test)]
mod tests {
    use resonant_backend::fresh_database::{self, FreshDatabase};
    use resonant_backend::{Actor, RequestId, Settings};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
    async fn alerts_are_looked_at_although_the_queue_is_not_told() {
        let server = std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL");
        let database = FreshDatabase::create(&server).await;
        let backend = Backend::connect(Settings::new(database.url())).await.unwrap();
        let ctx = backend.ctx(Actor::System, RequestId::new("test"));
        let absence = json!({
            "name": "Nobody asks",
            "type": "absence",
            "metric": "api.latency.p99",
            "condition": { "period": "5m" },
        });
        let alert = alerts::create(&ctx, serde_json::from_value(absence).unwrap()).await;
        let id = alert.unwrap().made.id;
        let away = "ALTER TABLE session_queue RENAME TO away";
        fresh_database::execute(&database.url(), away).await;
        let later = Instant::now() + ROLL_UP_EVERY;
        let mut due = Due { roll_up_at: later, rank_at: later, costs_since: None };
        once(&ctx, &mut due).await.unwrap_err();
        assert!(alerts::get(&ctx, id).await.unwrap().evaluated_at.is_some());
    }
}
