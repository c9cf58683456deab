//! Texts with values in them, recognised when the values are there already: what the use cases say.

/// The value that is always a number.
const COUNT: &str = "n";

/// A text with places for values.
pub struct Pattern {
    /// What stands before, between and after the values.
    pieces: Vec<&'static str>,
    names: Vec<&'static str>,
    word: &'static str,
}

impl Pattern {
    /// So much of a text must be known, so that not everything is taken for it.
    const LEAST: usize = 11;
    /// And so much where a value stands before the rest: many a sentence has an “of” in it.
    const LEAST_BEHIND_A_VALUE: usize = 20;

    /// The pattern of an English text and its word; `None` for one without values, or of little else.
    pub fn new(english: &'static str, word: &'static str) -> Option<Self> {
        let (mut pieces, mut names, mut rest) = (Vec::new(), Vec::new(), english);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            pieces.push(before);
            names.push(name);
            rest = behind;
        }
        pieces.push(rest);
        let begins_with_value = pieces.first().is_some_and(|first| first.is_empty());
        let least = if begins_with_value { Self::LEAST_BEHIND_A_VALUE } else { Self::LEAST };
        let pattern = Self { pieces, names, word };
        (!pattern.names.is_empty() && pattern.weight() >= least).then_some(pattern)
    }

    /// How much of the text is known.
    pub fn weight(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// The text in the other language, with the values in their places: those that are known words
    /// in their own.
    pub fn translate(
        &self,
        text: &str,
        known: impl Fn(&str) -> Option<&'static str>,
    ) -> Option<String> {
        let values = self.values(text)?;
        let mut said = String::with_capacity(self.word.len() + text.len());
        let mut rest = self.word;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            let at = self.names.iter().position(|own| *own == name)?;
            said.push_str(before);
            said.push_str(known(values[at]).unwrap_or(values[at]));
            rest = behind;
        }
        said.push_str(rest);
        Some(said)
    }

    fn values<'a>(&self, text: &'a str) -> Option<Vec<&'a str>> {
        let (first, others) = self.pieces.split_first()?;
        let mut rest = text.strip_prefix(first)?;
        let mut values = Vec::with_capacity(others.len());
        for (at, piece) in others.iter().enumerate() {
            let is_last = at + 1 == others.len();
            let end =
                if is_last { rest.len().checked_sub(piece.len())? } else { rest.find(piece)? };
            if !rest.get(end..)?.starts_with(piece) {
                return None;
            }
            let value = &rest[..end];
            let is_number = || !value.is_empty() && value.bytes().all(|sign| sign.is_ascii_digit());
            if self.names.get(at) == Some(&COUNT) && !is_number() {
                return None;
            }
            values.push(value);
            rest = &rest[end + piece.len()..];
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_take_their_places() {
        let pattern =
            Pattern::new("must be {min} to {max} characters", "{min} bis {max} Zeichen").unwrap();
        let nothing = |_: &str| None;
        assert_eq!(
            pattern.translate("must be 1 to 100 characters", nothing).as_deref(),
            Some("1 bis 100 Zeichen")
        );
        for other in ["must be 1 to 100", "must be 1 to 100 characters!", "must be characters", ""]
        {
            assert_eq!(pattern.translate(other, nothing), None, "{other}");
        }
    }

    #[test]
    fn a_value_that_is_a_word_is_translated() {
        let pattern = Pattern::new("There is no such {thing}", "{thing}: nicht vorhanden").unwrap();
        let known = |text: &str| (text == "key").then_some("Schlüssel");
        let said = |text| pattern.translate(text, known);
        assert_eq!(said("There is no such key").as_deref(), Some("Schlüssel: nicht vorhanden"));
        assert_eq!(said("There is no such ägg").as_deref(), Some("ägg: nicht vorhanden"));
    }

    #[test]
    fn what_holds_little_else_is_no_pattern() {
        for (english, word) in [
            ("{a}: {b}", "{a}: {b}"),
            ("Delete", "Löschen"),
            ("{used} of {size}", "{used} von {size}"),
            ("{metric} is {value} over {period}", "{metric} liegt in {period} bei {value}"),
            ("There {reason}", "Variablen: {reason}"),
        ] {
            assert!(Pattern::new(english, word).is_none(), "{english}");
        }
    }

    #[test]
    fn a_count_is_a_number() {
        let pattern = Pattern::new("There are {n} alerts already", "Es gibt schon {n} Warnungen");
        let said = |text| pattern.as_ref().unwrap().translate(text, |_| None);
        let german = "Es gibt schon 200 Warnungen";
        assert_eq!(said("There are 200 alerts already").as_deref(), Some(german));
        assert_eq!(said("There are too many alerts already"), None);
    }
}
