//! The SQL of agents by their ids alone, for those who operate the installation.

use resonant_domain::slo::NamedAgent;
use resonant_domain::{AgentId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::shards::Owners;

/// An agent's name and whose it is.
pub(crate) struct AgentName {
    owner_id: Uuid,
    agent_id: Uuid,
    name: String,
}

/// Lists the names of those of the agents that this database holds.
#[tracing::instrument(name = "db.agent_name.list", skip_all, err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    ids: &[AgentId],
    owners: Owners,
) -> sqlx::Result<Vec<AgentName>> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query_as!(
        AgentName,
        r#"
        SELECT owner_id, agent_id, name
        FROM agents
        WHERE agent_id = ANY($1) AND (NOT $2::BOOLEAN OR is_owner_held(owner_id))
        "#,
        &ids,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await
}

/// Adds to the names what the first database knows: what their owners are called, and as what they are
/// published.
#[tracing::instrument(name = "db.agent_name.list_published", skip_all, err(level = "debug"))]
pub(crate) async fn list_published(
    conn: &mut PgConnection,
    names: &[AgentName],
) -> sqlx::Result<Vec<NamedAgent>> {
    let owners: Vec<_> = names.iter().map(|name| name.owner_id).collect();
    let agents: Vec<_> = names.iter().map(|name| name.agent_id).collect();
    let rows = sqlx::query!(
        r#"
        SELECT agent.owner_id AS "owner_id!", agent.agent_id AS "agent_id!",
               coalesce(u.display_name, '') AS "owner!", l.slug AS "slug?"
        FROM unnest($1::UUID[], $2::UUID[]) AS agent (owner_id, agent_id)
        LEFT JOIN users u ON u.user_id = agent.owner_id
        LEFT JOIN listings l
          ON l.publisher_id = agent.owner_id AND l.agent_id = agent.agent_id
         AND l.state = 'published'
        "#,
        &owners,
        &agents,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let name = names.iter().find(|name| name.agent_id == row.agent_id)?;
            Some(NamedAgent {
                id: AgentId::from_uuid(row.agent_id),
                name: name.name.clone(),
                owner_id: UserId::from_uuid(row.owner_id),
                owner: row.owner,
                listing: row.slug,
            })
        })
        .collect())
}
