//! The SQL of agents.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::{
    Agent, AgentSpec, AgentStatus, AgentSummary, Avatar, Limits, ModelPolicy, ToolGrant,
};
use resonant_domain::variable::Variable;
use resonant_domain::{AgentId, ListingId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::agent_versions::number;
use super::known;

struct AgentRow {
    owner_id: Uuid,
    agent_id: Uuid,
    name: String,
    description: String,
    avatar: Json<Avatar>,
    system_prompt: String,
    model_policy: Json<ModelPolicy>,
    tools: Json<Vec<ToolGrant>>,
    limits: Json<Limits>,
    variables: Json<Vec<Variable>>,
    status: String,
    revision: i64,
    listing_id: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<AgentRow> for Agent {
    type Error = sqlx::Error;

    fn try_from(row: AgentRow) -> sqlx::Result<Self> {
        Ok(Self {
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
                model_policy: row.model_policy.0,
                tools: row.tools.0,
                limits: row.limits.0,
                variables: row.variables.0,
            },
        })
    }
}

/// Where a page of agents ends: the last agent on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct AgentPosition {
    pub(crate) updated_at: jiff::Timestamp,
    pub(crate) id: AgentId,
}

#[tracing::instrument(name = "db.agent.find", skip_all, fields(agent.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: AgentId,
) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as!(
        AgentRow,
        r#"
        SELECT owner_id, agent_id, name, description, avatar AS "avatar: Json<Avatar>",
               system_prompt, model_policy AS "model_policy: Json<ModelPolicy>",
               tools AS "tools: Json<Vec<ToolGrant>>", limits AS "limits: Json<Limits>",
               variables AS "variables: Json<Vec<Variable>>",
               status, revision, listing_id, created_at, updated_at
        FROM agents
        WHERE owner_id = $1 AND agent_id = $2 AND deleted_at IS NULL
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Agent::try_from)
    .transpose()
}

/// Which of these agents the owner has.
#[tracing::instrument(name = "db.agent.list_known", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_known(
    conn: &mut PgConnection,
    owner: UserId,
    ids: &[AgentId],
) -> sqlx::Result<Vec<AgentId>> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    let known = sqlx::query_scalar!(
        r#"
        SELECT agent_id
        FROM agents
        WHERE owner_id = $1 AND agent_id = ANY($2) AND deleted_at IS NULL
        "#,
        owner.as_uuid(),
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(known.into_iter().map(AgentId::from_uuid).collect())
}

/// Reads an agent and keeps others from changing it until the transaction ends.
#[tracing::instrument(name = "db.agent.lock", skip_all, fields(agent.id = %id), err(level = "debug"))]
pub(crate) async fn lock(
    conn: &mut PgConnection,
    owner: UserId,
    id: AgentId,
) -> sqlx::Result<Option<Agent>> {
    sqlx::query_as!(
        AgentRow,
        r#"
        SELECT owner_id, agent_id, name, description, avatar AS "avatar: Json<Avatar>",
               system_prompt, model_policy AS "model_policy: Json<ModelPolicy>",
               tools AS "tools: Json<Vec<ToolGrant>>", limits AS "limits: Json<Limits>",
               variables AS "variables: Json<Vec<Variable>>",
               status, revision, listing_id, created_at, updated_at
        FROM agents
        WHERE owner_id = $1 AND agent_id = $2 AND deleted_at IS NULL
        FOR UPDATE
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?
    .map(Agent::try_from)
    .transpose()
}

/// Lists the owner's active agents that were installed from the listing, the newest 50.
#[tracing::instrument(name = "db.agent.list_copies", skip_all, fields(listing.id = %listing), err(level = "debug"))]
pub(crate) async fn list_copies(
    conn: &mut PgConnection,
    owner: UserId,
    listing: ListingId,
) -> sqlx::Result<Vec<Agent>> {
    sqlx::query_as!(
        AgentRow,
        r#"
        SELECT owner_id, agent_id, name, description, avatar AS "avatar: Json<Avatar>",
               system_prompt, model_policy AS "model_policy: Json<ModelPolicy>",
               tools AS "tools: Json<Vec<ToolGrant>>", limits AS "limits: Json<Limits>",
               variables AS "variables: Json<Vec<Variable>>",
               status, revision, listing_id, created_at, updated_at
        FROM agents
        WHERE owner_id = $1 AND listing_id = $2 AND status = 'active' AND deleted_at IS NULL
        ORDER BY agent_id DESC
        LIMIT 50
        "#,
        owner.as_uuid(),
        listing.as_uuid(),
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(Agent::try_from)
    .collect()
}

struct AgentSummaryRow {
    agent_id: Uuid,
    name: String,
    description: String,
    avatar: Json<Avatar>,
    status: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<AgentSummaryRow> for AgentSummary {
    type Error = sqlx::Error;

    fn try_from(row: AgentSummaryRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: AgentId::from_uuid(row.agent_id),
            name: row.name,
            description: row.description,
            avatar: row.avatar.0,
            status: known(AgentStatus::parse(&row.status), "status")?,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
        })
    }
}

/// Lists at most `limit` agents behind `after`, the one that changed last first.
///
/// Two statements, and a first page that begins behind the end of time: either way the position
/// bounds the scan of an index, so that a page costs the same wherever it is.
#[tracing::instrument(name = "db.agent.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    status: Option<AgentStatus>,
    after: Option<AgentPosition>,
    limit: i64,
) -> sqlx::Result<Vec<AgentSummary>> {
    let (updated_at, id) =
        after.map(|after| (after.updated_at.to_sqlx(), after.id.as_uuid())).unzip();
    let rows = match status {
        None => {
            sqlx::query_as!(
                AgentSummaryRow,
                r#"
                SELECT agent_id, name, description, avatar AS "avatar: Json<Avatar>", status,
                       created_at, updated_at
                FROM agents
                WHERE owner_id = $1 AND deleted_at IS NULL
                  AND (updated_at, agent_id) < (coalesce($2::TIMESTAMPTZ, 'infinity'),
                                                coalesce($3::UUID, $4))
                ORDER BY updated_at DESC, agent_id DESC
                LIMIT $5
                "#,
                owner.as_uuid(),
                updated_at as Option<Timestamp>,
                id,
                Uuid::max(),
                limit,
            )
            .fetch_all(conn)
            .await?
        }
        Some(status) => {
            sqlx::query_as!(
                AgentSummaryRow,
                r#"
                SELECT agent_id, name, description, avatar AS "avatar: Json<Avatar>", status,
                       created_at, updated_at
                FROM agents
                WHERE owner_id = $1 AND status = $6 AND deleted_at IS NULL
                  AND (updated_at, agent_id) < (coalesce($2::TIMESTAMPTZ, 'infinity'),
                                                coalesce($3::UUID, $4))
                ORDER BY updated_at DESC, agent_id DESC
                LIMIT $5
                "#,
                owner.as_uuid(),
                updated_at as Option<Timestamp>,
                id,
                Uuid::max(),
                limit,
                status.as_str(),
            )
            .fetch_all(conn)
            .await?
        }
    };
    rows.into_iter().map(AgentSummary::try_from).collect()
}

#[tracing::instrument(name = "db.agent.insert", skip_all, fields(agent.id = %agent.id), err(level = "debug"))]
pub(crate) async fn insert(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<()> {
    let spec = &agent.spec;
    sqlx::query!(
        r#"
        INSERT INTO agents (owner_id, agent_id, name, description, avatar, system_prompt,
                            model_policy, tools, limits, status, revision, listing_id,
                            created_at, updated_at, variables)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        "#,
        agent.owner_id.as_uuid(),
        agent.id.as_uuid(),
        spec.name,
        spec.description,
        Json(&spec.avatar) as _,
        spec.system_prompt,
        Json(&spec.model_policy) as _,
        Json(&spec.tools) as _,
        Json(&spec.limits) as _,
        agent.status.as_str(),
        agent.revision,
        agent.listing_id.map(ListingId::as_uuid),
        agent.created_at.to_sqlx() as Timestamp,
        agent.updated_at.to_sqlx() as Timestamp,
        Json(&spec.variables) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes all that may change of an agent that is locked.
#[tracing::instrument(name = "db.agent.update", skip_all, fields(agent.id = %agent.id), err(level = "debug"))]
pub(crate) async fn update(conn: &mut PgConnection, agent: &Agent) -> sqlx::Result<()> {
    let spec = &agent.spec;
    sqlx::query!(
        r#"
        UPDATE agents
        SET name = $3, description = $4, avatar = $5, system_prompt = $6, model_policy = $7,
            tools = $8, limits = $9, status = $10, revision = $11, updated_at = $12,
            variables = $13
        WHERE owner_id = $1 AND agent_id = $2
        "#,
        agent.owner_id.as_uuid(),
        agent.id.as_uuid(),
        spec.name,
        spec.description,
        Json(&spec.avatar) as _,
        spec.system_prompt,
        Json(&spec.model_policy) as _,
        Json(&spec.tools) as _,
        Json(&spec.limits) as _,
        agent.status.as_str(),
        agent.revision,
        agent.updated_at.to_sqlx() as Timestamp,
        Json(&spec.variables) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts a thumb that was given or taken back.
#[tracing::instrument(name = "db.agent.update_liking", skip_all, fields(agent.id = %id), err(level = "debug"))]
pub(crate) async fn update_liking(
    conn: &mut PgConnection,
    owner: UserId,
    id: AgentId,
    change: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE agents SET liking = liking + $3 WHERE owner_id = $1 AND agent_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
        change,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What is to be known of an agent of which a session is started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Whether it needs an entitlement for that.
    pub(crate) needs_entitlement: bool,
    /// Whether it is a copy of a listing.
    pub(crate) is_copy: bool,
}

/// An active agent of which a session is started.
pub(crate) struct Running {
    pub(crate) agent: Agent,
    pub(crate) published: Option<u32>,
    pub(crate) counted: Counted,
}

/// Locks an active agent as [`lock`] does, and counts a session that is started.
#[tracing::instrument(name = "db.agent.lock_running", skip_all, fields(agent.id = %id), err(level = "debug"))]
pub(crate) async fn lock_running(
    conn: &mut PgConnection,
    owner: UserId,
    id: AgentId,
) -> sqlx::Result<Option<Running>> {
    let row = sqlx::query!(
        r#"
        UPDATE agents
        SET run_count = run_count + 1
        WHERE owner_id = $1 AND agent_id = $2 AND deleted_at IS NULL AND status = 'active'
        RETURNING owner_id, agent_id, name, description, avatar AS "avatar: Json<Avatar>",
                  system_prompt, model_policy AS "model_policy: Json<ModelPolicy>",
                  tools AS "tools: Json<Vec<ToolGrant>>", limits AS "limits: Json<Limits>",
                  variables AS "variables: Json<Vec<Variable>>",
                  status, revision, listing_id, created_at AS "created_at: Timestamp",
                  updated_at AS "updated_at: Timestamp", published_version, needs_entitlement
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let is_copy = row.listing_id.is_some();
    let counted = Counted { needs_entitlement: row.needs_entitlement, is_copy };
    let agent = AgentRow {
        owner_id: row.owner_id,
        agent_id: row.agent_id,
        name: row.name,
        description: row.description,
        avatar: row.avatar,
        system_prompt: row.system_prompt,
        model_policy: row.model_policy,
        tools: row.tools,
        limits: row.limits,
        variables: row.variables,
        status: row.status,
        revision: row.revision,
        listing_id: row.listing_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Some(Running {
        agent: agent.try_into()?,
        published: row.published_version.map(number),
        counted,
    }))
}

/// Counts a session that is started.
#[tracing::instrument(name = "db.agent.update_run_count", skip_all, fields(agent.id = %id), err(level = "debug"))]
pub(crate) async fn update_run_count(
    conn: &mut PgConnection,
    owner: UserId,
    id: AgentId,
) -> sqlx::Result<Counted> {
    let counted = sqlx::query_as!(
        Counted,
        r#"
        UPDATE agents
        SET run_count = run_count + 1
        WHERE owner_id = $1 AND agent_id = $2
        RETURNING needs_entitlement, listing_id IS NOT NULL AS "is_copy!"
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(counted.unwrap_or_default())
}
