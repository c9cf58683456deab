//! Sessions of others, which somebody may reach by way of a team.

use resonant_domain::{AgentId, SessionId, UserId};
use sqlx::PgConnection;

use crate::store::shards::Owners;

/// Whose a session is, and what else decides who reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfOthers {
    pub(crate) owner: UserId,
    pub(crate) agent: AgentId,
    pub(crate) started_by: Option<UserId>,
    pub(crate) is_test: bool,
}

/// Finds a session of any of these people, where this database has it.
#[tracing::instrument(name = "db.session.find_of_others", skip_all, fields(session.id = %id), err(level = "debug"))]
pub(crate) async fn find_of_others(
    conn: &mut PgConnection,
    people: &[UserId],
    id: SessionId,
    owners: Owners,
) -> sqlx::Result<Option<OfOthers>> {
    let people: Vec<_> = people.iter().map(|id| id.as_uuid()).collect();
    let row = sqlx::query!(
        r#"
        SELECT owner_id, agent_id, started_by, is_test
        FROM sessions
        WHERE owner_id = ANY($1) AND session_id = $2
          AND (NOT $3::BOOLEAN OR is_owner_held(owner_id))
        "#,
        &people,
        id.as_uuid(),
        owners.are_held(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| OfOthers {
        owner: UserId::from_uuid(row.owner_id),
        agent: AgentId::from_uuid(row.agent_id),
        started_by: row.started_by.map(UserId::from_uuid),
        is_test: row.is_test,
    }))
}
