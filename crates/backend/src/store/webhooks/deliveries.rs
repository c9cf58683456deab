//! The SQL of the messages to webhooks, and of what became of each.

use std::time::Duration;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::money::MicroUsd;
use resonant_domain::session::{Session, SessionState, Usage};
use resonant_domain::thumb::Thumb;
use resonant_domain::webhook::{Delivery, DeliveryState};
use resonant_domain::{DeliveryId, SessionId, UserId, WebhookId};
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::{Json, Uuid};

use crate::store::shards::Owners;
use crate::store::{by_owner, interval, known};

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
        SET attempts = d.attempts + 1, next_attempt_at = now() + $3, attempted_at = now()
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

/// Deletes at most `limit` messages that are over and were sent last longer ago than `kept`; answers how many.
#[tracing::instrument(name = "db.webhook.delete_over", skip_all, err(level = "debug"))]
pub(crate) async fn delete_over(
    conn: &mut PgConnection,
    kept: Duration,
    limit: i64,
    owners: Owners,
) -> sqlx::Result<u64> {
    let rows = sqlx::query!(
        r#"
        SELECT owner_id, delivery_id
        FROM webhook_deliveries
        WHERE next_attempt_at IS NULL
          AND coalesce(attempted_at, delivered_at, created_at) < now() - $1::INTERVAL
          AND (NOT $3::BOOLEAN OR is_owner_held(owner_id))
        ORDER BY coalesce(attempted_at, delivered_at, created_at)
        LIMIT $2
        "#,
        interval(kept),
        limit,
        owners.are_held(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut count = 0;
    for (owner, ids) in by_owner(rows.into_iter().map(|row| (row.owner_id, row.delivery_id))) {
        // One that its owner has just had sent again is not over any more.
        let done = sqlx::query!(
            r#"
            DELETE FROM webhook_deliveries
            WHERE owner_id = $1 AND delivery_id = ANY ($2) AND next_attempt_at IS NULL
              AND coalesce(attempted_at, delivered_at, created_at) < now() - $3::INTERVAL
            "#,
            owner,
            &ids,
            interval(kept),
        )
        .execute(&mut *conn)
        .await?;
        count += done.rows_affected();
    }
    Ok(count)
}
