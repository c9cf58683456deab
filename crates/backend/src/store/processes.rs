//! The SQL of the server processes, which tell of themselves. The database's clock alone says when they
//! did.

use std::time::Duration;

use jiff_sqlx::Timestamp;
use resonant_domain::operations::{ProcessStanding, ProcessState};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::interval;

/// For how long a process is taken to be there that does not tell of itself.
pub(crate) const LASTS: Duration = Duration::from_mins(1);

/// What a process tells of itself.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) process: Uuid,
    pub(crate) role: &'a str,
    pub(crate) version: &'a str,
    /// For how long it has run.
    pub(crate) runs_for: Duration,
    pub(crate) state: &'a ProcessState,
}

#[tracing::instrument(name = "db.process.upsert", skip_all, err(level = "debug"))]
pub(crate) async fn upsert(conn: &mut PgConnection, told: &Told<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO processes (process_id, role, version, started_at, seen_at, state)
        VALUES ($1, $2, $3, now() - $4::INTERVAL, now(), $5)
        ON CONFLICT (process_id) DO UPDATE
        SET role = excluded.role, version = excluded.version, seen_at = excluded.seen_at,
            state = excluded.state
        "#,
        told.process,
        told.role,
        told.version,
        interval(told.runs_for),
        Json(told.state) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the processes that have not told of themselves for [`LASTS`], and those that did at an
/// instant that is still to come: the clock was turned back since.
#[tracing::instrument(name = "db.process.delete_gone", skip_all, err(level = "debug"))]
pub(crate) async fn delete_gone(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM processes
        WHERE process_id IN (
            SELECT process_id
            FROM processes
            WHERE seen_at NOT BETWEEN now() - $1::INTERVAL AND now() + $1::INTERVAL
            FOR UPDATE SKIP LOCKED
        )
        "#,
        interval(LASTS),
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[tracing::instrument(name = "db.process.delete", skip_all, err(level = "debug"))]
pub(crate) async fn delete(conn: &mut PgConnection, process: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM processes WHERE process_id = $1", process).execute(conn).await?;
    Ok(())
}

/// Lists the processes that are there, those that started first before the others.
#[tracing::instrument(name = "db.process.list", skip_all, err(level = "debug"))]
pub(crate) async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<ProcessStanding>> {
    let rows = sqlx::query!(
        r#"
        SELECT process_id, role, version, started_at AS "started_at: Timestamp",
               seen_at AS "seen_at: Timestamp", state AS "state: Json<ProcessState>"
        FROM processes
        WHERE seen_at BETWEEN now() - $1::INTERVAL AND now() + $1::INTERVAL
        ORDER BY started_at, process_id
        "#,
        interval(LASTS),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ProcessStanding {
            id: row.process_id.to_string(),
            role: row.role,
            version: row.version,
            started_at: row.started_at.to_jiff(),
            seen_at: row.seen_at.to_jiff(),
            state: row.state.0,
        })
        .collect())
}
