//! The SQL of the trash: deleted agents, which can be brought back until they are due to go.

use std::collections::BTreeMap;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::{AgentStatus, AgentSummary, Avatar};
use resonant_domain::agent_list::TrashedAgent;
use resonant_domain::{AgentId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::shards::Owners;
use super::{by_owner, known, unsigned};

/// Puts agents into the trash; answers those that were not there yet.
#[tracing::instrument(name = "db.agent_trash.update_deleted", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_deleted(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[AgentId],
    at: jiff::Timestamp,
) -> sqlx::Result<Vec<AgentId>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let deleted = sqlx::query_scalar!(
        r#"
        UPDATE agents SET deleted_at = $3, revision = revision + 1
        WHERE owner_id = $1 AND agent_id = ANY($2) AND deleted_at IS NULL
        RETURNING agent_id
        "#,
        owner.as_uuid(),
        &ids,
        at.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    Ok(deleted.into_iter().map(AgentId::from_uuid).collect())
}

/// Takes agents out of the trash; answers those that were in it.
#[tracing::instrument(name = "db.agent_trash.update_restored", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_restored(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[AgentId],
    at: jiff::Timestamp,
) -> sqlx::Result<Vec<AgentId>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let restored = sqlx::query_scalar!(
        r#"
        UPDATE agents SET deleted_at = NULL, restored_at = $3, revision = revision + 1
        WHERE owner_id = $1 AND agent_id = ANY($2) AND deleted_at IS NOT NULL
        RETURNING agent_id
        "#,
        owner.as_uuid(),
        &ids,
        at.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    Ok(restored.into_iter().map(AgentId::from_uuid).collect())
}

/// Where a page of the trash ends.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct TrashPosition {
    pub(crate) deleted_at: jiff::Timestamp,
    pub(crate) id: AgentId,
}

/// Lists at most `limit` agents of the trash behind `after`, the one deleted last first.
#[tracing::instrument(name = "db.agent_trash.list_deleted", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_deleted(
    conn: &mut PgConnection,
    owner: UserId,
    after: Option<TrashPosition>,
    limit: i64,
) -> sqlx::Result<Vec<TrashedAgent>> {
    let rows = sqlx::query!(
        r#"
        SELECT agent_id, name, description, avatar AS "avatar: Json<Avatar>", status,
               created_at, updated_at, deleted_at AS "deleted_at!"
        FROM agents
        WHERE owner_id = $1 AND deleted_at IS NOT NULL
          AND (deleted_at, agent_id) < (coalesce($2::TIMESTAMPTZ, 'infinity'), $3)
        ORDER BY deleted_at DESC, agent_id DESC
        LIMIT $4
        "#,
        owner.as_uuid(),
        after.map(|position| position.deleted_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |position| position.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TrashedAgent {
                deleted_at: row.deleted_at.to_jiff(),
                summary: AgentSummary {
                    id: AgentId::from_uuid(row.agent_id),
                    name: row.name,
                    description: row.description,
                    avatar: row.avatar.0,
                    status: known(AgentStatus::parse(&row.status), "status")?,
                    created_at: row.created_at.to_jiff(),
                    updated_at: row.updated_at.to_jiff(),
                },
            })
        })
        .collect()
}

/// Deletes an agent of the trash for good, and its versions; `false` when it is not there.
#[tracing::instrument(name = "db.agent_trash.delete", skip_all, fields(agent.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    id: AgentId,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"
        WITH gone AS (
            DELETE FROM agents
            WHERE owner_id = $1 AND agent_id = $2 AND deleted_at IS NOT NULL
            RETURNING agent_id, name, listing_id, needs_entitlement
        ), versions AS (
            DELETE FROM agent_versions
            WHERE owner_id = $1 AND agent_id IN (SELECT agent_id FROM gone)
        ), copies AS (
            -- What was begun with a copy that was paid for needs that as ever.
            UPDATE entitlements e SET erased_copies = e.erased_copies || gone.agent_id
            FROM gone
            WHERE e.owner_id = $1 AND e.listing_id = gone.listing_id AND gone.needs_entitlement
        )
        SELECT name FROM gone
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Deletes for good at most `limit` agents that were deleted before `before`, of any owner, and their
/// versions; answers how many there were, and which, as far as it was this that deleted them.
#[tracing::instrument(name = "db.agent_trash.delete_due", skip_all, err(level = "debug"))]
pub(crate) async fn delete_due(
    conn: &mut PgConnection,
    before: jiff::Timestamp,
    limit: i64,
    owners: Owners,
) -> sqlx::Result<(u64, Vec<(UserId, AgentId)>)> {
    let (mut gone, mut which) = (0, Vec::new());
    for (owner, ids) in list_due(&mut *conn, before, limit, owners).await? {
        let count = delete_all(&mut *conn, owner, &ids, before).await?;
        gone += count;
        // Some may have been taken out of the trash at this very moment.
        if count == ids.len() as u64 {
            let owner = UserId::from_uuid(owner);
            which.extend(ids.into_iter().map(|id| (owner, AgentId::from_uuid(id))));
        }
    }
    Ok((gone, which))
}

/// The agents that are due to go, by their owners.
async fn list_due(
    conn: &mut PgConnection,
    before: jiff::Timestamp,
    limit: i64,
    owners: Owners,
) -> sqlx::Result<BTreeMap<Uuid, Vec<Uuid>>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, agent_id FROM agents
        WHERE deleted_at IS NOT NULL AND deleted_at < $1
          AND (NOT $3::BOOLEAN OR is_owner_held(owner_id))
        LIMIT $2
        "#,
        before.to_sqlx() as Timestamp,
        limit,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    Ok(by_owner(rows.into_iter().map(|row| (row.owner_id, row.agent_id))))
}

/// Deletes those of the agents that are still in the trash since before `before`. What another one
/// deletes is not waited for.
async fn delete_all(
    conn: &mut PgConnection,
    owner: Uuid,
    ids: &[Uuid],
    before: jiff::Timestamp,
) -> sqlx::Result<u64> {
    let gone = sqlx::query_scalar!(
        r#"
        WITH due AS (
            SELECT agent_id FROM agents
            WHERE owner_id = $1 AND agent_id = ANY ($2) AND deleted_at < $3
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM agents a USING due
            WHERE a.owner_id = $1 AND a.agent_id = due.agent_id
            RETURNING a.agent_id, a.listing_id, a.needs_entitlement
        ), versions AS (
            DELETE FROM agent_versions v USING gone
            WHERE v.owner_id = $1 AND v.agent_id = gone.agent_id
        ), copies AS (
            UPDATE entitlements e SET erased_copies = e.erased_copies || erased.agent_ids
            FROM (SELECT listing_id, array_agg(agent_id) AS agent_ids
                  FROM gone WHERE needs_entitlement GROUP BY listing_id) erased
            WHERE e.owner_id = $1 AND e.listing_id = erased.listing_id
        )
        SELECT count(*) AS "count!" FROM gone
        "#,
        owner,
        ids,
        before.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await?;
    Ok(unsigned(gone))
}
