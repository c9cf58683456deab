//! What can be found in a text by its form: addresses, links, dates, amounts, and counts of words.
//! Each search is one pass over the text.

mod compare;
mod find;
mod lines;

use serde_json::{Map, Value, json};

use super::material::{self, RESULT_MAX_BYTES, count, invalid};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use super::words::{content_word, frequencies, sentences, words};

/// Finds, counts and compares.
#[derive(Debug, Clone, Copy)]
pub struct Extract;

const KINDS: [&str; 14] = [
    "emails",
    "urls",
    "dates",
    "amounts",
    "phones",
    "numbers",
    "hashtags",
    "keywords",
    "key_values",
    "questions",
    "todos",
    "counts",
    "word_frequency",
    "compare",
];

impl Tool for Extract {
    fn name(&self) -> &'static str {
        "extract"
    }

    fn description(&self) -> &'static str {
        "Finds things in a text, and counts and compares texts. `what` lists one or more of: emails, urls, dates, amounts \
         (money, with value and currency), phones, numbers, hashtags, keywords, key_values (\"Name: Ada\" lines), questions, \
         todos (tasks and action items), counts (words, characters, sentences, lines, paragraphs), word_frequency, compare \
         (with `other`: similarity, added and removed lines). Answers with JSON, one member for each kind asked."
    }

    fn parameters(&self) -> Value {
        let properties = json!({
            "what": {
                "type": "array", "minItems": 1, "maxItems": KINDS.len(), "uniqueItems": true,
                "items": { "type": "string", "enum": KINDS },
                "description": "What to find, count or compare.",
            },
            "other": { "type": "string", "description": "For compare: the second, newer text." },
            "other_source": { "type": "string", "description": "For compare, instead of `other`: \"context\" or the call id whose result is the second text." },
            "limit": { "type": "integer", "minimum": 1, "maximum": 200, "description": "The most items of each kind, 50 when absent." },
        });
        schema::object(&schema::with_text(properties, "the text"), &["what"])
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments, context) })
    }
}

fn run(arguments: &Value, context: &ToolContext) -> Result<String, ToolError> {
    let text = material::text(arguments, context)?;
    let text = text.as_ref();
    let limit = count(arguments, "limit", 50).clamp(1, 200);
    let mut answer = Map::new();
    for kind in arguments
        .get("what")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let found: Vec<Value> = match kind {
            "emails" => find::emails(text),
            "urls" => find::urls(text),
            "dates" => find::dates(text, context.now),
            "amounts" => find::amounts(text),
            "phones" => find::phones(text),
            "numbers" => find::numbers(text),
            "hashtags" => find::hashtags(text),
            "keywords" => keywords(text, limit.min(20)),
            "key_values" => lines::key_values(text),
            "questions" => sentences(text)
                .into_iter()
                .filter(|s| s.ends_with(['?', '？']))
                .map(|s| flat(s).into())
                .collect(),
            "todos" => lines::todos(text),
            "word_frequency" => {
                let words = frequencies(text).into_iter().take(limit);
                words.map(|(word, count)| json!({ "word": word, "count": count })).collect()
            }
            "counts" => {
                answer.insert(kind.to_owned(), counts(text));
                continue;
            }
            "compare" => {
                let other = material::other(arguments, context)?;
                answer.insert(kind.to_owned(), compare::compare(text, &other, limit));
                continue;
            }
            other => return Err(invalid(format!("`what` cannot be {other:?}"))),
        };
        let total = found.len();
        answer.insert(kind.to_owned(), found.into_iter().take(limit).collect());
        if total > limit && kind != "keywords" {
            answer.insert(format!("{kind}_total"), total.into());
        }
    }
    if answer.is_empty() {
        return Err(invalid("`what` must name at least one thing"));
    }
    fit(answer)
}

/// Halves the longest lists until the answer fits; JSON that is cut in its middle helps nobody.
fn fit(mut answer: Map<String, Value>) -> Result<String, ToolError> {
    loop {
        let text = Value::Object(answer.clone()).to_string();
        if text.len() <= RESULT_MAX_BYTES {
            return Ok(text);
        }
        let longest = answer
            .iter_mut()
            .filter_map(|(_, value)| value.as_array_mut())
            .filter(|list| list.len() > 1)
            .max_by_key(|list| list.len());
        match longest {
            Some(list) => list.truncate(list.len() / 2),
            None => {
                return Err(ToolError::Failed(
                    "the answer is too long; ask for fewer kinds or a lower `limit`".into(),
                ));
            }
        }
    }
}

fn flat(text: &str) -> String {
    resonant_domain::text::shorten(text, 500)
}

/// The words and pairs of words that a text is about.
fn keywords(text: &str, limit: usize) -> Vec<Value> {
    let single = frequencies(text);
    let mut pairs: std::collections::HashMap<String, (usize, usize)> =
        std::collections::HashMap::new();
    for (line, sentence) in sentences(text).into_iter().enumerate() {
        let mut before: Option<String> = None;
        for word in words(sentence) {
            let word = content_word(word);
            if let (Some(first), Some(second)) = (&before, &word)
                && first != second
            {
                pairs.entry(format!("{first} {second}")).or_insert((0, line)).0 += 1;
            }
            before = word;
        }
    }
    let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, (count, _))| *count > 1).collect();
    pairs.sort_by(|(a, (x, i)), (b, (y, j))| y.cmp(x).then(i.cmp(j)).then(a.cmp(b)));
    pairs.truncate(limit / 3);
    let is_within = |word: &str, count: usize| {
        pairs.iter().any(|(pair, (times, _))| {
            *times * 3 >= count * 2 && pair.split(' ').any(|part| part == word)
        })
    };
    let mut ranked: Vec<(String, usize)> =
        pairs.iter().map(|(pair, (count, _))| (pair.clone(), *count)).collect();
    ranked.extend(
        single
            .into_iter()
            .filter(|(word, count)| !is_within(word, *count) && word.chars().count() > 2),
    );
    // A pair says more than a word.
    ranked.sort_by_key(|(word, count)| {
        std::cmp::Reverse(count * if word.contains(' ') { 3 } else { 2 })
    });
    ranked.into_iter().take(limit).map(|(word, _)| word.into()).collect()
}

fn counts(text: &str) -> Value {
    let words =
        text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
    let mut paragraphs = 0;
    let mut inside = false;
    for line in text.lines() {
        let is_blank = line.trim().is_empty();
        paragraphs += usize::from(!is_blank && !inside);
        inside = !is_blank;
    }
    json!({
        "words": words,
        "characters": text.chars().count(),
        "characters_without_spaces": text.chars().filter(|c| !c.is_whitespace()).count(),
        "sentences": sentences(text).len(),
        "lines": text.lines().count(),
        "paragraphs": paragraphs,
        "reading_minutes": words.div_ceil(200),
    })
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
