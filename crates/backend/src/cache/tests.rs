//! The cache and the bus over a real Redis that comes and goes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::TryStreamExt as _;
use resonant_domain::listing::ListingFilter;
use resonant_domain::session::{SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use sqlx::PgPool;

use super::sign_in::SignInEntry;
use super::*;
use crate::{Backend, Settings, SignInChange, agents, listings, members, sample, sessions, store};

/// A Redis of this test alone, on a socket in a folder of its own.
pub(super) struct Server {
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

    pub(super) fn start(name: &str) -> Self {
        let folder = Self::folder(name);
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(folder.join("socket"))
            .current_dir(&folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is in PATH");
        Self { folder, process }
    }

    pub(super) fn url(name: &str) -> String {
        format!("redis+unix://{}", Self::folder(name).join("socket").display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn backend(pool: &PgPool, url: &str) -> Backend {
    let settings = Settings { redis_url: Some(url.to_owned()), ..sample::settings() };
    Backend::for_tests_with(pool.clone(), &settings)
}

pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect(what);
}

fn piece() -> EventBody {
    EventBody::Output { step: 1, delta: "x".to_owned() }
}

async fn next(stream: &mut sessions::EventStream) -> Vec<SessionEvent> {
    let next = tokio::time::timeout(Duration::from_secs(10), stream.try_next());
    next.await.expect("events come").unwrap().expect("the session is not over")
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn two_processes_share_sign_ins_and_listings(pool: PgPool) {
    let _redis = Server::start("shared");
    let url = Server::url("shared");
    let (one, two) = (backend(&pool, &url), backend(&pool, &url));
    until("Redis answers", async || one.is_ready().await.is_ok()).await;
    one.load_content().await.unwrap();

    let ctx = sample::guest(&one).await.unwrap();
    let Some(SignInChange::Issued(token)) = ctx.sign_in_change() else { panic!("no token") };
    let seen = members::authenticate(&two, token.as_str()).await.unwrap();
    assert_eq!(seen, Some(ctx.actor()));
    assert_eq!(members::authenticate(&one, token.as_str()).await.unwrap(), seen);
    members::sign_out(&ctx).await.unwrap();
    assert_eq!(members::authenticate(&two, token.as_str()).await.unwrap(), None);

    let slug = "meeting-minutes";
    assert_eq!(listings::get(&two.anonymous(), slug).await.unwrap().summary.installs, 0);
    let ctx = sample::guest(&one).await.unwrap();
    listings::install(&ctx, slug).await.unwrap();
    assert_eq!(listings::get(&two.anonymous(), slug).await.unwrap().summary.installs, 1);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn events_cross_processes_and_outlive_redis(pool: PgPool) {
    let mut redis = Some(Server::start("events"));
    let url = Server::url("events");
    let (worker, web) = (backend(&pool, &url), backend(&pool, &url));
    until("Redis answers", async || web.is_ready().await.is_ok()).await;
    let ctx = sample::guest(&web).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let session = sessions::start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    let mut conn = worker.conn().await.unwrap();
    let claimed = store::queue::claim(&mut conn, "worker", Duration::from_mins(1), false)
        .await
        .unwrap()
        .unwrap();
    drop(conn);
    let key = (claimed.owner_id, claimed.session_id, claimed.fence);
    let write = async |body: EventBody| {
        let mut conn = worker.conn().await.unwrap();
        let now = worker.now();
        let events =
            store::session_events::append(&mut conn, key, vec![body], Usage::default(), now)
                .await
                .unwrap()
                .unwrap();
        worker.events().publish(session.id, &events);
    };

    let mut stream = sessions::stream(&ctx, session.id, 0).await.unwrap();
    for number in 1..=3 {
        write(piece()).await;
        assert_eq!(next(&mut stream).await[0].sequence, number);
    }
    redis.take();
    // Without Redis the web process reads the log.
    write(piece()).await;
    assert_eq!(next(&mut stream).await[0].sequence, 4);
    redis.replace(Server::start("events"));
    until("Redis answers again", async || web.is_ready().await.is_ok()).await;
    write(piece()).await;
    assert_eq!(next(&mut stream).await[0].sequence, 5);
    let done = EventBody::Done {
        state: SessionState::Completed,
        reason: None,
        usage: Usage::default(),
        duration_ms: 1,
        waited_ms: 0,
    };
    write(done).await;
    assert_eq!(next(&mut stream).await[0].sequence, 6);
    assert!(stream.try_next().await.unwrap().is_none());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn without_redis_nothing_fails_but_readiness(pool: PgPool) {
    let backend = backend(&pool, &Server::url("absent"));
    assert!(backend.is_ready().await.is_err());
    backend.load_content().await.unwrap();
    let ctx = sample::guest(&backend).await.unwrap();
    let Some(SignInChange::Issued(token)) = ctx.sign_in_change() else { panic!("no token") };
    assert!(members::authenticate(&backend, token.as_str()).await.unwrap().is_some());
    listings::browse(&ctx, ListingFilter::default()).await.unwrap();
    listings::install(&ctx, "meeting-minutes").await.unwrap();
    members::sign_out(&ctx).await.unwrap();
    assert!(members::authenticate(&backend, token.as_str()).await.unwrap().is_none());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn bytes_of_another_version_count_as_nothing(pool: PgPool) {
    let _redis = Server::start("bytes");
    let backend = backend(&pool, &Server::url("bytes"));
    until("Redis answers", async || backend.is_ready().await.is_ok()).await;
    let Cache::Redis(redis) = backend.cache() else { panic!("Redis is configured") };
    for bytes in [&b"\xff\xfe"[..], b"{}", b"[1,2]", b""] {
        redis.set(&key::<SignInEntry>("k"), bytes.to_vec(), Duration::from_secs(9)).await;
        assert!(backend.cache().read::<SignInEntry>("k").await.is_none());
    }
    let edition = super::listing_page::EditionEntry::NAME;
    redis
        .set(&format!("resonant:{edition}:marketplace"), b"7".to_vec(), Duration::from_secs(9))
        .await;
    listings::browse(&backend.anonymous(), ListingFilter::default()).await.unwrap();
}

#[tokio::test]
async fn a_late_reader_does_not_overwrite_what_was_written() {
    let cache = Cache::new(None);
    cache.replace::<SignInEntry>("k", &None).await;
    let late = super::sign_in::KnownSignIn {
        user_id: resonant_domain::UserId::from_uuid(uuid::Uuid::nil()),
        kind: resonant_domain::member::UserKind::Guest,
        expires_at: jiff::Timestamp::MAX,
    };
    cache.fill::<SignInEntry>("k", &Some(late)).await;
    assert!(matches!(cache.read::<SignInEntry>("k").await, Some(None)));
}
