//! Where a search text is found in a listing: whole words, beginnings, other endings, misspellings, and
//! compounds that somebody wrote as one word.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How alike two words must be, in hundredths of their letter triples.
const LIKENESS: usize = 40;
/// Shorter words are found by their beginning alone.
const WORD_MIN: usize = 4;

/// What a search text found in a listing: from which character to which, counted from 0, the end not
/// included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Highlights {
    /// In the name.
    pub name: Vec<(u32, u32)>,
    /// In the tagline.
    pub tagline: Vec<(u32, u32)>,
}

impl Highlights {
    /// Finds the words of `query`.
    #[must_use]
    pub fn of(query: &str, name: &str, tagline: &str) -> Self {
        let wanted: Vec<_> = words(query).into_iter().map(|found| found.word).collect();
        Self { name: spans(&wanted, name), tagline: spans(&wanted, tagline) }
    }
}

fn spans(wanted: &[String], text: &str) -> Vec<(u32, u32)> {
    let is_found = |word: &str| wanted.iter().any(|wanted| is_meant(wanted, word));
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let all = words(text);
    let mut spans = Vec::new();
    let mut rest = &all[..];
    while let Some((first, behind)) = rest.split_first() {
        // `e-mail` is found by `email`, and not by what its first part is found by.
        let joined = behind.iter().take_while(|next| next.is_joined).count();
        let compound: String = rest[..=joined].iter().map(|part| part.word.as_str()).collect();
        let is_whole = |wanted: &String| {
            compound.starts_with(wanted.as_str()) && !first.word.starts_with(wanted.as_str())
        };
        if joined > 0 && wanted.iter().any(is_whole) {
            spans.push((number(first.from), number(rest[joined].to)));
            rest = &rest[joined + 1..];
            continue;
        }
        if is_found(&first.word) {
            spans.push((number(first.from), number(first.to)));
        }
        rest = behind;
    }
    spans
}

/// A word of a text in small letters.
struct Found {
    /// Its place in characters.
    from: usize,
    to: usize,
    word: String,
    /// Whether nothing but a hyphen stands between the word before and it.
    is_joined: bool,
}

fn words(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut word = String::new();
    let mut from = 0;
    let mut before = ' ';
    let end = std::iter::once(' ');
    for (at, letter) in text.chars().chain(end).enumerate() {
        if letter.is_alphanumeric() {
            if word.is_empty() {
                from = at;
            }
            word.extend(letter.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            let is_joined = before == '-' && found.last().is_some_and(|last| last.to + 1 == from);
            found.push(Found { from, to: at, word: std::mem::take(&mut word), is_joined });
        }
        before = letter;
    }
    found
}

/// Whether somebody who wrote `wanted` means `word`.
fn is_meant(wanted: &str, word: &str) -> bool {
    if word.starts_with(wanted) {
        return true;
    }
    if wanted.chars().count() < WORD_MIN || word.chars().count() < WORD_MIN {
        return false;
    }
    let (one, other) = (triples(wanted), triples(word));
    let shared = one.intersection(&other).count();
    shared * 100 >= LIKENESS * (one.len() + other.len() - shared)
}

/// The letter triples of a word, as `pg_trgm` makes them: two blanks before it, one behind.
fn triples(word: &str) -> BTreeSet<[char; 3]> {
    let letters: Vec<_> = "  ".chars().chain(word.chars()).chain(" ".chars()).collect();
    letters.windows(3).map(|letters| [letters[0], letters[1], letters[2]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_they_are_meant() {
        for (query, text, spans) in [
            ("meeting", "Meeting minutes", vec![(0, 7)]),
            ("MEET minut", "Meeting minutes", vec![(0, 7), (8, 15)]),
            ("meting minuts", "Meeting minutes", vec![(0, 7), (8, 15)]),
            ("invoices", "Reads an invoice", vec![(9, 16)]),
            ("é", "Crème Éclair", vec![(6, 12)]),
            ("of", "Office of soft", vec![(0, 6), (7, 9)]),
            ("xyzzy", "Meeting minutes", vec![]),
            ("& | !", "Meeting", vec![]),
            ("email", "A long e-mail", vec![(7, 13)]),
            ("mail", "A long e-mail", vec![(9, 13)]),
            ("follow", "A call - follow-up", vec![(9, 15)]),
            ("followup", "A call - follow-up", vec![(9, 18)]),
            ("callfollow", "A call - follow-up", vec![]),
            ("", "Meeting", vec![]),
        ] {
            assert_eq!(Highlights::of(query, text, "").name, spans, "{query}");
        }
    }
}
