//! The SQL of published versions.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::agent::AgentSpec;
use resonant_domain::agent_version::{AgentVersion, VersionSummary};
use resonant_domain::{AgentId, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;

/// A version's number as the store keeps it.
pub(crate) fn stored(version: u32) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

/// A version's number as the store gave it back; a CHECK constraint keeps it above zero.
pub(crate) fn number(version: i32) -> u32 {
    u32::try_from(version).unwrap_or(0)
}

/// Writes down a version of an agent that is locked, and makes it the one that runs.
#[tracing::instrument(name = "db.agent_version.insert", skip_all, fields(agent.id = %version.agent_id), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    version: &AgentVersion,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH written AS (
            INSERT INTO agent_versions (owner_id, agent_id, version, spec, notes, created_at)
            VALUES ($1, $2, $3, $4, $5, $6)
        )
        UPDATE agents SET published_version = $3 WHERE owner_id = $1 AND agent_id = $2
        "#,
        owner.as_uuid(),
        version.agent_id.as_uuid(),
        stored(version.version),
        Json(&version.spec) as _,
        version.notes,
        version.created_at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The number of the version that runs; `None` when none was published or there is no such agent.
#[tracing::instrument(name = "db.agent_version.find_published", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_published(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<Option<u32>> {
    let published = sqlx::query_scalar!(
        "SELECT published_version FROM agents WHERE owner_id = $1 AND agent_id = $2",
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(published.flatten().map(number))
}

/// The highest number that a version of the agent has; 0 without any.
#[tracing::instrument(name = "db.agent_version.find_last", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find_last(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> sqlx::Result<u32> {
    let last = sqlx::query_scalar!(
        r#"
        SELECT coalesce(max(version), 0) AS "last!"
        FROM agent_versions
        WHERE owner_id = $1 AND agent_id = $2
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(number(last))
}

/// Which wide columns are read. The others are left empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) spec: bool,
    pub(crate) notes: bool,
}

impl Wide {
    /// All that a version is.
    pub(crate) const WHOLE: Self = Self { spec: true, notes: true };
}

#[tracing::instrument(name = "db.agent_version.find", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    version: u32,
    wide: Wide,
) -> sqlx::Result<Option<AgentVersion>> {
    let row = sqlx::query!(
        r#"
        SELECT version, CASE WHEN $4 THEN spec END AS "spec?: Json<AgentSpec>",
               CASE WHEN $5 THEN notes ELSE '' END AS "notes!", created_at
        FROM agent_versions
        WHERE owner_id = $1 AND agent_id = $2 AND version = $3
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        stored(version),
        wide.spec,
        wide.notes,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| AgentVersion {
        agent_id: agent,
        version: number(row.version),
        notes: row.notes,
        created_at: row.created_at.to_jiff(),
        spec: row.spec.map(|spec| spec.0).unwrap_or_default(),
    }))
}

/// Lists at most `limit` versions with a number below `before`, the newest first.
#[tracing::instrument(name = "db.agent_version.list", skip_all, fields(agent.id = %agent), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
    before: Option<u32>,
    limit: i64,
) -> sqlx::Result<Vec<VersionSummary>> {
    let rows = sqlx::query!(
        r#"
        SELECT version, notes, created_at
        FROM agent_versions
        WHERE owner_id = $1 AND agent_id = $2 AND version < $3
        ORDER BY version DESC
        LIMIT $4
        "#,
        owner.as_uuid(),
        agent.as_uuid(),
        before.map_or(i32::MAX, stored),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| VersionSummary {
            version: number(row.version),
            notes: row.notes,
            created_at: row.created_at.to_jiff(),
        })
        .collect())
}
