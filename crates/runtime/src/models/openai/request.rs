//! A request as an OpenAI-compatible endpoint reads it.

use serde_json::{Value, json};
use url::Url;

use super::reply::EXTRA_CONTENT;
use crate::models::provider_data::{self, REASONING};
use crate::models::{Message, ModelRequest, ModelSettingsError};
use crate::tools::ToolSchema;

/// What an endpoint does not take, learnt from its refusals.
#[expect(clippy::struct_excessive_bools, reason = "each is learnt by itself")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// It wants `max_completion_tokens` in the place of `max_tokens`.
    pub completion_tokens: bool,
    /// It refuses `stream_options`.
    pub no_stream_options: bool,
    /// It refuses `tool_choice`.
    pub no_tool_choice: bool,
    /// It refuses the `reasoning_content` that it has sent.
    pub no_reasoning: bool,
}

impl Dialect {
    /// What a refusal teaches. `None`: nothing new.
    pub fn learn(self, refusal: &str) -> Option<Self> {
        let mut learnt = self;
        learnt.completion_tokens |= refusal.contains("max_completion_tokens");
        learnt.no_stream_options |= refusal.contains("stream_options");
        learnt.no_tool_choice |= refusal.contains("tool_choice");
        // Those that want it back name it, too.
        let is_missed = ["must be passed", "issing"].iter().any(|part| refusal.contains(part));
        learnt.no_reasoning |= refusal.contains(REASONING) && !is_missed;
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
    let shown = request.messages.iter().filter(|message| !message.is_blank());
    messages.extend(shown.map(|message| said(message, request, dialect)));
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
        if !request.may_call && !dialect.no_tool_choice {
            body["tool_choice"] = "none".into();
        }
    }
    body
}

/// A tool as the endpoint reads it.
pub(in crate::models) fn tool(schema: &ToolSchema) -> Value {
    json!({
        "type": "function",
        "function": {
            "name": schema.name,
            "description": schema.description,
            "parameters": schema.parameters,
        },
    })
}

fn said(message: &Message, request: &ModelRequest, dialect: Dialect) -> Value {
    match message {
        Message::User { .. } => {
            json!({ "role": "user", "content": message.user_text(request.offers_tools()) })
        }
        Message::Assistant { text, calls } => {
            let mut said = json!({ "role": "assistant", "content": text });
            if !calls.is_empty() {
                let given = |call| provider_data::to(call, super::PROVIDER, &request.model);
                let told = calls.iter().map(|call| {
                    let mut told = json!({
                        "id": call.call_id,
                        "type": "function",
                        "function": {
                            "name": call.tool,
                            "arguments": arguments(&call.arguments),
                        },
                    });
                    if let Some(extra) = given(call).and_then(|data| data.get(EXTRA_CONTENT)) {
                        told[EXTRA_CONTENT] = extra.clone();
                    }
                    told
                });
                said["tool_calls"] = told.collect();
                let reasoning = calls.iter().find_map(|call| given(call)?.get(REASONING));
                if let Some(reasoning) = reasoning.filter(|_| !dialect.no_reasoning) {
                    said[REASONING] = reasoning.clone();
                }
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
    use crate::models::{CallRequest, Material};

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
                Message::User { text: "Go".to_owned(), context: Some(Material::new(0, "notes")) },
                Message::Assistant {
                    text: String::new(),
                    calls: vec![CallRequest {
                        call_id: "call01001".to_owned(),
                        tool: "calculator".to_owned(),
                        arguments: Value::String("{oops".to_owned()),
                        provider_data: None,
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
            may_call: true,
            max_output_tokens: 7,
            window: None,
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
        assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
    }

    #[test]
    fn on_the_last_step_tools_are_told_and_none_may_be_called() {
        let tool = ToolSchema {
            name: "calculator".to_owned(),
            description: "Reckons".to_owned(),
            parameters: json!({ "type": "object" }),
        };
        let request = ModelRequest {
            model: "m".to_owned(),
            system: "Be short".to_owned(),
            messages: vec![Message::User {
                text: "Go".to_owned(),
                context: Some(Material::new(0, "notes")),
            }],
            tools: vec![tool],
            may_call: false,
            max_output_tokens: 7,
            window: None,
            now: "2026-11-23T15:30:00Z".parse().unwrap(),
        };
        let body = |dialect| super::body(&request, dialect);
        let told = body(Dialect::default());
        assert_eq!(told["tools"][0]["function"]["name"], "calculator");
        assert_eq!(told["tool_choice"], "none");
        let system = told["messages"][0]["content"].as_str().unwrap();
        assert!(
            system.ends_with("No tool can be called any more: answer now, with what is there.")
        );
        let said = told["messages"][1]["content"].as_str().unwrap();
        assert!(!said.contains("tools read it whole"), "{said}");
        let learnt = Dialect::default().learn("unknown field `tool_choice`").unwrap();
        assert!(body(learnt).get("tool_choice").is_none());
    }

    #[test]
    fn refusals_teach_once() {
        let plain = Dialect::default();
        let learnt = plain.learn("use 'max_completion_tokens' instead").unwrap();
        assert!(learnt.completion_tokens);
        assert_eq!(learnt.learn("use 'max_completion_tokens' instead"), None);
        let learnt = plain.learn("property 'reasoning_content' is unsupported").unwrap();
        assert!(learnt.no_reasoning);
        assert_eq!(plain.learn("The `reasoning_content` must be passed back to the API"), None);
        assert_eq!(plain.learn("no such model"), None);
    }
}
