//! What a model is shown of a session: never more than its window holds.
//!
//! Kept as they are: the system prompt, what people said, and the last steps. When the whole grows
//! too long, the steps in the middle are told shorter, once, and the summary grows with the session.
//! What is still too long is cut, and the cut says where the whole text stands.

mod summary;

use resonant_domain::session_event::ToolOutcome;

use crate::models::{CallRequest, Message};
use crate::progress::{CallRecord, Progress, Said, StepRecord};
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

/// Brings the conversation into `room` tokens.
pub(crate) fn fit(
    progress: &Progress,
    goal: &str,
    context: Option<&str>,
    counter: Counter,
    room: u64,
    may_summarise: bool,
) -> Fit {
    let mut messages = messages(progress, goal, context);
    let count = |messages: &[Message]| -> u64 {
        messages.iter().map(|message| counter.message(message)).sum()
    };
    if count(&messages) <= room {
        return Fit::Whole(messages);
    }
    if may_summarise && let Some(steps) = Summarise::due(progress, STEPS_KEPT, counter) {
        return Fit::Shorter(steps);
    }
    let mut costs: Vec<_> = messages.iter().map(|message| counter.message(message)).collect();
    loop {
        let total: u64 = costs.iter().sum();
        if total <= room {
            return Fit::Whole(messages);
        }
        // The longest gives way first: half of it, or all that is too much.
        let mut order: Vec<_> = (0..costs.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(costs[index]));
        let cut = order.into_iter().any(|index| {
            let shorter = shorten(&mut messages[index]);
            if shorter {
                costs[index] = counter.message(&messages[index]);
            }
            shorter
        });
        if !cut {
            return Fit::Never;
        }
    }
}

/// The conversation as a model is shown it: the goal, then every complete step, with what people said
/// before it. Results stand in the order of their calls, whatever order they arrived in.
pub(crate) fn messages(progress: &Progress, goal: &str, context: Option<&str>) -> Vec<Message> {
    let mut messages =
        vec![Message::User { text: goal.to_owned(), context: context.map(str::to_owned) }];
    let through = progress.summary.as_ref().map_or(0, |summary| summary.through_step);
    if let Some(summary) = &progress.summary {
        let text = format!("{}\n{}", Message::SUMMARY, summary.text);
        messages.push(Message::User { text, context: None });
    }
    for step in &progress.steps {
        messages.extend(step.heard.iter().map(said));
        if step.is_complete && step.number > through {
            messages.extend(told(step));
        }
    }
    messages
}

fn said(said: &Said) -> Message {
    Message::User { text: said.text.clone(), context: said.context.clone() }
}

/// A complete step as a model is shown it.
fn told(step: &StepRecord) -> impl Iterator<Item = Message> + '_ {
    let asked = Message::Assistant {
        text: step.output.clone(),
        calls: step.calls.iter().map(CallRequest::from).collect(),
    };
    let results = step.calls.iter().filter_map(|call| {
        let (outcome, content) = call.result.as_ref()?;
        Some(Message::Tool {
            call_id: call.call_id.clone(),
            tool: call.tool.clone(),
            content: shown(content, &call.call_id),
            is_error: *outcome != ToolOutcome::Ok,
        })
    });
    std::iter::once(asked).chain(results)
}

impl From<&CallRecord> for CallRequest {
    fn from(call: &CallRecord) -> Self {
        Self {
            call_id: call.call_id.clone(),
            tool: call.tool.clone(),
            arguments: call.arguments.clone(),
        }
    }
}

/// A result as a model is shown it: a long one is cut, and the note names where the whole stands.
fn shown(content: &str, call_id: &str) -> String {
    let Some((end, _)) = content.char_indices().nth(RESULT_SHOWN_MAX) else {
        return content.to_owned();
    };
    let total = content.chars().count();
    format!(
        "{}\n[Shortened: the first {RESULT_SHOWN_MAX} of {total} characters. The whole text is the \
         source `{call_id}`: name it in a tool's `source` argument to work on all of it.]",
        &content[..end]
    )
}

/// Halves the longest text of a message. `false`: it is as short as it gets.
fn shorten(message: &mut Message) -> bool {
    match message {
        Message::User { text, context } => {
            context.as_mut().is_some_and(|context| halve(context, "the source `context`"))
                || halve(text, "the session's record")
        }
        Message::Assistant { text, calls } => {
            halve(text, "the session's record")
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
            halve(content, &format!("the source `{call_id}`"))
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
