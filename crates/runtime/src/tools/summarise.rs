//! Extractive summaries: the sentences that carry a text, in their own words. Same text, same
//! summary.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::material::{self, capped, count, flag};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use super::words::{blocks, content_word, sentences, words};

/// Picks the sentences that carry a text.
#[derive(Debug, Clone, Copy)]
pub struct Summarise;

impl Tool for Summarise {
    fn name(&self) -> &'static str {
        "summarise"
    }

    fn description(&self) -> &'static str {
        "Summarises a text by picking the sentences that carry it, in their own words and their own order. Extractive: \
         nothing is rephrased. Works in any language. A page read by http_fetch is named in `source`."
    }

    fn parameters(&self) -> Value {
        let properties = json!({
            "sentences": { "type": "integer", "minimum": 1, "maximum": 10, "description": "How many sentences to pick, 3 when absent." },
            "bullets": { "type": "boolean", "description": "Whether to give them as a list. No when absent." },
        });
        schema::object(&schema::with_text(properties, "the text"), &[])
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments, context) })
    }
}

fn run(arguments: &Value, context: &ToolContext) -> Result<String, ToolError> {
    let text = material::text(arguments, context)?;
    let picked = pick(&text, count(arguments, "sentences", 3).clamp(1, 10));
    if picked.is_empty() {
        return Err(ToolError::Failed("the text holds no sentences".into()));
    }
    let summary = if flag(arguments, "bullets") {
        picked.iter().map(|sentence| format!("- {sentence}")).collect::<Vec<_>>().join("\n")
    } else {
        picked.join(" ")
    };
    Ok(capped(summary))
}

/// A sentence that may be picked.
struct Candidate {
    text: String,
    words: Vec<String>,
    weight: f64,
}

/// The sentences that carry a text, in their order.
fn pick(text: &str, wanted: usize) -> Vec<String> {
    let candidates = candidates(text);
    let mut frequency: HashMap<&str, f64> = HashMap::new();
    for word in candidates.iter().flat_map(|candidate| &candidate.words) {
        *frequency.entry(word).or_default() += 1.0;
    }
    let mut covered: HashSet<&str> = HashSet::new();
    let mut picked: Vec<usize> = Vec::new();
    while picked.len() < wanted.min(candidates.len()) {
        let score = |candidate: &Candidate| {
            let sum: f64 = candidate
                .words
                .iter()
                // What a picked sentence has said already counts for less.
                .map(|word| {
                    frequency.get(word.as_str()).copied().unwrap_or(0.0)
                        * if covered.contains(word.as_str()) { 0.3 } else { 1.0 }
                })
                .sum();
            // Neither the shortest nor the longest sentence wins by its length.
            #[expect(clippy::cast_precision_loss, reason = "a sentence has few words")]
            let length = candidate.words.len().max(6) as f64;
            candidate.weight * sum / length.powf(0.8)
        };
        let best = (0..candidates.len())
            .filter(|index| !picked.contains(index))
            .map(|index| (index, score(&candidates[index])))
            // Of equals the first.
            .max_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i)));
        let Some((index, _)) = best else { break };
        covered.extend(candidates[index].words.iter().map(String::as_str));
        picked.push(index);
    }
    picked.sort_unstable();
    picked.into_iter().map(|index| candidates[index].text.clone()).collect()
}

fn candidates(text: &str) -> Vec<Candidate> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for block in blocks(text) {
        for (index, sentence) in sentences(block).into_iter().enumerate() {
            let flat = clean(sentence);
            let mut words: Vec<String> = words(&flat).filter_map(content_word).collect();
            words.sort_unstable();
            words.dedup();
            let is_heading = sentence.starts_with('#');
            let is_row = sentence.contains(" | ");
            let is_whole = flat.ends_with(['.', '!', '…', '。', '！', '"', '”', '»', ')']);
            let is_question = flat.ends_with(['?', '？']);
            let length = flat.split_whitespace().count();
            let mut weight = 1.0;
            if is_heading || is_row {
                weight *= 0.1;
            } else if is_question {
                weight *= 0.6;
            } else if !is_whole {
                weight *= 0.5;
            }
            if words.len() < 3 {
                weight *= 0.4;
            }
            if length > 60 {
                weight *= 0.6;
            }
            if index == 0 {
                weight *= 1.1;
            }
            if !words.is_empty() && seen.insert(flat.clone()) {
                all.push(Candidate { text: flat, words, weight });
            }
        }
    }
    // What a text opens with is what it is about.
    if let Some(first) = all.iter_mut().find(|candidate| candidate.weight >= 1.0) {
        first.weight *= 1.4;
    }
    all
}

/// One line, without the mark of an item.
fn clean(sentence: &str) -> String {
    let flat = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = flat.trim_start_matches(['#', '-', '*', '•', '>', '–', ' ']);
    resonant_domain::text::shorten(bare, 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Solar power in the city\n\n\
        The city council approved a solar power programme on Monday. The programme will put solar panels on 400 public roofs. \
        It was sunny outside. Council member Ada Smith, who proposed the solar programme, said the panels would pay for themselves \
        within nine years. Lunch was served afterwards. Critics say that the cost of 12.5 million dollars is too high for the city. \
        Who will pay?\n\nThe first panels go up in May. Smith thanked everybody.";

    fn call(arguments: &Value) -> String {
        let context =
            ToolContext { now: "2026-11-23T15:30:19Z".parse().unwrap(), ..ToolContext::default() };
        run(arguments, &context).unwrap_or_else(|error| format!("! {error}"))
    }

    #[test]
    fn the_sentences_that_carry_the_text_are_kept_in_order() {
        let summary = call(&json!({ "text": TEXT, "sentences": 3 }));
        assert!(
            summary.starts_with("The city council approved a solar power programme on Monday."),
            "{summary}"
        );
        for dull in ["sunny", "Lunch", "thanked", "#", "Who will"] {
            assert!(!summary.contains(dull), "{dull}: {summary}");
        }
        assert_eq!(summary, call(&json!({ "text": TEXT, "sentences": 3 })));
        assert_eq!(call(&json!({ "text": TEXT })), summary);
        assert_eq!(
            call(&json!({ "text": TEXT, "sentences": 1 })),
            "The city council approved a solar power programme on Monday."
        );
    }

    #[test]
    fn bullets_are_lines() {
        let summary = call(&json!({ "text": TEXT, "sentences": 2, "bullets": true }));
        assert_eq!(summary.lines().count(), 2);
        assert!(summary.lines().all(|line| line.starts_with("- ")));
    }

    #[test]
    fn any_text_gives_something() {
        for (text, expected) in [
            ("Hello", "Hello"),
            ("Milk\nEggs\nBread", "Milk Eggs Bread"),
            (
                "Der Rat hat das Programm beschlossen. Es war warm.",
                "Der Rat hat das Programm beschlossen. Es war warm.",
            ),
            ("", "! the text holds no sentences"),
            ("... !!!", "! the text holds no sentences"),
            ("42 17", "! the text holds no sentences"),
        ] {
            assert_eq!(call(&json!({ "text": text })), expected, "{text}");
        }
        let long = "Solar panels are good for the city. ".repeat(20_000);
        assert_eq!(call(&json!({ "text": long })), "Solar panels are good for the city.");
    }
}
