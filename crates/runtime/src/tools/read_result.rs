//! `read_result`: reads on in a result that was too long to be shown whole.
//!
//! Nobody grants it: it is offered where a session holds such a result, and reads what the session was told
//! already and nothing else.

use resonant_domain::tool::READ_RESULT;
use serde_json::{Value, json};

use super::material::{count, string};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture, source};

/// How much one call gives, in characters, and how much at most: what a model is shown whole.
const CHARACTERS: usize = 8_000;
const CHARACTERS_MAX: usize = 12_000;
/// How much stands before the words that were looked for, in characters.
const BEFORE: usize = 200;
/// The longest words that are looked for, in characters.
const WORDS_MAX: usize = 200;

/// Reads parts of what earlier calls gave.
#[derive(Debug, Clone, Copy)]
pub struct ReadResult;

impl Tool for ReadResult {
    fn name(&self) -> &'static str {
        READ_RESULT
    }

    fn description(&self) -> &'static str {
        "Reads a further part of an earlier call's result that is too long to be shown whole. `source` is the call id. \
         `offset` says from which character on, counted from 0; with `find` the part begins shortly before the next place \
         of these words behind it. The first line of the answer says which part it is and how long the whole is."
    }

    fn parameters(&self) -> Value {
        schema::object(
            &json!({
                "source": { "type": "string", "description": "The call id of the earlier call, \"context\" for the newest material that a person gave, or the source that is named before it for another one." },
                "offset": { "type": "integer", "minimum": 0, "description": "The first character to read, or to look from; 0 when absent." },
                "characters": { "type": "integer", "minimum": 1, "maximum": CHARACTERS_MAX, "description": "How much to read, 8000 when absent." },
                "find": { "type": "string", "minLength": 1, "maxLength": WORDS_MAX, "description": "Words to look for, letter by letter; upper and lower case are alike in English letters." },
            }),
            &["source"],
        )
    }

    fn computes(&self) -> bool {
        false
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments, context) })
    }
}

fn run(arguments: &Value, context: &ToolContext) -> Result<String, ToolError> {
    let name = string(arguments, "source").unwrap_or_default();
    let text = source(&context.sources, name)?;
    let total = text.chars().count();
    let offset = count(arguments, "offset", 0);
    if offset >= total {
        let reason = format!("`offset` must be below {total}: `{name}` has so many characters");
        return Err(ToolError::Invalid(reason));
    }
    let start = match string(arguments, "find") {
        None => offset,
        Some(words) => {
            let from = place(text, offset);
            let found = find(&text[from..], words).ok_or_else(|| {
                let reason = format!("{words:?} does not stand in `{name}` from {offset} on");
                ToolError::Failed(reason)
            })?;
            (offset + text[from..from + found].chars().count()).saturating_sub(BEFORE).max(offset)
        }
    };
    let most = count(arguments, "characters", CHARACTERS).clamp(1, CHARACTERS_MAX);
    let end = (start + most).min(total);
    let part = &text[place(text, start)..place(text, end)];
    let rest = if end < total {
        format!("it goes on from `offset` {end}")
    } else {
        "this is its end".to_owned()
    };
    Ok(format!("[Characters {start} to {end} of the {total} of `{name}`; {rest}]\n{part}"))
}

/// Where the character of a number begins, in bytes.
fn place(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}

/// Where words stand first, in bytes.
fn find(text: &str, words: &str) -> Option<usize> {
    let words = words.as_bytes();
    // They begin with a whole character, and so does what is like them.
    text.as_bytes().windows(words.len().max(1)).position(|it| it.eq_ignore_ascii_case(words))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;

    fn read(text: &str, arguments: &Value) -> Result<String, String> {
        let sources = HashMap::from([("call01001".to_owned(), text.to_owned())]);
        let context = ToolContext { sources: Arc::new(sources), ..ToolContext::default() };
        run(arguments, &context).map_err(|error| error.to_string())
    }

    #[test]
    fn a_long_text_is_read_part_by_part() {
        let text = format!("{}Das Ende: grün", "ä".repeat(20_000));
        let mut whole = String::new();
        let mut offset = 0;
        loop {
            let arguments = json!({ "source": "call01001", "offset": offset });
            let told = read(&text, &arguments).unwrap();
            let (head, part) = told.split_once('\n').unwrap();
            assert!(head.contains("of the 20014 of `call01001`"), "{head}");
            whole.push_str(part);
            if head.contains("this is its end") {
                break;
            }
            offset = head.rsplit(' ').next().unwrap().trim_end_matches(']').parse().unwrap();
        }
        assert_eq!(whole, text);
        let all = json!({ "source": "call01001", "characters": 12_000 });
        assert!(read(&text, &all).unwrap().chars().count() < crate::context::RESULT_SHOWN_MAX);
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        let text = format!("{}code: 1{}Code: 2", "ä".repeat(9_000), "ü".repeat(9_000));
        let found = |offset: usize| {
            let arguments = json!({ "source": "call01001", "find": "CODE:", "offset": offset, "characters": 210 });
            read(&text, &arguments)
        };
        assert!(found(0).unwrap().ends_with("ääcode: 1üüü"), "{:?}", found(0));
        assert!(found(9_001).unwrap().ends_with("Code: 2"), "{:?}", found(9_001));
        assert!(found(18_013).unwrap_err().contains("does not stand in"));
        assert!(found(18_014).unwrap_err().contains("`offset` must be below 18014"));
        let other = read(&text, &json!({ "source": "call09001" })).unwrap_err();
        assert_eq!(other, "`source` must be one of: call01001");
        // Letters of several bytes, and words that are longer than the text.
        assert!(read("grün", &json!({ "source": "call01001", "find": "ün" })).is_ok());
        assert!(read("a", &json!({ "source": "call01001", "find": "ab" })).is_err());
    }
}
