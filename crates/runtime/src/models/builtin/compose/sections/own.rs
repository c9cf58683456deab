//! What a tool of the agent's own has told, as it told it.

use serde_json::Value;

use super::{Section, cut, sentence_case};

/// How much of an answer is shown, in characters.
const SHOWN: usize = 12_000;

/// The answer of a tool: text as it is, data laid out.
pub(super) fn told(tool: &str, result: &str) -> Section {
    let result = result.trim();
    let body = match serde_json::from_str::<Value>(result) {
        // A request's answer is its status and its body.
        Ok(Value::Object(answer))
            if answer.contains_key("status") && answer.contains_key("body") =>
        {
            shown(&answer["body"])
        }
        Ok(value @ (Value::Object(_) | Value::Array(_))) => shown(&value),
        _ => result.to_owned(),
    };
    Section {
        title: sentence_case(&tool.replace(['_', '-'], " ")),
        body: if body.is_empty() { "It answers nothing.".to_owned() } else { cut(&body, SHOWN) },
        noun: format!("what `{tool}` answers"),
        own: Some(tool.to_owned()),
        ..Section::default()
    }
}

/// Why a tool was not asked.
pub(super) fn unsaid(missing: &[String]) -> String {
    let names: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
    format!("the goal does not say {}", super::super::list(&names))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        value => format!("```json\n{value:#}\n```"),
    }
}
