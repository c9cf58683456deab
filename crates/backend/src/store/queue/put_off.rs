//! What is put off: sessions of an agent that is paused or archived. No worker takes them until it is active
//! again; one that a worker has goes on to its end, or until it is given back.
//!
//! They are parked, as those are that wait for a person, so that taking others costs what it did. Both may be
//! so of a session at the same time, and it goes on when neither is.

use resonant_domain::agent::AgentStatus;
use resonant_domain::{AgentId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::store::sessions;

/// Puts off the sessions of agents that have this status now, or lets them go on and wakes workers when the
/// transaction commits. The agents are locked: nobody starts another session of theirs meanwhile.
#[tracing::instrument(name = "db.queue.follow_status", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn follow_status(
    conn: &mut PgConnection,
    owner: UserId,
    agents: &[AgentId],
    status: AgentStatus,
) -> sqlx::Result<()> {
    let agents: Vec<_> = agents.iter().map(|id| id.as_uuid()).collect();
    match status {
        AgentStatus::Active => let_go_on(conn, owner, &agents).await,
        AgentStatus::Paused | AgentStatus::Archived => put_off(conn, owner, &agents).await,
    }
}

async fn put_off(conn: &mut PgConnection, owner: UserId, agents: &[Uuid]) -> sqlx::Result<()> {
    // Locked in the order in which all do who lock several.
    sqlx::query!(
        r#"
        WITH held AS (
            SELECT session_id
            FROM session_queue
            WHERE owner_id = $1 AND agent_id = ANY ($2) AND NOT is_put_off
            ORDER BY session_id
            FOR UPDATE
        )
        UPDATE session_queue q
        SET is_put_off = TRUE, is_parked = q.is_parked OR q.lease_until IS NULL
        FROM held
        WHERE q.owner_id = $1 AND q.session_id = held.session_id
        "#,
        owner.as_uuid(),
        agents,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn let_go_on(conn: &mut PgConnection, owner: UserId, agents: &[Uuid]) -> sqlx::Result<()> {
    let ids = sqlx::query_scalar!(
        r#"
        SELECT session_id
        FROM session_queue
        WHERE owner_id = $1 AND agent_id = ANY ($2) AND is_put_off
        ORDER BY session_id
        FOR UPDATE
        "#,
        owner.as_uuid(),
        agents,
    )
    .fetch_all(&mut *conn)
    .await?;
    if ids.is_empty() {
        return Ok(());
    }
    // Under their locks none of them begins to wait, or ends to.
    let waiting = sessions::list_waiting(&mut *conn, owner, &ids).await?;
    sqlx::query!(
        r#"
        WITH freed AS (
            UPDATE session_queue
            SET is_put_off = FALSE, is_parked = is_parked AND session_id = ANY ($3)
            WHERE owner_id = $1 AND session_id = ANY ($2)
            RETURNING session_id
        )
        SELECT pg_notify('resonant_queue', '') WHERE EXISTS (SELECT FROM freed)
        "#,
        owner.as_uuid(),
        &ids,
        &waiting,
    )
    .execute(conn)
    .await?;
    Ok(())
}
