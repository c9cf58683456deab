//! Where words stand in a text that lies in pieces, as the text of a document does.

/// A place in such a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// In which piece.
    pub piece: usize,
    /// Before which of its UTF-16 units, in which a document counts.
    pub unit: usize,
}

/// Where the words begin and end, each time. Capitals and small letters are the same, and so is all white
/// space; no two places share a letter.
pub(super) fn places(pieces: &[String], words: &str) -> Vec<(Place, Place)> {
    let wanted: Vec<char> = words.trim().chars().flat_map(folded).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut letters = Vec::new();
    for (piece, text) in pieces.iter().enumerate() {
        let mut unit = 0;
        for letter in text.chars() {
            let place = Place { piece, unit };
            unit += letter.len_utf16();
            letters.extend(folded(letter).map(|letter| (letter, place, Place { piece, unit })));
        }
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(here) = letters.get(at..at + wanted.len()) {
        let is_it = here.iter().zip(&wanted).all(|((letter, ..), wanted)| letter == wanted);
        if let (true, [(_, from, _), ..], [.., (_, _, to)]) = (is_it, here, here) {
            found.push((*from, *to));
            at += wanted.len();
        } else {
            at += 1;
        }
    }
    found
}

fn folded(letter: char) -> impl Iterator<Item = char> {
    let letter = if letter.is_whitespace() { ' ' } else { letter };
    letter.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pieces: &[&str], words: &str) -> Vec<((usize, usize), (usize, usize))> {
        let pieces: Vec<_> = pieces.iter().copied().map(str::to_owned).collect();
        let bare = |place: Place| (place.piece, place.unit);
        places(&pieces, words).into_iter().map(|(from, to)| (bare(from), bare(to))).collect()
    }

    #[test]
    fn words_are_found_across_pieces_and_cases() {
        for (pieces, words, expected) in [
            (&["one two", " three"][..], "TWO\nthree", vec![((0, 4), (1, 6))]),
            (&["aaaa"], "aa", vec![((0, 0), (0, 2)), ((0, 2), (0, 4))]),
            (&["\u{1f600}Straße"], " straße ", vec![((0, 2), (0, 8))]),
            // A capital that is two small letters.
            (&["x\u{130}y"], "y", vec![((0, 2), (0, 3))]),
            (&["", "a", ""], "a", vec![((1, 0), (1, 1))]),
            (&["abc"], "  ", vec![]),
            (&["abc"], "abcd", vec![]),
            (&[], "a", vec![]),
        ] {
            assert_eq!(found(pieces, words), expected, "{words:?} in {pieces:?}");
        }
    }
}
