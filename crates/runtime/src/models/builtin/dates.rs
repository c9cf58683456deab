//! Questions about dates and times, as arguments of the `datetime` tool.

mod find;

use jiff::Zoned;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::words::{digits, find_phrase, has_phrase, plain};
use find::{Lean, find_date};

/// A date question of a clause.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DateQuestion {
    /// The tool's arguments.
    pub arguments: Value,
    /// Whether `date` is the date that the question before found.
    pub on_previous: bool,
}

const UNITS: &[&str] = &["year", "month", "week", "day", "hour", "minute", "second"];

/// Places that are no time zone's own city.
const PLACES: &[(&str, &str)] = &[
    ("beijing", "Asia/Shanghai"),
    ("china", "Asia/Shanghai"),
    ("japan", "Asia/Tokyo"),
    ("mumbai", "Asia/Kolkata"),
    ("delhi", "Asia/Kolkata"),
    ("new delhi", "Asia/Kolkata"),
    ("bangalore", "Asia/Kolkata"),
    ("india", "Asia/Kolkata"),
    ("san francisco", "America/Los_Angeles"),
    ("seattle", "America/Los_Angeles"),
    ("california", "America/Los_Angeles"),
    ("la", "America/Los_Angeles"),
    ("las vegas", "America/Los_Angeles"),
    ("washington", "America/New_York"),
    ("boston", "America/New_York"),
    ("miami", "America/New_York"),
    ("atlanta", "America/New_York"),
    ("nyc", "America/New_York"),
    ("philadelphia", "America/New_York"),
    ("dallas", "America/Chicago"),
    ("houston", "America/Chicago"),
    ("austin", "America/Chicago"),
    ("texas", "America/Chicago"),
    ("montreal", "America/Toronto"),
    ("ottawa", "America/Toronto"),
    ("rio de janeiro", "America/Sao_Paulo"),
    ("rio", "America/Sao_Paulo"),
    ("munich", "Europe/Berlin"),
    ("hamburg", "Europe/Berlin"),
    ("cologne", "Europe/Berlin"),
    ("frankfurt", "Europe/Berlin"),
    ("germany", "Europe/Berlin"),
    ("france", "Europe/Paris"),
    ("spain", "Europe/Madrid"),
    ("barcelona", "Europe/Madrid"),
    ("italy", "Europe/Rome"),
    ("milan", "Europe/Rome"),
    ("geneva", "Europe/Zurich"),
    ("bern", "Europe/Zurich"),
    ("uk", "Europe/London"),
    ("england", "Europe/London"),
    ("edinburgh", "Europe/London"),
    ("portugal", "Europe/Lisbon"),
    ("kyiv", "Europe/Kiev"),
    ("tel aviv", "Asia/Jerusalem"),
    ("hanoi", "Asia/Bangkok"),
    ("utc", "UTC"),
    ("gmt", "UTC"),
];

/// The date question that a clause asks, if any.
pub(super) fn question(clause: &str, now: jiff::Timestamp) -> Option<DateQuestion> {
    let text = digits(&plain(clause));
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let ask = |arguments: Value| Some(DateQuestion { arguments, on_previous: false });
    if let Some(found) = clock(&text, today) {
        return ask(found);
    }
    if let Some(found) = distance(&text, today) {
        return ask(found);
    }
    if let Some(found) = shifted(&text, today) {
        return found.map(|(arguments, on_previous)| DateQuestion { arguments, on_previous });
    }
    let asks_weekday = [
        "weekday",
        "day of the week",
        "what day",
        "which day",
        "week number",
        "calendar week",
        "iso week",
        "day of the year",
        "what week",
        "which week",
    ]
    .iter()
    .any(|phrase| has_phrase(&text, phrase));
    if asks_weekday {
        if let Some(date) = find_date(&text, today, Lean::Next) {
            return ask(json!({ "operation": "describe", "date": date }));
        }
        if ["that", "it", "this"].iter().any(|word| has_phrase(&text, word)) {
            return Some(DateQuestion {
                arguments: json!({ "operation": "describe" }),
                on_previous: true,
            });
        }
        return ask(json!({ "operation": "describe", "date": today.to_string() }));
    }
    let asks_today = [
        "today's date",
        "the date today",
        "what date is it",
        "what is the date",
        "date is today",
        "what is today",
    ]
    .iter()
    .any(|phrase| has_phrase(&text, phrase));
    if asks_today {
        return ask(json!({ "operation": "describe", "date": today.to_string() }));
    }
    if (text.starts_with("when is") || text.starts_with("what date is"))
        && text.split(' ').count() <= 8
    {
        let date = find_date(&text, today, Lean::Next)?;
        return ask(json!({ "operation": "describe", "date": date }));
    }
    None
}

/// The time in a place, and from one place to another.
fn clock(text: &str, today: Date) -> Option<Value> {
    let time = find_time(text);
    if let (Some(time), Some((from, to))) = (&time, two_zones(text)) {
        let day = find_date(text, today, Lean::Next).unwrap_or_else(|| today.to_string());
        return Some(json!({
            "operation": "convert", "date": format!("{day} {time}"), "time_zone": from, "to_time_zone": to,
        }));
    }
    let asks = [
        "what time",
        "current time",
        "time is it",
        "the time in",
        "time now",
        "what's the time",
        "local time",
        "time in",
    ]
    .iter()
    .any(|phrase| has_phrase(text, phrase));
    if !asks {
        return None;
    }
    let place = [" in ", " at ", " for "]
        .iter()
        .filter_map(|joint| text.rsplit_once(joint))
        .find_map(|(_, place)| zone(place));
    Some(json!({ "operation": "now", "time_zone": place.unwrap_or_else(|| "UTC".to_owned()) }))
}

/// "from Europe/Berlin to `America/New_York`", "15:00 London in Tokyo".
fn two_zones(text: &str) -> Option<(String, String)> {
    for (first, second) in [(" from ", " to "), (" in ", " to "), (" in ", " in "), (" ", " in ")] {
        let Some((left, to)) = text.rsplit_once(second) else {
            continue;
        };
        let from = if first == " " {
            // The place stands behind the time.
            (0..left.len())
                .filter(|at| left.is_char_boundary(*at) && (*at == 0 || left[..*at].ends_with(' ')))
                .find_map(|at| zone(&left[at..]))
        } else {
            left.rsplit_once(first).and_then(|(_, from)| zone(from))
        };
        if let (Some(from), Some(to)) = (from, zone(to)) {
            return Some((from, to));
        }
    }
    None
}

/// The time zone of a place.
fn zone(place: &str) -> Option<String> {
    let place = place.trim().trim_start_matches("the ").trim_end_matches(['?', '.', ' ']);
    let place = place.trim_end_matches(" time").trim_end_matches(" now").trim_end_matches(" right");
    if let Some((_, zone)) = PLACES.iter().find(|(name, _)| *name == place) {
        return Some((*zone).to_owned());
    }
    let wanted = place.replace(' ', "_");
    let names: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let exact = names.iter().find(|name| name.eq_ignore_ascii_case(&wanted) && name.contains('/'));
    let city = || {
        names.iter().find(|name| {
            [
                "Africa/",
                "America/",
                "Asia/",
                "Atlantic/",
                "Australia/",
                "Europe/",
                "Indian/",
                "Pacific/",
            ]
            .iter()
            .any(|area| name.starts_with(area))
                && name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&wanted))
        })
    };
    exact.or_else(city).cloned()
}

/// The time of day in a text, as `15:00`.
fn find_time(text: &str) -> Option<String> {
    text.split([' ', ',']).enumerate().find_map(|(at, word)| {
        if word == "noon" {
            return Some("12:00".to_owned());
        }
        if let Some((hours, minutes)) = word.split_once(':') {
            let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.get(..2)?.parse().ok()?);
            let hours = afternoon(hours, minutes_suffix(word, text, at));
            return (hours < 24 && minutes < 60).then(|| format!("{hours:02}:{minutes:02}"));
        }
        let bare = word.trim_end_matches("am").trim_end_matches("pm");
        let next = text.split([' ', ',']).nth(at + 1);
        if bare != word || matches!(next, Some("am" | "pm" | "o'clock")) {
            let hours: u8 = bare.parse().ok().filter(|hours| *hours <= 12)?;
            let suffix = if bare == word { next.unwrap_or("") } else { &word[bare.len()..] };
            return Some(format!("{:02}:00", afternoon(hours, suffix)));
        }
        None
    })
}

fn minutes_suffix<'a>(word: &'a str, text: &'a str, at: usize) -> &'a str {
    if word.ends_with("pm") || word.ends_with("am") {
        &word[word.len() - 2..]
    } else {
        text.split([' ', ',']).nth(at + 1).unwrap_or("")
    }
}

fn afternoon(hours: u8, suffix: &str) -> u8 {
    match suffix {
        "pm" if hours < 12 => hours + 12,
        "am" if hours == 12 => 0,
        _ => hours,
    }
}

/// "how many days until …", "between … and …".
fn distance(text: &str, today: Date) -> Option<Value> {
    let counts = text.contains("how many")
        || text.contains("how long")
        || text.contains("how old")
        || text.starts_with("days ")
        || has_phrase(text, "time between")
        || has_phrase(text, "days between")
        || has_phrase(text, "days until");
    if !counts
        || !(UNITS.iter().any(|unit| text.contains(unit))
            || text.contains("how long")
            || text.contains("how old"))
    {
        return None;
    }
    let is_business = ["business day", "working day", "work day", "workday", "weekday"]
        .iter()
        .any(|word| text.contains(word));
    let operation = if is_business { "business_days_between" } else { "difference" };
    for (first, second) in
        [("between ", " and "), ("from ", " to "), ("from ", " until "), ("from ", " till ")]
    {
        if let Some(at) = text.find(first)
            && let Some((left, right)) = text[at + first.len()..].split_once(second)
            && let (Some(from), Some(to)) =
                (find_date(left, today, Lean::Next), find_date(right, today, Lean::Next))
        {
            return Some(json!({ "operation": operation, "date": from, "other": to }));
        }
    }
    for (word, lean) in [
        ("until", Lean::Next),
        ("till", Lean::Next),
        ("before", Lean::Next),
        ("to go to", Lean::Next),
        ("left to", Lean::Next),
        ("to", Lean::Next),
        ("since", Lean::Last),
        ("has passed since", Lean::Last),
        ("born on", Lean::Last),
        ("born", Lean::Last),
        ("left in", Lean::Next),
        ("away is", Lean::Next),
    ] {
        let Some(at) = find_phrase(text, word) else {
            continue;
        };
        let Some(found) = find_date(&text[at + word.len()..], today, lean) else {
            continue;
        };
        let (date, other) = if lean == Lean::Last {
            (found, today.to_string())
        } else {
            (today.to_string(), found)
        };
        return Some(json!({ "operation": operation, "date": date, "other": other }));
    }
    None
}

/// "add 3 weeks to today", "90 days after …", "5 business days from now", "2 weeks ago".
#[expect(clippy::option_option, reason = "no shift, a shift that cannot be placed, a shift")]
fn shifted(text: &str, today: Date) -> Option<Option<(Value, bool)>> {
    let words: Vec<_> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let mut amounts: Vec<(i64, &str)> = Vec::new();
    let mut business = None;
    for (at, word) in words.iter().enumerate() {
        let number = if matches!(*word, "a" | "an") {
            Ok(1)
        } else {
            word.trim_start_matches('+').parse::<i64>()
        };
        let Ok(number) = number else { continue };
        let Some(next) = words.get(at + 1) else {
            continue;
        };
        if matches!(*next, "business" | "working" | "work")
            && words.get(at + 2).is_some_and(|day| day.starts_with("day"))
        {
            business = Some(number);
        } else if let Some(unit) = UNITS.iter().find(|unit| next.trim_end_matches('s') == **unit)
            && matches!(next.strip_prefix(*unit), Some("" | "s"))
        {
            amounts.push((number, unit));
        } else if *next == "fortnight" {
            amounts.push((number * 2, "week"));
        }
    }
    if amounts.is_empty() && business.is_none() {
        return None;
    }
    let is_back = text.starts_with("subtract")
        || ["before", "ago", "minus", "earlier"].iter().any(|word| has_phrase(text, word));
    let is_on = text.starts_with("add")
        || text.starts_with("in ")
        || ["after", "from", "plus", "later", "hence", "from now"]
            .iter()
            .any(|word| has_phrase(text, word))
        || ((text.starts_with("what date")
            || text.starts_with("which date")
            || text.starts_with("what day")
            || text.starts_with("when"))
            && has_phrase(text, "in"));
    if !is_back && !is_on {
        return None;
    }
    let anchor =
        ["after", "before", "from", "to", "plus", "minus", "subtract"].iter().find_map(|word| {
            let at = find_phrase(text, word)?;
            find_date(&text[at + word.len()..], today, Lean::Next)
        });
    let anchor = anchor.or_else(|| find_date(text, today, Lean::Next));
    let points_back = ["after that", "from then", "after this", "to that", "before that"]
        .iter()
        .any(|phrase| has_phrase(text, phrase));
    let is_now = ["ago", "from now", "hence", "today", "now", "later"]
        .iter()
        .any(|word| has_phrase(text, word))
        || text.contains(" in ")
        || text.starts_with("in ");
    // "summarise the 3 days after the launch" has nothing to count from.
    if anchor.is_none() && !points_back && !is_now {
        return None;
    }
    let start = anchor.unwrap_or_else(|| today.to_string());
    let sign = if is_back { -1 } else { 1 };
    let mut arguments = match business {
        Some(days) => json!({ "operation": "add_business_days", "business_days": sign * days }),
        None => json!({ "operation": "add" }),
    };
    let needs_time = amounts.iter().any(|(_, unit)| matches!(*unit, "hour" | "minute" | "second"));
    if business.is_none() {
        for (amount, unit) in amounts {
            arguments[format!("{unit}s")] = (sign * amount).into();
        }
    }
    if !(points_back || needs_time && is_now) {
        arguments["date"] = start.into();
    }
    Some(Some((arguments, points_back)))
}

/// The day of the week and the date, in words.
pub(super) fn spoken(day: &str) -> Option<String> {
    let day: Date = day.parse().ok()?;
    Some(day.strftime("%A, %-d %B %Y").to_string())
}

/// Today, as the request's clock has it.
pub(super) fn today(now: jiff::Timestamp) -> Date {
    Zoned::new(now, jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests;
