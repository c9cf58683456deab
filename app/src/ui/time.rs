//! Instants and lengths of time, as people read them.

use jiff::Timestamp;
use jiff::tz::Offset;
use leptos::prelude::*;

use crate::browser;
use crate::language::{Language, decimal};

/// An instant. The server writes it in UTC; once the page is live it reads in the visitor's own time
/// zone.
#[component]
pub fn Time(
    /// The instant.
    at: Timestamp,
) -> impl IntoView {
    let text = RwSignal::new(utc_text(at, Language::current()));
    Effect::new(move || {
        if let Some(local) = local_text(at) {
            text.set(local);
        }
    });
    view! { <time class="time" datetime=at.to_string()>{text}</time> }
}

/// An instant as text: in the visitor's own time zone when the page is live, in UTC otherwise. For rows
/// that are drawn while the page is live; everything else uses [`Time`].
pub fn time_text(at: Timestamp, is_live: bool) -> String {
    let local = if is_live { local_text(at) } else { None };
    local.unwrap_or_else(|| utc_text(at, Language::current()))
}

/// An instant in the visitor's own time zone, which a browser alone knows.
fn local_text(at: Timestamp) -> Option<String> {
    browser::local_time(at.as_millisecond(), Language::current().tag())
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
fn utc_text(at: Timestamp, language: Language) -> String {
    const ENGLISH: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const GERMAN: [&str; 12] = [
        "Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.",
        "Dez.",
    ];
    let (months, behind_day) = match language {
        Language::English => (ENGLISH, ""),
        Language::German => (GERMAN, "."),
    };
    let at = Offset::UTC.to_datetime(at);
    let month = usize::try_from(at.month() - 1).ok().and_then(|month| months.get(month));
    let month = month.copied().unwrap_or_default();
    let (day, year, hour, minute) = (at.day(), at.year(), at.hour(), at.minute());
    format!("{day}{behind_day} {month} {year}, {hour:02}:{minute:02} UTC")
}

/// `0.4 s`, `12.3 s`, `2 min 5 s`, `1 h 3 min`; milliseconds below a tenth of a second. In German `12,3 s`.
pub fn duration_text(ms: u64) -> String {
    match ms {
        0..100 => format!("{ms} ms"),
        100..60_000 => decimal(format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)),
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
        for (at, english, german) in [
            ("2026-01-02T03:04:05Z", "2 Jan 2026, 03:04 UTC", "2. Jan. 2026, 03:04 UTC"),
            ("2026-03-31T23:59:59Z", "31 Mar 2026, 23:59 UTC", "31. März 2026, 23:59 UTC"),
            ("2026-12-09T00:00:00Z", "9 Dec 2026, 00:00 UTC", "9. Dez. 2026, 00:00 UTC"),
        ] {
            let at = at.parse().unwrap();
            assert_eq!(utc_text(at, Language::English), english);
            assert_eq!(utc_text(at, Language::German), german);
        }
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn a_german_page_writes_lengths_in_german() {
        Owner::new().with(|| {
            provide_context(Language::German);
            for (ms, text) in [(99, "99 ms"), (12_345, "12,3 s"), (125_000, "2 min 5 s")] {
                assert_eq!(duration_text(ms), text);
            }
            assert_eq!(time_text(Timestamp::UNIX_EPOCH, false), "1. Jan. 1970, 00:00 UTC");
        });
    }
}
