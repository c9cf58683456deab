//! Things that are found by their form, each once, in the order of the text.

use std::collections::HashSet;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::tools::datetime;
use crate::tools::number::{Number, Style, currency_after, currency_before, scan};

/// Keeps the first of each.
fn unique(found: impl IntoIterator<Item = String>) -> Vec<Value> {
    let mut seen = HashSet::new();
    found.into_iter().filter(|text| seen.insert(text.to_lowercase())).map(Value::from).collect()
}

/// What stands before `at`, as one character.
fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

pub(super) fn emails(text: &str) -> Vec<Value> {
    let is_local = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let is_host = |c: char| c.is_alphanumeric() || ".-".contains(c);
    let found = text.match_indices('@').filter_map(|(at, _)| {
        let (left, right) = (&text[..at], &text[at + 1..]);
        // No address is longer; the bound keeps the search linear.
        let from = left.char_indices().rev().take(80).take_while(|(_, c)| is_local(*c)).last()?.0;
        let to = right
            .char_indices()
            .take(255)
            .take_while(|(_, c)| is_host(*c))
            .last()
            .map(|(at, c)| at + c.len_utf8())?;
        let local = left[from..].trim_start_matches(['.', '-', '%', '+']);
        let host = right[..to].trim_end_matches(['.', '-']);
        let (name, end) = host.rsplit_once('.')?;
        let is_address = !local.is_empty()
            && !local.ends_with('.')
            && !name.is_empty()
            && !host.contains("..")
            && end.len() >= 2
            && end.chars().all(char::is_alphabetic);
        is_address.then(|| format!("{local}@{host}"))
    });
    unique(found)
}

pub(super) fn urls(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((from, is_bare)) = next_url(text, at) {
        let rest = &text[from..];
        let end = rest
            .find(|c: char| {
                c.is_whitespace()
                    || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '“' | '”')
            })
            .unwrap_or(rest.len());
        at = from + end.max(1);
        let mut address = &rest[..end];
        loop {
            let shorter =
                address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_', '’']);
            let is_open = |open, close| {
                shorter.ends_with(close)
                    && shorter.matches(close).count() > shorter.matches(open).count()
            };
            let shorter = if is_open('(', ')') || is_open('[', ']') {
                &shorter[..shorter.len() - 1]
            } else {
                shorter
            };
            if shorter.len() == address.len() || address.len() > 4096 {
                break;
            }
            address = shorter;
        }
        let host = address.split_once("://").map_or(address, |(_, host)| host);
        if address.len() <= 4096
            && host.len() > 3
            && host.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '[')
            && (!is_bare || host[4..].contains('.'))
        {
            found.push(address.to_owned());
        }
    }
    unique(found)
}

/// Where the next address begins, and whether it is without a scheme.
fn next_url(text: &str, from: usize) -> Option<(usize, bool)> {
    let rest = text.get(from..)?;
    let mut at = 0;
    while let Some(found) = rest[at..].find([':', 'w', 'W']) {
        let here = at + found;
        let tail = &rest[here..];
        if tail.starts_with("://") {
            for scheme in ["https", "http", "ftp"] {
                let start = here.checked_sub(scheme.len());
                if let Some(start) = start
                    && rest.get(start..here).is_some_and(|name| name.eq_ignore_ascii_case(scheme))
                {
                    return Some((from + start, false));
                }
            }
        } else if tail.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
            && !before(text, from + here)
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '@' | '-'))
        {
            return Some((from + here, true));
        }
        at = here + 1;
    }
    None
}

pub(super) fn dates(text: &str, now: Timestamp) -> Vec<Value> {
    // Words with their place and what remains of them without punctuation.
    let words: Vec<(usize, &str)> = text
        .split_whitespace()
        .map(|word| {
            let bare = word
                .trim_matches(|c: char| {
                    matches!(
                        c,
                        ',' | ';'
                            | ':'
                            | '('
                            | ')'
                            | '['
                            | ']'
                            | '"'
                            | '\''
                            | '!'
                            | '?'
                            | '“'
                            | '”'
                            | '*'
                            | '|'
                    )
                })
                .trim_end_matches('.');
            (bare.as_ptr() as usize - text.as_ptr() as usize, bare)
        })
        .collect();
    let now = now.to_zoned(TimeZone::UTC);
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut index = 0;
    while index < words.len() {
        let taken = date_at(&words[index..], now.date().year());
        let Some((length, date)) = taken else {
            index += 1;
            continue;
        };
        let (from, _) = words[index];
        let (last, word) = words[index + length - 1];
        let written = &text[from..last + word.len()];
        let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
        if seen.insert(written.to_lowercase()) {
            found.push(json!({ "text": written, "date": date.to_string() }));
        }
        index += length;
    }
    found
}

/// The date that a row of words begins with: how many words, and the day.
fn date_at(words: &[(usize, &str)], this_year: i16) -> Option<(usize, Date)> {
    let word = |index: usize| words.get(index).map(|(_, word)| word.to_lowercase());
    let first = word(0)?;
    if first.len() > 40 {
        return None;
    }
    if let Some(day) = first.get(..10).and_then(|day| day.parse::<Date>().ok())
        && first[10..].chars().next().is_none_or(|c| matches!(c, 't' | 'z' | '_'))
        && first.as_bytes()[4] == b'-'
    {
        return Some((1, day));
    }
    if let Some((day, _)) = datetime::numeric(&first) {
        return Some((1, day));
    }
    let year = |index: usize| {
        let text = word(index)?;
        (text.len() == 4)
            .then(|| text.parse::<i16>().ok().filter(|year| (1000..=2999).contains(year)))?
    };
    let day = |text: &str| {
        datetime::ordinal(text)
            .and_then(|day| i8::try_from(day).ok())
            .filter(|day| (1..=31).contains(day) && text.len() <= 4)
    };
    // 23 November 2026, 23rd of Nov
    if let Some(number) = day(&first) {
        let skip = usize::from(word(1).as_deref() == Some("of"));
        let month = datetime::month(&word(1 + skip)?)?;
        let (length, year) = year(2 + skip).map_or((2 + skip, this_year), |year| (3 + skip, year));
        return Some((length, Date::new(year, month, number).ok()?));
    }
    // November 23, 2026 and November 2026
    let month = datetime::month(&first)?;
    if let Some(year) = year(1) {
        return Some((2, Date::new(year, month, 1).ok()?));
    }
    let number = day(&word(1)?)?;
    let (length, year) = year(2).map_or((2, this_year), |year| (3, year));
    Some((length, Date::new(year, month, number).ok()?))
}

const STYLE: Style = Style { comma: true, spaces: true, exponent: false };

pub(super) fn amounts(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let Some(c) = rest.chars().next() else { break };
        let free = !before(text, at).is_some_and(char::is_alphanumeric);
        let taken = if free && !c.is_ascii_digit() {
            currency_before(rest).and_then(|(code, sign)| {
                let spaces =
                    rest[sign..].len() - rest[sign..].trim_start_matches([' ', '\u{a0}']).len();
                let (value, length) = scan(&rest[sign + spaces..], STYLE)?;
                (spaces <= 1).then_some((code, value, sign + spaces + length))
            })
        } else if free && !matches!(before(text, at), Some('.' | ',')) {
            let (value, length) = scan(rest, STYLE).unwrap_or((Number::ZERO, 0));
            let (value, length) = magnitude(value, rest, length);
            let after = rest[length..].trim_start_matches([' ', '\u{a0}']);
            let gap = rest.len() - length - after.len();
            let currency = currency_after(after).filter(|_| gap <= 2 && length > 0);
            match currency {
                Some((code, sign)) => Some((code, value, length + gap + sign)),
                None if length > 0 => {
                    at += length;
                    continue;
                }
                None => None,
            }
        } else {
            None
        };
        let Some((currency, value, length)) = taken else {
            at += c.len_utf8();
            continue;
        };
        let (value, length) =
            if c.is_ascii_digit() { (value, length) } else { magnitude(value, rest, length) };
        let written = rest[..length].trim();
        if seen.insert(written.to_owned()) {
            found.push(json!({ "text": written, "value": value.json(), "currency": currency }));
        }
        at += length;
    }
    found
}

/// Applies "k", "million" and the like that follow a number of `length` bytes.
fn magnitude(value: Number, text: &str, length: usize) -> (Number, usize) {
    const WORDS: [(&str, i64); 10] = [
        ("thousand", 1_000),
        ("million", 1_000_000),
        ("billion", 1_000_000_000),
        ("trillion", 1_000_000_000_000),
        ("mn", 1_000_000),
        ("bn", 1_000_000_000),
        ("k", 1_000),
        ("K", 1_000),
        ("m", 1_000_000),
        ("M", 1_000_000),
    ];
    if length == 0 {
        return (value, length);
    }
    let rest = &text[length..];
    let after = rest.trim_start_matches([' ', '\u{a0}']);
    let gap = rest.len() - after.len();
    for (word, times) in WORDS {
        let ends = |after: &str| !after.chars().next().is_some_and(char::is_alphanumeric);
        // A single letter belongs to the number only without a space between.
        if gap <= usize::from(word.len() > 1) && after.strip_prefix(word).is_some_and(ends) {
            return (value.multiply(Number::whole(times)), length + gap + word.len());
        }
    }
    (value, length)
}

pub(super) fn numbers(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| c.is_ascii_digit()).map(|found| at + found) {
        let prior = before(text, start);
        let attached = prior.is_some_and(|c| c.is_alphabetic() || c == '_' || c == '#');
        let (value, length) = scan(&text[start..], STYLE).unwrap_or((Number::ZERO, 1));
        at = start + length.max(1);
        let follows = text[at..].chars().next();
        let glued = follows.is_some_and(|c| c == '_' || c.is_alphabetic())
            && !text[at..].starts_with([
                'k', 'K', 'M', 'm', '°', 'x', 'g', 'c', 'h', 's', 'l', 'L', 'G', '€',
            ]);
        // Parts of dates, times, versions and telephone numbers are not numbers of their own.
        let chained = |c: Option<char>, beyond: Option<char>| {
            matches!(c, Some('-' | '/' | ':' | '.')) && beyond.is_some_and(|c| c.is_ascii_digit())
        };
        let mut next = text[at..].chars();
        let after_chain = chained(next.next(), next.next());
        let mut back = text[..start].chars().rev();
        let before_chain = chained(back.next(), back.next());
        if attached || glued || after_chain || before_chain {
            continue;
        }
        let negative = matches!(prior, Some('-' | '−'))
            && !text[..start].chars().rev().nth(1).is_some_and(|c| c.is_alphanumeric() || c == ')');
        found.push(if negative { value.negate() } else { value }.json());
    }
    found
}

pub(super) fn phones(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..]
        .find(|c: char| c.is_ascii_digit() || c == '+' || c == '(')
        .map(|found| at + found)
    {
        let rest = &text[start..];
        let end = rest
            .find(|c: char| {
                !(c.is_ascii_digit()
                    || matches!(c, '+' | '(' | ')' | ' ' | '-' | '.' | '/' | '\u{a0}'))
            })
            .unwrap_or(rest.len());
        at = start + end.max(1);
        let attached = before(text, start).is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '_' | '#' | '$' | '€' | '£' | '=' | ',' | '/')
        });
        let mut run = rest[..end].trim_end_matches([' ', '-', '.', '/', '(', '+', '\u{a0}']);
        // A bracket opened before the number, as in "(call 555 0100)".
        if run.ends_with(')') && !run.contains('(') {
            run = &run[..run.len() - 1];
        }
        let follows = rest[end..].chars().next().filter(|_| end == rest.trim_end().len().min(end));
        if attached
            || follows.is_some_and(|c| {
                (c.is_alphabetic() && rest[..end].ends_with(|x: char| x.is_ascii_digit()))
                    || matches!(c, '@' | '%' | '€')
            })
        {
            continue;
        }
        if is_phone(run) {
            found.push(run.to_owned());
        }
    }
    unique(found)
}

fn is_phone(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    if !(7..=15).contains(&digits)
        || run.matches('+').count() > 1
        || run.rfind('+').is_some_and(|at| at > 0)
        || run.contains("  ")
    {
        return false;
    }
    if run
        .split([' ', '(', ')'])
        .any(|part| datetime::numeric(part).is_some() || part.parse::<Date>().is_ok())
    {
        return false;
    }
    let groups: Vec<&str> =
        run.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let is_international = run.starts_with('+') || run.starts_with("00");
    let is_amount = groups.len() > 1
        && groups[1..].iter().all(|group| group.len() == 3)
        && groups[0].len() <= 3
        && !run.starts_with(['0', '(']);
    let is_address = run.matches('.').count() == 3 && !run.contains([' ', '-']);
    let is_year_range = groups.len() == 2 && groups.iter().all(|group| group.len() == 4);
    let marked = is_international || run.starts_with(['0', '(']);
    if is_address || is_year_range || (is_amount && !marked && !run.contains('-')) {
        return false;
    }
    // One long number without a mark is an identifier; a telephone number comes in short groups.
    marked
        || (groups.len() >= 2 && groups.iter().all(|group| group.len() <= 5) && !run.contains('.')
            || groups.len() == 3 && groups[2].len() == 4)
}

pub(super) fn hashtags(text: &str) -> Vec<Value> {
    let found = text.match_indices('#').filter_map(|(at, _)| {
        if before(text, at)
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '&' | '/' | '#' | '_'))
        {
            return None;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let tag = &rest[..end];
        (tag.len() <= 300 && tag.chars().any(char::is_alphabetic)).then(|| format!("#{tag}"))
    });
    unique(found)
}
