//! Sessions that no worker has.

use resonant_domain::agent_list::BulkAction;
use resonant_domain::session::NewDecision;
use resonant_domain::waiting::{
    Amount, BudgetChoice, BudgetScope, Decision, Shortfall, WaitReason,
};
use resonant_domain::{AgentId, SessionId};

use super::*;
use crate::metrics::keep::queue_levels;
use crate::{QueueLimits, Settings, access, agents};

async fn agent(ctx: &Ctx) -> AgentId {
    agents::create(ctx, sample::spec("Reader")).await.unwrap().id
}

async fn start(ctx: &Ctx, agent: AgentId) -> SessionId {
    sessions::start(ctx, agent, sample::goal("Read")).await.unwrap().id
}

/// A session that has begun and waits for someone, and the number of the event that says so.
async fn waiting(ctx: &Ctx, agent: AgentId, reason: WaitReason) -> (SessionId, i64) {
    let (backend, owner) = (ctx.backend(), access::user(ctx).unwrap());
    let id = start(ctx, agent).await;
    let mut conn = backend.conn().await.unwrap();
    let held = store::queue::lock(&mut conn, owner, id).await.unwrap().unwrap();
    let key = (owner, id, held.fence);
    let entries = vec![EventBody::StepStart { step: 1, attempt: 1 }, EventBody::Waiting { reason }];
    let (used, now) = (Usage::default(), backend.now());
    let written = store::session_events::append(&mut conn, key, None, entries, used, now);
    (id, written.await.unwrap().unwrap().last().unwrap().sequence)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_waits_for_someone_is_not_in_the_queue(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = admin(&backend).await;
    let agent = agent(&ctx).await;
    waiting(&ctx, agent, WaitReason::Approval { step: 1, calls: Vec::new() }).await;
    waiting(&ctx, agent, WaitReason::Agents { step: 1, calls: Vec::new() }).await;
    let long_ago = "UPDATE session_queue SET run_at = run_at - INTERVAL '1 hour'";
    sqlx::raw_sql(long_ago).execute(&pool).await.unwrap();
    keep_queue(&backend.system()).await.unwrap();
    for name in ["queue.depth", "queue.age", "sessions.active"] {
        assert_eq!(value(&ctx, name, "5m").await, Some(0.0), "{name}");
    }
    let text = prometheus(&backend.system()).await.unwrap();
    assert!(text.lines().any(|line| line == "resonant_queue_depth 0"), "{text}");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_waits_for_a_place_waits_for_no_worker(pool: PgPool) {
    let queue = QueueLimits { per_user: 2, per_agent: 1 };
    let settings = Settings { queue, ..sample::settings() };
    let backend = Backend::for_tests_with(pool.clone(), &settings);
    let ctx = admin(&backend).await;
    let levels = async || {
        let long_ago = "UPDATE session_queue SET run_at = now() - INTERVAL '1 hour'";
        sqlx::raw_sql(long_ago).execute(&pool).await.unwrap();
        let (levels, told) = queue_levels(&backend, Duration::from_secs(30)).await;
        told.unwrap();
        let minutes = levels[&Family::QueueAge] / 60_000;
        (levels[&Family::QueueDepth], minutes, levels[&Family::SessionsActive])
    };
    let claim = async || work::claim(&backend.system(), "worker").await.unwrap();
    let one = agent(&ctx).await;
    start(&ctx, one).await;
    start(&ctx, one).await;
    assert_eq!(levels().await, (2, 60, 0));
    assert!(claim().await.is_some());
    assert_eq!(levels().await, (0, 0, 1), "the agent has no place free");
    let other = agent(&ctx).await;
    start(&ctx, other).await;
    assert_eq!(levels().await, (1, 60, 1));
    assert!(claim().await.is_some());
    let third = agent(&ctx).await;
    start(&ctx, third).await;
    assert_eq!(levels().await, (0, 0, 2), "the owner has no place free");
    assert!(claim().await.is_none());
    let ada = sample::member(&backend, "ada").await.unwrap();
    start(&ada, agent(&ada).await).await;
    assert_eq!(levels().await, (1, 60, 2));
    // Who has lost its worker has a place of its own.
    let lost = "UPDATE session_queue SET lease_until = now() - INTERVAL '2 hours'
                WHERE lease_until IS NOT NULL";
    sqlx::raw_sql(lost).execute(&pool).await.unwrap();
    assert_eq!(levels().await, (3, 120, 0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn sessions_that_end_without_a_worker_are_counted(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = admin(&backend).await;
    let agent = agent(&ctx).await;
    let ended = || {
        let counted = backend.metrics().counted();
        let of = |family, label: &str| {
            let mut all = counted.iter().filter(|(it, name, _)| (*it, &**name) == (family, label));
            all.next().map_or(0, |(_, _, all)| all.count)
        };
        let times = of(Family::AgentExecution, &agent.to_string());
        (of(Family::SessionsEnded, "cancelled"), of(Family::SessionsEnded, "failed"), times)
    };
    assert_eq!(ended(), (0, 0, 0));

    // One that never began says nothing about how long agents take.
    let queued = start(&ctx, agent).await;
    sessions::cancel(&ctx, queued).await.unwrap();
    assert_eq!(ended(), (1, 0, 0), "while it was queued");

    let (parked, _) =
        waiting(&ctx, agent, WaitReason::Approval { step: 1, calls: Vec::new() }).await;
    sessions::cancel(&ctx, parked).await.unwrap();
    assert_eq!(ended(), (2, 0, 1), "while it waited");

    let limit = Amount::Tokens(1);
    let shortfall = Shortfall { scope: BudgetScope::User, caller_agent_id: None, limit, used: 1 };
    let reason = WaitReason::Budget { shortfall, has_cheaper: false };
    let (broke, sequence) = waiting(&ctx, agent, reason).await;
    let decision = Decision::Budget { choice: BudgetChoice::End };
    let decision = NewDecision { waiting: sequence, decision };
    sessions::decide(&ctx, broke, decision).await.unwrap();
    assert_eq!(ended(), (3, 0, 2), "at the end of its budget");

    start(&ctx, agent).await;
    sqlx::raw_sql("UPDATE session_queue SET attempts = 3").execute(&pool).await.unwrap();
    assert!(work::claim(&backend.system(), "worker").await.unwrap().is_none());
    assert_eq!(ended(), (3, 1, 2), "set aside");

    start(&ctx, agent).await;
    agents::change_many(&ctx, &[agent], BulkAction::Delete).await.unwrap();
    assert_eq!(ended(), (4, 1, 2), "with its agent");
}
