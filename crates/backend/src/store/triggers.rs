//! The SQL of triggers.

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::variable::Values;
use resonant_domain::webhook::Trigger;
use resonant_domain::{AgentId, SessionId, TriggerId, UserId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::counted::{self, Counted};

struct TriggerRow {
    trigger_id: Uuid,
    agent_id: Uuid,
    goal: String,
    variables: Json<Values>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl TriggerRow {
    fn of(self, owner: UserId) -> Trigger {
        let id = TriggerId::from_uuid(self.trigger_id);
        Trigger {
            id,
            agent_id: AgentId::from_uuid(self.agent_id),
            goal: self.goal,
            variables: self.variables.0,
            path: Trigger::path_of(owner, id),
            created_at: self.created_at.to_jiff(),
            last_used_at: self.last_used_at.map(Timestamp::to_jiff),
        }
    }
}

/// Lists at most `limit` of an owner's triggers before `before`, the newest first.
#[tracing::instrument(name = "db.trigger.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    before: Option<TriggerId>,
    limit: i64,
) -> sqlx::Result<Vec<Trigger>> {
    let rows = sqlx::query_as!(
        TriggerRow,
        r#"
        SELECT trigger_id, agent_id, goal, variables AS "variables: Json<Values>", created_at,
               last_used_at
        FROM triggers
        WHERE owner_id = $1 AND trigger_id < $2
        ORDER BY trigger_id DESC
        LIMIT $3
        "#,
        owner.as_uuid(),
        before.map_or(Uuid::max(), TriggerId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.of(owner)).collect())
}

/// A trigger as its owner sees it.
#[tracing::instrument(name = "db.trigger.find_own", skip_all, fields(trigger.id = %id), err(level = "debug"))]
pub(crate) async fn find_own(
    conn: &mut PgConnection,
    owner: UserId,
    id: TriggerId,
) -> sqlx::Result<Option<Trigger>> {
    let row = sqlx::query_as!(
        TriggerRow,
        r#"
        SELECT trigger_id, agent_id, goal, variables AS "variables: Json<Values>", created_at,
               last_used_at
        FROM triggers
        WHERE owner_id = $1 AND trigger_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.of(owner)))
}

/// The agent, the goal and the variables of a trigger.
#[tracing::instrument(name = "db.trigger.find", skip_all, fields(trigger.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: TriggerId,
) -> sqlx::Result<Option<(AgentId, String, Values)>> {
    let row = sqlx::query!(
        r#"
        SELECT agent_id, goal, variables AS "variables: Json<Values>"
        FROM triggers
        WHERE owner_id = $1 AND trigger_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (AgentId::from_uuid(row.agent_id), row.goal, row.variables.0)))
}

/// Keeps a trigger unless its owner has `max` of them already: then `false`.
#[tracing::instrument(name = "db.trigger.insert", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    trigger: &Trigger,
    max: i64,
) -> sqlx::Result<bool> {
    counted::lock(&mut *conn, Counted::Triggers, owner).await?;
    let done = sqlx::query!(
        r#"
        INSERT INTO triggers (owner_id, trigger_id, agent_id, goal, created_at, variables)
        SELECT $1, $2, $3, $4, $5, $7
        WHERE (SELECT count(*) FROM triggers WHERE owner_id = $1) < $6
        "#,
        owner.as_uuid(),
        trigger.id.as_uuid(),
        trigger.agent_id.as_uuid(),
        trigger.goal,
        trigger.created_at.to_sqlx() as Timestamp,
        max,
        Json(&trigger.variables) as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes a trigger, and tells what its agent is called; `None` when there was none.
#[tracing::instrument(name = "db.trigger.delete", skip_all, fields(trigger.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    id: TriggerId,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        r#"
        WITH gone AS (
            DELETE FROM triggers WHERE owner_id = $1 AND trigger_id = $2 RETURNING agent_id
        )
        SELECT coalesce(a.name, '') AS "name!"
        FROM gone LEFT JOIN agents a ON a.owner_id = $1 AND a.agent_id = gone.agent_id
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Notes a message under the session that it will start, unless it was taken before: then the
/// session that it started.
#[tracing::instrument(name = "db.trigger.insert_message", skip_all, fields(trigger.id = %trigger), err(level = "debug"))]
pub(crate) async fn insert_message(
    conn: &mut PgConnection,
    (owner, trigger): (UserId, TriggerId),
    message: &str,
    session: SessionId,
    now: jiff::Timestamp,
) -> sqlx::Result<SessionId> {
    // The update changes nothing; it makes the row of whoever came first visible to RETURNING.
    let id = sqlx::query_scalar!(
        r#"
        INSERT INTO trigger_messages (owner_id, trigger_id, message_id, session_id, received_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (owner_id, trigger_id, message_id)
            DO UPDATE SET message_id = trigger_messages.message_id
        RETURNING session_id
        "#,
        owner.as_uuid(),
        trigger.as_uuid(),
        message,
        session.as_uuid(),
        now.to_sqlx() as Timestamp,
    )
    .fetch_one(conn)
    .await?;
    Ok(SessionId::from_uuid(id))
}

/// Writes when a trigger was used last and forgets the messages that nobody may send again.
#[tracing::instrument(name = "db.trigger.update_used", skip_all, fields(trigger.id = %trigger), err(level = "debug"))]
pub(crate) async fn update_used(
    conn: &mut PgConnection,
    (owner, trigger): (UserId, TriggerId),
    now: jiff::Timestamp,
    forget_before: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        WITH forgotten AS (
            DELETE FROM trigger_messages
            WHERE owner_id = $1 AND trigger_id = $2 AND received_at < $4
        )
        UPDATE triggers SET last_used_at = $3 WHERE owner_id = $1 AND trigger_id = $2
        "#,
        owner.as_uuid(),
        trigger.as_uuid(),
        now.to_sqlx() as Timestamp,
        forget_before.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}
