//! One turn: the model's reply as it streams, then the tools that it asks for, side by side.

mod call;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::future::{FutureExt, pending};
use futures::stream::{self, StreamExt};
use resonant_domain::session::Usage;
use resonant_domain::session_event::EventBody;
use serde_json::Value;
use tokio::time::Instant;

use crate::engine::{Ending, Work, elapsed, millis, plural};
use crate::log::LogError;
use crate::models::{
    CallRequest, Chosen, FinishReason, ModelError, ModelPiece, ModelRequest, request_chars,
};
use crate::tools::ToolContext;
use call::call_tool;

/// The pieces of a reply are written together for this long.
const FLUSH_EVERY: Duration = Duration::from_millis(50);
/// Tools of one step that run at the same time.
const PARALLEL_CALLS: usize = 8;
/// Tools that one step may ask for.
const CALLS_MAX: usize = 64;
/// How often a step is begun anew after a fault of the model.
const RETRIES: u32 = 3;

/// What came of listening to the model.
enum Heard {
    Reply(Reply),
    Fault(ModelError, Vec<EventBody>),
    Stopped(Ending, Vec<EventBody>),
}

/// A reply that came to its end.
struct Reply {
    /// Its last pieces, not yet written.
    unwritten: Vec<EventBody>,
    has_output: bool,
    calls: Vec<CallRequest>,
    usage: Usage,
    reason: FinishReason,
}

impl Work<'_> {
    /// Runs the model's part of a step. `None`: the session goes on.
    pub async fn step(
        &mut self,
        chosen: &Chosen,
        number: u32,
        attempt: u32,
    ) -> Result<Option<Ending>, LogError> {
        let limits = self.session.limits;
        let written = self.progress.used.output_tokens;
        let tokens_left = u64::from(limits.max_tokens).saturating_sub(written);
        if number > limits.max_steps {
            return Ok(Some(Ending::failed(self.steps_reached())));
        }
        if tokens_left == 0 {
            return Ok(Some(Ending::failed(self.tokens_reached())));
        }
        // On the last step there is nothing to do but to answer.
        let is_last = number == limits.max_steps;
        let context = self.session.context.as_deref();
        let request = ModelRequest {
            model: chosen.name.clone(),
            system: self.agent.system_prompt.clone(),
            messages: self.progress.messages(&self.session.goal, context),
            tools: if is_last { Vec::new() } else { self.tools.schemas(&self.agent.tools) },
            max_output_tokens: u32::try_from(tokens_left).unwrap_or(u32::MAX),
            now: self.clock.now(),
        };
        self.append(vec![EventBody::StepStart { step: number, attempt }], Usage::default()).await?;
        match self.listen(chosen, number, request).await? {
            Heard::Reply(reply) => self.take_reply(number, is_last, reply).await,
            Heard::Fault(error, unwritten) => self.take_fault(number, error, unwritten).await,
            Heard::Stopped(ending, unwritten) => {
                if matches!(ending, Ending::Over { .. }) {
                    self.unwritten = unwritten;
                }
                Ok(Some(ending))
            }
        }
    }

    /// Streams the reply into the log, at most one append in [`FLUSH_EVERY`], however slow the model.
    async fn listen(
        &mut self,
        chosen: &Chosen,
        step: u32,
        request: ModelRequest,
    ) -> Result<Heard, LogError> {
        // A server that ignores the limit is cut off, not listened to for ever.
        let most_chars = (request.max_output_tokens as usize).saturating_mul(8) + 4_096;
        let input_chars = request_chars(&request);
        let signals = self.signals.clone();
        let mut stopped = pin!(Self::stopped(&signals, self.deadline));
        let mut stream = chosen.model.reply(request);
        let mut unwritten: Vec<EventBody> = Vec::new();
        let mut flush_at: Option<Instant> = None;
        let mut chars = 0;
        let mut has_output = false;
        loop {
            let flush = async {
                match flush_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => pending().await,
                }
            };
            let piece = tokio::select! {
                biased;
                ending = &mut stopped => return Ok(Heard::Stopped(ending, unwritten)),
                () = flush => {
                    flush_at = None;
                    self.append(std::mem::take(&mut unwritten), Usage::default()).await?;
                    continue;
                }
                piece = AssertUnwindSafe(stream.next()).catch_unwind() => piece,
            };
            let next = match piece {
                Ok(Some(Ok(ModelPiece::Finish { calls, usage, reason }))) => {
                    return Ok(Heard::Reply(Reply { unwritten, has_output, calls, usage, reason }));
                }
                Ok(Some(Ok(ModelPiece::Thinking(text)))) => {
                    EventBody::Thinking { step, delta: without_nul(text) }
                }
                Ok(Some(Ok(ModelPiece::Output(text)))) => {
                    has_output |= !text.trim().is_empty();
                    EventBody::Output { step, delta: without_nul(text) }
                }
                Ok(Some(Err(error))) => return Ok(Heard::Fault(error, unwritten)),
                Ok(None) => {
                    let error = ModelError::transient("the model's reply broke off");
                    return Ok(Heard::Fault(error, unwritten));
                }
                Err(_panic) => {
                    let error = ModelError::permanent("the model's code failed (a defect of ours)");
                    return Ok(Heard::Fault(error, unwritten));
                }
            };
            let (EventBody::Thinking { delta, .. } | EventBody::Output { delta, .. }) = &next
            else {
                continue;
            };
            if delta.is_empty() {
                continue;
            }
            chars += delta.chars().count();
            let next = match unwritten.last_mut() {
                Some(last) => last.join(next).err(),
                None => Some(next),
            };
            unwritten.extend(next);
            flush_at.get_or_insert_with(|| Instant::now() + FLUSH_EVERY);
            if chars > most_chars {
                let usage = Usage {
                    input_tokens: (input_chars / 4) as u64,
                    output_tokens: (chars / 4) as u64,
                    ..Usage::default()
                };
                let reason = FinishReason::Length;
                let calls = Vec::new();
                return Ok(Heard::Reply(Reply { unwritten, has_output, calls, usage, reason }));
            }
        }
    }

    async fn take_reply(
        &mut self,
        step: u32,
        is_last: bool,
        reply: Reply,
    ) -> Result<Option<Ending>, LogError> {
        let mut entries = reply.unwritten;
        if !reply.calls.is_empty() && !is_last {
            entries.extend(reply.calls.into_iter().enumerate().map(|(index, call)| {
                EventBody::ToolCall {
                    step,
                    call_id: call_id(step, index),
                    tool: without_nul(call.tool),
                    arguments: json_without_nul(call.arguments),
                }
            }));
            self.append(entries, reply.usage).await?;
            return Ok(None);
        }
        let ending = if !reply.calls.is_empty() {
            Ending::failed(self.steps_reached())
        } else if reply.reason == FinishReason::Filtered {
            Ending::failed("the model's provider held the answer back")
        } else if reply.reason == FinishReason::Length && !reply.has_output {
            Ending::failed(format!("{} before it answered", self.tokens_reached()))
        } else if !reply.has_output {
            Ending::failed("the model gave no answer and asked for no tool")
        } else if reply.reason == FinishReason::Length {
            Ending::completed(Some(format!("the answer is cut: {}", self.tokens_reached())))
        } else {
            Ending::completed(None)
        };
        // The answer and the end of the session are one transaction: there is no state between.
        entries.push(self.step_complete(step, reply.usage));
        if let Ending::Over { state, reason } = &ending {
            entries.push(self.done(*state, reason.clone(), reply.usage));
        }
        self.append(entries, reply.usage).await?;
        Ok(Some(ending))
    }

    /// A fault that may pass costs the step its attempt; the others end the session.
    async fn take_fault(
        &mut self,
        step: u32,
        error: ModelError,
        unwritten: Vec<EventBody>,
    ) -> Result<Option<Ending>, LogError> {
        let faults = self.progress.steps.last().map_or(0, |step| step.faults);
        let message = without_nul(error.to_string());
        let (recoverable, wait) = match error {
            ModelError::Transient { retry_after, .. } if faults < RETRIES => {
                (true, retry_after.unwrap_or_else(|| backoff(faults)))
            }
            ModelError::Transient { .. } | ModelError::Permanent(_) => (false, Duration::ZERO),
        };
        // What a lost attempt wrote is void; the reader of a failed session may want to see it.
        let mut entries = if recoverable { Vec::new() } else { unwritten };
        entries.push(EventBody::Error { step: Some(step), message: message.clone(), recoverable });
        self.append(entries, Usage::default()).await?;
        if !recoverable {
            return Ok(Some(Ending::failed(if faults > 0 {
                format!("the model failed {} times: {message}", faults + 1)
            } else {
                message
            })));
        }
        tracing::warn!(step, wait_ms = millis(wait), "the model failed, the step begins anew");
        tokio::select! {
            biased;
            ending = Self::stopped(&self.signals, self.deadline) => Ok(Some(ending)),
            () = tokio::time::sleep(wait) => Ok(None),
        }
    }

    /// Calls the tools that have not answered yet. `None`: the session goes on.
    pub async fn call_tools(&mut self) -> Result<Option<Ending>, LogError> {
        let step = self.progress.steps.last().map_or(1, |step| step.number);
        let context = ToolContext {
            now: self.clock.now(),
            sources: self.progress.sources(self.session.context.as_deref()),
            ..ToolContext::default()
        };
        let session_id = self.session.id;
        let open = self.progress.open_calls();
        let mut left = open.len();
        let mut entries = Vec::new();
        {
            let tools = self.tools;
            let granted: Vec<_> = self.agent.tools.iter().map(|grant| grant.name.clone()).collect();
            let signals = self.signals.clone();
            let mut stopped = pin!(Self::stopped(&signals, self.deadline));
            let calls = open.into_iter().map(|call| {
                let idempotency_key = format!("{session_id}-{}", call.call_id);
                let context = ToolContext { idempotency_key, ..context.clone() };
                let granted = granted.clone();
                async move { call_tool(tools, &granted, step, call, context).await }
            });
            let mut running = stream::iter(calls).buffer_unordered(PARALLEL_CALLS);
            while left > 0 {
                let result = tokio::select! {
                    biased;
                    ending = &mut stopped => return Ok(Some(ending)),
                    result = running.next() => result,
                };
                left -= 1;
                entries.extend(result);
                // The last result is written together with the end of the step.
                if left > 0 {
                    self.append(std::mem::take(&mut entries), Usage::default()).await?;
                }
            }
        }
        entries.push(self.step_complete(step, Usage::default()));
        self.append(entries, Usage::default()).await?;
        Ok(self.progress.loop_found().map(Ending::failed))
    }

    /// The step's last entry. `usage` is what the same append adds.
    fn step_complete(&self, step: u32, usage: Usage) -> EventBody {
        let now = self.clock.now();
        let began_at = self.progress.steps.last().map_or(now, |step| step.began_at);
        let mut used = self.progress.open_usage();
        used += usage;
        EventBody::StepComplete { step, usage: used, duration_ms: millis(elapsed(began_at, now)) }
    }

    fn steps_reached(&self) -> String {
        let most = self.session.limits.max_steps;
        format!("reached its limit of {most} {}", plural(most, "step"))
    }

    fn tokens_reached(&self) -> String {
        let most = self.session.limits.max_tokens;
        format!("reached its limit of {most} {}", plural(most, "token"))
    }
}

/// The id of a step's call: unique in the session, and of the nine letters and digits that even the
/// strictest provider takes.
fn call_id(step: u32, index: usize) -> String {
    format!("call{step:02}{:03}", index + 1)
}

/// Half a second, doubled with every fault, up to half as much again by chance.
fn backoff(faults: u32) -> Duration {
    let base_ms = 500 << faults.min(6);
    let chance = RandomState::new().build_hasher().finish();
    Duration::from_millis(base_ms + chance % (base_ms / 2))
}

/// PostgreSQL holds no NUL, neither in text nor in JSON.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

fn json_without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => items.into_iter().map(json_without_nul).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (without_nul(name), json_without_nul(value)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_ids_are_nine_letters_and_digits() {
        assert_eq!(call_id(1, 0), "call01001");
        assert_eq!(call_id(50, 99), "call50100");
    }

    #[test]
    fn backoff_grows_and_varies() {
        for faults in 0..3 {
            let base = Duration::from_millis(500 << faults);
            let wait = backoff(faults);
            assert!(wait >= base && wait < base + base / 2, "{wait:?}");
        }
    }

    #[test]
    fn nul_is_dropped_everywhere() {
        let value = serde_json::json!({"a\u{0}": ["x\u{0}y", 1]});
        assert_eq!(json_without_nul(value), serde_json::json!({"a": ["xy", 1]}));
    }
}
