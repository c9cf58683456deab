//! What documents and memory gave, as parts of the answer.

use std::fmt::Write as _;

use resonant_domain::tool::{KNOWLEDGE, RECALL, REMEMBER};
use serde_json::Value;

use super::Section;
use crate::tools::knowledge::telling;

/// The least that a passage must hold of what is asked, in per cent, to be quoted.
const RELEVANCE_MIN: u64 = 40;
/// The most passages that are quoted.
const QUOTED_MAX: usize = 3;

/// The sentences of the documents that tell, each with its place. `None` when none does.
pub(super) fn quoted(question: &str, result: Option<&str>) -> Option<Section> {
    let result: Value = serde_json::from_str(result?).ok()?;
    let passages = result["passages"].as_array()?;
    let best = passages.iter().filter_map(|it| it["relevance"].as_u64()).max()?;
    let mut body = String::new();
    let mut told: Vec<String> = Vec::new();
    for passage in passages {
        // What holds much less than the best is about something else.
        let relevance = passage["relevance"].as_u64().unwrap_or(0);
        if relevance < RELEVANCE_MIN.max(best * 3 / 4) || told.len() == QUOTED_MAX {
            continue;
        }
        let text = passage["text"].as_str().unwrap_or_default();
        // Passages overlap: the same sentence is quoted once.
        let Some(sentence) = telling(text, question).filter(|it| !told.contains(it)) else {
            continue;
        };
        let citation = passage["citation"].as_str().unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(body, "> {sentence}\n>\n> — {citation}\n\n");
        told.push(sentence);
    }
    (!told.is_empty()).then(|| Section {
        title: "From the documents".to_owned(),
        body,
        noun: "what the documents say".to_owned(),
        tools: vec![KNOWLEDGE],
        cited: "quotations".to_owned(),
        ..Section::default()
    })
}

/// That a fact was kept.
pub(super) fn noted(text: &str) -> Section {
    Section {
        body: format!("I will remember: {text}."),
        tools: vec![REMEMBER],
        cited: "a fact".to_owned(),
        ..Section::default()
    }
}

/// The facts that are kept.
pub(super) fn recalled(result: Option<&str>) -> Section {
    let result: Value = serde_json::from_str(result.unwrap_or_default()).unwrap_or_default();
    let facts = result["facts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut body = String::new();
    for fact in facts {
        let _ = writeln!(body, "- {}", fact["text"].as_str().unwrap_or_default());
    }
    if facts.is_empty() {
        body.push_str("I remember nothing about that.");
    }
    Section {
        title: "What I remember".to_owned(),
        body,
        noun: "what I remember".to_owned(),
        tools: vec![RECALL],
        cited: "facts".to_owned(),
        ..Section::default()
    }
}
