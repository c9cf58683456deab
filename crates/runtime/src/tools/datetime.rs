//! Dates, times and time zones. The present instant comes from the context, never from the machine.

mod read;
mod zone;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Unit, Zoned};
use serde_json::{Map, Value, json};

use super::material::{integer, invalid, string};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use read::Moment;
pub(super) use read::{month, numeric, ordinal};

/// Knows today, adds and compares dates, converts time zones.
#[derive(Debug, Clone, Copy)]
pub struct DateTime;

const UNITS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "minutes", "seconds"];

impl Tool for DateTime {
    fn name(&self) -> &'static str {
        "datetime"
    }

    fn description(&self) -> &'static str {
        "Works with dates, times and time zones. `operation`: \"now\" (the present date and time); \"describe\" (weekday, \
         ISO week, day of the year of `date`); \"add\" (`date` plus `years`, `months`, `weeks`, `days`, `hours`, `minutes`, \
         `seconds`; negative numbers subtract); \"difference\" (from `date` to `other`); \"convert\" (`date` in `time_zone` \
         to `to_time_zone`); \"add_business_days\" (`date` plus `business_days`, Monday to Friday); \"business_days_between\" \
         (from `date` to `other`, both included). A date may be written as 2026-11-23, 2026-11-23T14:00Z, 23 Nov 2026 14:00, \
         November 23 2026, 23.11.2026, 11/23/2026, today, tomorrow, next friday, in 3 weeks, 2 days ago, 3pm, end of month, \
         christmas, or a Unix timestamp. Without `date` the present is meant. Public holidays are not known. Answers with \
         JSON whose `text` is a sentence."
    }

    fn parameters(&self) -> Value {
        let mut properties = json!({
            "operation": {
                "type": "string",
                "enum": ["now", "describe", "add", "difference", "convert", "add_business_days", "business_days_between"],
                "description": "What to do.",
            },
            "date": { "type": "string", "minLength": 1, "maxLength": 200, "description": "The date or time to begin with; absent means the present." },
            "other": { "type": "string", "minLength": 1, "maxLength": 200, "description": "The second date, for difference and business_days_between." },
            "business_days": { "type": "integer", "minimum": -100_000, "maximum": 100_000, "description": "How many working days to add, for add_business_days." },
            "time_zone": { "type": "string", "minLength": 1, "maxLength": 100, "description": "The time zone of the dates: an IANA name such as Europe/Berlin, a city, or an offset. UTC when absent." },
            "to_time_zone": { "type": "string", "minLength": 1, "maxLength": 100, "description": "The time zone wanted, for convert." },
        });
        if let Some(map) = properties.as_object_mut() {
            for unit in UNITS {
                let description = format!("How many {unit} to add; negative subtracts.");
                map.insert(unit.into(), json!({ "type": "integer", "description": description }));
            }
        }
        schema::object(&properties, &["operation"])
    }

    fn computes(&self) -> bool {
        false
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments, context) })
    }
}

fn run(arguments: &Value, context: &ToolContext) -> Result<String, ToolError> {
    let zone = string(arguments, "time_zone").map_or(Ok(TimeZone::UTC), zone::find)?;
    let now = context.now.to_zoned(zone);
    let operation = string(arguments, "operation").unwrap_or_default();
    let date = || match (string(arguments, "date"), operation) {
        (Some(text), _) => read::read(text, &now),
        (None, "now" | "describe" | "convert") => {
            Ok(Moment { at: now.clone(), has_time: true, note: None })
        }
        (None, _) => read::read(if has_clock_units(arguments) { "now" } else { "today" }, &now),
    };
    let other = || {
        let text = string(arguments, "other")
            .ok_or_else(|| invalid("`other`, the second date, is missing"))?;
        read::read(text, &now)
    };
    let answer = match operation {
        "now" => describe(&Moment { at: now.clone(), has_time: true, note: None }),
        "describe" => describe(&date()?),
        "add" => add(&date()?, arguments)?,
        "difference" => difference(&date()?, &other()?)?,
        "convert" => {
            let to = string(arguments, "to_time_zone")
                .ok_or_else(|| invalid("`to_time_zone` is missing"))?;
            convert(&date()?, zone::find(to)?)
        }
        "add_business_days" => {
            let count = arguments.get("business_days").and_then(integer);
            add_business_days(
                &date()?,
                count.ok_or_else(|| invalid("`business_days` is missing"))?,
            )?
        }
        "business_days_between" => business_days_between(&date()?, &other()?),
        _ => return Err(invalid(format!("there is no operation {operation:?}"))),
    };
    Ok(Value::Object(answer).to_string())
}

fn has_clock_units(arguments: &Value) -> bool {
    ["hours", "minutes", "seconds"].iter().any(|unit| arguments.get(unit).is_some())
}

/// The facts of a moment, with `text` first.
fn facts(text: String, moment: &Moment) -> Map<String, Value> {
    let Moment { at, has_time, note } = moment;
    let week = at.date().iso_week_date();
    let mut map = Map::new();
    map.insert("text".into(), text.into());
    map.insert("date".into(), at.date().to_string().into());
    if *has_time {
        map.insert("time".into(), at.strftime("%H:%M:%S").to_string().into());
        map.insert("iso".into(), at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into());
        map.insert("time_zone".into(), zone::name(at).into());
        map.insert("unix_seconds".into(), at.timestamp().as_second().into());
    }
    map.insert("weekday".into(), weekday(at.weekday()).into());
    map.insert("iso_week".into(), format!("{}-W{:02}", week.year(), week.week()).into());
    map.insert("day_of_year".into(), at.day_of_year().into());
    map.insert("leap_year".into(), at.in_leap_year().into());
    if let Some(note) = note {
        map.insert("note".into(), (*note).into());
    }
    map
}

fn describe(moment: &Moment) -> Map<String, Value> {
    facts(sentence(moment), moment)
}

fn add(from: &Moment, arguments: &Value) -> Result<Map<String, Value>, ToolError> {
    let too_far = |_| ToolError::Failed("the result lies outside the years -9999 to 9999".into());
    let mut span = Span::new();
    let mut parts = Vec::new();
    for unit in UNITS {
        let Some(value) = arguments.get(unit) else {
            continue;
        };
        let amount =
            integer(value).ok_or_else(|| invalid(format!("`{unit}` must be a whole number")))?;
        span = match unit {
            "years" => span.try_years(amount),
            "months" => span.try_months(amount),
            "weeks" => span.try_weeks(amount),
            "days" => span.try_days(amount),
            "hours" => span.try_hours(amount),
            "minutes" => span.try_minutes(amount),
            _ => span.try_seconds(amount),
        }
        .map_err(too_far)?;
        // A span has one sign; parts with different signs are added one after the other.
        parts.push((unit, amount));
    }
    if parts.is_empty() {
        return Err(invalid(format!(
            "say how much to add in at least one of {}",
            UNITS.join(", ")
        )));
    }
    let mut at = from.at.clone();
    if parts.iter().any(|(_, amount)| *amount < 0) && parts.iter().any(|(_, amount)| *amount > 0) {
        for (unit, amount) in &parts {
            at = at.checked_add(single(unit, *amount).map_err(too_far)?).map_err(too_far)?;
        }
    } else {
        at = at.checked_add(span).map_err(too_far)?;
    }
    let result =
        Moment { at, has_time: from.has_time || has_clock_units(arguments), note: from.note };
    let what: Vec<_> = parts
        .iter()
        .enumerate()
        .map(|(index, (unit, amount))| {
            let word = if *amount < 0 {
                "minus "
            } else if index == 0 {
                "plus "
            } else {
                ""
            };
            format!("{word}{}", counted(amount.unsigned_abs(), unit.trim_end_matches('s')))
        })
        .collect();
    Ok(facts(format!("{} {} is {}", sentence(from), what.join(", "), sentence(&result)), &result))
}

fn single(unit: &str, amount: i64) -> Result<Span, jiff::Error> {
    match unit {
        "years" => Span::new().try_years(amount),
        "months" => Span::new().try_months(amount),
        "weeks" => Span::new().try_weeks(amount),
        "days" => Span::new().try_days(amount),
        "hours" => Span::new().try_hours(amount),
        "minutes" => Span::new().try_minutes(amount),
        _ => Span::new().try_seconds(amount),
    }
}

fn difference(from: &Moment, to: &Moment) -> Result<Map<String, Value>, ToolError> {
    let failed = |error: jiff::Error| ToolError::Failed(error.to_string());
    let mut map = Map::new();
    let has_time = from.has_time || to.has_time;
    let whole = if has_time {
        from.at.until((Unit::Year, &to.at)).map_err(failed)?
    } else {
        from.at.date().until((Unit::Year, to.at.date())).map_err(failed)?
    };
    let days = days_between(from.at.date(), to.at.date());
    let seconds = to.at.timestamp().as_second() - from.at.timestamp().as_second();
    let broken = spelled(&whole);
    let count = if has_time && seconds.unsigned_abs() < 86_400 {
        broken.clone()
    } else {
        counted(days.unsigned_abs(), "day")
    };
    let direction = if seconds < 0 { ", backwards" } else { "" };
    let detail = if broken == count { String::new() } else { format!(" ({broken})") };
    map.insert(
        "text".into(),
        format!("From {} to {}: {count}{detail}{direction}", sentence(from), sentence(to)).into(),
    );
    map.insert("from".into(), iso(from).into());
    map.insert("to".into(), iso(to).into());
    map.insert("days".into(), days.into());
    map.insert("weeks".into(), json!({ "weeks": days / 7, "days": days % 7 }));
    map.insert("broken_down".into(), broken.into());
    if has_time {
        map.insert("total_seconds".into(), seconds.into());
        map.insert("total_hours".into(), hundredths(seconds, 3600).into());
    }
    if let Some(note) = from.note.or(to.note) {
        map.insert("note".into(), note.into());
    }
    Ok(map)
}

fn hundredths(seconds: i64, unit: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of ten thousand years fit")]
    let hours = seconds as f64 / unit as f64;
    (hours * 100.0).round() / 100.0
}

fn convert(from: &Moment, to: TimeZone) -> Map<String, Value> {
    let from = Moment { has_time: true, ..from.clone() };
    let result = Moment { at: from.at.with_time_zone(to), ..from.clone() };
    let text = format!("{} is {}", sentence(&from), sentence(&result));
    let mut map = facts(text, &result);
    map.insert("from".into(), iso(&from).into());
    map
}

fn is_working(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn add_business_days(from: &Moment, count: i64) -> Result<Map<String, Value>, ToolError> {
    let too_far = || ToolError::Failed("the result lies outside the years -9999 to 9999".into());
    let mut at = from.at.clone();
    // Whole weeks at once, the rest day by day.
    let weeks = Span::new().try_weeks(count / 5).map_err(|_| too_far())?;
    let mut left = count % 5;
    if left == 0 && count != 0 && !is_working(at.date()) {
        // Weeks alone would end on a weekend.
        left = 5 * count.signum();
        at = at
            .checked_add(Span::new().try_weeks(count / 5 - count.signum()).map_err(|_| too_far())?)
            .map_err(|_| too_far())?;
    } else {
        at = at.checked_add(weeks).map_err(|_| too_far())?;
    }
    while left != 0 {
        at = if left > 0 { at.tomorrow() } else { at.yesterday() }.map_err(|_| too_far())?;
        if is_working(at.date()) {
            left -= left.signum();
        }
    }
    let result =
        Moment { at, has_time: from.has_time, note: Some("public holidays are not counted") };
    let sign = if count < 0 { "minus" } else { "plus" };
    let text = format!(
        "{} {sign} {} is {}",
        sentence(from),
        counted(count.unsigned_abs(), "business day"),
        sentence(&result)
    );
    Ok(facts(text, &result))
}

fn business_days_between(from: &Moment, to: &Moment) -> Map<String, Value> {
    let (first, last) = (from.at.date().min(to.at.date()), from.at.date().max(to.at.date()));
    let days = days_between(first, last) + 1;
    let mut count = days / 7 * 5;
    let mut date = first;
    for _ in 0..days % 7 {
        count += i64::from(is_working(date));
        date = date.tomorrow().unwrap_or(date);
    }
    let text = format!(
        "{} from {} to {}, both included",
        counted(count.unsigned_abs(), "business day"),
        sentence(&Moment { has_time: false, ..from.clone() }),
        sentence(&Moment { has_time: false, ..to.clone() })
    );
    let mut map = Map::new();
    map.insert("text".into(), text.into());
    map.insert("business_days".into(), count.into());
    map.insert("calendar_days".into(), days.into());
    map.insert("note".into(), "public holidays are not counted".into());
    map
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

fn iso(moment: &Moment) -> String {
    let format = if moment.has_time { "%Y-%m-%dT%H:%M:%S%:z" } else { "%Y-%m-%d" };
    moment.at.strftime(format).to_string()
}

/// "Monday, 23 November 2026, 15:30 UTC"
fn sentence(moment: &Moment) -> String {
    let at: &Zoned = &moment.at;
    let date = at.strftime("%A, %-d %B %Y").to_string();
    if !moment.has_time {
        return date;
    }
    let time = at.strftime(if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" });
    format!("{date}, {time} {}", zone::name(at))
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// "1 year, 2 months, 3 days", without a sign.
fn spelled(span: &Span) -> String {
    let parts = [
        (i64::from(span.get_years()), "year"),
        (i64::from(span.get_months()), "month"),
        (i64::from(span.get_weeks()), "week"),
        (i64::from(span.get_days()), "day"),
        (i64::from(span.get_hours()), "hour"),
        (span.get_minutes(), "minute"),
        (span.get_seconds(), "second"),
    ];
    let words: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, noun)| counted(count.unsigned_abs(), noun))
        .collect();
    if words.is_empty() { "no difference".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
