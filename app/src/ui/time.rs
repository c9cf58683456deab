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

/// A day that is written as `2026-11-25`: `25 Nov 2026`, in German `25. Nov. 2026`. What is no such day
/// stays as it is.
pub fn day_text(written: &str) -> String {
    let mut parts = written.split('-').map(str::parse::<u16>);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month @ 1..=12)), Some(Ok(day)), None) => {
            date_text((year, month, day), Language::current())
        }
        _ => written.to_owned(),
    }
}

/// A month that is written by its first day, `2026-11-01`: `Nov 2026`, in German `Nov. 2026`.
pub fn month_text(written: &str) -> String {
    let whole = day_text(written);
    whole.split_once(' ').map_or_else(|| whole.clone(), |(_, month)| month.to_owned())
}

/// By hand: jiff's formatter would be 40 kB of every page that shows a time.
fn utc_text(at: Timestamp, language: Language) -> String {
    let at = Offset::UTC.to_datetime(at);
    let number = |part: i16| part.unsigned_abs();
    let date = (number(at.year()), number(at.month().into()), number(at.day().into()));
    format!("{}, {:02}:{:02} UTC", date_text(date, language), at.hour(), at.minute())
}

fn date_text((year, month, day): (u16, u16, u16), language: Language) -> String {
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
    let month = months.get(usize::from(month.saturating_sub(1))).copied().unwrap_or_default();
    format!("{day}{behind_day} {month} {year}")
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

    #[test]
    fn a_day_reads_as_people_write_it() {
        for (written, day, month) in
            [("2026-11-25", "25 Nov 2026", "Nov 2026"), ("2026-03-01", "1 Mar 2026", "Mar 2026")]
        {
            assert_eq!((day_text(written).as_str(), month_text(written).as_str()), (day, month));
        }
        for other in ["", "2026-13-01", "2026-11", "2026-11-25-1", "soon"] {
            assert_eq!(day_text(other), other);
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
            assert_eq!(day_text("2026-03-09"), "9. März 2026");
            assert_eq!(month_text("2026-11-01"), "Nov. 2026");
        });
    }
}
