//! One tool call.

use resonant_domain::session_event::{EventBody, ToolOutcome};
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::call_id::{CALLS_MAX, is_too_many};
use super::without_nul;
use crate::engine::millis;
use crate::progress::{CallRecord, RESULTS_MAX_BYTES};
use crate::tools::{Asked, ToolContext, ToolError, Tools, call_apart};

/// How much is told of a failure, in bytes: nobody reads on in it. Its end says what is known of the outcome.
const FAILURE_MAX_BYTES: usize = 8_000;
const FAILURE_END_BYTES: usize = 500;

/// What came of a call.
pub(super) enum Called {
    /// Its result.
    Answered(EventBody),
    /// A person is to be asked for more: by the tool of this call.
    Asks(CallRecord, Box<Asked>),
}

/// Calls one tool. Whatever becomes of it is a result, of which so many bytes are kept as there is room for, unless
/// it asks for more.
pub(super) async fn call_tool(
    tools: &Tools,
    granted: &[String],
    step: u32,
    call: CallRecord,
    (tool_context, room): (ToolContext, usize),
) -> Called {
    let began_at = Instant::now();
    let span = tracing::debug_span!("tool", tool.name = call.tool, otel.status_code = Empty);
    let answer = attempt(tools, granted, &call, tool_context).instrument(span.clone()).await;
    let (outcome, text) = match answer {
        Ok(text) => (ToolOutcome::Ok, kept(without_nul(text), room)),
        Err(ToolError::Asks(asked)) => return Called::Asks(call, asked),
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            (ToolOutcome::Error, told(without_nul(error.to_string())))
        }
    };
    Called::Answered(EventBody::ToolResult {
        step,
        call_id: call.call_id,
        tool: call.tool,
        outcome,
        content: text,
        duration_ms: millis(began_at.elapsed()),
    })
}

/// What is kept of an answer. Where that is not all, it says so where it begins: models are shown no more of a
/// long one.
fn kept(text: String, room: usize) -> String {
    if text.len() <= room {
        return text;
    }
    let head = &text[..text.floor_char_boundary(room)];
    let (whole, most) = (text.len(), RESULTS_MAX_BYTES / (1024 * 1024));
    format!(
        "[Cut: the first {} of {whole} bytes, for the results of a session hold at most {most} MiB \
         together. What comes behind is not kept.]\n{head}",
        head.len()
    )
}

/// What is told of a failure.
fn told(text: String) -> String {
    if text.len() <= FAILURE_MAX_BYTES {
        return text;
    }
    let head = &text[..text.floor_char_boundary(FAILURE_MAX_BYTES - FAILURE_END_BYTES)];
    let end = &text[text.ceil_char_boundary(text.len() - FAILURE_END_BYTES)..];
    format!("{head}\n[Cut: no more is told of a failure]\n{end}")
}

async fn attempt(
    tools: &Tools,
    granted: &[String],
    call: &CallRecord,
    context: ToolContext,
) -> Result<String, ToolError> {
    let name = &call.tool;
    if is_too_many(&call.call_id) {
        let why = format!("not called: one step may ask for at most {CALLS_MAX} tools");
        return Err(ToolError::Failed(why));
    }
    let tool = match tools.get(name) {
        Some(tool) if granted.contains(name) => tool.clone(),
        found => {
            let why = if found.is_some() {
                format!("the agent was not granted the tool `{name}`")
            } else {
                format!("there is no tool `{name}`")
            };
            let known: Vec<_> = granted.iter().filter(|tool| tools.get(tool).is_some()).collect();
            return Err(ToolError::Failed(if known.is_empty() {
                format!("{why}, and no other is granted")
            } else {
                let known: Vec<_> = known.into_iter().map(String::as_str).collect();
                format!("{why}; the tools are: {}", known.join(", "))
            }));
        }
    };
    let arguments = call.arguments.value();
    tools.check(name, &arguments)?;
    call_apart(tool, arguments, context).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_cut_where_it_says() {
        assert_eq!(kept("é".repeat(5), 10), "é".repeat(5));
        let cut = kept("é".repeat(50), 11);
        assert!(cut.starts_with("[Cut: the first 10 of 100 bytes,"), "{cut}");
        assert!(cut.contains("at most 8 MiB together") && cut.ends_with("]\nééééé"), "{cut}");
        assert_eq!(told("it broke".to_owned()), "it broke");
        let long = told(format!("{}; the outcome is unknown", "é".repeat(9_000)));
        assert!(long.len() < 8_100 && long.contains("[Cut: no more is told of a failure]"));
        assert!(long.starts_with('é') && long.ends_with("é; the outcome is unknown"), "{long}");
    }
}
