//! Numbers and data as people read them.

use serde_json::Value;

use crate::language::number;

/// A number with its thousands set apart: `12,345`.
pub fn grouped(count: u64) -> String {
    number(count)
}

/// A text laid out for reading, and what it is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    /// The text.
    pub text: String,
    /// `json` or `text`.
    pub language: &'static str,
}

/// Lays out a tool's answer: JSON objects and lists with one value a line, anything else as it is.
pub fn lay_out(content: &str) -> Laid {
    let plain = || Laid { text: content.to_owned(), language: "text" };
    if !content.trim_start().starts_with(['{', '[']) {
        return plain();
    }
    serde_json::from_str::<Value>(content).map_or_else(|_| plain(), |value| lay_out_json(&value))
}

/// Lays out a JSON value. A short one stays on one line.
pub fn lay_out_json(value: &Value) -> Laid {
    const SHORT: usize = 64;

    let line = value.to_string();
    let text = if line.len() <= SHORT {
        line
    } else {
        // A value that was read from JSON can be written as JSON.
        serde_json::to_string_pretty(value).unwrap_or(line)
    };
    Laid { text, language: "json" }
}

/// The beginning of a long text, cut after a line where that is near, or `None` for a short one.
pub fn clip(text: &str) -> Option<&str> {
    const LINES: usize = 14;
    const BYTES: usize = 1_400;
    // What is hidden must be worth a click.
    const SLACK: usize = 200;

    let line_end = text.match_indices('\n').nth(LINES - 1).map(|(at, _)| at);
    let byte_end = (text.len() > BYTES + SLACK).then(|| text.floor_char_boundary(BYTES));
    let end = line_end.into_iter().chain(byte_end).min()?;
    let is_worth_it = text.len() - end > SLACK || text[end..].lines().count() > 4;
    is_worth_it.then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn only_json_is_laid_out() {
        assert_eq!(lay_out("{\"a\":1}").text, "{\"a\":1}");
        assert_eq!(lay_out("{ not json").language, "text");
        assert_eq!(lay_out("4").language, "text");
        let long = format!("[\"{}\",\"b\"]", "x".repeat(80));
        assert_eq!(lay_out(&long).text.lines().count(), 4);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clip("short"), None);
        assert_eq!(clip(&"ü".repeat(700)), None);
        let long = "ü".repeat(5_000);
        assert!(clip(&long).is_some_and(|head| head.len() <= 1_400));
        let lines = "line\n".repeat(40);
        assert_eq!(clip(&lines).map(|head| head.lines().count()), Some(14));
        assert_eq!(clip(&"line\n".repeat(16)), None);
    }
}
