//! Facts about clocks that jump: that of a machine, which nothing goes by, and that of the database, which
//! everything does.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use resonant_domain::alert::{Alert, AlertState};
use resonant_runtime::clock::{Clock as _, FixedClock, SteadyClock, SystemClock};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, Row as _, raw_sql};

use crate::processes::{self, Process};
use crate::rate_limits::{self, Sharer};
use crate::{Actor, Backend, Ctx, RateLimit, SignInChange};
use crate::{agents, alerts, leadership, members, sample, schedules, sessions, work};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A process whose machine's clock a test sets.
struct World {
    pool: PgPool,
    backend: Backend,
    machine: Arc<FixedClock>,
}

impl World {
    fn new(pool: PgPool) -> Self {
        let machine = Arc::new(FixedClock::new(SystemClock.now()));
        let clock = Arc::new(SteadyClock::over(machine.clone()));
        Self { backend: Backend::for_tests_at(pool.clone(), clock), pool, machine }
    }

    /// Sets the machine's clock, and does what a process does every few seconds.
    async fn jump(&self, by: SignedDuration) {
        self.machine.advance(by);
        let process = Process::begin("all", "1.2.3", 1);
        processes::tell(&self.backend.system(), &process).await.unwrap();
    }

    async fn run(&self, statement: &str) {
        raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await.unwrap();
    }

    async fn guest_with_schedule(&self) -> Ctx {
        let ctx = sample::guest(&self.backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        schedules::create(&ctx, sample::schedule(agent.id, "0 0 1 1 *")).await.unwrap();
        ctx
    }
}

async fn started(ctx: &Ctx) -> usize {
    let all = sessions::SessionFilter::default();
    sessions::list(ctx, all).await.unwrap().items.len()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_schedule_runs_once_at_its_time_whatever_the_machine_shows(pool: PgPool) {
    let world = World::new(pool);
    let ctx = world.guest_with_schedule().await;
    let system = world.backend.system();
    world.run("UPDATE schedules SET next_run_at = now() + INTERVAL '1 hour'").await;
    for jump in [DAY * 400, -DAY * 800] {
        world.jump(jump).await;
        assert_eq!(schedules::run_due(&system).await.unwrap(), 0, "not before its time: {jump}");
    }
    // The machine's clock is more than a year behind.
    world.run("UPDATE schedules SET next_run_at = now() - INTERVAL '2 seconds'").await;
    assert_eq!(schedules::run_due(&system).await.unwrap(), 1, "and not never");
    assert_eq!(schedules::run_due(&system).await.unwrap(), 0);
    world.jump(DAY * 400).await;
    assert_eq!(schedules::run_due(&system).await.unwrap(), 0);
    assert_eq!(started(&ctx).await, 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_sign_in_lasts_as_long_as_it_should(pool: PgPool) {
    let world = World::new(pool);
    let ctx = sample::member(&world.backend, "ada").await.unwrap();
    let Some(SignInChange::Issued(token)) = ctx.sign_in_change() else { panic!("no token") };
    let actor = async || members::authenticate(&world.backend, token.as_str()).await.unwrap();
    for jump in [DAY * 60, -DAY * 120] {
        world.jump(jump).await;
        assert!(matches!(actor().await, Some(Actor::User { .. })), "{jump}");
    }
    world.run("UPDATE sign_ins SET expires_at = now() - INTERVAL '2 seconds'").await;
    let other = World::new(world.pool.clone());
    other.jump(-DAY * 60).await;
    assert_eq!(members::authenticate(&other.backend, token.as_str()).await.unwrap(), None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_alert_holds_for_its_time_before_it_fires(pool: PgPool) {
    let world = World::new(pool);
    let system = world.backend.system();
    assert!(leadership::claim(&system).await.unwrap());
    let absence = json!({
        "name": "Nobody asks", "type": "absence", "metric": "api.latency.p99",
        "condition": { "period": "5m" }, "for_duration": "10m",
    });
    let made: Alert =
        alerts::create(&system, serde_json::from_value(absence).unwrap()).await.unwrap().made;
    let state = async || alerts::get(&system, made.id).await.unwrap().state;
    alerts::evaluate(&system).await.unwrap();
    assert_eq!(state().await, AlertState::Pending);
    for jump in [DAY, -DAY * 2] {
        world.jump(jump).await;
        assert_eq!(alerts::evaluate(&system).await.unwrap(), 0, "{jump}");
        assert_eq!(state().await, AlertState::Pending, "{jump}");
    }
    world.run("UPDATE alerts SET since = since - INTERVAL '10 minutes'").await;
    assert_eq!(alerts::evaluate(&system).await.unwrap(), 1);
    assert_eq!(state().await, AlertState::Firing);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_rate_of_requests_goes_by_no_clock_that_can_be_set(pool: PgPool) {
    let world = World::new(pool);
    let ctx = world.backend.anonymous();
    let limit = RateLimit { name: "test", requests: 2, window: Duration::from_hours(1) };
    let sharer = Sharer::address(Some("192.0.2.1".parse().unwrap()));
    let is_refused = async || rate_limits::count(&ctx, &limit, &sharer).await.retry_after.is_some();
    assert!(!is_refused().await && !is_refused().await);
    for jump in [DAY, -DAY * 2] {
        world.jump(jump).await;
        assert!(is_refused().await, "{jump}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn leases_end_although_the_database_clock_was_turned_back(pool: PgPool) {
    let world = World::new(pool);
    let other = Backend::for_tests(world.pool.clone());
    assert!(leadership::claim(&world.backend.system()).await.unwrap());
    assert!(!leadership::claim(&other.system()).await.unwrap());
    let ctx = sample::guest(&world.backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    let lost = work::claim(&world.backend.system(), "lost").await.unwrap().unwrap();
    assert_eq!(lost.session_id(), session.id);

    // So it looks when the clock of the database goes back by an hour, and its holders are gone.
    world.run("UPDATE leases SET lease_until = lease_until + INTERVAL '1 hour'").await;
    world.run("UPDATE session_queue SET lease_until = lease_until + INTERVAL '1 hour'").await;
    assert!(leadership::claim(&other.system()).await.unwrap(), "another leads");
    let ahead = Arc::new(FixedClock::new(SystemClock.now() + SignedDuration::from_hours(1)));
    let survivor = Arc::new(SteadyClock::over(ahead));
    let survivor = Backend::for_tests_at(world.pool.clone(), survivor);
    let process = Process::begin("all", "1.2.3", 1);
    processes::tell(&survivor.system(), &process).await.unwrap();
    let behind = survivor.now().duration_since(SystemClock.now());
    assert!(behind.abs() < SignedDuration::from_mins(1), "it goes by the database: {behind}");
    let left = "SELECT extract(epoch FROM lease_until - now())::FLOAT8 FROM session_queue";
    let left: f64 = raw_sql(left).fetch_one(&world.pool).await.unwrap().get(0);
    assert!(left <= survivor.lease().as_secs_f64(), "free within a lease: {left} s");
}
