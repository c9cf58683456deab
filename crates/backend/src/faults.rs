//! The database dies, its disk is full, the clock jumps: what was acknowledged is there afterwards, what
//! was not was answered with "not available", and work goes on by itself. `RESONANT_FAULTS=full` makes
//! the runs long. What becomes of Redis, replicas, workers and movers, the tests beside them say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use resonant_domain::session::{NewSession, Session, SessionState};
use resonant_domain::{AgentId, FaultKind};
use resonant_runtime::clock::{Clock as _, FixedClock, SystemClock};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::metrics::Keeper;
use crate::own_cluster::Cluster;
use crate::{Backend, Ctx, DatabaseSettings, Error, agents, sample, sessions, work};

const WRITERS: usize = 4;

#[expect(clippy::disallowed_methods, reason = "a test asks how long it may be")]
fn rounds() -> usize {
    if std::env::var("RESONANT_FAULTS").is_ok_and(|form| form == "full") { 10 } else { 1 }
}

/// Whether nothing may be left out.
#[expect(clippy::disallowed_methods, reason = "a test asks whether it may be left out")]
fn must_be_run() -> bool {
    std::env::var("CI").is_ok()
}

async fn backend(cluster: &Cluster) -> Backend {
    let url = cluster.url("resonant");
    Backend::migrate(&url).await.unwrap();
    let mut settings = sample::settings();
    settings.database =
        DatabaseSettings { acquire_timeout: Duration::from_secs(1), ..DatabaseSettings::new(url) };
    let database = Database::open(&settings.database, None).await.unwrap();
    Backend::with_database(database, &settings, Arc::new(SystemClock)).unwrap()
}

/// Who writes meanwhile, and what they were told.
#[derive(Default)]
struct Ledger {
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
    is_over: AtomicBool,
}

impl Ledger {
    /// Starts sessions until told to end; answers those that were acknowledged.
    async fn write(&self, ctx: &Ctx, agent: AgentId) -> Vec<Session> {
        let mut all = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let new = NewSession { goal: "What is 6 * 7?".to_owned(), ..NewSession::default() };
            match sessions::start(ctx, agent, new).await {
                Ok(session) => {
                    all.push(session);
                    self.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    assert_eq!(error.kind(), FaultKind::Unavailable, "{error:?}");
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        all
    }

    /// Waits until so many more were acknowledged, or refused.
    async fn until(&self, count: &AtomicUsize, more: usize) {
        let wanted = count.load(Ordering::Relaxed) + more;
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let counted = async {
            while count.load(Ordering::Relaxed) < wanted {
                tick.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), counted).await.expect("it happens in time");
    }
}

/// Every acknowledged session is there, and can be run to its end.
async fn all_are_there(backend: &Backend, ctx: &Ctx, acknowledged: &[Session]) {
    for session in acknowledged {
        assert_eq!(sessions::get(ctx, session.id).await.unwrap().goal, session.goal);
    }
    let system = backend.system();
    while let Some(claim) = work::claim(&system, "after the fault").await.unwrap() {
        work::run(&system, claim, CancellationToken::new()).await.unwrap();
    }
    for session in acknowledged {
        let ended = sessions::get(ctx, session.id).await.unwrap();
        assert_eq!(ended.state, SessionState::Completed, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_loses_nothing_that_was_acknowledged() {
    let cluster = Cluster::primary(&[]);
    let backend = backend(&cluster).await;
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reckoner")).await.unwrap().id;
    let ledger = Ledger::default();
    let faults = async {
        for _ in 0..rounds() {
            ledger.until(&ledger.acknowledged, 20).await;
            cluster.kill();
            ledger.until(&ledger.refused, WRITERS).await;
            let error = sessions::list(&ctx, sessions::SessionFilter::default()).await.unwrap_err();
            assert_eq!(error.kind(), FaultKind::Unavailable, "{error:?}");
            assert!(backend.is_ready().await.is_err(), "balancers send nothing more");
            assert!(cluster.start_again(), "it starts");
            // Nobody told the process: it finds its way back by itself.
            ledger.until(&ledger.acknowledged, 20).await;
            backend.is_ready().await.unwrap();
        }
        ledger.is_over.store(true, Ordering::Relaxed);
    };
    let writers = futures::future::join_all((0..WRITERS).map(|_| ledger.write(&ctx, agent)));
    let (acknowledged, ()) = tokio::join!(writers, faults);
    all_are_there(&backend, &ctx, &acknowledged.concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "whoever reads the run shall know what was left out")]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    // Little of the write-ahead log is kept for later, so that what is full is full soon.
    let settings = ["max_wal_size=48MB", "min_wal_size=32MB", "wal_recycle=off"];
    let Some(cluster) = Cluster::on_a_disk_of(256, &settings) else {
        assert!(!must_be_run(), "a submission has to pass this: install a C compiler (cc)");
        eprintln!(
            "left out: this process may neither mount a small disk for the database, which takes \
             root, nor is there a C compiler (cc), by which the database is told that its disk is full"
        );
        return;
    };
    let backend = backend(&cluster).await;
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reckoner")).await.unwrap().id;
    let ledger = Ledger::default();
    let faults = async {
        for _ in 0..rounds() {
            ledger.until(&ledger.acknowledged, 20).await;
            cluster.fill_disk();
            ledger.until(&ledger.refused, WRITERS * 5).await;
            cluster.make_room();
            // PostgreSQL ends itself when its log has no room; whoever watches over it starts it.
            if backend.is_ready().await.is_err() {
                let _is_running_already = !cluster.start_again();
            }
            ledger.until(&ledger.acknowledged, 20).await;
            backend.is_ready().await.unwrap();
        }
        ledger.is_over.store(true, Ordering::Relaxed);
    };
    let writers = futures::future::join_all((0..WRITERS).map(|_| ledger.write(&ctx, agent)));
    let (acknowledged, ()) = tokio::join!(writers, faults);
    all_are_there(&backend, &ctx, &acknowledged.concat()).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_clock_that_jumps_loses_and_repeats_nothing(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-11-24T10:30:20Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool, clock.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reckoner")).await.unwrap().id;
    let system = backend.system();
    let mut keeper = Keeper::default();
    let mut ids = Vec::new();
    for hours in [0, -2, 26, -1] {
        clock.advance(SignedDuration::from_hours(hours));
        let new = NewSession { goal: "What is 6 * 7?".to_owned(), ..NewSession::default() };
        let session = sessions::start(&ctx, agent, new).await.unwrap();
        let claim = work::claim(&system, "worker").await.unwrap().unwrap();
        // The clock jumps while a worker has the session, too.
        clock.advance(SignedDuration::from_mins(-30));
        work::run(&system, claim, CancellationToken::new()).await.unwrap();
        let ended = sessions::get(&ctx, session.id).await.unwrap();
        assert_eq!(ended.state, SessionState::Completed, "{ended:?}");
        let events = sessions::events(&ctx, session.id, 0).await.unwrap();
        let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(
            numbers,
            (1..=ended.last_sequence).collect::<Vec<_>>(),
            "each once and in order"
        );
        keeper.keep(&system).await.unwrap();
        ids.push(session.id);
    }
    assert!(work::claim(&system, "worker").await.unwrap().is_none(), "nothing runs twice");
    let listed = sessions::list(&ctx, sessions::SessionFilter::default()).await.unwrap();
    let mut listed: Vec<_> = listed.items.iter().map(|session| session.id).collect();
    listed.sort_unstable();
    ids.sort_unstable();
    assert_eq!(listed, ids, "each is listed once");
    assert!(clock.now() > "2026-11-25T00:00:00Z".parse().unwrap());
    let error: Option<Error> = sessions::get(&backend.anonymous(), ids[0]).await.err();
    assert_eq!(error.map(|error| error.kind()), Some(FaultKind::Unauthenticated));
}
