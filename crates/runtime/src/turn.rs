//! One turn: the model's reply as it streams, then the tools that it asks for, side by side.

mod call;
mod call_id;
mod listen;
mod request;
mod summary;
mod tools;

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use resonant_domain::model::ModelChoice;
use resonant_domain::session::Usage;
use resonant_domain::session_event::EventBody;
use resonant_domain::waiting::are_too_deep;
use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use self::call_id::{CALLS_KEPT, call_id};
use self::listen::{Broken, Heard, Reply};
pub(crate) use self::request::Frame;
use self::request::Prepared;
use crate::engine::{Ending, Work, elapsed, millis, plural};
use crate::log::LogError;
use crate::models::{Chosen, Failed, FinishReason, ModelError, ModelRequest, Who};

/// How often a step is begun anew after a fault of its only model.
const RETRIES: usize = 3;

impl Work<'_> {
    /// Runs the model's part of a step. `None`: the session goes on.
    pub async fn step(&mut self, number: u32, attempt: u32) -> Result<Option<Ending>, LogError> {
        let limits = self.session.limits;
        let steps = self.progress.round.steps_at(number);
        if steps > limits.max_steps {
            return Ok(Some(Ending::failed(self.steps_reached())));
        }
        if let Some(shortfall) = self.progress.round.shortfall(limits, self.progress.used, 0) {
            return Ok(Some(self.out_of_budget(shortfall)));
        }
        let (chosen, choice) = match self.choose(number) {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(Some(Ending::failed(reason))),
        };
        // On the last step there is nothing to do but to answer.
        let is_last = steps == limits.max_steps;
        let mut entries = Vec::new();
        if !self.progress.is_started {
            entries.push(EventBody::SessionStart {
                provider: chosen.model.provider().to_owned(),
                model: chosen.name.clone(),
            });
        }
        entries.push(EventBody::StepStart { step: number, attempt });
        if self.progress.choice.as_ref().is_none_or(|(_, current)| *current != choice) {
            entries.push(EventBody::ModelChoice { step: number, choice });
        }
        // What people said until now is folded in by this: the request is made after it.
        self.append(entries, Usage::default()).await?;
        let mut is_narrowed = false;
        let (heard, began) = loop {
            let (request, tokens) = match self.prepare(&chosen, number, is_last).await? {
                Prepared::Request(request, tokens) => (*request, tokens),
                Prepared::Ending(ending) => return Ok(Some(ending)),
                // Another model may take more.
                Prepared::TooLong(why) => {
                    let never = ModelError::TooLong(why);
                    break (Heard::Fault(never, Broken::default()), Instant::now());
                }
            };
            let began = Instant::now();
            match self.ask(&chosen, number, request, tokens).await? {
                // It tells what it takes: that is asked for, once.
                Heard::Fault(ModelError::TooLong(refusal), _)
                    if !is_narrowed && self.narrow(&chosen, &refusal) =>
                {
                    is_narrowed = true;
                }
                heard => break (heard, began),
            }
        };
        match heard {
            Heard::Reply(reply) => {
                self.models.answered(&chosen, began.elapsed());
                self.take_reply(number, is_last, reply).await
            }
            Heard::Fault(error, broken) => self.take_fault(number, &chosen, error, broken).await,
            Heard::Stopped(ending, broken) => {
                if matches!(ending, Ending::Over { .. }) {
                    self.unwritten = broken.unwritten;
                }
                self.unsettled += broken.usage;
                Ok(Some(ending))
            }
        }
    }

    /// Asks the model, in a span of its own.
    async fn ask(
        &mut self,
        chosen: &Chosen,
        step: u32,
        request: ModelRequest,
        tokens: u64,
    ) -> Result<Heard, LogError> {
        let span = tracing::debug_span!(
            "model",
            otel.kind = "client",
            otel.status_code = Empty,
            gen_ai.provider.name = chosen.model.provider(),
            gen_ai.request.model = chosen.name,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            usage.is_estimate = Empty,
        );
        let others = self.others();
        let listening = self.listen(chosen, step, (request, tokens), others);
        let heard = listening.instrument(span.clone()).await?;
        let (usage, is_estimate) = match &heard {
            Heard::Reply(reply) => (reply.usage, false),
            Heard::Fault(_, broken) => {
                span.record("otel.status_code", "ERROR");
                (broken.usage, true)
            }
            Heard::Stopped(_, broken) => (broken.usage, true),
        };
        if !is_estimate || usage.total_tokens() > 0 {
            span.record("gen_ai.usage.input_tokens", usage.input_tokens);
            span.record("gen_ai.usage.output_tokens", usage.output_tokens);
            span.record("usage.is_estimate", is_estimate);
        }
        Ok(heard)
    }

    /// How many models could take over from the one that answers, that the step has not asked yet.
    fn others(&self) -> usize {
        let Some((_, current)) = &self.progress.choice else { return 0 };
        let faults = self.faults();
        let failed = Failed { faults: &faults, lost: &self.lost };
        self.models.untried(current, failed, !self.progress.is_cheaper)
    }

    async fn take_reply(
        &mut self,
        step: u32,
        is_last: bool,
        reply: Reply,
    ) -> Result<Option<Ending>, LogError> {
        let mut entries = reply.unwritten;
        if !reply.calls.is_empty() && !is_last {
            let calls = reply.calls.into_iter().take(CALLS_KEPT);
            entries.extend(calls.enumerate().map(|(index, call)| EventBody::ToolCall {
                step,
                call_id: call_id(step, index),
                tool: without_nul(call.tool),
                arguments: readable(json_without_nul(call.arguments)),
                provider_data: call.provider_data.map(json_without_nul),
            }));
            self.append(entries, reply.usage).await?;
            return Ok(None);
        }
        let has_failed = !reply.has_output && reply.calls.is_empty();
        let why = "it gave no answer and no tool call";
        if has_failed && let Some(choice) = self.escalation(&self.faults(), why) {
            let message = "the model gave no answer and asked for no tool".to_owned();
            let entries = vec![
                EventBody::Error {
                    step: Some(step),
                    message,
                    recoverable: true,
                    usage: Some(reply.usage),
                },
                EventBody::ModelChoice { step, choice },
            ];
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
        let complete = self.step_complete(step, reply.usage);
        if let Ending::Over { state, reason } = &ending
            && !self.progress.has_unheard()
        {
            // The answer and the end of the session are one transaction: there is no state between.
            let mut all = entries.clone();
            all.push(complete.clone());
            all.push(self.done(*state, reason.clone(), reply.usage));
            if self.append_end(all, reply.usage).await? {
                return Ok(Some(ending));
            }
        }
        // A person has said something that goes before the end.
        entries.push(complete);
        self.append(entries, reply.usage).await?;
        Ok(if self.progress.has_unheard() { None } else { Some(ending) })
    }

    /// A fault costs the step its attempt, and another model takes over where there is one. One that may
    /// pass is waited for where there is none. The session ends when nobody is left who may answer.
    async fn take_fault(
        &mut self,
        step: u32,
        chosen: &Chosen,
        error: ModelError,
        broken: Broken,
    ) -> Result<Option<Ending>, LogError> {
        let message = without_nul(error.to_string());
        self.models.failed(chosen, &error);
        if !error.may_pass() {
            self.lose(chosen);
        }
        let mut faults = self.faults();
        let outlived = faults.len();
        let (provider, model) = chosen.who();
        faults.push((provider.to_owned(), model.to_owned()));
        let failed = Failed { faults: &faults, lost: &self.lost };
        let current = self.progress.choice.as_ref().map(|(_, choice)| choice);
        let candidates = current.map_or(1, |choice| self.models.candidates(choice));
        let may_repeat = error.may_pass() && outlived < RETRIES + candidates - 1;
        let beside = current.and_then(|current| self.models.fall_back(current, failed, &message));
        let is_fresh = beside.as_ref().is_some_and(|next| failed.is_untried(next));
        let is_silent = matches!(error, ModelError::Silent(_));
        let next = if is_fresh || (may_repeat && !is_silent) {
            beside
        } else {
            // The others of the tier have had their turn. Those above have not.
            let above = self.escalation(&faults, &message);
            if may_repeat || !error.may_pass() { above.or(beside) } else { above }
        };
        let is_recoverable = next.is_some() || may_repeat;
        let goes_elsewhere = next.as_ref().is_some_and(|next| failed.is_untried(next));
        // What a lost attempt wrote is void; the reader of a failed session may want to see it.
        let mut entries = if is_recoverable { Vec::new() } else { broken.unwritten };
        entries.push(EventBody::Error {
            step: Some(step),
            message: message.clone(),
            recoverable: is_recoverable,
            usage: (broken.usage != Usage::default()).then_some(broken.usage),
        });
        entries.extend(next.map(|choice| EventBody::ModelChoice { step, choice }));
        self.append(entries, broken.usage).await?;
        if !is_recoverable {
            return Ok(Some(Ending::failed(self.nobody_left(chosen, message))));
        }
        if goes_elsewhere {
            return Ok(None);
        }
        let retry_after = match error {
            ModelError::Transient { retry_after, .. } => retry_after,
            _ => None,
        };
        let wait = retry_after.unwrap_or_else(|| backoff(outlived));
        tracing::warn!(step, wait_ms = millis(wait), "the model failed, the step begins anew");
        tokio::select! {
            biased;
            ending = Self::stopped(&self.signals, self.deadline) => Ok(Some(ending)),
            () = tokio::time::sleep(wait) => Ok(None),
        }
    }

    /// Whose each fault was that the step has outlived.
    fn faults(&self) -> Vec<Who> {
        let last = self.progress.steps.last();
        last.map_or_else(Vec::new, |step| step.faults.iter().map(|it| it.who.clone()).collect())
    }

    /// Asks a model for nothing more in this run, as long as there is another.
    fn lose(&mut self, chosen: &Chosen) {
        let (provider, model) = chosen.who();
        self.lost.push((provider.to_owned(), model.to_owned()));
    }

    /// Why the session ends after a fault: what went wrong first, and what went wrong last.
    fn nobody_left(&self, chosen: &Chosen, message: String) -> String {
        let Some(step) = self.progress.steps.last() else { return message };
        let faults = &step.faults;
        let Some(first) = faults.first() else { return message };
        let is_of_one = faults.iter().all(|fault| (&*fault.who.0, &*fault.who.1) == chosen.who());
        let mut reason = if is_of_one {
            format!("the model failed {} times: {}", faults.len() + 1, first.message)
        } else {
            let (provider, model) = &first.who;
            format!("no model answered; {provider}:{model} failed first: {}", first.message)
        };
        if message != first.message {
            let _ = write!(reason, "; {chosen:?} failed last: {message}");
        }
        reason
    }

    /// A model of a higher tier, in the place of one that came to nothing.
    fn escalation(&self, faults: &[Who], why: &str) -> Option<ModelChoice> {
        let (_, current) = self.progress.choice.as_ref()?;
        let failed = Failed { faults, lost: &self.lost };
        if self.progress.is_cheaper { None } else { self.models.escalate(current, failed, why) }
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

/// What so much costs with the model.
fn priced(chosen: &Chosen, usage: Usage) -> Usage {
    chosen.facts.map_or(usage, |facts| facts.priced(usage))
}

/// Half a second, doubled with every fault, up to half as much again by chance.
fn backoff(faults: usize) -> Duration {
    let base_ms = 500_u64 << faults.min(6);
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

/// Arguments that are nested so deep that the log could not be read again are kept as a text, which no tool takes.
fn readable(arguments: Value) -> Value {
    if are_too_deep(&arguments) { Value::String(arguments.to_string()) } else { arguments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_and_varies() {
        for faults in 0..3 {
            let base = Duration::from_millis(500 << faults);
            let wait = backoff(faults);
            assert!(wait >= base && wait < base + base / 2, "{wait:?}");
        }
    }

    #[test]
    fn arguments_that_could_not_be_read_again_are_kept_as_text() {
        for (depth, is_kept) in [(64, true), (65, false), (127, false)] {
            let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let arguments = readable(serde_json::from_str(&nested).unwrap());
            assert_eq!(arguments.is_array(), is_kept, "{depth}");
            let (call_id, tool) = (call_id(1, 0), "calculator".to_owned());
            let provider_data = None;
            let call = EventBody::ToolCall { step: 1, call_id, tool, arguments, provider_data };
            let written = serde_json::to_string(&call).unwrap();
            assert_eq!(serde_json::from_str::<EventBody>(&written).unwrap(), call);
        }
    }

    #[test]
    fn nul_is_dropped_everywhere() {
        let value = serde_json::json!({"a\u{0}": ["x\u{0}y", 1]});
        assert_eq!(json_without_nul(value), serde_json::json!({"a": ["xy", 1]}));
    }
}
