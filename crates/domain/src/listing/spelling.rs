//! What somebody meant who mistyped a word of a search.

/// Shorter words are taken as they were written.
pub const WORD_MIN: usize = 3;

/// How many slips a word of so many letters may hold: letters that are missing, too many, others, or
/// exchanged with the next one.
#[must_use]
pub const fn slips_max(letters: usize) -> usize {
    match letters {
        ..WORD_MIN => 0,
        WORD_MIN..=5 => 1,
        _ => 2,
    }
}

/// Those of the words that are there that somebody may have meant by what they wrote, each with its slips,
/// those with the fewest first.
#[must_use]
pub fn meant(written: &str, known: Vec<String>) -> Vec<(usize, String)> {
    let letters: Vec<_> = written.chars().collect();
    let most = slips_max(letters.len());
    let mut meant: Vec<_> = known
        .into_iter()
        .filter_map(|word| {
            let other: Vec<_> = word.chars().collect();
            Some((slips(&letters, &other, most)?, word))
        })
        .collect();
    // Of those that are as like as others, the ones that begin and end as it was written.
    meant.sort_by_cached_key(|(slips, word)| {
        let starts = word.chars().next() == letters.first().copied();
        let ends = word.chars().next_back() == letters.last().copied();
        (*slips, !starts, !ends, word.clone())
    });
    meant
}

/// How many slips lead from one word to another, when they are no more than `most` (Damerau and Levenshtein,
/// no letter being moved twice).
fn slips(one: &[char], other: &[char], most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut above: Vec<usize> = (0..=other.len()).collect();
    let mut two_above = Vec::new();
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1];
        for (beside, against) in other.iter().enumerate() {
            let other_letter = above[beside] + usize::from(letter != against);
            let mut least = other_letter.min(above[beside + 1] + 1).min(row[beside] + 1);
            let are_exchanged =
                at > 0 && beside > 0 && *letter == other[beside - 1] && one[at - 1] == *against;
            if are_exchanged {
                least = least.min(two_above[beside - 1] + 1);
            }
            row.push(least);
        }
        two_above = std::mem::replace(&mut above, row);
    }
    above.last().copied().filter(|slips| *slips <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_slips_are_put_right() {
        let known = [
            "email", "clock", "world", "word", "words", "invoice", "invoices", "meeting",
            "minutes", "csv", "json", "über", "reader",
        ];
        for (written, expected) in [
            ("emial", Some("email")),
            ("clcok", Some("clock")),
            ("wrold", Some("world")),
            ("invioce", Some("invoice")),
            ("nvoice", Some("invoice")),
            ("invoicees", Some("invoices")),
            ("meting", Some("meeting")),
            ("minuts", Some("minutes")),
            ("cvs", Some("csv")),
            ("jsn", Some("json")),
            ("übre", Some("über")),
            ("raeedr", Some("reader")),
            ("xyzzy", None),
            ("cl", None),
            ("clodx", None),
        ] {
            let known = known.iter().map(|word| (*word).to_owned()).collect();
            let found = meant(written, known).into_iter().next().map(|(_, word)| word);
            assert_eq!(found.as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn slips_are_counted() {
        let count = |one: &str, other: &str| {
            let letters = |word: &str| word.chars().collect::<Vec<_>>();
            slips(&letters(one), &letters(other), 3)
        };
        for (one, other, expected) in [
            ("word", "word", Some(0)),
            ("word", "wrod", Some(1)),
            ("word", "ward", Some(1)),
            ("word", "wo", Some(2)),
            ("ca", "abc", Some(3)),
            ("", "abc", Some(3)),
            ("", "abcd", None),
        ] {
            assert_eq!(count(one, other), expected, "{one} {other}");
            assert_eq!(count(other, one), expected, "{other} {one}");
        }
    }
}
