//! The SQL of what happened to alerts, and of the messages that tell of it.

use std::time::Duration;

use jiff_sqlx::{Timestamp, ToSqlx as _};
use resonant_domain::alert::{AlertDelivery, AlertEvent, AlertEventKind, Channel, ChannelKind};
use resonant_domain::webhook::DeliveryState;
use resonant_domain::{AlertEventId, AlertId, DeliveryId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::webhooks::Attempted;
use super::{interval, known};

/// What happened, to be noted.
pub(crate) struct NewEvent<'a> {
    pub(crate) id: AlertEventId,
    pub(crate) kind: AlertEventKind,
    pub(crate) at: jiff::Timestamp,
    pub(crate) text: &'a str,
    pub(crate) by: Option<UserId>,
}

/// Notes what happened.
#[tracing::instrument(name = "db.alert_event.insert", skip_all, fields(alert.id = %alert), err(level = "debug"))]
pub(crate) async fn insert(
    conn: &mut PgConnection,
    alert: AlertId,
    event: &NewEvent<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO alert_events (alert_id, event_id, kind, at, text, user_id)
        VALUES ($1, $2, $3, $4, $5, $6)
        "#,
        alert.as_uuid(),
        event.id.as_uuid(),
        event.kind.as_str(),
        event.at.to_sqlx() as Timestamp,
        event.text,
        event.by.map(UserId::as_uuid) as Option<Uuid>,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether something is noted under this identity.
#[tracing::instrument(name = "db.alert_event.exists", skip_all, fields(alert.id = %alert), err(level = "debug"))]
pub(crate) async fn exists(
    conn: &mut PgConnection,
    alert: AlertId,
    id: AlertEventId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM alert_events WHERE alert_id = $1 AND event_id = $2
        ) AS "exists!"
        "#,
        alert.as_uuid(),
        id.as_uuid(),
    )
    .fetch_one(conn)
    .await
}

/// Lists at most `limit` of what happened to an alert before `before`, the newest first.
#[tracing::instrument(name = "db.alert_event.list", skip_all, fields(alert.id = %alert), err(level = "debug"))]
pub(crate) async fn list(
    conn: &mut PgConnection,
    alert: AlertId,
    before: Option<AlertEventId>,
    limit: i64,
) -> sqlx::Result<Vec<AlertEvent>> {
    let rows = sqlx::query!(
        r#"
        SELECT e.event_id, e.kind, e.at AS "at: Timestamp", e.text,
               u.display_name AS "display_name?"
        FROM alert_events e
        LEFT JOIN users u ON u.user_id = e.user_id
        WHERE e.alert_id = $1 AND e.event_id < $2
        ORDER BY e.event_id DESC
        LIMIT $3
        "#,
        alert.as_uuid(),
        before.map_or(Uuid::max(), AlertEventId::as_uuid),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AlertEvent {
                id: AlertEventId::from_uuid(row.event_id),
                kind: known(AlertEventKind::parse(&row.kind), "kind")?,
                at: row.at.to_jiff(),
                text: row.text,
                by: row.display_name,
            })
        })
        .collect()
}

/// Forgets what happened before an instant, with its messages.
#[tracing::instrument(name = "db.alert_event.delete_before", skip_all, err(level = "debug"))]
pub(crate) async fn delete_before(
    conn: &mut PgConnection,
    before: jiff::Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM alert_events WHERE at < $1", before.to_sqlx() as Timestamp)
        .execute(conn)
        .await?;
    Ok(())
}

/// A message, to be sent at once.
pub(crate) struct NewDelivery<'a> {
    pub(crate) id: DeliveryId,
    pub(crate) event: AlertEventId,
    pub(crate) position: i32,
    pub(crate) channel: &'a Channel,
    pub(crate) body: &'a str,
    pub(crate) at: jiff::Timestamp,
}

/// Writes a message that is due.
#[tracing::instrument(name = "db.alert_event.insert_delivery", skip_all, fields(alert.id = %alert), err(level = "debug"))]
pub(crate) async fn insert_delivery(
    conn: &mut PgConnection,
    alert: AlertId,
    new: &NewDelivery<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO alert_deliveries (delivery_id, alert_id, event_id, position, channel, url, body,
                                      next_attempt_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, now(), $8)
        "#,
        new.id.as_uuid(),
        alert.as_uuid(),
        new.event.as_uuid(),
        new.position,
        new.channel.kind.as_str(),
        new.channel.address(),
        new.body,
        new.at.to_sqlx() as Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets messages of an alert go at once that these addresses did not take and that would wait for longer than
/// one may be under way: something newer waits behind them, and whoever had it sent may know that the address
/// answers again. Such an attempt is one more than those after which a message is given up: however often an
/// alert fires, none is given up the sooner. What was taken after this transaction began is under way too: a
/// transaction is over within `most`.
#[tracing::instrument(name = "db.alert_event.hasten", skip_all, fields(alert.id = %alert), err(level = "debug"))]
pub(crate) async fn hasten(
    conn: &mut PgConnection,
    alert: AlertId,
    urls: &[String],
    under_way: Duration,
    most: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"
        UPDATE alert_deliveries
        SET next_attempt_at = now(), attempts = greatest(attempts - 1, 0)
        WHERE alert_id = $1 AND url = ANY($2) AND next_attempt_at > now() + $3
        "#,
        alert.as_uuid(),
        urls,
        interval(under_way + most),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a page of messages ends: the event of the last one and its place among that one's.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct DeliveryPosition {
    pub(crate) event: AlertEventId,
    pub(crate) position: i32,
}

/// Lists at most `limit` messages of an alert behind `after`, the newest first, with where each stands.
#[tracing::instrument(name = "db.alert_event.list_deliveries", skip_all, fields(alert.id = %alert), err(level = "debug"))]
pub(crate) async fn list_deliveries(
    conn: &mut PgConnection,
    alert: AlertId,
    after: Option<DeliveryPosition>,
    limit: i64,
) -> sqlx::Result<Vec<(AlertDelivery, DeliveryPosition)>> {
    let rows = sqlx::query!(
        r#"
        SELECT d.delivery_id, d.event_id, d.position, e.kind, d.channel, d.url, d.state, d.attempts,
               d.next_attempt_at AS "next_attempt_at: Timestamp", d.last_status, d.last_error,
               d.created_at AS "created_at: Timestamp", d.delivered_at AS "delivered_at: Timestamp"
        FROM alert_deliveries d
        JOIN alert_events e ON e.alert_id = d.alert_id AND e.event_id = d.event_id
        WHERE d.alert_id = $1 AND d.event_id <= $2 AND (d.event_id < $2 OR d.position > $3)
        ORDER BY d.event_id DESC, d.position
        LIMIT $4
        "#,
        alert.as_uuid(),
        after.map_or(Uuid::max(), |after| after.event.as_uuid()),
        after.map_or(-1, |after| after.position),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = known(ChannelKind::parse(&row.channel), "channel")?;
            let event = AlertEventId::from_uuid(row.event_id);
            let position = DeliveryPosition { event, position: row.position };
            let delivery = AlertDelivery {
                id: DeliveryId::from_uuid(row.delivery_id),
                event: known(AlertEventKind::parse(&row.kind), "kind")?,
                channel: Channel::new(kind, row.url),
                state: known(DeliveryState::parse(&row.state), "state")?,
                attempts: row.attempts,
                next_attempt_at: row.next_attempt_at.map(Timestamp::to_jiff),
                last_status: row.last_status,
                last_error: row.last_error,
                created_at: row.created_at.to_jiff(),
                delivered_at: row.delivered_at.map(Timestamp::to_jiff),
            };
            Ok((delivery, position))
        })
        .collect()
}

/// A message that is due.
pub(crate) struct Due {
    pub(crate) id: DeliveryId,
    pub(crate) alert: AlertId,
    pub(crate) channel: Channel,
    pub(crate) body: String,
    /// Counts this attempt.
    pub(crate) attempts: i32,
}

/// Takes messages that are due, of all alerts or of the one that is named, counts the attempt, and
/// keeps others from them for as long as `retaken_after`. One that an earlier message to the same
/// channel waits before waits too: no end overtakes its beginning. The database's clock alone tells
/// what is due.
#[tracing::instrument(name = "db.alert_event.claim_due", skip_all, err(level = "debug"))]
pub(crate) async fn claim_due(
    conn: &mut PgConnection,
    alert: Option<AlertId>,
    retaken_after: Duration,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"
        WITH due AS (
            SELECT d.delivery_id
            FROM alert_deliveries d
            WHERE d.next_attempt_at <= now() AND ($3::UUID IS NULL OR d.alert_id = $3)
              AND NOT EXISTS (
                  SELECT FROM alert_deliveries earlier
                  WHERE earlier.alert_id = d.alert_id AND earlier.event_id < d.event_id
                    AND earlier.url = d.url AND earlier.next_attempt_at IS NOT NULL
              )
            ORDER BY d.next_attempt_at
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        UPDATE alert_deliveries d
        SET attempts = d.attempts + 1, next_attempt_at = now() + $1
        FROM due
        WHERE d.delivery_id = due.delivery_id
        RETURNING d.delivery_id, d.alert_id, d.channel, d.url, d.body, d.attempts
        "#,
        interval(retaken_after),
        limit,
        alert.map(AlertId::as_uuid) as Option<Uuid>,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = known(ChannelKind::parse(&row.channel), "channel")?;
            Ok(Due {
                id: DeliveryId::from_uuid(row.delivery_id),
                alert: AlertId::from_uuid(row.alert_id),
                channel: Channel::new(kind, row.url),
                body: row.body,
                attempts: row.attempts,
            })
        })
        .collect()
}

/// Writes what came of an attempt, unless a later one has begun.
#[tracing::instrument(name = "db.alert_event.update_delivery", skip_all, fields(delivery.id = %id), err(level = "debug"))]
pub(crate) async fn update_delivery(
    conn: &mut PgConnection,
    id: DeliveryId,
    attempts: i32,
    done: &Attempted,
) -> sqlx::Result<()> {
    let is_delivered = done.state == DeliveryState::Delivered;
    sqlx::query!(
        r#"
        UPDATE alert_deliveries
        SET state = $3, last_status = $4, last_error = $5, next_attempt_at = now() + $6,
            delivered_at = $7
        WHERE delivery_id = $1 AND (attempts = $2 OR $8)
        "#,
        id.as_uuid(),
        attempts,
        done.state.as_str(),
        done.status,
        done.error,
        done.wait.map(interval),
        is_delivered.then(|| done.at.to_sqlx()) as Option<Timestamp>,
        is_delivered,
    )
    .execute(conn)
    .await?;
    Ok(())
}
