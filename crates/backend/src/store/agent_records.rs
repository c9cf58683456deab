//! The SQL of agents as programs want them. Their order is the caller's choice, so the statements are put
//! together here, of fixed parts and bound values.

use jiff_sqlx::Timestamp;
use resonant_domain::agent::{
    Agent, AgentSpec, AgentStatus, Avatar, Limits, ModelPolicy, ToolGrant,
};
use resonant_domain::agent_list::AgentQuery;
use resonant_domain::session::SessionSummary;
use resonant_domain::text::shorten;
use resonant_domain::variable::Variable;
use resonant_domain::{AgentId, ListingId, UserId};
use sqlx::types::{Json, Uuid};
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};

use super::agent_lists::{ListKey, ListPosition, push_beyond, push_filter, push_order};
use super::known;
use super::sessions::GOAL_IN_LIST;
use crate::agents::records::{AgentOrder, OrderBy};

/// Which agents of an owner are listed.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) status: Option<AgentStatus>,
    /// Whose name holds this, letter case aside.
    pub(crate) name: Option<String>,
    pub(crate) order: AgentOrder,
    /// The place of the last agent of the page before, by what the order goes by.
    pub(crate) after: Option<ListPosition>,
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
    name_key: String,
    run_count: i64,
    liking: i64,
    sessions: Json<Vec<SessionSummary>>,
}

impl RecordRow {
    fn position(&self, by: OrderBy) -> ListPosition {
        let key = match by {
            OrderBy::CreatedAt => ListKey::Updated(self.created_at.to_jiff()),
            OrderBy::UpdatedAt => ListKey::Updated(self.updated_at.to_jiff()),
            OrderBy::Name => ListKey::Name(self.name_key.clone()),
            OrderBy::Runs => ListKey::Runs(self.run_count),
            OrderBy::Rating => ListKey::Liking(self.liking),
        };
        ListPosition { key, id: AgentId::from_uuid(self.agent_id) }
    }
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
        Ok((agent, as_listed(row.sessions)))
    }
}

fn as_listed(Json(mut sessions): Json<Vec<SessionSummary>>) -> Vec<SessionSummary> {
    for session in &mut sessions {
        session.goal = shorten(&session.goal, GOAL_IN_LIST);
    }
    sessions
}

/// A session as lists of sessions tell it.
const SESSION: &str = r"json_build_object(
    'id', session_id, 'agent_id', agent_id, 'agent_name', agent_name,
    'agent_avatar', agent_avatar, 'goal', left(goal, 1000), 'state', state,
    'usage', json_build_object('input_tokens', input_tokens,
        'output_tokens', output_tokens, 'cost_micro_usd', cost_micro_usd),
    'steps', steps, 'waited_ms', waited_ms, 'run_at', run_at,
    'origin', CASE WHEN origin IS NOT NULL THEN json_build_object('kind', origin, 'id', origin_id) END,
    'created_at', created_at, 'started_at', started_at, 'ended_at', ended_at
)";

/// The beginning of each statement, up to the owner.
fn select(owner: UserId, wide: Wide) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        r"SELECT a.owner_id, a.agent_id, a.name, a.description, a.avatar, a.status, a.revision,
                 a.listing_id, a.created_at, a.updated_at, a.name_key, a.run_count, a.liking,
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
               SELECT coalesce(json_agg(newest.session), '[]') AS sessions FROM (SELECT ",
        );
        query.push(SESSION);
        query.push(
            r" AS session
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

/// The column of an order.
const fn column(by: OrderBy) -> &'static str {
    match by {
        OrderBy::CreatedAt => "created_at",
        OrderBy::UpdatedAt => "updated_at",
        OrderBy::Name => "name_key",
        OrderBy::Runs => "run_count",
        OrderBy::Rating => "liking",
    }
}

/// Lists the agents that are selected, each with its place in the list.
///
/// Where the order or the name asks for it they are found by an index alone, as windows of lists are
/// ([`super::agent_lists`]): of the agents in between no row is read.
#[tracing::instrument(name = "db.agent_record.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    selection: &Selection,
    wide: Wide,
) -> sqlx::Result<Vec<(Found, ListPosition)>> {
    let AgentOrder { by, is_descending } = selection.order;
    let is_by_time = matches!(by, OrderBy::CreatedAt | OrderBy::UpdatedAt);
    let is_plain = is_by_time && selection.name.is_none();
    let table = if is_plain { "a." } else { "" };
    let mut query = select(owner, wide);
    if is_plain {
        if let Some(status) = selection.status {
            query.push(" AND a.status = ").push_bind(status.as_str());
        }
    } else {
        let (status, text) = (selection.status, selection.name.clone());
        query.push(" AND a.agent_id = ANY (ARRAY(SELECT agent_id");
        push_filter(&mut query, owner, &AgentQuery { status, text, ..AgentQuery::default() });
    }
    if let Some(after) = selection.after.clone() {
        push_beyond(&mut query, &format!("{table}{}", column(by)), !is_descending, after);
    }
    push_order(&mut query, table, column(by), is_descending);
    query.push(" LIMIT ").push_bind(selection.limit);
    query.push(" OFFSET ").push_bind(selection.offset);
    if !is_plain {
        query.push("))");
        push_order(&mut query, "a.", column(by), is_descending);
    }
    let with_place = |row: RecordRow| -> sqlx::Result<(Found, ListPosition)> {
        let place = row.position(by);
        Ok((Found::try_from(row)?, place))
    };
    rows(conn, query).await?.into_iter().map(with_place).collect()
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
    rows(conn, query).await?.into_iter().map(Found::try_from).collect()
}

/// The newest sessions of agents of an owner, of each at most `limit`: those that people started with whom it is
/// shared, who stand beside it.
#[tracing::instrument(name = "db.agent_record.list_started", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_started(
    conn: &mut PgConnection,
    owner: UserId,
    shared: &[(AgentId, Vec<UserId>)],
    limit: u32,
) -> sqlx::Result<Vec<(AgentId, Vec<SessionSummary>)>> {
    let pairs = shared.iter().flat_map(|(agent, people)| {
        people.iter().map(move |person| (agent.as_uuid(), person.as_uuid()))
    });
    let (agents, people): (Vec<Uuid>, Vec<Uuid>) = pairs.unzip();
    let mut query = QueryBuilder::<Postgres>::new(
        r"SELECT w.agent_id, s.sessions
          FROM (
              SELECT p.agent_id, array_agg(p.user_id) AS people FROM unnest(",
    );
    query.push_bind(agents).push(", ").push_bind(people);
    query.push(
        r") AS p (agent_id, user_id) GROUP BY p.agent_id
          ) w CROSS JOIN LATERAL (
              SELECT coalesce(json_agg(newest.session), '[]') AS sessions FROM (SELECT ",
    );
    query.push(SESSION).push(" AS session FROM sessions WHERE owner_id = ");
    query.push_bind(owner.as_uuid());
    query.push(" AND agent_id = w.agent_id AND NOT is_test AND started_by = ANY (w.people)");
    query.push(" ORDER BY session_id DESC LIMIT ").push_bind(i64::from(limit));
    query.push(") newest) s");
    let found: Vec<(Uuid, Json<Vec<SessionSummary>>)> =
        query.build_query_as().fetch_all(conn).await?;
    let found = found.into_iter();
    Ok(found.map(|(agent, all)| (AgentId::from_uuid(agent), as_listed(all))).collect())
}

async fn rows(
    conn: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
) -> sqlx::Result<Vec<RecordRow>> {
    query.build_query_as().fetch_all(conn).await
}
