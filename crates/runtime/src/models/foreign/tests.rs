//! Each provider against a local server that speaks as its public documentation says: text, a tool
//! call, the counts, and a refusal.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::super::speaker;
use super::*;
use crate::tools::ToolSchema;

const ANTHROPIC: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Let me "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"see"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"calculator","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"expression\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":" \"6*7\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

const GEMINI: &str = r#"data: {"candidates":[{"content":{"parts":[{"text":"Let me "}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":25,"totalTokenCount":25},"modelVersion":"m"}

data: {"candidates":[{"content":{"parts":[{"text":"see"},{"functionCall":{"name":"calculator","args":{"expression":"6*7"}}}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":15,"totalTokenCount":40},"modelVersion":"m"}

"#;

const OLLAMA: &str = r#"{"model":"m","created_at":"2026-01-02T03:04:05Z","message":{"role":"assistant","content":"Let me "},"done":false}
{"model":"m","created_at":"2026-01-02T03:04:05Z","message":{"role":"assistant","content":"see"},"done":false}
{"model":"m","created_at":"2026-01-02T03:04:05Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"calculator","arguments":{"expression":"6*7"}}}]},"done":false}
{"model":"m","created_at":"2026-01-02T03:04:05Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":25,"eval_count":15}
"#;

/// A call that reasoning went before, signed.
const ANTHROPIC_THOUGHT: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Six times seven"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"calculator","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"expression\":\"6*7\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

const GEMINI_SIGNED: &str = r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"calculator","args":{"expression":"6*7"}},"thoughtSignature":"c2ln"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":15,"totalTokenCount":40},"modelVersion":"m"}

"#;

#[derive(Clone)]
struct Script {
    status: StatusCode,
    kind: &'static str,
    body: &'static str,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

async fn answer(State(script): State<Script>, request: axum::extract::Request) -> Response {
    let path = request.uri().to_string();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    script.heard.lock().unwrap().push((path, body));
    let headers = [(CONTENT_TYPE.as_str(), script.kind), ("retry-after", "7")];
    (axum::http::StatusCode::from_u16(script.status.as_u16()).unwrap(), headers, script.body)
        .into_response()
}

async fn serve(script: Script) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).with_state(script);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/v1")
}

fn request() -> ModelRequest {
    ModelRequest {
        model: "m".to_owned(),
        system: "Be short".to_owned(),
        messages: vec![
            Message::User { text: "What is 6 times 7?".to_owned(), context: None },
            Message::Assistant {
                text: String::new(),
                calls: vec![CallRequest {
                    call_id: "call01001".to_owned(),
                    tool: "calculator".to_owned(),
                    arguments: json!({"expression": "7*6"}),
                    provider_data: None,
                }],
            },
            Message::Tool {
                call_id: "call01001".to_owned(),
                tool: "calculator".to_owned(),
                content: "42".to_owned(),
                is_error: false,
            },
        ],
        tools: vec![ToolSchema {
            name: "calculator".to_owned(),
            description: "Reckons".to_owned(),
            parameters: json!({"type": "object", "properties": {"expression": {"type": "string"}}}),
        }],
        may_call: true,
        max_output_tokens: 99,
        window: Some(8_192),
        now: "2026-11-23T15:30:00Z".parse().unwrap(),
    }
}

async fn ask(provider: Provider, script: &Script) -> Vec<Result<ModelPiece, ModelError>> {
    ask_for(provider, script, request()).await
}

async fn ask_for(
    provider: Provider,
    script: &Script,
    request: ModelRequest,
) -> Vec<Result<ModelPiece, ModelError>> {
    let base_url = Some(serve(script.clone()).await.parse().unwrap());
    let settings = ProviderSettings { base_url, api_key: Some(Secret::new("hunter2")) };
    speaker(provider, &settings).unwrap().reply(request).collect().await
}

#[test]
fn what_a_model_said_in_a_row_is_one_message() {
    let mut request = request();
    let pinned = Message::Assistant { text: "Pinned".to_owned(), calls: Vec::new() };
    request.messages.insert(1, pinned);
    if let Message::Assistant { text, .. } = &mut request.messages[2] {
        "Let me see".clone_into(text);
    }
    let messages = told(request, Provider::Anthropic).messages;
    let is_it = |at: usize, role: ChatRole| messages[at].role == role;
    assert!(is_it(0, ChatRole::User) && is_it(1, ChatRole::Assistant) && is_it(2, ChatRole::Tool));
    assert_eq!(messages[1].content.texts(), ["Pinned", "\n\nLet me see"]);
    assert_eq!(messages[1].content.tool_calls().len(), 1);
}

#[test]
fn an_answer_without_a_word_is_left_out() {
    let mut request = request();
    let blank = Message::Assistant { text: " \n".to_owned(), calls: Vec::new() };
    request.messages.insert(1, blank.clone());
    request.messages.push(blank);
    let messages = told(request, Provider::Anthropic).messages;
    let roles: Vec<_> = messages.iter().map(|message| message.role.clone()).collect();
    assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::Tool]);
    assert!(messages[1].content.texts().is_empty());
}

#[tokio::test]
async fn what_came_with_a_call_goes_back_to_who_wrote_it() {
    let block = json!({ "type": "thinking", "thinking": "Six times seven", "signature": "c2ln" });
    for (provider, body, place, given) in [
        (Provider::Anthropic, ANTHROPIC_THOUGHT, "/messages/1/content/0", block),
        (Provider::Gemini, GEMINI_SIGNED, "/contents/1/parts/0/thoughtSignature", json!("c2ln")),
    ] {
        let (status, kind) = (StatusCode::OK, "text/event-stream");
        let script = Script { status, kind, body, heard: Arc::default() };
        let last = ask(provider, &script).await.pop().unwrap().unwrap();
        let ModelPiece::Finish { mut calls, .. } = last else { panic!("{last:?}") };
        assert_eq!(calls.len(), 1);
        "call01001".clone_into(&mut calls[0].call_id);
        for model in ["m", "other"] {
            let mut request = ModelRequest { model: model.to_owned(), ..request() };
            request.messages[1] = Message::Assistant { text: String::new(), calls: calls.clone() };
            ask_for(provider, &script, request).await;
        }
        let heard = script.heard.lock().unwrap();
        assert_eq!(heard[1].1.pointer(place), Some(&given), "{provider:?}: {}", heard[1].1);
        assert!(!heard[2].1.to_string().contains("c2ln"), "{provider:?}: {}", heard[2].1);
    }
}

#[tokio::test]
async fn every_provider_streams_text_calls_and_counts() {
    for (provider, kind, body, path) in [
        (Provider::Anthropic, "text/event-stream", ANTHROPIC, "/v1/messages"),
        (
            Provider::Gemini,
            "text/event-stream",
            GEMINI,
            "/v1/models/m:streamGenerateContent?alt=sse",
        ),
        (Provider::Ollama, "application/x-ndjson", OLLAMA, "/v1/api/chat"),
    ] {
        let script = Script { status: StatusCode::OK, kind, body, heard: Arc::default() };
        let pieces = ask(provider, &script).await;
        let mut text = String::new();
        let mut finish = None;
        for piece in pieces {
            match piece.unwrap_or_else(|error| panic!("{provider:?}: {error}")) {
                ModelPiece::Output(more) => text.push_str(&more),
                ModelPiece::Thinking(_) => {}
                ModelPiece::Finish { calls, usage, reason } => {
                    finish = Some((calls, usage, reason));
                }
            }
        }
        assert_eq!(text, "Let me see", "{provider:?}");
        let (calls, usage, reason) = finish.unwrap();
        assert_eq!(reason, FinishReason::ToolCalls, "{provider:?}");
        assert_eq!(calls.len(), 1, "{provider:?}: {calls:?}");
        assert_eq!(calls[0].tool, "calculator", "{provider:?}");
        assert_eq!(calls[0].arguments, json!({"expression": "6*7"}), "{provider:?}");
        assert_eq!((usage.input_tokens, usage.output_tokens), (25, 15), "{provider:?}");
        let heard = script.heard.lock().unwrap();
        assert_eq!(heard[0].0, path, "{provider:?}");
        let sent = heard[0].1.to_string();
        for part in ["Be short", "What is 6 times 7?", "7*6", "42", "Reckons", "99"] {
            assert!(sent.contains(part), "{provider:?}: {part} is not in {sent}");
        }
    }
}

#[tokio::test]
async fn what_a_provider_counts_as_nothing_is_estimated() {
    let body = ANTHROPIC
        .replace("\"input_tokens\":25,\"output_tokens\":1", "\"input_tokens\":0")
        .replace("\"output_tokens\":15", "\"output_tokens\":0");
    let (status, kind, body) = (StatusCode::OK, "text/event-stream", body.leak());
    let script = Script { status, kind, body, heard: Arc::default() };
    let last = ask(Provider::Anthropic, &script).await.pop().unwrap().unwrap();
    let ModelPiece::Finish { usage, .. } = last else { panic!("{last:?}") };
    assert!(usage.input_tokens > 5 && usage.output_tokens > 1, "{usage:?}");
}

#[tokio::test]
async fn a_call_that_is_being_written_is_a_sign_of_life() {
    let (status, kind) = (StatusCode::OK, "text/event-stream");
    let script = Script { status, kind, body: ANTHROPIC, heard: Arc::default() };
    let pieces = ask(Provider::Anthropic, &script).await;
    let is_alive = |piece: &&Result<ModelPiece, ModelError>| matches!(piece, Ok(ModelPiece::Output(text)) if text.is_empty());
    assert!(pieces.iter().filter(is_alive).count() > 1, "{pieces:?}");
}

#[tokio::test]
async fn on_the_last_step_no_provider_may_call_and_none_refuses_what_was_called() {
    for (provider, kind, body) in [
        (Provider::Anthropic, "text/event-stream", ANTHROPIC),
        (Provider::Gemini, "text/event-stream", GEMINI),
        (Provider::Ollama, "application/x-ndjson", OLLAMA),
    ] {
        let script = Script { status: StatusCode::OK, kind, body, heard: Arc::default() };
        ask_for(provider, &script, ModelRequest { may_call: false, ..request() }).await;
        let heard = script.heard.lock().unwrap();
        let sent = &heard[0].1;
        assert!(sent.to_string().contains("No tool can be called any more"), "{sent}");
        match provider {
            // It refuses calls in a conversation that it is told no tools of.
            Provider::Anthropic => {
                assert_eq!(sent["tools"][0]["name"], "calculator");
                assert_eq!(sent["tool_choice"]["type"], "none");
            }
            Provider::Gemini => {
                assert!(sent["tools"].to_string().contains("calculator"), "{sent}");
                assert_eq!(sent["toolConfig"]["functionCallingConfig"]["mode"], "NONE");
            }
            // It knows no such choice.
            Provider::Ollama => assert!(sent.get("tools").is_none(), "{sent}"),
        }
    }
}

#[tokio::test]
async fn a_gemini_that_holds_an_answer_back_says_so() {
    let body = "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":25}}\n\n";
    let (status, kind) = (StatusCode::OK, "text/event-stream");
    let script = Script { status, kind, body, heard: Arc::default() };
    let error = ask(Provider::Gemini, &script).await.pop().unwrap().unwrap_err();
    assert!(
        matches!(&error, ModelError::Permanent(why) if why.contains("held it back")),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_ollama_is_told_how_much_a_conversation_may_hold() {
    let kind = "application/x-ndjson";
    let script = Script { status: StatusCode::OK, kind, body: OLLAMA, heard: Arc::default() };
    ask(Provider::Ollama, &script).await;
    let sent = script.heard.lock().unwrap()[0].1.clone();
    assert_eq!(sent["options"], json!({ "num_ctx": 8_192, "num_predict": 99 }));
    assert_eq!(sent["tools"][0]["function"]["name"], "calculator");
}

#[tokio::test]
async fn an_ollama_that_breaks_off_or_fails_is_a_fault() {
    let kind = "application/x-ndjson";
    let half = "{\"message\":{\"content\":\"half\"},\"done\":false}\n";
    let failed = "{\"error\":\"model requires more system memory\"}\n";
    let calls = |arguments: &str, count: usize| -> &'static str {
        let call = json!({ "function": { "name": "calculator", "arguments": arguments } });
        let line = json!({ "message": { "tool_calls": [call] } });
        format!("{}{{\"done\":true}}\n", format!("{line}\n").repeat(count)).leak()
    };
    let (many, long) = (calls("", 257), calls(&"x".repeat(1_500_000), 3));
    for (body, part) in [
        (half, "broke off"),
        (failed, "more system memory"),
        ("{oops\n", "should be"),
        (many, "too many tools"),
        (long, "without end"),
    ] {
        let script = Script { status: StatusCode::OK, kind, body, heard: Arc::default() };
        let error = ask(Provider::Ollama, &script).await.pop().unwrap().unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_says_whether_it_may_pass_and_hides_the_key() {
    for provider in Provider::ALL {
        for (status, is_transient) in [(429, true), (503, true), (401, false)] {
            let script = Script {
                status: StatusCode::from_u16(status).unwrap(),
                kind: "application/json",
                body: r#"{"error":{"type":"x","message":"not with the key hunter2"}}"#,
                heard: Arc::default(),
            };
            let error = ask(provider, &script).await.pop().unwrap().unwrap_err();
            let is_it = matches!(error, ModelError::Transient { .. });
            assert_eq!(is_it, is_transient, "{provider:?} {status}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{provider:?}: {error}");
        }
    }
}
