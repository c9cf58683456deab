//! The SQL of the session queue. Leases are told by the database's clock alone, so that workers with
//! wrong clocks cannot take each other's sessions.
//!
//! In a cluster the queue stays on the node that workers talk to, while sessions are spread: a statement
//! that changes both does so to the queue first and by itself, and hands on what it has changed.

use std::time::Duration;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::{AgentId, SessionId, UserId};
use resonant_runtime::trace::TraceParent;
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::interval;
use super::shards::Owners;

/// A session that was claimed.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) owner_id: UserId,
    pub(crate) session_id: SessionId,
    pub(crate) fence: i64,
    /// Counts this claim and those before it whose worker was lost.
    pub(crate) attempts: i32,
    /// The trace of whoever queued it, or let it go on.
    pub(crate) traceparent: Option<String>,
}

/// How a session stands in the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) fence: i64,
    /// Whether a worker has it and has shown signs of life.
    pub(crate) is_leased: bool,
}

/// How many sessions of one owner, and of one agent, run at the same time. 0: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) per_owner: u32,
    pub(crate) per_agent: u32,
}

/// A session to queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEntry {
    pub(crate) owner_id: UserId,
    pub(crate) session_id: SessionId,
    pub(crate) agent_id: AgentId,
    /// The higher, the sooner.
    pub(crate) priority: i16,
    /// When it may begin; at once where absent.
    pub(crate) run_at: Option<jiff::Timestamp>,
}

/// Puts a session into the queue and wakes a worker when the transaction commits. Answers its fence.
#[tracing::instrument(name = "db.queue.insert", skip_all, fields(session.id = %entry.session_id), err(level = "debug"))]
pub(crate) async fn insert(conn: &mut PgConnection, entry: NewEntry) -> sqlx::Result<i64> {
    let fence = sqlx::query_scalar!(
        r#"
        WITH queued AS (
            INSERT INTO session_queue (owner_id, session_id, agent_id, priority, run_at, fence,
                                       traceparent)
            VALUES ($1, $2, $3, $4, coalesce($5, now()), nextval('session_fence_seq'), $6)
            RETURNING fence
        )
        SELECT fence FROM queued, pg_notify('resonant_queue', '')
        "#,
        entry.owner_id.as_uuid(),
        entry.session_id.as_uuid(),
        entry.agent_id.as_uuid(),
        entry.priority,
        entry.run_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        TraceParent::current().map(|place| place.to_string()),
    )
    .fetch_one(conn)
    .await?;
    Ok(fence)
}

/// Takes the most urgent of the sessions that are due, the one that has been so longest, and makes it
/// run under a new fence. Sessions whose owner or agent has no slot free are passed over.
///
/// A slot that another worker takes at the same moment breaks `session_queue_owner_slot_key` or
/// `session_queue_agent_slot_key`: ask again.
#[tracing::instrument(name = "db.queue.claim", skip_all, err(level = "debug"))]
pub(crate) async fn claim(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    slots: Slots,
    owners: Owners,
) -> sqlx::Result<Option<Claimed>> {
    if owners == Owners::Spread {
        return claim_apart(conn, worker, lease, slots).await;
    }
    let row = sqlx::query_as!(
        ClaimedRow,
        r#"
        WITH due AS (
            SELECT q.owner_id, q.session_id, owned.slot AS owner_slot, agents.slot AS agent_slot
            FROM session_queue q
            CROSS JOIN LATERAL (
                SELECT min(n) AS slot
                FROM generate_series(1, $3) AS n
                WHERE NOT EXISTS (
                    SELECT FROM session_queue o
                    WHERE o.owner_id = q.owner_id AND o.owner_slot = n
                      AND o.session_id <> q.session_id
                )
            ) AS owned
            CROSS JOIN LATERAL (
                SELECT min(n) AS slot
                FROM generate_series(1, $4) AS n
                WHERE NOT EXISTS (
                    SELECT FROM session_queue o
                    WHERE o.owner_id = q.owner_id AND o.agent_id = q.agent_id
                      AND o.agent_slot = n AND o.session_id <> q.session_id
                )
            ) AS agents
            WHERE NOT q.is_parked AND coalesce(q.lease_until, q.run_at) <= now()
              AND ($3 = 0 OR owned.slot IS NOT NULL)
              AND ($4 = 0 OR agents.slot IS NOT NULL)
              AND (NOT $5::BOOLEAN OR is_owner_held(q.owner_id))
            ORDER BY q.priority DESC, coalesce(q.lease_until, q.run_at)
            LIMIT 1
            FOR UPDATE OF q SKIP LOCKED
        ), claimed AS (
            UPDATE session_queue q
            SET lease_until = now() + $2, worker = $1, fence = nextval('session_fence_seq'),
                attempts = q.attempts + 1, owner_slot = due.owner_slot, agent_slot = due.agent_slot
            FROM due
            WHERE q.owner_id = due.owner_id AND q.session_id = due.session_id
            RETURNING q.owner_id, q.session_id, q.fence, q.attempts, q.traceparent
        )
        UPDATE sessions s
        SET state = 'running'
        FROM claimed
        WHERE s.owner_id = claimed.owner_id AND s.session_id = claimed.session_id
        RETURNING claimed.owner_id, claimed.session_id, claimed.fence, claimed.attempts,
                  claimed.traceparent
        "#,
        worker,
        interval(lease),
        i32::try_from(slots.per_owner).unwrap_or(i32::MAX),
        i32::try_from(slots.per_agent).unwrap_or(i32::MAX),
        owners.are_held(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Claimed::from))
}

struct ClaimedRow {
    owner_id: Uuid,
    session_id: Uuid,
    fence: i64,
    attempts: i32,
    traceparent: Option<String>,
}

impl From<ClaimedRow> for Claimed {
    fn from(row: ClaimedRow) -> Self {
        Self {
            owner_id: UserId::from_uuid(row.owner_id),
            session_id: SessionId::from_uuid(row.session_id),
            fence: row.fence,
            attempts: row.attempts,
            traceparent: row.traceparent,
        }
    }
}

/// The same in a cluster: the queue, which its coordinator has, and the session, which one of its nodes
/// has, by a statement each.
async fn claim_apart(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    slots: Slots,
) -> sqlx::Result<Option<Claimed>> {
    while let Some(claimed) = claim_entry(&mut *conn, worker, lease, slots).await? {
        let (owner, id) = (claimed.owner_id, claimed.session_id);
        if super::sessions::update_running(&mut *conn, owner, id).await? {
            return Ok(Some(claimed));
        }
        // A node that broke down between the two may have left what is over.
        delete(&mut *conn, (owner, id, claimed.fence)).await?;
    }
    Ok(None)
}

async fn claim_entry(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    slots: Slots,
) -> sqlx::Result<Option<Claimed>> {
    let row = sqlx::query_as!(
        ClaimedRow,
        r#"
        WITH due AS (
            SELECT q.owner_id, q.session_id, owned.slot AS owner_slot, agents.slot AS agent_slot
            FROM session_queue q
            CROSS JOIN LATERAL (
                SELECT min(n) AS slot
                FROM generate_series(1, $3) AS n
                WHERE NOT EXISTS (
                    SELECT FROM session_queue o
                    WHERE o.owner_id = q.owner_id AND o.owner_slot = n
                      AND o.session_id <> q.session_id
                )
            ) AS owned
            CROSS JOIN LATERAL (
                SELECT min(n) AS slot
                FROM generate_series(1, $4) AS n
                WHERE NOT EXISTS (
                    SELECT FROM session_queue o
                    WHERE o.owner_id = q.owner_id AND o.agent_id = q.agent_id
                      AND o.agent_slot = n AND o.session_id <> q.session_id
                )
            ) AS agents
            WHERE NOT q.is_parked AND coalesce(q.lease_until, q.run_at) <= now()
              AND ($3 = 0 OR owned.slot IS NOT NULL)
              AND ($4 = 0 OR agents.slot IS NOT NULL)
            ORDER BY q.priority DESC, coalesce(q.lease_until, q.run_at)
            LIMIT 1
            FOR UPDATE OF q SKIP LOCKED
        )
        UPDATE session_queue q
        SET lease_until = now() + $2, worker = $1, fence = nextval('session_fence_seq'),
            attempts = q.attempts + 1, owner_slot = due.owner_slot, agent_slot = due.agent_slot
        FROM due
        WHERE q.owner_id = due.owner_id AND q.session_id = due.session_id
        RETURNING q.owner_id, q.session_id, q.fence, q.attempts, q.traceparent
        "#,
        worker,
        interval(lease),
        i32::try_from(slots.per_owner).unwrap_or(i32::MAX),
        i32::try_from(slots.per_agent).unwrap_or(i32::MAX),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Claimed::from))
}

/// Takes a session out of the queue.
#[tracing::instrument(name = "db.queue.delete", skip_all, fields(session.id = %id), err(level = "debug"))]
async fn delete(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM session_queue WHERE owner_id = $1 AND session_id = $2 AND fence = $3",
        owner.as_uuid(),
        id.as_uuid(),
        fence,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// For how long no session that is queued now will be due; `None`: none is queued.
#[tracing::instrument(name = "db.queue.find_next_due", skip_all, err(level = "debug"))]
pub(crate) async fn find_next_due(
    conn: &mut PgConnection,
    owners: Owners,
) -> sqlx::Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"
        SELECT extract(epoch FROM min(coalesce(lease_until, run_at)) - now())::FLOAT8
        FROM session_queue
        WHERE NOT is_parked AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        "#,
        owners.are_held(),
    )
    .fetch_one(conn)
    .await?;
    Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
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
    super::sessions::is_cancel_asked(conn, owner, id).await.map(Some)
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
                owner_slot = NULL, agent_slot = NULL,
                attempts = greatest(attempts - $4, 0)
            WHERE owner_id = $1 AND session_id = $2 AND fence = $3
            RETURNING session_id, pg_notify('resonant_queue', '')::TEXT AS called_out
        )
        UPDATE sessions s
        SET state = 'queued'
        FROM released
        WHERE s.owner_id = $1 AND s.session_id = $2 AND s.session_id = released.session_id
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

/// Lets a session that waited for a person go on, and wakes a worker when the transaction commits.
#[tracing::instrument(name = "db.queue.wake", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn wake(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH woken AS (
            UPDATE session_queue
            SET is_parked = FALSE, run_at = now(), attempts = 0,
                traceparent = coalesce($4, traceparent)
            WHERE owner_id = $1 AND session_id = $2 AND is_parked
            RETURNING session_id, pg_notify('resonant_queue', '')::TEXT AS called_out
        )
        UPDATE sessions s
        SET state = 'queued', waiting = NULL, waiting_sequence = NULL, waiting_since = NULL,
            waited_ms = s.waited_ms
                + greatest(extract(epoch FROM $3 - s.waiting_since) * 1000, 0)::BIGINT
        FROM woken
        WHERE s.owner_id = $1 AND s.session_id = $2 AND s.session_id = woken.session_id
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        at.to_sqlx() as Timestamp,
        TraceParent::current().map(|place| place.to_string()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Queues again what should be in the queue and is not: sessions that are not over without a row of
/// their own. Answers how many.
#[tracing::instrument(name = "db.queue.insert_orphans", skip_all, err(level = "debug"))]
pub(crate) async fn insert_orphans(conn: &mut PgConnection, owners: Owners) -> sqlx::Result<u64> {
    let mut count = 0;
    for (owner, id) in list_orphans(&mut *conn, owners).await? {
        // Looked at again, since the nodes of a cluster are not read at one instant.
        if let Some(open) = super::sessions::find_open(&mut *conn, owner, id).await? {
            count += insert_again(&mut *conn, (owner, id), open).await?;
        }
    }
    Ok(count)
}

async fn list_orphans(
    conn: &mut PgConnection,
    owners: Owners,
) -> sqlx::Result<Vec<(UserId, SessionId)>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id AS "owner_id!", session_id AS "session_id!"
        FROM sessions
        WHERE ended_at IS NULL AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        EXCEPT
        SELECT owner_id, session_id FROM session_queue
        LIMIT 1000
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

async fn insert_again(
    conn: &mut PgConnection,
    (owner, id): (UserId, SessionId),
    open: super::sessions::Open,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"
        INSERT INTO session_queue (owner_id, session_id, agent_id, run_at, fence, is_parked)
        VALUES ($1, $2, $3, now(), nextval('session_fence_seq'), $4)
        ON CONFLICT (owner_id, session_id) DO NOTHING
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        open.agent_id.as_uuid(),
        open.is_waiting,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Tells the worker of a session, when the transaction commits, to stop it.
#[tracing::instrument(name = "db.queue.notify_cancel", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn notify_cancel(conn: &mut PgConnection, id: SessionId) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_notify('resonant_cancel', $1)", id.to_string()).execute(conn).await?;
    Ok(())
}
