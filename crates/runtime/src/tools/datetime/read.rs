//! Reads dates and times as people write them.

use jiff::civil::{self, Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

use super::zone;
use crate::calendar::{MONTHS, WEEKDAYS};
use crate::tools::tool::ToolError;

/// A date that was read, and whether a time of day was given with it.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) at: Zoned,
    pub(super) has_time: bool,
    /// How an ambiguous date was taken.
    pub(super) note: Option<&'static str>,
}

/// Reads a date; `now` gives what it leaves out, and the time zone.
pub(super) fn read(text: &str, now: &Zoned) -> Result<Moment, ToolError> {
    let lower = text.to_lowercase();
    let lower = lower.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = lower.trim_end_matches(['.', '?', '!']);
    let found = machine(text.trim(), now)
        .or_else(|| phrase(lower, now).and_then(|date| day(date, now)))
        .or_else(|| relative(lower, now))
        .or_else(|| words(lower, now));
    found.ok_or_else(|| {
        ToolError::Invalid(format!(
            "{:?} is not understood as a date; write it like 2026-11-23 or 2026-11-23T14:00",
            resonant_domain::text::shorten(text, 80)
        ))
    })
}

fn moment(at: Zoned, has_time: bool) -> Moment {
    Moment { at, has_time, note: None }
}

fn day(date: Date, now: &Zoned) -> Option<Moment> {
    Some(moment(date.to_zoned(now.time_zone().clone()).ok()?, false))
}

/// The formats that programs write.
fn machine(text: &str, now: &Zoned) -> Option<Moment> {
    let zone = || now.time_zone().clone();
    if let Ok(zoned) = text.parse::<Zoned>() {
        return Some(moment(zoned, true));
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        // The offset that was written is kept: it is the zone that the writer meant.
        let offset =
            text.rfind(['+', '-']).filter(|at| *at > 10).and_then(|at| zone::guess(&text[at..]));
        return Some(moment(instant.to_zoned(offset.unwrap_or_else(zone)), true));
    }
    if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
        return Some(moment(zoned, true));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let instant = match text.len() {
            4 => return day(Date::new(text.parse().ok()?, 1, 1).ok()?, now),
            9..=11 => Timestamp::from_second(text.parse().ok()?).ok()?,
            13 => Timestamp::from_millisecond(text.parse().ok()?).ok()?,
            _ => return day(text.parse().ok()?, now),
        };
        return Some(moment(instant.to_zoned(zone()), true));
    }
    if let Ok(date) = text.parse::<Date>()
        && !text.contains(':')
    {
        return day(date, now);
    }
    if let Ok(datetime) = text.parse::<civil::DateTime>() {
        return datetime.to_zoned(zone()).ok().map(|at| moment(at, true));
    }
    iso_week(text).and_then(|date| day(date, now))
}

/// `2026-W48` and `2026-W48-3`
fn iso_week(text: &str) -> Option<Date> {
    let (year, rest) = text.split_once(['-', ' '])?;
    let rest = rest.strip_prefix(['W', 'w'])?;
    let (week, weekday) = rest.split_once('-').unwrap_or((rest, "1"));
    let weekday = Weekday::from_monday_one_offset(weekday.parse().ok()?).ok()?;
    Some(civil::ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, weekday).ok()?.date())
}

/// Whole phrases that name a day.
fn phrase(text: &str, now: &Zoned) -> Option<Date> {
    let today = now.date();
    let after = |span: Span| today.checked_add(span).ok();
    let text = text.strip_prefix("the ").unwrap_or(text);
    match text {
        "today" => Some(today),
        "tomorrow" => after(1.day()),
        "yesterday" => after(-1.day()),
        "day after tomorrow" => after(2.days()),
        "day before yesterday" => after(-2.days()),
        "next week" => after(1.week()),
        "last week" => after(-1.week()),
        "next month" => after(1.month()),
        "last month" => after(-1.month()),
        "next year" => after(1.year()),
        "last year" => after(-1.year()),
        "start of month" | "start of the month" | "beginning of the month" => {
            Some(today.first_of_month())
        }
        "end of month" | "end of the month" | "end of this month" | "last day of the month" => {
            Some(today.last_of_month())
        }
        "start of year" | "start of the year" | "beginning of the year" => {
            Some(today.first_of_year())
        }
        "end of year" | "end of the year" | "end of this year" => Some(today.last_of_year()),
        "start of next month" => after(1.month()).map(Date::first_of_month),
        "end of next month" => after(1.month()).map(Date::last_of_month),
        "christmas" | "christmas day" | "xmas" => upcoming(today, 12, 25),
        "christmas eve" => upcoming(today, 12, 24),
        "new year" | "new year's day" | "new years day" | "new year’s day" => {
            upcoming(today, 1, 1)
        }
        "new year's eve" | "new years eve" | "new year’s eve" => upcoming(today, 12, 31),
        "halloween" => upcoming(today, 10, 31),
        "valentine's day" | "valentines day" | "valentine’s day" => upcoming(today, 2, 14),
        _ => {
            let (which, name) = text.split_once(' ').unwrap_or(("this", text));
            let weekday = weekday(if which == "on" { text.strip_prefix("on ")? } else { name })?;
            match which {
                "this" | "on" | "coming" => after(until(today, weekday).days()),
                "next" => {
                    after(Some(until(today, weekday)).filter(|days| *days > 0).unwrap_or(7).days())
                }
                "last" | "previous" => after((until(today, weekday) - 7).days()),
                _ => None,
            }
        }
    }
}

/// How many days until that weekday, 0 to 6.
fn until(today: Date, weekday: Weekday) -> i64 {
    i64::from(today.weekday().until(weekday))
}

fn upcoming(today: Date, month: i8, day: i8) -> Option<Date> {
    let this = Date::new(today.year(), month, day).ok()?;
    if this >= today { Some(this) } else { Date::new(today.year() + 1, month, day).ok() }
}

/// "now", "in 3 days", "2 weeks ago", "an hour from now".
fn relative(text: &str, now: &Zoned) -> Option<Moment> {
    if matches!(text, "now" | "right now" | "the present" | "present") {
        return Some(moment(now.clone(), true));
    }
    let (sign, rest) = if let Some(rest) = text.strip_prefix("in ") {
        (1, rest)
    } else if let Some(rest) = text.strip_suffix(" ago") {
        (-1, rest)
    } else {
        let ends = [" from now", " from today", " later", " hence"];
        (1, ends.iter().find_map(|end| text.strip_suffix(end))?)
    };
    let mut at = now.clone();
    let mut has_time = false;
    let mut any = false;
    let mut parts = rest.split([' ', ',']).filter(|word| !word.is_empty() && *word != "and");
    while let Some(count) = parts.next() {
        let count: i64 = match count {
            "a" | "an" | "one" => 1,
            "two" => 2,
            "three" => 3,
            "four" => 4,
            "five" => 5,
            "six" => 6,
            "seven" => 7,
            "ten" => 10,
            digits => digits.parse().ok()?,
        };
        let count = count.checked_mul(sign)?;
        let span = match parts.next()?.trim_end_matches('s') {
            "year" => Span::new().try_years(count),
            "month" => Span::new().try_months(count),
            "week" => Span::new().try_weeks(count),
            "fortnight" => Span::new().try_weeks(count.checked_mul(2)?),
            "day" => Span::new().try_days(count),
            unit => {
                has_time = true;
                match unit {
                    "hour" | "hr" | "h" => Span::new().try_hours(count),
                    "minute" | "min" => Span::new().try_minutes(count),
                    "second" | "sec" => Span::new().try_seconds(count),
                    _ => return None,
                }
            }
        };
        at = at.checked_add(span.ok()?).ok()?;
        any = true;
    }
    if !any {
        return None;
    }
    if has_time { Some(moment(at, true)) } else { day(at.date(), now) }
}

/// A date, a time and a zone as a row of words, in any order.
fn words(text: &str, now: &Zoned) -> Option<Moment> {
    let mut parts = Parts::default();
    let spaced = text.replace(',', " ");
    let mut rest: Vec<&str> = spaced.split_whitespace().collect();
    // A day phrase before or after a time: "tomorrow at 3pm", "next friday 14:00".
    for length in (1..=rest.len().min(4)).rev() {
        if let Some(date) = phrase(&rest[..length].join(" "), now) {
            // A bare weekday only accompanies the date that follows it.
            if length == 1
                && weekday(rest[0]).is_some()
                && rest[1..].iter().any(|word| month(word).is_some() || numeric(word).is_some())
            {
                break;
            }
            parts.date = Some(date);
            rest.drain(..length);
            break;
        }
    }
    let mut index = 0;
    while index < rest.len() {
        let word = rest[index];
        let next = rest.get(index + 1).copied();
        index += 1;
        let is_filler =
            matches!(word, "at" | "of" | "the" | "on" | "in" | "time" | "o'clock" | "day");
        if is_filler || weekday(word).is_some() {
            continue;
        }
        if let Some((time, used_next)) = time(word, next) {
            parts.time = Some(time);
            index += usize::from(used_next);
        } else if let Some(month) = month(word) {
            parts.month = Some(month);
        } else if let Some((date, note)) = numeric(word) {
            parts.date = Some(date);
            parts.note = note;
        } else if let Some(number) = ordinal(word) {
            if parts.day.is_none() && (1..=31).contains(&number) {
                parts.day = i8::try_from(number).ok();
            } else if parts.year.is_none()
                && (parts.day.is_some() || parts.month.is_some() || number > 31)
            {
                parts.year = i16::try_from(if number < 70 {
                    2000 + number
                } else if number < 100 {
                    1900 + number
                } else {
                    number
                })
                .ok();
            } else {
                return None;
            }
        } else if let Ok(date) = word.parse::<Date>() {
            parts.date = Some(date);
        } else if let Some(last) = word
            .split_once('t')
            .and_then(|(date, time)| Some((date.parse::<Date>().ok()?, time.parse::<Time>().ok()?)))
        {
            parts.date = Some(last.0);
            parts.time = Some(last.1);
        } else if let Some(zone) = zone::guess(word) {
            parts.zone = Some(zone);
        } else if let Some(zone) = next.and_then(|next| zone::guess(&format!("{word} {next}"))) {
            parts.zone = Some(zone);
            index += 1;
        } else {
            return None;
        }
    }
    parts.assemble(now)
}

#[derive(Default)]
struct Parts {
    date: Option<Date>,
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
    time: Option<Time>,
    zone: Option<TimeZone>,
    note: Option<&'static str>,
}

impl Parts {
    fn assemble(self, now: &Zoned) -> Option<Moment> {
        let zone = self.zone.clone().unwrap_or_else(|| now.time_zone().clone());
        let today = now.with_time_zone(zone.clone()).date();
        let date = match (self.date, self.day, self.month, self.year) {
            (Some(date), None, None, None) => date,
            (None, Some(day), Some(month), year) => {
                Date::new(year.unwrap_or(today.year()), month, day).ok()?
            }
            (None, None, Some(month), Some(year)) => Date::new(year, month, 1).ok()?,
            (None, None, None, None) if self.time.is_some() || self.zone.is_some() => today,
            _ => return None,
        };
        let time = self.time.unwrap_or_else(Time::midnight);
        let at = date.to_datetime(time).to_zoned(zone).ok()?;
        Some(Moment { at, has_time: self.time.is_some(), note: self.note })
    }
}

/// The month of that name or its beginning.
pub(in crate::tools) fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    let found = MONTHS.iter().position(|name| {
        word == *name || word.len() >= 3 && word.len() <= 4 && name.starts_with(word)
    });
    found.and_then(|index| i8::try_from(index + 1).ok())
}

fn weekday(word: &str) -> Option<Weekday> {
    let word = word.trim_end_matches('.');
    let found = WEEKDAYS
        .iter()
        .find(|(name, _)| word == *name || (3..=5).contains(&word.len()) && name.starts_with(word));
    found.map(|(_, day)| *day)
}

/// `23rd`, `23.`, `23`, `2026`
pub(in crate::tools) fn ordinal(word: &str) -> Option<i32> {
    let digits = word.trim_end_matches('.');
    let digits =
        ["st", "nd", "rd", "th"].iter().find_map(|end| digits.strip_suffix(end)).unwrap_or(digits);
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Three numbers with `/`, `.` or `-` between, and how an ambiguous order was taken.
pub(in crate::tools) fn numeric(word: &str) -> Option<(Date, Option<&'static str>)> {
    let sign = ['/', '.', '-'].into_iter().find(|sign| word.contains(*sign))?;
    let parts: Vec<&str> = word.split(sign).collect();
    let [a, b, c] = parts[..] else { return None };
    if [a, b, c]
        .iter()
        .any(|part| part.is_empty() || part.len() > 4 || !part.bytes().all(|x| x.is_ascii_digit()))
    {
        return None;
    }
    let number = |text: &str| text.parse::<i16>().ok();
    let (first, second, third) = (number(a)?, number(b)?, number(c)?);
    let short = |value: i16| i8::try_from(value).ok();
    if a.len() == 4 {
        return Some((Date::new(first, short(second)?, short(third)?).ok()?, None));
    }
    let year = if c.len() == 4 {
        third
    } else if third < 70 {
        2000 + third
    } else {
        1900 + third
    };
    let month_first = sign == '/' && first <= 12;
    let (day, month) = if month_first && second <= 31 { (second, first) } else { (first, second) };
    let note = (month_first && second <= 12 && first != second).then_some("read as month/day/year");
    Some((Date::new(year, short(month)?, short(day)?).ok()?, note))
}

/// A time of day, and whether the next word (am, pm) belonged to it.
fn time(word: &str, next: Option<&str>) -> Option<(Time, bool)> {
    match word {
        "noon" | "midday" => return Some((Time::new(12, 0, 0, 0).ok()?, false)),
        "midnight" => return Some((Time::midnight(), false)),
        _ => {}
    }
    let half = |text: &str| match text {
        "am" | "a.m." | "a.m" => Some(0),
        "pm" | "p.m." | "p.m" => Some(12),
        _ => None,
    };
    let ends = ["a.m.", "p.m.", "am", "pm"].into_iter().find(|end| word.ends_with(end));
    let (digits, shift, used_next) = match (ends, next.and_then(half)) {
        (Some(end), _) => (&word[..word.len() - end.len()], half(end), false),
        (None, Some(shift)) => (word, Some(shift), true),
        (None, None) => (word, None, false),
    };
    let mut parts = digits.split(':');
    // An absent part is nothing, a wrong one an error.
    let mut number = || -> Result<Option<i8>, ()> {
        let Some(part) = parts.next() else {
            return Ok(None);
        };
        let is_valid = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if is_valid { Ok(part.parse().ok()) } else { Err(()) }
    };
    let hour = number().ok()??;
    let minute = number().ok()?;
    let second = number().ok()?;
    if parts.next().is_some() || (shift.is_none() && minute.is_none()) {
        return None;
    }
    let hour = match shift {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(shift) => hour % 12 + shift,
        None => hour,
    };
    Some((Time::new(hour, minute.unwrap_or(0), second.unwrap_or(0), 0).ok()?, used_next))
}
