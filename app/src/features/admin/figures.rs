//! Numbers with their units, as the language that is spoken writes them.

use resonant_domain::operations;

use crate::language::Language;

/// A number as a person reads it, with its unit: `1,234.5 ms`, in German `1.234,5 ms`.
pub(super) fn figure_text(value: Option<f64>, unit: &str) -> String {
    marked(operations::figure_text(value, unit), Language::current())
}

/// A number that was written in English, with the marks of the language.
fn marked(english: String, language: Language) -> String {
    let mark = |sign| match sign {
        ',' => '.',
        '.' => ',',
        other => other,
    };
    match language {
        Language::English => english,
        Language::German => english.chars().map(mark).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_marks_of_the_language() {
        assert_eq!(figure_text(Some(1_234.5), "ms"), "1,234.5 ms");
        for (english, german) in [("1,234,567.5 ms", "1.234.567,5 ms"), ("100 MiB", "100 MiB")] {
            assert_eq!(marked(english.to_owned(), Language::English), english);
            assert_eq!(marked(english.to_owned(), Language::German), german);
        }
    }
}
