//! Lists of sessions.

use jiff_sqlx::Timestamp;
use resonant_domain::agent::Avatar;
use resonant_domain::session::SessionSummary;
use resonant_domain::text::shorten;
use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::{origin, state, unsigned, usage};

/// The length of a goal in a list, in characters.
pub(in crate::store) const GOAL_IN_LIST: usize = 200;

/// Where a page of sessions ends: the last session on it. Ids are in the order of their making.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct SessionPosition {
    pub(crate) id: SessionId,
}

struct SessionSummaryRow {
    session_id: Uuid,
    agent_id: Uuid,
    agent_name: String,
    agent_avatar: Json<Avatar>,
    goal: String,
    state: String,
    steps: i32,
    input_tokens: i64,
    output_tokens: i64,
    cost_micro_usd: i64,
    waited_ms: i64,
    run_at: Option<Timestamp>,
    origin: Option<String>,
    origin_id: Option<Uuid>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

impl TryFrom<SessionSummaryRow> for SessionSummary {
    type Error = sqlx::Error;

    fn try_from(row: SessionSummaryRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: SessionId::from_uuid(row.session_id),
            agent_id: AgentId::from_uuid(row.agent_id),
            agent_name: row.agent_name,
            agent_avatar: row.agent_avatar.0,
            goal: shorten(&row.goal, GOAL_IN_LIST),
            state: state(&row.state)?,
            usage: usage(row.input_tokens, row.output_tokens, row.cost_micro_usd),
            steps: u32::try_from(row.steps).unwrap_or(0),
            waited_ms: unsigned(row.waited_ms),
            run_at: row.run_at.map(Timestamp::to_jiff),
            origin: origin(row.origin.as_deref(), row.origin_id),
            created_at: row.created_at.to_jiff(),
            started_at: row.started_at.map(Timestamp::to_jiff),
            ended_at: row.ended_at.map(Timestamp::to_jiff),
        })
    }
}

/// Lists at most `limit` sessions behind `after`, newest first, without those that test an agent.
///
/// In the order of the ids, which is that of the partitions: the newest ones answer, the others are
/// not opened. Two statements, and a first page that begins behind the last id: either way the position
/// bounds the scan of an index.
#[tracing::instrument(name = "db.session.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    agent: Option<AgentId>,
    after: Option<SessionPosition>,
    limit: i64,
) -> sqlx::Result<Vec<SessionSummary>> {
    let before = after.map_or(Uuid::max(), |position| position.id.as_uuid());
    let rows = match agent {
        None => {
            sqlx::query_as!(
                SessionSummaryRow,
                r#"
                SELECT session_id, agent_id, agent_name,
                       agent_avatar AS "agent_avatar: Json<Avatar>", left(goal, 1000) AS "goal!",
                       state, steps, input_tokens, output_tokens, cost_micro_usd, waited_ms,
                       created_at, started_at, ended_at, run_at, origin, origin_id
                FROM sessions
                WHERE owner_id = $1 AND session_id < $2 AND NOT is_test
                ORDER BY session_id DESC
                LIMIT $3
                "#,
                owner.as_uuid(),
                before,
                limit,
            )
            .fetch_all(conn)
            .await?
        }
        Some(agent) => {
            sqlx::query_as!(
                SessionSummaryRow,
                r#"
                SELECT session_id, agent_id, agent_name,
                       agent_avatar AS "agent_avatar: Json<Avatar>", left(goal, 1000) AS "goal!",
                       state, steps, input_tokens, output_tokens, cost_micro_usd, waited_ms,
                       created_at, started_at, ended_at, run_at, origin, origin_id
                FROM sessions
                WHERE owner_id = $1 AND session_id < $2 AND agent_id = $4 AND NOT is_test
                ORDER BY session_id DESC
                LIMIT $3
                "#,
                owner.as_uuid(),
                before,
                limit,
                agent.as_uuid(),
            )
            .fetch_all(conn)
            .await?
        }
    };
    rows.into_iter().map(SessionSummary::try_from).collect()
}

/// Lists at most `limit` sessions of an agent behind `after` that these people started, newest first.
#[tracing::instrument(name = "db.session.list_started", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_started(
    conn: &mut PgConnection,
    (owner, agent): (UserId, AgentId),
    starters: &[UserId],
    after: Option<SessionPosition>,
    limit: i64,
) -> sqlx::Result<Vec<SessionSummary>> {
    let starters: Vec<_> = starters.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query_as!(
        SessionSummaryRow,
        r#"
        SELECT session_id, agent_id, agent_name,
               agent_avatar AS "agent_avatar: Json<Avatar>", left(goal, 1000) AS "goal!",
               state, steps, input_tokens, output_tokens, cost_micro_usd, waited_ms,
               created_at, started_at, ended_at, run_at, origin, origin_id
        FROM sessions
        WHERE owner_id = $1 AND agent_id = $2 AND session_id < $3 AND NOT is_test
          AND started_by = ANY ($4)
        ORDER BY session_id DESC
        LIMIT $5
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        after.map_or(Uuid::max(), |position| position.id.as_uuid()),
        &starters,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(SessionSummary::try_from).collect()
}
