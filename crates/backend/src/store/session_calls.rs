//! The SQL of sessions that others have called.

use resonant_domain::session::Usage;
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;

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

/// Lists the sessions that were called, are over, and whose caller still waits, as
/// `(owner, session)`; among them those whose answer the caller has, while it waits for others. The
/// limits hold the planner to looking each of them up.
#[tracing::instrument(name = "db.session.list_unheard", skip_all, err(level = "debug"))]
pub(crate) async fn list_unheard(
    conn: &mut PgConnection,
    owners: Owners,
) -> sqlx::Result<Vec<(UserId, SessionId)>> {
    let rows = sqlx::query!(
        r#"
        SELECT called.owner_id AS "owner_id!", called.session_id AS "session_id!"
        FROM (
            SELECT owner_id, waiting -> 'calls' AS calls
            FROM sessions
            WHERE waiting ->> 'for' = 'agents' AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
            LIMIT 1000
        ) AS caller
        CROSS JOIN LATERAL jsonb_array_elements(caller.calls) AS call
        CROSS JOIN LATERAL (
            SELECT owner_id, session_id
            FROM sessions
            WHERE owner_id = caller.owner_id AND session_id = (call ->> 'session_id')::UUID
              AND ended_at IS NOT NULL
            LIMIT 1
        ) AS called
        "#,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    let ids = rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.owner_id), SessionId::from_uuid(row.session_id)));
    Ok(ids.collect())
}
