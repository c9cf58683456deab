//! Time zones by the names that people use.

use jiff::Zoned;
use jiff::tz::{Offset, TimeZone};

use crate::tools::tool::ToolError;

/// Abbreviations with one meaning that people expect, in minutes east of UTC. Those that name a
/// season's time are fixed offsets, as they are in print.
#[rustfmt::skip]
const ABBREVIATIONS: [(&str, i32); 24] = [
    ("utc", 0), ("gmt", 0), ("z", 0), ("wet", 0), ("west", 60), ("bst", 60), ("cet", 60), ("cest", 120), ("eet", 120),
    ("eest", 180), ("msk", 180), ("est", -300), ("edt", -240), ("cst", -360), ("cdt", -300), ("mst", -420), ("mdt", -360),
    ("pst", -480), ("pdt", -420), ("akst", -540), ("hst", -600), ("jst", 540), ("aest", 600), ("sgt", 480),
];
/// Names that the database does not end with.
#[rustfmt::skip]
const PLACES: [(&str, &str); 25] = [
    ("ist", "Asia/Kolkata"), ("india", "Asia/Kolkata"), ("mumbai", "Asia/Kolkata"), ("delhi", "Asia/Kolkata"), ("bangalore", "Asia/Kolkata"),
    ("san francisco", "America/Los_Angeles"), ("seattle", "America/Los_Angeles"), ("california", "America/Los_Angeles"),
    ("pacific", "America/Los_Angeles"), ("eastern", "America/New_York"), ("central", "America/Chicago"), ("mountain", "America/Denver"),
    ("boston", "America/New_York"), ("washington", "America/New_York"), ("miami", "America/New_York"), ("nyc", "America/New_York"),
    ("uk", "Europe/London"), ("germany", "Europe/Berlin"), ("munich", "Europe/Berlin"), ("frankfurt", "Europe/Berlin"),
    ("france", "Europe/Paris"), ("spain", "Europe/Madrid"), ("beijing", "Asia/Shanghai"), ("china", "Asia/Shanghai"), ("osaka", "Asia/Tokyo"),
];

/// Finds a zone by its IANA name, a city, an abbreviation or an offset.
pub(super) fn find(name: &str) -> Result<TimeZone, ToolError> {
    guess(name).ok_or_else(|| {
        ToolError::Invalid(format!(
            "{name:?} is not a known time zone; write an IANA name such as Europe/Berlin, or an offset such as +02:00"
        ))
    })
}

/// The same, without a message.
pub(super) fn guess(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    let lower = name.to_lowercase();
    let lower = lower.strip_suffix(" time").unwrap_or(&lower).trim();
    if let Some((_, minutes)) = ABBREVIATIONS.iter().find(|(known, _)| *known == lower) {
        return fixed(*minutes);
    }
    if let Some(zone) = offset(lower) {
        return Some(zone);
    }
    if let Some((_, place)) = PLACES.iter().find(|(known, _)| *known == lower) {
        return TimeZone::get(place).ok();
    }
    if !lower.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let wanted = lower.replace(' ', "_");
    if wanted.contains('/') {
        return TimeZone::get(&wanted).ok();
    }
    let city = format!("/{wanted}");
    let mut names = jiff::tz::db().available();
    let found = names.find(|known| {
        let known = known.as_str().to_lowercase();
        known.ends_with(&city) && !known.starts_with("posix/") && !known.starts_with("right/")
    });
    found
        .and_then(|known| TimeZone::get(known.as_str()).ok())
        .or_else(|| TimeZone::get(&wanted).ok())
}

fn fixed(minutes: i32) -> Option<TimeZone> {
    if minutes == 0 {
        return Some(TimeZone::UTC);
    }
    Some(TimeZone::fixed(Offset::from_seconds(minutes * 60).ok()?))
}

/// `+02:00`, `-0530`, `utc+2`
fn offset(text: &str) -> Option<TimeZone> {
    let text = text.strip_prefix("utc").or_else(|| text.strip_prefix("gmt")).unwrap_or(text).trim();
    let (sign, digits) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix(['-', '−'])?),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number =
        |text: &str| text.parse::<i32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours <= 15 && minutes < 60).then(|| fixed(sign * (hours * 60 + minutes)))?
}

/// What to print for the zone of an instant: "CET (Europe/Berlin)", "UTC", "+02:00".
pub(super) fn name(at: &Zoned) -> String {
    let abbreviation = at.strftime("%Z").to_string();
    match at.time_zone().iana_name() {
        Some("UTC") => "UTC".to_owned(),
        Some(name) if abbreviation.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            format!("{abbreviation} ({name})")
        }
        Some(name) => format!("{} ({name})", at.strftime("%:z")),
        None => at.strftime("%:z").to_string(),
    }
}
