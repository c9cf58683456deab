//! The SQL of those who watch their agents: what has happened to them since an instant, by indexes alone.

use std::collections::HashMap;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;

use super::partitions::first_id_at;

/// The agents that changed after an instant, with their revisions, at most `limit` of them.
#[tracing::instrument(name = "db.agent_look.list_changed", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_changed(
    conn: &mut PgConnection,
    owner: UserId,
    since: jiff::Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<(AgentId, i64)>> {
    let rows = sqlx::query!(
        r#"
        SELECT agent_id, revision
        FROM agents
        WHERE owner_id = $1 AND deleted_at IS NULL AND updated_at > $2
        ORDER BY updated_at DESC, agent_id DESC
        LIMIT $3
        "#,
        owner.as_uuid(),
        since.to_sqlx() as Timestamp,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AgentId::from_uuid(row.agent_id), row.revision)).collect())
}

/// The agents that came to the list after an instant or left it, and whether they left; at most `limit` of
/// each kind.
#[tracing::instrument(name = "db.agent_look.list_moved", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_moved(
    conn: &mut PgConnection,
    owner: UserId,
    since: jiff::Timestamp,
    limit: i64,
) -> sqlx::Result<HashMap<AgentId, bool>> {
    let rows = sqlx::query!(
        r#"
        (SELECT agent_id AS "agent_id!", TRUE AS "is_gone!" FROM agents
         WHERE owner_id = $1 AND deleted_at IS NOT NULL AND deleted_at > $2
         ORDER BY deleted_at DESC, agent_id DESC LIMIT $3)
        UNION ALL
        (SELECT agent_id, FALSE FROM agents
         WHERE owner_id = $1 AND deleted_at IS NULL AND created_at > $2
         ORDER BY created_at DESC, agent_id DESC LIMIT $3)
        UNION ALL
        (SELECT agent_id, FALSE FROM agents
         WHERE owner_id = $1 AND deleted_at IS NULL AND restored_at IS NOT NULL AND restored_at > $2
         ORDER BY restored_at DESC, agent_id DESC LIMIT $3)
        "#,
        owner.as_uuid(),
        since.to_sqlx() as Timestamp,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AgentId::from_uuid(row.agent_id), row.is_gone)).collect())
}

/// The sessions of each agent that are not over, as one number that is another one as soon as one of them
/// begins, ends or comes to another state; agents without any are left out.
#[tracing::instrument(name = "db.agent_look.sum_open", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn sum_open(
    conn: &mut PgConnection,
    owner: UserId,
) -> sqlx::Result<HashMap<AgentId, i64>> {
    let rows = sqlx::query!(
        r#"
        SELECT agent_id, bit_xor(hashtextextended(session_id::TEXT || state, 0)) AS "sum!"
        FROM sessions
        WHERE owner_id = $1
          AND session_id = ANY (ARRAY(SELECT session_id FROM session_queue WHERE owner_id = $1))
          AND session_id >= (
              SELECT session_id FROM session_queue WHERE owner_id = $1 ORDER BY session_id LIMIT 1
          )
        GROUP BY agent_id
        "#,
        owner.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (AgentId::from_uuid(row.agent_id), row.sum)).collect())
}

/// The newest session of each agent that began one at an instant or later, by the sessions' ids.
#[tracing::instrument(name = "db.agent_look.list_begun", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_begun(
    conn: &mut PgConnection,
    owner: UserId,
    since: jiff::Timestamp,
) -> sqlx::Result<HashMap<AgentId, SessionId>> {
    let rows = sqlx::query!(
        r#"
        SELECT DISTINCT ON (agent_id) agent_id, session_id
        FROM sessions
        WHERE owner_id = $1 AND session_id >= $2
        ORDER BY agent_id, session_id DESC
        "#,
        owner.as_uuid(),
        first_id_at(since),
    )
    .fetch_all(conn)
    .await?;
    let ids = rows
        .into_iter()
        .map(|row| (AgentId::from_uuid(row.agent_id), SessionId::from_uuid(row.session_id)));
    Ok(ids.collect())
}
