//! The SQL of deleted test sets: into the trash, out of it, and away for good.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::test_set::{TestCase, TestSet, TrashedSet};
use resonant_domain::{AgentId, TestSetId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::by_owner;
use super::shards::Owners;
use super::test_sets::SetRow;

/// Puts a test set into the trash with its runs.
#[tracing::instrument(name = "db.test_set_trash.update_deleted", skip_all, fields(test_set.id = %id), err(level = "debug"))]
pub(crate) async fn update_deleted(
    conn: &mut PgConnection,
    owner: UserId,
    id: TestSetId,
    at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE test_sets SET deleted_at = $3 WHERE owner_id = $1 AND test_set_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
        at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a test set out of the trash unless its agent has `max` of them: then `false`.
#[tracing::instrument(name = "db.test_set_trash.update_restored", skip_all, fields(test_set.id = %id), err(level = "debug"))]
pub(crate) async fn update_restored(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: TestSetId,
    max: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE test_sets SET deleted_at = NULL
        WHERE owner_id = $1 AND agent_id = $2 AND test_set_id = $3 AND deleted_at IS NOT NULL
          AND (
              SELECT count(*) FROM test_sets
              WHERE owner_id = $1 AND agent_id = $2 AND deleted_at IS NULL
          ) < $4
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        id.as_uuid(),
        max,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a test set of an agent is in the trash.
#[tracing::instrument(name = "db.test_set_trash.is_deleted", skip_all, fields(test_set.id = %id), err(level = "debug"))]
pub(crate) async fn is_deleted(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    id: TestSetId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM test_sets
            WHERE owner_id = $1 AND agent_id = $2 AND test_set_id = $3 AND deleted_at IS NOT NULL
        ) AS "is_deleted!"
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        id.as_uuid(),
    )
    .fetch_one(conn)
    .await
}

/// Where a page of the trash ends.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct SetTrashPosition {
    pub(crate) deleted_at: jiff::Timestamp,
    pub(crate) id: TestSetId,
}

/// Lists at most `limit` of an agent's deleted test sets behind `after`, the one deleted last first.
#[tracing::instrument(name = "db.test_set_trash.list", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_deleted(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    after: Option<SetTrashPosition>,
    limit: i64,
) -> sqlx::Result<Vec<TrashedSet>> {
    let rows = sqlx::query!(
        r#"
        SELECT test_set_id, agent_id, name, cases AS "cases: Json<Vec<TestCase>>",
               created_at, updated_at, deleted_at AS "deleted_at!"
        FROM test_sets
        WHERE owner_id = $1 AND agent_id = $2 AND deleted_at IS NOT NULL
          AND (deleted_at, test_set_id) < (coalesce($3::TIMESTAMPTZ, 'infinity'), $4)
        ORDER BY deleted_at DESC, test_set_id DESC
        LIMIT $5
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        after.map(|position| position.deleted_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |position| position.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TrashedSet {
            deleted_at: row.deleted_at.to_jiff(),
            set: TestSet::from(SetRow {
                test_set_id: row.test_set_id,
                agent_id: row.agent_id,
                name: row.name,
                cases: row.cases,
                created_at: row.created_at,
                updated_at: row.updated_at,
            }),
        })
        .collect())
}

/// Deletes test sets that have been in the trash since before `before`, at most `limit` of them, with their
/// runs. Answers how many.
#[tracing::instrument(name = "db.test_set_trash.delete_due", skip_all, err(level = "debug"))]
pub(crate) async fn delete_due(
    conn: &mut PgConnection,
    before: jiff::Timestamp,
    limit: i64,
    owners: Owners,
) -> sqlx::Result<u64> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, test_set_id FROM test_sets
        WHERE deleted_at IS NOT NULL AND deleted_at < $1
          AND (NOT $3::BOOLEAN OR is_owner_held(owner_id))
        LIMIT $2
        "#,
        before.to_sqlx() as Timestamp,
        limit,
        owners.are_held(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut count = 0;
    for (owner, ids) in by_owner(rows.into_iter().map(|row| (row.owner_id, row.test_set_id))) {
        count += delete_all(&mut *conn, owner, &ids, before).await?;
    }
    Ok(count)
}

/// Deletes those of the test sets that are still in the trash since before `before`.
async fn delete_all(
    conn: &mut PgConnection,
    owner: Uuid,
    ids: &[Uuid],
    before: jiff::Timestamp,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"
        DELETE FROM test_sets
        WHERE owner_id = $1 AND test_set_id = ANY ($2) AND deleted_at < $3
        "#,
        owner,
        ids,
        before.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
