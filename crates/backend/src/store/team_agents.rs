//! The SQL of agents that are shared with teams: which agent of which owner, with which team.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::team::TeamRole;
use resonant_domain::{AgentId, TeamId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::teams::role;
use super::unsigned;

/// How somebody reaches an agent of another.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) owner: UserId,
    pub(crate) role: TeamRole,
    pub(crate) team_slug: String,
    pub(crate) team_name: String,
}

/// The ways by which somebody reaches an agent, through each team that has both.
#[tracing::instrument(name = "db.team_agent.list_ways", skip_all, fields(agent.id = %agent, user.id = %user), err(level = "debug"))]
pub(crate) async fn list_ways(
    conn: &mut PgConnection,
    user: UserId,
    agent: AgentId,
) -> sqlx::Result<Vec<Way>> {
    let rows = sqlx::query!(
        r#"
        SELECT a.agent_owner_id, m.role, t.slug, t.name
        FROM team_agents a
        JOIN team_members m ON m.team_id = a.team_id AND m.user_id = $1
        JOIN teams t ON t.team_id = a.team_id
        WHERE a.agent_id = $2 AND a.agent_owner_id <> $1
        ORDER BY t.name, t.slug
        "#,
        user.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Way {
                owner: UserId::from_uuid(row.agent_owner_id),
                role: role(&row.role)?,
                team_slug: row.slug,
                team_name: row.name,
            })
        })
        .collect()
}

/// Those of these agents that somebody reaches through teams, each with its owner.
#[tracing::instrument(name = "db.team_agent.list_owners_of", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_owners_of(
    conn: &mut PgConnection,
    user: UserId,
    agents: &[AgentId],
) -> sqlx::Result<Vec<(UserId, AgentId)>> {
    let agents: Vec<_> = agents.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT DISTINCT a.agent_owner_id, a.agent_id
        FROM team_agents a
        JOIN team_members m ON m.team_id = a.team_id AND m.user_id = $1
        WHERE a.agent_id = ANY($2) AND a.agent_owner_id <> $1
        "#,
        user.as_uuid(),
        &agents,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.agent_owner_id), AgentId::from_uuid(row.agent_id)))
        .collect())
}

/// The people with whom somebody has an agent in common: those of each team that it is shared with and
/// that both are in.
#[tracing::instrument(name = "db.team_agent.list_peers", skip_all, fields(agent.id = %agent, user.id = %user), err(level = "debug"))]
pub(crate) async fn list_peers(
    conn: &mut PgConnection,
    user: UserId,
    agent: AgentId,
) -> sqlx::Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT DISTINCT p.user_id
        FROM team_agents a
        JOIN team_members m ON m.team_id = a.team_id AND m.user_id = $1
        JOIN team_members p ON p.team_id = a.team_id
        WHERE a.agent_id = $2
        "#,
        user.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}

/// Those of these agents of others that somebody reaches through teams, each with its owner and with the people
/// with whom they have it in common.
#[tracing::instrument(name = "db.team_agent.list_peers_of", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_peers_of(
    conn: &mut PgConnection,
    user: UserId,
    agents: &[AgentId],
) -> sqlx::Result<Vec<(UserId, AgentId, Vec<UserId>)>> {
    let agents: Vec<_> = agents.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT a.agent_owner_id AS "owner!", a.agent_id AS "agent!",
               array_agg(DISTINCT p.user_id) AS "people!"
        FROM team_agents a
        JOIN team_members m ON m.team_id = a.team_id AND m.user_id = $1
        JOIN team_members p ON p.team_id = a.team_id
        WHERE a.agent_id = ANY($2) AND a.agent_owner_id <> $1
        GROUP BY a.agent_owner_id, a.agent_id
        "#,
        user.as_uuid(),
        &agents,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let people = row.people.into_iter().map(UserId::from_uuid).collect();
            (UserId::from_uuid(row.owner), AgentId::from_uuid(row.agent), people)
        })
        .collect())
}

/// The people whose agents somebody reaches through teams.
#[tracing::instrument(name = "db.team_agent.list_owners", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_owners(
    conn: &mut PgConnection,
    user: UserId,
) -> sqlx::Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT DISTINCT a.agent_owner_id
        FROM team_members m
        JOIN team_agents a ON a.team_id = m.team_id
        WHERE m.user_id = $1 AND a.agent_owner_id <> $1
        "#,
        user.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}

/// An agent that is shared with a team, as it stands in the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) agent: AgentId,
    pub(crate) owner: UserId,
    pub(crate) owner_name: String,
    pub(crate) team_slug: String,
    pub(crate) team_name: String,
    pub(crate) role: TeamRole,
    pub(crate) since: jiff::Timestamp,
}

struct SharedRow {
    agent_id: Uuid,
    agent_owner_id: Uuid,
    display_name: String,
    slug: String,
    name: String,
    role: String,
    shared_at: Timestamp,
}

impl TryFrom<SharedRow> for Shared {
    type Error = sqlx::Error;

    fn try_from(row: SharedRow) -> sqlx::Result<Self> {
        Ok(Self {
            agent: AgentId::from_uuid(row.agent_id),
            owner: UserId::from_uuid(row.agent_owner_id),
            owner_name: row.display_name,
            team_slug: row.slug,
            team_name: row.name,
            role: role(&row.role)?,
            since: row.shared_at.to_jiff(),
        })
    }
}

/// Where a page of the agents of a team ends: the last agent on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct SharedPosition {
    pub(crate) shared_at: jiff::Timestamp,
    pub(crate) id: AgentId,
}

/// Lists at most `limit` of the agents that are shared with a team that somebody is in behind `after`, the
/// one that was shared last first.
#[tracing::instrument(name = "db.team_agent.list", skip_all, fields(user.id = %user, team.id = %team), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    (user, team): (UserId, TeamId),
    after: Option<SharedPosition>,
    limit: i64,
) -> sqlx::Result<Vec<Shared>> {
    let rows = sqlx::query_as!(
        SharedRow,
        r#"
        SELECT a.agent_id AS "agent_id!", a.agent_owner_id AS "agent_owner_id!",
               u.display_name AS "display_name!", t.slug AS "slug!", t.name AS "name!",
               m.role AS "role!", a.shared_at AS "shared_at!: Timestamp"
        FROM team_members m
        JOIN teams t ON t.team_id = m.team_id
        JOIN team_agents a ON a.team_id = m.team_id
        JOIN users u ON u.user_id = a.agent_owner_id
        WHERE m.user_id = $1 AND m.team_id = $2
          AND (a.shared_at, a.agent_id) < (coalesce($3::TIMESTAMPTZ, 'infinity'), $4)
        ORDER BY a.shared_at DESC, a.agent_id DESC
        LIMIT $5
        "#,
        user.as_uuid(),
        team.as_uuid(),
        after.map(|after| after.shared_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |after| after.id.as_uuid()),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Shared::try_from).collect()
}

/// Lists at most `limit` of the agents of others that somebody reaches through teams and that were made
/// before `before`, the newest first. One that comes by several teams stands there once, for the widest
/// role.
#[tracing::instrument(name = "db.team_agent.list_reached", skip_all, fields(user.id = %user), err(level = "debug"))]
pub(crate) async fn list_reached(
    conn: &mut PgConnection,
    user: UserId,
    before: Option<AgentId>,
    limit: i64,
) -> sqlx::Result<Vec<Shared>> {
    // Of each team no more are read than the page has room for.
    let rows = sqlx::query_as!(
        SharedRow,
        r#"
        SELECT s.agent_id AS "agent_id!", s.agent_owner_id AS "agent_owner_id!",
               u.display_name AS "display_name!", s.slug AS "slug!", s.name AS "name!",
               s.role AS "role!", s.shared_at AS "shared_at!: Timestamp"
        FROM (
            SELECT DISTINCT ON (a.agent_id)
                   a.agent_id, a.agent_owner_id, a.shared_at, t.slug, t.name, m.role
            FROM team_members m
            JOIN teams t ON t.team_id = m.team_id
            CROSS JOIN LATERAL (
                SELECT agent_id, agent_owner_id, shared_at
                FROM team_agents
                WHERE team_id = m.team_id AND agent_owner_id <> $1 AND agent_id < $2
                ORDER BY agent_id DESC
                LIMIT $3
            ) a
            WHERE m.user_id = $1
            ORDER BY a.agent_id DESC,
                     array_position(ARRAY['owner', 'admin', 'editor', 'runner', 'viewer'], m.role),
                     t.slug
            LIMIT $3
        ) s
        JOIN users u ON u.user_id = s.agent_owner_id
        ORDER BY s.agent_id DESC
        "#,
        user.as_uuid(),
        before.map_or(Uuid::max(), AgentId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Shared::try_from).collect()
}

/// The slugs of the teams that an agent is shared with.
#[tracing::instrument(name = "db.team_agent.list_teams", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list_teams(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        SELECT t.slug
        FROM team_agents a
        JOIN teams t ON t.team_id = a.team_id
        WHERE a.agent_id = $2 AND a.agent_owner_id = $1
        ORDER BY t.slug
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_all(conn)
    .await
}

/// How many agents are shared with a team.
#[tracing::instrument(name = "db.team_agent.count", skip_all, fields(team.id = %team), err(level = "debug"))]
pub(crate) async fn count(conn: &mut PgConnection, team: TeamId) -> sqlx::Result<u64> {
    let number = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM team_agents WHERE team_id = $1"#,
        team.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(unsigned(number))
}

/// Shares an agent with a team; one that is shared already stays so.
#[tracing::instrument(name = "db.team_agent.insert", skip_all, fields(team.id = %team, agent.id = %agent), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    team: TeamId,
    owner: UserId,
    agent: AgentId,
    now: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO team_agents (team_id, agent_id, agent_owner_id, shared_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (team_id, agent_id) DO NOTHING
        "#,
        team.as_uuid(),
        agent.as_uuid(),
        owner.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Shares an agent no more: of one owner where they are named, of anyone's otherwise. Answers whose it
/// is; `None` when it was not shared.
#[tracing::instrument(name = "db.team_agent.delete", skip_all, fields(team.id = %team, agent.id = %agent), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    team: TeamId,
    agent: AgentId,
    owner: Option<UserId>,
) -> sqlx::Result<Option<UserId>> {
    let whose = sqlx::query_scalar!(
        r#"
        DELETE FROM team_agents
        WHERE team_id = $1 AND agent_id = $2 AND ($3::UUID IS NULL OR agent_owner_id = $3)
        RETURNING agent_owner_id
        "#,
        team.as_uuid(),
        agent.as_uuid(),
        owner.map(UserId::as_uuid),
    )
    .fetch_optional(conn)
    .await?;
    Ok(whose.map(UserId::from_uuid))
}

/// Shares agents, each beside its owner, with nobody any more.
#[tracing::instrument(name = "db.team_agent.delete_of_agents", skip_all, err(level = "debug"))]
pub(crate) async fn delete_of_agents(
    conn: &mut PgConnection,
    agents: &[(UserId, AgentId)],
) -> sqlx::Result<()> {
    let (owners, ids): (Vec<Uuid>, Vec<Uuid>) =
        agents.iter().map(|(owner, id)| (owner.as_uuid(), id.as_uuid())).unzip();
    // No two owners have an agent of the same identity.
    sqlx::query!(
        "DELETE FROM team_agents WHERE agent_id = ANY($2) AND agent_owner_id = ANY($1)",
        &owners,
        &ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}
