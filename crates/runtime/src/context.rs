//! What a model is shown of a session: never more than its window holds.
//!
//! Kept as they are: the system prompt, the goal, what people pinned, and the last steps. When the
//! whole grows too long, the steps in the middle are told shorter, once, with what people said before
//! them, and the summary grows with the session. What is still too long is cut, and the cut says where
//! the whole text stands; what is pinned is not.

mod summary;

use resonant_domain::pin::GOAL_NUMBER;
use resonant_domain::session_event::ToolOutcome;
use resonant_domain::tool::READ_RESULT;

use crate::models::{CallRequest, Material, Message, provider_data};
use crate::progress::{CallRecord, Packed, Progress, Said, StepRecord};
use crate::tokens::Counter;

pub(crate) use summary::{Summarise, transcript};

/// The longest tool result that a model is shown whole, in characters.
pub(crate) const RESULT_SHOWN_MAX: usize = 16_000;
/// The steps that are never summarised: the last ones.
const STEPS_KEPT: usize = 3;
/// The shortest that a text is cut to, in characters.
const CUT_MIN: usize = 200;

/// A conversation that was brought into a window.
#[derive(Debug)]
pub(crate) enum Fit {
    /// It fits.
    Whole(Vec<Message>),
    /// It would, with these steps told shorter.
    Shorter(Summarise),
    /// It does not, whatever is cut.
    Never,
}

/// The tokens of a window that a conversation may take: what is left of it by all that a request holds
/// beside it, and by the longest reply. A fiftieth is kept free: a provider's own marks around the
/// messages are not ours to count.
pub(crate) const fn room(window: u64, frame: u64, reply: u64) -> u64 {
    (window - window / 50).saturating_sub(frame).saturating_sub(reply)
}

/// The longest reply to ask for, of at most `most` tokens: half of what the window leaves beside all that
/// a request holds besides its messages.
pub(crate) fn reply(window: u64, frame: u64, most: u64) -> u64 {
    most.min(room(window, frame, 0) / 2).max(1)
}

/// The conversation, where it needs no more than `room` tokens as it is.
pub(crate) fn whole(
    progress: &Progress,
    goal: &str,
    context: Option<&str>,
    pins: &[i64],
    counter: Counter,
    room: u64,
) -> Option<Vec<Message>> {
    let messages = messages(progress, goal, context, pins);
    let tokens: u64 = messages.iter().map(|message| counter.message(message)).sum();
    (tokens <= room).then_some(messages)
}

/// Brings the conversation into `room` tokens.
pub(crate) fn fit(
    progress: &Progress,
    goal: &str,
    context: Option<&str>,
    pins: &[i64],
    counter: Counter,
    room: u64,
    may_summarise: bool,
) -> Fit {
    let mut shown = conversation(progress, goal, context, pins);
    let mut costs: Vec<_> = shown.iter().map(|shown| counter.message(&shown.message)).collect();
    if costs.iter().sum::<u64>() <= room {
        return Fit::Whole(bare(shown));
    }
    if may_summarise && let Some(steps) = Summarise::due(progress, pins, STEPS_KEPT, counter) {
        return Fit::Shorter(steps);
    }
    // What is pinned leaves half of the room free: it gives way where a model of a smaller window has
    // taken over, and last.
    let mut may_cut_pinned = false;
    loop {
        let total: u64 = costs.iter().sum();
        if total <= room {
            return Fit::Whole(bare(shown));
        }
        // The longest gives way first: half of it, or all that is too much.
        let mut order: Vec<_> = (0..costs.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(costs[index]));
        let cut = order.into_iter().any(|index| {
            let Shown { message, is_pinned } = &mut shown[index];
            let shorter = shorten(message, *is_pinned && !may_cut_pinned);
            if shorter {
                costs[index] = counter.message(message);
            }
            shorter
        });
        if !cut && may_cut_pinned {
            return Fit::Never;
        }
        may_cut_pinned |= !cut;
    }
}

/// A message of the conversation.
struct Shown {
    message: Message,
    /// Its text stays word for word.
    is_pinned: bool,
}

/// The conversation as a model is shown it: the goal, then every complete step, with what people said
/// before it. Results stand in the order of their calls, whatever order they arrived in. Of a step that
/// was told shorter, and of what was said before it, stands what a person has pinned.
pub(crate) fn messages(
    progress: &Progress,
    goal: &str,
    context: Option<&str>,
    pins: &[i64],
) -> Vec<Message> {
    bare(conversation(progress, goal, context, pins))
}

fn bare(shown: Vec<Shown>) -> Vec<Message> {
    shown.into_iter().map(|shown| shown.message).collect()
}

fn conversation(
    progress: &Progress,
    goal: &str,
    context: Option<&str>,
    pins: &[i64],
) -> Vec<Shown> {
    let context = context.map(|text| Material::new(GOAL_NUMBER, text));
    let goal = Message::User { text: goal.to_owned(), context };
    let mut shown = vec![Shown { message: goal, is_pinned: pins.contains(&GOAL_NUMBER) }];
    let through = progress.summary.as_ref().map_or(0, |summary| summary.through_step);
    if let Some(summary) = &progress.summary {
        let text = format!("{}\n{}", Message::SUMMARY, summary.text);
        shown.push(Shown { message: Message::User { text, context: None }, is_pinned: false });
    }
    for step in &progress.steps {
        let heard = step.heard.iter().map(|heard| said(heard, pins));
        shown.extend(heard.filter(|heard| step.number > through || heard.is_pinned));
        if step.is_complete && step.number > through {
            shown.extend(told(step, pins));
        } else if step.is_complete {
            shown.extend(kept(step, pins));
        }
    }
    shown
}

fn said(said: &Said, pins: &[i64]) -> Shown {
    let message = Message::User { text: said.text.clone(), context: said.material.clone() };
    Shown { message, is_pinned: pins.contains(&said.sequence) }
}

/// A complete step as a model is shown it.
fn told(step: &StepRecord, pins: &[i64]) -> impl Iterator<Item = Shown> {
    let asked = Message::Assistant {
        text: step.output.clone(),
        calls: step.calls.iter().map(CallRequest::from).collect(),
    };
    let is_pinned = has_pinned_answer(step, pins);
    let results = step.calls.iter().filter_map(move |call| answered(call, pins));
    // A step that came to nothing is no answer.
    let asked = Some(asked).filter(|asked| !asked.is_blank());
    asked.map(|message| Shown { message, is_pinned }).into_iter().chain(results)
}

/// What stays of a step that was told shorter: what a person has pinned of it.
fn kept(step: &StepRecord, pins: &[i64]) -> Vec<Shown> {
    let is_pinned = has_pinned_answer(step, pins);
    let asked: Vec<_> = step.calls.iter().filter(|call| has_pinned_reply(call, pins)).collect();
    if !is_pinned && asked.is_empty() {
        return Vec::new();
    }
    let message = Message::Assistant {
        text: if is_pinned { step.output.clone() } else { String::new() },
        calls: asked.iter().map(|call| CallRequest::from(*call)).collect(),
    };
    let results = asked.into_iter().filter_map(|call| answered(call, pins));
    std::iter::once(Shown { message, is_pinned }).chain(results).collect()
}

fn has_pinned_answer(step: &StepRecord, pins: &[i64]) -> bool {
    step.answer().is_some_and(|number| pins.contains(&number))
}

fn has_pinned_reply(call: &CallRecord, pins: &[i64]) -> bool {
    call.reply().is_some_and(|(number, _)| pins.contains(&number))
}

/// What a call was answered with, when it was.
fn answered(call: &CallRecord, pins: &[i64]) -> Option<Shown> {
    let (outcome, content) = call.result.as_ref()?;
    let is_pinned = has_pinned_reply(call, pins);
    let content = if is_pinned { content.clone() } else { shown(content, &call.call_id) };
    let message = Message::Tool {
        call_id: call.call_id.clone(),
        tool: call.tool.clone(),
        content,
        is_error: *outcome != ToolOutcome::Ok,
    };
    Some(Shown { message, is_pinned })
}

impl From<&CallRecord> for CallRequest {
    fn from(call: &CallRecord) -> Self {
        Self {
            call_id: call.call_id.clone(),
            tool: call.tool.clone(),
            arguments: call.arguments.value(),
            provider_data: call.provider_data.as_ref().map(Packed::value),
        }
    }
}

/// A result as a model is shown it: a long one is cut, and the note names where the whole stands.
fn shown(content: &str, call_id: &str) -> String {
    let Some(end) = shown_end(content) else { return content.to_owned() };
    let total = content.chars().count();
    format!(
        "{}\n[Shortened: the first {RESULT_SHOWN_MAX} of {total} characters. The whole text is the \
         source `{call_id}`: read on with `{READ_RESULT}` from `offset` {RESULT_SHOWN_MAX}, or name \
         it in a tool's `source` argument to work on all of it.]",
        &content[..end]
    )
}

/// Whether a result is too long to be shown whole.
pub(crate) fn is_long(content: &str) -> bool {
    shown_end(content).is_some()
}

/// Where the part of a long result ends that is shown, in bytes.
fn shown_end(content: &str) -> Option<usize> {
    content.char_indices().nth(RESULT_SHOWN_MAX).map(|(at, _)| at)
}

/// Halves the longest text of a message; of one that `keeps_text`, what came with it alone. `false`: it
/// is as short as it gets.
fn shorten(message: &mut Message, keeps_text: bool) -> bool {
    match message {
        Message::User { text, context } => {
            context.as_mut().is_some_and(|context| {
                let whole = format!("the source `{}`", context.source);
                halve(&mut context.text, &whole)
            }) || (!keeps_text && halve(text, "the session's record"))
        }
        Message::Assistant { text, calls } => {
            (!keeps_text && halve(text, "the session's record"))
                || calls.iter_mut().any(|call| {
                    let given = call.provider_data.as_mut();
                    given.is_some_and(|given| provider_data::shorten(given, CUT_MIN))
                })
                || calls.iter_mut().any(|call| {
                    // What was asked for in the past is a memory only; its result tells more.
                    let is_long = call.arguments.to_string().len() > CUT_MIN;
                    if is_long {
                        call.arguments = serde_json::json!({ "shortened": true });
                    }
                    is_long
                })
        }
        Message::Tool { content, call_id, .. } => {
            !keeps_text && halve(content, &format!("the source `{call_id}`"))
        }
    }
}

fn halve(text: &mut String, whole: &str) -> bool {
    const MARK: &str = "\n[Cut to fit";
    let body = text.find(MARK).map_or(text.as_str(), |at| &text[..at]);
    let chars = body.chars().count();
    if chars <= CUT_MIN {
        return false;
    }
    let end = body.char_indices().nth((chars / 2).max(CUT_MIN)).map_or(body.len(), |(at, _)| at);
    *text = format!("{}{MARK}: the whole text is {whole}.]", &body[..end]);
    true
}

#[cfg(test)]
mod tests;
