//! What a provider wants back with a call when it is shown the call again: signatures, reasoning. It is kept
//! as it came, goes to the model that wrote it alone, and is shown to no person.

use serde_json::{Map, Value};

use super::CallRequest;

/// The most that is kept with one call, in bytes of JSON.
const MAX_BYTES: usize = 256 * 1024;
/// The longest reasoning that is kept as a text, in bytes: marks in it are longer as JSON.
pub(super) const REASONING_MAX_BYTES: usize = 64 * 1024;
/// The name under which it says who wrote it.
const BY: &str = "by";
/// The reasoning of a turn, where it is one text.
pub(super) const REASONING: &str = "reasoning_content";
/// The blocks of reasoning of a turn.
pub(super) const THINKING: &str = "thinking";

/// What came with a call. `None`: nothing, or more than is kept.
pub(super) fn of(provider: &str, model: &str, mut data: Map<String, Value>) -> Option<Value> {
    if data.is_empty() {
        return None;
    }
    data.insert(BY.to_owned(), by(provider, model).into());
    let data = Value::Object(data);
    (data.to_string().len() <= MAX_BYTES).then_some(data)
}

/// What came with a call, where this model wrote it.
pub(super) fn to<'a>(call: &'a CallRequest, provider: &str, model: &str) -> Option<&'a Value> {
    call.provider_data.as_ref().filter(|data| data[BY] == by(provider, model))
}

fn by(provider: &str, model: &str) -> String {
    format!("{provider}:{model}")
}

/// The texts in it, which a model reads.
pub(crate) fn texts(data: &Value) -> impl Iterator<Item = &str> {
    let blocks = data[THINKING].as_array().into_iter().flatten();
    let thoughts = blocks.filter_map(|block| block[THINKING].as_str());
    data[REASONING].as_str().into_iter().chain(thoughts)
}

/// Halves a reasoning that is longer than `least` characters. What is signed cannot be cut. `false`: it is as
/// short as it gets.
pub(crate) fn shorten(data: &mut Value, least: usize) -> bool {
    let Some(Value::String(text)) = data.get_mut(REASONING) else { return false };
    let chars = text.chars().count();
    if chars <= least {
        return false;
    }
    let end = text.char_indices().nth((chars / 2).max(least)).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(data: Value) -> CallRequest {
        let Value::Object(data) = data else { panic!("an object") };
        CallRequest {
            call_id: "a".to_owned(),
            tool: "calculator".to_owned(),
            arguments: json!({}),
            provider_data: of("openai", "deep", data),
        }
    }

    #[test]
    fn who_wrote_it_gets_it_and_nobody_else() {
        let signed = call(json!({ "extra_content": { "google": { "thought_signature": "x" } } }));
        assert!(to(&signed, "openai", "deep").is_some());
        for (provider, model) in [("openai", "small"), ("gemini", "deep"), ("openai", "")] {
            assert_eq!(to(&signed, provider, model), None, "{provider}:{model}");
        }
        assert_eq!(call(json!({})).provider_data, None);
        let long = "x".repeat(MAX_BYTES);
        assert_eq!(call(json!({ "extra_content": long })).provider_data, None);
    }

    #[test]
    fn a_reasoning_is_read_and_can_be_shortened() {
        let mut data = json!({ REASONING: "é".repeat(100), THINKING: [{ "thinking": "so" }] });
        assert_eq!(texts(&data).map(str::len).collect::<Vec<_>>(), [200, 2]);
        assert!(shorten(&mut data, 40));
        assert_eq!(data[REASONING], "é".repeat(50));
        assert!(shorten(&mut data, 40) && !shorten(&mut data, 40));
        assert!(!shorten(&mut json!({ "thought_signatures": ["x"] }), 0));
    }
}
