//! One tool call.

use resonant_domain::session_event::{EventBody, ToolOutcome};
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{CALLS_MAX, without_nul};
use crate::engine::millis;
use crate::progress::CallRecord;
use crate::tools::{ToolContext, Tools, call_apart};

/// Calls one tool. Whatever becomes of it is a result.
pub(super) async fn call_tool(
    tools: &Tools,
    granted: &[String],
    step: u32,
    call: CallRecord,
    tool_context: ToolContext,
) -> EventBody {
    let began_at = Instant::now();
    let span = tracing::debug_span!("tool", tool.name = call.tool, otel.status_code = Empty);
    let answer = attempt(tools, granted, &call, tool_context).instrument(span.clone()).await;
    let (outcome, text) = match answer {
        Ok(text) => (ToolOutcome::Ok, text),
        Err(text) => {
            span.record("otel.status_code", "ERROR");
            (ToolOutcome::Error, text)
        }
    };
    EventBody::ToolResult {
        step,
        call_id: call.call_id,
        tool: call.tool,
        outcome,
        content: without_nul(text),
        duration_ms: millis(began_at.elapsed()),
    }
}

async fn attempt(
    tools: &Tools,
    granted: &[String],
    call: &CallRecord,
    context: ToolContext,
) -> Result<String, String> {
    let name = &call.tool;
    if call.call_id.get(6..).and_then(|n| n.parse().ok()).is_some_and(|n: usize| n > CALLS_MAX) {
        return Err(format!("not called: one step may ask for at most {CALLS_MAX} tools"));
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
            return Err(if known.is_empty() {
                format!("{why}, and no other is granted")
            } else {
                let known: Vec<_> = known.into_iter().map(String::as_str).collect();
                format!("{why}; the tools are: {}", known.join(", "))
            });
        }
    };
    tools.check(name, &call.arguments).map_err(|error| error.to_string())?;
    call_apart(tool, call.arguments.clone(), context).await
}
