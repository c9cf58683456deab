//! How long a worker holds what it has taken.

use std::time::Duration;

use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;

use crate::store::shards::Owners;
use crate::store::{interval, sessions};

/// Renews a lease and tells whether the session shall be cancelled; `None` when it is another's.
#[tracing::instrument(name = "db.queue.update_lease", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn update_lease(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    lease: Duration,
    owners: Owners,
) -> sqlx::Result<Option<bool>> {
    if owners == Owners::Spread {
        return update_lease_apart(conn, (owner, id, fence), lease).await;
    }
    sqlx::query_scalar!(
        r#"
        UPDATE session_queue q
        SET lease_until = now() + $4
        WHERE q.owner_id = $1 AND q.session_id = $2 AND q.fence = $3
        RETURNING coalesce((
            SELECT s.is_cancel_asked FROM sessions s
            WHERE s.owner_id = $1 AND s.session_id = $2
        ), FALSE) AS "is_cancel_asked!"
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        fence,
        interval(lease),
    )
    .fetch_optional(conn)
    .await
}

/// The same in a cluster: the queue, which its coordinator has, and the session, which one of its nodes
/// has, by a statement each.
async fn update_lease_apart(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    lease: Duration,
) -> sqlx::Result<Option<bool>> {
    let done = sqlx::query!(
        r#"
        UPDATE session_queue
        SET lease_until = now() + $4
        WHERE owner_id = $1 AND session_id = $2 AND fence = $3
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        fence,
        interval(lease),
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    sessions::is_cancel_asked(conn, owner, id).await.map(Some)
}

/// Shortens leases that lie farther ahead than any that is taken now: the clock was turned back since.
#[tracing::instrument(name = "db.queue.shorten_leases", skip_all, err(level = "debug"))]
pub(crate) async fn shorten_leases(
    conn: &mut PgConnection,
    lease: Duration,
    owners: Owners,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE session_queue
        SET lease_until = now() + $1
        WHERE lease_until > now() + $1 AND (NOT $2::BOOLEAN OR is_owner_held(owner_id))
        "#,
        interval(lease),
        owners.are_held(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
