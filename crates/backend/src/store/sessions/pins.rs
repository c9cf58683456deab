//! Which messages of a session are pinned.

use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;

/// Reads which messages of a session are pinned.
#[tracing::instrument(name = "db.session.find_pins", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn find_pins(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<Vec<i64>>> {
    sqlx::query_scalar!(
        "SELECT pins FROM sessions WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Writes down which messages of a session are pinned.
#[tracing::instrument(name = "db.session.update_pins", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn update_pins(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    pins: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sessions SET pins = $3 WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
        pins,
    )
    .execute(conn)
    .await?;
    Ok(())
}
