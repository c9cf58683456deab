//! What is not in the queue and should be, and what is and should not.

use resonant_domain::agent::AgentStatus;
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;

use super::{delete, lock};
use crate::store::shards::Owners;
use crate::store::{agents, sessions};

/// Queues again what should be in the queue and is not: sessions that are not over without a row of
/// their own. Those of an agent that is paused are put off. Answers how many.
#[tracing::instrument(name = "db.queue.insert_orphans", skip_all, err(level = "debug"))]
pub(crate) async fn insert_orphans(conn: &mut PgConnection, owners: Owners) -> sqlx::Result<u64> {
    let mut count = 0;
    for (owner, id) in list_orphans(&mut *conn, owners).await? {
        // Looked at again, since the nodes of a cluster are not read at one instant.
        if let Some(open) = sessions::find_open(&mut *conn, owner, id).await? {
            count += insert_again(&mut *conn, (owner, id), open).await?;
        }
    }
    Ok(count)
}

async fn list_orphans(
    conn: &mut PgConnection,
    owners: Owners,
) -> sqlx::Result<Vec<(UserId, SessionId)>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id AS "owner_id!", session_id AS "session_id!"
        FROM sessions
        WHERE ended_at IS NULL AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        EXCEPT
        SELECT owner_id, session_id FROM session_queue
        LIMIT 1000
        "#,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    let ids = rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.owner_id), SessionId::from_uuid(row.session_id)));
    Ok(ids.collect())
}

async fn insert_again(
    conn: &mut PgConnection,
    (owner, id): (UserId, SessionId),
    open: sessions::Open,
) -> sqlx::Result<u64> {
    let agent = agents::find(&mut *conn, owner, open.agent_id).await?;
    let is_put_off = agent.is_some_and(|agent| agent.status != AgentStatus::Active);
    let done = sqlx::query!(
        r#"
        INSERT INTO session_queue (owner_id, session_id, agent_id, run_at, fence, is_parked, priority,
                                   is_put_off)
        VALUES ($1, $2, $3, now(), nextval('session_fence_seq'), $4, $5, $6)
        ON CONFLICT (owner_id, session_id) DO NOTHING
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        open.agent_id.as_uuid(),
        open.is_waiting || is_put_off,
        open.priority,
        is_put_off,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Takes out of the queue what should not be in it: entries of sessions that are over or gone. Answers how
/// many.
#[tracing::instrument(name = "db.queue.delete_left", skip_all, err(level = "debug"))]
pub(crate) async fn delete_left(conn: &mut PgConnection, owners: Owners) -> sqlx::Result<u64> {
    let mut count = 0;
    for (owner, id) in list_left(&mut *conn, owners).await? {
        let Some(held) = lock(&mut *conn, owner, id).await? else { continue };
        // Looked at again, since the nodes of a cluster are not read at one instant.
        if sessions::find_open(&mut *conn, owner, id).await?.is_none() {
            delete(&mut *conn, (owner, id, held.fence)).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Entries without a session that is open, but for those that have come only now: in a cluster theirs may
/// not be seen yet.
async fn list_left(
    conn: &mut PgConnection,
    owners: Owners,
) -> sqlx::Result<Vec<(UserId, SessionId)>> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id AS "owner_id!", session_id AS "session_id!"
        FROM session_queue
        WHERE coalesce(lease_until, run_at) < now() - INTERVAL '1 minute'
          AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        EXCEPT
        SELECT owner_id, session_id
        FROM sessions
        WHERE ended_at IS NULL AND (NOT $1::BOOLEAN OR is_owner_held(owner_id))
        LIMIT 1000
        "#,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    let ids = rows
        .into_iter()
        .map(|row| (UserId::from_uuid(row.owner_id), SessionId::from_uuid(row.session_id)));
    Ok(ids.collect())
}
