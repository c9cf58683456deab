//! Replicas that lag, die and come back, and processes that know of each other's writes or do not.
//! `RESONANT_FAULTS=full` makes the runs long.

mod unheard;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use resonant_domain::agent::AgentChanges;
use resonant_domain::{AgentId, UserId};
use resonant_runtime::clock::SystemClock;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, raw_sql};
use uuid::Uuid;

use super::Database;
use crate::cache::tests::{Server, until};
use crate::own_cluster::Cluster;
use crate::{Backend, Ctx, DatabaseSettings, Settings, access, agents, sample, sessions, store};

/// The write-then-read pairs of a test.
#[expect(clippy::disallowed_methods, reason = "a test asks how long it may be")]
fn pairs() -> usize {
    let is_full = std::env::var("RESONANT_FAULTS").is_ok_and(|form| form == "full");
    if is_full { 100_000 } else { 500 }
}

async fn primary() -> Cluster {
    let primary = Cluster::primary(&[]);
    Backend::migrate(&primary.url("resonant")).await.unwrap();
    primary
}

fn settings(primary: &Cluster, replicas: &[&Cluster], redis: Option<&str>) -> Settings {
    let mut settings = sample::settings();
    settings.redis_url = redis.map(Server::url);
    settings.database = DatabaseSettings {
        replica_urls: replicas.iter().map(|replica| replica.url("resonant")).collect(),
        replica_max_lag: Duration::from_secs(2),
        ..DatabaseSettings::new(primary.url("resonant"))
    };
    settings
}

/// A process of its own, as far as databases and Redis can tell.
async fn process(settings: &Settings) -> Backend {
    let redis_url = settings.redis_url.as_deref();
    let database = Database::open(&settings.database, redis_url).await.unwrap();
    Backend::with_database(database, settings, Arc::new(SystemClock)).unwrap()
}

async fn text(conn: &mut PgConnection, query: &str) -> String {
    let rows = raw_sql(AssertSqlSafe(query.to_owned())).fetch_all(conn).await.unwrap();
    rows[0].get(0)
}

async fn tell(cluster: &Cluster, query: &str) -> String {
    let pool = sqlx::PgPool::connect(&cluster.url("resonant")).await.unwrap();
    text(&mut pool.acquire().await.unwrap(), query).await
}

/// The port of the database that answers a reader.
async fn answers(backend: &Backend, owner: UserId) -> String {
    let mut conn = backend.read(owner).await.unwrap();
    text(&mut conn, "SELECT current_setting('port')").await
}

/// Asks again until all of these, and no other in between, have answered.
async fn until_answers(backend: &Backend, owner: UserId, wanted: &[&Cluster]) {
    let wanted: Vec<_> = wanted.iter().map(|cluster| cluster.port()).collect();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let asked = async {
        let mut seen = std::collections::HashSet::new();
        while seen.len() < wanted.len() {
            tick.tick().await;
            let port = answers(backend, owner).await;
            if wanted.contains(&port) {
                seen.insert(port);
            } else {
                seen.clear();
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asked).await.expect("they answer in time");
}

/// An agent, and its owner.
async fn agent(backend: &Backend) -> (Ctx, UserId, AgentId) {
    let ctx = sample::guest(backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    (ctx.clone(), access::user(&ctx).unwrap(), agent.id)
}

async fn rename(ctx: &Ctx, agent: AgentId, name: &str) {
    let changes = AgentChanges { name: Some(name.to_owned()), ..AgentChanges::default() };
    agents::update(ctx, agent, changes, None).await.unwrap();
}

/// The agent's name where a process reads it, and the port of who answered.
async fn name(backend: &Backend, owner: UserId, agent: AgentId) -> (String, String) {
    let mut conn = backend.read(owner).await.unwrap();
    let found = store::agents::find(&mut conn, owner, agent).await.unwrap();
    (found.expect("the agent").spec.name, text(&mut conn, "SELECT current_setting('port')").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_never_reads_what_was_before_in_any_process() {
    const WRITERS: usize = 10;
    const REDIS: &str = "pairs";
    let (_redis, primary) = (Server::start(REDIS), primary().await);
    let replicas = [
        primary.replica(&["recovery_min_apply_delay=20ms"]),
        primary.replica(&["recovery_min_apply_delay=150ms"]),
    ];
    let settings = settings(&primary, &[&replicas[0], &replicas[1]], Some(REDIS));
    let (here, there) = (process(&settings).await, process(&settings).await);
    let writers = join_all((0..WRITERS).map(|_| agent(&here))).await;
    let (_, someone, _) = writers[0];
    until_answers(&here, someone, &[&replicas[0], &replicas[1]]).await;
    until_answers(&there, someone, &[&replicas[0], &replicas[1]]).await;

    let (here, there, primary) = (&here, &there, primary.port());
    let runs = writers.iter().map(|(ctx, owner, id)| {
        let primary = primary.clone();
        async move {
            let mut stale = 0;
            for number in 0..pairs() / WRITERS {
                let wanted = format!("Reader {number}");
                rename(ctx, *id, &wanted).await;
                for process in [here, there] {
                    stale += usize::from(name(process, *owner, *id).await.0 != wanted);
                }
                // Now and then until a replica answers, which has to have it then.
                let mut is_waiting = number % 10 == 0;
                while is_waiting {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    let (read, port) = name(there, *owner, *id).await;
                    stale += usize::from(read != wanted);
                    is_waiting = port == primary;
                }
            }
            stale
        }
    });
    assert_eq!(join_all(runs).await.iter().sum::<usize>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_dead_or_lags_is_left_out_until_it_is_well() {
    const REDIS: &str = "lag";
    let (_redis, primary) = (Server::start(REDIS), primary().await);
    let (replica, stranger) = (primary.replica(&[]), Cluster::primary(&[]));
    let settings = settings(&primary, &[&replica, &stranger], Some(REDIS));
    let backend = process(&settings).await;
    let (ctx, owner, id) = agent(&backend).await;
    until_answers(&backend, owner, &[&replica]).await;

    replica.stop();
    assert_eq!(answers(&backend, owner).await, primary.port(), "nobody waits for the dead");
    replica.start();
    until_answers(&backend, owner, &[&replica]).await;

    tell(&replica, "SELECT pg_wal_replay_pause()::TEXT").await;
    rename(&ctx, id, "Paused").await;
    assert_eq!(name(&backend, owner, id).await, ("Paused".to_owned(), primary.port()));
    let stranger_to_writes = UserId::from_uuid(Uuid::nil());
    until_answers(&backend, stranger_to_writes, &[&primary]).await;
    tell(&replica, "SELECT pg_wal_replay_resume()::TEXT").await;
    until_answers(&backend, owner, &[&replica]).await;
    assert_eq!(name(&backend, owner, id).await.0, "Paused");
}

/// It has come farther than the one that is the primary now, so that its place in the log tells nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_did_not_follow_another_primary_is_left_out() {
    const REDIS: &str = "failover";
    let (_redis, primary) = (Server::start(REDIS), primary().await);
    let (heir, other) = (primary.replica(&[]), primary.replica(&[]));
    let before = process(&settings(&primary, &[], Some(REDIS))).await;
    let (ctx, owner, id) = agent(&before).await;
    let count = "SELECT count(*)::TEXT FROM agents";
    until("the heir has it", async || tell(&heir, count).await == "1").await;
    heir.stop();
    // More than the heir writes until the end of the test.
    let log = "SELECT max(pg_logical_emit_message(FALSE, 'resonant', repeat('x', 1000000)))::TEXT
               FROM generate_series(1, 80)";
    let end = tell(&primary, log).await;
    rename(&ctx, id, "Lost").await;
    let has_more = format!("SELECT (pg_last_wal_replay_lsn() >= '{end}')::TEXT");
    until("the other has more", async || tell(&other, &has_more).await == "true").await;
    let (actor, request_id) = (ctx.actor(), ctx.request_id().clone());
    drop((ctx, before));
    primary.stop();
    heir.start();
    tell(&heir, "SELECT pg_promote()::TEXT").await;

    let follower = heir.replica(&[]);
    let after = process(&settings(&heir, &[&other, &follower], Some(REDIS))).await;
    let ctx = after.ctx(actor, request_id);
    until_answers(&after, owner, &[&follower]).await;
    for number in 0..10 {
        let wanted = format!("Reader {number}");
        rename(&ctx, id, &wanted).await;
        let (read, port) = name(&after, owner, id).await;
        assert_eq!(read, wanted, "{port}");
        assert_ne!(answers(&after, owner).await, other.port());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_has_forgotten_the_primary_answers() {
    const REDIS: &str = "forgets";
    let (mut redis, primary) = (Some(Server::start(REDIS)), primary().await);
    let replica = primary.replica(&[]);
    let settings = settings(&primary, &[&replica], Some(REDIS));
    let (writer, reader) = (process(&settings).await, process(&settings).await);
    let (ctx, owner, id) = agent(&writer).await;
    for fault in ["evicted", "flushed", "restarted", "away"] {
        until_answers(&reader, owner, &[&replica]).await;
        tell(&replica, "SELECT pg_wal_replay_pause()::TEXT").await;
        if fault == "away" {
            drop(redis.take());
        }
        // Without Redis the writer waits for the replica, until that is out of use.
        rename(&ctx, id, fault).await;
        match fault {
            "evicted" => {
                let position = format!("resonant:written:1:{owner}");
                Server::tell(REDIS, &["DEL", &position]).await;
            }
            "flushed" => Server::tell(REDIS, &["FLUSHALL"]).await,
            "restarted" => {
                drop(redis.take());
                redis = Some(Server::start(REDIS));
            }
            _ => {}
        }
        assert_eq!(name(&reader, owner, id).await, (fault.to_owned(), primary.port()), "{fault}");
        let behind = tell(&replica, "SELECT min(name) FROM agents").await;
        assert_ne!(behind, fault, "the replica does not have it");
        tell(&replica, "SELECT pg_wal_replay_resume()::TEXT").await;
    }
    drop(redis);
}

/// A write is called out, and forgotten everywhere, before its place in the log is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_read_where_it_is_written() {
    const REDIS: &str = "kept";
    let (_redis, primary) = (Server::start(REDIS), primary().await);
    let replica = primary.replica(&[]);
    let backend = process(&settings(&primary, &[&replica], Some(REDIS))).await;
    let (ctx, owner, agent) = agent(&backend).await;
    let session = sessions::start(&ctx, agent, sample::goal("Read")).await.unwrap();
    sessions::cancel(&ctx, session.id).await.unwrap();
    until_answers(&backend, owner, &[&replica]).await;
    tell(&replica, "SELECT pg_wal_replay_pause()::TEXT").await;
    // A write whose place in the log this process does not know yet: a replica may still answer it.
    tell(&primary, "UPDATE sessions SET goal = 'Write' RETURNING goal").await;
    assert_eq!(sessions::get(&ctx, session.id).await.unwrap().goal, "Write");
    tell(&replica, "SELECT pg_wal_replay_resume()::TEXT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_process_reads_from_replicas_while_it_is_alone() {
    let primary = primary().await;
    let replica = primary.replica(&["recovery_min_apply_delay=200ms"]);
    let settings = settings(&primary, &[&replica], None);
    let reader = process(&settings).await;
    let (_, owner, _) = agent(&reader).await;
    until_answers(&reader, owner, &[&replica]).await;

    let writer = process(&settings).await;
    let (ctx, owner, id) = agent(&writer).await;
    for number in 0..20 {
        let wanted = format!("Reader {number}");
        rename(&ctx, id, &wanted).await;
        assert_eq!(name(&reader, owner, id).await, (wanted, primary.port()));
    }
    drop((ctx, writer));
    until_answers(&reader, owner, &[&replica]).await;
}

/// Nobody tells what it wrote, and a replica may lack that for longer than it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_wrote_before_it_went_is_read_without_redis() {
    let primary = primary().await;
    let replica = primary.replica(&["recovery_min_apply_delay=7s"]);
    let mut settings = settings(&primary, &[&replica], None);
    settings.database.replica_max_lag = Duration::from_secs(9);
    let (reader, writer) = (process(&settings).await, process(&settings).await);
    let (ctx, owner, id) = agent(&writer).await;
    rename(&ctx, id, "Last").await;
    drop((ctx, writer));
    let mut is_waiting = true;
    while is_waiting {
        let (read, port) = name(&reader, owner, id).await;
        assert_eq!(read, "Last", "{port}");
        is_waiting = port == primary.port();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Who commits a statement asks over the same connection how far the log is: all others may be held by
/// those who do as well.
#[tokio::test(flavor = "multi_thread")]
async fn who_commits_a_statement_waits_for_no_second_connection() {
    let primary = primary().await;
    let replica = primary.replica(&[]);
    let settings = settings(&primary, &[&replica], None).database;
    let settings = DatabaseSettings { pool_size: 2, pool_overflow: 0, ..settings };
    let database = Database::open(&settings, None).await.unwrap();
    let writes = (0..10).map(|_| async {
        let mut conn = database.catalogue_write().await?;
        text(&mut conn, "SELECT current_setting('port')").await;
        conn.commit().await
    });
    let committed = join_all(writes).await;
    assert!(committed.iter().all(Result::is_ok), "{committed:?}");
}
