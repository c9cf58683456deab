//! The languages that Resonant speaks.
//!
//! English is written where it is shown, inside [`tr`]: who reads a view reads what people see. Every
//! other language is one file, `app/languages/<tag>.json`, from the English text to its own; a test
//! finds what is missing or no longer used. To add one, write the file, name it in [`Language`], and
//! add it to `catalogue.rs` and to `server/src/routes/languages.rs`, which hands out its script.
//!
//! The server takes the language from the visitor's choice, or from what the browser asks for
//! (`Accept-Language`, RFC 9110, 12.5.4). The browser goes on in the language of the document, whose
//! words one script has brought before the page comes to life; an English page brings none.

mod catalogue;
#[cfg_attr(
    feature = "ssr",
    expect(clippy::unused_async, reason = "what a browser calls is waited for")
)]
mod choice;
#[cfg(test)]
mod complete;

use std::fmt::{Display, Write as _};

use leptos::prelude::*;
use resonant_domain::money::MicroUsd;

#[cfg(feature = "ssr")]
pub use catalogue::script;
#[cfg(feature = "ssr")]
pub(crate) use catalogue::script_path;
pub use choice::LanguageChoice;

/// The cookie that keeps the choice.
pub(crate) const COOKIE: &str = "resonant_language";

/// A language that Resonant speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, in which everything is written.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The tag of the language (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What the language calls itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// The language of a tag. Regions are not told apart: `de-AT` is German.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The language of exactly this tag, as our own cookie and forms have it.
    #[cfg(feature = "ssr")]
    pub(crate) fn tagged(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// What stands between the groups of three digits, and before the parts of one.
    const fn marks(self) -> (char, char) {
        match self {
            Self::English => (',', '.'),
            Self::German => ('.', ','),
        }
    }

    /// The language that is spoken here and now: on the server that of the request, in the browser that
    /// of the document.
    pub fn current() -> Self {
        if cfg!(feature = "ssr") {
            use_context().unwrap_or_default()
        } else {
            catalogue::of_document()
        }
    }
}

/// The best of our languages for an `Accept-Language` header: the one with the highest weight, the
/// first among equals.
#[cfg_attr(not(feature = "ssr"), expect(dead_code, reason = "the server reads headers"))]
pub fn preferred(header: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in header.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some(language) = parts.next().and_then(Language::of_tag) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let weight = weight.map_or(Ok(1.0), str::parse::<f32>).unwrap_or(0.0);
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// An English text in the language that is spoken; itself where that has no word for it.
///
/// Where one English word means several things, each is asked for with what it is said of:
/// `tr("Cancelled|subscription")`. What stands behind the bar is not shown.
///
/// On the server, call it while a view is made: the request's language is found by the view's owner.
pub fn tr(english: &'static str) -> &'static str {
    let language = Language::current();
    let is_written = language == Language::English;
    let word = if is_written { None } else { catalogue::find(language, english) };
    word.unwrap_or_else(|| english.split('|').next().unwrap_or(english))
}

/// As [`tr`], for a text with `{names}` that values take the places of.
pub fn tr_with(english: &'static str, values: &[(&str, &dyn Display)]) -> String {
    fill(tr(english), values)
}

/// As [`tr`], for a text about so many things, which stands at `{n}`: `{n} run` and `{n} runs`.
pub fn tr_count(one: &'static str, many: &'static str, n: u64) -> String {
    fill(tr(if n == 1 { one } else { many }), &[("n", &number(n))])
}

/// As [`tr`], for a text that came from elsewhere and may be one that is known.
pub fn tr_text(english: String) -> String {
    let language = Language::current();
    if language == Language::English {
        return english;
    }
    catalogue::find_text(language, &english).unwrap_or(english)
}

/// As [`tr_text`], in a language that the caller knows.
#[cfg(feature = "ssr")]
pub(crate) fn said_in(language: Language, english: String) -> String {
    catalogue::find_text(language, &english).unwrap_or(english)
}

/// Marks a text that a table or constant holds and [`tr`] is given later.
pub const fn key(english: &'static str) -> &'static str {
    english
}

/// A whole number with its thousands apart: `12,345`, in German `12.345`.
pub fn number(n: u64) -> String {
    let (group, _) = Language::current().marks();
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    text
}

/// A number that was written with a point, with the mark of the language: `4.5`, in German `4,5`.
pub fn decimal(written: String) -> String {
    match Language::current().marks() {
        (_, '.') => written,
        (_, mark) => written.replace('.', mark.encode_utf8(&mut [0; 4])),
    }
}

/// What something costs: `$1.25`, in German `1,25 $`.
pub fn cost_text(cost: MicroUsd) -> String {
    money(cost.to_string())
}

/// An amount of money that was written in English, as the language has it: `-$1.20`, in German `-1,20 $`.
pub fn money(written: String) -> String {
    match Language::current() {
        Language::English => written,
        Language::German => amount_first(&written),
    }
}

/// The amount before its currency, with a blank that breaks no line.
fn amount_first(written: &str) -> String {
    let is_sign = |sign: char| !sign.is_ascii_digit() && !"-.,".contains(sign);
    let (currency, amount): (String, String) = written.chars().partition(|sign| is_sign(*sign));
    format!("{}\u{a0}{currency}", amount.replace('.', ","))
}

fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            break;
        };
        match values.iter().find(|(known, _)| *known == name) {
            // Writing to a `String` does not fail.
            Some((_, value)) => drop(write!(filled, "{value}")),
            None => drop(write!(filled, "{{{name}}}")),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_is_the_heaviest_of_ours() {
        for (header, expected) in [
            ("de", Some(Language::German)),
            ("de-AT,de;q=0.9,en;q=0.8", Some(Language::German)),
            ("fr,en;q=0.5,de;q=0.4", Some(Language::English)),
            ("en-GB;q=0.3, de;q=0.7", Some(Language::German)),
            ("en,de", Some(Language::English)),
            ("de;q=0", None),
            ("de;q=x", None),
            ("fr, *", None),
            ("", None),
        ] {
            assert_eq!(preferred(header), expected, "{header}");
        }
    }

    #[test]
    fn values_take_their_places() {
        assert_eq!(fill("{a} of {b}", &[("b", &2), ("a", &"one")]), "one of 2");
        assert_eq!(fill("{a} {x} {", &[("a", &"{b}"), ("b", &1)]), "{b} {x} {");
        assert_eq!(fill("", &[]), "");
    }

    #[test]
    fn what_a_word_is_said_of_is_not_shown() {
        assert_eq!(tr("Cancelled|subscription"), "Cancelled");
        assert_eq!(tr("Cancelled"), "Cancelled");
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn a_word_that_means_several_things_has_a_word_for_each() {
        Owner::new().with(|| {
            provide_context(Language::German);
            let said = [tr("Cancelled"), tr("Cancelled|subscription"), tr("Cancelled|purchase")];
            assert_eq!(said, ["Abgebrochen", "Gekündigt", "Storniert"]);
            assert_eq!(tr("No such text|anywhere"), "No such text");
        });
    }

    #[test]
    fn german_has_the_amount_before_the_currency() {
        for (written, german) in [
            ("$1.25", "1,25\u{a0}$"),
            ("$-0.0004", "-0,0004\u{a0}$"),
            ("-$1.20", "-1,20\u{a0}$"),
            ("¥500", "500\u{a0}¥"),
            ("A$5.00", "5,00\u{a0}A$"),
        ] {
            assert_eq!(amount_first(written), german);
        }
        assert_eq!(cost_text(MicroUsd(1_250_000)), "$1.25");
    }

    #[test]
    fn numbers_are_grouped() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(number(n), text);
        }
        assert_eq!(tr_count("{n} run", "{n} runs", 1), "1 run");
        assert_eq!(tr_count("{n} run", "{n} runs", 1_200), "1,200 runs");
    }
}
