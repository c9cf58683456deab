//! Sends the messages that were written.

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::alert::ChannelKind;

use super::key_of;
use crate::store::alert_events::Due;
use crate::webhooks::{RETAKEN_AFTER, SIDE_BY_SIDE, post};
use crate::{Backend, Ctx, Result, access, store};

/// Sends every message that is due. Answers how many it sent.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system.
pub async fn deliver_due(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let most = i64::try_from(SIDE_BY_SIDE).unwrap_or(1);
    let mut count = 0;
    loop {
        let now = backend.now();
        let mut tx = backend.catalogue_begin().await?;
        let due = store::alert_events::claim_due(&mut tx, now, now + RETAKEN_AFTER, most).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(count);
        }
        count += due.len();
        let sent = stream::iter(due).map(|due| deliver(backend, due));
        let done: Vec<_> = sent.buffer_unordered(SIDE_BY_SIDE).collect().await;
        done.into_iter().collect::<Result<Vec<()>>>()?;
    }
}

/// Sends one message and notes what came of it.
async fn deliver(backend: &Backend, due: Due) -> Result<()> {
    let headers = match due.channel.kind {
        ChannelKind::Webhook => {
            let key = key_of(backend, due.alert).await?;
            post::signed(&key, &due.id.to_string(), backend.now(), &due.body)?
        }
        ChannelKind::Slack => Vec::new(),
    };
    let answer = post::send(backend, "the alert", &due.channel.url, headers, due.body).await;
    let done = post::attempted(answer, due.attempts, backend.now())?;
    let mut conn = backend.catalogue_write().await?;
    store::alert_events::update_delivery(&mut conn, due.id, due.attempts, &done).await?;
    conn.commit().await?;
    tracing::info!(
        delivery.id = %due.id,
        delivery.state = done.state.as_str(),
        attempts = due.attempts,
        "alert told"
    );
    Ok(())
}
