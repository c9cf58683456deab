use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use resonant_domain::FaultKind;
use resonant_domain::distribution::Distribution;
use resonant_domain::metric::{Metric, Period};
use resonant_runtime::clock::{Clock as _, FixedClock};
use sqlx::PgPool;

use super::roll_up::roll_up_at;
use super::*;
use crate::store::metrics::Row;
use crate::{Backend, Ctx, leadership, members, sample, sessions, store, work};

mod idle;
mod kept;

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

#[test]
fn a_level_that_is_looked_at_is_not_measured_by_that() {
    let metrics = Metrics::default();
    assert_eq!(metrics.level(Family::SseSubscribers), 0);
    assert!(metrics.counted().is_empty());
    let open = metrics.raise(Family::SseSubscribers);
    assert_eq!(metrics.level(Family::SseSubscribers), 1);
    drop(open);
    assert_eq!(metrics.level(Family::SseSubscribers), 0);
    assert_eq!(metrics.counted().len(), 1);
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

    roll_up_at(&backend.system(), clock.now()).await.unwrap();
    roll_up_at(&backend.system(), clock.now()).await.unwrap();
    let after = (
        value(&ctx, "db.query.duration.p99", "2d").await,
        value(&ctx, "db.query.duration.count", "2d").await,
        value(&ctx, "sse.subscribers", "2d").await,
    );
    assert_eq!(after, before);
    assert_eq!(value(&ctx, "db.query.duration.count", "90m").await, Some(9.0));

    // Minutes go after two days; hours and days still tell.
    clock.advance(SignedDuration::from_hours(24 * 5));
    roll_up_at(&backend.system(), clock.now()).await.unwrap();
    assert_eq!(value(&ctx, "db.query.duration.count", "7d").await, Some(180.0));
    clock.advance(SignedDuration::from_hours(24 * 100));
    roll_up_at(&backend.system(), clock.now()).await.unwrap();
    assert_eq!(value(&ctx, "db.query.duration.count", "200d").await, Some(180.0));
    clock.advance(SignedDuration::from_hours(24 * 400));
    roll_up_at(&backend.system(), clock.now()).await.unwrap();
    assert_eq!(value(&ctx, "db.query.duration.count", "400d").await, Some(0.0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_rate_is_that_of_the_time_that_was_read(pool: PgPool) {
    let clock = clock();
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = admin(&backend).await;
    let mut keeper = Keeper::default();
    // A token a second, until twenty seconds are over of the third minute.
    for tokens in [60, 60, 20] {
        backend.metrics().add(Family::Tokens, "", tokens);
        keeper.keep(&backend.system()).await.unwrap();
        clock.advance(SignedDuration::from_mins(1));
    }
    clock.advance(SignedDuration::from_mins(-1));
    for period in ["1m", "2m"] {
        assert_eq!(value(&ctx, "tokens.used.rate", period).await, Some(1.0), "{period}");
    }
    let period = Period::parse("period", "2m").unwrap();
    let points = series(&ctx, &metric("tokens.used.rate"), period, 2).await.unwrap();
    let rates: Vec<_> = points.iter().map(|point| point.value).collect();
    assert_eq!(rates, [Some(1.0); 3], "the last minute is not over");
    let rate = metric("tokens.used.rate");
    let looked = look(&backend.system(), &[(&rate, Period::parse("period", "1m").unwrap())]).await;
    assert_eq!(looked.unwrap()[0].value, Some(1.0));
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

/// What an hour or a day counts in the requests of programs.
async fn rolled_up(backend: &Backend, step: Step, at: &str) -> u64 {
    let at: Timestamp = at.parse().unwrap();
    let mut conn = backend.catalogue_read_latest().await.unwrap();
    let rows = store::metrics::list_step(&mut conn, step, at, step.after(at)).await.unwrap();
    let wholes = rows.iter().filter(|row| row.family == Family::ApiLatency && row.label.is_empty());
    wholes.map(|row| row.distribution.count).sum()
}

fn request(backend: &Backend) {
    backend.metrics().observe(Family::ApiLatency, "GET /a", Duration::from_millis(10));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_comes_late_reaches_the_hour_and_the_day(pool: PgPool) {
    let (clock, late) = (clock(), clock());
    let one = Backend::for_tests_at(pool.clone(), clock.clone());
    let two = Backend::for_tests_at(pool, late);
    request(&one);
    Keeper::default().keep(&one.system()).await.unwrap();
    clock.advance(SignedDuration::from_mins(95));
    roll_up_at(&one.system(), clock.now()).await.unwrap();
    assert_eq!(rolled_up(&one, Step::Hour, "2026-11-24T10:00:00Z").await, 1);

    request(&two);
    Keeper::default().keep(&two.system()).await.unwrap();
    clock.advance(SignedDuration::from_hours(1));
    roll_up_at(&one.system(), clock.now()).await.unwrap();
    assert_eq!(rolled_up(&one, Step::Hour, "2026-11-24T10:00:00Z").await, 2);
    clock.advance(SignedDuration::from_hours(24));
    roll_up_at(&one.system(), clock.now()).await.unwrap();
    assert_eq!(rolled_up(&one, Step::Day, "2026-11-24T00:00:00Z").await, 2);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_instant_that_a_clock_ahead_wrote_does_not_stop_the_roll_up(pool: PgPool) {
    let clock = clock();
    let backend = Backend::for_tests_at(pool, clock.clone());
    request(&backend);
    Keeper::default().keep(&backend.system()).await.unwrap();
    let mut tx = backend.catalogue_begin().await.unwrap();
    let ahead = clock.now() + SignedDuration::from_hours(24 * 365);
    for step in [Step::Hour, Step::Day] {
        store::metrics::update_done(&mut tx, step, step.floor(ahead)).await.unwrap();
    }
    tx.commit().await.unwrap();
    clock.advance(SignedDuration::from_hours(24));
    roll_up_at(&backend.system(), clock.now()).await.unwrap();
    assert_eq!(rolled_up(&backend, Step::Hour, "2026-11-24T10:00:00Z").await, 1);
    assert_eq!(rolled_up(&backend, Step::Day, "2026-11-24T00:00:00Z").await, 1);
    let mut conn = backend.catalogue_read_latest().await.unwrap();
    let done = store::metrics::find_done(&mut conn, Step::Hour).await.unwrap();
    assert_eq!(done, Some("2026-11-25T10:00:00Z".parse().unwrap()));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_clock_that_steps_back_loses_nothing(pool: PgPool) {
    let clock = clock();
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = admin(&backend).await;
    let mut keeper = Keeper::default();
    for (minutes, tokens) in [(0, 5), (1, 7), (-1, 1), (1, 2)] {
        clock.advance(SignedDuration::from_mins(minutes));
        backend.metrics().add(Family::Tokens, "", tokens);
        keeper.keep(&backend.system()).await.unwrap();
    }
    assert_eq!(value(&ctx, "tokens.used", "1h").await, Some(15.0));

    // The clock is three hours ahead for a while.
    clock.advance(SignedDuration::from_hours(3));
    for _ in 0..40 {
        clock.advance(SignedDuration::from_mins(1));
        keeper.keep(&backend.system()).await.unwrap();
    }
    clock.advance(SignedDuration::from_mins(-3 * 60 - 30));
    for _ in 0..2 {
        backend.metrics().add(Family::Tokens, "", 10);
        keeper.keep(&backend.system()).await.unwrap();
    }
    assert_eq!(value(&ctx, "tokens.used", "1h").await, Some(35.0));

    // A row that counts less is never written over one that counts more.
    let at = Step::Minute.floor(clock.now());
    let process = backend.metrics().process();
    let mut tx = backend.catalogue_begin().await.unwrap();
    let less = Distribution { count: 1, sum: 2, ..Distribution::default() };
    let row = Row::new(at, Family::Tokens, String::new(), process, less);
    store::metrics::upsert(&mut tx, &[row]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(value(&ctx, "tokens.used", "1h").await, Some(35.0));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_course_has_a_value_in_every_part(pool: PgPool) {
    let clock = clock();
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = admin(&backend).await;
    let mut keeper = Keeper::default();
    // More than seven days: a request every hour, and on the last every twenty minutes.
    for number in 0..(6 * 24 + 26 * 3) {
        request(&backend);
        keeper.keep(&backend.system()).await.unwrap();
        clock.advance(SignedDuration::from_mins(if number < 6 * 24 { 60 } else { 20 }));
    }
    for _ in 0..5 {
        roll_up_at(&backend.system(), clock.now()).await.unwrap();
    }
    for period in ["24h", "7d"] {
        let period = Period::parse("period", period).unwrap();
        let points = series(&ctx, &metric("api.latency.p50"), period, 60).await.unwrap();
        let empty = points.iter().filter(|point| point.value.is_none()).count();
        // In the last one nothing may have happened yet.
        assert!(points.len() > 50 && empty <= 1, "{period}: {points:?}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn labels_that_are_used_no_more_make_room(pool: PgPool) {
    let clock = clock();
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = admin(&backend).await;
    let mut keeper = Keeper::default();
    let count = |label: &str| backend.metrics().add(Family::Limited, label, 1);
    let is_known = |name: &str| {
        let all = backend.metrics().counted();
        all.iter().any(|(family, label, _)| *family == Family::Limited && **label == *name)
    };
    for number in 0..300 {
        count(&format!("caller {number}"));
    }
    assert!(is_known("other") && !is_known("caller 299"));
    for minutes in [0, 59] {
        clock.advance(SignedDuration::from_mins(minutes));
        keeper.keep(&backend.system()).await.unwrap();
        assert!(is_known("caller 7"), "it was used lately");
    }
    clock.advance(SignedDuration::from_mins(2));
    count("caller 8");
    keeper.keep(&backend.system()).await.unwrap();
    assert!(!is_known("caller 7") && is_known("caller 8"));
    count("caller 299");
    count("caller 7");
    assert!(is_known("caller 299"));
    keeper.keep(&backend.system()).await.unwrap();
    let labels = worst(&ctx, Family::Limited, Period::parse("period", "4h").unwrap()).await;
    let labels = labels.unwrap();
    let of = |name: &str| labels.iter().find(|(label, _)| label == name).map(|(_, all)| all.sum);
    assert_eq!((of("caller 7"), of("caller 8")), (Some(2), Some(2)), "nothing is lost or repeated");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_name_of_any_length_keeps_no_measurement_from_being_written(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = admin(&backend).await;
    // By chance, so that it cannot be packed: a row of an index may be.
    let mut state = 7_u32;
    let letters = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(u32::from('a') + (state >> 24) % 26).unwrap()
    });
    let long: String = letters.take(10_000).collect();
    let foreign = format!("x{}", "ü".repeat(150));
    for (tool, ms) in [(&long, 5), (&foreign, 3)] {
        backend.metrics().observe(Family::ToolDuration, tool, Duration::from_millis(ms));
    }
    Keeper::default().keep(&backend.system()).await.unwrap();
    let tools = worst(&ctx, Family::ToolDuration, Period::HOUR).await.unwrap();
    let tools: Vec<_> = tools.iter().map(|(tool, all)| (tool.as_str(), all.count)).collect();
    assert_eq!(tools, [(&long[..200], 1), (&foreign[..199], 1)]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn slow_ones_that_could_not_be_written_are_written_later(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = admin(&backend).await;
    let mut keeper = Keeper::default();
    backend.metrics().note_slow(SlowSample {
        at: backend.now(),
        kind: SlowKind::Request,
        name: "GET /slow".to_owned(),
        duration_us: 900_000,
        request_id: None,
        trace_id: None,
    });
    sqlx::raw_sql("ALTER TABLE slow_samples RENAME TO away").execute(&pool).await.unwrap();
    keeper.keep(&backend.system()).await.unwrap_err();
    sqlx::raw_sql("ALTER TABLE away RENAME TO slow_samples").execute(&pool).await.unwrap();
    keeper.keep(&backend.system()).await.unwrap();
    keeper.keep(&backend.system()).await.unwrap();
    assert_eq!(list_slow(&ctx, Period::HOUR).await.unwrap().len(), 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn prometheus_is_answered_without_the_database(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let waits = || sample::connections_asked(&backend);
    request(&backend);
    assert!(prometheus(&backend.system()).await.unwrap().contains("resonant_queue_depth"));
    let before = waits();
    // Whoever listens on a connection of its own need not be waited for.
    drop(tokio::time::timeout(Duration::from_millis(50), pool.close()).await);
    let text = prometheus(&backend.system()).await.unwrap();
    assert!(text.contains("resonant_api_latency_seconds_count{route=\"GET /a\"} 1"), "{text}");
    assert!(!text.contains("resonant_queue_depth"), "{text}");
    assert!(waits() > before, "a wait for nothing is one too");
}

/// 3,000 values, drawn and not recorded: what Python 3's `int(lognormvariate(8, 1))` gives after
/// `random.Random(7)`. So uneven are response times: most lie near three thousand, a few far above.
const UNEVEN: &str = include_str!("../../../domain/src/distribution/uneven.txt");
/// As many that were recorded: `resonant_domain::distribution` says of what.
const RECORDED: &str = include_str!("../../../domain/src/distribution/recorded.txt");

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn quantiles_outlive_processes_minutes_hours_and_days(pool: PgPool) {
    outlive(pool, UNEVEN).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn recorded_quantiles_outlive_processes_minutes_hours_and_days(pool: PgPool) {
    outlive(pool, RECORDED).await;
}

async fn outlive(pool: PgPool, recorded: &str) {
    let clock = clock();
    let two = [(); 2].map(|()| Backend::for_tests_at(pool.clone(), clock.clone()));
    let ctx = admin(&two[0]).await;
    let lines = recorded.lines().filter(|line| !line.starts_with('#'));
    let mut values: Vec<u64> = lines.map(|line| line.parse().unwrap()).collect();
    assert_eq!(values.len(), 3_000);
    let mut keepers = [Keeper::default(), Keeper::default()];
    // Over more than a day, from two processes that are looked at in turn.
    for (number, part) in values.chunks(40).enumerate() {
        let backend = &two[number % 2];
        for value in part {
            let took = Duration::from_micros(*value);
            backend.metrics().observe(Family::DbQuery, "agent.find", took);
        }
        keepers[number % 2].keep(&backend.system()).await.unwrap();
        clock.advance(SignedDuration::from_mins(30));
    }
    values.sort_unstable();
    let near = async |when: &str| {
        for (name, thousandths) in [("p50", 500), ("p99", 990)] {
            let exact = values[values.len() * thousandths / 1_000 - 1];
            let exact = f64::from(u32::try_from(exact).unwrap()) / 1_000.0;
            let told = value(&ctx, &format!("db.query.duration.{name}"), "3d").await.unwrap();
            assert!((told - exact).abs() <= exact * 0.02, "{when}, {name}: {told} for {exact}");
        }
    };
    near("from minutes").await;
    for _ in 0..2 {
        roll_up_at(&two[0].system(), clock.now()).await.unwrap();
    }
    near("from hours and a day").await;
    assert_eq!(value(&ctx, "db.query.duration.count", "3d").await, Some(3_000.0));
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
    assert_eq!(value(&ctx, "queue.depth.max", "5m").await, Some(2.0), "the highest of the minute");
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
    assert!(roll_up(&backend.system()).await.is_ok());
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
