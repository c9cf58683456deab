//! What is asked of a session that is looked at in passing.

use leptos::prelude::*;
use resonant_domain::ids::SessionId;
use resonant_domain::session::SessionState;
use resonant_domain::session_event::ToolOutcome;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::ssr;

/// A session in short, in the words of the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glance {
    /// Where it stands.
    pub state: SessionState,
    /// Its steps so far.
    pub steps: Vec<GlancedStep>,
    /// What it waits for.
    pub waits_for: Option<String>,
    /// What went wrong, and why it ended.
    pub faults: Vec<String>,
}

/// A step of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlancedStep {
    /// Its number, from 1.
    pub step: u32,
    /// Whether it is over.
    pub is_over: bool,
    /// The tool calls, in the order in which they were asked for.
    pub calls: Vec<GlancedCall>,
    /// What it wrote; of a long text the beginning.
    pub output: String,
}

/// A tool call of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlancedCall {
    /// What the tool is called.
    pub title: String,
    /// How it went, once that is known.
    pub outcome: Option<ToolOutcome>,
    /// What it answered, shortened.
    pub answer: String,
}

/// A session in short.
#[server(prefix = "/api/fn", endpoint = "sessions/glance_session")]
pub async fn glance_session(id: SessionId) -> Result<Glance, AppError> {
    let so_far = super::api::get_session(id).await?;
    // What is said here is said in the language of whoever asks.
    provide_context(ssr::language());
    Ok(Glance::of(so_far))
}

#[cfg(feature = "ssr")]
impl Glance {
    fn of(so_far: super::api::SessionSoFar) -> Self {
        use super::figures::clip;
        use super::wait_words::wait_words;
        use crate::language::{tr, tr_text};
        use resonant_domain::text::shorten;
        use resonant_domain::timeline::{TimelineCall, TimelineStep};
        use resonant_domain::tool::of_ours;

        const ANSWER_MAX: usize = 160;

        let super::api::SessionSoFar { session, timeline, .. } = so_far;
        let call = |call: TimelineCall| GlancedCall {
            title: of_ours(&call.tool)
                .map_or_else(|| call.tool.clone(), |tool| tr(tool.title).to_owned()),
            outcome: call.result.as_ref().map(|result| result.outcome),
            answer: call
                .result
                .map_or_else(String::new, |result| shorten(&result.content, ANSWER_MAX)),
        };
        let mut faults = timeline.errors;
        let mut steps = Vec::with_capacity(timeline.steps.len());
        for TimelineStep { step, calls, output, errors, duration_ms, .. } in timeline.steps {
            faults.extend(errors);
            let head = clip(&output).map(|head| format!("{head}\n…"));
            steps.push(GlancedStep {
                step,
                is_over: duration_ms.is_some(),
                calls: calls.into_iter().map(call).collect(),
                output: head.unwrap_or(output),
            });
        }
        let (state, reason) = match timeline.end {
            Some(end) => (end.state, end.reason),
            None => (session.state, session.reason),
        };
        faults.extend(reason.filter(|_| state != SessionState::Completed));
        Self {
            state,
            steps,
            waits_for: timeline.waiting.map(|wait| wait_words(&wait.reason)),
            faults: faults.into_iter().map(tr_text).collect(),
        }
    }
}
