//! The cache while Redis is absent, slow, flushed, restarted, or holds what we did not put there.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use resonant_domain::agent::{Agent, AgentChanges};
use resonant_domain::{AgentId, SessionId};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::agent::{AgentEntry, AgentKey};
use super::session_events::SessionEvents;
use super::tests::{Long, Server, backend, backend_on, source, until};
use super::*;
use crate::{Backend, Ctx, agents, sample};

/// How long after a write's reply another process may still serve what was before.
const GRACE: Duration = Duration::from_millis(100);

/// `short`, or `full` for `./dev test faults`.
#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
fn length(short: u32, full: u32) -> u32 {
    if std::env::var("RESONANT_FAULTS").is_ok_and(|value| value == "full") { full } else { short }
}

/// A way to a Redis that takes its time.
struct SlowWay {
    url: String,
    delay_ms: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl SlowWay {
    async fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let delay_ms = Arc::<AtomicU64>::default();
        let delay = delay_ms.clone();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(server) = UnixStream::connect(&socket).await else { continue };
                let (mut client_reads, client_writes) = client.into_split();
                let (mut server_reads, server_writes) = server.into_split();
                let (there, back) = (delay.clone(), delay.clone());
                tokio::spawn(async move { carry(&mut client_reads, server_writes, &there).await });
                tokio::spawn(async move { carry(&mut server_reads, client_writes, &back).await });
            }
        });
        Self { url, delay_ms, task }
    }

    fn delay(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Drop for SlowWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    mut to: impl tokio::io::AsyncWrite + Unpin,
    delay_ms: &AtomicU64,
) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(Duration::from_millis(delay_ms.load(Ordering::SeqCst))).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// The same person in another process.
fn there(ctx: &Ctx, backend: &Backend) -> Ctx {
    backend.ctx(ctx.actor(), ctx.request_id().clone())
}

async fn rename(ctx: &Ctx, id: AgentId, number: u32) {
    let changes = AgentChanges { name: Some(number.to_string()), ..AgentChanges::default() };
    agents::update(ctx, id, changes, None).await.unwrap();
}

async fn read(ctx: &Ctx, id: AgentId) -> u32 {
    agents::get(ctx, id).await.unwrap().spec.name.parse().unwrap()
}

async fn agent(ctx: &Ctx) -> Agent {
    agents::create(ctx, sample::spec("0")).await.unwrap()
}

fn loads(of: &Backend) -> u64 {
    of.cache_figures().iter().map(|figures| figures.loads).sum()
}

/// Writes by one process and reads by another, time and again, while both are read without pause. What
/// a reader gets is never older than what was written [`GRACE`] before it asked; in the process that
/// writes it is never older than the last reply.
async fn write_and_read(writer: &Backend, reader: &Backend, pairs: u32) {
    let ctx = sample::guest(writer).await.unwrap();
    let other = there(&ctx, reader);
    let id = agent(&ctx).await.id;
    let written = Arc::<AtomicU32>::default();
    let stop = CancellationToken::new();
    let noise = [(ctx.clone(), true), (other.clone(), false)].map(|(ctx, is_writer)| {
        let (written, stop) = (written.clone(), stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                let at_least = if is_writer { written.load(Ordering::SeqCst) } else { 0 };
                let seen = read(&ctx, id).await;
                assert!(seen >= at_least, "{seen} after {at_least} was written here");
                tokio::task::yield_now().await;
            }
        })
    });
    for number in 1..=pairs {
        rename(&ctx, id, number).await;
        let replied = Instant::now();
        written.store(number, Ordering::SeqCst);
        assert_eq!(read(&ctx, id).await, number, "the process that wrote it");
        loop {
            let asked = replied.elapsed();
            let seen = read(&other, id).await;
            if seen == number {
                break;
            }
            assert!(asked < GRACE, "{seen} instead of {number} after {asked:?}");
            tokio::task::yield_now().await;
        }
    }
    stop.cancel();
    for noise in noise {
        noise.await.unwrap();
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_write_is_never_served_stale_by_another_process(pool: PgPool) {
    let _redis = Server::start("stale");
    let url = Server::url("stale");
    for url in [None, Some(url.as_str())] {
        let (one, two) = (backend(&pool, url).await, backend(&pool, url).await);
        write_and_read(&one, &two, length(150, 5_000)).await;
        write_and_read(&two, &one, length(150, 5_000)).await;
        assert!(two.cache_figures().iter().any(|figures| figures.hits > 0));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_process_that_does_not_reach_redis_leaves_nothing_stale_there(pool: PgPool) {
    let _redis = Server::start("cut");
    let cut = backend(&pool, Some(&Server::url("nowhere"))).await;
    let whole = backend_on(&pool, &Server::url("cut")).await;
    write_and_read(&cut, &whole, length(50, 2_000)).await;
    write_and_read(&whole, &cut, length(50, 2_000)).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn without_redis_nothing_fails(pool: PgPool) {
    let backend = backend(&pool, Some(&Server::url("absent"))).await;
    // All processes lose it at once: if it counted, balancers would have nobody left.
    backend.is_ready().await.unwrap();
    assert_eq!(backend.does_redis_answer().await, Some(false), "which is told all the same");
    let ctx = sample::guest(&backend).await.unwrap();
    let ids: Vec<_> = join_all((0..10).map(|_| async { agent(&ctx).await.id })).await;
    let before = loads(&backend);
    // One loader for each agent, however many ask; and then none.
    for _ in 0..3 {
        join_all((0..500).map(|n| read(&ctx, ids[n % 10]))).await;
    }
    assert_eq!(loads(&backend) - before, 10);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nobody_waits_for_a_slow_redis_twice(pool: PgPool) {
    let _redis = Server::start("slow");
    let way = SlowWay::to(Server::socket("slow")).await;
    let slow = backend_on(&pool, &way.url).await;
    let whole = backend_on(&pool, &Server::url("slow")).await;
    let ctx = sample::guest(&slow).await.unwrap();
    let id = agent(&ctx).await.id;
    assert_eq!(read(&ctx, id).await, 0);
    assert_eq!(read(&there(&ctx, &whole), id).await, 0);

    way.delay(Duration::from_secs(2));
    let began = Instant::now();
    // The first to ask opens the breaker, after its patience.
    rename(&ctx, id, 1).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let began = Instant::now();
    write_and_read(&slow, &whole, 20).await;
    write_and_read(&whole, &slow, 20).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    way.delay(Duration::ZERO);
    until("the probe brings it back", async || {
        let fresh = agent(&ctx).await.id;
        read(&ctx, fresh).await;
        let before = loads(&whole);
        read(&there(&ctx, &whole), fresh).await;
        loads(&whole) == before
    })
    .await;
    assert_eq!(read(&there(&ctx, &whole), id).await, 1);
    write_and_read(&slow, &whole, 20).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_connection_that_is_cut_off_is_made_anew(pool: PgPool) {
    const NAME: &str = "cut-off";
    let _redis = Server::start(NAME);
    let way = SlowWay::to(Server::socket(NAME)).await;
    let backend = backend_on(&pool, &way.url).await;
    let ctx = sample::guest(&backend).await.unwrap();
    let id = agent(&ctx).await.id;
    way.delay(Duration::from_hours(1));
    // What is on the way stays there, and the way with it.
    rename(&ctx, id, 1).await;
    way.delay(Duration::ZERO);
    let answers = async || backend.does_redis_answer().await == Some(true);
    until("another connection is made", answers).await;
    assert_eq!(read(&ctx, id).await, 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_subscription_that_is_cut_off_is_made_anew(pool: PgPool) {
    const NAME: &str = "silent";
    let _redis = Server::start(NAME);
    let way = SlowWay::to(Server::socket(NAME)).await;
    let backend = backend(&pool, None).await;
    let shared = &backend.cache().shared;
    let silence = Duration::from_millis(200);
    let listen = ear::listen(Redis::new(&way.url).unwrap(), Arc::downgrade(shared), silence);
    let listener = tokio::spawn(listen);
    let (_, key) = source("a", 1);
    let place = Place::of::<Long>(&key);
    let redis = Redis::new(&Server::url(NAME)).unwrap();
    let is_heard = async || {
        let before = shared.level_one.mark(&place);
        let letter = ear::letter(backend.new_id().unwrap(), std::slice::from_ref(&place.name));
        redis.publish(super::level_two::CHANNEL, letter.into_bytes()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        shared.level_one.mark(&place) != before
    };
    until("it hears", async || is_heard().await).await;
    way.delay(Duration::from_hours(1));
    // What is on the way stays there, and the way with it.
    assert!(!is_heard().await);
    way.delay(Duration::ZERO);
    until("it hears again", async || is_heard().await).await;
    listener.abort();
}

#[tokio::test]
async fn a_bus_that_is_cut_off_is_noticed() {
    const NAME: &str = "cut-bus";
    let _redis = Server::start(NAME);
    let way = SlowWay::to(Server::socket(NAME)).await;
    let events = SessionEvents::new(Some(Redis::new(&way.url).unwrap()));
    let id = SessionId::from_uuid(Uuid::from_u128(7));
    let mut watch = events.watch(id);
    until("it listens", async || !events.is_deaf()).await;
    let channel = format!("resonant:events:{id}");
    let redis = Redis::new(&Server::url(NAME)).unwrap();
    until("it hears", async || {
        redis.publish(&channel, b"[]".to_vec()).await;
        tokio::time::timeout(Duration::from_millis(20), watch.next()).await.is_ok()
    })
    .await;
    way.delay(Duration::from_hours(1));
    // What is on the way stays there, and the way with it.
    assert!(redis.publish(&channel, b"[]".to_vec()).await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    way.delay(Duration::ZERO);
    until("it is noticed", async || events.is_deaf()).await;
    until("it listens again", async || !events.is_deaf()).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn redis_may_be_flushed_and_restarted_under_traffic(pool: PgPool) {
    let mut redis = Some(Server::start("restart"));
    let url = Server::url("restart");
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let is_over = AtomicBool::new(false);
    let harm = async {
        let mut client = ::redis::Client::open(url.as_str()).unwrap();
        while !is_over.load(Ordering::SeqCst) {
            if let Ok(mut conn) = client.get_multiplexed_async_connection().await {
                for _ in 0..5 {
                    let _: Result<(), _> = ::redis::cmd("FLUSHALL").query_async(&mut conn).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            redis.take();
            tokio::time::sleep(Duration::from_millis(100)).await;
            redis.replace(Server::start("restart"));
            client = ::redis::Client::open(url.as_str()).unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let traffic = async {
        write_and_read(&one, &two, length(100, 3_000)).await;
        write_and_read(&two, &one, length(100, 3_000)).await;
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(harm, traffic);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_redis_had_saved_before_a_write_counts_as_nothing(pool: PgPool) {
    const NAME: &str = "saved";
    let mut redis = Server::start(NAME);
    let url = Server::url(NAME);
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let ctx = sample::guest(&one).await.unwrap();
    let own = agent(&ctx).await;
    let place = Place::of::<AgentEntry>(&AgentKey(own.owner_id, own.id));
    assert_eq!(read(&ctx, own.id).await, 0);
    let client = ::redis::Client::open(url.as_str()).unwrap();
    let mut conn = client.get_multiplexed_async_connection().await.unwrap();
    until("what was read is in Redis", async || {
        ::redis::cmd("EXISTS").arg(&place.name).query_async::<u8>(&mut conn).await.unwrap() == 1
    })
    .await;
    Server::tell(NAME, &["SAVE"]).await;

    let shared = &two.cache().shared;
    let before = shared.level_one.mark(&place);
    rename(&ctx, own.id, 1).await;
    until("the other hears that Redis has it no more", async || {
        let doubts = shared.level_two.as_ref().unwrap().doubts();
        shared.level_one.mark(&place) != before && doubts.count() == 0
    })
    .await;
    redis.crash();
    until("both use Redis again", async || {
        let fresh = agent(&ctx).await.id;
        read(&ctx, fresh).await;
        let before = loads(&two);
        read(&there(&ctx, &two), fresh).await;
        loads(&two) == before
    })
    .await;
    assert_eq!(read(&there(&ctx, &two), own.id).await, 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn bytes_that_we_did_not_put_there_count_as_nothing(pool: PgPool) {
    let _redis = Server::start("bytes");
    let url = Server::url("bytes");
    let first = backend_on(&pool, &url).await;
    let (ada, bob) = (sample::guest(&first).await.unwrap(), sample::guest(&first).await.unwrap());
    let (own, foreign) = (agent(&ada).await, agent(&bob).await);
    agents::get(&bob, foreign.id).await.unwrap();
    let client = ::redis::Client::open(url.as_str()).unwrap();
    let mut conn = client.get_multiplexed_async_connection().await.unwrap();
    let key = |agent: &Agent| Place::of::<AgentEntry>(&AgentKey(agent.owner_id, agent.id)).name;
    let mut foreign_bytes = Vec::<u8>::new();
    until("what was read is in Redis", async || {
        foreign_bytes =
            ::redis::cmd("GET").arg(key(&foreign)).query_async(&mut conn).await.unwrap();
        !foreign_bytes.is_empty()
    })
    .await;
    let run = first.redis().unwrap().run().await.unwrap();
    let head = super::level_two::head(&run, &key(&own));
    let junk = [
        b"\xff\xfe".to_vec(),
        b"{}".to_vec(),
        Vec::new(),
        foreign_bytes,
        [&head[..], b"{\"id\":\"of another shape\"}"].concat(),
        [&head[..], b"{\"id\":"].concat(),
        b"1\nof another form".to_vec(),
    ];
    for bytes in junk {
        let () =
            ::redis::cmd("SET").arg(key(&own)).arg(bytes).query_async(&mut conn).await.unwrap();
        let backend = backend_on(&pool, &url).await;
        assert_eq!(agents::get(&there(&ada, &backend), own.id).await.unwrap(), own);
    }
    let () = ::redis::cmd("DEL").arg(key(&own)).query_async(&mut conn).await.unwrap();
    let () =
        ::redis::cmd("LPUSH").arg(key(&own)).arg("a list").query_async(&mut conn).await.unwrap();
    let backend = backend_on(&pool, &url).await;
    assert_eq!(agents::get(&there(&ada, &backend), own.id).await.unwrap(), own);
    // The edition of the marketplace too.
    for command in ["SET", "LPUSH"] {
        let edition = "resonant:edition:marketplace";
        let () = ::redis::cmd("DEL").arg(edition).query_async(&mut conn).await.unwrap();
        let () =
            ::redis::cmd(command).arg(edition).arg("x y").query_async(&mut conn).await.unwrap();
        let backend = backend_on(&pool, &url).await;
        crate::listings::templates(&backend.anonymous()).await.unwrap();
    }
}
