//! Things that are found by how a line begins.

use serde_json::{Value, json};

use super::flat;
use crate::tools::words::{blocks, sentences};

const ITEMS_MAX: usize = 2000;

/// Lines of the form "Name: Ada" and "name = Ada".
pub(super) fn key_values(text: &str) -> Vec<Value> {
    let pairs = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches(['-', '*', '•', '>', ' ']).trim_start();
        let at = line.find([':', '=', '\t'])?;
        let (key, value) = (line[..at].trim(), line[at + 1..].trim());
        let key = key.trim_matches(['*', '_', '"', '\'', '`', ' ']);
        let value = value
            .trim_start_matches(['*', '_'])
            .trim()
            .trim_end_matches(',')
            .trim_matches(['"', '`', '*'])
            .trim();
        let is_key = !key.is_empty()
            && key.chars().count() <= 40
            && key.split_whitespace().count() <= 5
            && key.starts_with(char::is_alphabetic)
            && !key.contains(['.', '?', '!', ',', ';', '{', '(', '<'])
            && !value.starts_with("//")
            && !value.starts_with('=');
        (is_key && !value.is_empty()).then(|| json!({ "key": key, "value": flat(value) }))
    });
    pairs.take(ITEMS_MAX).collect()
}

/// Tasks: ticked boxes, marked lines, and sentences in which somebody has to do something.
pub(super) fn todos(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for block in blocks(text) {
        let bare = block.trim_start_matches(['-', '*', '•', '+', ' ']);
        let number = bare.bytes().take_while(u8::is_ascii_digit).count();
        let bare = bare[number..].trim_start_matches(['.', ')', ' ']);
        if let Some((task, done)) = marked(bare) {
            if !task.is_empty() {
                found.push(json!({ "text": flat(task), "done": done }));
            }
            continue;
        }
        for sentence in sentences(block) {
            if is_order(sentence) {
                let sentence = sentence.trim_start_matches(['-', '*', '•', '+', ' ']);
                found.push(json!({ "text": flat(sentence), "done": false }));
            }
        }
    }
    found.truncate(ITEMS_MAX);
    found
}

/// The task of a marked line, and whether it is done.
fn marked(line: &str) -> Option<(&str, bool)> {
    for (mark, done) in [
        ("[ ]", false),
        ("[]", false),
        ("☐", false),
        ("[x]", true),
        ("[X]", true),
        ("☑", true),
        ("✅", true),
    ] {
        if let Some(task) = line.strip_prefix(mark) {
            return Some((task.trim(), done));
        }
    }
    let lower = line.to_ascii_lowercase();
    for mark in [
        "todo",
        "to-do",
        "to do",
        "fixme",
        "action item",
        "action",
        "next step",
        "follow-up",
        "follow up",
    ] {
        if let Some(rest) = lower.strip_prefix(mark)
            && rest.starts_with([':', '-', '('])
        {
            let task = &line[mark.len()..];
            return Some((task.trim_start_matches([':', '-', ' ']).trim(), false));
        }
    }
    None
}

fn is_order(sentence: &str) -> bool {
    const SIGNS: [&str; 22] = [
        "need to ",
        "needs to ",
        "needs a ",
        "have to ",
        "has to ",
        "must ",
        "should ",
        "please ",
        "don't forget",
        "remember to ",
        "make sure",
        "follow up",
        "is responsible for",
        "to be done",
        "action required",
        "will send",
        "will prepare",
        "will write",
        "will check",
        "will call",
        "will schedule",
        "by end of",
    ];
    const DUE: [&str; 12] = [
        " by monday",
        " by tuesday",
        " by wednesday",
        " by thursday",
        " by friday",
        " by tomorrow",
        " by next ",
        " until friday",
        " by the end",
        " before friday",
        " by noon",
        " by saturday",
    ];
    if sentence.ends_with('?') || sentence.len() > 600 {
        return false;
    }
    let lower = format!(" {}", sentence.to_lowercase().replace('’', "'"));
    SIGNS.iter().any(|sign| lower.contains(&format!(" {sign}")))
        || (lower.contains(" will ") && DUE.iter().any(|due| lower.contains(due)))
}
