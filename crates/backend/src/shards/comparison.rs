//! The two sides of a move, compared: all that there is while owners write, and under the fence what has changed
//! since.
//!
//! For an instant nobody writes, so that the target has all that the source has. What both have then is compared
//! as it was at that instant, however long it takes. Whatever changes a row afterwards, on either side, stands in
//! the log of that side, and the row's key is read from there. So nothing but those rows is left for the fence: on
//! both sides all others are what they were when they were found to be the same.

use std::time::{Duration, Instant};

use sqlx::types::Uuid;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout_at;

use super::connect;
use super::messages::{Keys, Reader, Rows};
use crate::database::Limits;
use crate::store::bucket_changes::{self, Part};
use crate::store::limits;
use crate::{Error, Result};

/// How many rows that have changed are compared by one statement.
const AT_ONCE: usize = 1_000;
/// How many messages about changes are held at once.
const TAKEN: u16 = 10_000;
/// How long a transaction that compares under the fence may do nothing.
const IDLE: Duration = Duration::from_secs(10);

/// What changes on both sides, and is not compared yet.
pub(super) struct Changes {
    publication: String,
    keys: Keys,
    sides: [Side; 2],
    rows: Rows,
}

/// One side, with a connection of its own: what it reads of the log is gone with the first fault.
struct Side {
    conn: PgConnection,
    slot: String,
    shape: String,
    reader: Reader,
}

impl Side {
    async fn follow(url: &str, tables: &[String]) -> Result<Self> {
        let mut conn = connect(url).await?;
        let slot = bucket_changes::follow(&mut conn).await?;
        let shape = bucket_changes::find_shape(&mut conn, tables).await?;
        Ok(Self { conn, slot, shape, reader: Reader::default() })
    }
}

impl Changes {
    /// Follows what changes from here on of what both sides publish under a name.
    pub(super) async fn follow(
        [here, there]: [&str; 2],
        publication: &str,
        tables: &[String],
    ) -> Result<Self> {
        let mut here = Side::follow(here, tables).await?;
        let there = Side::follow(there, tables).await?;
        let keys = bucket_changes::list_keys(&mut here.conn, tables).await?;
        let publication = publication.to_owned();
        Ok(Self { publication, keys, sides: [here, there], rows: Rows::default() })
    }

    /// Notes what has changed up to now.
    async fn note(&mut self) -> Result<()> {
        for Side { conn, slot, reader, .. } in &mut self.sides {
            loop {
                let messages =
                    bucket_changes::take(&mut *conn, slot, &self.publication, TAKEN).await?;
                for message in &messages {
                    reader.read(message, &self.keys, &mut self.rows)?;
                }
                if messages.len() < usize::from(TAKEN) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// How many rows are noted.
    pub(super) fn count(&self) -> usize {
        self.rows.count()
    }

    /// Takes the rows that are noted, for whoever compares what they are from now on.
    pub(super) fn take(&mut self) -> Rows {
        std::mem::take(&mut self.rows)
    }

    /// Compares what both sides have of all owners of the bucket.
    pub(super) async fn compare_all(
        &mut self,
        [here, there]: [&mut PgConnection; 2],
        tables: &[String],
        owners: &[Uuid],
    ) -> Result<()> {
        for table in tables {
            let sides = [&mut *here, &mut *there];
            compare(sides, table, Part::Owners(owners), None).await?;
            // Neither side has to keep its log for longer.
            self.note().await?;
        }
        Ok(())
    }

    /// Compares what both sides have of rows that have changed.
    pub(super) async fn compare_again(
        &mut self,
        sides: [&mut PgConnection; 2],
        rows: &Rows,
    ) -> Result<()> {
        compare_rows(sides, &self.keys, rows, None).await?;
        self.note().await
    }

    /// Compares what is left, now that nobody writes any more, and ends.
    pub(super) async fn compare_rest(
        mut self,
        sides: [&mut PgConnection; 2],
        tables: &[String],
        until: Instant,
    ) -> Result<()> {
        let noted = timeout_at(until.into(), self.note_last(tables)).await;
        noted.map_err(|_| late())??;
        let rows = self.take();
        compare_rows(sides, &self.keys, &rows, Some(until)).await?;
        for Side { conn, slot, .. } in &mut self.sides {
            bucket_changes::end(conn, slot).await?;
        }
        Ok(())
    }

    /// Notes the last of what has changed. Fails when rows may have changed that no log tells of.
    async fn note_last(&mut self, tables: &[String]) -> Result<()> {
        self.note().await?;
        for Side { conn, shape, .. } in &mut self.sides {
            if bucket_changes::find_shape(conn, tables).await? != *shape {
                return Err(Error::unavailable("tables have changed since they were compared"));
            }
        }
        Ok(())
    }
}

/// Compares rows by their keys.
async fn compare_rows(
    [here, there]: [&mut PgConnection; 2],
    keys: &Keys,
    rows: &Rows,
    until: Option<Instant>,
) -> Result<()> {
    for (table, rows) in rows.tables() {
        let columns = keys.get(table).map_or(&[][..], Vec::as_slice);
        let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
        for rows in rows.chunks(AT_ONCE) {
            let sides = [&mut *here, &mut *there];
            compare(sides, table, Part::Rows(columns, rows), until).await?;
        }
    }
    Ok(())
}

/// Fails when the two sides have something else, and when nobody knows by then.
async fn compare(
    [here, there]: [&mut PgConnection; 2],
    table: &str,
    part: Part<'_>,
    until: Option<Instant>,
) -> Result<()> {
    // Both to their end: a connection on which a statement still runs is of no use afterwards.
    let (here, there) = tokio::join!(
        fingerprint(here, table, part, until),
        fingerprint(there, table, part, until),
    );
    let (here, there) = (here?, there?);
    if here == there {
        Ok(())
    } else {
        Err(Error::internal(format!("{table} differs: {here} and {there}")))
    }
}

/// What a side has, when it can be told by then.
async fn fingerprint(
    conn: &mut PgConnection,
    table: &str,
    part: Part<'_>,
    until: Option<Instant>,
) -> Result<String> {
    let Some(until) = until else {
        return Ok(bucket_changes::fingerprint(conn, table, part).await?);
    };
    let left = until.saturating_duration_since(Instant::now());
    // Less would be without end.
    if left < Duration::from_millis(1) {
        return Err(late());
    }
    let mut tx = conn.begin().await?;
    let limits = Limits { statement: left, idle_transaction: IDLE };
    limits::set_in_transaction(&mut tx, limits).await?;
    let found = bucket_changes::fingerprint(&mut tx, table, part).await;
    tx.rollback().await?;
    match found {
        // Broken off by its own limit.
        Err(sqlx::Error::Database(fault)) if fault.code().as_deref() == Some("57014") => {
            Err(late())
        }
        found => Ok(found?),
    }
}

fn late() -> Error {
    Error::unavailable("the two sides cannot be compared in time")
}
