//! The SQL of webhooks.

mod deliveries;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::webhook::Webhook;
use resonant_domain::{AgentId, UserId, WebhookId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

pub(crate) use self::deliveries::{
    Attempted, DeliveryPosition, Due, Waiting, claim, delete_over, list_deliveries, list_due,
    update_delivery, update_due,
};
use super::counted::{self, Counted};

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
    counted::lock(&mut *conn, Counted::Webhooks, owner).await?;
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
