//! Taking sessions from the queue: whose turn it is, and who has a place free.
//!
//! The sessions of an agent stand in a lane. Of what is due the oldest are looked at, and where more is due
//! than that, the first of some lanes, those of the owners after whom was served last: so a claim costs the
//! same however many wait behind an owner or an agent that is full; what is not due yet is stepped over. Among
//! owners goes first who has the fewest at work, then who was served longest ago; what is urgent is so among its
//! owner's own.
//!
//! A claim is committed as everything else, and not later than its answer (`synchronous_commit`): the number of
//! a fence that a crash of the database takes back with its claim would be given again, and whoever had it
//! before the crash could write under it beside whoever has it now.

use std::time::Duration;

use resonant_domain::{SessionId, UserId};
use sqlx::types::Uuid;
use sqlx::{Connection as _, PgConnection};

use super::delete;
use super::terms::Terms;
use crate::store::sessions::Runnable;
use crate::store::shards::Owners;
use crate::store::{interval, sessions};

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
    /// The request that did so, where it was one.
    pub(crate) request_id: Option<String>,
    /// Why it broke off last, where that was not the loss of its worker.
    pub(crate) last_error: Option<String>,
    /// How often it gave way to others that had set its budget aside.
    pub(crate) budget_waits: i32,
}

/// When something may be claimed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextDue {
    /// Something may be now: nobody has it, or somebody does for a moment.
    pub(crate) is_free: bool,
    /// Something is due that has to wait for others.
    pub(crate) is_blocked: bool,
    /// For how long nothing more will be due; `None`: nothing is queued.
    pub(crate) after: Option<Duration>,
}

struct ClaimedRow {
    owner_id: Uuid,
    session_id: Uuid,
    fence: i64,
    attempts: i32,
    traceparent: Option<String>,
    request_id: Option<String>,
    last_error: Option<String>,
    budget_waits: i32,
    /// For how long it was due and nobody had it.
    queued_ms: i64,
    /// Whether there is such a session, and it is not over.
    is_open: bool,
    /// Whether more may be taken than was.
    is_more: bool,
}

impl ClaimedRow {
    fn split(self) -> (Claimed, bool) {
        let claimed = Claimed {
            owner_id: UserId::from_uuid(self.owner_id),
            session_id: SessionId::from_uuid(self.session_id),
            fence: self.fence,
            attempts: self.attempts,
            traceparent: self.traceparent,
            request_id: self.request_id,
            last_error: self.last_error,
            budget_waits: self.budget_waits,
        };
        (claimed, self.is_open)
    }
}

struct NextDueRow {
    is_free: bool,
    is_blocked: bool,
    seconds: Option<f64>,
}

/// A statement that begins with what may be claimed (`free`) and goes on as it is told to.
macro_rules! of_what_is_free {
    ($row:ident, $terms:ident, [$($part:tt),+], [$($argument:expr),*]) => {
        sqlx::query_as!(
            $row,
            r#"
            WITH RECURSIVE taken AS MATERIALIZED (
                -- What workers have or have lost: not more than there are workers.
                SELECT owner_id, agent_id, session_id, priority, attempts, owner_slot, agent_slot,
                       lease_until
                FROM session_queue
                WHERE lease_until IS NOT NULL
            ), full_owners AS MATERIALIZED (
                SELECT owner_id
                FROM taken
                GROUP BY owner_id
                HAVING $1::INTEGER > 0 AND count(owner_slot) >= $1
            ), full_agents AS MATERIALIZED (
                SELECT owner_id, agent_id
                FROM taken
                GROUP BY owner_id, agent_id
                HAVING $2::INTEGER > 0 AND count(agent_slot) >= $2
            ), oldest AS MATERIALIZED (
                SELECT owner_id, agent_id, session_id, priority, run_at, attempts
                FROM session_queue
                WHERE NOT is_parked AND lease_until IS NULL AND run_at <= now()
                  AND ($4::BOOLEAN OR attempts = 0)
                  AND (NOT $3::BOOLEAN OR is_owner_held(owner_id))
                ORDER BY run_at
                LIMIT 200
            ), line (owner_id, agent_id, most, number) AS (
                -- Lanes by turns, behind whom was served last and then from the beginning, where more is
                -- due than was looked at. Those of an owner who is full are passed by at once.
                (
                    (
                        SELECT q.owner_id, q.agent_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID, 1
                        FROM session_queue q
                        WHERE NOT q.is_parked AND q.lease_until IS NULL AND q.owner_id > $5::UUID
                          AND q.run_at <= now() AND (NOT $3 OR is_owner_held(q.owner_id))
                          AND (SELECT count(*) FROM oldest) = 200
                        ORDER BY q.owner_id, q.agent_id
                        LIMIT 1
                    )
                    UNION ALL
                    (
                        SELECT q.owner_id, q.agent_id, $5, 1
                        FROM session_queue q
                        WHERE NOT q.is_parked AND q.lease_until IS NULL AND q.owner_id <= $5
                          AND q.run_at <= now() AND (NOT $3 OR is_owner_held(q.owner_id))
                          AND (SELECT count(*) FROM oldest) = 200
                        ORDER BY q.owner_id, q.agent_id
                        LIMIT 1
                    )
                )
                UNION ALL
                SELECT next.owner_id, next.agent_id, line.most, line.number + 1
                FROM line
                LEFT JOIN full_owners f ON f.owner_id = line.owner_id
                CROSS JOIN LATERAL (
                    SELECT q.owner_id, q.agent_id
                    FROM session_queue q
                    WHERE NOT q.is_parked AND q.lease_until IS NULL AND q.owner_id <= line.most
                      AND q.run_at <= now() AND (NOT $3 OR is_owner_held(q.owner_id))
                      AND (q.owner_id, q.agent_id) > (
                          line.owner_id,
                          CASE WHEN f.owner_id IS NULL THEN line.agent_id
                               ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID END
                      )
                    ORDER BY q.owner_id, q.agent_id
                    LIMIT 1
                ) AS next
                WHERE line.number < 64
            ), waiting AS (
                SELECT o.owner_id, o.agent_id, o.session_id, o.priority, o.run_at, o.attempts
                FROM oldest o
                UNION
                SELECT l.owner_id, l.agent_id, head.session_id, head.priority, head.run_at,
                       head.attempts
                FROM line l
                CROSS JOIN LATERAL (
                    SELECT q.session_id, q.priority, q.run_at, q.attempts
                    FROM session_queue q
                    WHERE q.owner_id = l.owner_id AND q.agent_id = l.agent_id
                      AND NOT q.is_parked AND q.lease_until IS NULL AND q.run_at <= now()
                      AND ($4 OR q.attempts = 0)
                    ORDER BY q.priority DESC, q.run_at
                    LIMIT 1
                ) AS head
            ), free AS MATERIALIZED (
                SELECT w.owner_id, w.agent_id, w.session_id, w.priority, w.run_at AS due_at,
                       w.attempts > 0 AS is_suspect
                FROM waiting w
                WHERE w.owner_id NOT IN (SELECT f.owner_id FROM full_owners f)
                  AND (w.owner_id, w.agent_id)
                      NOT IN (SELECT f.owner_id, f.agent_id FROM full_agents f)
                UNION ALL
                -- The places of one that has lost its worker are its own.
                SELECT t.owner_id, t.agent_id, t.session_id, t.priority, t.lease_until,
                       t.attempts > 0
                FROM taken t
                WHERE t.lease_until <= now() AND ($4 OR t.attempts = 0)
                  AND (t.owner_slot IS NOT NULL
                       OR t.owner_id NOT IN (SELECT f.owner_id FROM full_owners f))
                  AND (t.agent_slot IS NOT NULL
                       OR (t.owner_id, t.agent_id)
                          NOT IN (SELECT f.owner_id, f.agent_id FROM full_agents f))
                  AND (NOT $3 OR is_owner_held(t.owner_id))
            )
            "# $(+ $part)+,
            i32::try_from($terms.slots.per_owner).unwrap_or(i32::MAX),
            i32::try_from($terms.slots.per_agent).unwrap_or(i32::MAX),
            $terms.owners.are_held(),
            $terms.takes_suspects,
            $terms.last_served(),
            $($argument),*
        )
    };
}

/// A statement that takes the entries whose turn it is (`claimed`) and goes on as it is told to.
macro_rules! of_what_is_claimed {
    ($terms:ident, $worker:ident, $lease:ident, $most:expr, $end:tt) => {
        of_what_is_free!(
            ClaimedRow,
            $terms,
            [
                r#"
                , ranked AS MATERIALIZED (
                    SELECT f.owner_id, f.session_id, f.is_suspect,
                           row_number() OVER (
                               ORDER BY coalesce(b.running, 0) + f.nth,
                                        array_position($6::UUID[], f.owner_id) NULLS FIRST,
                                        f.since, f.owner_id, f.nth
                           ) AS place
                    FROM (
                        SELECT g.owner_id, g.session_id, g.is_suspect,
                               row_number() OVER (
                                   PARTITION BY g.owner_id
                                   ORDER BY g.priority DESC, g.due_at, g.session_id
                               ) AS nth,
                               min(g.due_at) OVER (PARTITION BY g.owner_id) AS since
                        FROM free g
                    ) AS f
                    LEFT JOIN (
                        SELECT t.owner_id, count(*) AS running
                        FROM taken t
                        WHERE t.lease_until > now()
                        GROUP BY t.owner_id
                    ) AS b ON b.owner_id = f.owner_id
                    ORDER BY place
                    LIMIT 15 + $9::BIGINT
                ), due AS (
                    -- Of those whose worker was lost one at a time.
                    SELECT q.owner_id, q.session_id, q.agent_id, q.owner_slot, q.agent_slot, r.place,
                           CASE WHEN q.lease_until IS NULL
                               THEN floor(extract(epoch FROM now() - q.run_at) * 1000)::BIGINT
                               ELSE 0
                           END AS queued_ms
                    FROM ranked r
                    JOIN session_queue q
                        ON q.owner_id = r.owner_id AND q.session_id = r.session_id
                    WHERE NOT q.is_parked AND coalesce(q.lease_until, q.run_at) <= now()
                      AND ($9 = 1 OR q.attempts = 0
                           OR r.place = (SELECT min(s.place) FROM ranked s WHERE s.is_suspect))
                    ORDER BY r.place
                    LIMIT $9
                    FOR UPDATE OF q SKIP LOCKED
                ), numbered AS (
                    SELECT d.*,
                           row_number() OVER (
                               PARTITION BY d.owner_id, d.owner_slot IS NULL ORDER BY d.place
                           ) AS owner_nth,
                           row_number() OVER (
                               PARTITION BY d.owner_id, d.agent_id, d.agent_slot IS NULL
                               ORDER BY d.place
                           ) AS agent_nth
                    FROM due d
                ), placed AS (
                    -- One that has lost its worker keeps its slots; the others get those that are free.
                    SELECT d.owner_id, d.session_id, d.place, d.queued_ms,
                           coalesce(d.owner_slot, (
                               SELECT n FROM generate_series(1, $1) AS n
                               WHERE n <> ALL (used.owner_slots)
                               ORDER BY n LIMIT 1 OFFSET d.owner_nth - 1
                           )) AS owner_slot,
                           coalesce(d.agent_slot, (
                               SELECT n FROM generate_series(1, $2) AS n
                               WHERE n <> ALL (used.agent_slots)
                               ORDER BY n LIMIT 1 OFFSET d.agent_nth - 1
                           )) AS agent_slot
                    FROM numbered d
                    CROSS JOIN LATERAL (
                        SELECT coalesce(
                                   array_agg(t.owner_slot) FILTER (WHERE t.owner_slot IS NOT NULL),
                                   '{}'
                               ) AS owner_slots,
                               coalesce(
                                   array_agg(t.agent_slot) FILTER (
                                       WHERE t.agent_slot IS NOT NULL AND t.agent_id = d.agent_id
                                   ),
                                   '{}'
                               ) AS agent_slots
                        FROM taken t
                        WHERE t.owner_id = d.owner_id
                    ) AS used
                ), claimed AS (
                    UPDATE session_queue q
                    SET lease_until = now() + $8, worker = $7,
                        fence = nextval('session_fence_seq'), attempts = q.attempts + 1,
                        owner_slot = p.owner_slot, agent_slot = p.agent_slot
                    FROM placed p
                    WHERE q.owner_id = p.owner_id AND q.session_id = p.session_id
                      AND ($1 = 0 OR p.owner_slot IS NOT NULL)
                      AND ($2 = 0 OR p.agent_slot IS NOT NULL)
                    RETURNING q.owner_id, q.session_id, q.fence, q.attempts, q.traceparent,
                              q.request_id, q.last_error, q.budget_waits, p.queued_ms, p.place
                )
                "#,
                $end
            ],
            [&$terms.served, $worker, interval($lease), $most]
        )
    };
}

/// What a claim has taken.
pub(crate) struct Taken {
    /// The sessions, in the order of their turns, each with what there is to run, where that can be read.
    pub(crate) sessions: Vec<(Claimed, Option<Runnable>)>,
    /// Whether there may be more.
    pub(crate) is_more: bool,
}

/// Takes the sessions whose turn it is, `most` or fewer, and makes them run under new fences. Sessions whose owner
/// or agent has no place free are passed over, and all but one of those whose worker was lost. That one was due
/// and nobody had it is no work of a session. An entry without a session, or with one that is over, is dropped:
/// what was done is to be committed even when nothing is found.
///
/// A slot that another worker takes at the same moment breaks `session_queue_owner_slot_key` or
/// `session_queue_agent_slot_key`: ask again.
#[tracing::instrument(name = "db.queue.claim", skip_all, err(level = "debug"))]
pub(crate) async fn claim(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    terms: &Terms,
    most: usize,
) -> sqlx::Result<Taken> {
    loop {
        let rows = if terms.owners == Owners::Spread {
            claim_apart(&mut *conn, worker, lease, terms).await?
        } else {
            claim_whole(&mut *conn, worker, lease, terms, most).await?
        };
        let found_none = rows.is_empty();
        let is_more = rows.first().is_some_and(|row| row.is_more);
        let (open, over): (Vec<_>, Vec<_>) =
            rows.into_iter().map(ClaimedRow::split).partition(|(_, is_open)| *is_open);
        for (claimed, _) in over {
            let key = (claimed.owner_id, claimed.session_id, claimed.fence);
            delete(&mut *conn, key).await?;
        }
        if !open.is_empty() || found_none {
            let open = open.into_iter().map(|(claimed, _)| claimed).collect();
            let sessions = with_sessions(conn, open).await?;
            return Ok(Taken { sessions, is_more });
        }
    }
}

/// Takes one session, for tests.
#[cfg(test)]
pub(crate) async fn claim_one(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    terms: &Terms,
) -> sqlx::Result<Option<Claimed>> {
    let taken = claim(conn, worker, lease, terms, 1).await?;
    Ok(taken.sessions.into_iter().next().map(|(claimed, _)| claimed))
}

/// What was taken, with what there is to run. One that cannot be read must not hold up the queue, whatever the
/// database says of it: its own run finds that out, and is counted.
async fn with_sessions(
    conn: &mut PgConnection,
    claimed: Vec<Claimed>,
) -> sqlx::Result<Vec<(Claimed, Option<Runnable>)>> {
    let keys: Vec<_> = claimed.iter().map(|it| (it.owner_id, it.session_id)).collect();
    let mut reading = conn.begin().await?;
    let found = sessions::list_runnable(&mut reading, &keys).await;
    if found.is_ok() {
        reading.commit().await?;
    } else {
        reading.rollback().await?;
    }
    let mut runnable = found.unwrap_or_default();
    let taken = claimed.into_iter().map(|claimed| {
        let runnable = runnable.remove(&claimed.session_id);
        (claimed, runnable)
    });
    Ok(taken.collect())
}

/// Takes entries and makes their sessions run, by one statement.
async fn claim_whole(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    terms: &Terms,
    most: usize,
) -> sqlx::Result<Vec<ClaimedRow>> {
    of_what_is_claimed!(
        terms,
        worker,
        lease,
        i64::try_from(most).unwrap_or(i64::MAX),
        r#"
                , running AS (
                    UPDATE sessions s
                    SET state = 'running',
                        -- Before the first step of a round no time is counted.
                        waited_ms = s.waited_ms + CASE
                            WHEN s.started_at IS NOT NULL AND s.told_end_at IS NULL
                                THEN claimed.queued_ms
                            ELSE 0
                        END
                    FROM claimed
                    WHERE s.owner_id = claimed.owner_id AND s.session_id = claimed.session_id
                      AND s.ended_at IS NULL
                    RETURNING s.session_id
                )
                SELECT claimed.owner_id AS "owner_id!", claimed.session_id AS "session_id!",
                       claimed.fence AS "fence!", claimed.attempts AS "attempts!",
                       claimed.traceparent, claimed.request_id, claimed.last_error,
                       claimed.budget_waits AS "budget_waits!", claimed.queued_ms AS "queued_ms!",
                       claimed.session_id IN (SELECT r.session_id FROM running r) AS "is_open!",
                       (SELECT count(*) FROM ranked) > (SELECT count(*) FROM claimed) AS "is_more!"
                FROM claimed
                ORDER BY claimed.place
                "#
    )
    .fetch_all(conn)
    .await
}

/// The same for one entry in a cluster: the queue, which its coordinator has, and the session, which one of its
/// nodes has, by a statement each. A node that broke down between the two may have left what is over.
async fn claim_apart(
    conn: &mut PgConnection,
    worker: &str,
    lease: Duration,
    terms: &Terms,
) -> sqlx::Result<Vec<ClaimedRow>> {
    let row = of_what_is_claimed!(
        terms,
        worker,
        lease,
        1,
        r#"
                SELECT claimed.owner_id AS "owner_id!", claimed.session_id AS "session_id!",
                       claimed.fence AS "fence!", claimed.attempts AS "attempts!",
                       claimed.traceparent, claimed.request_id, claimed.last_error,
                       claimed.budget_waits AS "budget_waits!", claimed.queued_ms AS "queued_ms!",
                       TRUE AS "is_open!",
                       (SELECT count(*) FROM ranked) > 1 AS "is_more!"
                FROM claimed
                "#
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let (owner, id) = (UserId::from_uuid(row.owner_id), SessionId::from_uuid(row.session_id));
    let is_open = sessions::update_running(conn, owner, id, row.queued_ms).await?;
    Ok(vec![ClaimedRow { is_open, ..row }])
}

/// When something may be claimed by these terms.
#[tracing::instrument(name = "db.queue.find_next_due", skip_all, err(level = "debug"))]
pub(crate) async fn find_next_due(conn: &mut PgConnection, terms: &Terms) -> sqlx::Result<NextDue> {
    let row = of_what_is_free!(
        NextDueRow,
        terms,
        [r#"
            SELECT EXISTS (SELECT FROM free) AS "is_free!",
                   EXISTS (SELECT FROM oldest)
                       OR EXISTS (SELECT FROM taken t WHERE t.lease_until <= now())
                       AS "is_blocked!",
                   extract(epoch FROM least(
                       (SELECT min(q.run_at)
                        FROM session_queue q
                        WHERE NOT q.is_parked AND q.lease_until IS NULL AND q.run_at > now()
                          AND (NOT $3 OR is_owner_held(q.owner_id))),
                       (SELECT min(t.lease_until)
                        FROM taken t
                        WHERE t.lease_until > now() AND (NOT $3 OR is_owner_held(t.owner_id)))
                   ) - now())::FLOAT8 AS seconds
            "#],
        []
    )
    .fetch_one(conn)
    .await?;
    let after = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    Ok(NextDue { is_free: row.is_free, is_blocked: row.is_blocked, after: row.seconds.map(after) })
}
