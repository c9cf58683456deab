//! Buckets that move while their owners write, and movers that die, or are overtaken, at each step; databases
//! that go away. `RESONANT_FAULTS=full` makes the runs long.

mod away;
mod compared;
mod lagging;
mod movers;
mod names;
mod set_back;
mod starts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::{FutureExt as _, join_all, pending, ready};
use resonant_domain::UserId;
use resonant_domain::agent_version::NewVersion;
use resonant_domain::session::SessionState;
use resonant_runtime::clock::SystemClock;
use sqlx::types::Uuid;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::database::{Database, bucket_of};
use crate::own_cluster::Cluster;
use crate::{Settings, agents, sample, sessions, work};

const STEPS: [Step; 12] = [
    Step::Subscribed,
    Step::Copied,
    Step::Withdrawn,
    Step::Agreed,
    Step::Compared,
    Step::Fenced,
    Step::CaughtUp,
    Step::Unsubscribed,
    Step::Ready,
    Step::Switched,
    Step::Released,
    Step::Held,
];
const WRITERS: u32 = 4;
/// How many writes a second there are at full length.
const RATE: usize = 500;
/// What a cluster needs for buckets to leave it.
const LOGICAL: [&str; 6] = [
    "wal_level=logical",
    "max_replication_slots=40",
    "max_wal_senders=40",
    "max_logical_replication_workers=20",
    "max_sync_workers_per_subscription=8",
    "max_worker_processes=40",
];
/// A grace for readers who are all fast.
const SHORT: Duration = Duration::from_millis(200);

#[expect(clippy::disallowed_methods, reason = "a test asks how long it may be")]
fn is_full() -> bool {
    std::env::var("RESONANT_FAULTS").is_ok_and(|form| form == "full")
}

/// Two databases of one cluster.
async fn two_shards() -> (Cluster, Settings) {
    let cluster = Cluster::primary(&LOGICAL);
    let mut admin = connect(&cluster.url("resonant")).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE second").execute(&mut admin).await.unwrap();
    let settings = sharded(vec![cluster.url("resonant"), cluster.url("second")]).await;
    (cluster, settings)
}

/// Two databases, each of a cluster of its own.
async fn two_clusters() -> ([Arc<Cluster>; 2], Settings) {
    let clusters = [(); 2].map(|()| Arc::new(Cluster::primary(&LOGICAL)));
    let urls = clusters.iter().map(|cluster| cluster.url("resonant")).collect();
    let settings = sharded(urls).await;
    (clusters, settings)
}

async fn sharded(shard_urls: Vec<String>) -> Settings {
    let mut settings = sample::settings();
    let catalogue = shard_urls[0].clone();
    settings.database = DatabaseSettings { shard_urls, ..DatabaseSettings::new(catalogue) };
    migrate(&settings.database).await.unwrap();
    migrate(&settings.database).await.unwrap();
    settings
}

/// A process of its own, with its own view of the table of buckets.
async fn process(settings: &Settings) -> Backend {
    let database = Database::open(&settings.database, None).await.unwrap();
    Backend::with_database(database, settings, Arc::new(SystemClock)).unwrap()
}

/// Somebody whose bucket may move.
struct Somebody {
    ctx: Ctx,
    system: Ctx,
    owner: UserId,
    bucket: i32,
    /// The database that has it.
    from: usize,
}

async fn somebody(settings: &Settings) -> Somebody {
    let backend = process(settings).await;
    let (ctx, system) = (sample::guest(&backend).await.unwrap(), backend.system());
    let owner = access::user(&ctx).unwrap();
    let bucket = bucket_of(owner);
    let from = shard_of(settings, bucket).await;
    Somebody { ctx, system, owner, bucket, from }
}

async fn shard_of(settings: &Settings, bucket: i32) -> usize {
    let mut catalogue = connect(&settings.database.url).await.unwrap();
    let buckets = shards::list_buckets(&mut catalogue).await.unwrap();
    usize::try_from(buckets[usize::try_from(bucket).unwrap()].1).unwrap()
}

/// What the copy of a bucket is called that one of the databases makes.
async fn copy_on(settings: &Settings, shard: usize, bucket: i32) -> String {
    let mut target = connect(&settings.database.shard_urls[shard]).await.unwrap();
    let copies = bucket_copy::list_copies(&mut target, bucket).await.unwrap();
    assert_eq!(copies.len(), 1, "{copies:?}");
    copies.into_iter().collect()
}

/// The owner's agents and sessions in one of the databases, and once more each agent that has a version.
async fn rows(settings: &Settings, shard: usize, owner: UserId) -> Vec<Uuid> {
    let mut conn = connect(&settings.database.shard_urls[shard]).await.unwrap();
    let rows = sqlx::query_scalar!(
        r#"
        SELECT agent_id AS "id!" FROM agents WHERE owner_id = $1
        UNION ALL SELECT agent_id FROM agent_versions WHERE owner_id = $1
        UNION ALL SELECT session_id FROM sessions WHERE owner_id = $1
        ORDER BY 1
        "#,
        owner.as_uuid(),
    );
    rows.fetch_all(&mut conn).await.unwrap()
}

/// How many events each of the owner's logs has in one of the databases. They are numbered without a gap,
/// and the session knows the last one.
async fn logs(settings: &Settings, shard: usize, owner: UserId) -> BTreeMap<Uuid, i64> {
    let mut conn = connect(&settings.database.shard_urls[shard]).await.unwrap();
    let last = sqlx::query!(
        "SELECT session_id, last_sequence FROM sessions WHERE owner_id = $1",
        owner.as_uuid(),
    );
    let last = last.fetch_all(&mut conn).await.unwrap();
    let last: BTreeMap<_, _> =
        last.into_iter().map(|row| (row.session_id, row.last_sequence)).collect();
    let logs = sqlx::query!(
        r#"
        SELECT session_id, count(*) AS "count!", min(sequence) AS "first!", max(sequence) AS "last!"
        FROM session_events WHERE owner_id = $1
        GROUP BY session_id
        "#,
        owner.as_uuid(),
    );
    let mut counts: BTreeMap<_, _> = last.keys().map(|session| (*session, 0)).collect();
    for log in logs.fetch_all(&mut conn).await.unwrap() {
        assert_eq!((log.first, log.last), (1, log.count), "{} has a gap", log.session_id);
        counts.insert(log.session_id, log.count);
    }
    assert_eq!(counts, last, "sessions and their logs");
    counts
}

/// When something was written.
#[derive(Default)]
struct Pace(Mutex<Vec<Instant>>);

impl Pace {
    fn note(&self) {
        self.0.lock().unwrap().push(Instant::now());
    }

    /// The writes of a second while there were any: nobody writes what is fenced.
    fn rate(&self) -> usize {
        let writes = self.0.lock().unwrap();
        let Some(began) = writes.iter().min() else { return 0 };
        let tenths: BTreeSet<_> =
            writes.iter().map(|at| (*at - *began).as_millis() / 100).collect();
        writes.len() * 10 / tenths.len()
    }
}

async fn moved(ctx: &Ctx, settings: &Settings, bucket: i32, to: usize) -> Result<()> {
    let mut witness = |_| ready(()).boxed();
    move_bucket_before(ctx, &settings.database, (bucket, to), SHORT, &mut witness).await
}

/// Begins a move and lets it end without a word after a step.
async fn dies(ctx: &Ctx, settings: &Settings, bucket: i32, to: usize, after: Step) {
    let died = Arc::new(Notify::new());
    let dead = died.clone();
    let mut witness = move |step| {
        if step == after {
            dead.notify_one();
            pending().boxed()
        } else {
            ready(()).boxed()
        }
    };
    let moving = move_bucket_before(ctx, &settings.database, (bucket, to), SHORT, &mut witness);
    tokio::select! {
        ended = moving => panic!("{after:?} comes first: {ended:?}"),
        () = died.notified() => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_while_a_bucket_moves_and_its_mover_dies() {
    let (_cluster, settings) = two_shards().await;
    let (mover, writer, reader) =
        (process(&settings).await, process(&settings).await, process(&settings).await);
    let ctx = sample::guest(&writer).await.unwrap();
    let there = reader.ctx(ctx.actor(), ctx.request_id().clone());
    let owner = access::user(&ctx).unwrap();
    let bucket = bucket_of(owner);
    let system = mover.system();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();

    // What was written, and how long the logs were that a worker was done with.
    let written = Mutex::new(vec![agent.id.as_uuid()]);
    let (logged, pace) = (Mutex::new(BTreeMap::new()), Pace::default());
    let stop = AtomicBool::new(false);
    // Beside what each write takes there is time for half as many again as are wanted at full length.
    let pause = Duration::from_millis(if is_full() { 8 } else { 40 });
    let writers = join_all((0..WRITERS).map(|_| async {
        let mut tick = tokio::time::interval(pause);
        for round in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            tick.tick().await;
            let made = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
            written.lock().unwrap().push(made.id.as_uuid());
            pace.note();
            assert_eq!(agents::get(&there, made.id).await.unwrap(), made, "own writes are read");
            if round % 4 == 0 {
                agents::publish(&ctx, made.id, NewVersion::default(), None).await.unwrap();
                written.lock().unwrap().push(made.id.as_uuid());
                pace.note();
            }
            // A worker does not keep pace: in the end as many are queued as may be.
            if round % 4 == 2 {
                match sessions::start(&ctx, agent.id, sample::goal("2 + 2")).await {
                    Ok(session) => {
                        written.lock().unwrap().push(session.id.as_uuid());
                        pace.note();
                        sessions::get(&there, session.id).await.unwrap();
                    }
                    Err(error) => assert!(matches!(error, Error::Conflict(_)), "{error:?}"),
                }
            }
        }
    }));
    let worker = async {
        let system = reader.system();
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while !stop.load(Ordering::Relaxed) {
            tick.tick().await;
            let Ok(Some(claim)) = work::claim(&system, "worker").await else { continue };
            let id = claim.session_id();
            // Who loses a session while it moves leaves it to the next one.
            if work::run(&system, claim, CancellationToken::new()).await.is_ok() {
                let session = sessions::get(&there, id).await.unwrap();
                logged.lock().unwrap().insert(id.as_uuid(), session.last_sequence);
            }
        }
    };
    let carrying = async {
        let steps: &[Step] =
            if is_full() { &STEPS } else { &[Step::Agreed, Step::Fenced, Step::Switched] };
        for step in steps {
            let to = 1 - shard_of(&settings, bucket).await;
            dies(&system, &settings, bucket, to, *step).await;
            moved(&system, &settings, bucket, to).await.unwrap();
            assert_eq!(shard_of(&settings, bucket).await, to, "{step:?}");
            moved(&system, &settings, bucket, to).await.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(writers, worker, carrying);
    let mut written = written.into_inner().unwrap();
    written.sort_unstable();
    let shard = shard_of(&settings, bucket).await;
    assert_eq!(rows(&settings, shard, owner).await, written);
    assert_eq!(rows(&settings, 1 - shard, owner).await, Vec::<Uuid>::new());
    let logs_there = logs(&settings, shard, owner).await;
    assert_eq!(logs(&settings, 1 - shard, owner).await, BTreeMap::new());
    let logged = logged.into_inner().unwrap();
    assert!(logged.values().any(|last| *last > 0), "a worker ran sessions: {logged:?}");
    for (session, last) in logged {
        assert!(logs_there[&session] >= last, "{session} had {last} events");
    }
    assert_eq!(status(&system).await.unwrap().moves, []);
    let rate = pace.rate();
    tracing::info!(rate, "writes a second while the bucket moved");
    assert!(!is_full() || rate >= RATE, "{rate} writes a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_knows_other_databases_is_refused() {
    let (_cluster, settings) = two_shards().await;
    let urls = &settings.database.shard_urls;
    let one = DatabaseSettings::new(urls[0].clone());
    let swapped = DatabaseSettings {
        shard_urls: vec![urls[1].clone(), urls[0].clone()],
        ..DatabaseSettings::new(urls[1].clone())
    };
    for other in [one, swapped.clone()] {
        let opened = Database::open(&other, None).await;
        assert!(matches!(opened, Err(Error::Internal(_))), "{other:?}");
    }
    let migrated = migrate(&swapped).await;
    assert!(matches!(migrated, Err(Error::Internal(_))), "{migrated:?}");
    Database::open(&settings.database, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_spread_and_their_sessions_run_wherever_they_are() {
    let (_cluster, settings) = two_shards().await;
    let backend = process(&settings).await;
    let system = backend.system();
    let spread = status(&system).await.unwrap().buckets;
    let every_other = |first: i32| (first..BUCKETS).step_by(2).collect::<Vec<_>>();
    assert_eq!(spread, [every_other(0), every_other(1)]);
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
    let from = shard_of(&settings, bucket).await;
    moved(&system, &settings, bucket, 1 - from).await.unwrap();
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
    let stranger = move_bucket(ctx, &settings.database, 0, 1).await;
    assert!(matches!(stranger, Err(Error::Forbidden)), "{stranger:?}");
}
