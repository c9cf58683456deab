//! The two levels, and the bus, over a real Redis.

mod crossing;
mod unheard;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use sqlx::PgPool;

use super::*;
use crate::{Backend, Settings, agents, members, sample};

/// A Redis of this test alone, on a socket in a folder of its own.
pub(crate) struct Server {
    folder: PathBuf,
    process: Child,
}

impl Server {
    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("resonant-redis-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    pub(super) fn socket(name: &str) -> PathBuf {
        Self::folder(name).join("socket")
    }

    pub(crate) fn start(name: &str) -> Self {
        let folder = Self::folder(name);
        let process = Self::begin(&folder);
        Self { folder, process }
    }

    fn begin(folder: &Path) -> Child {
        Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(folder.join("socket"))
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is in PATH")
    }

    /// Kills it, and starts it with what it had when it was told to `SAVE`.
    pub(super) fn crash(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = Self::begin(&self.folder);
    }

    pub(crate) fn url(name: &str) -> String {
        format!("redis+unix://{}", Self::socket(name).display())
    }

    /// Does one command on it, beside whoever uses it.
    pub(crate) async fn tell(name: &str, words: &[&str]) {
        let client = ::redis::Client::open(Self::url(name)).unwrap();
        let is_up = async || client.get_multiplexed_async_connection().await.is_ok();
        until("Redis is up", is_up).await;
        let mut conn = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = ::redis::cmd(words[0]);
        command.arg(&words[1..]).exec_async(&mut conn).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A backend that hears of what others write.
pub(crate) async fn backend(pool: &PgPool, url: Option<&str>) -> Backend {
    let settings = Settings { redis_url: url.map(ToOwned::to_owned), ..sample::settings() };
    let backend = Backend::for_tests_with(pool.clone(), &settings);
    until("the ear opens", async || backend.cache().hears()).await;
    backend
}

/// The same over a Redis that answers.
pub(super) async fn backend_on(pool: &PgPool, url: &str) -> Backend {
    let backend = backend(pool, Some(url)).await;
    until("Redis answers", async || backend.ping_redis().await.is_ok()).await;
    backend
}

pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect(what);
}

/// A thing that a test writes and the cache keeps.
#[derive(Default)]
pub(super) struct Source {
    pub(super) value: AtomicU64,
    pub(super) loads: AtomicU64,
    /// A loader has read the value and waits here before it tells it.
    pub(super) gate: tokio::sync::RwLock<()>,
}

impl Source {
    pub(super) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// Writes as a use case does.
    pub(super) async fn write(&self, by: &Backend, value: u64, stale: Stale) {
        self.value.store(value, Ordering::SeqCst);
        by.commit(by.catalogue_begin().await.unwrap(), stale).await.unwrap();
    }
}

#[derive(Clone)]
pub(super) struct SourceKey(&'static str, Arc<Source>);

impl Display for SourceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// `FRESH` milliseconds long; 0 is no such thing.
pub(super) struct SourceEntry<const FRESH: u64>;

impl<const FRESH: u64> Entry for SourceEntry<FRESH> {
    type Key = SourceKey;
    type Value = u64;
    const KIND: Kind = Kind::Agent;
    const SCHEMA: u16 = 1;
    const LIFETIME: Duration = Duration::from_millis(FRESH);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::from_mins(1);

    async fn load(_: &Backend, SourceKey(_, source): &SourceKey) -> Result<Option<u64>> {
        source.loads.fetch_add(1, Ordering::SeqCst);
        let value = source.value.load(Ordering::SeqCst);
        let _open = source.gate.read().await;
        Ok((value != 0).then_some(value))
    }

    fn group(SourceKey(name, _): &SourceKey) -> Option<String> {
        name.starts_with("member").then(|| "tests".to_owned())
    }
}

impl<const FRESH: u64> Many for SourceEntry<FRESH> {
    /// Counts as one load of the first, at whose gate it waits.
    async fn load_many(_: &Backend, keys: &[SourceKey]) -> Result<Vec<Option<u64>>> {
        let Some(SourceKey(_, first)) = keys.first() else { return Ok(Vec::new()) };
        first.loads.fetch_add(1, Ordering::SeqCst);
        let values = keys.iter().map(|SourceKey(_, source)| source.value.load(Ordering::SeqCst));
        let values = values.map(|value| (value != 0).then_some(value)).collect();
        let _open = first.gate.read().await;
        Ok(values)
    }
}

pub(super) type Long = SourceEntry<60_000>;
/// An hour, as sessions and pictures have.
type Longest = SourceEntry<3_600_000>;
type Short = SourceEntry<1>;

pub(super) fn source(name: &'static str, value: u64) -> (Arc<Source>, SourceKey) {
    let source = Arc::new(Source { value: value.into(), ..Source::default() });
    (source.clone(), SourceKey(name, source))
}

async fn get<E: Entry<Key = SourceKey, Value = u64>>(by: &Backend, key: &SourceKey) -> Option<u64> {
    by.cache().get::<E>(by, key).await.unwrap().map(|document| *document.value())
}

pub(super) async fn get_many(by: &Backend, keys: &[SourceKey]) -> Vec<Option<u64>> {
    let found = by.cache().get_many::<Long>(by, keys).await.unwrap();
    found.into_iter().map(|document| document.map(|document| *document.value())).collect()
}

pub(super) fn figures(of: &Backend) -> CacheFigures {
    of.cache_figures().into_iter().find(|figures| figures.kind == "agent").unwrap()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_herd_loads_once_in_all_processes_together(pool: PgPool) {
    let _redis = Server::start("herd");
    let url = Server::url("herd");
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let (source, key) = source("a", 7);
    let shut = source.gate.write().await;
    let herd = async {
        let all = (0..200).map(|n| get::<Long>(if n % 2 == 0 { &one } else { &two }, &key));
        join_all(all).await
    };
    let open = async {
        until("a loader is at the gate", async || source.loads() == 1).await;
        drop(shut);
    };
    let (values, ()) = tokio::join!(herd, open);
    assert!(values.iter().all(|value| *value == Some(7)));
    assert_eq!(source.loads(), 1);
    assert_eq!(figures(&one).loads + figures(&two).loads, 1);
    assert_eq!(figures(&one).shared_hits + figures(&two).shared_hits, 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn batches_of_the_same_share_one_question(pool: PgPool) {
    let backend = backend(&pool, None).await;
    let [(a, a_key), (b, b_key), (c, c_key)] = [source("a", 1), source("b", 0), source("c", 3)];
    let keys = [a_key.clone(), b_key.clone(), a_key.clone()];
    let shut = a.gate.write().await;
    let herd = join_all((0..50).map(|_| get_many(&backend, &keys)));
    let open = async {
        until("a loader is at the gate", async || a.loads() == 1).await;
        // Whoever asks for one of them alone waits for the same.
        tokio::join!(get::<Long>(&backend, &a_key), async { drop(shut) }).0
    };
    let (batches, alone) = tokio::join!(herd, open);
    assert!(batches.iter().all(|batch| *batch == [Some(1), None, Some(1)]), "{batches:?}");
    assert_eq!((alone, figures(&backend).loads), (Some(1), 1));
    // What is kept is asked for no more, what it lacks beside that alone.
    assert_eq!(get_many(&backend, &[b_key, c_key, a_key]).await, [None, Some(3), Some(1)]);
    assert_eq!((a.loads(), b.loads(), c.loads(), figures(&backend).loads), (1, 0, 1, 2));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_batch_does_not_wait_for_what_began_before_a_write(pool: PgPool) {
    let backend = backend(&pool, None).await;
    let (source, key) = source("a", 1);
    let shut = source.gate.write().await;
    let late = tokio::spawn({
        let (backend, key) = (backend.clone(), key.clone());
        async move { get_many(&backend, &[key]).await }
    });
    until("it has read", async || source.loads() == 1).await;
    source.write(&backend, 2, Stale::one::<Long>(&key)).await;
    let next = tokio::spawn({
        let (backend, key) = (backend.clone(), key.clone());
        async move { get_many(&backend, &[key]).await }
    });
    until("the next has read", async || source.loads() == 2).await;
    drop(shut);
    assert_eq!((late.await.unwrap(), next.await.unwrap()), (vec![Some(1)], vec![Some(2)]));
    assert_eq!(get::<Long>(&backend, &key).await, Some(2));
    // While a write could go unheard a joined loading is not trusted, but the next one is.
    backend.cache().cease_to_hear();
    let both = tokio::join!(
        get_many(&backend, std::slice::from_ref(&key)),
        get_many(&backend, std::slice::from_ref(&key)),
    );
    assert_eq!(both, (vec![Some(2)], vec![Some(2)]));
    assert_eq!(source.loads(), 4);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_past_its_lifetime_is_served_while_one_loader_reads_it_anew(pool: PgPool) {
    let backend = backend(&pool, None).await;
    let (source, key) = source("a", 1);
    assert_eq!(get::<Short>(&backend, &key).await, Some(1));
    source.value.store(2, Ordering::SeqCst);
    let shut = source.gate.write().await;
    until("it is past its lifetime", async || {
        assert_eq!(get::<Short>(&backend, &key).await, Some(1));
        source.loads() == 2
    })
    .await;
    for _ in 0..50 {
        assert_eq!(get::<Short>(&backend, &key).await, Some(1));
    }
    assert_eq!(source.loads(), 2);
    drop(shut);
    until("it was read anew", async || get::<Short>(&backend, &key).await == Some(2)).await;
    assert!(figures(&backend).stale_hits > 50);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_batch_does_not_wait_for_what_is_past_its_lifetime(pool: PgPool) {
    let backend = backend(&pool, None).await;
    let (a, key) = source("a", 1);
    assert_eq!(get::<Short>(&backend, &key).await, Some(1));
    a.value.store(3, Ordering::SeqCst);
    let shut = a.gate.write().await;
    let keys = [key];
    let ask = async || {
        let found = backend.cache().get_many::<Short>(&backend, &keys).await.unwrap();
        found.into_iter().map(|document| document.map(|it| *it.value())).collect::<Vec<_>>()
    };
    until("it is past its lifetime", async || {
        assert_eq!(ask().await, [Some(1)]);
        a.loads() == 2
    })
    .await;
    assert_eq!(ask().await, [Some(1)]);
    drop(shut);
    until("it was read anew", async || ask().await == [Some(3)]).await;
    assert!(figures(&backend).stale_hits > 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_reader_that_began_before_a_write_puts_nothing_back(pool: PgPool) {
    let _redis = Server::start("late");
    let url = Server::url("late");
    for url in [None, Some(url.as_str())] {
        let (reader, writer) = (backend(&pool, url).await, backend(&pool, url).await);
        let (source, key) = source(if url.is_some() { "a" } else { "b" }, 1);
        let shut = source.gate.write().await;
        let late = {
            let (reader, key) = (reader.clone(), key.clone());
            tokio::spawn(async move { get::<Long>(&reader, &key).await })
        };
        until("it has read", async || source.loads() == 1).await;
        let mark = || reader.cache().shared.level_one.mark(&Place::of::<Long>(&key));
        let before = mark();
        source.write(&writer, 2, Stale::one::<Long>(&key)).await;
        until("the reader hears", async || mark() != before).await;
        drop(shut);
        assert_eq!(late.await.unwrap(), Some(1));
        for backend in [&reader, &writer] {
            assert_eq!(get::<Long>(backend, &key).await, Some(2));
        }
        // Nor is it in Redis.
        assert_eq!(get::<Long>(&self::backend(&pool, url).await, &key).await, Some(2));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_not_there_is_remembered_until_it_is_written(pool: PgPool) {
    let backend = backend(&pool, None).await;
    let (source, key) = source("a", 0);
    for _ in 0..3 {
        assert_eq!(get::<Long>(&backend, &key).await, None);
    }
    assert_eq!((source.loads(), figures(&backend).absent_hits), (1, 2));
    source.write(&backend, 5, Stale::one::<Long>(&key)).await;
    assert_eq!(get::<Long>(&backend, &key).await, Some(5));
}

/// The connection may be lost while the database commits; it tells of it all the same.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_write_that_seemed_to_fail_counts_once_it_is_heard_of(pool: PgPool) {
    sqlx::raw_sql(
        "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION '%', NEW.outbox_id; END $$;
         CREATE CONSTRAINT TRIGGER outbox_refuses AFTER INSERT ON cache_outbox
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();",
    )
    .execute(&pool)
    .await
    .unwrap();
    let backend = backend(&pool, None).await;
    let (source, key) = source("a", 1);
    let stale = Stale::one::<Long>(&key);
    let names = stale.names().to_vec();
    let tx = backend.catalogue_begin().await.unwrap();
    let fault = format!("{:?}", backend.commit(tx, stale).await.unwrap_err());
    let words = fault.split(|letter: char| !letter.is_ascii_hexdigit() && letter != '-');
    let write = words.filter(|word| word.len() == 36).find_map(|word| word.parse::<Uuid>().ok());

    assert_eq!(get::<Long>(&backend, &key).await, Some(1));
    source.value.store(2, Ordering::SeqCst);
    backend.cache().hear(write.expect("its id"), &names, Voice::Database);
    assert_eq!(get::<Long>(&backend, &key).await, Some(2));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_members_of_a_group_are_forgotten_together(pool: PgPool) {
    let _redis = Server::start("group");
    let url = Server::url("group");
    let (one, two) = (backend_on(&pool, &url).await, backend_on(&pool, &url).await);
    let (a, a_key) = source("member-a", 1);
    let (b, b_key) = source("member-b", 1);
    for backend in [&one, &two, &one] {
        assert_eq!(get::<Long>(backend, &a_key).await, Some(1));
        assert_eq!(get::<Long>(backend, &b_key).await, Some(1));
    }
    assert_eq!((a.loads(), b.loads()), (1, 1));
    b.value.store(2, Ordering::SeqCst);
    a.write(&one, 2, Stale::nothing().and_group("tests")).await;
    for backend in [&one, &two] {
        until("it hears", async || get::<Long>(backend, &a_key).await == Some(2)).await;
        assert_eq!(get::<Long>(backend, &b_key).await, Some(2));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_everybody_may_see_has_another_edition_after_a_write(pool: PgPool) {
    let (one, two) = (backend(&pool, None).await, backend(&pool, None).await);
    let ada = sample::member(&one, "ada").await.unwrap();
    let (of_one, of_two) = (one.public_edition(), two.public_edition());
    agents::create(&ada, sample::spec("Reader")).await.unwrap();
    assert_eq!(one.public_edition(), of_one, "an agent is its owner's");
    members::update_profile(&ada, "Ada".to_owned()).await.unwrap();
    assert!(one.public_edition() > of_one, "the writer knows at once");
    until("the other one hears", async || two.public_edition() > of_two).await;
    two.cache().cease_to_hear();
    assert_eq!(two.public_edition(), None, "a write could go unheard");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_first_level_is_counted_and_bounded(pool: PgPool) {
    let backend = backend(&pool, None).await;
    let (_, key) = source("a", 1);
    assert_eq!(figures(&backend), CacheFigures { kind: "agent", ..CacheFigures::default() });
    get::<Long>(&backend, &key).await;
    get::<Long>(&backend, &key).await;
    backend.cache().shared.level_one.settle();
    let counted = figures(&backend);
    assert_eq!((counted.hits, counted.misses, counted.loads, counted.entries), (1, 1, 1, 1));
    assert!(counted.bytes > 0);
    backend
        .commit(backend.catalogue_begin().await.unwrap(), Stale::one::<Long>(&key))
        .await
        .unwrap();
    backend.cache().shared.level_one.settle();
    assert_eq!((figures(&backend).entries, figures(&backend).bytes), (0, 0));
}
