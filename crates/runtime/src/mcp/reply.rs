//! What a server answers: one JSON-RPC message, or an event stream that holds it.

use serde_json::Value;

use super::McpError;

/// The result in an answer to the request of this number.
pub(super) fn result(body: &[u8], is_stream: bool, id: u64) -> Result<Value, McpError> {
    let text = String::from_utf8_lossy(body);
    let is_it = |message: &Value| message["id"] == id && is_answer(message);
    let message = if is_stream {
        events(&text).find(is_it)
    } else {
        serde_json::from_str(&text).ok().and_then(|message| match message {
            Value::Array(messages) => messages.into_iter().find(is_it),
            message => Some(message).filter(is_it),
        })
    };
    let Some(message) = message else {
        return Err(McpError::Protocol("it holds no answer to the request".to_owned()));
    };
    result_of(&message)
}

/// The result in an answer.
pub(super) fn result_of(message: &Value) -> Result<Value, McpError> {
    if let Some(error) = message.get("error") {
        let text = error["message"].as_str().unwrap_or("without a reason");
        return Err(McpError::Refused(text.chars().take(1_000).collect()));
    }
    Ok(message["result"].clone())
}

/// Whether an event stream holds the answer already: it answers nothing but what was sent to get it.
pub(super) fn is_complete(body: &[u8]) -> bool {
    // Looked at only where an event ends, and never where the body is JSON.
    let ends_event = body.ends_with(b"\n\n") || body.ends_with(b"\r\n\r\n");
    ends_event && events(&String::from_utf8_lossy(body)).any(|message| is_answer(&message))
}

fn is_answer(message: &Value) -> bool {
    message["id"].is_u64() && (message.get("result").is_some() || message.get("error").is_some())
}

/// The messages of an event stream (WHATWG HTML, 9.2.6).
fn events(text: &str) -> impl Iterator<Item = Value> {
    let text = text.replace("\r\n", "\n");
    let messages: Vec<_> = text
        .split("\n\n")
        .filter_map(|event| {
            let data: Vec<_> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|data| data.strip_prefix(' ').unwrap_or(data))
                .collect();
            serde_json::from_str(&data.join("\n")).ok()
        })
        .collect();
    messages.into_iter()
}

/// A tool's answer as text. What is no text is named.
pub(super) fn content(result: &Value) -> String {
    let parts: Vec<_> = result["content"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|part| match part["type"].as_str().unwrap_or_default() {
            "text" => part["text"].as_str().unwrap_or_default().to_owned(),
            "resource" if part["resource"]["text"].is_string() => {
                part["resource"]["text"].as_str().unwrap_or_default().to_owned()
            }
            other => format!("[{other}]"),
        })
        .collect();
    match &result["structuredContent"] {
        Value::Null => parts.join("\n"),
        structured if parts.is_empty() => structured.to_string(),
        _ => parts.join("\n"),
    }
}
