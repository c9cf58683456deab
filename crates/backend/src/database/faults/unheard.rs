//! Databases of which nothing is heard any more.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A way to a database on which nothing gets on while it is frozen: not a byte, and no end either.
struct Way {
    port: u16,
    is_frozen: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Way {
    async fn to(database: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_frozen = Arc::<AtomicBool>::default();
        let (frozen, address) = (is_frozen.clone(), format!("127.0.0.1:{}", database.port()));
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (client_reads, client_writes) = client.into_split();
                let server = TcpStream::connect(&address).await.unwrap();
                let (server_reads, server_writes) = server.into_split();
                tokio::spawn(carry(client_reads, server_writes, frozen.clone()));
                tokio::spawn(carry(server_reads, client_writes, frozen.clone()));
            }
        });
        Self { port, is_frozen, task }
    }

    fn url(&self) -> String {
        format!("postgres://resonant@127.0.0.1:{}/resonant", self.port)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, is_frozen: Arc<AtomicBool>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        while is_frozen.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// What that writes nobody here knows, and who wrote it is known in Redis no longer than a replica may lag.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_a_primary_that_is_not_heard_is_left_out() {
    const REDIS: &str = "unheard";
    let (_redis, primary) = (Server::start(REDIS), primary().await);
    let replica = primary.replica(&[]);
    let way = Way::to(&primary).await;
    let writer = process(&settings(&primary, &[&replica], Some(REDIS))).await;
    let mut far = settings(&primary, &[&replica], Some(REDIS));
    far.database.url = way.url();
    let reader = process(&far).await;
    let (ctx, owner, id) = agent(&writer).await;
    until_answers(&reader, owner, &[&replica]).await;

    tell(&replica, "SELECT pg_wal_replay_pause()::TEXT").await;
    way.is_frozen.store(true, Ordering::SeqCst);
    rename(&ctx, id, "Unheard").await;
    let is_out = || reader.replicas().iter().all(|(_, lag)| lag.is_none());
    until("it is left out", async || is_out()).await;
    way.is_frozen.store(false, Ordering::SeqCst);
    assert_eq!(name(&reader, owner, id).await, ("Unheard".to_owned(), primary.port()));
    tell(&replica, "SELECT pg_wal_replay_resume()::TEXT").await;
    until_answers(&reader, owner, &[&replica]).await;
}

/// What is kept counts no more, until the database is heard again.
#[tokio::test(flavor = "multi_thread")]
async fn who_hears_nothing_of_the_database_notices_it() {
    let primary = primary().await;
    let way = Way::to(&primary).await;
    let mut settings = settings(&primary, &[], None);
    settings.database = DatabaseSettings::new(way.url());
    let backend = process(&settings).await;
    for _ in 0..2 {
        until("it hears", async || backend.cache().hears()).await;
        way.is_frozen.store(true, Ordering::SeqCst);
        until("it notices that it does not", async || !backend.cache().hears()).await;
        way.is_frozen.store(false, Ordering::SeqCst);
    }
    until("it hears again", async || backend.cache().hears()).await;
}
