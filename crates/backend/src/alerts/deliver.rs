//! Sends the messages that were written.

use futures::StreamExt as _;
use futures::stream;
use resonant_domain::AlertId;
use resonant_domain::alert::ChannelKind;

use super::key_of;
use crate::mail::Letter;
use crate::store::alert_events::Due;
use crate::webhooks::{RETAKEN_AFTER, SIDE_BY_SIDE, post};
use crate::{Backend, Ctx, Error, Result, access, store};

/// Whose requests these are, as a sentence part.
const WHOSE: &str = "the alert";

/// Sends as many of the messages that are due as are sent side by side. Answers how many: 0 when none is
/// due. Whoever calls this again and again can stop in between, and has none in flight then.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anyone but the system.
#[tracing::instrument(name = "alerts.deliver_due", level = "debug", parent = ctx.span(), skip_all)]
pub async fn deliver_due(ctx: &Ctx) -> Result<usize> {
    access::system(ctx)?;
    deliver_some(ctx.backend(), None).await
}

/// Sends every message of an alert that is due.
pub(super) async fn deliver_all(backend: &Backend, alert: AlertId) -> Result<()> {
    while deliver_some(backend, Some(alert)).await? > 0 {}
    Ok(())
}

async fn deliver_some(backend: &Backend, alert: Option<AlertId>) -> Result<usize> {
    let most = i64::try_from(SIDE_BY_SIDE).unwrap_or(1);
    let mut tx = backend.catalogue_begin().await?;
    let due = store::alert_events::claim_due(&mut tx, alert, RETAKEN_AFTER, most).await?;
    tx.commit().await?;
    let count = due.len();
    let sent = stream::iter(due).map(|due| deliver(backend, due));
    let done: Vec<_> = sent.buffer_unordered(SIDE_BY_SIDE).collect().await;
    done.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(count)
}

/// Sends one message and notes what came of it.
async fn deliver(backend: &Backend, due: Due) -> Result<()> {
    let id = due.id.to_string();
    let answer = match due.channel.kind {
        ChannelKind::Webhook => {
            let key = key_of(backend, due.alert).await?;
            let headers = post::signed(&key, &id, backend.now(), &due.body)?;
            post::send(backend, WHOSE, &due.channel.url, headers, due.body).await
        }
        ChannelKind::Slack => {
            post::send(backend, WHOSE, &due.channel.url, Vec::new(), due.body).await
        }
        ChannelKind::Mail => mail(backend, &id, &due.channel.to, &due.body).await?,
    };
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

/// Hands a letter to the mail server, under the same id at each attempt: who gets it twice can tell.
async fn mail(
    backend: &Backend,
    id: &str,
    to: &str,
    body: &str,
) -> Result<std::result::Result<u16, String>> {
    let letter: Letter = serde_json::from_str(body).map_err(Error::internal)?;
    let Some(mailer) = backend.mailer() else {
        return Ok(Err("no mail is sent, because SMTP_URL is not set".to_owned()));
    };
    Ok(mailer.send(id, to, letter, backend.now()).await)
}
