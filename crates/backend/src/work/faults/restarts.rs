//! A database that is started anew again and again.

use resonant_domain::AgentId;
use sqlx::postgres::PgPoolOptions;

use super::*;
use crate::own_cluster::Cluster;

/// How many sessions are in the queue.
#[expect(clippy::disallowed_methods, reason = "a count of these tests alone")]
async fn queued(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT count(*) FROM session_queue").fetch_one(pool).await
}

/// Starts sessions until it is told to end, so that some are open at any time. Answers those that it was told
/// to have started.
async fn feed(ctx: Ctx, pool: PgPool, agent: AgentId, enough: CancellationToken) -> Vec<SessionId> {
    let mut fed = Vec::new();
    while !enough.is_cancelled() {
        let is_hungry = queued(&pool).await.is_ok_and(|count| count < 30);
        let started = if is_hungry {
            sessions::start(&ctx, agent, sample::goal("go")).await.ok()
        } else {
            None
        };
        match started {
            Some(session) => fed.push(session.id),
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    fed
}

/// The database is started anew again and again while workers of the process itself work, and sessions come
/// in: what was acknowledged comes to its end, and a restart is no fault of a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_however_often_the_database_is_started_anew() {
    let cluster = Cluster::primary(&[]);
    let url = cluster.url("resonant");
    Backend::migrate(&url).await.unwrap();
    let options: PgConnectOptions = url.parse().unwrap();
    let patience = PgPoolOptions::new().acquire_timeout(Duration::from_secs(1));
    let pool = patience.connect_lazy_with(options);
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let tools = vec![ToolGrant::new("calculator")];
    let spec = AgentSpec { tools, ..sample::spec("Twofold") };
    let agent = agents::create(&ctx, spec).await.unwrap().id;
    let (over, enough) = (CancellationToken::new(), CancellationToken::new());
    let workers = {
        let (backend, over) = (backend.clone(), over.clone());
        tokio::spawn(async move { work_on(&backend, &over).await })
    };
    let feeder = tokio::spawn(feed(ctx.clone(), pool.clone(), agent, enough.clone()));
    let (began, restarts) = (Instant::now(), if is_full() { 20 } else { 2 });
    for number in 0..restarts {
        tokio::time::sleep(moment(600)).await;
        while !queued(&pool).await.is_ok_and(|count| count > 0) {
            assert!(began.elapsed() < Duration::from_mins(10), "nothing is open: {number}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cluster.kill();
        assert!(cluster.start_again(), "it starts");
    }
    enough.cancel();
    let ids = feeder.await.unwrap();
    assert!(!ids.is_empty());
    let began = Instant::now();
    for id in &ids {
        loop {
            let session = sessions::get(&ctx, *id).await;
            if let Some(session) = session.ok().filter(|session| session.state.is_terminal()) {
                assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
                break;
            }
            assert!(began.elapsed() < Duration::from_mins(5), "{id} is not over");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // A tool that could not write while the database was away has said so.
        assert!(effects(&pool, *id, "calculator").await <= 1);
    }
    over.cancel();
    workers.await.unwrap();
}
