//! The SQL of what a person's agents used: in the month beside their budgets, by day, by month.

use jiff::civil::Date;
use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::budget::{Budget, BudgetLimits};
use resonant_domain::money::MicroUsd;
use resonant_domain::usage::{AgentUse, BudgetUse, COUNTED_MAX, PeriodUse};
use resonant_domain::{AgentId, UserId};
use sqlx::PgConnection;

use super::budgets::ALL_AGENTS;
use super::unsigned;

/// What all sessions of an owner have set aside: tokens and millionths of a dollar.
#[tracing::instrument(name = "db.usage.find_reserved", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn find_reserved(
    conn: &mut PgConnection,
    owner: UserId,
) -> sqlx::Result<(u64, u64)> {
    let row = sqlx::query!(
        r#"
        SELECT coalesce(sum(tokens), 0)::BIGINT AS "tokens!",
               coalesce(sum(micro_usd), 0)::BIGINT AS "micro_usd!"
        FROM budget_reservations
        WHERE owner_id = $1
        "#,
        owner.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok((unsigned(row.tokens), unsigned(row.micro_usd)))
}

/// Lists at most `limit` of the agents that have a limit or used something in the month that `at` lies in,
/// those that cost most first, but before all the `wanted` one.
#[tracing::instrument(name = "db.usage.list_agents", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_agents(
    conn: &mut PgConnection,
    owner: UserId,
    wanted: Option<AgentId>,
    at: jiff::Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<AgentUse>> {
    let rows = sqlx::query!(
        r#"
        SELECT place.agent_id AS "agent_id!", a.name AS "name?",
               b.max_tokens AS "max_tokens?", b.max_micro_usd AS "max_micro_usd?",
               coalesce(u.tokens, 0) AS "tokens!", coalesce(u.micro_usd, 0) AS "micro_usd!",
               coalesce(u.raised_tokens, 0) AS "raised_tokens!",
               coalesce(u.raised_micro_usd, 0) AS "raised_micro_usd!",
               coalesce(aside.tokens, 0) AS "tokens_aside!",
               coalesce(aside.micro_usd, 0) AS "micro_usd_aside!"
        FROM (
            SELECT owner_id, agent_id
            FROM budgets
            WHERE owner_id = $1 AND (max_tokens IS NOT NULL OR max_micro_usd IS NOT NULL)
            UNION
            SELECT owner_id, agent_id
            FROM budget_use
            WHERE owner_id = $1 AND month = date_trunc('month', $3::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
            UNION
            SELECT owner_id, agent_id
            FROM agents
            WHERE owner_id = $1 AND agent_id = $2
        ) AS place
        LEFT JOIN agents a
            ON a.owner_id = $1 AND a.owner_id = place.owner_id AND a.agent_id = place.agent_id
               AND a.deleted_at IS NULL
        LEFT JOIN budgets b
            ON b.owner_id = $1 AND b.owner_id = place.owner_id AND b.agent_id = place.agent_id
        LEFT JOIN budget_use u
            ON u.owner_id = $1 AND u.owner_id = place.owner_id AND u.agent_id = place.agent_id
               AND u.month = date_trunc('month', $3::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE
        CROSS JOIN LATERAL (
            SELECT sum(r.tokens)::BIGINT AS tokens, sum(r.micro_usd)::BIGINT AS micro_usd
            FROM budget_reservations r
            WHERE r.owner_id = $1
              AND (r.agent_id = place.agent_id OR place.agent_id = ANY (r.caller_agent_ids))
        ) AS aside
        WHERE place.agent_id <> $4
        ORDER BY (place.agent_id IS NOT DISTINCT FROM $2) DESC, coalesce(u.micro_usd, 0) DESC,
                 coalesce(u.tokens, 0) DESC, place.agent_id
        LIMIT $5
        "#,
        owner.as_uuid(),
        wanted.map(AgentId::as_uuid),
        at.to_sqlx() as Timestamp,
        ALL_AGENTS,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AgentUse {
            agent_id: AgentId::from_uuid(row.agent_id),
            name: row.name,
            used: BudgetUse {
                budget: Budget {
                    limits: BudgetLimits {
                        max_tokens: row.max_tokens.map(unsigned),
                        max_micro_usd: row.max_micro_usd.map(unsigned),
                    },
                    used_tokens: unsigned(row.tokens),
                    used_micro_usd: unsigned(row.micro_usd),
                    raised_tokens: unsigned(row.raised_tokens),
                    raised_micro_usd: unsigned(row.raised_micro_usd),
                },
                reserved_tokens: unsigned(row.tokens_aside),
                reserved_micro_usd: unsigned(row.micro_usd_aside),
            },
        })
        .collect())
}

/// What the owner's newest sessions used, by the day on which they were started. What a called session used
/// is in what the one used that called it.
#[tracing::instrument(name = "db.usage.list_days", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_days(
    conn: &mut PgConnection,
    owner: UserId,
    since: jiff::Timestamp,
) -> sqlx::Result<Vec<PeriodUse>> {
    let rows = sqlx::query!(
        r#"
        SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS "day!",
               coalesce(sum(input_tokens + output_tokens), 0)::BIGINT AS "tokens!",
               coalesce(sum(cost_micro_usd), 0)::BIGINT AS "micro_usd!"
        FROM (
            SELECT created_at, input_tokens, output_tokens, cost_micro_usd
            FROM sessions
            WHERE owner_id = $1 AND session_id >= first_id_at($2) AND caller_session_id IS NULL
            ORDER BY session_id DESC
            LIMIT $3
        ) recent
        GROUP BY 1
        ORDER BY 1
        "#,
        owner.as_uuid(),
        since.to_sqlx() as Timestamp,
        COUNTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| period(&row.day, row.tokens, row.micro_usd)).collect()
}

/// What all agents of an owner used, by month, the newest first.
#[tracing::instrument(name = "db.usage.list_months", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_months(
    conn: &mut PgConnection,
    owner: UserId,
    limit: i64,
) -> sqlx::Result<Vec<PeriodUse>> {
    let rows = sqlx::query!(
        r#"
        SELECT to_char(month, 'YYYY-MM-DD') AS "month!", tokens, micro_usd
        FROM budget_use
        WHERE owner_id = $1 AND agent_id = $2
        ORDER BY budget_use.month DESC
        LIMIT $3
        "#,
        owner.as_uuid(),
        ALL_AGENTS,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| period(&row.month, row.tokens, row.micro_usd)).collect()
}

fn period(from: &str, tokens: i64, micro_usd: i64) -> sqlx::Result<PeriodUse> {
    let from: Date =
        from.parse().map_err(|error: jiff::Error| sqlx::Error::Decode(error.into()))?;
    Ok(PeriodUse { from, tokens: unsigned(tokens), cost: MicroUsd(micro_usd) })
}
