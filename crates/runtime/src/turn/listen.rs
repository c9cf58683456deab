//! Listening to a model: its reply streams into the log.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::future::{FutureExt, pending};
use futures::stream::StreamExt;
use resonant_domain::session::Usage;
use resonant_domain::session_event::EventBody;
use tokio::time::Instant;

use super::without_nul;
use crate::engine::{Ending, Work};
use crate::log::LogError;
use crate::models::{
    CallRequest, Chosen, FinishReason, ModelError, ModelPiece, ModelRequest, request_chars,
};

/// The pieces of a reply are written together for this long.
const FLUSH_EVERY: Duration = Duration::from_millis(50);

/// What came of listening to the model.
pub(super) enum Heard {
    Reply(Reply),
    Fault(ModelError, Vec<EventBody>),
    Stopped(Ending, Vec<EventBody>),
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

impl Work<'_> {
    /// Streams the reply into the log, at most one append in [`FLUSH_EVERY`], however slow the model.
    pub(super) async fn listen(
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
                    let usage = chosen.facts.map_or(usage, |facts| facts.priced(usage));
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
}
