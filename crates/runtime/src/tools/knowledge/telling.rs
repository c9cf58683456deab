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
