//! Instants and lengths of time, as people read them.

use jiff::Timestamp;
use jiff::tz::Offset;
use leptos::prelude::*;

use crate::browser;

/// An instant. The server writes it in UTC; once the page is live it reads in the visitor's own time
/// zone and language.
#[component]
pub fn Time(
    /// The instant.
    at: Timestamp,
) -> impl IntoView {
    let text = RwSignal::new(utc_text(at));
    Effect::new(move || {
        if let Some(local) = browser::local_time(at.as_millisecond()) {
            text.set(local);
        }
    });
    view! { <time class="time" datetime=at.to_string()>{text}</time> }
}

/// An instant as text: in the visitor's own time zone and language when the page is live, in UTC
/// otherwise. For rows that are drawn while the page is live; everything else uses [`Time`].
pub fn time_text(at: Timestamp, is_live: bool) -> String {
    let local = if is_live { browser::local_time(at.as_millisecond()) } else { None };
    local.unwrap_or_else(|| utc_text(at))
}

/// A length of time.
#[component]
pub fn Duration(
    /// How long, in milliseconds.
    #[prop(into)]
    ms: Signal<u64>,
) -> impl IntoView {
    view! { <span class="duration">{move || duration_text(ms.get())}</span> }
}

/// By hand: jiff's formatter would be 40 kB of every page that shows a time.
fn utc_text(at: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = Offset::UTC.to_datetime(at);
    let month = usize::try_from(at.month() - 1).ok().and_then(|month| MONTHS.get(month));
    let month = month.copied().unwrap_or_default();
    format!("{} {month} {}, {:02}:{:02} UTC", at.day(), at.year(), at.hour(), at.minute())
}

/// `0.4 s`, `12.3 s`, `2 min 5 s`, `1 h 3 min`; milliseconds below a tenth of a second.
pub fn duration_text(ms: u64) -> String {
    match ms {
        0..100 => format!("{ms} ms"),
        100..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_well() {
        for (ms, text) in [
            (0, "0 ms"),
            (99, "99 ms"),
            (450, "0.4 s"),
            (12_345, "12.3 s"),
            (59_999, "59.9 s"),
            (125_000, "2 min 5 s"),
            (3_780_000, "1 h 3 min"),
        ] {
            assert_eq!(duration_text(ms), text);
        }
    }

    #[test]
    fn an_instant_reads_in_utc_first() {
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(utc_text(at), "2 Jan 2026, 03:04 UTC");
    }
}
