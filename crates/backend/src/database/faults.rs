//! Replicas that lag, die and come back.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use resonant_domain::agent::AgentChanges;
use resonant_domain::{AgentId, UserId};
use resonant_runtime::clock::SystemClock;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, raw_sql};

use super::Database;
use crate::cache::redis::Redis;
use crate::own_cluster::Cluster;
use crate::{Backend, Ctx, DatabaseSettings, Settings, access, agents, sample, store};

/// The write-then-read pairs of a test.
#[expect(clippy::disallowed_methods, reason = "a test asks how long it may be")]
fn pairs() -> usize {
    let is_full = std::env::var("RESONANT_FAULTS").is_ok_and(|form| form == "full");
    if is_full { 100_000 } else { 500 }
}

fn settings(primary: &Cluster, replicas: &[&Cluster]) -> Settings {
    let mut settings = sample::settings();
    settings.database = DatabaseSettings {
        replica_urls: replicas.iter().map(|replica| replica.url("resonant")).collect(),
        replica_max_lag: Duration::from_secs(2),
        ..DatabaseSettings::new(primary.url("resonant"))
    };
    settings
}

async fn backend(settings: &Settings) -> Backend {
    let redis = settings.redis_url.as_deref().map(|url| Redis::new(url).unwrap());
    let database = Database::open(&settings.database, redis.as_ref()).await.unwrap();
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

fn port(cluster: &Cluster) -> String {
    let url = cluster.url("");
    url.trim_end_matches('/').rsplit(':').next().unwrap().to_owned()
}

/// Asks again until one of these ports, and no other in between, has answered.
async fn until_answers(backend: &Backend, owner: UserId, wanted: &[&Cluster]) {
    let wanted: Vec<_> = wanted.iter().map(|cluster| port(cluster)).collect();
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
    tokio::time::timeout(Duration::from_secs(30), asked).await.expect("they answer in time");
}

async fn renamed(ctx: &Ctx, agent: AgentId, name: &str) -> String {
    let changes = AgentChanges { name: Some(name.to_owned()), ..AgentChanges::default() };
    agents::update(ctx, agent, changes, None).await.unwrap();
    let owner = access::user(ctx).unwrap();
    let mut conn = ctx.backend().read(owner).await.unwrap();
    store::agents::find(&mut conn, owner, agent).await.unwrap().expect("the agent").spec.name
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_never_reads_what_was_before() {
    const WRITERS: usize = 10;
    let primary = Cluster::primary(&[]);
    Backend::migrate(&primary.url("resonant")).await.unwrap();
    let replicas = [
        primary.replica(&["recovery_min_apply_delay=20ms"]),
        primary.replica(&["recovery_min_apply_delay=150ms"]),
    ];
    let backend = backend(&settings(&primary, &[&replicas[0], &replicas[1]])).await;
    let writers = join_all((0..WRITERS).map(|_| async {
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        (ctx, agent.id)
    }))
    .await;
    let reader = access::user(&writers[0].0).unwrap();
    until_answers(&backend, reader, &[&replicas[0], &replicas[1]]).await;

    let stale = join_all(writers.iter().map(|(ctx, agent)| async move {
        let mut stale = 0;
        for number in 0..pairs() / WRITERS {
            let name = format!("Reader {number}");
            stale += usize::from(renamed(ctx, *agent, &name).await != name);
        }
        stale
    }))
    .await;
    assert_eq!(stale.iter().sum::<usize>(), 0);
    // They did answer: whoever has not written for a while is sent to them again.
    until_answers(&backend, reader, &[&replicas[0], &replicas[1]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_dead_or_lags_is_left_out_until_it_is_well() {
    let primary = Cluster::primary(&[]);
    Backend::migrate(&primary.url("resonant")).await.unwrap();
    let replica = primary.replica(&[]);
    let stranger = Cluster::primary(&[]);
    let backend = backend(&settings(&primary, &[&replica, &stranger])).await;
    let ctx = sample::guest(&backend).await.unwrap();
    let owner = access::user(&ctx).unwrap();
    until_answers(&backend, owner, &[&replica]).await;

    replica.stop();
    assert_eq!(answers(&backend, owner).await, port(&primary), "nobody waits for the dead");
    replica.start();
    until_answers(&backend, owner, &[&replica]).await;

    tell(&replica, "SELECT pg_wal_replay_pause()::TEXT").await;
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    assert_eq!(agents::get(&ctx, agent.id).await.unwrap(), agent);
    until_answers(&backend, owner, &[&primary]).await;
    tell(&replica, "SELECT pg_wal_replay_resume()::TEXT").await;
    until_answers(&backend, owner, &[&replica]).await;
    assert_eq!(agents::get(&ctx, agent.id).await.unwrap(), agent);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
async fn what_one_process_wrote_another_reads() {
    let primary = Cluster::primary(&[]);
    Backend::migrate(&primary.url("resonant")).await.unwrap();
    let replica = primary.replica(&["recovery_min_apply_delay=200ms"]);
    // With a database of Redis to themselves, and without one.
    let redis = std::env::var("REDIS_URL")
        .ok()
        .map(|url| format!("{}9", url.trim_end_matches('/').to_owned() + "/"));
    for redis_url in [redis, None] {
        let is_shared = redis_url.is_some();
        let settings = Settings { redis_url, ..settings(&primary, &[&replica]) };
        let (writer, reader) = (backend(&settings).await, backend(&settings).await);
        let ctx = sample::guest(&writer).await.unwrap();
        let (owner, agent) = (
            access::user(&ctx).unwrap(),
            agents::create(&ctx, sample::spec("Reader")).await.unwrap(),
        );
        if is_shared {
            until_answers(&reader, owner, &[&replica]).await;
        }
        for number in 0..50 {
            let name = format!("Reader {number}");
            renamed(&ctx, agent.id, &name).await;
            let mut conn = reader.read(owner).await.unwrap();
            let read = store::agents::find(&mut conn, owner, agent.id).await.unwrap();
            assert_eq!(read.unwrap().spec.name, name);
        }
        if !is_shared {
            assert_eq!(answers(&reader, owner).await, port(&primary), "it is not alone");
            drop((ctx, writer));
        }
        until_answers(&reader, owner, &[&replica]).await;
    }
}
