//! A reply put together from its chunks.

use resonant_domain::session::Usage;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::models::provider_data::{self, REASONING, REASONING_MAX_BYTES};
use crate::models::refusal::{is_of_account, is_too_long};
use crate::models::{CallRequest, FinishReason, ModelError, ModelPiece};

/// Under which name Gemini's signatures come with a call.
pub(super) const EXTRA_CONTENT: &str = "extra_content";
/// Calls that one reply may hold; a server that sends more is broken.
const CALLS_MAX: usize = 256;
/// How long the arguments of all its calls may be together, in bytes.
const ARGUMENTS_MAX_BYTES: usize = 4 * 1024 * 1024;

/// One chunk of a streamed reply, or a whole one from a server that does not stream.
#[derive(Debug, Default, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    /// The whole of it; some servers send all that there is so far beside each delta.
    #[serde(default)]
    message: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Debug, Default, Deserialize)]
struct CallDelta {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionDelta>,
    /// What the server wants back with the call.
    #[serde(default)]
    extra_content: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Counted {
    /// What a server says that it counted. What is no count is none.
    fn of(usage: &Value) -> Self {
        let count = |name: &str| usage.get(name).and_then(Value::as_u64);
        Self {
            prompt_tokens: count("prompt_tokens"),
            completion_tokens: count("completion_tokens"),
        }
    }
}

/// What has arrived so far.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// Who gives it.
    model: String,
    /// Whether it comes in one piece.
    is_whole: bool,
    calls: Vec<PartialCall>,
    /// The reasoning that servers want back with calls: those that send it under this name.
    reasoned: String,
    counted: Option<Counted>,
    finish: Option<FinishReason>,
    thought: ThinkTag,
    chars: usize,
}

#[derive(Debug, Default)]
struct PartialCall {
    /// The server's number, as long as deltas may still come for it.
    index: Option<usize>,
    id: String,
    name: String,
    arguments: String,
    extra_content: Option<Value>,
}

impl Reply {
    /// The reply of a model.
    pub fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    /// The same of a server that does not stream.
    pub fn whole(model: &str) -> Self {
        Self { is_whole: true, ..Self::of(model) }
    }

    /// Takes in the data of one event and gives the pieces of text in it.
    pub fn take(&mut self, data: &str) -> Result<Vec<ModelPiece>, ModelError> {
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| {
            ModelError::permanent(format!("the model's reply is not what it should be: {error}"))
        })?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(stream_error(&error));
        }
        if let Some(usage) = chunk.usage.filter(|usage| !usage.is_null()) {
            self.counted = Some(Counted::of(&usage));
        }
        let mut pieces = Vec::new();
        // Only one reply was asked for.
        let Some(choice) = chunk.choices.unwrap_or_default().into_iter().next() else {
            return Ok(pieces);
        };
        let said = if self.is_whole {
            choice.message.or(choice.delta)
        } else {
            choice.delta.or(choice.message)
        };
        if let Some(delta) = said {
            if let Some(reasoning) = &delta.reasoning_content
                && self.reasoned.len() < REASONING_MAX_BYTES
            {
                self.reasoned.push_str(reasoning);
            }
            let reasoning =
                delta.reasoning_content.or_else(|| delta.reasoning.as_ref().and_then(text));
            if let Some(reasoning) = reasoning.filter(|text| !text.is_empty()) {
                self.chars += reasoning.chars().count();
                pieces.push(ModelPiece::Thinking(reasoning));
            }
            if let Some(content) = delta.content.as_ref().and_then(text) {
                self.chars += content.chars().count();
                self.thought.push(&content, &mut pieces);
            }
            let calls = delta.tool_calls.unwrap_or_default();
            if !calls.is_empty() && pieces.is_empty() {
                // A long call takes its time: whoever listens knows that it is under way.
                pieces.push(ModelPiece::Output(String::new()));
            }
            for call in calls {
                self.take_call(call)?;
            }
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.finish = Some(match reason.as_str() {
                "tool_calls" | "function_call" => FinishReason::ToolCalls,
                "length" => FinishReason::Length,
                "content_filter" => FinishReason::Filtered,
                _ => FinishReason::Stop,
            });
        }
        Ok(pieces)
    }

    fn take_call(&mut self, delta: CallDelta) -> Result<(), ModelError> {
        let id = delta.id.unwrap_or_default();
        let function = delta.function.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        // Some servers number every call 0, others number none: a new id with a name, or a name
        // without any number, begins a new call.
        let known = match delta.index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index)),
            None if id.is_empty() && !name.is_empty() => None,
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().rposition(|call| call.id == id),
        };
        let known = known.filter(|at| {
            let call = &self.calls[*at];
            id.is_empty() || call.id.is_empty() || call.id == id || name.is_empty()
        });
        let at = known.unwrap_or_else(|| {
            self.calls.push(PartialCall { index: delta.index, ..PartialCall::default() });
            self.calls.len() - 1
        });
        if self.calls.len() > CALLS_MAX {
            return Err(ModelError::permanent("the model asked for too many tools at once"));
        }
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id = id;
        }
        if call.name.is_empty() {
            call.name = name;
        }
        if call.extra_content.is_none() {
            call.extra_content = delta.extra_content.filter(|content| !content.is_null());
        }
        match function.arguments {
            Some(Value::String(piece)) => {
                self.chars += piece.chars().count();
                call.arguments.push_str(&piece);
            }
            Some(Value::Null) | None => {}
            Some(whole) => call.arguments = whole.to_string(),
        }
        let bytes: usize = self.calls.iter().map(|call| call.arguments.len()).sum();
        if bytes > ARGUMENTS_MAX_BYTES {
            return Err(ModelError::permanent("the model's calls have arguments without end"));
        }
        Ok(())
    }

    /// Whether the model has said why it stopped.
    pub const fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The last pieces. Tokens that the server did not count are estimated from the characters.
    pub fn finish(
        mut self,
        request_chars: usize,
        cost: impl Fn(u64, u64) -> Usage,
    ) -> Vec<ModelPiece> {
        let mut pieces = Vec::new();
        self.thought.finish(&mut pieces);
        let counted = self.counted.take();
        let read = counted.and_then(|counted| counted.prompt_tokens).filter(|count| *count > 0);
        let wrote =
            counted.and_then(|counted| counted.completion_tokens).filter(|count| *count > 0);
        let usage = cost(
            read.unwrap_or_else(|| request_chars.div_ceil(4) as u64),
            wrote.unwrap_or_else(|| self.chars.div_ceil(4) as u64),
        );
        let (model, mut reasoned) = (self.model, self.reasoned);
        reasoned.truncate(reasoned.floor_char_boundary(REASONING_MAX_BYTES));
        let calls: Vec<_> = self
            .calls
            .into_iter()
            .filter(|call| !call.name.is_empty())
            .map(|call| {
                let mut data = Map::new();
                data.extend(call.extra_content.map(|it| (EXTRA_CONTENT.to_owned(), it)));
                // It is the whole turn's: the first call keeps it.
                if !reasoned.is_empty() {
                    data.insert(REASONING.to_owned(), std::mem::take(&mut reasoned).into());
                }
                CallRequest {
                    call_id: call.id,
                    tool: call.name,
                    arguments: if call.arguments.trim().is_empty() {
                        Value::Object(Map::new())
                    } else {
                        serde_json::from_str(&call.arguments)
                            .unwrap_or(Value::String(call.arguments))
                    },
                    provider_data: provider_data::of(super::PROVIDER, &model, data),
                }
            })
            .collect();
        let reason = match self.finish {
            Some(FinishReason::ToolCalls) if calls.is_empty() => FinishReason::Stop,
            Some(FinishReason::Stop) | None if !calls.is_empty() => FinishReason::ToolCalls,
            Some(reason) => reason,
            None => FinishReason::Stop,
        };
        pieces.push(ModelPiece::Finish { calls, usage, reason });
        pieces
    }
}

/// A text, or the texts of a list of parts.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let parts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            Some(parts.collect())
        }
        _ => None,
    }
}

/// An error that a server sends in the middle of its reply, in its own words: whoever tells it shortens it.
fn stream_error(error: &Value) -> ModelError {
    let said = error.get("message").and_then(Value::as_str).or_else(|| error.as_str());
    let said = said.unwrap_or("no reason given");
    let message = format!("the model's provider failed: {said}");
    let code = error.get("code").or_else(|| error.get("status"));
    let code = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    if is_of_account(error, said) || matches!(code, Some(401..=403)) {
        return ModelError::Account(message);
    }
    if code != Some(429) && is_too_long(error, said) {
        return ModelError::TooLong(message);
    }
    match code {
        Some(400 | 404..=407 | 409..=428 | 431..=499) => ModelError::permanent(message),
        _ => ModelError::transient(message),
    }
}

/// Local models write their reasoning as `<think>…</think>` at the head of their answer.
#[derive(Debug, Default)]
struct ThinkTag {
    state: ThinkState,
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum ThinkState {
    /// Nothing but the beginning of a tag has come.
    #[default]
    Head,
    Inside,
    Answer,
}

impl ThinkTag {
    const OPEN: &str = "<think>";
    const CLOSE: &str = "</think>";

    fn push(&mut self, text: &str, pieces: &mut Vec<ModelPiece>) {
        self.held.push_str(text);
        loop {
            match self.state {
                ThinkState::Head => {
                    let begun = self.held.trim_start();
                    if let Some(rest) = begun.strip_prefix(Self::OPEN) {
                        self.held = rest.to_owned();
                        self.state = ThinkState::Inside;
                    } else if Self::OPEN.starts_with(begun) {
                        return;
                    } else {
                        self.state = ThinkState::Answer;
                    }
                }
                ThinkState::Inside => {
                    if let Some(at) = self.held.find(Self::CLOSE) {
                        let rest = self.held[at + Self::CLOSE.len()..].trim_start().to_owned();
                        self.held.truncate(at);
                        self.give(pieces);
                        self.held = rest;
                        self.state = ThinkState::Answer;
                    } else {
                        // The end may be the beginning of the closing tag.
                        let kept = (1..Self::CLOSE.len())
                            .rev()
                            .find(|length| self.held.ends_with(&Self::CLOSE[..*length]))
                            .unwrap_or(0);
                        let rest = self.held.split_off(self.held.len() - kept);
                        self.give(pieces);
                        self.held = rest;
                        return;
                    }
                }
                ThinkState::Answer => {
                    self.give(pieces);
                    return;
                }
            }
        }
    }

    fn finish(&mut self, pieces: &mut Vec<ModelPiece>) {
        self.give(pieces);
    }

    fn give(&mut self, pieces: &mut Vec<ModelPiece>) {
        let text = std::mem::take(&mut self.held);
        if !text.is_empty() {
            pieces.push(if self.state == ThinkState::Inside {
                ModelPiece::Thinking(text)
            } else {
                ModelPiece::Output(text)
            });
        }
    }
}

#[cfg(test)]
mod tests;
