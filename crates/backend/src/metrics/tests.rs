use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::FaultKind;
use resonant_domain::metric::{Metric, Period};
use resonant_runtime::clock::FixedClock;
use sqlx::PgPool;

use super::*;
use crate::{Backend, Ctx, leadership, members, sample, sessions, work};

async fn admin(backend: &Backend) -> Ctx {
    let ctx = sample::member(backend, "root").await.unwrap();
    members::appoint_admin(&backend.system(), "root@example.org").await.unwrap();
    ctx
}

fn metric(name: &str) -> Metric {
    Metric::parse("metric", name).unwrap()
}

async fn value(ctx: &Ctx, name: &str, period: &str) -> Option<f64> {
    let period = Period::parse("period", period).unwrap();
    let question = Question { metrics: vec![metric(name)], period };
    read(ctx, question).await.unwrap().values[0].1
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::new("2026-11-24T10:30:20Z".parse().unwrap()))
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn processes_add_up(pool: PgPool) {
    let clock = clock();
    let one = Backend::for_tests_at(pool.clone(), clock.clone());
    let two = Backend::for_tests_at(pool, clock.clone());
    let ctx = admin(&one).await;
    let (mut first, mut second) = (Keeper::default(), Keeper::default());
    one.metrics().observe(Family::ApiLatency, "GET /a", Duration::from_millis(10));
    two.metrics().observe(Family::ApiLatency, "GET /b", Duration::from_millis(30));
    let stream = two.metrics().raise(Family::SseSubscribers);
    let other = one.metrics().raise(Family::SseSubscribers);
    first.keep(&one.system()).await.unwrap();
    second.keep(&two.system()).await.unwrap();
    // The same minute is written over, not added to.
    one.metrics().observe(Family::ApiLatency, "GET /a", Duration::from_millis(20));
    first.keep(&one.system()).await.unwrap();
    first.keep(&one.system()).await.unwrap();
    assert_eq!(value(&ctx, "api.latency.count", "1h").await, Some(3.0));
    assert_eq!(value(&ctx, "api.latency", "1h").await, Some(20.0));
    assert_eq!(value(&ctx, "sse.subscribers", "1h").await, Some(2.0));
    assert_eq!(value(&ctx, "page.latency.p99", "1h").await, None);

    drop((stream, other));
    clock.advance(SignedDuration::from_secs(60));
    first.keep(&one.system()).await.unwrap();
    second.keep(&two.system()).await.unwrap();
    assert_eq!(value(&ctx, "sse.subscribers", "1h").await, Some(1.0), "the mean of two minutes");
    assert_eq!(value(&ctx, "sse.subscribers.max", "1h").await, Some(2.0));
    assert_eq!(value(&ctx, "api.latency.count", "1h").await, Some(3.0));

    let labels = worst(&ctx, Family::ApiLatency, Period::HOUR).await.unwrap();
    let labels: Vec<_> = labels.iter().map(|(name, all)| (name.as_str(), all.count)).collect();
    assert_eq!(labels, [("GET /a", 2), ("GET /b", 1)]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn rolled_up_times_tell_the_same(pool: PgPool) {
    let clock = clock();
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = admin(&backend).await;
    let mut keeper = Keeper::default();
    let mut all = Vec::new();
    // Thirty hours, a value every ten minutes.
    for number in 0..180_u64 {
        let took = 1_000 + (number * 7_919) % 400_000;
        all.push(took);
        backend.metrics().observe(Family::DbQuery, "agent.find", Duration::from_micros(took));
        backend.metrics().set_level(Family::SseSubscribers, number % 2 * 10);
        keeper.keep(&backend.system()).await.unwrap();
        clock.advance(SignedDuration::from_mins(10));
    }
    let before = (
        value(&ctx, "db.query.duration.p99", "2d").await,
        value(&ctx, "db.query.duration.count", "2d").await,
        value(&ctx, "sse.subscribers", "2d").await,
    );
    assert_eq!(before.1, Some(180.0));
    assert_eq!(before.2, Some(5.0));
    all.sort_unstable();
    let exact = f64::from(u32::try_from(all[178]).unwrap()) / 1_000.0;
    assert!((before.0.unwrap() - exact).abs() <= exact * 0.02, "{before:?}, {exact}");
    assert_eq!(value(&ctx, "db.query.duration.count", "90m").await, Some(9.0));

    roll_up(&backend.system()).await.unwrap();
    roll_up(&backend.system()).await.unwrap();
    let after = (
        value(&ctx, "db.query.duration.p99", "2d").await,
        value(&ctx, "db.query.duration.count", "2d").await,
        value(&ctx, "sse.subscribers", "2d").await,
    );
    assert_eq!(after, before);
    assert_eq!(value(&ctx, "db.query.duration.count", "90m").await, Some(9.0));

    // Minutes go after two days; hours and days still tell.
    clock.advance(SignedDuration::from_hours(24 * 5));
    roll_up(&backend.system()).await.unwrap();
    assert_eq!(value(&ctx, "db.query.duration.count", "7d").await, Some(180.0));
    clock.advance(SignedDuration::from_hours(24 * 100));
    roll_up(&backend.system()).await.unwrap();
    assert_eq!(value(&ctx, "db.query.duration.count", "200d").await, Some(180.0));
    clock.advance(SignedDuration::from_hours(24 * 400));
    roll_up(&backend.system()).await.unwrap();
    assert_eq!(value(&ctx, "db.query.duration.count", "400d").await, Some(0.0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_could_not_be_written_is_written_later(pool: PgPool) {
    let clock = clock();
    let backend = Backend::for_tests_at(pool.clone(), clock.clone());
    let ctx = admin(&backend).await;
    let mut keeper = Keeper::default();
    backend.metrics().add(Family::Tokens, "", 5);
    let rename = |from: &str, to: &str| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("ALTER TABLE {from} RENAME TO {to}")))
    };
    rename("metric_rollups", "away").execute(&pool).await.unwrap();
    keeper.keep(&backend.system()).await.unwrap_err();
    clock.advance(SignedDuration::from_mins(3));
    backend.metrics().add(Family::Tokens, "", 7);
    keeper.keep(&backend.system()).await.unwrap_err();
    rename("away", "metric_rollups").execute(&pool).await.unwrap();
    keeper.keep(&backend.system()).await.unwrap();
    assert_eq!(value(&ctx, "tokens.used", "1h").await, Some(12.0));
    assert_eq!(value(&ctx, "tokens.used", "1m").await, Some(7.0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_is_measured(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = admin(&backend).await;
    let agent = crate::agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    sessions::start(&ctx, agent.id, sample::goal("Write")).await.unwrap();
    keep_queue(&backend.system()).await.unwrap();
    assert_eq!(value(&ctx, "queue.depth", "5m").await, Some(2.0));
    let claim = work::claim(&backend.system(), "worker").await.unwrap().unwrap();
    keep_queue(&backend.system()).await.unwrap();
    assert_eq!(value(&ctx, "queue.depth", "5m").await, Some(1.0), "written over");
    assert_eq!(value(&ctx, "sessions.active", "5m").await, Some(1.0));
    work::run(&backend.system(), claim, tokio_util::sync::CancellationToken::new()).await.unwrap();
    Keeper::default().keep(&backend.system()).await.unwrap();
    assert_eq!(value(&ctx, "agent.execution.duration.count", "5m").await, Some(1.0));
    assert_eq!(value(&ctx, "tokens.used", "5m").await, Some(5.0));
    assert_eq!(value(&ctx, "cost.usd", "5m").await, Some(0.000_007));
    assert_eq!(value(&ctx, "sessions.ended", "5m").await, Some(1.0));
    let models = worst(&ctx, Family::ModelDuration, Period::HOUR).await.unwrap();
    assert_eq!((models[0].0.as_str(), models[0].1.count), ("parrot:parrot-1", 1));
    let text = prometheus(&backend.system()).await.unwrap();
    for line in [
        "# TYPE resonant_agent_execution_duration_seconds histogram",
        "resonant_tokens_used_total 5",
        "resonant_cost_usd_total 0.000007",
        "resonant_queue_depth 1",
        "resonant_sessions_ended_total{state=\"completed\"} 1",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is missing: {text}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn only_operators_read(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let root = admin(&backend).await;
    assert!(may_read(&root).await.is_ok());
    assert!(may_read(&backend.system()).await.is_ok());
    let kind = |answer: crate::Result<()>| answer.unwrap_err().kind();
    let stranger = sample::member(&backend, "ada").await.unwrap();
    assert_eq!(kind(may_read(&stranger).await), FaultKind::NotFound);
    let guest = sample::guest(&backend).await.unwrap();
    assert_eq!(kind(may_read(&guest).await), FaultKind::NotFound);
    assert_eq!(kind(may_read(&backend.anonymous()).await), FaultKind::Unauthenticated);
    assert_eq!(kind(roll_up(&root).await), FaultKind::Forbidden);
    members::dismiss_admin(&backend.system(), "root@example.org").await.unwrap();
    assert_eq!(kind(may_read(&root).await), FaultKind::NotFound);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn one_process_leads_until_it_gives_up(pool: PgPool) {
    let (one, two) = (Backend::for_tests(pool.clone()), Backend::for_tests(pool));
    assert!(leadership::claim(&one.system()).await.unwrap());
    assert!(!leadership::claim(&two.system()).await.unwrap());
    assert!(leadership::claim(&one.system()).await.unwrap(), "it goes on leading");
    leadership::give_up(&two.system()).await.unwrap();
    assert!(!leadership::claim(&two.system()).await.unwrap());
    leadership::give_up(&one.system()).await.unwrap();
    assert!(leadership::claim(&two.system()).await.unwrap());
}

#[test]
fn the_coarsest_rows_are_read() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let done = BTreeMap::from([
        (Step::Hour, at("2026-11-24T10:00:00Z")),
        (Step::Day, at("2026-11-24T00:00:00Z")),
    ]);
    let (from, to) = (at("2026-11-21T22:15:00Z"), at("2026-11-24T10:30:20Z"));
    let segments = read::cut(Step::Day, from, to, &done);
    let steps: Vec<_> = segments.iter().map(|part| part.step).collect();
    assert_eq!(steps, [Step::Minute, Step::Hour, Step::Day, Step::Hour, Step::Minute]);
    // They touch, and leave nothing out.
    assert_eq!(segments[0].from, from);
    assert_eq!(segments[4].to, to);
    assert!(segments.windows(2).all(|pair| pair[0].to == pair[1].from), "{segments:?}");
    let fresh = read::cut(Step::Day, from, to, &BTreeMap::new());
    assert_eq!(fresh.len(), 1, "without roll-ups all is read from minutes");
}
