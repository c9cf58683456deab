//! The SQL of the facts that agents keep.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::memory::Memory;
use resonant_domain::{AgentId, MemoryId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

struct MemoryRow {
    memory_id: Uuid,
    key: String,
    body: String,
    updated_at: Timestamp,
}

impl From<MemoryRow> for Memory {
    fn from(row: MemoryRow) -> Self {
        Self {
            id: MemoryId::from_uuid(row.memory_id),
            key: row.key,
            text: row.body,
            updated_at: row.updated_at.to_jiff(),
        }
    }
}

/// Where a page of facts ends: the last fact on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct MemoryPosition {
    pub(crate) updated_at: jiff::Timestamp,
    pub(crate) id: MemoryId,
}

/// Lists at most `most` of the facts of an agent behind `after`, the newest first.
#[tracing::instrument(name = "db.memory.list", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    after: Option<MemoryPosition>,
    most: i64,
) -> sqlx::Result<Vec<Memory>> {
    let rows = sqlx::query_as!(
        MemoryRow,
        r#"
        SELECT memory_id, key, body, updated_at
        FROM agent_memories
        WHERE owner_id = $1 AND agent_id = $2
          AND (updated_at, memory_id) < (coalesce($3::TIMESTAMPTZ, 'infinity'), $4)
        ORDER BY updated_at DESC, memory_id DESC
        LIMIT $5
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        after.map(|after| after.updated_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |after| after.id.as_uuid()),
        most,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Memory::from).collect())
}

/// A fact of an agent.
#[tracing::instrument(name = "db.memory.find", skip_all, fields(memory.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: MemoryId,
) -> sqlx::Result<Option<Memory>> {
    let row = sqlx::query_as!(
        MemoryRow,
        r#"
        SELECT memory_id, key, body, updated_at
        FROM agent_memories
        WHERE owner_id = $1 AND agent_id = $2 AND memory_id = $3
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Memory::from))
}

/// Keeps a fact, in the place of one of its key.
#[tracing::instrument(name = "db.memory.upsert", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn upsert(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    memory: &Memory,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO agent_memories (owner_id, agent_id, memory_id, key, body, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $6)
        ON CONFLICT (owner_id, agent_id, key)
            DO UPDATE SET body = EXCLUDED.body, updated_at = EXCLUDED.updated_at
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        memory.id.as_uuid(),
        memory.key,
        memory.text,
        memory.updated_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes all facts of an agent but the newest ones.
#[tracing::instrument(name = "db.memory.delete_old", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn delete_old(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    kept: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM agent_memories
        WHERE owner_id = $1 AND memory_id IN (
            SELECT memory_id FROM agent_memories
            WHERE owner_id = $1 AND agent_id = $2
            ORDER BY updated_at DESC, memory_id DESC
            OFFSET $3
        )
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        kept,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a fact of an agent, and tells what it was; `None` when there was none.
#[tracing::instrument(name = "db.memory.delete", skip_all, fields(memory.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: MemoryId,
) -> sqlx::Result<Option<Memory>> {
    let row = sqlx::query_as!(
        MemoryRow,
        r#"
        DELETE FROM agent_memories
        WHERE owner_id = $1 AND agent_id = $2 AND memory_id = $3
        RETURNING memory_id, key, body, updated_at
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Memory::from))
}
