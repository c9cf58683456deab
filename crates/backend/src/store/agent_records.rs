//! The SQL of agents as programs want them. Their order is the caller's choice, so the statements are put
//! together here, of fixed parts and bound values.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::{
    Agent, AgentSpec, AgentStatus, Avatar, Limits, ModelPolicy, ToolGrant,
};
use resonant_domain::session::SessionSummary;
use resonant_domain::text::shorten;
use resonant_domain::variable::Variable;
use resonant_domain::{AgentId, ListingId, UserId};
use sqlx::types::{Json, Uuid};
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};

use super::agents::AgentPosition;
use super::known;
use super::sessions::GOAL_IN_LIST;
use crate::agents::records::{AgentOrder, OrderBy};

/// Which agents of an owner are listed.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) status: Option<AgentStatus>,
    pub(crate) order: AgentOrder,
    /// The place of the last agent of the page before; its instant is that of the order.
    pub(crate) after: Option<AgentPosition>,
    pub(crate) offset: i64,
    pub(crate) limit: i64,
}

/// Which wide columns are fetched. The others are left empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) system_prompt: bool,
    /// The model policy, the tools, the limits and the variables.
    pub(crate) settings: bool,
    /// The most sessions of each agent.
    pub(crate) sessions: u32,
}

impl Wide {
    /// All that an agent is, without its sessions.
    pub(crate) const WHOLE: Self = Self { system_prompt: true, settings: true, sessions: 0 };
}

#[derive(FromRow)]
struct RecordRow {
    owner_id: Uuid,
    agent_id: Uuid,
    name: String,
    description: String,
    avatar: Json<Avatar>,
    system_prompt: String,
    model_policy: Option<Json<ModelPolicy>>,
    tools: Option<Json<Vec<ToolGrant>>>,
    limits: Option<Json<Limits>>,
    variables: Option<Json<Vec<Variable>>>,
    status: String,
    revision: i64,
    listing_id: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
    sessions: Json<Vec<SessionSummary>>,
}

type Found = (Agent, Vec<SessionSummary>);

impl TryFrom<RecordRow> for Found {
    type Error = sqlx::Error;

    fn try_from(row: RecordRow) -> sqlx::Result<Self> {
        let agent = Agent {
            id: AgentId::from_uuid(row.agent_id),
            owner_id: UserId::from_uuid(row.owner_id),
            status: known(AgentStatus::parse(&row.status), "status")?,
            revision: row.revision,
            listing_id: row.listing_id.map(ListingId::from_uuid),
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
            spec: AgentSpec {
                name: row.name,
                description: row.description,
                avatar: row.avatar.0,
                system_prompt: row.system_prompt,
                model_policy: row.model_policy.map(|policy| policy.0).unwrap_or_default(),
                tools: row.tools.map(|tools| tools.0).unwrap_or_default(),
                limits: row.limits.map(|limits| limits.0).unwrap_or_default(),
                variables: row.variables.map(|variables| variables.0).unwrap_or_default(),
            },
        };
        let mut sessions = row.sessions.0;
        for session in &mut sessions {
            session.goal = shorten(&session.goal, GOAL_IN_LIST);
        }
        Ok((agent, sessions))
    }
}

/// The beginning of each statement, up to the owner.
fn select(owner: UserId, wide: Wide) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        r"SELECT a.owner_id, a.agent_id, a.name, a.description, a.avatar, a.status, a.revision,
                 a.listing_id, a.created_at, a.updated_at,
                 CASE WHEN ",
    );
    query.push_bind(wide.system_prompt);
    query.push(" THEN a.system_prompt ELSE '' END AS system_prompt,");
    for column in ["model_policy", "tools", "limits", "variables"] {
        query.push(" CASE WHEN ").push_bind(wide.settings);
        query.push(format_args!(" THEN a.{column} END AS {column},"));
    }
    if wide.sessions == 0 {
        query.push(" '[]'::JSON AS sessions FROM agents a");
    } else {
        query.push(
            r" s.sessions FROM agents a CROSS JOIN LATERAL (
               SELECT coalesce(json_agg(newest.session), '[]') AS sessions
               FROM (
                   SELECT json_build_object(
                       'id', session_id, 'agent_id', agent_id, 'agent_name', agent_name,
                       'agent_avatar', agent_avatar, 'goal', left(goal, 1000), 'state', state,
                       'usage', json_build_object('input_tokens', input_tokens,
                           'output_tokens', output_tokens, 'cost_micro_usd', cost_micro_usd),
                       'steps', steps, 'created_at', created_at, 'started_at', started_at,
                       'ended_at', ended_at
                   ) AS session
                   FROM sessions
                   WHERE owner_id = a.owner_id AND agent_id = a.agent_id AND NOT is_test
                     AND owner_id = ",
        );
        query.push_bind(owner.as_uuid());
        query.push(" ORDER BY session_id DESC LIMIT ");
        query.push_bind(i64::from(wide.sessions)).push(") newest) s");
    }
    query.push(" WHERE a.deleted_at IS NULL AND a.owner_id = ").push_bind(owner.as_uuid());
    query
}

/// Lists the agents that are selected.
#[tracing::instrument(name = "db.agent_record.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    selection: &Selection,
    wide: Wide,
) -> sqlx::Result<Vec<Found>> {
    let column = match selection.order.by {
        OrderBy::CreatedAt => "a.created_at",
        OrderBy::UpdatedAt => "a.updated_at",
    };
    let (behind, direction) =
        if selection.order.is_descending { ("<", "DESC") } else { (">", "ASC") };
    let mut query = select(owner, wide);
    if let Some(status) = selection.status {
        query.push(" AND a.status = ").push_bind(status.as_str());
    }
    if let Some(after) = selection.after {
        query.push(format_args!(" AND ({column}, a.agent_id) {behind} ("));
        query.push_bind::<Timestamp>(after.updated_at.to_sqlx()).push(", ");
        query.push_bind(after.id.as_uuid()).push(")");
    }
    query.push(format_args!(" ORDER BY {column} {direction}, a.agent_id {direction} LIMIT "));
    query.push_bind(selection.limit).push(" OFFSET ").push_bind(selection.offset);
    rows(conn, query).await
}

/// Reads the agents of these ids, in no order.
#[tracing::instrument(name = "db.agent_record.find", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[AgentId],
    wide: Wide,
) -> sqlx::Result<Vec<Found>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let mut query = select(owner, wide);
    query.push(" AND a.agent_id = ANY(").push_bind(ids).push(")");
    rows(conn, query).await
}

async fn rows(
    conn: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
) -> sqlx::Result<Vec<Found>> {
    let rows: Vec<RecordRow> = query.build_query_as().fetch_all(conn).await?;
    rows.into_iter().map(Found::try_from).collect()
}
