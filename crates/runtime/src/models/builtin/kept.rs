//! What the agent keeps: documents, which are asked what the grammar does not know, and facts of
//! earlier sessions.

use resonant_domain::knowledge::QUERY_MAX;
use resonant_domain::memory::{KEY_MAX, MEMORY_MAX};
use resonant_domain::text::shorten;
use resonant_domain::tool::{KNOWLEDGE, RECALL, REMEMBER};
use serde_json::json;

use super::compose::tells;
use super::intents::Wish;
use super::plan::Call;
use super::round::Round;
use super::words::plain;
use crate::models::{Message, ModelRequest};

/// How a clause begins that gives a fact to keep.
const REMEMBERS: &[&str] = &[
    "remember that ",
    "remember: ",
    "remember ",
    "note that ",
    "do not forget that ",
    "don't forget that ",
];
/// How a clause asks for the facts that are kept; what follows says which.
const RECALLS: &[&str] = &[
    "what do you remember",
    "what do you know about me",
    "what did i tell you",
    "what have i told you",
    "do you remember",
    "recall",
];
/// Words with which a question begins.
const QUESTION_WORDS: &[&str] = &[
    "what", "which", "who", "whom", "whose", "when", "where", "why", "how", "is", "are", "was",
    "were", "do", "does", "did", "can", "may", "must", "should", "will", "explain", "describe",
    "look",
];

/// Which of the tools that keep something are there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// Documents can be asked.
    pub has_documents: bool,
    remembers: bool,
    recalls: bool,
}

impl Kept {
    /// What may be called, or was called in this round: on its last step nothing may be called any
    /// more, and the goal means the same.
    pub fn of(request: &ModelRequest, round: &Round<'_>) -> Self {
        let was_called = |tool: &str| {
            round.messages.iter().any(|message| match message {
                Message::Assistant { calls, .. } => calls.iter().any(|call| call.tool == tool),
                Message::User { .. } | Message::Tool { .. } => false,
            })
        };
        let is_there =
            |tool: &str| request.tools.iter().any(|it| it.name == tool) || was_called(tool);
        Self {
            has_documents: is_there(KNOWLEDGE),
            remembers: is_there(REMEMBER),
            recalls: is_there(RECALL),
        }
    }

    /// The fact that a clause gives or asks for.
    pub fn memory(self, clause: &str) -> Option<Wish> {
        let bare = clause.trim().trim_start_matches("Please ").trim_start_matches("please ");
        let lower = plain(clause);
        if self.recalls
            && let Some(asked) = RECALLS.iter().find(|asked| lower.starts_with(**asked))
        {
            let about = lower[asked.len()..].trim();
            let about = about.trim_start_matches("about ").trim_start_matches("of ").trim();
            let is_all = about.is_empty() || ["me", "it", "us", "everything"].contains(&about);
            let about = (!is_all).then(|| shorten(about, QUERY_MAX));
            return Some(Wish::Recall { about });
        }
        let begins = |start: &&&str| {
            bare.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        let start = REMEMBERS.iter().find(begins).filter(|_| self.remembers)?;
        let fact = bare[start.len()..].trim().trim_end_matches(['.', '!']).trim_end();
        let has_words = fact.chars().any(char::is_alphanumeric);
        has_words.then(|| Wish::Remember { key: key_of(fact), text: shorten(fact, MEMORY_MAX) })
    }
}

/// What a fact is about: "my favourite colour is green" is about "favourite colour".
fn key_of(fact: &str) -> String {
    let (subject, _) = [" is ", " are ", " was ", " were ", ": ", " = "]
        .iter()
        .filter_map(|joint| fact.split_once(joint))
        .min_by_key(|(subject, _)| subject.len())
        .unwrap_or((fact, ""));
    let words: Vec<_> = subject.split_whitespace().collect();
    let from = usize::from(
        words.len() > 1
            && ["my", "our", "the", "a", "an"].contains(&words[0].to_lowercase().as_str()),
    );
    let words = &words[from..];
    shorten(&words[..words.len().min(8)].join(" "), KEY_MAX)
}

/// Whether a clause asks something.
pub(super) fn is_question(clause: &str) -> bool {
    let lower = plain(clause);
    let first = lower.split(' ').next().unwrap_or_default();
    clause.trim_end().ends_with('?') || QUESTION_WORDS.contains(&first)
}

/// Whether the documents were asked this in the round, and do not answer it.
pub(super) fn is_silent(round: &Round<'_>, question: &str) -> bool {
    let asked = look_up(question);
    let made = round.messages.iter().find_map(|message| match message {
        Message::Assistant { calls, .. } => {
            calls.iter().find(|it| it.tool == asked.tool && it.arguments == asked.arguments)
        }
        Message::User { .. } | Message::Tool { .. } => None,
    });
    let result = made.and_then(|made| {
        round.messages.iter().find_map(|message| match message {
            Message::Tool { call_id, content, is_error: false, .. } if *call_id == made.call_id => {
                Some(content)
            }
            _ => None,
        })
    });
    result.is_some_and(|result| !tells(question, result))
}

/// The call that asks the documents.
pub(super) fn look_up(question: &str) -> Call {
    Call { tool: KNOWLEDGE.into(), arguments: json!({ "query": shorten(question, QUERY_MAX) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Kept = Kept { has_documents: true, remembers: true, recalls: true };

    #[test]
    fn facts_are_told_from_questions() {
        for (clause, expected) in [
            (
                "Remember that my favourite colour is green.",
                "favourite colour | my favourite colour is green",
            ),
            ("please remember: the printer = broken", "printer | the printer = broken"),
            ("Note that I fly on Mondays", "I fly on Mondays | I fly on Mondays"),
            ("What do you remember?", "recall"),
            ("What do you remember about the printer?", "recall the printer"),
            ("What do you know about me?", "recall"),
            ("Remember", ""),
            ("What is the printer?", ""),
        ] {
            let told = match ALL.memory(clause) {
                Some(Wish::Remember { key, text }) => format!("{key} | {text}"),
                Some(Wish::Recall { about }) => {
                    format!("recall {}", about.unwrap_or_default()).trim_end().to_owned()
                }
                _ => String::new(),
            };
            assert_eq!(told, expected, "{clause}");
        }
        let none = Kept { remembers: false, recalls: false, ..ALL };
        assert_eq!(none.memory("Remember that it rains"), None);
        assert_eq!(none.memory("What do you remember?"), None);
    }
}
