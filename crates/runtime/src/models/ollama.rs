//! A local Ollama by its own protocol, where it can be told how much a conversation may hold: left alone it
//! drops the beginning of a longer one without a word. Dropping the stream closes the connection.

use std::collections::VecDeque;

use reqwest::{Client, Response};
use resonant_domain::session::Usage;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use url::Url;

use super::exchange::{ERROR_MAX_BYTES, IDLE, read, send};
use super::foreign::base;
use super::openai::tool;
use super::refusal::{is_too_long, refusal};
use super::unsent::{OnItsWay, reply_of};
use super::{
    CallRequest, FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest,
    ModelSettingsError, ProviderSettings, ReplyStream, Secret, request_chars,
};

/// The longest line that is taken, in bytes, and how long the calls of a reply may be together.
const LINE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Calls that one reply may hold; a server that sends more is broken.
const CALLS_MAX: usize = 256;

/// A local Ollama.
#[derive(Clone)]
pub struct Ollama {
    client: Client,
    url: Url,
    api_key: Option<Secret>,
}

impl Ollama {
    /// One by its settings.
    ///
    /// # Errors
    /// [`ModelSettingsError::Address`] when the address cannot be used.
    pub fn new(settings: &ProviderSettings, client: Client) -> Result<Self, ModelSettingsError> {
        let base = base(settings.base_url.as_ref(), "http://localhost:11434/")?;
        let url = format!("{base}api/chat").parse().map_err(|_| ModelSettingsError::Address)?;
        Ok(Self { client, url, api_key: settings.api_key.clone() })
    }

    async fn begin(self, request: ModelRequest) -> Result<Reading, ModelError> {
        let sending = self.client.post(self.url.clone()).json(&body(&request));
        let mut response = send(sending, self.api_key.as_ref()).await?;
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            let said = read(&mut response, ERROR_MAX_BYTES).await.unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let error = refusal(status, &headers, &said, request.now);
            return Err(match &self.api_key {
                Some(key) => error.map(|message| key.hide_in(&message)),
                None => error,
            });
        }
        Ok(Reading {
            response,
            line: Vec::new(),
            ready: VecDeque::new(),
            calls: Vec::new(),
            calls_bytes: 0,
            request_chars: request_chars(&request),
            written_chars: 0,
        })
    }
}

impl Model for Ollama {
    fn provider(&self) -> &'static str {
        "ollama"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        reply_of(self.clone().begin(request))
    }
}

/// A reply on its way.
struct Reading {
    response: Response,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    ready: VecDeque<ModelPiece>,
    calls: Vec<CallRequest>,
    calls_bytes: usize,
    request_chars: usize,
    written_chars: usize,
}

/// One line of a reply.
#[derive(Debug, Default, Deserialize)]
struct Line {
    #[serde(default)]
    message: Option<Said>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Called>>,
}

#[derive(Debug, Deserialize)]
struct Called {
    function: CalledFunction,
}

#[derive(Debug, Deserialize)]
struct CalledFunction {
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl OnItsWay for Reading {
    async fn next(&mut self) -> Result<ModelPiece, ModelError> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(piece);
            }
            match timeout(IDLE, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.take(&bytes)?,
                Ok(Ok(None)) => {
                    // The last line may lack its end.
                    let line = std::mem::take(&mut self.line);
                    self.take_line(&line)?;
                    if self.ready.is_empty() {
                        return Err(ModelError::transient("the model's reply broke off"));
                    }
                }
                Ok(Err(_)) => {
                    return Err(ModelError::transient("the connection to the model broke off"));
                }
                Err(_elapsed) => return Err(ModelError::silent(IDLE)),
            }
        }
    }
}

impl Reading {
    fn take(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&rest[..end]);
            self.take_line(&line)?;
            rest = &rest[end + 1..];
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LINE_MAX_BYTES {
            return Err(ModelError::permanent("the model's reply has a line without end"));
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), ModelError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            ModelError::permanent(format!("the model's reply is not what it should be: {error}"))
        })?;
        if let Some(error) = line.error {
            let message = format!("the model's provider failed: {error}");
            return Err(if is_too_long(&Value::Null, &error) {
                ModelError::TooLong(message)
            } else {
                ModelError::transient(message)
            });
        }
        let Said { content, thinking, tool_calls } = line.message.unwrap_or_default();
        if let Some(text) = thinking.filter(|text| !text.is_empty()) {
            self.written_chars += text.chars().count();
            self.ready.push_back(ModelPiece::Thinking(text));
        }
        if let Some(text) = content.filter(|text| !text.is_empty()) {
            self.written_chars += text.chars().count();
            self.ready.push_back(ModelPiece::Output(text));
        }
        for call in tool_calls.unwrap_or_default() {
            let CalledFunction { name: tool, arguments } = call.function;
            let arguments = if arguments.is_null() { json!({}) } else { arguments };
            let bytes = arguments.to_string().len();
            self.written_chars += bytes;
            self.calls_bytes += tool.len() + bytes;
            if self.calls.len() == CALLS_MAX {
                let reason = "the model asked for too many tools at once";
                return Err(ModelError::permanent(reason));
            }
            if self.calls_bytes > LINE_MAX_BYTES {
                return Err(ModelError::permanent("the model's calls are without end"));
            }
            self.calls.push(CallRequest {
                call_id: String::new(),
                tool,
                arguments,
                provider_data: None,
            });
        }
        if line.done {
            let calls = std::mem::take(&mut self.calls);
            let tokens = |count: Option<u64>, chars: usize| {
                count.filter(|count| *count > 0).unwrap_or_else(|| chars.div_ceil(4) as u64)
            };
            let usage = Usage {
                input_tokens: tokens(line.prompt_eval_count, self.request_chars),
                output_tokens: tokens(line.eval_count, self.written_chars),
                ..Usage::default()
            };
            let reason = match line.done_reason.as_deref() {
                _ if !calls.is_empty() => FinishReason::ToolCalls,
                Some("length") => FinishReason::Length,
                _ => FinishReason::Stop,
            };
            self.ready.push_back(ModelPiece::Finish { calls, usage, reason });
        }
        Ok(())
    }
}

/// The request's body.
fn body(request: &ModelRequest) -> Value {
    let offers_tools = request.offers_tools();
    let mut messages = vec![json!({ "role": "system", "content": request.system_with_date() })];
    let shown = request.messages.iter().filter(|message| !message.is_blank());
    messages.extend(shown.map(|message| said(message, offers_tools)));
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "stream": true,
        "options": { "num_predict": request.max_output_tokens },
    });
    if let Some(window) = request.window {
        body["options"]["num_ctx"] = window.into();
    }
    // It knows no choice of none; a conversation with calls it takes without tools.
    if offers_tools {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body
}

fn said(message: &Message, offers_tools: bool) -> Value {
    match message {
        Message::User { .. } => {
            json!({ "role": "user", "content": message.user_text(offers_tools) })
        }
        Message::Assistant { text, calls } => {
            let mut said = json!({ "role": "assistant", "content": text });
            if !calls.is_empty() {
                let calls = calls.iter().map(|call| {
                    let arguments = match &call.arguments {
                        arguments @ Value::Object(_) => arguments.clone(),
                        other => json!({ "malformed": other }),
                    };
                    json!({ "function": { "name": call.tool, "arguments": arguments } })
                });
                said["tool_calls"] = calls.collect();
            }
            said
        }
        Message::Tool { tool, content, is_error, .. } => {
            let content = if *is_error { format!("Error: {content}") } else { content.clone() };
            json!({ "role": "tool", "tool_name": tool, "content": content })
        }
    }
}
