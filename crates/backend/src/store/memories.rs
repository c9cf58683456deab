//! The SQL of the facts that agents keep, for each person apart: those for the owner of an agent stand in
//! one table, those for teammates in another.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::memory::Memory;
use resonant_domain::{AgentId, MemoryId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::shards::Owners;

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

/// An agent and the person whom it keeps facts for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeper {
    /// The agent's owner, under whom the facts lie.
    pub(crate) owner: UserId,
    /// The agent.
    pub(crate) agent: AgentId,
    /// The person.
    pub(crate) user: UserId,
}

impl Keeper {
    fn is_for_owner(self) -> bool {
        self.user == self.owner
    }
}

/// Where a page of facts ends: the last fact on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct MemoryPosition {
    pub(crate) updated_at: jiff::Timestamp,
    pub(crate) id: MemoryId,
}

/// Lists at most `most` of the facts that an agent keeps for a person behind `after`, the newest first.
#[tracing::instrument(name = "db.memory.list", skip_all, fields(agent.id = %keeper.agent), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    keeper: Keeper,
    after: Option<MemoryPosition>,
    most: i64,
) -> sqlx::Result<Vec<Memory>> {
    let (at, id) = (after.map(|after| after.updated_at.to_sqlx()), after.map(|after| after.id));
    let id = id.map_or(Uuid::max(), MemoryId::as_uuid);
    let rows = if keeper.is_for_owner() {
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
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            at as Option<Timestamp>,
            id,
            most,
        );
        rows.fetch_all(conn).await?
    } else {
        let rows = sqlx::query_as!(
            MemoryRow,
            r#"
            SELECT memory_id, key, body, updated_at
            FROM teammate_memories
            WHERE owner_id = $1 AND agent_id = $2 AND user_id = $3
              AND (updated_at, memory_id) < (coalesce($4::TIMESTAMPTZ, 'infinity'), $5)
            ORDER BY updated_at DESC, memory_id DESC
            LIMIT $6
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            keeper.user.as_uuid(),
            at as Option<Timestamp>,
            id,
            most,
        );
        rows.fetch_all(conn).await?
    };
    Ok(rows.into_iter().map(Memory::from).collect())
}

/// A fact that an agent keeps for a person.
#[tracing::instrument(name = "db.memory.find", skip_all, fields(memory.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    keeper: Keeper,
    id: MemoryId,
) -> sqlx::Result<Option<Memory>> {
    let row = if keeper.is_for_owner() {
        let row = sqlx::query_as!(
            MemoryRow,
            r#"
            SELECT memory_id, key, body, updated_at
            FROM agent_memories
            WHERE owner_id = $1 AND agent_id = $2 AND memory_id = $3
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            id.as_uuid(),
        );
        row.fetch_optional(conn).await?
    } else {
        let row = sqlx::query_as!(
            MemoryRow,
            r#"
            SELECT memory_id, key, body, updated_at
            FROM teammate_memories
            WHERE owner_id = $1 AND agent_id = $2 AND user_id = $3 AND memory_id = $4
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            keeper.user.as_uuid(),
            id.as_uuid(),
        );
        row.fetch_optional(conn).await?
    };
    Ok(row.map(Memory::from))
}

/// Keeps a fact for a person, in the place of one of its key.
#[tracing::instrument(name = "db.memory.upsert", skip_all, fields(agent.id = %keeper.agent), err(level = "debug"))]
pub(crate) async fn upsert(
    conn: &mut PgConnection,
    keeper: Keeper,
    memory: &Memory,
) -> sqlx::Result<()> {
    if keeper.is_for_owner() {
        let done = sqlx::query!(
            r#"
            INSERT INTO agent_memories (owner_id, agent_id, memory_id, key, body, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)
            ON CONFLICT (owner_id, agent_id, key)
                DO UPDATE SET body = EXCLUDED.body, updated_at = EXCLUDED.updated_at
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            memory.id.as_uuid(),
            memory.key,
            memory.text,
            memory.updated_at.to_sqlx() as Timestamp,
        );
        done.execute(conn).await?;
    } else {
        let done = sqlx::query!(
            r#"
            INSERT INTO teammate_memories
                (owner_id, agent_id, user_id, memory_id, key, body, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
            ON CONFLICT (owner_id, agent_id, user_id, key)
                DO UPDATE SET body = EXCLUDED.body, updated_at = EXCLUDED.updated_at
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            keeper.user.as_uuid(),
            memory.id.as_uuid(),
            memory.key,
            memory.text,
            memory.updated_at.to_sqlx() as Timestamp,
        );
        done.execute(conn).await?;
    }
    Ok(())
}

/// Deletes all facts that an agent keeps for a person but the newest ones.
#[tracing::instrument(name = "db.memory.delete_old", skip_all, fields(agent.id = %keeper.agent), err(level = "debug"))]
pub(crate) async fn delete_old(
    conn: &mut PgConnection,
    keeper: Keeper,
    kept: i64,
) -> sqlx::Result<()> {
    if keeper.is_for_owner() {
        let done = sqlx::query!(
            r#"
            DELETE FROM agent_memories
            WHERE owner_id = $1 AND memory_id IN (
                SELECT memory_id FROM agent_memories
                WHERE owner_id = $1 AND agent_id = $2
                ORDER BY updated_at DESC, memory_id DESC
                OFFSET $3
            )
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            kept,
        );
        done.execute(conn).await?;
    } else {
        let done = sqlx::query!(
            r#"
            DELETE FROM teammate_memories
            WHERE owner_id = $1 AND memory_id IN (
                SELECT memory_id FROM teammate_memories
                WHERE owner_id = $1 AND agent_id = $2 AND user_id = $3
                ORDER BY updated_at DESC, memory_id DESC
                OFFSET $4
            )
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            keeper.user.as_uuid(),
            kept,
        );
        done.execute(conn).await?;
    }
    Ok(())
}

/// Deletes a fact that an agent keeps for a person, and tells what it was; `None` when there was none.
#[tracing::instrument(name = "db.memory.delete", skip_all, fields(memory.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    keeper: Keeper,
    id: MemoryId,
) -> sqlx::Result<Option<Memory>> {
    let row = if keeper.is_for_owner() {
        let row = sqlx::query_as!(
            MemoryRow,
            r#"
            DELETE FROM agent_memories
            WHERE owner_id = $1 AND agent_id = $2 AND memory_id = $3
            RETURNING memory_id, key, body, updated_at
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            id.as_uuid(),
        );
        row.fetch_optional(conn).await?
    } else {
        let row = sqlx::query_as!(
            MemoryRow,
            r#"
            DELETE FROM teammate_memories
            WHERE owner_id = $1 AND agent_id = $2 AND user_id = $3 AND memory_id = $4
            RETURNING memory_id, key, body, updated_at
            "#,
            keeper.owner.as_uuid(),
            keeper.agent.as_uuid(),
            keeper.user.as_uuid(),
            id.as_uuid(),
        );
        row.fetch_optional(conn).await?
    };
    Ok(row.map(Memory::from))
}

/// Deletes what agents of others keep for a person.
#[tracing::instrument(name = "db.memory.delete_of_person", skip_all, fields(user.id = %person), err(level = "debug"))]
pub(crate) async fn delete_of_person(
    conn: &mut PgConnection,
    person: UserId,
    owners: Owners,
) -> sqlx::Result<()> {
    // A cluster changes no rows by what a function makes of their columns.
    match owners {
        Owners::All | Owners::Spread => {
            sqlx::query!("DELETE FROM teammate_memories WHERE user_id = $1", person.as_uuid())
                .execute(conn)
                .await?;
        }
        Owners::Held => {
            sqlx::query!(
                "DELETE FROM teammate_memories WHERE user_id = $1 AND is_owner_held(owner_id)",
                person.as_uuid(),
            )
            .execute(conn)
            .await?;
        }
    }
    Ok(())
}
