//! One reply of the planner, cut into pieces.

use resonant_domain::session::Usage;

use super::compose;
use super::intents::understand;
use super::plan::Plan;
use super::round::Round;
use crate::models::{CallRequest, FinishReason, ModelPiece, ModelRequest, request_chars};

/// A piece is about so many characters long.
const PIECE_CHARS: usize = 48;

/// The reply to a request: thinking, then either calls or the answer.
pub(super) fn pieces(request: &ModelRequest) -> Vec<ModelPiece> {
    let round = Round::of(request);
    let understood = understand(request, &round);
    let plan = Plan::new(request, &round, &understood.wishes);
    let calls = plan.next_calls();
    let thinking = compose::thinking(&plan, &understood, &calls);
    let mut budget = (request.max_output_tokens as usize).saturating_mul(4);
    let mut pieces: Vec<ModelPiece> = Vec::new();
    let mut written = 0;
    let mut is_cut = false;
    let mut write = |text: &str, piece: fn(String) -> ModelPiece, pieces: &mut Vec<ModelPiece>| {
        for part in parts(text) {
            let chars = part.chars().count();
            if chars > budget {
                is_cut = true;
                return;
            }
            budget -= chars;
            written += chars;
            pieces.push(piece(part));
        }
    };
    write(&thinking, ModelPiece::Thinking, &mut pieces);
    if calls.is_empty() {
        write(&compose::answer(&plan, &understood), ModelPiece::Output, &mut pieces);
    }
    let calls: Vec<_> = calls
        .into_iter()
        .enumerate()
        .map(|(index, call)| CallRequest {
            call_id: index.to_string(),
            tool: call.tool.into_owned(),
            arguments: call.arguments,
            provider_data: None,
        })
        .collect();
    let argument_chars: usize = calls.iter().map(|call| call.arguments.to_string().len()).sum();
    let usage = Usage {
        input_tokens: request_chars(request).div_ceil(4) as u64,
        // A text that is handed on is not written: only what the plan adds counts.
        output_tokens: (written + argument_chars.min(200 * calls.len())).div_ceil(4) as u64,
        ..Usage::default()
    };
    let reason = match (is_cut, calls.is_empty()) {
        (_, false) => FinishReason::ToolCalls,
        (true, true) => FinishReason::Length,
        (false, true) => FinishReason::Stop,
    };
    pieces.push(ModelPiece::Finish { calls, usage, reason });
    pieces
}

/// Cuts a text behind words; the parts together are the text.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        if part.chars().count() + word.chars().count() > PIECE_CHARS && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        part.push_str(word);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}
