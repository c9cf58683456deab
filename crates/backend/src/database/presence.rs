//! Whether another process may have written what this one does not know of.
//!
//! Each process that reads from replicas shows on the first database that it is there, and looks for
//! others. One that is not alone knows too little of who wrote, so that without a shared memory of the
//! writes every owner's reads go to the primary.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Result;
use crate::store::presence;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a look may take, and for how long it is believed. A process that has shown itself waits
/// for longer than this before it writes.
const TRUST: Duration = Duration::from_secs(1);
/// For how long nobody else may have been seen at least: longer than another needs to show itself anew
/// after its connection was lost.
const SETTLED: Duration = Duration::from_secs(5);

/// This process among the others.
pub(super) struct Presence {
    seen: Arc<Mutex<Seen>>,
    settled: Duration,
    _stop: DropGuard,
}

#[derive(Default)]
struct Seen {
    alone_since: Option<Instant>,
    looked_at: Option<Instant>,
}

impl Presence {
    /// Shows this process, and answers once every other must have seen it. What another has written before it
    /// went matters for a `span`.
    pub(super) async fn show(options: PgConnectOptions, span: Duration) -> Result<Self> {
        let conn = enter(&options).await?;
        let seen = Arc::<Mutex<Seen>>::default();
        let stop = CancellationToken::new();
        let look = look(options, conn, seen.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(look));
        tokio::time::sleep(TRUST + PAUSE).await;
        Ok(Self { seen, settled: span.max(SETTLED), _stop: stop.drop_guard() })
    }

    /// Whether no other process has been there for a while.
    pub(super) fn is_alone(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = seen.looked_at.is_some_and(|at| at.elapsed() <= TRUST);
        is_fresh && seen.alone_since.is_some_and(|since| since.elapsed() >= self.settled)
    }
}

async fn enter(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let mut conn = options.connect().await?;
    presence::lock(&mut conn).await?;
    Ok(conn)
}

async fn look(options: PgConnectOptions, conn: PgConnection, seen: Arc<Mutex<Seen>>) {
    let mut conn = Some(conn);
    loop {
        if conn.is_none() {
            conn = tokio::time::timeout(TRUST, enter(&options)).await.ok().and_then(Result::ok);
        }
        let at = Instant::now();
        let count = match &mut conn {
            Some(conn) => tokio::time::timeout(TRUST, presence::count(conn)).await.ok(),
            None => None,
        };
        let count = count.and_then(Result::ok);
        if count.is_none() {
            conn = None;
        }
        let is_alone = count == Some(1);
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.looked_at = Some(at);
            seen.alone_since = is_alone.then(|| seen.alone_since.unwrap_or(at));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
