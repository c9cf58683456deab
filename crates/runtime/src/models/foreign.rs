//! Providers with a protocol of their own, through the crate `genai`: it speaks the protocols, our
//! guarded client carries them, our settings alone say where to and with which key.

use futures::stream::{self, StreamExt};
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatRole, ChatStreamEvent, ContentPart, MessageContent,
    StopReason, StreamEnd, Tool, ToolCall, ToolResponse,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{ModelIden, ServiceTarget};
use reqwest::Client;
use resonant_domain::session::Usage;
use resonant_domain::text::shorten;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

use super::refusal::refusal;
use super::{
    CallRequest, FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest,
    ModelSettingsError, Provider, ProviderSettings, ReplyStream, Secret, request_chars,
};
use crate::trace::{TRACEPARENT, TraceParent};

/// How long a provider may be silent. A local one may load its model before the first byte.
const IDLE: Duration = Duration::from_mins(1);
const FIRST_BYTE: Duration = Duration::from_mins(2);

/// A provider with a protocol of its own.
#[derive(Clone)]
pub struct Foreign {
    provider: Provider,
    client: genai::Client,
    endpoint: Endpoint,
    api_key: Option<Secret>,
}

impl Foreign {
    /// A provider by its settings.
    ///
    /// # Errors
    /// [`ModelSettingsError::Address`] when the address cannot be used.
    pub fn new(
        provider: Provider,
        settings: &ProviderSettings,
        client: Client,
    ) -> Result<Self, ModelSettingsError> {
        let base = match &settings.base_url {
            Some(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => {
                format!("{}/", url.as_str().trim_end_matches('/'))
            }
            Some(_) => return Err(ModelSettingsError::Address),
            None => match provider {
                Provider::Anthropic => "https://api.anthropic.com/v1/",
                Provider::Gemini => "https://generativelanguage.googleapis.com/v1beta/",
                Provider::Ollama => "http://localhost:11434/",
            }
            .to_owned(),
        };
        let client = genai::Client::builder().with_reqwest(client).build();
        let client = client.map_err(|_| ModelSettingsError::Address)?;
        let endpoint = Endpoint::from_owned(base);
        Ok(Self { provider, client, endpoint, api_key: settings.api_key.clone() })
    }

    fn target(&self, model: &str) -> ServiceTarget {
        let kind = match self.provider {
            Provider::Anthropic => AdapterKind::Anthropic,
            Provider::Gemini => AdapterKind::Gemini,
            Provider::Ollama => AdapterKind::Ollama,
        };
        let key = self.api_key.as_ref().map_or("none", Secret::expose);
        ServiceTarget {
            endpoint: self.endpoint.clone(),
            auth: AuthData::from_single(key),
            model: ModelIden::new(kind, model),
        }
    }

    async fn begin(self, request: ModelRequest) -> Result<Reading, ModelError> {
        let mut options = ChatOptions::default()
            .with_max_tokens(request.max_output_tokens)
            .with_capture_usage(true)
            .with_capture_tool_calls(true);
        if let Some(place) = TraceParent::current() {
            options = options.with_extra_headers([(TRACEPARENT.to_owned(), place.to_string())]);
        }
        let chars = request_chars(&request);
        let now = request.now;
        let target = self.target(&request.model);
        let begun = self.client.exec_chat_stream(target, told(request), Some(&options));
        let stream = match timeout(FIRST_BYTE, begun).await {
            Ok(Ok(response)) => response.stream,
            Ok(Err(error)) => return Err(self.explain(&error, now)),
            Err(_elapsed) => {
                return Err(ModelError::transient(format!(
                    "the model did not answer within {} seconds",
                    FIRST_BYTE.as_secs()
                )));
            }
        };
        Ok(Reading { who: self, stream, now, request_chars: chars, written_chars: 0 })
    }

    fn explain(&self, error: &genai::Error, now: jiff::Timestamp) -> ModelError {
        let hide = |text: &str| match &self.api_key {
            Some(key) => key.hide_in(text),
            None => text.to_owned(),
        };
        let answered = match error {
            genai::Error::HttpError { body, .. } => Some(body.clone()),
            genai::Error::WebModelCall { webc_error, .. }
            | genai::Error::WebAdapterCall { webc_error, .. } => match webc_error {
                genai::webc::Error::ResponseFailedStatus { body, .. } => Some(body.clone()),
                _ => None,
            },
            _ => None,
        };
        // A stream that never began carries the provider's answer as the error inside.
        if let genai::Error::WebStream { error: inner, .. } = error
            && let Some(inner) = inner.downcast_ref::<genai::Error>()
        {
            return self.explain(inner, now);
        }
        if let (Some(status), Some(body)) = (error.status(), answered) {
            let headers = error.headers().cloned().unwrap_or_default();
            return refusal(status, &headers, &hide(&body), now);
        }
        match error {
            genai::Error::WebModelCall { .. }
            | genai::Error::WebAdapterCall { .. }
            | genai::Error::WebStream { .. } => ModelError::transient(format!(
                "{} cannot be reached or broke off",
                self.provider.as_str()
            )),
            genai::Error::ChatResponse { body, .. } => {
                ModelError::transient(hide(&shorten(&body.to_string(), 300)))
            }
            genai::Error::StreamParse { .. } => {
                ModelError::transient("the model's reply cannot be read")
            }
            other => ModelError::permanent(hide(&shorten(&other.to_string(), 300))),
        }
    }
}

impl Model for Foreign {
    fn provider(&self) -> &'static str {
        self.provider.as_str()
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let phase = Phase::Unsent(Box::new((self.clone(), request)));
        stream::unfold(phase, |phase| async move {
            let mut reading = match phase {
                Phase::Unsent(unsent) => match unsent.0.begin(unsent.1).await {
                    Ok(reading) => Box::new(reading),
                    Err(error) => return Some((Err(error), Phase::Over)),
                },
                Phase::Reading(reading) => reading,
                Phase::Over => return None,
            };
            match reading.next().await {
                Ok(piece @ ModelPiece::Finish { .. }) => Some((Ok(piece), Phase::Over)),
                Ok(piece) => Some((Ok(piece), Phase::Reading(reading))),
                Err(error) => Some((Err(error), Phase::Over)),
            }
        })
        .boxed()
    }
}

enum Phase {
    Unsent(Box<(Foreign, ModelRequest)>),
    Reading(Box<Reading>),
    Over,
}

/// A reply on its way.
struct Reading {
    who: Foreign,
    stream: genai::chat::ChatStream,
    now: jiff::Timestamp,
    request_chars: usize,
    written_chars: usize,
}

impl Reading {
    async fn next(&mut self) -> Result<ModelPiece, ModelError> {
        loop {
            let Ok(event) = timeout(IDLE, self.stream.next()).await else {
                let silent = format!("the model was silent for {} seconds", IDLE.as_secs());
                return Err(ModelError::transient(silent));
            };
            match event {
                Some(Ok(ChatStreamEvent::Chunk(chunk))) => {
                    self.written_chars += chunk.content.chars().count();
                    return Ok(ModelPiece::Output(chunk.content));
                }
                Some(Ok(ChatStreamEvent::ReasoningChunk(chunk))) => {
                    self.written_chars += chunk.content.chars().count();
                    return Ok(ModelPiece::Thinking(chunk.content));
                }
                Some(Ok(ChatStreamEvent::End(end))) => return Ok(self.finish(end)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.who.explain(&error, self.now)),
                None => return Err(ModelError::transient("the model's reply broke off")),
            }
        }
    }

    fn finish(&self, end: StreamEnd) -> ModelPiece {
        let counted = end.captured_usage.as_ref();
        let tokens = |count: Option<i32>, chars: usize| {
            count.and_then(|count| u64::try_from(count).ok()).unwrap_or((chars / 4) as u64)
        };
        let usage = Usage {
            input_tokens: tokens(counted.and_then(|it| it.prompt_tokens), self.request_chars),
            output_tokens: tokens(counted.and_then(|it| it.completion_tokens), self.written_chars),
            ..Usage::default()
        };
        let stopped = end.captured_stop_reason.clone();
        let calls: Vec<_> = end
            .captured_into_tool_calls()
            .unwrap_or_default()
            .into_iter()
            .map(|call| CallRequest {
                call_id: call.call_id,
                tool: call.fn_name,
                arguments: call.fn_arguments,
            })
            .collect();
        let reason = match stopped {
            _ if !calls.is_empty() => FinishReason::ToolCalls,
            Some(StopReason::MaxTokens(_)) => FinishReason::Length,
            Some(StopReason::ContentFilter(_)) => FinishReason::Filtered,
            _ => FinishReason::Stop,
        };
        ModelPiece::Finish { calls, usage, reason }
    }
}

/// A request in the words of the crate.
fn told(request: ModelRequest) -> ChatRequest {
    let has_tools = !request.tools.is_empty();
    let system = request.system_with_date();
    let mut messages: Vec<ChatMessage> = Vec::new();
    for message in &request.messages {
        let next = said(message, has_tools);
        // The results of one turn belong into one message.
        match messages.last_mut() {
            Some(last) if last.role == ChatRole::Tool && next.role == ChatRole::Tool => {
                last.content.extend(next.content.into_parts());
            }
            // What is pinned of steps that were told shorter stands before the next step: Gemini wants a
            // model's calls right behind what a person or a tool has said.
            Some(last) if last.role == ChatRole::Assistant && next.role == ChatRole::Assistant => {
                last.content.extend(next.content.into_parts().into_iter().map(apart));
            }
            _ => messages.push(next),
        }
    }
    let tools = request.tools.into_iter().map(|tool| {
        Tool::new(tool.name).with_description(tool.description).with_schema(tool.parameters)
    });
    let told = ChatRequest::from_messages(messages).with_system(system);
    if has_tools { told.with_tools(tools.collect::<Vec<_>>()) } else { told }
}

/// A part of another step: some providers join the texts of a message as they are.
fn apart(part: ContentPart) -> ContentPart {
    match part {
        ContentPart::Text(text) if !text.is_empty() => ContentPart::Text(format!("\n\n{text}")),
        other => other,
    }
}

fn said(message: &Message, has_tools: bool) -> ChatMessage {
    match message {
        Message::User { .. } => ChatMessage::user(message.user_text(has_tools)),
        Message::Assistant { text, calls } => {
            let mut parts = Vec::new();
            if !text.is_empty() || calls.is_empty() {
                parts.push(ContentPart::Text(text.clone()));
            }
            parts.extend(calls.iter().map(|call| {
                ContentPart::ToolCall(ToolCall {
                    call_id: call.call_id.clone(),
                    fn_name: call.tool.clone(),
                    fn_arguments: if call.arguments.is_object() {
                        call.arguments.clone()
                    } else {
                        json!({ "malformed": call.arguments })
                    },
                    thought_signatures: None,
                })
            }));
            ChatMessage::assistant(MessageContent::from(parts))
        }
        Message::Tool { call_id, tool, content, is_error } => {
            let content = if *is_error { format!("Error: {content}") } else { content.clone() };
            let response = ToolResponse::new(call_id.clone(), content).with_fn_name(tool.clone());
            ChatMessage::tool(MessageContent::from(response))
        }
    }
}

#[cfg(test)]
mod tests;
