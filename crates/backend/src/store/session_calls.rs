//! The SQL of sessions that others have called.

use resonant_domain::session::Usage;
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::partitions::bounds;
use super::shards::Owners;
use super::signed;

/// Counts what another session used, which was called, as used by the session that called it.
#[tracing::instrument(name = "db.session.update_used", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn update_used(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    used: Usage,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE sessions
        SET input_tokens = input_tokens + $3, output_tokens = output_tokens + $4,
            cost_micro_usd = cost_micro_usd + $5
        WHERE owner_id = $1 AND session_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        signed(used.input_tokens),
        signed(used.output_tokens),
        used.cost.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the sessions that these have called and wait for.
#[tracing::instrument(name = "db.session.list_called", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_called(
    conn: &mut PgConnection,
    owner: UserId,
    callers: &[SessionId],
) -> sqlx::Result<Vec<SessionId>> {
    let callers: Vec<Uuid> = callers.iter().map(|id| id.as_uuid()).collect();
    let (first, last) = bounds(&callers);
    let called = sqlx::query_scalar!(
        r#"
        SELECT (call ->> 'session_id')::UUID AS "session_id!"
        FROM (
            SELECT waiting -> 'calls' AS calls
            FROM sessions
            WHERE owner_id = $1 AND session_id = ANY ($2) AND session_id BETWEEN $3 AND $4
              AND waiting ->> 'for' = 'agents'
        ) AS caller
        CROSS JOIN LATERAL jsonb_array_elements(caller.calls) AS call
        "#,
        owner.as_uuid(),
        &callers,
        first,
        last,
    )
    .fetch_all(conn)
    .await?;
    Ok(called.into_iter().map(SessionId::from_uuid).collect())
}

/// Lists the sessions that were called, are over, and whose caller still waits, as
/// `(owner, session)`; among them those whose answer the caller has, while it waits for others.
#[tracing::instrument(name = "db.session.list_unheard", skip_all, err(level = "debug"))]
pub(crate) async fn list_unheard(
    conn: &mut PgConnection,
    owners: Owners,
) -> sqlx::Result<Vec<(UserId, SessionId)>> {
    let called = list_awaited(&mut *conn, owners).await?;
    if called.is_empty() {
        return Ok(Vec::new());
    }
    let (called_by, ids): (Vec<_>, Vec<_>) = called.into_iter().unzip();
    let rows = sqlx::query!(
        r#"
        SELECT s.owner_id, s.session_id
        FROM unnest($1::UUID[], $2::UUID[]) AS called (owner_id, session_id)
        JOIN sessions s ON s.owner_id = called.owner_id AND s.session_id = called.session_id
        WHERE s.ended_at IS NOT NULL
        "#,
        &called_by,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let ids = rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.owner_id), SessionId::from_uuid(row.session_id)));
    Ok(ids.collect())
}

/// The sessions that others wait for, as `(owner, session)`.
async fn list_awaited(conn: &mut PgConnection, owners: Owners) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        SELECT caller.owner_id, (call ->> 'session_id')::UUID AS "session_id!"
        FROM (
            SELECT owner_id, waiting -> 'calls' AS calls
            FROM sessions
            WHERE waiting ->> 'for' = 'agents' AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
            LIMIT 1000
        ) AS caller
        CROSS JOIN LATERAL jsonb_array_elements(caller.calls) AS call
        "#,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.owner_id, row.session_id)).collect())
}
