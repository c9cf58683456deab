//! Searches with misspelt words: each is put right by the words that listings hold.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use resonant_domain::listing::spelling::{WORD_MIN, meant, slips_max};
use sqlx::PgConnection;

use super::WORDS_MAX;
use crate::store::listing_words::{Likeness, WordHits};
use crate::{Result, store};

/// So many words of a search are put right at most.
const MISSPELT_MAX: usize = 5;
/// So many words are compared with a misspelt one.
const COMPARED: i64 = 5_000;
/// So many of the likeliest are looked up.
const LOOKED_UP: usize = 10;
/// Hits beyond this do not make a word any likelier.
const HITS_MAX: i64 = 100;

/// The words of a text: what is looked up one by one.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The same text with each word put right that finds nothing. `None`: there is no such word, or one that is
/// like nothing that listings hold.
pub(super) async fn corrected(conn: &mut PgConnection, text: &str) -> Result<Option<String>> {
    // Those that were looked up.
    let mut words: Vec<_> = split(text).take(WORDS_MAX).map(ToOwned::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    let hits = store::listing_words::count_hits(&mut *conn, &words, 1).await?;
    let unknown: Vec<_> =
        hits.into_iter().filter(|it| it.hits == Some(0)).map(|it| it.word).collect();
    if unknown.is_empty() || unknown.len() > MISSPELT_MAX {
        return Ok(None);
    }
    let mut right = BTreeMap::new();
    for word in unknown {
        let Some(likeliest) = likeliest(&mut *conn, &word).await? else { return Ok(None) };
        right.insert(word, likeliest);
    }
    Ok(Some(replaced(text, &right)))
}

/// The word that somebody most likely meant.
async fn likeliest(conn: &mut PgConnection, word: &str) -> Result<Option<String>> {
    let letters: Vec<_> = word.chars().collect();
    let slips = slips_max(letters.len());
    if letters.len() < WORD_MIN || letters.iter().any(|letter| letter.is_numeric()) {
        return Ok(None);
    }
    let count = |letters: usize| i32::try_from(letters).unwrap_or(i32::MAX);
    let like = Likeness {
        // The first letter may be missing, or exchanged with the second one.
        starts: letters[..2].iter().map(ToString::to_string).collect(),
        end: letters[letters.len() - 2..].iter().collect(),
        letters: (count(letters.len() - slips), count(letters.len() + slips)),
    };
    let known = store::listing_words::list_like(&mut *conn, &like, COMPARED).await?;
    let meant = meant(word, known).into_iter().take(LOOKED_UP);
    let places: BTreeMap<_, _> =
        meant.enumerate().map(|(place, (slips, word))| (word, (slips, place))).collect();
    let words: Vec<_> = places.keys().cloned().collect();
    let hits = store::listing_words::count_hits(conn, &words, HITS_MAX).await?;
    let found = hits.into_iter().filter_map(|WordHits { word, hits }| {
        let hits = hits.filter(|hits| *hits > 0)?;
        let (slips, place) = places.get(&word)?;
        Some((*slips, Reverse(hits), *place, word))
    });
    Ok(found.min().map(|(.., word)| word))
}

/// A text with other words in the place of some.
fn replaced(text: &str, right: &BTreeMap<String, String>) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(char::is_alphanumeric) {
        let (before, behind) = rest.split_at(at);
        let end = behind.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(behind.len());
        let (word, left) = behind.split_at(end);
        whole.push_str(before);
        whole.push_str(right.get(word).map_or(word, String::as_str));
        rest = left;
    }
    whole + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_change_and_what_stands_between_them_stays() {
        let right = [("emial", "email"), ("wrold", "world")];
        let right = right.map(|(wrong, right)| (wrong.to_owned(), right.to_owned())).into();
        assert_eq!(
            replaced("(emial) to the wrold, emials", &right),
            "(email) to the world, emials"
        );
        assert_eq!(replaced("-", &right), "-");
        assert_eq!(replaced("", &right), "");
    }
}
