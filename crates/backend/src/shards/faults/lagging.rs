//! Replicas that lag, or are dead, while a bucket moves.

use resonant_domain::AgentId;
use resonant_domain::agent::AgentChanges;
use sqlx::{Row as _, raw_sql};

use super::away::guest_on;
use super::*;
use crate::cache::tests::Server;
use crate::store;

/// A process that is told by this Redis what others write.
async fn told(settings: &Settings, redis_url: &str) -> Backend {
    let database = Database::open(&settings.database, Some(redis_url)).await.unwrap();
    Backend::with_database(database, settings, Arc::new(SystemClock)).unwrap()
}

/// The agent's name where a process reads it, and the port of who answered.
async fn name(backend: &Backend, owner: UserId, agent: AgentId) -> (String, String) {
    let mut conn = backend.read(owner).await.unwrap();
    let found = store::agents::find(&mut conn, owner, agent).await.unwrap();
    let port = raw_sql("SELECT current_setting('port')").fetch_one(&mut *conn).await.unwrap();
    (found.expect("the agent").spec.name, port.get(0))
}

/// Asks again until the replica has answered.
async fn until_answers(backend: &Backend, (owner, agent): (UserId, AgentId), replica: &Cluster) {
    let asked = async {
        while name(backend, owner, agent).await.1 != replica.port() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asked).await.expect("it answers in time");
}

/// A process that has not heard of the move reads from a replica of the source. Nobody tells it what was written:
/// who wrote finds no Redis.
#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_on_the_target_reads_it_although_a_replica_of_the_source_lags() {
    const REDIS: &str = "moves";
    let _redis = Server::start(REDIS);
    let (clusters, mut settings) = two_clusters().await;
    let delay = &["recovery_min_apply_delay=2s"][..];
    let replica = clusters[1].replica(&[&LOGICAL[..], delay].concat());
    settings.database.replica_urls = vec![replica.url("resonant")];
    settings.database.replica_max_lag = Duration::from_secs(5);
    let reader = told(&settings, &Server::url(REDIS)).await;
    let writer = told(&settings, "redis://127.0.0.1:9/").await;
    let (ctx, system) = (guest_on(&writer, &settings, 1).await, writer.system());
    let owner = access::user(&ctx).unwrap();
    let bucket = bucket_of(owner);
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    until_answers(&reader, (owner, agent), &replica).await;

    let (here, there) = (ctx.clone(), reader.clone());
    let mut witness = move |step| {
        let (here, there) = (here.clone(), there.clone());
        async move {
            if step == Step::Held {
                let moved = Some("Moved".to_owned());
                let changes = AgentChanges { name: moved, ..AgentChanges::default() };
                agents::update(&here, agent, changes, None).await.unwrap();
                assert_eq!(name(&there, owner, agent).await.0, "Moved");
            }
        }
        .boxed()
    };
    let to = (bucket, 0);
    move_bucket_before(&system, &settings.database, to, SHORT, &mut witness).await.unwrap();
    // Before the source's rows went, it had heard: it may become the primary.
    let mut conn = connect(&replica.url("resonant")).await.unwrap();
    assert!(shards::find_stay(&mut conn, bucket).await.unwrap().unwrap().is_left);

    // One that is dead is waited for, but not for ever.
    replica.stop();
    let mut impatient = settings.clone();
    impatient.database.replica_max_lag = Duration::ZERO;
    moved(&system, &impatient, bucket, 1).await.unwrap();
    assert_eq!(name(&reader, owner, agent).await, ("Moved".to_owned(), clusters[1].port()));
}

/// A replica of the target that has not heard of the move says so, and who reads does not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn who_reads_waits_for_no_replica_of_the_target() {
    let (clusters, mut settings) = two_clusters().await;
    let replica = clusters[1].replica(&LOGICAL);
    let replica_url = replica.url("resonant");
    settings.database.replica_urls = vec![replica_url.clone()];
    settings.database.replica_max_lag = Duration::from_secs(15);
    let backend = process(&settings).await;
    let (ctx, system) = (guest_on(&backend, &settings, 0).await, backend.system());
    let owner = access::user(&ctx).unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let other = guest_on(&backend, &settings, 1).await;
    let known = agents::create(&other, sample::spec("Reader")).await.unwrap().id;
    let other = access::user(&other).unwrap();
    until_answers(&backend, (other, known), &replica).await;

    let mut conn = connect(&replica_url).await.unwrap();
    raw_sql("SELECT pg_wal_replay_pause()").execute(&mut conn).await.unwrap();
    let mut witness = move |step| {
        let (there, replica_url) = (backend.clone(), replica_url.clone());
        async move {
            if step == Step::Held {
                // From here on it knows where the owner is.
                drop(there.read_latest(owner).await.unwrap());
                assert_eq!(name(&there, owner, agent).await.0, "Reader");
                assert!(there.replicas()[0].1.is_some(), "the replica is in use all the time");
                let mut conn = connect(&replica_url).await.unwrap();
                raw_sql("SELECT pg_wal_replay_resume()").execute(&mut conn).await.unwrap();
            }
        }
        .boxed()
    };
    let to = (bucket_of(owner), 1);
    move_bucket_before(&system, &settings.database, to, SHORT, &mut witness).await.unwrap();
}
