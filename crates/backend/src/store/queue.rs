//! The SQL of the session queue. Leases are told by the database's clock alone, so that workers with
//! wrong clocks cannot take each other's sessions.

use std::time::Duration;

use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;

/// A session that was claimed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed {
    pub(crate) owner_id: UserId,
    pub(crate) session_id: SessionId,
    pub(crate) fence: i64,
    /// Counts this claim and those before it whose worker was lost.
    pub(crate) attempts: i32,
}

/// How a session stands in the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) fence: i64,
    /// Whether a worker has it and has shown signs of life.
    pub(crate) is_leased: bool,
}

fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}

/// Puts a session into the queue and wakes a worker when the transaction commits.
#[tracing::instrument(name = "db.queue.insert", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH queued AS (
            INSERT INTO session_queue (owner_id, session_id, run_at) VALUES ($1, $2, now())
        )
        SELECT pg_notify('resonant_queue', '')
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the session that has been due longest and makes it run under a new fence. With several
/// databases only of the owners whom this one answers for: it may hold copies of others.
#[tracing::instrument(name = "db.queue.claim", skip_all, err(level = "debug"))]
pub(crate) async fn claim(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    is_sharded: bool,
) -> sqlx::Result<Option<Claimed>> {
    let row = sqlx::query!(
        r#"
        WITH due AS (
            SELECT owner_id, session_id
            FROM session_queue
            WHERE coalesce(lease_until, run_at) <= now()
              AND (NOT $3::BOOLEAN OR EXISTS (
                  SELECT FROM held_buckets h
                  WHERE h.bucket = bucket_of(owner_id) AND NOT h.is_fenced
              ))
            ORDER BY coalesce(lease_until, run_at)
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ), claimed AS (
            UPDATE session_queue q
            SET lease_until = now() + $2, worker = $1, fence = q.fence + 1,
                attempts = q.attempts + 1
            FROM due
            WHERE q.owner_id = due.owner_id AND q.session_id = due.session_id
            RETURNING q.owner_id, q.session_id, q.fence, q.attempts
        )
        UPDATE sessions s
        SET state = 'running'
        FROM claimed
        WHERE s.owner_id = claimed.owner_id AND s.session_id = claimed.session_id
        RETURNING claimed.owner_id, claimed.session_id, claimed.fence, claimed.attempts
        "#,
        worker,
        interval(lease),
        is_sharded,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Claimed {
        owner_id: UserId::from_uuid(row.owner_id),
        session_id: SessionId::from_uuid(row.session_id),
        fence: row.fence,
        attempts: row.attempts,
    }))
}

/// Takes the session's lock until the transaction ends; `None` when the session is over.
#[tracing::instrument(name = "db.queue.lock", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> sqlx::Result<Option<Held>> {
    sqlx::query_as!(
        Held,
        r#"
        SELECT fence, coalesce(lease_until > now(), FALSE) AS "is_leased!"
        FROM session_queue
        WHERE owner_id = $1 AND session_id = $2
        FOR UPDATE
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Renews a lease and tells whether the session shall be cancelled; `None` when it is another's.
#[tracing::instrument(name = "db.queue.update_lease", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn update_lease(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    lease: Duration,
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!(
        r#"
        UPDATE session_queue q
        SET lease_until = now() + $4
        FROM sessions s
        WHERE q.owner_id = $1 AND q.session_id = $2 AND q.fence = $3
          AND s.owner_id = $1 AND s.session_id = q.session_id
        RETURNING s.is_cancel_asked
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        fence,
        interval(lease),
    )
    .fetch_optional(conn)
    .await
}

/// Whether a session that is given back counts as an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It was handed over in good order.
    Forgiven,
    /// Something broke.
    Counts,
}

/// Gives a session back to the queue, due after `delay`, and wakes a worker.
#[tracing::instrument(name = "db.queue.release", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn release(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    attempt: Attempt,
    delay: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH released AS (
            UPDATE session_queue
            SET lease_until = NULL, worker = NULL, run_at = now() + $5,
                attempts = greatest(attempts - $4, 0)
            WHERE owner_id = $1 AND session_id = $2 AND fence = $3
            RETURNING owner_id, session_id
        ), queued AS (
            UPDATE sessions s
            SET state = 'queued'
            FROM released
            WHERE s.owner_id = $1 AND s.session_id = released.session_id
        )
        SELECT pg_notify('resonant_queue', '') FROM released
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        fence,
        i32::from(attempt == Attempt::Forgiven),
        interval(delay),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Tells the worker of a session, when the transaction commits, to stop it.
#[tracing::instrument(name = "db.queue.notify_cancel", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn notify_cancel(conn: &mut PgConnection, id: SessionId) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_notify('resonant_cancel', $1)", id.to_string()).execute(conn).await?;
    Ok(())
}
