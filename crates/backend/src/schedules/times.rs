//! What a crontab line means: the next of its times.

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::{Error, Result};

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The first time after `now` that a crontab line means in a time zone.
///
/// A line that names its minutes and hours means what a clock on the wall shows: what that leaps over is done
/// as much later, and what it shows twice is done once. A line whose minutes or hours begin with `*` goes by
/// the time that passes.
pub(super) fn next_run(cron: &str, time_zone: &str, now: Timestamp) -> Result<Timestamp> {
    let Ok(zone) = TimeZone::get(time_zone.trim()) else {
        return Err(Error::field("time_zone", "must be a time zone such as Europe/Berlin or UTC"));
    };
    let wrong = |reason: String| {
        // The first line of the crate's message shows the expression with a zone behind it.
        let reason = reason.lines().next_back().unwrap_or_default().trim();
        Error::field("cron", format!("must be a crontab line such as 30 7 * * 1-5: {reason}"))
    };
    let fields: Vec<_> = cron.split_whitespace().collect();
    let &[minutes, hours, _, _, _] = &fields[..] else {
        return Err(wrong(format!("it has {} fields instead of 5", fields.len())));
    };
    if minutes.starts_with('*') || hours.starts_with('*') {
        return Ok(find_next(&fields, &zone, now).map_err(wrong)?.timestamp());
    }
    // The wall's time, as if it were that of a place whose clocks are never changed.
    let on_the_wall =
        |at: Timestamp| TimeZone::UTC.to_timestamp(at.to_zoned(zone.clone()).datetime());
    let mut shown = on_the_wall(now).map_err(Error::internal)?;
    loop {
        let next = find_next(&fields, &TimeZone::UTC, shown).map_err(wrong)?;
        let at = zone.to_timestamp(next.datetime()).map_err(Error::internal)?;
        // What is shown for the second time was done at the first.
        if at > now {
            return Ok(at);
        }
        shown = next.timestamp();
    }
}

/// The first time after `from` that the fields of a line mean.
fn find_next(fields: &[&str], zone: &TimeZone, from: Timestamp) -> Result<Zoned, String> {
    let first = |line: &str, from: Timestamp| {
        let line = format!("{line} {}", zone.iana_name().unwrap_or("UTC"));
        let line = cronexpr::parse_crontab(&line).map_err(|error| error.to_string())?;
        line.find_next(from).map_err(|error| error.to_string())
    };
    let next = first(&fields.join(" "), from);
    let year = from.to_zoned(zone.clone()).year();
    let decembers = [year, year + 1].into_iter().filter_map(|year| {
        let line = in_december(fields, year)?;
        let begin = date(year, 12, 1).to_zoned(zone.clone()).ok()?.timestamp();
        let found = first(&line, from.max(begin - SignedDuration::from_secs(1))).ok()?;
        ((found.year(), found.month()) == (year, 12)).then_some(found)
    });
    match (decembers.min(), next) {
        (Some(last), Ok(next)) => Ok(last.min(next)),
        (Some(last), Err(_)) => Ok(last),
        (None, next) => next,
    }
}

/// The line as it is in the December of a year, with that month's last days by their numbers; `None` where it
/// asks for no last day. The crate takes a day for the last one when the next is of a month with a higher
/// number, which no day of December is.
fn in_december(fields: &[&str], year: i16) -> Option<String> {
    let last = date(year, 12, 31).weekday().to_sunday_zero_offset();
    let day_of_month = |item: &str| (item == "L").then(|| "31".to_owned());
    let day_of_week = |item: &str| {
        let day = item.strip_suffix('L')?;
        let named = || DAYS.iter().zip(0..).find(|(name, _)| day.eq_ignore_ascii_case(name));
        let number: i8 = day.parse().ok().or_else(|| named().map(|(_, number)| number))?;
        let before = i16::from(last) - i16::from(number);
        Some(format!("{day}#{}", if before.rem_euclid(7) < 3 { 5 } else { 4 }))
    };
    let put = |field: &str, known: &dyn Fn(&str) -> Option<String>| {
        let items = field.split(',').map(|item| known(item).unwrap_or_else(|| item.to_owned()));
        items.collect::<Vec<_>>().join(",")
    };
    let &[minutes, hours, days, months, weekdays] = fields else { return None };
    let (last_day, last_weekday) = (put(days, &day_of_month), put(weekdays, &day_of_week));
    let (last_day, last_weekday) = (last_day.as_str(), last_weekday.as_str());
    ((last_day, last_weekday) != (days, weekdays))
        .then(|| [minutes, hours, last_day, months, last_weekday].join(" "))
}
