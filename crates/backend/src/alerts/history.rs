//! What happened to an alert, and who was told.

use resonant_domain::alert::{Alert, AlertDelivery, AlertEvent};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::{AlertEventId, AlertId};
use sqlx::PgConnection;

use super::{NOT_FOUND, get, key_of, may_read, shown};
use crate::cursor::Cursors;
use crate::store::alert_events::DeliveryPosition;
use crate::{Actor, Ctx, Error, Result, store};

/// An alert with its history, for an admin's eyes.
#[derive(Debug)]
pub struct WithHistory {
    /// The alert.
    pub alert: Alert,
    /// The key that signs the messages to its webhooks.
    pub signing_key: String,
    /// What happened, the newest first.
    pub events: Page<AlertEvent>,
    /// The messages, the newest first.
    pub deliveries: Page<AlertDelivery>,
}

/// Reads an alert with its history at once: who asks is looked up once for all of it.
///
/// # Errors
/// [`Error::Forbidden`] for keys; those of [`events`].
#[tracing::instrument(name = "alerts.get_with_history", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get_with_history(
    ctx: &Ctx,
    id: AlertId,
    events: PageRequest,
    deliveries: PageRequest,
) -> Result<WithHistory> {
    if matches!(ctx.actor(), Actor::Key { .. }) {
        return Err(Error::Forbidden);
    }
    may_read(ctx).await?;
    let signing_key = key_of(ctx.backend(), id).await?.to_text();
    let cursors = ctx.backend().cursors().await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::alerts::find(&mut conn, id).await?;
    let alert = found.map(|stored| shown(ctx, stored)).ok_or(NOT_FOUND)?;
    let events = events_of(&mut conn, cursors, id, &events).await?;
    let deliveries = deliveries_of(&mut conn, cursors, id, &deliveries).await?;
    Ok(WithHistory { alert, signing_key, events, deliveries })
}

/// What happened to an alert, the newest first.
///
/// # Errors
/// Those of [`get`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "alerts.events", level = "debug", parent = ctx.span(), skip_all)]
pub async fn events(ctx: &Ctx, id: AlertId, page: PageRequest) -> Result<Page<AlertEvent>> {
    get(ctx, id).await?;
    let cursors = ctx.backend().cursors().await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    events_of(&mut conn, cursors, id, &page).await
}

/// The messages of an alert and what became of each, the newest first.
///
/// # Errors
/// Those of [`events`].
#[tracing::instrument(name = "alerts.deliveries", level = "debug", parent = ctx.span(), skip_all)]
pub async fn deliveries(ctx: &Ctx, id: AlertId, page: PageRequest) -> Result<Page<AlertDelivery>> {
    get(ctx, id).await?;
    let cursors = ctx.backend().cursors().await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    deliveries_of(&mut conn, cursors, id, &page).await
}

async fn events_of(
    conn: &mut PgConnection,
    cursors: &Cursors,
    id: AlertId,
    page: &PageRequest,
) -> Result<Page<AlertEvent>> {
    let limit = page.checked_limit()?;
    let scope = ("alert_events", id);
    let before: Option<AlertEventId> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let found = store::alert_events::list(conn, id, before, wanted).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

async fn deliveries_of(
    conn: &mut PgConnection,
    cursors: &Cursors,
    id: AlertId,
    page: &PageRequest,
) -> Result<Page<AlertDelivery>> {
    let limit = page.checked_limit()?;
    let scope = ("alert_deliveries", id);
    let after: Option<DeliveryPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let found = store::alert_events::list_deliveries(conn, id, after, wanted).await?;
    let page = cursors.page(&scope, limit, found, |(_, position)| *position)?;
    let items = page.items.into_iter().map(|(delivery, _)| delivery).collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}
