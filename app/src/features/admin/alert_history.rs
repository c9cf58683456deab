//! What happened to an alert, and who was told.

use leptos::prelude::*;
use resonant_domain::AlertId;
use resonant_domain::alert::{AlertDelivery, AlertEvent, AlertEventKind};
use resonant_domain::page::Page;
use resonant_domain::webhook::DeliveryState;

use super::admin_frame::WideTable;
use super::alert_decisions::SILENCES;
use crate::language::{tr, tr_text, tr_with};
use crate::paths;
use crate::ui::{Badge, PageLinks, Time, Tone};

/// What happened to an alert, from the newest on or, later, from where an address says.
#[component]
pub(super) fn History(
    /// The alert.
    id: AlertId,
    /// What happened.
    page: Page<AlertEvent>,
    /// Whether something newer stands on a page before.
    is_later: bool,
) -> impl IntoView {
    let Page { items: events, next_cursor } = page;
    if events.is_empty() && !is_later {
        return view! { <p>{tr("Nothing has happened yet.")}</p> }.into_any();
    }
    let line = |event: AlertEvent| {
        let by = event.by.map(|name| tr_with(" by {name}", &[("name", &name)]));
        let text = (!event.text.is_empty()).then(|| match event.kind {
            AlertEventKind::Silenced => format!(": {}", for_so_long(&event.text)),
            _ => format!(": {}", tr_text(event.text)),
        });
        view! {
            <li>
                <Time at=event.at />
                " · "
                <b>{tr(event.kind.title())}</b>
                {by}
                {text}
            </li>
        }
    };
    view! {
        <ol class="admin-list">{events.into_iter().map(line).collect_view()}</ol>
        <PageLinks
            next=next_cursor.map(|cursor| paths::alert_events_page(id, &cursor))
            more=tr("Older events")
            first=is_later.then(|| format!("{}#alert-history", paths::alert(id)))
            back=tr("Back to the newest")
        />
    }
    .into_any()
}

/// For how long an alert was silenced. What was written before it was the bare period begins with a word.
fn for_so_long(text: &str) -> String {
    let period = text.strip_prefix("for ").unwrap_or(text);
    let title = SILENCES.iter().find(|(own, _)| *own == period).map(|&(_, title)| tr(title));
    tr_with("for {period}", &[("period", &title.unwrap_or(period))])
}

/// The messages of an alert, and what became of each.
#[component]
pub(super) fn Messages(
    /// The alert.
    id: AlertId,
    /// The messages.
    page: Page<AlertDelivery>,
    /// Whether something newer stands on a page before.
    is_later: bool,
) -> impl IntoView {
    let Page { items: deliveries, next_cursor } = page;
    if deliveries.is_empty() && !is_later {
        return view! { <p>{tr("Nobody was told yet.")}</p> }.into_any();
    }
    let row = |message: AlertDelivery| {
        let (tone, state) = match message.state {
            DeliveryState::Pending => (Tone::Info, tr("Waiting")),
            DeliveryState::Delivered => (Tone::Good, tr("Delivered")),
            DeliveryState::Failed => (Tone::Bad, tr("Given up")),
        };
        let status =
            message.last_status.map(|status| tr_with("status {status}", &[("status", &status)]));
        let answer = message.last_error.map(tr_text).or(status).unwrap_or_else(|| "–".to_owned());
        view! {
            <tr>
                <td>
                    <Time at=message.created_at />
                </td>
                <td>{tr(message.event.title())}</td>
                <th scope="row">
                    <code>{message.channel.address().to_owned()}</code>
                </th>
                <td>
                    <Badge tone>{state}</Badge>
                </td>
                <td>{message.attempts}</td>
                <td>{answer}</td>
            </tr>
        }
    };
    view! {
        <WideTable
            label=tr("Messages")
            columns=[
                tr("Written"),
                tr("Of"),
                tr("Channel"),
                tr("Standing"),
                tr("Attempts"),
                tr("Last answer"),
            ]
        >
            {deliveries.into_iter().map(row).collect_view()}
        </WideTable>
        <PageLinks
            next=next_cursor.map(|cursor| paths::alert_messages_page(id, &cursor))
            more=tr("Older messages")
            first=is_later.then(|| format!("{}#alert-messages", paths::alert(id)))
            back=tr("Back to the newest")
        />
    }
    .into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn a_silence_tells_how_long_it_is_as_it_was_written_before_too() {
        Owner::new().with(|| {
            provide_context(Language::English);
            for (text, told) in [
                ("1h", "for 1 hour"),
                ("for 1h", "for 1 hour"),
                ("7d", "for 7 days"),
                ("90m", "for 90m"),
            ] {
                assert_eq!(for_so_long(text), told);
            }
        });
    }
}
