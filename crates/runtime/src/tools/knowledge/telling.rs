//! What a question asks about, and which sentences of a passage tell it.

use crate::tools::words::{content_word, sentences, words};

/// Words that ask and name nothing.
const ASKING: &[&str] = &[
    "tell",
    "know",
    "find",
    "show",
    "explain",
    "describe",
    "look",
    "give",
    "please",
    "many",
    "much",
    "does",
    "anything",
    "something",
    "documents",
    "document",
];

/// The words that matter in a question, in lower case, each once.
#[must_use]
pub fn asked_words(question: &str) -> Vec<String> {
    let mut asked: Vec<String> = Vec::new();
    for word in words(question).filter_map(content_word) {
        if !ASKING.contains(&word.as_str()) && !asked.contains(&word) {
            asked.push(word);
        }
    }
    asked
}

/// How many words of a question are looked for within others.
const WORDS_MAX: usize = 8;
/// How many parts of a question are looked for.
const PARTS_MAX: usize = 32;
/// Endings, most of them German.
const ENDINGS: [&str; 7] = ["en", "er", "em", "es", "e", "n", "s"];

/// What stands within the words of a passage that answers a question, in lower case, each once: its words
/// without their endings, for other words are made of them, and each pair of characters in scripts that
/// put no spaces between words.
#[must_use]
pub fn asked_parts(question: &str) -> Vec<String> {
    let chars: Vec<char> = question.chars().collect();
    let spaced: String = chars.iter().map(|c| if is_unspaced(*c) { ' ' } else { *c }).collect();
    let words = asked_words(&spaced).into_iter().filter(|word| word.chars().count() >= 4);
    let words = words.take(WORDS_MAX).map(|word| without_ending(&word).to_owned());
    let runs = chars.split(|c| !is_unspaced(*c)).filter(|run| !run.is_empty());
    let mut pairs: Vec<&[char]> = runs.flat_map(|run| run.windows(run.len().min(2))).collect();
    // The small words of Japanese stand in every passage.
    if pairs.iter().any(|pair| !is_small(pair)) {
        pairs.retain(|pair| !is_small(pair));
    }
    let mut parts: Vec<String> = Vec::new();
    for part in words.chain(pairs.into_iter().map(|pair| pair.iter().collect())) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.truncate(PARTS_MAX);
    parts
}

/// A word without its ending, where enough is left.
fn without_ending(word: &str) -> &str {
    let mut bare = ENDINGS.iter().filter_map(|ending| word.strip_suffix(ending));
    bare.find(|bare| bare.chars().count() >= 5).unwrap_or(word)
}

/// Whether a character is of a script that is written without spaces, or in which what stands between them
/// is more than a word: Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer.
const fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
}

fn is_small(pair: &[char]) -> bool {
    pair.iter().all(|c| matches!(c, '\u{3041}'..='\u{309f}'))
}

/// The one or two sentences of a passage that hold most of what a question asks about; `None` when
/// none holds any of it.
pub(crate) fn telling(passage: &str, question: &str) -> Option<String> {
    let asked = asked_words(question);
    let score = |sentence: &str| {
        let held: Vec<_> = words(sentence).filter_map(content_word).collect();
        asked.iter().filter(|word| held.iter().any(|other| is_kin(word, other))).count()
    };
    let scored: Vec<_> = sentences(passage).into_iter().map(|it| (score(it), it)).collect();
    let best = scored.iter().map(|(score, _)| *score).max().filter(|best| *best > 0)?;
    let told: Vec<_> = scored.iter().filter(|(score, _)| *score == best).take(2).collect();
    let told: Vec<_> = told
        .into_iter()
        .map(|(_, sentence)| sentence.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    Some(told.join(" "))
}

/// Whether two words may be forms of one: `employee` and `employees`, `refund` and `refunded`.
fn is_kin(one: &str, other: &str) -> bool {
    let shared = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let (short, long) = {
        let (one, other) = (one.chars().count(), other.chars().count());
        (one.min(other), one.max(other))
    };
    one == other || (shared >= 4 && shared + 2 >= short && long <= short + 3)
}
