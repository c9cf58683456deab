//! Reading words and numbers out of a request.

/// The words of a text in lower case, without the punctuation around them.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            let word = word.trim_matches(|c: char| {
                !c.is_alphanumeric()
                    && !matches!(
                        c,
                        '$' | '€' | '£' | '%' | '°' | '-' | '+' | '*' | '/' | '(' | ')' | '^'
                    )
            });
            word.to_lowercase().replace('’', "'")
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The request in lower case, one space between words, without politeness and closing punctuation.
pub(super) fn plain(clause: &str) -> String {
    const OPENINGS: &[&str] = &[
        "please",
        "can you",
        "could you",
        "would you",
        "and",
        "also",
        "then",
        "tell me",
        "give me",
        "show me",
        "i want to know",
        "i would like to know",
        "do you know",
        "so",
        "now",
        "finally",
        "first",
        "let me know",
        "find out",
        "help me",
        "i need to",
        "i need",
    ];
    let flat = clause.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = flat.to_lowercase().replace('’', "'");
    let mut rest = lower.trim_end_matches(['?', '.', '!', ';', ':', ',', ' ']);
    loop {
        let before = rest.len();
        for opening in OPENINGS {
            if let Some(after) = rest.strip_prefix(opening)
                && after.starts_with([' ', ','])
            {
                rest = after.trim_start_matches([' ', ',']);
            }
        }
        if rest.len() == before {
            return rest.to_owned();
        }
    }
}

/// Whether the phrase stands in the text as whole words.
pub(super) fn has_phrase(text: &str, phrase: &str) -> bool {
    find_phrase(text, phrase).is_some()
}

/// Where the phrase stands in the text as whole words, the first time.
pub(super) fn find_phrase(text: &str, phrase: &str) -> Option<usize> {
    phrases(text, phrase).next()
}

/// Wherever the phrase stands in the text as whole words.
pub(super) fn phrases(text: &str, phrase: &str) -> impl Iterator<Item = usize> {
    text.match_indices(phrase).map(|(at, _)| at).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_part(before) && !is_part(after)
    })
}

const SMALL: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: &[&str] =
    &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// A number below a hundred in one word: `seven`, `twenty-five`.
fn small_number(word: &str) -> Option<u64> {
    if let Some(at) = SMALL.iter().position(|small| *small == word) {
        return Some(at as u64);
    }
    if let Some(at) = TENS.iter().position(|ten| *ten == word) {
        return Some((at as u64 + 2) * 10);
    }
    let (ten, unit) = word.split_once('-')?;
    let ten = TENS.iter().position(|known| *known == ten)?;
    let unit = SMALL[1..10].iter().position(|known| *known == unit)?;
    Some((ten as u64 + 2) * 10 + unit as u64 + 1)
}

/// Writes numbers in words as digits: "two hundred and forty" becomes "240".
pub(super) fn digits(text: &str) -> String {
    let words: Vec<_> = text.split(' ').collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (mut total, mut current, mut used) = (0_u64, 0_u64, 0);
        while let Some(word) = words.get(at + used) {
            let bare = word.trim_end_matches(',');
            match (small_number(bare), bare) {
                // "three four" are two numbers, "twenty four" is one.
                (Some(value), _)
                    if used == 0 || current % 100 == 0 || (current % 10 == 0 && value < 10) =>
                {
                    current += value;
                }
                (None, "hundred") if used > 0 && current > 0 => current *= 100,
                (None, "thousand") if used > 0 && current > 0 => {
                    total += current * 1_000;
                    current = 0;
                }
                (None, "million") if used > 0 && current > 0 => {
                    total += current * 1_000_000;
                    current = 0;
                }
                (None, "and")
                    if used > 0
                        && (current >= 100 || total > 0)
                        && words
                            .get(at + used + 1)
                            .is_some_and(|next| small_number(next).is_some()) => {}
                _ => break,
            }
            used += 1;
            if word.ends_with(',') {
                break;
            }
        }
        if used == 0 {
            out.push(words[at].to_owned());
            at += 1;
        } else {
            let comma = if words[at + used - 1].ends_with(',') { "," } else { "" };
            out.push(format!("{}{comma}", total + current));
            at += used;
        }
    }
    out.join(" ")
}

/// The count that stands before one of the nouns: "in three sentences" gives 3.
pub(super) fn count_before(text: &str, nouns: &[&str]) -> Option<u32> {
    let text = digits(text);
    let words = words(&text);
    words
        .windows(2)
        .find_map(|pair| nouns.contains(&pair[1].as_str()).then(|| pair[0].parse().ok()).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words_become_digits() {
        for (text, expected) in [
            ("two hundred and forty", "240"),
            ("twenty five plus three", "25 plus 3"),
            ("twenty-five times twelve", "25 times 12"),
            ("three thousand two hundred", "3200"),
            ("seven and three", "7 and 3"),
            ("three, four and five", "3, 4 and 5"),
            ("one", "1"),
            ("no number", "no number"),
        ] {
            assert_eq!(digits(text), expected, "{text}");
        }
    }

    #[test]
    fn politeness_is_skipped() {
        assert_eq!(plain("And then please tell me what is 2 + 2?"), "what is 2 + 2");
        assert_eq!(plain("Please, can you   summarise IT."), "summarise it");
    }

    #[test]
    fn counts_stand_before_their_noun() {
        assert_eq!(count_before("in three sentences", &["sentences"]), Some(3));
        assert_eq!(count_before("in a few sentences", &["sentences"]), None);
        assert_eq!(count_before("5 key points", &["points", "key"]), Some(5));
    }

    #[test]
    fn phrases_are_whole_words() {
        assert!(has_phrase("list the dates", "dates"));
        assert!(!has_phrase("updates", "dates"));
    }
}
