//! The SQL of what waits for a budget.

use std::collections::HashMap;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::waiting::BudgetScope;
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::ALL_AGENTS;
use crate::store::shards::Owners;

/// The owner's sessions that wait since a budget of one of these scopes was used up.
#[tracing::instrument(name = "db.budget.list_waiting", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_waiting(
    conn: &mut PgConnection,
    owner: UserId,
    scopes: &[BudgetScope],
) -> sqlx::Result<Vec<SessionId>> {
    let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    let ids = sqlx::query_scalar!(
        r#"
        SELECT session_id
        FROM sessions
        WHERE owner_id = $1
          AND session_id = ANY (ARRAY(SELECT session_id FROM session_queue WHERE owner_id = $1))
          AND session_id >= (
              SELECT session_id FROM session_queue WHERE owner_id = $1 ORDER BY session_id LIMIT 1
          )
          AND waiting -> 'shortfall' ->> 'scope' = ANY ($2)
        ORDER BY session_id
        "#,
        owner.as_uuid(),
        &scopes,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SessionId::from_uuid).collect())
}

/// Lists sessions that wait since a budget was used up: that of all guests of a network before `day`, or one of
/// an agent, of all agents of a user or of a guest before `month`, as `(owner, session)`.
#[tracing::instrument(name = "db.budget.list_overdue", skip_all, err(level = "debug"))]
pub(crate) async fn list_overdue(
    conn: &mut PgConnection,
    owners: Owners,
    (day, month): (jiff::Timestamp, jiff::Timestamp),
) -> sqlx::Result<Vec<(UserId, SessionId)>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, session_id
        FROM sessions
        WHERE ended_at IS NULL
          AND (
              (waiting -> 'shortfall' ->> 'scope' = 'guests' AND waiting_since < $2)
              OR (waiting -> 'shortfall' ->> 'scope' IN ('agent', 'user', 'guest')
                  AND waiting_since < $3)
          )
          AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        LIMIT 1000
        "#,
        owners.are_held(),
        day.to_sqlx() as Timestamp,
        month.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    let ids = rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.owner_id), SessionId::from_uuid(row.session_id)));
    Ok(ids.collect())
}

/// A session that waits since a budget of an agent, or of all agents of a user, was used up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    pub(crate) owner: UserId,
    pub(crate) session: SessionId,
    /// Whose budget, and what it was.
    budget: Uuid,
    is_of_tokens: bool,
    limit: i64,
}

/// How far the budgets of an owner reach in a month, by whose they are: in tokens, and in millionths of a dollar.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach(HashMap<Uuid, (Option<i64>, Option<i64>)>);

impl Reach {
    /// Whether there is more of what the session waits for than there was.
    pub(crate) fn has_grown_for(&self, short: &Short) -> bool {
        self.0.get(&short.budget).is_some_and(|(tokens, micro_usd)| {
            let limit = if short.is_of_tokens { *tokens } else { *micro_usd };
            limit.is_none_or(|limit| limit > short.limit)
        })
    }
}

/// How many are listed at once.
pub(crate) const SHORT_AT_ONCE: usize = if cfg!(test) { 2 } else { 1_000 };

/// Lists such sessions behind the one of `after`, in the order of their owners.
#[tracing::instrument(name = "db.budget.list_short", skip_all, err(level = "debug"))]
pub(crate) async fn list_short(
    conn: &mut PgConnection,
    owners: Owners,
    after: Option<Short>,
) -> sqlx::Result<Vec<Short>> {
    let after = after.map(|it| (it.owner.as_uuid(), it.session.as_uuid())).unwrap_or_default();
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, session_id,
               CASE waiting -> 'shortfall' ->> 'scope'
                   WHEN 'user' THEN $2::UUID
                   ELSE coalesce((waiting -> 'shortfall' ->> 'caller_agent_id')::UUID, agent_id)
               END AS "budget!",
               waiting -> 'shortfall' -> 'limit' ->> 'unit' = 'tokens' AS "is_of_tokens!",
               (waiting -> 'shortfall' -> 'limit' ->> 'amount')::BIGINT AS "limit!"
        FROM sessions
        WHERE ended_at IS NULL AND (owner_id, session_id) > ($3, $4)
          AND waiting -> 'shortfall' ->> 'scope' IN ('agent', 'user')
          AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY owner_id, session_id
        LIMIT $5
        "#,
        owners.are_held(),
        ALL_AGENTS,
        after.0,
        after.1,
        i64::try_from(SHORT_AT_ONCE).unwrap_or(i64::MAX),
    )
    .fetch_all(conn)
    .await?;
    let short = rows.into_iter().map(|row| Short {
        owner: UserId::from_uuid(row.owner_id),
        session: SessionId::from_uuid(row.session_id),
        budget: row.budget,
        is_of_tokens: row.is_of_tokens,
        limit: row.limit,
    });
    Ok(short.collect())
}

/// How far the owner's budgets reach in the month that `at` lies in.
#[tracing::instrument(name = "db.budget.find_reach", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn find_reach(
    conn: &mut PgConnection,
    owner: UserId,
    at: jiff::Timestamp,
) -> sqlx::Result<Reach> {
    let rows = sqlx::query!(
        r#"
        SELECT b.agent_id, b.max_tokens + coalesce(u.raised_tokens, 0) AS tokens,
               b.max_micro_usd + coalesce(u.raised_micro_usd, 0) AS micro_usd
        FROM budgets b
        LEFT JOIN budget_use u
            ON u.owner_id = $1 AND u.owner_id = b.owner_id AND u.agent_id = b.agent_id
               AND u.month = date_trunc('month', $2::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
        WHERE b.owner_id = $1
        "#,
        owner.as_uuid(),
        at.to_sqlx() as Timestamp,
    )
    .fetch_all(conn)
    .await?;
    Ok(Reach(rows.into_iter().map(|row| (row.agent_id, (row.tokens, row.micro_usd))).collect()))
}
