//! What people think of a session.

use resonant_domain::thumb::Thumb;
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;

/// What a session's thumb counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rated {
    pub(crate) agent_id: AgentId,
    pub(crate) thumb: Option<Thumb>,
    pub(crate) is_test: bool,
}

/// Reads what a person thinks of a session, and keeps others from changing it.
#[tracing::instrument(name = "db.session.lock_thumb", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn lock_thumb(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<Rated>> {
    let row = sqlx::query!(
        r#"
        SELECT agent_id, thumb, is_test
        FROM sessions
        WHERE owner_id = $1 AND session_id = $2
        FOR UPDATE
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Rated {
        agent_id: AgentId::from_uuid(row.agent_id),
        thumb: row.thumb.and_then(Thumb::from_weight),
        is_test: row.is_test,
    }))
}

/// Writes down what a person thinks of a session.
#[tracing::instrument(name = "db.session.update_thumb", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn update_thumb(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    thumb: Option<Thumb>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sessions SET thumb = $3 WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
        thumb.map(Thumb::weight),
    )
    .execute(conn)
    .await?;
    Ok(())
}
