//! Sessions that are not over: what the queue needs of them, and who shall stop them.

use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::store::partitions::bounds;

/// What the queue needs to know of a session that is not over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) agent_id: AgentId,
    pub(crate) is_waiting: bool,
    pub(crate) priority: i16,
}

/// Reads what the queue needs of a session; `None` when it is over or gone.
#[tracing::instrument(name = "db.session.find_open", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn find_open(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<Open>> {
    let row = sqlx::query!(
        r#"
        SELECT agent_id, state = 'waiting' AS "is_waiting!", priority
        FROM sessions
        WHERE owner_id = $1 AND session_id = $2 AND ended_at IS NULL
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Open {
        agent_id: AgentId::from_uuid(row.agent_id),
        is_waiting: row.is_waiting,
        priority: row.priority,
    }))
}

/// Lists the sessions of these agents that are not over.
#[tracing::instrument(name = "db.session.list_open", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_open(
    conn: &mut PgConnection,
    owner: UserId,
    agents: &[AgentId],
) -> sqlx::Result<Vec<SessionId>> {
    let agents: Vec<Uuid> = agents.iter().map(|id| id.as_uuid()).collect();
    let ids = sqlx::query_scalar!(
        r#"
        SELECT session_id
        FROM sessions
        WHERE owner_id = $1 AND agent_id = ANY ($2)
          AND session_id = ANY (ARRAY(SELECT session_id FROM session_queue WHERE owner_id = $1))
          AND session_id >= (
              SELECT session_id FROM session_queue WHERE owner_id = $1 ORDER BY session_id LIMIT 1
          )
        "#,
        owner.as_uuid(),
        &agents,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// Those of these sessions that wait for somebody.
#[tracing::instrument(name = "db.session.list_waiting", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_waiting(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Uuid>> {
    let (first, last) = bounds(ids);
    sqlx::query_scalar!(
        r#"
        SELECT session_id
        FROM sessions
        WHERE owner_id = $1 AND session_id = ANY ($2) AND session_id BETWEEN $3 AND $4
          AND state = 'waiting'
        "#,
        owner.as_uuid(),
        ids,
        first,
        last,
    )
    .fetch_all(conn)
    .await
}

/// Opens a session that is over again: it is queued. Answers its priority; `None`: it is not over.
///
/// The end that was told stays until a step begins: the time up to then is no work.
#[tracing::instrument(name = "db.session.update_reopened", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn update_reopened(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<i16>> {
    sqlx::query_scalar!(
        r#"
        UPDATE sessions
        SET state = 'queued', reason = NULL, ended_at = NULL, told_end_at = ended_at,
            is_cancel_asked = FALSE
        WHERE owner_id = $1 AND session_id = $2 AND ended_at IS NOT NULL
        RETURNING priority
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Whether someone wants the session to end.
#[tracing::instrument(name = "db.session.is_cancel_asked", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn is_cancel_asked(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<bool> {
    let asked = sqlx::query_scalar!(
        "SELECT is_cancel_asked FROM sessions WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(asked.unwrap_or(false))
}

/// Asks the workers of these sessions to stop them.
#[tracing::instrument(name = "db.session.update_cancel", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_cancel_asked(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[SessionId],
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let (first, last) = bounds(&ids);
    sqlx::query!(
        r#"
        UPDATE sessions
        SET is_cancel_asked = TRUE
        WHERE owner_id = $1 AND session_id = ANY ($2) AND session_id BETWEEN $3 AND $4
        "#,
        owner.as_uuid(),
        &ids,
        first,
        last,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Asks the workers of all sessions of an owner that are not over to stop them, now or when they take them.
#[tracing::instrument(name = "db.session.update_cancel_of_owner", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_cancel_asked_of_owner(
    conn: &mut PgConnection,
    owner: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE sessions
        SET is_cancel_asked = TRUE
        WHERE owner_id = $1
          AND session_id = ANY (ARRAY(SELECT session_id FROM session_queue WHERE owner_id = $1))
          AND session_id >= (
              SELECT session_id FROM session_queue WHERE owner_id = $1 ORDER BY session_id LIMIT 1
          )
        "#,
        owner.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
