//! The SQL of links to sessions.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

/// Keeps a link to a session, or the one that there is; answers its id.
#[tracing::instrument(name = "db.session_share.insert", skip_all, fields(session.id = %session), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    session: SessionId,
    share: Uuid,
    at: jiff::Timestamp,
) -> sqlx::Result<Uuid> {
    // The update changes nothing; it makes the row of whoever came first visible to RETURNING.
    sqlx::query_scalar!(
        r#"
        INSERT INTO session_shares (owner_id, share_id, session_id, created_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (owner_id, session_id)
            DO UPDATE SET session_id = session_shares.session_id
        RETURNING share_id
        "#,
        owner.as_uuid(),
        share,
        session.as_uuid(),
        at.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await
}

/// The link to a session, when there is one.
#[tracing::instrument(name = "db.session_share.find_of", skip_all, fields(session.id = %session), err(level = "debug"))]
pub(crate) async fn find_of(
    conn: &mut PgConnection,
    owner: UserId,
    session: SessionId,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "SELECT share_id FROM session_shares WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        session.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// The session that a link leads to, unless it was taken back.
#[tracing::instrument(name = "db.session_share.find", skip_all, err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    share: Uuid,
) -> sqlx::Result<Option<SessionId>> {
    let session = sqlx::query_scalar!(
        "SELECT session_id FROM session_shares WHERE owner_id = $1 AND share_id = $2",
        owner.as_uuid(),
        share,
    )
    .fetch_optional(conn)
    .await?;
    Ok(session.map(SessionId::from_uuid))
}

/// Takes the link to a session back; `false` when there was none.
#[tracing::instrument(name = "db.session_share.delete", skip_all, fields(session.id = %session), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    session: SessionId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM session_shares WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        session.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
