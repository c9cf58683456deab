//! The SQL of triggers and webhooks.

use std::time::Duration;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::money::MicroUsd;
use resonant_domain::session::{Session, SessionState, Usage};
use resonant_domain::thumb::Thumb;
use resonant_domain::variable::Values;
use resonant_domain::webhook::{Delivery, DeliveryState, Trigger, Webhook};
use resonant_domain::{AgentId, DeliveryId, SessionId, TriggerId, UserId, WebhookId};
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use super::shards::Owners;
use super::{by_owner, interval, known};

/// A message that is due.
pub(crate) struct Due {
    pub(crate) owner_id: UserId,
    pub(crate) id: DeliveryId,
    pub(crate) webhook_id: WebhookId,
    pub(crate) session_id: SessionId,
    pub(crate) url: String,
    /// Counts this attempt.
    pub(crate) attempts: i32,
    /// How the session ended; `None`: a process of the release before has written the message.
    pub(crate) ended: Option<AsItEnded>,
}

/// What may change of a session once it is over, as it was at the end that a message tells of: the message
/// says the same however often it is sent, and whatever became of the session.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct AsItEnded {
    state: SessionState,
    reason: Option<String>,
    steps: u32,
    input_tokens: u64,
    output_tokens: u64,
    cost_micro_usd: i64,
    model: Option<String>,
    waited_ms: u64,
    last_sequence: i64,
    started_at: Option<jiff::Timestamp>,
    ended_at: Option<jiff::Timestamp>,
    thumb: Option<i16>,
    pins: Vec<i64>,
}

impl AsItEnded {
    /// The session as it was.
    pub(crate) fn of(self, session: Session) -> Session {
        Session {
            state: self.state,
            reason: self.reason,
            steps: self.steps,
            usage: Usage {
                input_tokens: self.input_tokens,
                output_tokens: self.output_tokens,
                cost: MicroUsd(self.cost_micro_usd),
            },
            model: self.model,
            waiting: None,
            waited_ms: self.waited_ms,
            last_sequence: self.last_sequence,
            started_at: self.started_at,
            ended_at: self.ended_at,
            thumb: self.thumb.and_then(Thumb::from_weight),
            pins: self.pins,
            ..session
        }
    }
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
pub(crate) async fn list_triggers(
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
pub(crate) async fn find_own_trigger(
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

/// Deletes a trigger, and tells what its agent is called; `None` when there was none.
#[tracing::instrument(name = "db.trigger.delete", skip_all, fields(trigger.id = %id), err(level = "debug"))]
pub(crate) async fn delete_trigger(
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

struct WebhookRow {
    webhook_id: Uuid,
    url: String,
    agent_id: Option<Uuid>,
    created_at: Timestamp,
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: WebhookId::from_uuid(row.webhook_id),
            url: row.url,
            agent_id: row.agent_id.map(AgentId::from_uuid),
            created_at: row.created_at.to_jiff(),
        }
    }
}

/// Lists at most `limit` of an owner's webhooks before `before`, the newest first.
#[tracing::instrument(name = "db.webhook.list", skip_all, fields(owner.id = %owner), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    before: Option<WebhookId>,
    limit: i64,
) -> sqlx::Result<Vec<Webhook>> {
    let rows = sqlx::query_as!(
        WebhookRow,
        r#"
        SELECT webhook_id, url, agent_id, created_at
        FROM webhooks
        WHERE owner_id = $1 AND webhook_id < $2
        ORDER BY webhook_id DESC
        LIMIT $3
        "#,
        owner.as_uuid(),
        before.map_or(Uuid::max(), WebhookId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Webhook::from).collect())
}

#[tracing::instrument(name = "db.webhook.find", skip_all, fields(webhook.id = %id), err(level = "debug"))]
pub(crate) async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: WebhookId,
) -> sqlx::Result<Option<Webhook>> {
    let row = sqlx::query_as!(
        WebhookRow,
        r#"
        SELECT webhook_id, url, agent_id, created_at
        FROM webhooks
        WHERE owner_id = $1 AND webhook_id = $2
        "#,
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Webhook::from))
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

/// Deletes a webhook with its log, and tells where its messages went; `None` when there was none.
#[tracing::instrument(name = "db.webhook.delete", skip_all, fields(webhook.id = %id), err(level = "debug"))]
pub(crate) async fn delete(
    conn: &mut PgConnection,
    owner: UserId,
    id: WebhookId,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "DELETE FROM webhooks WHERE owner_id = $1 AND webhook_id = $2 RETURNING url",
        owner.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(conn)
    .await
}

/// Where a page of messages ends: the last message on it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct DeliveryPosition {
    pub(crate) created_at: jiff::Timestamp,
    pub(crate) id: DeliveryId,
}

/// Lists at most `limit` messages of a webhook behind `after`, the newest first.
#[tracing::instrument(name = "db.webhook.list_deliveries", skip_all, fields(webhook.id = %webhook), err(level = "debug"))]
pub(crate) async fn list_deliveries(
    conn: &mut PgConnection,
    owner: UserId,
    webhook: WebhookId,
    after: Option<DeliveryPosition>,
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    let rows = sqlx::query!(
        r#"
        SELECT delivery_id, session_id, state, attempts,
               next_attempt_at AS "next_attempt_at: Timestamp", last_status, last_error,
               created_at, delivered_at AS "delivered_at: Timestamp"
        FROM webhook_deliveries
        WHERE owner_id = $1 AND webhook_id = $2
          AND (created_at, delivery_id) < (coalesce($3::TIMESTAMPTZ, 'infinity'), $4)
        ORDER BY created_at DESC, delivery_id DESC
        LIMIT $5
        "#,
        owner.as_uuid(),
        webhook.as_uuid(),
        after.map(|after| after.created_at.to_sqlx()) as Option<Timestamp>,
        after.map_or(Uuid::max(), |after| after.id.as_uuid()),
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

/// Makes a message due at once, with all its attempts before it where it was over; `false` when the webhook
/// has no such message.
#[tracing::instrument(name = "db.webhook.update_due", skip_all, fields(delivery.id = %id), err(level = "debug"))]
pub(crate) async fn update_due(
    conn: &mut PgConnection,
    owner: UserId,
    webhook: WebhookId,
    id: DeliveryId,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE webhook_deliveries
        SET attempts = CASE WHEN state = 'pending' THEN attempts ELSE 0 END,
            state = 'pending', next_attempt_at = now(), delivered_at = NULL
        WHERE owner_id = $1 AND webhook_id = $2 AND delivery_id = $3
        "#,
        owner.as_uuid(),
        webhook.as_uuid(),
        id.as_uuid(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// A message that may be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) owner_id: UserId,
    pub(crate) id: DeliveryId,
    pub(crate) webhook_id: WebhookId,
}

/// Lists the messages that have been due longest, but for those of some webhooks. Rows of one owner alone can
/// be locked in a cluster, so that they are found first and then taken. The database's clock alone tells
/// what is due.
#[tracing::instrument(name = "db.webhook.list_due", skip_all, err(level = "debug"))]
pub(crate) async fn list_due(
    conn: &mut PgConnection,
    but: &[WebhookId],
    limit: i64,
    owners: Owners,
) -> sqlx::Result<Vec<Waiting>> {
    let but: Vec<_> = but.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, delivery_id, webhook_id
        FROM webhook_deliveries
        WHERE next_attempt_at <= now() AND (NOT $2::BOOLEAN OR is_owner_held(owner_id))
          AND webhook_id <> ALL ($3)
        ORDER BY next_attempt_at
        LIMIT $1
        "#,
        limit,
        owners.are_held(),
        &but,
    )
    .fetch_all(conn)
    .await?;
    let waiting = rows.into_iter().map(|row| Waiting {
        owner_id: UserId::from_uuid(row.owner_id),
        id: DeliveryId::from_uuid(row.delivery_id),
        webhook_id: WebhookId::from_uuid(row.webhook_id),
    });
    Ok(waiting.collect())
}

/// Takes those of the messages that are still due and that no other process is taking, counts the attempt,
/// and keeps others from them for as long as `retaken_after`.
#[tracing::instrument(name = "db.webhook.claim", skip_all, err(level = "debug"))]
pub(crate) async fn claim(
    conn: &mut PgConnection,
    wanted: &[Waiting],
    retaken_after: Duration,
) -> sqlx::Result<Vec<Due>> {
    let wanted = wanted.iter().map(|due| (due.owner_id.as_uuid(), due.id.as_uuid()));
    let mut taken = Vec::new();
    for (owner, ids) in by_owner(wanted) {
        taken.extend(claim_of(&mut *conn, owner, &ids, retaken_after).await?);
    }
    Ok(taken)
}

async fn claim_of(
    conn: &mut PgConnection,
    owner: Uuid,
    ids: &[Uuid],
    retaken_after: Duration,
) -> sqlx::Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"
        WITH due AS (
            SELECT delivery_id
            FROM webhook_deliveries
            WHERE owner_id = $1 AND delivery_id = ANY ($2) AND next_attempt_at <= now()
            FOR UPDATE SKIP LOCKED
        )
        UPDATE webhook_deliveries d
        SET attempts = d.attempts + 1, next_attempt_at = now() + $3
        FROM due, webhooks w
        WHERE d.owner_id = $1 AND d.delivery_id = due.delivery_id
          AND w.owner_id = $1 AND w.webhook_id = d.webhook_id
        RETURNING d.owner_id, d.delivery_id, d.webhook_id, d.session_id, d.attempts, w.url,
                  d.ended AS "ended: Json<AsItEnded>"
        "#,
        owner,
        ids,
        interval(retaken_after),
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
            ended: row.ended.map(|Json(ended)| ended),
        })
        .collect())
}

/// Writes what came of an attempt, by its number. `false`: whoever made it was taken for lost, and another
/// has made the next one; or the message is gone.
#[tracing::instrument(name = "db.webhook.update_delivery", skip_all, fields(delivery.id = %id), err(level = "debug"))]
pub(crate) async fn update_delivery(
    conn: &mut PgConnection,
    (owner, id): (UserId, DeliveryId),
    attempt: i32,
    done: &Attempted,
) -> sqlx::Result<bool> {
    let is_delivered = done.state == DeliveryState::Delivered;
    let written = sqlx::query!(
        r#"
        UPDATE webhook_deliveries
        SET state = $3, last_status = $4, last_error = $5, next_attempt_at = now() + $6,
            delivered_at = $7
        WHERE owner_id = $1 AND delivery_id = $2 AND attempts = $8 AND state = 'pending'
        "#,
        owner.as_uuid(),
        id.as_uuid(),
        done.state.as_str(),
        done.status,
        done.error,
        done.wait.map(interval),
        is_delivered.then(|| done.at.to_sqlx()) as Option<Timestamp>,
        attempt,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected() > 0)
}
