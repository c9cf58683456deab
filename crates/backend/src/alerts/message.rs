//! What a channel is told.

use std::time::Duration;

use resonant_domain::DeliveryId;
use resonant_domain::alert::{Alert, AlertEventKind, ChannelKind};
use serde_json::json;
use sqlx::PgConnection;

use super::noted::Noted;
use crate::mail::Letter;
use crate::store::alert_events::NewDelivery;
use crate::webhooks::RETAKEN_AFTER;
use crate::{Backend, Result, store};

/// No transaction that notes an event takes longer: each of its few statements has thirty seconds.
const TRANSACTION_MAX: Duration = Duration::from_mins(5);

/// Writes a message to each channel of the alert, in the transaction that noted the event. What waits there
/// is tried once more before it.
pub(super) async fn tell(
    backend: &Backend,
    conn: &mut PgConnection,
    alert: &Alert,
    event: &Noted,
) -> Result<()> {
    let urls: Vec<_> = alert.channels.iter().map(|channel| channel.address().to_owned()).collect();
    store::alert_events::hasten(conn, alert.id, &urls, RETAKEN_AFTER, TRANSACTION_MAX).await?;
    let page = backend.public_origin().map(|origin| page_of(alert, origin));
    let page = page.as_deref();
    for (position, channel) in (0..).zip(&alert.channels) {
        let id = DeliveryId::from_uuid(backend.new_id()?);
        let body = match channel.kind {
            ChannelKind::Webhook => webhook(alert, event, page),
            ChannelKind::Slack => slack(alert, event, id, page),
            ChannelKind::Mail => mail(alert, event, page),
        };
        let new = NewDelivery { id, event: event.id, position, channel, body: &body, at: event.at };
        store::alert_events::insert_delivery(conn, alert.id, &new).await?;
    }
    Ok(())
}

/// The message's type: whether there is something to do, or no more.
const fn type_of(kind: AlertEventKind) -> &'static str {
    match kind {
        AlertEventKind::Tested => "alert.tested",
        AlertEventKind::Fired | AlertEventKind::Told => "alert.fired",
        _ => "alert.ended",
    }
}

/// The address of the alert's page, where one decides about it.
fn page_of(alert: &Alert, origin: &str) -> String {
    format!("{origin}/admin/alerts/{}", alert.id)
}

/// Without the channels: the address of one is no business of another.
fn webhook(alert: &Alert, event: &Noted, page: Option<&str>) -> String {
    let alert = Alert { channels: Vec::new(), ..alert.clone() };
    let mut message = json!({
        "type": type_of(event.kind),
        "timestamp": event.at,
        "data": {
            "alert": alert,
            "event": { "id": event.id, "kind": event.kind, "text": event.text },
        },
    });
    if let Some(page) = page {
        message["data"]["url"] = json!(page);
    }
    message.to_string()
}

/// One word for whether there is something to do.
fn word_of(kind: AlertEventKind) -> &'static str {
    match type_of(kind) {
        "alert.fired" => "firing",
        "alert.tested" => "test",
        _ => "over",
    }
}

/// What happened, in a sentence.
fn text_of(event: &Noted) -> &str {
    if event.text.is_empty() { event.kind.title() } else { &event.text }
}

/// The mail's subject and text. The subject is one line: so is the alert's name.
fn mail(alert: &Alert, event: &Noted, page: Option<&str>) -> String {
    let Alert { name, severity, .. } = alert;
    let id = alert.id.to_string();
    let place = page.unwrap_or(&id);
    let (word, severity, text) = (word_of(event.kind), severity.title(), text_of(event));
    let letter = Letter {
        subject: format!("[{word}] {severity}: {name}"),
        text: format!("{name}\n{text}\n\nSeverity: {severity}\nAt: {}\nAlert: {place}\n", event.at),
    };
    json!(letter).to_string()
}

/// As Slack's incoming webhooks take it: `&`, `<` and `>` would be taken for markup. Slack drops no
/// message that it was sent before: who reads it twice tells so by the id below it.
fn slack(alert: &Alert, event: &Noted, id: DeliveryId, page: Option<&str>) -> String {
    let Alert { name, severity, .. } = alert;
    let (word, text) = (word_of(event.kind), text_of(event));
    let text = format!("[{word}] {} · {name}: {text}", severity.as_str());
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mrkdwn = |text: &str| json!({ "type": "mrkdwn", "text": text });
    let link = page.map(|page| mrkdwn(&format!("<{page}|See the alert>")));
    let below: Vec<_> = link.into_iter().chain([mrkdwn(&format!("Message {id}"))]).collect();
    json!({
        "text": text,
        "blocks": [
            { "type": "section", "text": mrkdwn(&text) },
            { "type": "context", "elements": below },
        ],
    })
    .to_string()
}
