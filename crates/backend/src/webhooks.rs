//! Webhooks: addresses that are told when a session ends.
//!
//! The message is written by the statement that ends the session, with all that may change of it later, and
//! sent from there, again and again and always the same, until it is taken or given up.

mod forget;
pub(crate) mod post;
mod telling;

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::webhook::{Delivery, NewWebhook, WEBHOOKS_MAX, Webhook, WithKey};
use resonant_domain::{DeliveryId, UserId, WebhookId, host};
use serde_json::json;
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::database::Shard;
use crate::signature::SigningKey;
use crate::store::OnConstraint as _;
use crate::store::webhooks::{DeliveryPosition, Due};
use crate::{Backend, Ctx, Error, Result, access, audit, effects, seen, store};

pub use self::forget::forget_old;
pub(crate) use self::telling::Telling;

const NOT_FOUND: Error = Error::NotFound("webhook");
const KIND: &str = "webhook";
/// After this long a message whose sender was lost is taken by another.
pub(crate) const RETAKEN_AFTER: Duration = Duration::from_mins(1);
/// How many messages are sent side by side.
pub(crate) const SIDE_BY_SIDE: usize = 8;
/// How many of them are one webhook's: its receiver may not answer.
const PER_WEBHOOK: usize = 2;
/// How many of those that are due are looked at.
const LOOKED_AT: i64 = 100;
/// How many shall deliver side by side: whoever waits for a receiver that does not answer holds up one.
pub const DELIVERERS: usize = SIDE_BY_SIDE / PER_WEBHOOK;

/// Lists the caller's webhooks, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "webhooks.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Webhook>> {
    let owner = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("webhooks", owner);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<WebhookId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().read(owner).await?;
    let wanted = i64::from(limit) + 1;
    let found = store::webhooks::list(&mut conn, owner, before, wanted).await?;
    cursors.page(&scope, limit, found, |last| last.id)
}

/// Reads a webhook of the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "webhooks.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: WebhookId) -> Result<Webhook> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read(owner).await?;
    store::webhooks::find(&mut conn, owner, id).await?.ok_or(NOT_FOUND)
}

/// All of them with the key of each, for its owner's eyes.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "webhooks.list_with_keys", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list_with_keys(ctx: &Ctx) -> Result<Vec<WithKey<Webhook>>> {
    let owner = access::user(ctx)?;
    let mut all = Vec::new();
    for made in list(ctx, PageRequest::largest()).await?.items {
        let key = SigningKey::of(ctx.backend(), KIND, owner, made.id.as_uuid()).await?;
        all.push(WithKey { made, signing_key: key.to_text() });
    }
    Ok(all)
}

/// Makes a webhook. Answers it with the key that signs its messages.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent; [`Error::Invalid`];
/// [`Error::Conflict`] when there are too many.
#[tracing::instrument(name = "webhooks.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, new: NewWebhook) -> Result<WithKey<Webhook>> {
    let owner = access::user(ctx)?;
    new.check()?;
    let backend = ctx.backend();
    let made = Webhook {
        id: WebhookId::from_uuid(ctx.resource_id()?),
        url: new.url.trim().to_owned(),
        agent_id: new.agent_id,
        created_at: backend.now(),
    };
    let key = SigningKey::of(backend, KIND, owner, made.id.as_uuid()).await?;
    let mut tx = backend.begin(owner).await?;
    if ctx.made_before().is_some()
        && let Some(made) = store::webhooks::find(&mut tx, owner, made.id).await?
    {
        return Ok(WithKey { made, signing_key: key.to_text() });
    }
    if let Some(agent) = new.agent_id {
        store::agents::find(&mut tx, owner, agent).await?.ok_or(Error::NotFound("agent"))?;
    }
    let max = i64::try_from(WEBHOOKS_MAX).unwrap_or(i64::MAX);
    let inserted = store::webhooks::insert(&mut tx, owner, &made, max).await;
    if !inserted.on_constraint("webhooks_pkey", effects::in_the_making)? {
        return Err(Error::Conflict(format!("There are {WEBHOOKS_MAX} webhooks already")));
    }
    note(ctx, &mut tx, (owner, made.id), Deed::WebhookCreated, &made.url).await?;
    tx.commit().await?;
    tracing::info!(webhook.id = %made.id, "webhook created");
    Ok(WithKey { made, signing_key: key.to_text() })
}

/// Deletes a webhook and its log.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "webhooks.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, id: WebhookId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut tx = ctx.backend().begin(owner).await?;
    let webhook = store::webhooks::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &webhook)?;
    let url = store::webhooks::delete(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    note(ctx, &mut tx, (owner, id), Deed::WebhookDeleted, &url).await?;
    tx.commit().await?;
    tracing::info!(webhook.id = %id, "webhook deleted");
    Ok(())
}

/// Writes down what the caller does to a webhook, by its host: the rest of an address may be a secret.
async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    (owner, id): (UserId, WebhookId),
    deed: Deed,
    url: &str,
) -> Result<()> {
    let host = host::of_url(url).unwrap_or_default();
    let subject = Subject::new(SubjectKind::Webhook, id.as_uuid(), host);
    audit::note(ctx, tx, Log::Owner(owner), deed, Some(subject)).await
}

/// The messages of a webhook and what became of each, the newest first. They are kept for a month after they
/// were sent last.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for a limit or cursor that cannot
/// be used.
#[tracing::instrument(name = "webhooks.deliveries", level = "debug", parent = ctx.span(), skip_all)]
pub async fn deliveries(ctx: &Ctx, id: WebhookId, page: PageRequest) -> Result<Page<Delivery>> {
    let owner = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("webhook_deliveries", owner, id);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<DeliveryPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().read(owner).await?;
    store::webhooks::find(&mut conn, owner, id).await?.ok_or(NOT_FOUND)?;
    let wanted = i64::from(limit) + 1;
    let found = store::webhooks::list_deliveries(&mut conn, owner, id, after, wanted).await?;
    let position = |last: &Delivery| DeliveryPosition { created_at: last.created_at, id: last.id };
    cursors.page(&scope, limit, found, position)
}

/// Has a message sent once more, now, whatever became of it before: under the same id, by which its receiver
/// knows it.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the webhook or the message.
#[tracing::instrument(name = "webhooks.redeliver", level = "debug", parent = ctx.span(), skip_all)]
pub async fn redeliver(ctx: &Ctx, id: WebhookId, delivery: DeliveryId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut tx = ctx.backend().begin(owner).await?;
    if !store::webhooks::update_due(&mut tx, owner, id, delivery).await? {
        return Err(Error::NotFound("message"));
    }
    // Noted already: it was sent for an earlier try of the same request, and stays as it is now.
    if effects::find::<()>(ctx, &mut tx, owner).await?.is_some() {
        return Ok(());
    }
    effects::note(ctx, &mut tx, owner, &()).await?;
    tx.commit().await?;
    tracing::info!(delivery.id = %delivery, "webhook to be told once more");
    Ok(())
}

/// Sends as many of the messages that are due as are sent side by side, of each database, and of a webhook
/// no more than its part. Answers how many: 0 when none is due that has a place. Whoever calls this again
/// and again can stop in between, and has none in flight then; [`DELIVERERS`] may do so.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "webhooks.deliver_due", level = "debug", parent = ctx.span(), skip_all)]
pub async fn deliver_due(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let (sent, done) = backend.on_each(|shard| deliver_on(backend, shard)).await;
    done.map(|()| sent.into_iter().sum())
}

async fn deliver_on(backend: &Backend, shard: Shard) -> Result<usize> {
    let telling = backend.telling();
    let mut tx = backend.begin_on(shard).await?;
    let (full, owners) = (telling.full(), backend.owners());
    let waiting = store::webhooks::list_due(&mut tx, &full, LOOKED_AT, owners).await?;
    let (wanted, places): (Vec<_>, Vec<_>) = telling.place(&waiting).into_iter().unzip();
    let mut places: HashMap<_, _> = wanted.iter().map(|due| due.id).zip(places).collect();
    let due = store::webhooks::claim(&mut tx, &wanted, RETAKEN_AFTER).await?;
    tx.commit().await?;
    let count = due.len();
    let due: Vec<_> = due.into_iter().map(|due| (places.remove(&due.id), due)).collect();
    // What another process has taken needs no place here.
    drop(places);
    let sent = stream::iter(due).map(|(place, due)| async move {
        let done = deliver(backend, due).await;
        drop(place);
        done
    });
    let done: Vec<_> = sent.buffer_unordered(SIDE_BY_SIDE).collect().await;
    done.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(count)
}

/// Sends one message and notes what came of it.
async fn deliver(backend: &Backend, due: Due) -> Result<()> {
    let answer = send(backend, &due).await?;
    let done = post::attempted(answer, due.attempts, backend.now())?;
    let mut conn = backend.write(due.owner_id).await?;
    let message = (due.owner_id, due.id);
    let counts = store::webhooks::update_delivery(&mut conn, message, due.attempts, &done).await?;
    conn.commit().await?;
    if !counts {
        tracing::info!(delivery.id = %due.id, attempts = due.attempts, "webhook told too late");
        return Ok(());
    }
    tracing::info!(
        delivery.id = %due.id,
        delivery.state = done.state.as_str(),
        attempts = due.attempts,
        "webhook told"
    );
    Ok(())
}

/// The status of the receiver's answer, or why there is none.
async fn send(backend: &Backend, due: &Due) -> Result<std::result::Result<u16, String>> {
    let owner = due.owner_id;
    let mut conn = backend.read_latest(owner).await?;
    let session = store::sessions::find(&mut conn, owner, due.session_id).await?;
    drop(conn);
    let Some(session) = session else { return Ok(Err("the session is no longer kept".to_owned())) };
    let session = match due.ended.clone() {
        Some(ended) => ended.of(session),
        None => session,
    };
    let body = json!({
        "type": "session.ended",
        "timestamp": session.ended_at,
        "data": { "session": session },
    })
    .to_string();
    let key = SigningKey::of(backend, KIND, owner, due.webhook_id.as_uuid()).await?;
    let signed = post::signed(&key, &due.id.to_string(), backend.now(), &body)?;
    Ok(post::send(backend, "the webhook", &due.url, signed, body).await)
}

#[cfg(test)]
mod tests;
