//! The SQL of triggers and webhooks.

use std::time::Duration;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::variable::Values;
use resonant_domain::webhook::{Delivery, DeliveryState, Trigger, Webhook};
use resonant_domain::{AgentId, DeliveryId, SessionId, TriggerId, UserId, WebhookId};
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::shards::Owners;
use super::{interval, known};

/// A message that is due.
pub(crate) struct Due {
    pub(crate) owner_id: UserId,
    pub(crate) id: DeliveryId,
    pub(crate) webhook_id: WebhookId,
    pub(crate) session_id: SessionId,
    pub(crate) url: String,
    /// Counts this attempt.
    pub(crate) attempts: i32,
}

/// What came of an attempt.
pub(crate) struct Attempted {
    pub(crate) state: DeliveryState,
    pub(crate) status: Option<i32>,
    pub(crate) error: Option<String>,
    pub(crate) at: jiff::Timestamp,
    /// How long the message then waits for its next attempt; `None`: there is none.
    pub(crate) wait: Option<Duration>,
}

/// Lists an owner's triggers, the newest first.
#[tracing::instrument(name = "db.trigger.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list_triggers(
    conn: &mut PgConnection,
    owner: UserId,
) -> sqlx::Result<Vec<Trigger>> {
    let rows = sqlx::query!(
        r#"
        SELECT trigger_id, agent_id, goal, variables AS "variables: Json<Values>", created_at,
               last_used_at AS "last_used_at: Timestamp"
        FROM triggers
        WHERE owner_id = $1
        ORDER BY trigger_id DESC
        "#,
        owner.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let id = TriggerId::from_uuid(row.trigger_id);
            Trigger {
                id,
                agent_id: AgentId::from_uuid(row.agent_id),
                goal: row.goal,
                variables: row.variables.0,
                path: Trigger::path_of(owner, id),
                created_at: row.created_at.to_jiff(),
                last_used_at: row.last_used_at.map(Timestamp::to_jiff),
            }
        })
        .collect())
}

/// The agent, the goal and the variables of a trigger.
#[tracing::instrument(name = "db.trigger.find", skip_all, fields(trigger.id = %id), err(level = "debug"))]
pub(crate) async fn find_trigger(
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
pub(crate) async fn insert_trigger(
    conn: &mut PgConnection,
    owner: UserId,
    trigger: &Trigger,
    max: i64,
) -> sqlx::Result<bool> {
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

/// Deletes a trigger; `false` when there was none.
#[tracing::instrument(name = "db.trigger.delete", skip_all, fields(trigger.id = %id), err(level = "debug"))]
pub(crate) async fn delete_trigger(
    conn: &mut PgConnection,
    owner: UserId,
    id: TriggerId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM triggers WHERE owner_id = $1 AND trigger_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
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

/// Lists an owner's webhooks, the newest first.
#[tracing::instrument(name = "db.webhook.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(conn: &mut PgConnection, owner: UserId) -> sqlx::Result<Vec<Webhook>> {
    let rows = sqlx::query!(
        r#"
        SELECT webhook_id, url, agent_id, created_at
        FROM webhooks
        WHERE owner_id = $1
        ORDER BY webhook_id DESC
        "#,
        owner.as_uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Webhook {
            id: WebhookId::from_uuid(row.webhook_id),
            url: row.url,
            agent_id: row.agent_id.map(AgentId::from_uuid),
            created_at: row.created_at.to_jiff(),
        })
        .collect())
}

/// Keeps a webhook unless its owner has `max` of them already: then `false`.
#[tracing::instrument(name = "db.webhook.insert", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    owner: UserId,
    webhook: &Webhook,
    max: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        INSERT INTO webhooks (owner_id, webhook_id, url, agent_id, created_at)
        SELECT $1, $2, $3, $4, $5
        WHERE (SELECT count(*) FROM webhooks WHERE owner_id = $1) < $6
        "#,
        owner.as_uuid(),
        webhook.id.as_uuid(),
        webhook.url,
        webhook.agent_id.map(AgentId::as_uuid) as Option<Uuid>,
        webhook.created_at.to_sqlx() as Timestamp,
        max,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes a webhook with its log; `false` when there was none.
#[tracing::instrument(name = "db.webhook.delete", skip_all, fields(webhook.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    id: WebhookId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM webhooks WHERE owner_id = $1 AND webhook_id = $2",
        owner.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lists the newest messages of a webhook; `None` when there is no such webhook.
#[tracing::instrument(name = "db.webhook.list_deliveries", skip_all, fields(webhook.id = %webhook), err(level = "debug"))]
pub(crate) async fn list_deliveries(
    conn: &mut PgConnection,
    owner: UserId,
    webhook: WebhookId,
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query!(
        r#"
        SELECT delivery_id, session_id, state, attempts,
               next_attempt_at AS "next_attempt_at: Timestamp", last_status, last_error,
               created_at, delivered_at AS "delivered_at: Timestamp"
        FROM webhook_deliveries
        WHERE owner_id = $1 AND webhook_id = $2
        ORDER BY created_at DESC, delivery_id
        LIMIT $3
        "#,
        owner.as_uuid(),
        webhook.as_uuid(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Delivery {
                id: DeliveryId::from_uuid(row.delivery_id),
                webhook_id: webhook,
                session_id: SessionId::from_uuid(row.session_id),
                state: known(DeliveryState::parse(&row.state), "state")?,
                attempts: row.attempts,
                next_attempt_at: row.next_attempt_at.map(Timestamp::to_jiff),
                last_status: row.last_status,
                last_error: row.last_error,
                created_at: row.created_at.to_jiff(),
                delivered_at: row.delivered_at.map(Timestamp::to_jiff),
            })
        })
        .collect()
}

/// Takes messages that are due, counts the attempt, and keeps others from them for as long as
/// `retaken_after`. The database's clock alone tells what is due.
#[tracing::instrument(name = "db.webhook.claim_due", skip_all, err(level = "debug"))]
pub(crate) async fn claim_due(
    conn: &mut PgConnection,
    retaken_after: Duration,
    limit: i64,
    owners: Owners,
) -> sqlx::Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"
        WITH due AS (
            SELECT owner_id, delivery_id
            FROM webhook_deliveries
            WHERE next_attempt_at <= now() AND (NOT $3::BOOLEAN OR is_owner_held(owner_id))
            ORDER BY next_attempt_at
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        UPDATE webhook_deliveries d
        SET attempts = d.attempts + 1, next_attempt_at = now() + $1
        FROM due, webhooks w
        WHERE d.owner_id = due.owner_id AND d.delivery_id = due.delivery_id
          AND w.owner_id = d.owner_id AND w.webhook_id = d.webhook_id
        RETURNING d.owner_id, d.delivery_id, d.webhook_id, d.session_id, d.attempts, w.url
        "#,
        interval(retaken_after),
        limit,
        owners.are_held(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            owner_id: UserId::from_uuid(row.owner_id),
            id: DeliveryId::from_uuid(row.delivery_id),
            webhook_id: WebhookId::from_uuid(row.webhook_id),
            session_id: SessionId::from_uuid(row.session_id),
            url: row.url,
            attempts: row.attempts,
        })
        .collect())
}

/// Writes what came of an attempt.
#[tracing::instrument(name = "db.webhook.update_delivery", skip_all, fields(delivery.id = %id), err(level = "debug"))]
pub(crate) async fn update_delivery(
    conn: &mut PgConnection,
    owner: UserId,
    id: DeliveryId,
    done: &Attempted,
) -> sqlx::Result<()> {
    let is_delivered = done.state == DeliveryState::Delivered;
    sqlx::query!(
        r#"
        UPDATE webhook_deliveries
        SET state = $3, last_status = $4, last_error = $5, next_attempt_at = now() + $6,
            delivered_at = $7
        WHERE owner_id = $1 AND delivery_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        done.state.as_str(),
        done.status,
        done.error,
        done.wait.map(interval),
        is_delivered.then(|| done.at.to_sqlx()) as Option<Timestamp>,
    )
    .execute(conn)
    .await?;
    Ok(())
}
