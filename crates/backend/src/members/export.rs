//! All that is kept of a person, as one JSON document: the rows of each table under the table's name.
//! It is written while it is read, so it may be of any size.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use resonant_domain::UserId;
use resonant_domain::audit::Deed;
use sqlx::PgConnection;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::audit::Log;
use crate::store::account_export::{self, Source};
use crate::{Backend, Ctx, Error, Result, access, audit};

/// How many are written at the same time in a process: each keeps a connection.
static TURNS: Semaphore = Semaphore::const_new(2);
/// For how long a caller waits for a turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back where others are being written.
const COME_BACK: Duration = Duration::from_secs(30);
/// How many pieces may wait for whoever reads.
const AHEAD: usize = 4;
/// How long whoever reads may take for a piece: nobody holds a turn, and a connection, by not reading.
const SLOWEST: Duration = Duration::from_mins(1);
/// The last piece, by which a whole file ends.
const END: &[u8] = b"}\n";

/// Writes all that is kept of the caller, except what is of no use elsewhere: hashes and sealed values.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Forbidden`] for keys; [`Error::TooMany`]. What fails on the way
/// ends the stream with its error.
#[tracing::instrument(name = "members.export", level = "debug", parent = ctx.span(), skip_all)]
pub async fn export(ctx: &Ctx) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
    let id = access::user(ctx)?;
    let turn = timeout(PATIENCE, TURNS.acquire())
        .await
        .map_err(|_| Error::TooMany { retry_after: COME_BACK })?
        .map_err(Error::internal)?;
    let mut conn = ctx.backend().catalogue_write().await?;
    audit::note(ctx, &mut conn, Log::Account(id), Deed::AccountExported, None).await?;
    conn.commit().await?;
    let (pieces, receiver) = mpsc::channel(AHEAD);
    let backend = ctx.backend().clone();
    tokio::spawn(write_all(backend, id, pieces, turn).in_current_span());
    tracing::info!(user.id = %id, "account exported");
    Ok(read(receiver))
}

/// The pieces in their order. Where they end before the last one, with an error: a part is not the whole.
fn read(receiver: Receiver<Result<Bytes>>) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
    let pieces = stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        let cut_off = Err(Error::TooMany { retry_after: COME_BACK });
        let piece = receiver.recv().await.unwrap_or(cut_off);
        let goes_on = piece.as_ref().is_ok_and(|piece| **piece != *END);
        Some((piece, goes_on.then_some(receiver)))
    });
    // Whoever packs it asks once more after its end.
    pieces.fuse()
}

/// Hands a piece on. `false`: whoever reads is gone, or does not read.
async fn give(pieces: &Sender<Result<Bytes>>, piece: Result<Bytes>) -> bool {
    pieces.send_timeout(piece, SLOWEST).await.is_ok()
}

async fn write_all(
    backend: Backend,
    id: UserId,
    pieces: Sender<Result<Bytes>>,
    _turn: SemaphorePermit<'static>,
) {
    if let Err(error) = write(&backend, id, &pieces).await {
        // Whoever reads may be gone.
        give(&pieces, Err(error)).await;
    }
}

async fn write(backend: &Backend, id: UserId, pieces: &Sender<Result<Bytes>>) -> Result<()> {
    let head = format!("{{\"format\":\"resonant-account\",\"exported_at\":\"{}\"", backend.now());
    if !give(pieces, Ok(Bytes::from(head))).await {
        return Ok(());
    }
    let mut conn = backend.catalogue_read_latest().await?;
    if !write_tables(&mut conn, account_export::catalogue(), id, pieces).await? {
        return Ok(());
    }
    drop(conn);
    let mut conn = backend.read_latest(id).await?;
    let owned = account_export::owned(&mut conn).await?;
    if !write_tables(&mut conn, owned, id, pieces).await? {
        return Ok(());
    }
    drop(conn);
    let source = account_export::of_others(backend.owners());
    let mut table = Table::begin(&source);
    for shard in backend.shards() {
        // Nothing is written there, so nothing is committed.
        let mut tx = backend.begin_on(shard).await?;
        if !table.write(&mut tx, &source, id, pieces).await? {
            return Ok(());
        }
    }
    if give(pieces, Ok(table.end())).await {
        give(pieces, Ok(Bytes::from_static(END))).await;
    }
    Ok(())
}

/// `false`: whoever reads is gone.
async fn write_tables(
    conn: &mut PgConnection,
    sources: Vec<Source>,
    id: UserId,
    pieces: &Sender<Result<Bytes>>,
) -> Result<bool> {
    let mut tx = account_export::begin(conn).await?;
    for source in sources {
        let mut table = Table::begin(&source);
        let is_read = table.write(&mut tx, &source, id, pieces).await?;
        if !is_read || !give(pieces, Ok(table.end())).await {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A table that is being written. Its rows may come from several databases.
struct Table {
    text: String,
    is_empty: bool,
}

impl Table {
    fn begin(source: &Source) -> Self {
        Self { text: format!(",\n\"{}\":[", source.table), is_empty: true }
    }

    /// Writes the rows of one database. `false`: whoever reads is gone.
    async fn write(
        &mut self,
        tx: &mut PgConnection,
        source: &Source,
        id: UserId,
        pieces: &Sender<Result<Bytes>>,
    ) -> Result<bool> {
        account_export::open(tx, source, id).await?;
        loop {
            let rows = account_export::next(tx).await?;
            if rows.is_empty() {
                return Ok(true);
            }
            self.text.push_str(if std::mem::take(&mut self.is_empty) { "\n" } else { ",\n" });
            self.text.push_str(&rows.join(",\n"));
            let piece = Bytes::from(std::mem::take(&mut self.text));
            if !give(pieces, Ok(piece)).await {
                return Ok(false);
            }
        }
    }

    fn end(mut self) -> Bytes {
        self.text.push(']');
        Bytes::from(self.text)
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;
    use resonant_domain::secret::NewSecret;
    use resonant_domain::team::NewTeam;
    use serde_json::Value;
    use sqlx::PgPool;

    use super::*;
    use crate::publications::tests as publishing;
    use crate::{agents, sample, secrets, sessions, teams};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_person_gets_all_of_their_own_and_no_secret(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ada = sample::member(&backend, "ada").await.unwrap();
        let bob = sample::member(&backend, "bob").await.unwrap();
        for number in 0..450 {
            agents::create(&ada, sample::spec(&format!("Agent {number}"))).await.unwrap();
        }
        let foreign = agents::create(&bob, sample::spec("Foreign")).await.unwrap();
        let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
        sessions::start(&ada, agent.id, sample::goal("Read \"this\"")).await.unwrap();
        let new = NewSecret {
            name: "TOKEN".to_owned(),
            value: "canary-7f3a".to_owned(),
            hosts: vec!["example.org".to_owned()],
        };
        secrets::create(&ada, new).await.unwrap();

        let pieces: Vec<_> = export(&ada).await.unwrap().try_collect().await.unwrap();
        let text = String::from_utf8(pieces.concat()).unwrap();
        let all: Value = serde_json::from_str(&text).unwrap();
        let count = |table: &str| all[table].as_array().unwrap().len();
        assert_eq!((count("agents"), count("sessions"), count("secrets")), (451, 1, 1));
        assert_eq!(count("session_queue"), 1);
        assert_eq!(all["users"][0]["email"], "ada@example.org");
        assert_eq!(all["sessions"][0]["goal"], "Read \"this\"");
        for hidden in ["canary-7f3a", "argon2", "sealed_value", "token_hash", "key_hash"] {
            assert!(!text.contains(hidden), "{hidden}");
        }
        assert!(!text.contains(&foreign.id.to_string()));
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn what_a_person_publishes_is_theirs(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let root = publishing::admin(&backend).await;
        let ada = sample::member(&backend, "ada").await.unwrap();
        let agent = publishing::published_agent(&ada, "Reader").await;
        let id = publishing::hand_in(&ada, agent, publishing::texts("Reader")).await;
        publishing::approve(&root, id).await;
        for (ctx, slugs) in [(&ada, vec!["reader"]), (&root, vec![])] {
            let pieces: Vec<_> = export(ctx).await.unwrap().try_collect().await.unwrap();
            let all: Value = serde_json::from_slice(&pieces.concat()).unwrap();
            let listings = all["listings"].as_array().unwrap();
            let found: Vec<_> = listings.iter().map(|it| it["slug"].as_str().unwrap()).collect();
            assert_eq!(found, slugs);
            assert_eq!(all["payment_events"], Value::Array(Vec::new()));
        }
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_person_gets_what_they_answered_and_their_teams_and_no_one_elses_id(pool: PgPool) {
        let backend = sample::with_parrot(pool);
        let root = publishing::admin(&backend).await;
        let ada = sample::member(&backend, "ada").await.unwrap();
        let bob = sample::member(&backend, "bob").await.unwrap();
        publishing::answered(&root, &ada, &[(&bob, "It reads")], "Thank you").await;
        let team = NewTeam { name: "All readers".to_owned(), slug: "readers".to_owned() };
        teams::create(&ada, team).await.unwrap();

        let read = async |ctx: &Ctx| -> (String, Value) {
            let pieces: Vec<_> = export(ctx).await.unwrap().try_collect().await.unwrap();
            let text = String::from_utf8(pieces.concat()).unwrap();
            let all = serde_json::from_str(&text).unwrap();
            (text, all)
        };
        let (text, all) = read(&ada).await;
        assert_eq!(all["review_answers"][0]["answer"], "Thank you");
        assert_eq!(all["joined_teams"][0]["name"], "All readers");
        assert_eq!(all["listing_submissions"].as_array().unwrap().len(), 1);
        for other in [&root, &bob] {
            let id = access::user(other).unwrap();
            assert!(!text.contains(&id.to_string()), "neither who judged it nor who reviewed it");
        }
        let (_, all) = read(&bob).await;
        for table in ["review_answers", "joined_teams"] {
            assert_eq!(all[table], Value::Array(Vec::new()), "{table}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_holds_a_turn_by_not_reading() {
        let (pieces, receiver) = mpsc::channel(1);
        assert!(give(&pieces, Ok(Bytes::from_static(b"{"))).await);
        assert!(!give(&pieces, Ok(Bytes::from_static(END))).await);
        drop(pieces);
        let found: Vec<_> = read(receiver).collect().await;
        assert!(matches!(found.as_slice(), [Ok(_), Err(_)]), "{found:?}");

        let (pieces, receiver) = mpsc::channel(2);
        assert!(give(&pieces, Ok(Bytes::from_static(b"{"))).await);
        assert!(give(&pieces, Ok(Bytes::from_static(END))).await);
        drop(pieces);
        let found: Vec<_> = read(receiver).try_collect().await.unwrap();
        assert_eq!(found.concat(), b"{}\n");
    }
}
