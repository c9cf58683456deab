//! The SQL by which processes know of each other: each holds a lock that all may share, as long as its
//! connection lives.

use sqlx::PgConnection;

/// The advisory lock that every process holds.
const LOCK: i64 = 0x7072_6573_656e_6365;

/// Takes the lock until the connection is closed.
#[tracing::instrument(name = "db.presence.lock", skip_all, err(level = "debug"))]
pub(crate) async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_lock_shared($1)", LOCK).execute(conn).await?;
    Ok(())
}

/// Counts who holds the lock.
#[tracing::instrument(name = "db.presence.count", skip_all, err(level = "debug"))]
pub(crate) async fn count(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!"
        FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
          AND (l.classid::BIGINT << 32 | l.objid::BIGINT) = $1
        "#,
        LOCK,
    )
    .fetch_one(conn)
    .await
}
