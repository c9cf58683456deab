//! Anthropic and Gemini, through the crate `genai`: it speaks their protocols, our guarded client carries
//! them, our settings alone say where to and with which key.

use futures::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatRole, ChatStreamEvent, ContentPart, CustomPart,
    MessageContent, StopReason, StreamEnd, Tool, ToolCall, ToolChoice, ToolResponse,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{ModelIden, ServiceTarget};
use reqwest::Client;
use resonant_domain::session::Usage;
use resonant_domain::text::shorten;
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use url::Url;

use super::exchange::{FIRST_BYTE, IDLE};
use super::provider_data::{self, THINKING};
use super::refusal::{is_of_account, is_too_long, refusal};
use super::unsent::{OnItsWay, reply_of};
use super::{
    CallRequest, FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest,
    ModelSettingsError, Provider, ProviderSettings, ReplyStream, Secret, request_chars,
};
use crate::trace::{TRACEPARENT, TraceParent};

/// Under which name Gemini's signatures of a call are kept.
const SIGNATURES: &str = "thought_signatures";

/// A provider whose protocol the crate speaks.
#[derive(Clone)]
pub struct Foreign {
    provider: Provider,
    kind: AdapterKind,
    client: genai::Client,
    endpoint: Endpoint,
    api_key: Option<Secret>,
}

impl Foreign {
    /// Anthropic's messages.
    ///
    /// # Errors
    /// [`ModelSettingsError::Address`] when the address cannot be used.
    pub fn anthropic(
        settings: &ProviderSettings,
        client: Client,
    ) -> Result<Self, ModelSettingsError> {
        let base = base(settings.base_url.as_ref(), "https://api.anthropic.com/v1/")?;
        Self::at(base, (Provider::Anthropic, AdapterKind::Anthropic), settings, client)
    }

    /// Google's Gemini.
    ///
    /// # Errors
    /// [`ModelSettingsError::Address`] when the address cannot be used.
    pub fn gemini(settings: &ProviderSettings, client: Client) -> Result<Self, ModelSettingsError> {
        let default = "https://generativelanguage.googleapis.com/v1beta/";
        let base = base(settings.base_url.as_ref(), default)?;
        Self::at(base, (Provider::Gemini, AdapterKind::Gemini), settings, client)
    }

    fn at(
        base: String,
        (provider, kind): (Provider, AdapterKind),
        settings: &ProviderSettings,
        client: Client,
    ) -> Result<Self, ModelSettingsError> {
        let client = genai::Client::builder().with_reqwest(client).build();
        let client = client.map_err(|_| ModelSettingsError::Address)?;
        let endpoint = Endpoint::from_owned(base);
        Ok(Self { provider, kind, client, endpoint, api_key: settings.api_key.clone() })
    }

    fn target(&self, model: &str) -> ServiceTarget {
        let key = self.api_key.as_ref().map_or("none", Secret::expose);
        ServiceTarget {
            endpoint: self.endpoint.clone(),
            auth: AuthData::from_single(key),
            model: ModelIden::new(self.kind, model),
        }
    }

    async fn begin(self, request: ModelRequest) -> Result<Reading, ModelError> {
        let mut options = ChatOptions::default()
            .with_max_tokens(request.max_output_tokens)
            .with_capture_usage(true)
            .with_capture_tool_calls(true);
        if self.provider == Provider::Anthropic {
            // Its blocks of reasoning go back with the calls that followed them.
            options = options.with_capture_reasoning_content(true);
        }
        if let Some(place) = TraceParent::current() {
            options = options.with_extra_headers([(TRACEPARENT.to_owned(), place.to_string())]);
        }
        if !request.tools.is_empty() && !request.may_call {
            options = options.with_tool_choice(ToolChoice::None);
        }
        let chars = request_chars(&request);
        let now = request.now;
        let model = request.model.clone();
        let target = self.target(&model);
        let asked = told(request, self.provider);
        let begun = self.client.exec_chat_stream(target, asked, Some(&options));
        let stream = match timeout(FIRST_BYTE, begun).await {
            Ok(Ok(response)) => response.stream,
            Ok(Err(error)) => return Err(self.explain(&error, now)),
            Err(_elapsed) => return Err(ModelError::silent(FIRST_BYTE)),
        };
        Ok(Reading { who: self, model, stream, now, request_chars: chars, written_chars: 0 })
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
            // A reply without a candidate: asked again, it would hold that back, too.
            genai::Error::ChatResponse { body, .. }
                if self.provider == Provider::Gemini && body.get("error").is_none() =>
            {
                ModelError::permanent("gemini gave no answer: it has held it back")
            }
            genai::Error::ChatResponse { body, .. } => {
                let whole = body.to_string();
                let message = hide(&shorten(&whole, 300));
                let error = body.get("error").unwrap_or(body);
                if is_of_account(error, &whole) {
                    ModelError::Account(message)
                } else if is_too_long(error, &whole) {
                    ModelError::TooLong(message)
                } else {
                    ModelError::transient(message)
                }
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
        reply_of(self.clone().begin(request))
    }
}

/// A reply on its way.
struct Reading {
    who: Foreign,
    model: String,
    stream: genai::chat::ChatStream,
    now: jiff::Timestamp,
    request_chars: usize,
    written_chars: usize,
}

impl OnItsWay for Reading {
    async fn next(&mut self) -> Result<ModelPiece, ModelError> {
        loop {
            let Ok(event) = timeout(IDLE, self.stream.next()).await else {
                return Err(ModelError::silent(IDLE));
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
                Some(Ok(ChatStreamEvent::ToolCallChunk(_))) => {
                    return Ok(ModelPiece::Output(String::new()));
                }
                Some(Ok(ChatStreamEvent::End(end))) => return Ok(self.finish(end)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.who.explain(&error, self.now)),
                None => return Err(ModelError::transient("the model's reply broke off")),
            }
        }
    }
}

impl Reading {
    fn finish(&self, end: StreamEnd) -> ModelPiece {
        let counted = end.captured_usage.as_ref();
        // Some that stand between count nothing, and say so with a nought.
        let tokens = |count: Option<i32>, chars: usize| {
            let count = count.and_then(|count| u64::try_from(count).ok()).filter(|it| *it > 0);
            count.unwrap_or_else(|| chars.div_ceil(4) as u64)
        };
        let usage = Usage {
            input_tokens: tokens(counted.and_then(|it| it.prompt_tokens), self.request_chars),
            output_tokens: tokens(counted.and_then(|it| it.completion_tokens), self.written_chars),
            ..Usage::default()
        };
        let stopped = end.captured_stop_reason.clone();
        let mut blocks = blocks(&end);
        let calls: Vec<_> = end
            .captured_into_tool_calls()
            .unwrap_or_default()
            .into_iter()
            .map(|call| {
                let mut data = Map::new();
                if self.who.provider == Provider::Anthropic && !blocks.is_empty() {
                    // They are the whole turn's: the first call keeps them.
                    data.insert(THINKING.to_owned(), std::mem::take(&mut blocks).into());
                }
                if self.who.provider == Provider::Gemini {
                    let signed =
                        call.thought_signatures.map(|it| (SIGNATURES.to_owned(), it.into()));
                    data.extend(signed);
                }
                let provider = self.who.provider.as_str();
                CallRequest {
                    call_id: call.call_id,
                    tool: call.fn_name,
                    arguments: call.fn_arguments,
                    provider_data: provider_data::of(provider, &self.model, data),
                }
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

/// Where a provider is, with a slash at the end.
pub(super) fn base(url: Option<&Url>, default: &str) -> Result<String, ModelSettingsError> {
    match url {
        Some(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => {
            Ok(format!("{}/", url.as_str().trim_end_matches('/')))
        }
        Some(_) => Err(ModelSettingsError::Address),
        None => Ok(default.to_owned()),
    }
}

/// The blocks of reasoning of a reply, as Anthropic wants them back.
fn blocks(end: &StreamEnd) -> Vec<Value> {
    let mut blocks: Vec<Value> = Vec::new();
    for part in end.captured_content.iter().flat_map(MessageContent::parts) {
        match part {
            ContentPart::ThoughtSignature(signature) => {
                blocks.push(json!({ "type": "thinking", "thinking": "", "signature": signature }));
            }
            // The text of the block whose signature came before it.
            ContentPart::ReasoningContent(text) => {
                if let Some(block) = blocks.last_mut() {
                    block["thinking"] = text.as_str().into();
                }
            }
            ContentPart::Custom(part) => blocks.push(part.data.clone()),
            _ => {}
        }
    }
    blocks
}

/// A request in the words of the crate.
fn told(request: ModelRequest, provider: Provider) -> ChatRequest {
    let has_tools = !request.tools.is_empty();
    let system = request.system_with_date();
    let mut messages: Vec<ChatMessage> = Vec::new();
    for message in request.messages.iter().filter(|message| !message.is_blank()) {
        let next = said(message, &request, provider);
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

/// What Gemini has signed a call with.
fn signatures(data: &Value) -> Option<Vec<String>> {
    let signatures = data[SIGNATURES].as_array()?;
    Some(signatures.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// A part of another step: some providers join the texts of a message as they are.
fn apart(part: ContentPart) -> ContentPart {
    match part {
        ContentPart::Text(text) if !text.is_empty() => ContentPart::Text(format!("\n\n{text}")),
        other => other,
    }
}

fn said(message: &Message, request: &ModelRequest, provider: Provider) -> ChatMessage {
    match message {
        Message::User { .. } => ChatMessage::user(message.user_text(request.offers_tools())),
        Message::Assistant { text, calls } => {
            let given = |call| provider_data::to(call, provider.as_str(), &request.model);
            let mut parts = Vec::new();
            let blocks =
                calls.iter().filter_map(given).filter_map(|data| data[THINKING].as_array());
            parts.extend(blocks.flatten().map(|block| {
                ContentPart::Custom(CustomPart { model_iden: None, data: block.clone() })
            }));
            if !text.trim().is_empty() {
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
                    thought_signatures: given(call).and_then(signatures),
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
