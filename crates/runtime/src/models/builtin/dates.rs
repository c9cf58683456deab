//! Questions about dates and times, as arguments of the `datetime` tool.

use jiff::civil::{Date, Weekday};
use jiff::{ToSpan, Zoned};
use serde_json::{Value, json};

use super::words::{digits, find_phrase, has_phrase, plain};

/// A date question of a clause.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DateQuestion {
    /// The tool's arguments.
    pub arguments: Value,
    /// Whether `date` is the date that the question before found.
    pub on_previous: bool,
}

const MONTHS: &[&str] = &[
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
];
const WEEKDAYS: &[(&str, Weekday)] = &[
    ("monday", Weekday::Monday), ("tuesday", Weekday::Tuesday), ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday), ("friday", Weekday::Friday), ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
const UNITS: &[&str] = &["year", "month", "week", "day", "hour", "minute", "second"];

/// Places that are no time zone's own city.
const PLACES: &[(&str, &str)] = &[
    ("beijing", "Asia/Shanghai"), ("china", "Asia/Shanghai"), ("japan", "Asia/Tokyo"), ("mumbai", "Asia/Kolkata"),
    ("delhi", "Asia/Kolkata"), ("new delhi", "Asia/Kolkata"), ("bangalore", "Asia/Kolkata"), ("india", "Asia/Kolkata"),
    ("san francisco", "America/Los_Angeles"), ("seattle", "America/Los_Angeles"), ("california", "America/Los_Angeles"),
    ("la", "America/Los_Angeles"), ("las vegas", "America/Los_Angeles"), ("washington", "America/New_York"),
    ("boston", "America/New_York"), ("miami", "America/New_York"), ("atlanta", "America/New_York"),
    ("nyc", "America/New_York"), ("philadelphia", "America/New_York"), ("dallas", "America/Chicago"),
    ("houston", "America/Chicago"), ("austin", "America/Chicago"), ("texas", "America/Chicago"),
    ("montreal", "America/Toronto"), ("ottawa", "America/Toronto"), ("rio de janeiro", "America/Sao_Paulo"),
    ("rio", "America/Sao_Paulo"), ("munich", "Europe/Berlin"), ("hamburg", "Europe/Berlin"), ("cologne", "Europe/Berlin"),
    ("frankfurt", "Europe/Berlin"), ("germany", "Europe/Berlin"), ("france", "Europe/Paris"), ("spain", "Europe/Madrid"),
    ("barcelona", "Europe/Madrid"), ("italy", "Europe/Rome"), ("milan", "Europe/Rome"), ("geneva", "Europe/Zurich"),
    ("bern", "Europe/Zurich"), ("uk", "Europe/London"), ("england", "Europe/London"), ("edinburgh", "Europe/London"),
    ("portugal", "Europe/Lisbon"), ("kyiv", "Europe/Kiev"), ("tel aviv", "Asia/Jerusalem"), ("hanoi", "Asia/Bangkok"),
    ("utc", "UTC"), ("gmt", "UTC"),
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
    let asks_weekday = ["weekday", "day of the week", "what day", "which day", "week number", "calendar week", "iso week", "day of the year", "what week", "which week"]
        .iter()
        .any(|phrase| has_phrase(&text, phrase));
    if asks_weekday {
        if let Some(date) = find_date(&text, today, Lean::Next) {
            return ask(json!({ "operation": "describe", "date": date }));
        }
        if ["that", "it", "this"].iter().any(|word| has_phrase(&text, word)) {
            return Some(DateQuestion { arguments: json!({ "operation": "describe" }), on_previous: true });
        }
        return ask(json!({ "operation": "describe", "date": today.to_string() }));
    }
    let asks_today = ["today's date", "the date today", "what date is it", "what is the date", "date is today", "what is today"]
        .iter()
        .any(|phrase| has_phrase(&text, phrase));
    if asks_today {
        return ask(json!({ "operation": "describe", "date": today.to_string() }));
    }
    if (text.starts_with("when is") || text.starts_with("what date is")) && text.split(' ').count() <= 8 {
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
    let asks = ["what time", "current time", "time is it", "the time in", "time now", "what's the time", "local time", "time in"]
        .iter()
        .any(|phrase| has_phrase(text, phrase));
    if !asks {
        return None;
    }
    let place = [" in ", " at ", " for "].iter().filter_map(|joint| text.rsplit_once(joint)).find_map(|(_, place)| zone(place));
    Some(json!({ "operation": "now", "time_zone": place.unwrap_or_else(|| "UTC".to_owned()) }))
}

/// "from Europe/Berlin to America/New_York", "15:00 London in Tokyo".
fn two_zones(text: &str) -> Option<(String, String)> {
    for (first, second) in [(" from ", " to "), (" in ", " to "), (" in ", " in "), (" ", " in ")] {
        let Some((left, to)) = text.rsplit_once(second) else { continue };
        let from = if first == " " {
            // The place stands behind the time.
            (0..left.len()).filter(|at| left.is_char_boundary(*at) && (*at == 0 || left[..*at].ends_with(' '))).find_map(|at| zone(&left[at..]))
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
            ["Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"].iter().any(|area| name.starts_with(area))
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
    let counts = text.contains("how many") || text.contains("how long") || text.contains("how old") || text.starts_with("days ")
        || has_phrase(text, "time between") || has_phrase(text, "days between") || has_phrase(text, "days until");
    if !counts || !(UNITS.iter().any(|unit| text.contains(unit)) || text.contains("how long") || text.contains("how old")) {
        return None;
    }
    let is_business = ["business day", "working day", "work day", "workday", "weekday"].iter().any(|word| text.contains(word));
    let operation = if is_business { "business_days_between" } else { "difference" };
    for (first, second) in [("between ", " and "), ("from ", " to "), ("from ", " until "), ("from ", " till ")] {
        if let Some(at) = text.find(first)
            && let Some((left, right)) = text[at + first.len()..].split_once(second)
            && let (Some(from), Some(to)) = (find_date(left, today, Lean::Next), find_date(right, today, Lean::Next))
        {
            return Some(json!({ "operation": operation, "date": from, "other": to }));
        }
    }
    for (word, lean) in [
        ("until", Lean::Next), ("till", Lean::Next), ("before", Lean::Next), ("to go to", Lean::Next),
        ("left to", Lean::Next), ("to", Lean::Next), ("since", Lean::Last), ("has passed since", Lean::Last), ("born on", Lean::Last), ("born", Lean::Last),
        ("left in", Lean::Next), ("away is", Lean::Next),
    ] {
        let Some(at) = find_phrase(text, word) else { continue };
        let Some(found) = find_date(&text[at + word.len()..], today, lean) else { continue };
        let (date, other) = if lean == Lean::Last { (found, today.to_string()) } else { (today.to_string(), found) };
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
        let number = if matches!(*word, "a" | "an") { Ok(1) } else { word.trim_start_matches('+').parse::<i64>() };
        let Ok(number) = number else { continue };
        let Some(next) = words.get(at + 1) else { continue };
        if matches!(*next, "business" | "working" | "work") && words.get(at + 2).is_some_and(|day| day.starts_with("day")) {
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
    let is_back = text.starts_with("subtract") || ["before", "ago", "minus", "earlier"].iter().any(|word| has_phrase(text, word));
    let is_on = text.starts_with("add") || text.starts_with("in ")
        || ["after", "from", "plus", "later", "hence", "from now"].iter().any(|word| has_phrase(text, word))
        || ((text.starts_with("what date") || text.starts_with("which date") || text.starts_with("what day") || text.starts_with("when")) && has_phrase(text, "in"));
    if !is_back && !is_on {
        return None;
    }
    let anchor = ["after", "before", "from", "to", "plus", "minus", "subtract"].iter().find_map(|word| {
        let at = find_phrase(text, word)?;
        find_date(&text[at + word.len()..], today, Lean::Next)
    });
    let anchor = anchor.or_else(|| find_date(text, today, Lean::Next));
    let points_back = ["after that", "from then", "after this", "to that", "before that"].iter().any(|phrase| has_phrase(text, phrase));
    let is_now = ["ago", "from now", "hence", "today", "now", "later"].iter().any(|word| has_phrase(text, word)) || text.contains(" in ") || text.starts_with("in ");
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
    if !points_back && !(needs_time && is_now) {
        arguments["date"] = start.into();
    }
    Some(Some((arguments, points_back)))
}

/// Which way a date without a year, or a weekday, is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lean {
    Next,
    Last,
}

/// The first date that a text names, as `2026-12-24`.
pub(super) fn find_date(text: &str, today: Date, lean: Lean) -> Option<String> {
    let lower = text.to_lowercase();
    for (phrase, days) in [("day after tomorrow", 2), ("day before yesterday", -2), ("today", 0), ("now", 0), ("tomorrow", 1), ("yesterday", -1)] {
        if has_phrase(&lower, phrase) {
            return today.checked_add(days.days()).ok().map(|day| day.to_string());
        }
    }
    let words: Vec<_> = lower
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect();
    let dated = words.iter().find_map(|word| numeric(word)).or_else(|| named(&words, today, lean));
    if let Some(day) = dated.or_else(|| feast(&lower, today, lean)) {
        return Some(day.to_string());
    }
    words.iter().enumerate().find_map(|(at, word)| {
        let (_, weekday) = WEEKDAYS.iter().find(|(name, _)| name == word)?;
        let is_last = lean == Lean::Last || (at > 0 && words[at - 1] == "last");
        let day = today.nth_weekday(if is_last { -1 } else { 1 }, *weekday).ok()?;
        Some(day.to_string())
    })
}

/// `2027-03-01`, `2027/3/1`, `24.12.2026`.
fn numeric(word: &str) -> Option<Date> {
    let word = word.split('t').next().unwrap_or(word);
    for separator in ['-', '/', '.'] {
        let parts: Vec<_> = word.split(separator).collect();
        let [first, second, third] = parts[..] else { continue };
        let (first, second, third): (i16, i8, i16) = (first.parse().ok()?, second.parse().ok()?, third.parse().ok()?);
        if first > 31 {
            return Date::new(first, second, i8::try_from(third).ok()?).ok();
        }
        // Day and month of 3/4/2026 differ between countries; with dots the day stands first.
        let day = i8::try_from(first).ok()?;
        return match separator {
            '.' => Date::new(third, second, day).ok(),
            _ if day > 12 => Date::new(third, second, day).ok(),
            _ if second > 12 => Date::new(third, day, second).ok(),
            _ => None,
        };
    }
    None
}

fn month(word: &str) -> Option<i8> {
    let at = MONTHS.iter().position(|month| *month == word || (word.len() == 3 && month.starts_with(word)) || word == "sept" && *month == "september")?;
    i8::try_from(at + 1).ok()
}

/// `24 December 2026`, `December 24th`, `March 2027`.
fn named(words: &[&str], today: Date, lean: Lean) -> Option<Date> {
    let day_of = |word: &str| -> Option<i8> {
        let digits = word.trim_end_matches(|c: char| c.is_alphabetic());
        let suffix = &word[digits.len()..];
        digits.parse().ok().filter(|day| (1..=31).contains(day) && matches!(suffix, "" | "st" | "nd" | "rd" | "th"))
    };
    words.iter().enumerate().find_map(|(at, word)| {
        let month = month(word)?;
        // "may" is more often a verb.
        let before = at.checked_sub(1).and_then(|before| match words[before] {
            "of" => day_of(words.get(before.checked_sub(1)?)?),
            word => day_of(word),
        });
        let after = words.get(at + 1).and_then(|word| day_of(word));
        let (day, year_at) = match (before, after) {
            (Some(day), _) => (day, at + 1),
            (None, Some(day)) => (day, at + 2),
            (None, None) => (1, at + 1),
        };
        let year = words.get(year_at).and_then(|year| year.parse::<i16>().ok()).filter(|year| (1000..=9999).contains(year));
        if before.is_none() && after.is_none() && year.is_none() && *word == "may" {
            return None;
        }
        match year {
            Some(year) => Date::new(year, month, day).ok(),
            None => nearest(month, day, today, lean),
        }
    })
}

fn nearest(month: i8, day: i8, today: Date, lean: Lean) -> Option<Date> {
    let this = Date::new(today.year(), month, day).ok()?;
    match lean {
        Lean::Next if this < today => Date::new(today.year() + 1, month, day).ok(),
        Lean::Last if this > today => Date::new(today.year() - 1, month, day).ok(),
        _ => Some(this),
    }
}

/// Days that go by a name.
fn feast(text: &str, today: Date, lean: Lean) -> Option<Date> {
    for (name, month, day) in [
        ("christmas eve", 12, 24), ("christmas", 12, 25), ("boxing day", 12, 26), ("new year's eve", 12, 31),
        ("new years eve", 12, 31), ("new year", 1, 1), ("new year's", 1, 1), ("new years", 1, 1), ("halloween", 10, 31),
        ("valentine's day", 2, 14), ("valentines day", 2, 14), ("end of the year", 12, 31), ("year end", 12, 31),
        ("end of this year", 12, 31),
    ] {
        if has_phrase(text, name) {
            return nearest(month, day, today, lean);
        }
    }
    if has_phrase(text, "end of the month") || has_phrase(text, "end of this month") {
        return Some(today.last_of_month());
    }
    if has_phrase(text, "easter") {
        let this = easter(today.year())?;
        return match lean {
            Lean::Next if this < today => easter(today.year() + 1),
            Lean::Last if this > today => easter(today.year() - 1),
            _ => Some(this),
        };
    }
    None
}

/// Easter Sunday (the anonymous Gregorian algorithm).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
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
mod tests {
    use jiff::civil::date;

    use super::*;

    fn asked(clause: &str) -> Option<Value> {
        question(clause, "2026-11-23T15:30:00Z".parse().unwrap()).map(|question| question.arguments)
    }

    #[test]
    fn date_questions_become_arguments() {
        for (clause, expected) in [
            ("How many days until 24 December?", json!({"operation": "difference", "date": "2026-11-23", "other": "2026-12-24"})),
            ("how many days until christmas", json!({"operation": "difference", "date": "2026-11-23", "other": "2026-12-25"})),
            ("How many days are there between 2026-03-15 and 2026-12-01?", json!({"operation": "difference", "date": "2026-03-15", "other": "2026-12-01"})),
            ("How many weeks and days are there between 2026-03-01 and 2026-11-23?", json!({"operation": "difference", "date": "2026-03-01", "other": "2026-11-23"})),
            ("how many working days until 1 March 2027", json!({"operation": "business_days_between", "date": "2026-11-23", "other": "2027-03-01"})),
            ("how many days since 1 January", json!({"operation": "difference", "date": "2026-01-01", "other": "2026-11-23"})),
            ("what weekday is 2027-03-01", json!({"operation": "describe", "date": "2027-03-01"})),
            ("what day is it today?", json!({"operation": "describe", "date": "2026-11-23"})),
            ("What time is it in Tokyo?", json!({"operation": "now", "time_zone": "Asia/Tokyo"})),
            ("What time is it now in Asia/Tokyo?", json!({"operation": "now", "time_zone": "Asia/Tokyo"})),
            ("what time is it in San Francisco right now", json!({"operation": "now", "time_zone": "America/Los_Angeles"})),
            ("what time is it", json!({"operation": "now", "time_zone": "UTC"})),
            ("Convert 2026-12-03 15:00 from Europe/Berlin to America/New_York.", json!({"operation": "convert", "date": "2026-12-03 15:00", "time_zone": "Europe/Berlin", "to_time_zone": "America/New_York"})),
            ("what is 3pm London in Tokyo", json!({"operation": "convert", "date": "2026-11-23 15:00", "time_zone": "Europe/London", "to_time_zone": "Asia/Tokyo"})),
            ("add 3 weeks to today", json!({"operation": "add", "weeks": 3, "date": "2026-11-23"})),
            ("What date is 90 days after 17 September 2026", json!({"operation": "add", "days": 90, "date": "2026-09-17"})),
            ("what date is it in two weeks", json!({"operation": "add", "weeks": 2, "date": "2026-11-23"})),
            ("5 business days from 2026-12-23", json!({"operation": "add_business_days", "business_days": 5, "date": "2026-12-23"})),
            ("what was the date 3 months ago", json!({"operation": "add", "months": -3, "date": "2026-11-23"})),
            ("when is easter", json!({"operation": "describe", "date": "2027-03-28"})),
        ] {
            assert_eq!(asked(clause), Some(expected), "{clause}");
        }
        for clause in ["list the dates", "summarise the 3 days of the fair", "what is 2 + 2", "how many days each one is away", "which rows have a date after May"] {
            assert_eq!(asked(clause), None, "{clause}");
        }
    }

    #[test]
    fn a_question_may_go_on_from_the_one_before() {
        let question = question("which weekday is that?", "2026-11-23T15:30:00Z".parse().unwrap()).unwrap();
        assert!(question.on_previous);
    }

    #[test]
    fn dates_are_found_in_many_forms() {
        let today = date(2026, 11, 23);
        for (text, expected) in [
            ("24 December", Some("2026-12-24")),
            ("December 24th, 2028", Some("2028-12-24")),
            ("the 3rd of March", Some("2027-03-03")),
            ("24.12.2026", Some("2026-12-24")),
            ("next friday", Some("2026-11-27")),
            ("last friday", Some("2026-11-20")),
            ("tomorrow", Some("2026-11-24")),
            ("end of the month", Some("2026-11-30")),
            ("you may go", None),
            ("3/4/2026", None),
        ] {
            assert_eq!(find_date(text, today, Lean::Next).as_deref(), expected, "{text}");
        }
    }
}
