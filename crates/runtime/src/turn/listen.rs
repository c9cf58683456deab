//! Listening to a model: its reply streams into the log.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::future::{FutureExt, pending};
use futures::stream::StreamExt;
use resonant_domain::session::Usage;
use resonant_domain::session_event::EventBody;
use tokio::time::{Instant, sleep_until};

use super::{priced, without_nul};
use crate::engine::{Ending, Work};
use crate::log::LogError;
use crate::models::{CallRequest, Chosen, FinishReason, ModelError, ModelPiece, ModelRequest};
use crate::tokens::Counter;

/// The pieces of a reply are written together for this long.
const FLUSH_EVERY: Duration = Duration::from_millis(50);
/// The shortest silence after which another model is asked.
const SILENCE_MIN: Duration = Duration::from_secs(5);

/// What came of listening to the model.
pub(super) enum Heard {
    Reply(Reply),
    Fault(ModelError, Broken),
    Stopped(Ending, Broken),
}

/// A reply that came to its end.
pub(super) struct Reply {
    /// Its last pieces, not yet written.
    pub unwritten: Vec<EventBody>,
    pub has_output: bool,
    pub calls: Vec<CallRequest>,
    pub usage: Usage,
    pub reason: FinishReason,
}

/// What there was of a reply that did not come to its end.
#[derive(Default)]
pub(super) struct Broken {
    /// Its last pieces, not yet written.
    pub unwritten: Vec<EventBody>,
    /// What it used, as far as that can be told: a provider counts at the end alone.
    pub usage: Usage,
}

impl Work<'_> {
    /// Streams the reply into the log, at most one append in [`FLUSH_EVERY`], however slow the model.
    /// Where `others` could answer in its place, it may be silent for its share of the time that is left,
    /// and no longer. The request has `input_tokens`.
    pub(super) async fn listen(
        &mut self,
        chosen: &Chosen,
        step: u32,
        (request, input_tokens): (ModelRequest, u64),
        others: usize,
    ) -> Result<Heard, LogError> {
        if let Some(ending) = self.stopped_already() {
            return Ok(Heard::Stopped(ending, Broken::default()));
        }
        // A server that ignores the limit is cut off, not listened to for ever.
        let most_chars = (request.max_output_tokens as usize).saturating_mul(8) + 4_096;
        let signals = self.signals.clone();
        let mut stopped = pin!(Self::stopped(&signals, self.deadline));
        let patience = self.patience(others);
        let mut stream = chosen.model.reply(request);
        let mut unwritten: Vec<EventBody> = Vec::new();
        let mut flush_at: Option<Instant> = None;
        let mut text = String::new();
        let mut chars = 0;
        let mut has_output = false;
        let mut is_begun = false;
        let mut heard_at = Instant::now();
        let estimate = |text: &str| {
            let output_tokens = Counter::of(&chosen.name).text(text);
            priced(chosen, Usage { input_tokens, output_tokens, ..Usage::default() })
        };
        let error = loop {
            let flush = async {
                match flush_at {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            let silence = async {
                match patience {
                    Some(patience) => sleep_until(heard_at + patience).await,
                    None => pending().await,
                }
            };
            let piece = tokio::select! {
                biased;
                ending = &mut stopped => {
                    let usage = estimate(&text);
                    return Ok(Heard::Stopped(ending, Broken { unwritten, usage }));
                }
                () = flush => {
                    flush_at = None;
                    self.append(std::mem::take(&mut unwritten), Usage::default()).await?;
                    continue;
                }
                piece = AssertUnwindSafe(stream.next()).catch_unwind() => piece,
                () = silence => break ModelError::silent(heard_at.elapsed()),
            };
            heard_at = Instant::now();
            let next = match piece {
                Ok(Some(Ok(ModelPiece::Finish { calls, usage, reason }))) => {
                    let usage = priced(chosen, usage);
                    return Ok(Heard::Reply(Reply { unwritten, has_output, calls, usage, reason }));
                }
                Ok(Some(Ok(ModelPiece::Thinking(text)))) => {
                    EventBody::Thinking { step, delta: without_nul(text) }
                }
                Ok(Some(Ok(ModelPiece::Output(text)))) => {
                    has_output |= !text.trim().is_empty();
                    EventBody::Output { step, delta: without_nul(text) }
                }
                Ok(Some(Err(error))) => break error,
                Ok(None) => break ModelError::transient("the model's reply broke off"),
                Err(_panic) => {
                    break ModelError::permanent("the model's code failed (a defect of ours)");
                }
            };
            is_begun = true;
            let (EventBody::Thinking { delta, .. } | EventBody::Output { delta, .. }) = &next
            else {
                continue;
            };
            if delta.is_empty() {
                continue;
            }
            chars += delta.chars().count();
            text.push_str(delta);
            let next = match unwritten.last_mut() {
                Some(last) => last.join(next).err(),
                None => Some(next),
            };
            unwritten.extend(next);
            flush_at.get_or_insert_with(|| Instant::now() + FLUSH_EVERY);
            if chars > most_chars {
                let (usage, reason) = (estimate(&text), FinishReason::Length);
                let calls = Vec::new();
                return Ok(Heard::Reply(Reply { unwritten, has_output, calls, usage, reason }));
            }
        };
        // A refusal costs nothing. A model that took the request and was silent may well have read it.
        let is_refusal = !is_begun && !matches!(error, ModelError::Silent(_));
        let usage = if is_refusal { Usage::default() } else { estimate(&text) };
        Ok(Heard::Fault(error, Broken { unwritten, usage }))
    }

    /// How long a model may be silent, so that each of the others still has as long. `None`: there is no
    /// other, and it has all the time that there is.
    fn patience(&self, others: usize) -> Option<Duration> {
        let others = u32::try_from(others).unwrap_or(u32::MAX - 1);
        let left = self.deadline.saturating_duration_since(Instant::now());
        (others > 0).then(|| (left / (others + 1)).max(SILENCE_MIN))
    }
}
