//! Rules for text that people write: length, and characters that no field may hold.

use crate::fault::FieldFault;

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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn shorten_cuts_at_a_word() {
        assert_eq!(shorten("one two three four", 12), "one two…");
        assert_eq!(shorten("one  two", 12), "one two");
    }
}
