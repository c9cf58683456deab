//! The SQL of budgets: limits, what was used in the month, what is set aside.

mod waiting;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::budget::{Budget, BudgetLimits};
use resonant_domain::session::Usage;
use resonant_domain::waiting::{BudgetScope, Unit};
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

pub(crate) use self::waiting::{SHORT_AT_ONCE, find_reach, list_overdue, list_short, list_waiting};
use super::shards::Owners;
use super::{by_owner, signed, unsigned};

/// What stands in the place of an agent for all agents of an owner together.
pub(crate) const ALL_AGENTS: Uuid = Uuid::nil();

fn place(agent: Option<AgentId>) -> Uuid {
    agent.map_or(ALL_AGENTS, AgentId::as_uuid)
}

/// Reads a budget of the month that `at` lies in: that of an agent, or the owner's own.
#[tracing::instrument(name = "db.budget.find", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    agent: Option<AgentId>,
    at: jiff::Timestamp,
) -> sqlx::Result<Budget> {
    let row = sqlx::query!(
        r#"
        SELECT b.max_tokens AS "max_tokens?", b.max_micro_usd AS "max_micro_usd?",
               coalesce(u.tokens, 0) AS "tokens!", coalesce(u.micro_usd, 0) AS "micro_usd!",
               coalesce(u.raised_tokens, 0) AS "raised_tokens!",
               coalesce(u.raised_micro_usd, 0) AS "raised_micro_usd!"
        FROM (VALUES ($1::UUID, $2::UUID)) AS wanted (owner_id, agent_id)
        LEFT JOIN budgets b
            ON b.owner_id = $1 AND b.owner_id = wanted.owner_id AND b.agent_id = wanted.agent_id
        LEFT JOIN budget_use u
            ON u.owner_id = $1 AND u.owner_id = wanted.owner_id AND u.agent_id = wanted.agent_id
               AND u.month = date_trunc('month', $3::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
        "#,
        owner.as_uuid(),
        place(agent),
        at.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await?;
    Ok(Budget {
        limits: BudgetLimits {
            max_tokens: row.max_tokens.map(unsigned),
            max_micro_usd: row.max_micro_usd.map(unsigned),
        },
        used_tokens: unsigned(row.tokens),
        used_micro_usd: unsigned(row.micro_usd),
        raised_tokens: unsigned(row.raised_tokens),
        raised_micro_usd: unsigned(row.raised_micro_usd),
    })
}

/// Keeps others from setting these limits until the transaction ends, where there are any.
#[tracing::instrument(name = "db.budget.lock_limits", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn lock_limits(
    conn: &mut PgConnection,
    owner: UserId,
    agent: Option<AgentId>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT max_tokens FROM budgets WHERE owner_id = $1 AND agent_id = $2 FOR UPDATE",
        owner.as_uuid(),
        place(agent),
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Sets the limits of an agent, or of the owner; those that are absent fall away.
#[tracing::instrument(name = "db.budget.update", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update(
    conn: &mut PgConnection,
    owner: UserId,
    agent: Option<AgentId>,
    limits: BudgetLimits,
    at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO budgets (owner_id, agent_id, max_tokens, max_micro_usd, updated_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (owner_id, agent_id) DO UPDATE
        SET max_tokens = excluded.max_tokens, max_micro_usd = excluded.max_micro_usd,
            updated_at = excluded.updated_at
        "#,
        owner.as_uuid(),
        place(agent),
        limits.max_tokens.map(signed),
        limits.max_micro_usd.map(signed),
        at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Grants more for the month that `at` lies in.
#[tracing::instrument(name = "db.budget.update_raised", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn update_raised(
    conn: &mut PgConnection,
    owner: UserId,
    agent: Option<AgentId>,
    (by, unit): (u64, Unit),
    at: jiff::Timestamp,
) -> sqlx::Result<()> {
    let (tokens, micro_usd) = match unit {
        Unit::Tokens => (signed(by), 0),
        Unit::MicroUsd => (0, signed(by)),
    };
    sqlx::query!(
        r#"
        INSERT INTO budget_use (owner_id, agent_id, month, raised_tokens, raised_micro_usd)
        VALUES ($1, $2, date_trunc('month', $5::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE, $3, $4)
        ON CONFLICT (owner_id, agent_id, month) DO UPDATE
        SET raised_tokens = budget_use.raised_tokens + excluded.raised_tokens,
            raised_micro_usd = budget_use.raised_micro_usd + excluded.raised_micro_usd
        "#,
        owner.as_uuid(),
        place(agent),
        tokens,
        micro_usd,
        at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts what was used in the month of an agent, or of the owner's agents all together, beside what
/// their sessions count themselves.
#[tracing::instrument(name = "db.budget.insert_use", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn insert_use(
    conn: &mut PgConnection,
    owner: UserId,
    agent: Option<AgentId>,
    used: Usage,
    at: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO budget_use (owner_id, agent_id, month, tokens, micro_usd)
        VALUES ($1, $2, date_trunc('month', $5::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE, $3, $4)
        ON CONFLICT (owner_id, agent_id, month) DO UPDATE
        SET tokens = budget_use.tokens + excluded.tokens,
            micro_usd = budget_use.micro_usd + excluded.micro_usd
        "#,
        owner.as_uuid(),
        place(agent),
        signed(used.total_tokens()),
        used.cost.0,
        at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A budget that a session draws on, what was used of it, and what is set aside for other sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    pub(crate) scope: BudgetScope,
    /// Whose it is, where it is an agent's.
    pub(crate) agent: Option<AgentId>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) max_micro_usd: Option<u64>,
    pub(crate) tokens: u64,
    pub(crate) micro_usd: u64,
    pub(crate) tokens_aside: u64,
    pub(crate) micro_usd_aside: u64,
}

/// Locks the budgets that a session draws on, until the transaction ends: those of its owner, its
/// agent, and the agents that called it. Answers those that are set.
#[tracing::instrument(name = "db.budget.lock", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    (owner, id): (UserId, SessionId),
    agent: AgentId,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT agent_id
        FROM budgets
        WHERE owner_id = $1
          AND agent_id = ANY (
              $2::UUID[] || (SELECT caller_agent_ids FROM sessions WHERE owner_id = $1 AND session_id = $3)
          )
          AND (max_tokens IS NOT NULL OR max_micro_usd IS NOT NULL)
        ORDER BY agent_id
        FOR UPDATE
        "#,
        owner.as_uuid(),
        &[ALL_AGENTS, agent.as_uuid()] as &[Uuid],
        id.as_uuid(),
    )
    .fetch_all(conn)
    .await
}

/// What is gone of budgets that the session draws on, and what is set aside for others.
#[tracing::instrument(name = "db.budget.list_drawn", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn list_drawn(
    conn: &mut PgConnection,
    (owner, id): (UserId, SessionId),
    budgets: &[Uuid],
    at: jiff::Timestamp,
) -> sqlx::Result<Vec<Drawn>> {
    let rows = sqlx::query!(
        r#"
        SELECT b.agent_id,
               b.max_tokens + coalesce(u.raised_tokens, 0) AS max_tokens,
               b.max_micro_usd + coalesce(u.raised_micro_usd, 0) AS max_micro_usd,
               coalesce(u.tokens, 0) AS "tokens!", coalesce(u.micro_usd, 0) AS "micro_usd!",
               coalesce(aside.tokens, 0) AS "tokens_aside!",
               coalesce(aside.micro_usd, 0) AS "micro_usd_aside!"
        FROM budgets b
        LEFT JOIN budget_use u
            ON u.owner_id = $1 AND u.owner_id = b.owner_id AND u.agent_id = b.agent_id
               AND u.month = date_trunc('month', $4::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
        CROSS JOIN LATERAL (
            SELECT sum(r.tokens)::BIGINT AS tokens, sum(r.micro_usd)::BIGINT AS micro_usd
            FROM budget_reservations r
            WHERE r.owner_id = $1 AND r.session_id <> $2
              AND (
                  b.agent_id = $5 OR r.agent_id = b.agent_id
                  OR b.agent_id = ANY (r.caller_agent_ids)
              )
        ) AS aside
        WHERE b.owner_id = $1 AND b.agent_id = ANY ($3)
        ORDER BY b.agent_id
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        budgets,
        at.to_sqlx() as Timestamp,
        ALL_AGENTS,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let agent = (row.agent_id != ALL_AGENTS).then(|| AgentId::from_uuid(row.agent_id));
            Drawn {
                scope: if agent.is_some() { BudgetScope::Agent } else { BudgetScope::User },
                agent,
                max_tokens: row.max_tokens.map(unsigned),
                max_micro_usd: row.max_micro_usd.map(unsigned),
                tokens: unsigned(row.tokens),
                micro_usd: unsigned(row.micro_usd),
                tokens_aside: unsigned(row.tokens_aside),
                micro_usd_aside: unsigned(row.micro_usd_aside),
            }
        })
        .collect())
}

/// Sets aside what the session's next call may use, in the place of what was set aside before. `false`: the
/// session is not held under this fence, and nothing was set aside.
#[tracing::instrument(name = "db.budget.insert_reservation", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn insert_reservation(
    conn: &mut PgConnection,
    (owner, id, fence): (UserId, SessionId, i64),
    agent: AgentId,
    tokens: u64,
    micro_usd: u64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        WITH held AS (
            SELECT session_id
            FROM session_queue
            WHERE owner_id = $1 AND session_id = $2 AND fence = $6
            FOR UPDATE
        )
        INSERT INTO budget_reservations (owner_id, session_id, agent_id, caller_agent_ids, tokens,
                                         micro_usd)
        SELECT $1, $2, $3, s.caller_agent_ids, $4::BIGINT, $5::BIGINT
        FROM sessions s, held h
        WHERE s.owner_id = $1 AND s.session_id = $2 AND s.session_id = h.session_id
        ON CONFLICT (owner_id, session_id) DO UPDATE
        SET tokens = excluded.tokens, micro_usd = excluded.micro_usd
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        agent.as_uuid(),
        signed(tokens),
        signed(micro_usd),
        fence,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Sets aside what a call may use at most that no session makes, under an id of its own.
#[tracing::instrument(name = "db.budget.insert_aside", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn insert_aside(
    conn: &mut PgConnection,
    (owner, id): (UserId, SessionId),
    (tokens, micro_usd): (u64, u64),
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO budget_reservations (owner_id, session_id, agent_id, tokens, micro_usd)
        VALUES ($1, $2, $3, $4, $5)
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        ALL_AGENTS,
        signed(tokens),
        signed(micro_usd),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Frees what was set aside under this id.
#[tracing::instrument(name = "db.budget.delete_aside", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn delete_aside(
    conn: &mut PgConnection,
    (owner, id): (UserId, SessionId),
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM budget_reservations WHERE owner_id = $1 AND session_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Frees what is set aside for sessions that are not in the queue: nobody would settle it any more. The same
/// holds of what no session set aside, under an id that is older than `lapsed`. Answers of how many.
#[tracing::instrument(name = "db.budget.delete_left", skip_all, err(level = "debug"))]
pub(crate) async fn delete_left(
    conn: &mut PgConnection,
    owners: Owners,
    lapsed: Uuid,
) -> sqlx::Result<u64> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id AS "owner_id!", session_id AS "session_id!"
        FROM budget_reservations
        WHERE (NOT $1::BOOLEAN OR is_owner_held(owner_id))
          AND (agent_id <> $2 OR session_id < $3)
        EXCEPT
        SELECT owner_id, session_id FROM session_queue
        LIMIT 1000
        "#,
        owners.are_held(),
        ALL_AGENTS,
        lapsed,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut count = 0;
    for (owner, ids) in by_owner(rows.into_iter().map(|row| (row.owner_id, row.session_id))) {
        count += delete_of(&mut *conn, owner, &ids).await?;
    }
    Ok(count)
}

async fn delete_of(conn: &mut PgConnection, owner: Uuid, ids: &[Uuid]) -> sqlx::Result<u64> {
    // Looked at again: a session may have come back meanwhile.
    let done = sqlx::query!(
        r#"
        DELETE FROM budget_reservations
        WHERE owner_id = $1 AND session_id = ANY ($2)
          AND session_id <> ALL (ARRAY(SELECT session_id FROM session_queue WHERE owner_id = $1))
        "#,
        owner,
        ids,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
