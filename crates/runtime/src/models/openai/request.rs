//! A request as an OpenAI-compatible endpoint reads it.

use serde_json::{Value, json};
use url::Url;

use crate::models::{Message, ModelRequest, ModelSettingsError};
use crate::tools::ToolSchema;

/// What an endpoint does not take, learnt from its refusals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// It wants `max_completion_tokens` in the place of `max_tokens`.
    pub completion_tokens: bool,
    /// It refuses `stream_options`.
    pub no_stream_options: bool,
}

impl Dialect {
    /// What a refusal teaches. `None`: nothing new.
    pub fn learn(self, refusal: &str) -> Option<Self> {
        let mut learnt = self;
        learnt.completion_tokens |= refusal.contains("max_completion_tokens");
        learnt.no_stream_options |= refusal.contains("stream_options");
        (learnt != self).then_some(learnt)
    }
}

/// The address that takes requests: `{base}/chat/completions`, with `/v1` where the base has no
/// version of its own.
pub(in crate::models) fn endpoint(base: &Url) -> Result<Url, ModelSettingsError> {
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(ModelSettingsError::Address);
    }
    let mut endpoint = base.clone();
    endpoint.set_fragment(None);
    let path = base.path().trim_end_matches('/');
    if !path.ends_with("/chat/completions") {
        let has_version = path.split('/').any(|segment| {
            segment
                .strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        let version = if has_version { "" } else { "/v1" };
        endpoint.set_path(&format!("{path}{version}/chat/completions"));
    }
    Ok(endpoint)
}

/// The request's body.
pub(super) fn body(request: &ModelRequest, dialect: Dialect) -> Value {
    let mut messages = Vec::new();
    messages.push(json!({ "role": "system", "content": request.system_with_date() }));
    messages
        .extend(request.messages.iter().map(|message| said(message, !request.tools.is_empty())));
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "stream": true,
    });
    let limit = if dialect.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    body[limit] = request.max_output_tokens.into();
    if !dialect.no_stream_options {
        body["stream_options"] = json!({ "include_usage": true });
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body
}

fn tool(schema: &ToolSchema) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": schema.name,
            "description": schema.description,
            "parameters": schema.parameters,
        },
    })
}

fn said(message: &Message, has_tools: bool) -> Value {
    match message {
        Message::User { .. } => {
            json!({ "role": "user", "content": message.user_text(has_tools) })
        }
        Message::Assistant { text, calls } => {
            let mut said = json!({ "role": "assistant", "content": text });
            if !calls.is_empty() {
                let calls = calls.iter().map(|call| {
                    json!({
                        "id": call.call_id,
                        "type": "function",
                        "function": {
                            "name": call.tool,
                            "arguments": arguments(&call.arguments),
                        },
                    })
                });
                said["tool_calls"] = calls.collect();
            }
            said
        }
        Message::Tool { call_id, content, is_error, .. } => {
            let content = if *is_error { format!("Error: {content}") } else { content.clone() };
            json!({ "role": "tool", "tool_call_id": call_id, "content": content })
        }
    }
}

/// Arguments as the text of a JSON object: some servers parse what they are shown again.
fn arguments(value: &Value) -> String {
    if value.is_object() { value.to_string() } else { json!({ "malformed": value }).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::CallRequest;

    #[test]
    fn the_base_may_end_in_many_ways() {
        for (base, expected) in [
            ("https://api.example.org", "https://api.example.org/v1/chat/completions"),
            ("https://api.example.org/", "https://api.example.org/v1/chat/completions"),
            ("https://api.example.org/v1", "https://api.example.org/v1/chat/completions"),
            ("https://api.example.org/v1/", "https://api.example.org/v1/chat/completions"),
            ("http://localhost:8080/openai/v1", "http://localhost:8080/openai/v1/chat/completions"),
            ("http://h/v1beta/openai/", "http://h/v1beta/openai/chat/completions"),
            ("http://h/proxy", "http://h/proxy/v1/chat/completions"),
            ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
            ("http://h/v1?key=x", "http://h/v1/chat/completions?key=x"),
        ] {
            assert_eq!(endpoint(&base.parse().unwrap()).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_conversation_is_told_whole() {
        let request = ModelRequest {
            model: "m".to_owned(),
            system: "Be short".to_owned(),
            messages: vec![
                Message::User { text: "Go".to_owned(), context: Some("notes".to_owned()) },
                Message::Assistant {
                    text: String::new(),
                    calls: vec![CallRequest {
                        call_id: "call01001".to_owned(),
                        tool: "calculator".to_owned(),
                        arguments: Value::String("{oops".to_owned()),
                    }],
                },
                Message::Tool {
                    call_id: "call01001".to_owned(),
                    tool: "calculator".to_owned(),
                    content: "no".to_owned(),
                    is_error: true,
                },
            ],
            tools: Vec::new(),
            max_output_tokens: 7,
            now: "2026-11-23T15:30:00Z".parse().unwrap(),
        };
        let body = body(&request, Dialect::default());
        assert_eq!(
            body["messages"][0]["content"],
            "Be short\n\nIt is Monday, 23 November 2026, 15:30 UTC."
        );
        assert_eq!(
            body["messages"][1]["content"],
            "Go\n\nMaterial for it:\n<context>\nnotes\n</context>"
        );
        assert_eq!(
            body["messages"][2]["tool_calls"][0]["function"]["arguments"],
            r#"{"malformed":"{oops"}"#
        );
        assert_eq!(body["messages"][3]["content"], "Error: no");
        assert_eq!(body["max_tokens"], 7);
        assert!(body.get("tools").is_none());
    }

    #[test]
    fn refusals_teach_once() {
        let plain = Dialect::default();
        let learnt = plain.learn("use 'max_completion_tokens' instead").unwrap();
        assert!(learnt.completion_tokens);
        assert_eq!(learnt.learn("use 'max_completion_tokens' instead"), None);
        assert_eq!(plain.learn("no such model"), None);
    }
}
