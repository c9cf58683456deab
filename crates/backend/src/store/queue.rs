//! The SQL of the session queue. Leases are told by the database's clock alone, so that workers with
//! wrong clocks cannot take each other's sessions.
//!
//! In a cluster the queue stays on the node that workers talk to, while sessions are spread: a statement
//! that changes both does so to the queue first and by itself, and hands on what it has changed.

mod claims;
mod leases;
mod put_off;
mod strays;
mod terms;

use std::time::Duration;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::{AgentId, SessionId, UserId};
use resonant_runtime::trace::{TraceParent, kept_request};
use sqlx::PgConnection;

#[cfg(test)]
pub(crate) use self::claims::claim_one;
pub(crate) use self::claims::{Claimed, Taken, claim, find_next_due};
pub(crate) use self::leases::{shorten_leases, update_lease};
pub(crate) use self::put_off::follow_status;
pub(crate) use self::strays::{delete_left, insert_orphans};
pub(crate) use self::terms::{Slots, Terms};
use super::interval;

/// How a session stands in the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) fence: i64,
    /// Whether a worker has it and has shown signs of life.
    pub(crate) is_leased: bool,
}

/// A session to queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewEntry<'a> {
    pub(crate) owner_id: UserId,
    pub(crate) session_id: SessionId,
    pub(crate) agent_id: AgentId,
    /// The higher, the sooner.
    pub(crate) priority: i16,
    /// When it may begin; at once where absent.
    pub(crate) run_at: Option<jiff::Timestamp>,
    /// How many of its owner's may wait or run before it; any number where absent.
    pub(crate) most: Option<i64>,
    /// A worker waits for it: it is taken at once, where it may be.
    pub(crate) at_once: Option<AtOnce<'a>>,
}

/// On which terms a session is taken as soon as it is queued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtOnce<'a> {
    pub(crate) worker: &'a str,
    pub(crate) lease: Duration,
    pub(crate) slots: Slots,
}

/// How a session was queued.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) fence: i64,
    /// Whether the worker that waited for it has it, once that is committed.
    pub(crate) is_taken: bool,
    /// What led to it, for whoever runs it.
    pub(crate) traceparent: Option<String>,
}

/// Puts a session into the queue. A worker that waits for it gets it at once, unless it is not due, its owner or
/// agent has no place free, or another of its owner's is due before it; otherwise a worker is woken when the
/// transaction commits. `None`: too many of its owner's are queued already.
#[tracing::instrument(name = "db.queue.insert", skip_all, fields(session.id = %entry.session_id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    entry: NewEntry<'_>,
) -> sqlx::Result<Option<Queued>> {
    let slots = entry.at_once.map_or(Slots { per_owner: 0, per_agent: 0 }, |it| it.slots);
    sqlx::query_as!(
        Queued,
        r#"
        WITH room AS MATERIALIZED (
            SELECT $7::BIGINT IS NULL OR $7 > (
                SELECT count(*)
                FROM (
                    SELECT FROM session_queue
                    WHERE owner_id = $1 AND (NOT is_parked OR is_put_off)
                    LIMIT $7
                ) AS queued_already
            ) AS is_left
        ), place AS MATERIALIZED (
            SELECT (
                       SELECT min(n) FROM generate_series(1, $10::INTEGER) AS n
                       WHERE n NOT IN (
                           SELECT t.owner_slot FROM session_queue t
                           WHERE t.owner_id = $1 AND t.owner_slot IS NOT NULL
                       )
                   ) AS owner_slot,
                   (
                       SELECT min(n) FROM generate_series(1, $11::INTEGER) AS n
                       WHERE n NOT IN (
                           SELECT t.agent_slot FROM session_queue t
                           WHERE t.owner_id = $1 AND t.agent_id = $3 AND t.agent_slot IS NOT NULL
                       )
                   ) AS agent_slot
            FROM room
            WHERE room.is_left AND $9::INTERVAL IS NOT NULL AND coalesce($5 <= now(), TRUE)
              AND NOT EXISTS (
                  SELECT FROM session_queue q
                  WHERE q.owner_id = $1 AND NOT q.is_parked AND q.lease_until IS NULL
                    AND q.run_at <= now()
              )
        ), taken AS (
            -- A slot that another worker takes at the same moment is that one's.
            INSERT INTO session_queue (owner_id, session_id, agent_id, priority, run_at, fence,
                                       traceparent, request_id, lease_until, worker, attempts,
                                       owner_slot, agent_slot)
            SELECT $1, $2, $3, $4, now(), nextval('session_fence_seq'), $6, $8,
                   clock_timestamp() + $9, $12, 1, place.owner_slot, place.agent_slot
            FROM place
            WHERE ($10 = 0 OR place.owner_slot IS NOT NULL)
              AND ($11 = 0 OR place.agent_slot IS NOT NULL)
            ON CONFLICT DO NOTHING
            RETURNING fence
        ), queued AS (
            INSERT INTO session_queue (owner_id, session_id, agent_id, priority, run_at, fence,
                                       traceparent, request_id)
            SELECT $1, $2, $3, $4, coalesce($5, now()), nextval('session_fence_seq'), $6, $8
            FROM room
            WHERE room.is_left AND NOT EXISTS (SELECT FROM taken)
            RETURNING fence, pg_notify('resonant_queue', '')::TEXT AS called_out
        )
        SELECT fence AS "fence!", TRUE AS "is_taken!", $6 AS traceparent FROM taken
        UNION ALL
        SELECT fence, FALSE, $6 FROM queued
        "#,
        entry.owner_id.as_uuid(),
        entry.session_id.as_uuid(),
        entry.agent_id.as_uuid(),
        entry.priority,
        entry.run_at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<Timestamp>,
        TraceParent::kept().map(|place| place.to_string()),
        entry.most,
        kept_request(),
        entry.at_once.map(|it| interval(it.lease)) as _,
        i32::try_from(slots.per_owner).unwrap_or(i32::MAX),
        i32::try_from(slots.per_agent).unwrap_or(i32::MAX),
        entry.at_once.map(|it| it.worker),
    )
    .fetch_optional(conn)
    .await
}

/// Whether so many sessions of an owner are queued that no more can be.
#[tracing::instrument(name = "db.queue.is_full", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn is_full(
    conn: &mut PgConnection,
    owner: UserId,
    most: i64,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT count(*) >= $2 AS "is_full!"
        FROM (
            SELECT FROM session_queue
            WHERE owner_id = $1 AND (NOT is_parked OR is_put_off)
            LIMIT $2
        ) AS queued
        "#,
        owner.as_uuid(),
        most,
    )
    .fetch_one(conn)
    .await
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

/// Takes the locks of several sessions until the transaction ends, in the order of their ids, which is that
/// of their making. Those that are over are left out.
#[tracing::instrument(name = "db.queue.lock_many", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn lock_many(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[SessionId],
) -> sqlx::Result<Vec<(SessionId, Held)>> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT session_id, fence, coalesce(lease_until > now(), FALSE) AS "is_leased!"
        FROM session_queue
        WHERE owner_id = $1 AND session_id = ANY ($2)
        ORDER BY session_id
        FOR UPDATE
        "#,
        owner.as_uuid(),
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let held = rows.into_iter().map(|row| {
        let held = Held { fence: row.fence, is_leased: row.is_leased };
        (SessionId::from_uuid(row.session_id), held)
    });
    Ok(held.collect())
}

/// Why a session is given back, and whether that counts as an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt<'a> {
    /// It was handed over in good order.
    Forgiven,
    /// It gives way to others that have set its budget aside.
    Crowded,
    /// Something broke: why, in words that may be shown.
    Counts(&'a str),
}

/// Gives a session back to the queue, due after `delay`, and wakes a worker. What was set aside for its next
/// call is free again. The delay is no work, as the time in the queue after it. `false`: it is not held under
/// this fence.
#[tracing::instrument(name = "db.queue.release", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn release(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    attempt: Attempt<'_>,
    delay: Duration,
) -> sqlx::Result<bool> {
    let (is_forgiven, is_crowded, cause) = match attempt {
        Attempt::Forgiven => (true, false, None),
        Attempt::Crowded => (true, true, None),
        Attempt::Counts(cause) => (false, false, Some(cause)),
    };
    let done = sqlx::query!(
        r#"
        WITH released AS (
            UPDATE session_queue
            SET lease_until = NULL, worker = NULL, run_at = now() + $5, is_parked = is_put_off,
                owner_slot = NULL, agent_slot = NULL,
                attempts = greatest(attempts - $4, 0), budget_waits = budget_waits + $6,
                last_error = coalesce($7, last_error)
            WHERE owner_id = $1 AND session_id = $2 AND fence = $3
            RETURNING session_id, pg_notify('resonant_queue', '')::TEXT AS called_out
        ), freed AS (
            DELETE FROM budget_reservations r
            USING released
            WHERE r.owner_id = $1 AND r.session_id = released.session_id
        )
        UPDATE sessions s
        SET state = 'queued',
            waited_ms = s.waited_ms + CASE
                WHEN s.started_at IS NOT NULL AND s.told_end_at IS NULL
                    THEN floor(extract(epoch FROM $5::INTERVAL) * 1000)::BIGINT
                ELSE 0
            END
        FROM released
        WHERE s.owner_id = $1 AND s.session_id = $2 AND s.session_id = released.session_id
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        fence,
        i32::from(is_forgiven),
        interval(delay),
        i32::from(is_crowded),
        cause,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets a session that waited for a person go on, and wakes a worker when the transaction commits. One whose
/// agent is paused stays parked.
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
            SET is_parked = is_put_off, run_at = now(), attempts = 0, budget_waits = 0,
                last_error = NULL, traceparent = coalesce($4, traceparent),
                request_id = coalesce($5, request_id)
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
        TraceParent::kept().map(|place| place.to_string()),
        kept_request(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes all sessions of an owner out of the queue: whoever has one writes nothing more to it.
#[tracing::instrument(name = "db.queue.delete_of_owner", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn delete_of_owner(conn: &mut PgConnection, owner: UserId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM session_queue WHERE owner_id = $1", owner.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// Tells the workers of these sessions, when the transaction commits, to stop them.
#[tracing::instrument(name = "db.queue.notify_cancel", skip_all, err(level = "debug"))]
pub(crate) async fn notify_cancel(conn: &mut PgConnection, ids: &[SessionId]) -> sqlx::Result<()> {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    sqlx::query!("SELECT pg_notify('resonant_cancel', id) FROM unnest($1::TEXT[]) AS id", &ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Tells the workers of all sessions of an owner, when the transaction commits, to stop them.
#[tracing::instrument(name = "db.queue.notify_cancel_of_owner", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn notify_cancel_of_owner(
    conn: &mut PgConnection,
    owner: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        SELECT pg_notify('resonant_cancel', session_id::TEXT)
        FROM session_queue
        WHERE owner_id = $1 AND lease_until IS NOT NULL
        "#,
        owner.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
