//! The first date that a text names.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::calendar::{MONTHS, WEEKDAYS};
use crate::models::builtin::words::has_phrase;

/// Which way a date without a year, or a weekday, is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::models::builtin) enum Lean {
    Next,
    Last,
}

/// The first date that a text names, as `2026-12-24`.
pub(in crate::models::builtin) fn find_date(text: &str, today: Date, lean: Lean) -> Option<String> {
    let lower = text.to_lowercase();
    for (phrase, days) in [
        ("day after tomorrow", 2),
        ("day before yesterday", -2),
        ("today", 0),
        ("now", 0),
        ("tomorrow", 1),
        ("yesterday", -1),
    ] {
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
        let [first, second, third] = parts[..] else {
            continue;
        };
        let (first, second, third): (i16, i8, i16) =
            (first.parse().ok()?, second.parse().ok()?, third.parse().ok()?);
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
    let at = MONTHS.iter().position(|month| {
        *month == word
            || (word.len() == 3 && month.starts_with(word))
            || word == "sept" && *month == "september"
    })?;
    i8::try_from(at + 1).ok()
}

/// `24 December 2026`, `December 24th`, `March 2027`.
fn named(words: &[&str], today: Date, lean: Lean) -> Option<Date> {
    let day_of = |word: &str| -> Option<i8> {
        let digits = word.trim_end_matches(|c: char| c.is_alphabetic());
        let suffix = &word[digits.len()..];
        digits.parse().ok().filter(|day| {
            (1..=31).contains(day) && matches!(suffix, "" | "st" | "nd" | "rd" | "th")
        })
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
        let year = words
            .get(year_at)
            .and_then(|year| year.parse::<i16>().ok())
            .filter(|year| (1000..=9999).contains(year));
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
        ("christmas eve", 12, 24),
        ("christmas", 12, 25),
        ("boxing day", 12, 26),
        ("new year's eve", 12, 31),
        ("new years eve", 12, 31),
        ("new year", 1, 1),
        ("new year's", 1, 1),
        ("new years", 1, 1),
        ("halloween", 10, 31),
        ("valentine's day", 2, 14),
        ("valentines day", 2, 14),
        ("end of the year", 12, 31),
        ("year end", 12, 31),
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
#[expect(clippy::many_single_char_names, reason = "the algorithm is published with these names")]
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
