//! The SQL of what agents did lately. Each statement reads at most [`COUNTED_MAX`] sessions of one
//! agent, by the index that has them in order.

use jiff::civil::Date;
use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent_numbers::{COUNTED_MAX, DayNumbers, Failure, VersionNumbers};
use resonant_domain::draft_weight::{PAST_MAX, PastSessions};
use resonant_domain::money::MicroUsd;
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;

use super::agent_versions::{number, stored};
use super::unsigned;

#[tracing::instrument(name = "db.agent_numbers.by_version", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_by_version(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<Vec<VersionNumbers>> {
    let rows = sqlx::query!(
        r#"
        SELECT agent_version, count(*) AS "sessions!",
               count(*) FILTER (WHERE state = 'completed') AS "completed!",
               count(*) FILTER (WHERE state IN ('failed', 'timeout')) AS "failed!",
               percentile_disc(0.5) WITHIN GROUP (ORDER BY took_ms) AS p50_ms,
               percentile_disc(0.99) WITHIN GROUP (ORDER BY took_ms) AS p99_ms,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY cost_micro_usd)
                   FILTER (WHERE took_ms IS NOT NULL) AS median_cost,
               coalesce(sum(cost_micro_usd), 0)::BIGINT AS "cost!",
               count(*) FILTER (WHERE thumb = 1) AS "thumbs_up!",
               count(*) FILTER (WHERE thumb = -1) AS "thumbs_down!"
        FROM (
            SELECT agent_version, state, cost_micro_usd, thumb,
                   CASE WHEN state = 'completed' AND started_at IS NOT NULL THEN greatest(
                       0, (extract(epoch FROM ended_at - started_at) * 1000)::BIGINT - waited_ms
                   ) END AS took_ms
            FROM sessions
            WHERE owner_id = $1 AND agent_id = $2 AND NOT is_test
            ORDER BY session_id DESC
            LIMIT $3
        ) recent
        GROUP BY agent_version
        ORDER BY agent_version DESC NULLS FIRST
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        COUNTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| VersionNumbers {
            version: row.agent_version.map(number),
            sessions: unsigned(row.sessions),
            completed: unsigned(row.completed),
            failed: unsigned(row.failed),
            p50_ms: row.p50_ms.map(unsigned),
            p99_ms: row.p99_ms.map(unsigned),
            median_cost: row.median_cost.map(MicroUsd),
            cost: MicroUsd(row.cost),
            thumbs_up: unsigned(row.thumbs_up),
            thumbs_down: unsigned(row.thumbs_down),
        })
        .collect())
}

#[tracing::instrument(name = "db.agent_numbers.by_day", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_by_day(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    since: jiff::Timestamp,
) -> sqlx::Result<Vec<DayNumbers>> {
    let rows = sqlx::query!(
        r#"
        SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS "day!",
               count(*) FILTER (WHERE state = 'completed') AS "completed!",
               count(*) FILTER (WHERE state IN ('failed', 'timeout')) AS "failed!",
               count(*) FILTER (WHERE state NOT IN ('completed', 'failed', 'timeout')) AS "other!"
        FROM (
            SELECT created_at, state
            FROM sessions
            WHERE owner_id = $1 AND agent_id = $2 AND session_id >= first_id_at($3)
                  AND NOT is_test
            ORDER BY session_id DESC
            LIMIT $4
        ) recent
        GROUP BY 1
        ORDER BY 1
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        since.to_sqlx() as Timestamp,
        COUNTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let day: Date =
                row.day.parse().map_err(|error: jiff::Error| sqlx::Error::Decode(error.into()))?;
            Ok(DayNumbers {
                day,
                completed: unsigned(row.completed),
                failed: unsigned(row.failed),
                other: unsigned(row.other),
            })
        })
        .collect()
}

#[tracing::instrument(name = "db.agent_numbers.failures", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_failures(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    limit: i64,
) -> sqlx::Result<Vec<Failure>> {
    let rows = sqlx::query!(
        r#"
        SELECT session_id, reason, ended_at AS "ended_at!"
        FROM (
            SELECT session_id, reason, ended_at, state, created_at
            FROM sessions
            WHERE owner_id = $1 AND agent_id = $2 AND NOT is_test
            ORDER BY session_id DESC
            LIMIT $3
        ) recent
        WHERE state IN ('failed', 'timeout') AND ended_at IS NOT NULL
        ORDER BY session_id DESC
        LIMIT $4
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        COUNTED_MAX,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Failure {
            id: SessionId::from_uuid(row.session_id),
            reason: row.reason,
            ended_at: row.ended_at.to_jiff(),
        })
        .collect())
}

/// Lists the newest sessions of a version of the agent that its owner started and that reached an answer, each
/// with its goal.
#[tracing::instrument(name = "db.agent_numbers.list_answered", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_answered(
    conn: &mut PgConnection,
    (owner, agent): (UserId, AgentId),
    version: u32,
    limit: i64,
) -> sqlx::Result<Vec<(SessionId, String)>> {
    let rows = sqlx::query!(
        r#"
        SELECT session_id, left(goal, 1000) AS "goal!"
        FROM (
            SELECT session_id, goal, state, agent_version, started_by
            FROM sessions
            WHERE owner_id = $1 AND agent_id = $2 AND NOT is_test
            ORDER BY session_id DESC
            LIMIT $3
        ) recent
        WHERE state = 'completed' AND agent_version = $4 AND started_by IS NULL
        ORDER BY session_id DESC
        LIMIT $5
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        COUNTED_MAX,
        stored(version),
        limit,
    )
    .fetch_all(conn)
    .await?;
    let told = rows.into_iter().map(|row| (SessionId::from_uuid(row.session_id), row.goal));
    Ok(told.collect())
}

/// What half of the agent's newest sessions that reached an answer took at most.
#[tracing::instrument(name = "db.agent_numbers.find_typical", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_typical(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<Option<PastSessions>> {
    let row = sqlx::query!(
        r#"
        SELECT count(*) AS "sessions!",
               percentile_disc(0.5) WITHIN GROUP (ORDER BY input_tokens) AS input_tokens,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY output_tokens) AS output_tokens
        FROM (
            SELECT input_tokens, output_tokens, state
            FROM sessions
            WHERE owner_id = $1 AND agent_id = $2 AND NOT is_test
            ORDER BY session_id DESC
            LIMIT $3
        ) recent
        WHERE state = 'completed'
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        PAST_MAX,
    )
    .fetch_one(conn)
    .await?;
    Ok(row.input_tokens.zip(row.output_tokens).map(|(input, output)| PastSessions {
        sessions: unsigned(row.sessions),
        input_tokens: unsigned(input),
        output_tokens: unsigned(output),
        cost: None,
    }))
}
