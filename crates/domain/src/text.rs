//! Rules for text that people write: length, and characters that no field may hold.

use serde_json::Value;

use crate::fault::FieldFault;
use crate::scan::is_hidden;

/// What [`check_text`] takes, for the descriptions of texts: without NUL.
#[cfg(feature = "schema")]
pub(crate) const TEXT_PATTERN: &str = r"^[^\x00]*$";
/// The same, not blank.
#[cfg(feature = "schema")]
pub(crate) const SHOWN_PATTERN: &str = r"^[^\x00]*[^\s\x00][^\x00]*$";
/// The same, and one line.
#[cfg(feature = "schema")]
pub(crate) const LINE_PATTERN: &str =
    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// What may not stand in a name, as a part of a class of characters. Where there are more than four digits no
/// two kinds of patterns write them alike.
#[cfg(feature = "schema")]
macro_rules! kept_out {
    () => {
        concat!(
            r"\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b\u200e\u200f",
            r"\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb",
            "\u{e0000}-\u{e0fff}"
        )
    };
}
/// What others know somebody or something by: one line of characters that are seen.
#[cfg(feature = "schema")]
pub const NAME_PATTERN: &str = concat!(
    "^[^",
    kept_out!(),
    r"]*[^\s\u200c\u200d\ufe00-\ufe0f",
    kept_out!(),
    "][^",
    kept_out!(),
    "]*$"
);

/// Checks a one-line or many-line text and reports the first rule it breaks.
///
/// `min` and `max` count Unicode scalar values after trimming. PostgreSQL cannot store NUL, so it is
/// refused here, where the field still has a name.
pub fn check_text(faults: &mut Vec<FieldFault>, field: &str, value: &str, min: usize, max: usize) {
    if value.contains('\0') {
        faults.push(FieldFault::new(field, "must not contain the NUL character"));
        return;
    }
    // Counting stops early for a text far beyond the limit: a UTF-8 scalar takes at most 4 bytes.
    let trimmed = value.trim();
    let count =
        if trimmed.len() > max.saturating_mul(4) { max + 1 } else { trimmed.chars().count() };
    if count < min || count > max {
        faults.push(FieldFault::new(
            field,
            if min == 0 {
                format!("must be at most {max} characters")
            } else {
                format!("must be {min} to {max} characters")
            },
        ));
    }
}

/// The same of a text that must be one line.
pub(crate) fn check_line(
    faults: &mut Vec<FieldFault>,
    field: &str,
    value: &str,
    min: usize,
    max: usize,
) {
    let before = faults.len();
    check_text(faults, field, value, min, max);
    if faults.len() == before && value.chars().any(char::is_control) {
        faults.push(FieldFault::new(field, "must be one line"));
    }
}

/// The same of what others know somebody or something by: nothing stands in it that nobody sees, or that turns
/// around what they read. Joiners stay, which emoji and some scripts are written with.
pub(crate) fn check_name(
    faults: &mut Vec<FieldFault>,
    field: &str,
    value: &str,
    min: usize,
    max: usize,
) {
    let before = faults.len();
    check_line(faults, field, value, min, max);
    if faults.len() > before {
        return;
    }
    if value.chars().any(is_kept_out) {
        faults.push(FieldFault::new(field, "must not contain characters that nobody sees"));
    } else if min > 0 && value.chars().all(is_blank) {
        faults.push(FieldFault::new(field, format!("must be {min} to {max} characters")));
    }
}

/// Whether it has no place in a name: what is hidden, marks of direction, soft hyphens, other ends of lines, and
/// signs that look like nothing.
fn is_kept_out(letter: char) -> bool {
    is_hidden(letter)
        || matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a letter by itself shows nothing.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether a JSON value has NUL anywhere in it, which PostgreSQL's JSON cannot hold.
#[must_use]
pub fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => {
            fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a text is small letters, digits and single hyphens between them.
pub(crate) fn is_slug(text: &str, min: usize, max: usize) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    (min..=max).contains(&text.len()) && text.split('-').all(is_part)
}

/// Checks what somebody wants to be called in URLs and reports the first rule it breaks.
pub(crate) fn check_slug(
    faults: &mut Vec<FieldFault>,
    field: &str,
    slug: &str,
    (min, max): (usize, usize),
    reserved: &[&str],
) {
    if !is_slug(slug, min, max) {
        let reason =
            format!("must be small letters, digits and single hyphens, {min} to {max} characters");
        faults.push(FieldFault::new(field, reason));
    } else if reserved.contains(&slug) {
        faults.push(FieldFault::new(field, "is reserved; choose another one"));
    }
}

/// Shortens a text to at most `max` characters at a word boundary, with an ellipsis when cut.
#[must_use]
pub fn shorten(text: &str, max: usize) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= max {
        return flat;
    }
    let cut: String = flat.chars().take(max.saturating_sub(1)).collect();
    let end = cut.rfind(' ').filter(|at| *at > cut.len() / 2).unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end())
}

/// What Windows-1252 means by the bytes from 0x80 to 0x9F; a blank: what Latin-1 means.
const WINDOWS: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// The text of a file, as whoever wrote it most likely meant it: UTF-8, UTF-16 where its mark says so, and what
/// is neither as spreadsheets write it, in Windows-1252.
#[must_use]
pub fn of_file(bytes: Vec<u8>) -> String {
    let utf16 = |text: &[u8], unit: fn([u8; 2]) -> u16| -> String {
        let units = text.chunks(2).map(|pair| unit([pair[0], *pair.get(1).unwrap_or(&0)]));
        char::decode_utf16(units).map(|read| read.unwrap_or('\u{fffd}')).collect()
    };
    if let Some(text) = bytes.strip_prefix(b"\xff\xfe") {
        return utf16(text, u16::from_le_bytes);
    }
    if let Some(text) = bytes.strip_prefix(b"\xfe\xff") {
        return utf16(text, u16::from_be_bytes);
    }
    let windows = |byte: u8| {
        let place = byte.checked_sub(0x80).map(usize::from);
        let other = place.and_then(|place| WINDOWS.chars().nth(place)).filter(|c| *c != ' ');
        other.unwrap_or_else(|| char::from(byte))
    };
    let text = String::from_utf8(bytes);
    let text = text.unwrap_or_else(|error| error.into_bytes().into_iter().map(windows).collect());
    match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        for (bytes, text) in [
            (&b"caf\xc3\xa9 \xe2\x82\xac"[..], "café €"),
            (b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
            (b"caf\xe9; 5 \x80; \x84ja\x93; \x81\x9f\xff", "café; 5 €; „ja“; \u{81}Ÿÿ"),
            (b"\xff\xfec\0\xe9\0\x3d\xd8\xa5\xdc", "cé💥"),
            (b"\xfe\xff\0c\0\xe9\xd8\x3d", "cé\u{fffd}"),
            (b"\xff\xfec", "c"),
            (b"", ""),
        ] {
            assert_eq!(of_file(bytes.to_vec()), text);
        }
        assert_eq!(WINDOWS.chars().count(), 32);
    }

    #[test]
    fn length_counts_characters_and_names_the_field() {
        for (value, ok) in
            [("", false), ("   ", false), ("é", true), ("éééé", true), ("ééééé", false)]
        {
            let mut faults = Vec::new();
            check_text(&mut faults, "name", value, 1, 4);
            assert_eq!(faults.is_empty(), ok, "{value:?}");
            assert!(faults.iter().all(|fault| fault.field == "name"));
        }
    }

    #[test]
    fn nul_is_refused() {
        let mut faults = Vec::new();
        check_text(&mut faults, "goal", "a\0b", 1, 10);
        assert_eq!(faults.len(), 1);
    }

    #[test]
    fn a_name_shows_all_that_is_in_it() {
        for (name, ok) in [
            ("Ada Lovelace", true),
            ("Zoë 会议 👩\u{200d}💻 ✔\u{fe0f}", true),
            ("می\u{200c}خواهم", true),
            (" עדה ", true),
            ("nada\u{202e}adA", false),
            ("A\u{200b}da", false),
            ("A\u{ad}da", false),
            ("\u{2066}Ada\u{2069}", false),
            ("\u{200f}Ada", false),
            ("Ada\u{e0041}", false),
            ("Ada\u{2028}Admin", false),
            ("Ada\nAdmin", false),
            ("\u{feff}", false),
            ("\u{3164}", false),
            ("\u{2800}", false),
            ("\u{200d} \u{fe0f}", false),
            ("", false),
        ] {
            let mut faults = Vec::new();
            check_name(&mut faults, "name", name, 1, 40);
            assert_eq!(faults.is_empty(), ok, "{name:?}: {faults:?}");
            assert!(faults.len() < 2, "{name:?}: {faults:?}");
        }
        let mut faults = Vec::new();
        check_name(&mut faults, "name", "", 0, 40);
        assert_eq!(faults, []);
    }

    #[test]
    fn shorten_cuts_at_a_word() {
        assert_eq!(shorten("one two three four", 12), "one two…");
        assert_eq!(shorten("one  two", 12), "one two");
    }
}
