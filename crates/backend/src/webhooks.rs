//! Webhooks: addresses that are told when a session ends.
//!
//! The message is written in the transaction that ends the session (by the trigger that the migration
//! makes), and sent from there, again and again, until it is taken or given up.

pub(crate) mod post;

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::WebhookId;
use resonant_domain::webhook::{Delivery, NewWebhook, WEBHOOKS_MAX, Webhook, WithKey};
use serde_json::json;

use crate::signature::SigningKey;
use crate::store::webhooks::Due;
use crate::{Backend, Ctx, Error, Result, access, store};

const NOT_FOUND: Error = Error::NotFound("webhook");
const KIND: &str = "webhook";
/// After this long a message whose sender was lost is taken by another.
pub(crate) const RETAKEN_AFTER: Duration = Duration::from_mins(1);
/// How many messages are sent side by side.
pub(crate) const SIDE_BY_SIDE: usize = 8;
/// How many lines of its log a webhook shows.
const LOG_LINES: i64 = 100;

/// Lists the caller's webhooks, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "webhooks.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx) -> Result<Vec<Webhook>> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read(owner).await?;
    Ok(store::webhooks::list(&mut conn, owner).await?)
}

/// The same with the key of each, for its owner's eyes.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "webhooks.list_with_keys", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list_with_keys(ctx: &Ctx) -> Result<Vec<WithKey<Webhook>>> {
    let owner = access::user(ctx)?;
    let mut all = Vec::new();
    for made in list(ctx).await? {
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
        id: WebhookId::from_uuid(backend.new_id()?),
        url: new.url.trim().to_owned(),
        agent_id: new.agent_id,
        created_at: backend.now(),
    };
    let key = SigningKey::of(backend, KIND, owner, made.id.as_uuid()).await?;
    let mut tx = backend.begin(owner).await?;
    if let Some(agent) = new.agent_id {
        store::agents::find(&mut tx, owner, agent).await?.ok_or(Error::NotFound("agent"))?;
    }
    let max = i64::try_from(WEBHOOKS_MAX).unwrap_or(i64::MAX);
    if !store::webhooks::insert(&mut tx, owner, &made, max).await? {
        return Err(Error::Conflict(format!("There are {WEBHOOKS_MAX} webhooks already")));
    }
    tx.commit().await?;
    tracing::info!(webhook.id = %made.id, "webhook created");
    Ok(WithKey { made, signing_key: key.to_text() })
}

/// Deletes a webhook and its log.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "webhooks.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, id: WebhookId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().write(owner).await?;
    if !store::webhooks::delete(&mut conn, owner, id).await? {
        return Err(NOT_FOUND);
    }
    conn.commit().await?;
    tracing::info!(webhook.id = %id, "webhook deleted");
    Ok(())
}

/// The newest messages of a webhook and what became of each.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "webhooks.deliveries", level = "debug", parent = ctx.span(), skip_all)]
pub async fn deliveries(ctx: &Ctx, id: WebhookId) -> Result<Vec<Delivery>> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read(owner).await?;
    let is_known = store::webhooks::list(&mut conn, owner).await?.iter().any(|hook| hook.id == id);
    if !is_known {
        return Err(NOT_FOUND);
    }
    Ok(store::webhooks::list_deliveries(&mut conn, owner, id, LOG_LINES).await?)
}

/// Sends every message that is due. Answers how many it sent.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "webhooks.deliver_due", level = "debug", parent = ctx.span(), skip_all)]
pub async fn deliver_due(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let owners = backend.owners();
    let mut count = 0;
    for shard in backend.shards() {
        loop {
            let mut tx = backend.begin_on(shard).await?;
            let most = i64::try_from(SIDE_BY_SIDE).unwrap_or(1);
            let due = store::webhooks::claim_due(&mut tx, RETAKEN_AFTER, most, owners).await?;
            tx.commit().await?;
            if due.is_empty() {
                break;
            }
            count += due.len();
            let sent = stream::iter(due).map(|due| deliver(backend, due));
            let done: Vec<_> = sent.buffer_unordered(SIDE_BY_SIDE).collect().await;
            done.into_iter().collect::<Result<Vec<()>>>()?;
        }
    }
    Ok(count)
}

/// Sends one message and notes what came of it.
async fn deliver(backend: &Backend, due: Due) -> Result<()> {
    let answer = send(backend, &due).await?;
    let done = post::attempted(answer, due.attempts, backend.now())?;
    let mut conn = backend.write(due.owner_id).await?;
    store::webhooks::update_delivery(&mut conn, due.owner_id, due.id, &done).await?;
    conn.commit().await?;
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
