//! The SQL of the calls of the MCP server that wait for their sessions.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;

/// Notes which session answers a call.
#[tracing::instrument(name = "db.mcp_call.insert", skip_all, fields(session.id = %session), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    session: SessionId,
    name: &str,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO mcp_calls (owner_id, session_id, name, created_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (owner_id, session_id) DO UPDATE SET name = EXCLUDED.name
        "#,
        owner.as_uuid(),
        session.as_uuid(),
        name,
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The sessions that answer calls of that name; of many, two.
#[tracing::instrument(name = "db.mcp_call.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    name: &str,
) -> sqlx::Result<Vec<SessionId>> {
    let ids = sqlx::query_scalar!(
        "SELECT session_id FROM mcp_calls WHERE owner_id = $1 AND name = $2 LIMIT 2",
        owner.as_uuid(),
        name,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// Forgets a call.
#[tracing::instrument(name = "db.mcp_call.delete", skip_all, fields(session.id = %session), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    session: SessionId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM mcp_calls WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        session.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the calls of a caller that were made before.
#[tracing::instrument(name = "db.mcp_call.delete_before", skip_all, err(level = "debug"))]
pub(crate) async fn delete_before(
    conn: &mut PgConnection,
    owner: UserId,
    before: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM mcp_calls WHERE owner_id = $1 AND created_at < $2",
        owner.as_uuid(),
        before.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}
