//! A bucket that moves while its owner writes, and a mover that dies at each step.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use resonant_domain::session::SessionState;
use resonant_runtime::clock::SystemClock;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::database::{Database, bucket_of};
use crate::own_cluster::Cluster;
use crate::{Settings, agents, sample, sessions, work};

const STEPS: [Step; 7] = [
    Step::Subscribed,
    Step::Copied,
    Step::Fenced,
    Step::CaughtUp,
    Step::Unsubscribed,
    Step::Switched,
    Step::Held,
];

/// Two databases of one cluster.
async fn shards() -> (Cluster, Settings) {
    let cluster =
        Cluster::primary(&["wal_level=logical", "max_replication_slots=20", "max_wal_senders=20"]);
    let mut admin = connect(&cluster.url("resonant")).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE second").execute(&mut admin).await.unwrap();
    let mut settings = sample::settings();
    settings.database = DatabaseSettings {
        shard_urls: vec![cluster.url("resonant"), cluster.url("second")],
        ..DatabaseSettings::new(cluster.url("resonant"))
    };
    migrate(&settings.database).await.unwrap();
    migrate(&settings.database).await.unwrap();
    (cluster, settings)
}

async fn backend(settings: &Settings) -> Backend {
    let database = Database::open(&settings.database, None).await.unwrap();
    Backend::with_database(database, settings, Arc::new(SystemClock)).unwrap()
}

/// How many agents of the bucket each database has.
async fn counts(settings: &Settings, bucket: i32) -> Vec<i64> {
    join_all(settings.database.urls().iter().map(|url| async move {
        let mut conn = connect(url).await.unwrap();
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM agents WHERE bucket_of(owner_id) = $1"#,
            bucket
        );
        count.fetch_one(&mut conn).await.unwrap()
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_while_a_bucket_moves_and_its_mover_dies() {
    let (_cluster, settings) = shards().await;
    // The mover and the writers are processes of their own, with their own view of the table.
    let (mover, writer) = (backend(&settings).await, backend(&settings).await);
    let ctx = sample::guest(&writer).await.unwrap();
    let owner = access::user(&ctx).unwrap();
    let bucket = bucket_of(owner);
    let system = mover.system();
    let shard = |settings: &Settings| {
        let url = settings.database.url.clone();
        async move {
            let buckets = shards::list_buckets(&mut connect(&url).await.unwrap()).await.unwrap();
            usize::try_from(buckets[usize::try_from(bucket).unwrap()].1).unwrap()
        }
    };

    let (stop, written) = (AtomicBool::new(false), AtomicU32::new(0));
    let writers = join_all((0..4).map(|_| async {
        let mut tick = tokio::time::interval(Duration::from_millis(8));
        while !stop.load(Ordering::Relaxed) {
            tick.tick().await;
            let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
            written.fetch_add(1, Ordering::Relaxed);
            assert_eq!(agents::get(&ctx, agent.id).await.unwrap(), agent, "own writes are read");
        }
    }));
    let moves = async {
        for dies_after in STEPS {
            let to = 1 - shard(&settings).await;
            let died = move_bucket_with(&system, &settings.database, (bucket, to), |step| {
                if step == dies_after { Err(Error::internal("killed")) } else { Ok(()) }
            })
            .await;
            assert!(died.is_err(), "{dies_after:?}");
            move_bucket(&system, &settings.database, bucket, to).await.unwrap();
            assert_eq!(shard(&settings).await, to, "{dies_after:?}");
            move_bucket(&system, &settings.database, bucket, to).await.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(writers, moves);
    let written = i64::from(written.load(Ordering::Relaxed));
    let mut expected = vec![0, 0];
    expected[shard(&settings).await] = written;
    assert_eq!(counts(&settings, bucket).await, expected);
    assert!(written > 500, "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_spread_and_their_sessions_run_wherever_they_are() {
    let (_cluster, settings) = shards().await;
    let backend = backend(&settings).await;
    let system = backend.system();
    let held: Vec<_> = status(&system, &settings.database).await.unwrap();
    assert_eq!(held.iter().map(|shard| shard.buckets).collect::<Vec<_>>(), [512, 512]);
    let mut started = Vec::new();
    for _ in 0..8 {
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        let session = sessions::start(&ctx, agent.id, sample::goal("2 + 2")).await.unwrap();
        started.push((ctx, session.id));
    }
    // One moves while its session waits.
    let (ctx, _) = &started[0];
    let bucket = bucket_of(access::user(ctx).unwrap());
    for to in [0, 1] {
        move_bucket(&system, &settings.database, bucket, to).await.unwrap();
    }
    while let Some(claim) = work::claim(&system, "worker").await.unwrap() {
        work::run(&system, claim, CancellationToken::new()).await.unwrap();
    }
    for (ctx, session) in &started {
        let session = sessions::get(ctx, *session).await.unwrap();
        assert_eq!(session.state, SessionState::Completed, "{session:?}");
    }
    let error = move_bucket(&system, &settings.database, BUCKETS, 0).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "bucket");
    let error = move_bucket(&system, &settings.database, 0, 2).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "shard");
}
