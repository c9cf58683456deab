//! What a session writes down and what a browser hears: one type for both ends.
//!
//! A session's events are numbered from 1 without gaps. A step whose `step_start` appears again with
//! a higher attempt was begun anew after a worker was lost: what the attempt before had written in
//! that step is void.
//!
//! A `done` closes a round. A `message` or a `retry` after it opens the next one in the same log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SessionId;
use crate::model::ModelChoice;
use crate::money::MicroUsd;
use crate::session::{SessionState, Usage};
use crate::waiting::{Decision, WaitReason};

/// The longest result of a tool that a session shows whole, in bytes. Of a longer one it shows the head; the
/// log holds all of it.
pub const RESULT_SHOWN_MAX_BYTES: usize = 64 * 1024;
/// How much of such a result it shows, in bytes.
const RESULT_HEAD_BYTES: usize = 16_000;

/// One entry of a session's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionEvent {
    /// Its number within the session, from 1.
    pub sequence: i64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl SessionEvent {
    /// The same for who leafs through a log: of a result that is too long to be shown whole the head, which
    /// says so.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        if let EventBody::ToolResult { content, .. } = &mut self.body
            && let Some((head, whole)) = head_of(content)
        {
            *content =
                format!("{head}\n[The head of a result that is stored whole: {whole} characters]");
        }
        self
    }
}

/// The head of a result that is too long to be shown whole, and how many characters the whole has.
#[must_use]
pub fn head_of(content: &str) -> Option<(&str, u64)> {
    (content.len() > RESULT_SHOWN_MAX_BYTES).then(|| {
        let end = content.floor_char_boundary(RESULT_HEAD_BYTES);
        (&content[..end], content.chars().count() as u64)
    })
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// A worker took the session for the first time.
    SessionStart {
        /// Who answers: `builtin` or `openai`.
        provider: String,
        /// The model's name.
        model: String,
    },
    /// A turn of the loop begins.
    StepStart {
        /// Counts from 1.
        step: u32,
        /// Counts from 1; more than 1 after a worker was lost within the step.
        attempt: u32,
    },
    /// Another model answers from this step on, the first one included.
    ModelChoice {
        /// The step.
        step: u32,
        /// The model and the reason.
        #[serde(flatten)]
        choice: ModelChoice,
    },
    /// What lay in the middle of the conversation, told shorter: models are shown this in its place.
    ContextSummary {
        /// The step whose request grew too long.
        step: u32,
        /// The first step that it stands for.
        from_step: u32,
        /// The last step that it stands for.
        through_step: u32,
        /// The summary.
        text: String,
        /// Who wrote it, as `provider:model`.
        by: String,
        /// Why it was this model.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// The tokens of what it stands for.
        tokens_before: u64,
        /// Its own tokens.
        tokens_after: u64,
        /// How many messages of these steps stay word for word, because a person pinned them.
        #[serde(default)]
        pinned: u32,
        /// What writing it used.
        usage: Usage,
    },
    /// A person's word. It reaches the model with the next step that begins.
    Message {
        /// The text.
        text: String,
        /// Material for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
    },
    /// The model's reasoning, piece by piece.
    Thinking {
        /// The step it belongs to.
        step: u32,
        /// The next piece of text.
        delta: String,
    },
    /// The model asks for a tool. All calls of a step are written at once.
    ToolCall {
        /// The step it belongs to.
        step: u32,
        /// Joins the call to its result; unique in the session.
        call_id: String,
        /// The tool's name.
        tool: String,
        /// What it is called with.
        arguments: Value,
        /// What the model's provider wants back with it. The log keeps it; nobody is shown it, so it is
        /// left out wherever an event is written for somebody.
        #[serde(default, skip_serializing)]
        #[cfg_attr(feature = "schema", schemars(skip))]
        provider_data: Option<Value>,
    },
    /// A call that must not be made twice begins. A call that has this and no result may have taken
    /// effect.
    ToolStart {
        /// The step it belongs to.
        step: u32,
        /// The call.
        call_id: String,
    },
    /// What a tool answered.
    ToolResult {
        /// The step it belongs to.
        step: u32,
        /// The call that it answers.
        call_id: String,
        /// The tool's name.
        tool: String,
        /// How it went.
        outcome: ToolOutcome,
        /// What the model is told: plain text or JSON text.
        content: String,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// The model's answer, piece by piece.
    Output {
        /// The step it belongs to.
        step: u32,
        /// The next piece of text.
        delta: String,
    },
    /// A turn of the loop is over.
    StepComplete {
        /// The step.
        step: u32,
        /// What the step used.
        usage: Usage,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// The session waits for a person, a budget or other agents.
    Waiting {
        /// What it waits for.
        reason: WaitReason,
    },
    /// A person decided; the session goes on, or ends with the next event.
    Decision {
        /// The number of the `waiting` that it answers.
        waiting: i64,
        /// What was decided.
        decision: Decision,
    },
    /// A person wants the step that failed tried again.
    Retry {
        /// The step that begins anew.
        step: u32,
    },
    /// Everything before this was copied from another session, which the copy cost nothing.
    Fork {
        /// The session that it was copied from.
        parent: SessionId,
        /// The last step that was copied; 0: none.
        step: u32,
    },
    /// Something failed; the session may still go on.
    Error {
        /// The step it happened in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// What happened, for a person.
        message: String,
        /// Whether the session goes on.
        recoverable: bool,
        /// What models had used until then. An estimate where a reply broke off: providers count at its
        /// end alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    /// The session is over, unless a person goes on with it.
    Done {
        /// The final state.
        state: SessionState,
        /// Why, when the state alone does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What the whole session used.
        usage: Usage,
        /// The time of work since the round began, in milliseconds: without `waited_ms`.
        duration_ms: u64,
        /// The time of the round that people took to decide and other agents to answer, and that in the queue, in
        /// milliseconds.
        #[serde(default)]
        waited_ms: u64,
    },
}

impl EventBody {
    /// The event's name: the SSE `event:` field and the store's `kind` column.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SessionStart { .. } => "session_start",
            Self::StepStart { .. } => "step_start",
            Self::ModelChoice { .. } => "model_choice",
            Self::ContextSummary { .. } => "context_summary",
            Self::Message { .. } => "message",
            Self::Thinking { .. } => "thinking",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolStart { .. } => "tool_start",
            Self::ToolResult { .. } => "tool_result",
            Self::Output { .. } => "output",
            Self::StepComplete { .. } => "step_complete",
            Self::Waiting { .. } => "waiting",
            Self::Decision { .. } => "decision",
            Self::Retry { .. } => "retry",
            Self::Fork { .. } => "fork",
            Self::Error { .. } => "error",
            Self::Done { .. } => "done",
        }
    }

    /// Joins the next piece of the same text to this one. Gives the piece back when it is another's.
    ///
    /// Only a stream that is about to be sent does this; the log keeps every entry.
    // Pointers of a browser are half as long, and so the piece is not too large there.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(clippy::result_large_err, reason = "the piece itself goes back to the caller")
    )]
    pub fn join(&mut self, next: Self) -> Result<(), Self> {
        match (self, next) {
            (Self::Output { step, delta }, Self::Output { step: other, delta: more })
            | (Self::Thinking { step, delta }, Self::Thinking { step: other, delta: more })
                if *step == other =>
            {
                delta.push_str(&more);
                Ok(())
            }
            (_, next) => Err(next),
        }
    }
}

/// How a tool call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToolOutcome {
    /// It answered.
    Ok,
    /// It could not; the content says why.
    Error,
    /// The session was cancelled or ran out of time before it answered.
    Cancelled,
    /// A person did not allow it, or gave no answer.
    Refused,
}

/// The cost of a call at the model's prices, both in millionths of a dollar per million tokens.
#[must_use]
pub fn cost(
    input_tokens: u64,
    output_tokens: u64,
    input_price: u64,
    output_price: u64,
) -> MicroUsd {
    let micro = (u128::from(input_tokens) * u128::from(input_price)
        + u128::from(output_tokens) * u128::from(output_price))
    .div_ceil(1_000_000);
    MicroUsd(i64::try_from(micro).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelTier;

    #[test]
    fn a_choice_lies_flat_in_its_event() {
        let body = EventBody::ModelChoice {
            step: 2,
            choice: ModelChoice {
                tier: Some(ModelTier::Simple),
                provider: "openai".to_owned(),
                model: "small".to_owned(),
                reason: "a short goal".to_owned(),
                score: Vec::new(),
                is_price_presumed: false,
            },
        };
        let json = serde_json::to_value(&body).unwrap();
        assert_eq!((&json["tier"], &json["model"]), (&"simple".into(), &"small".into()));
        assert_eq!(serde_json::from_value::<EventBody>(json).unwrap(), body);
    }

    #[test]
    fn of_a_long_result_the_head_is_shown() {
        let event = |content: &str| SessionEvent {
            sequence: 3,
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            body: EventBody::ToolResult {
                step: 1,
                call_id: "call01001".to_owned(),
                tool: "shelf".to_owned(),
                outcome: ToolOutcome::Ok,
                content: content.to_owned(),
                duration_ms: 1,
            },
        };
        let whole = event(&"é".repeat(RESULT_SHOWN_MAX_BYTES / 2));
        assert_eq!(whole.clone().shortened(), whole);
        let EventBody::ToolResult { content, .. } = event(&"é".repeat(150_000)).shortened().body
        else {
            unreachable!("it is a result")
        };
        assert!(content.starts_with(&"é".repeat(8_000)), "{content}");
        assert!(content.ends_with("stored whole: 150000 characters]") && content.len() < 17_000);
        assert_eq!(head_of(&content), None, "once");
    }

    #[test]
    fn an_event_is_one_flat_object() {
        let event = SessionEvent {
            sequence: 3,
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            body: EventBody::StepStart { step: 1, attempt: 1 },
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"sequence":3,"at":"2026-01-02T03:04:05Z","type":"step_start","step":1,"attempt":1}"#
        );
        assert_eq!(serde_json::from_str::<SessionEvent>(&json).unwrap(), event);
    }

    #[test]
    fn what_a_provider_wants_back_is_read_from_the_log_and_written_for_nobody() {
        let body = EventBody::ToolCall {
            step: 1,
            call_id: "a".to_owned(),
            tool: "calculator".to_owned(),
            arguments: Value::Null,
            provider_data: Some("signed".into()),
        };
        let mut json = serde_json::to_value(&body).unwrap();
        assert_eq!(json.get("provider_data"), None);
        json["provider_data"] = "signed".into();
        assert_eq!(serde_json::from_value::<EventBody>(json).unwrap(), body);
    }

    #[test]
    fn pieces_join_within_a_step_only() {
        let mut first = EventBody::Output { step: 1, delta: "Hel".to_owned() };
        assert!(first.join(EventBody::Output { step: 1, delta: "lo".to_owned() }).is_ok());
        assert_eq!(first, EventBody::Output { step: 1, delta: "Hello".to_owned() });
        assert!(first.join(EventBody::Output { step: 2, delta: "!".to_owned() }).is_err());
        assert!(first.join(EventBody::Thinking { step: 1, delta: "?".to_owned() }).is_err());
    }

    #[test]
    fn cost_rounds_up_to_the_next_millionth() {
        assert_eq!(cost(1, 0, 150_000, 600_000), MicroUsd(1));
        assert_eq!(cost(1_000_000, 1_000_000, 150_000, 600_000), MicroUsd(750_000));
        assert_eq!(cost(0, 0, 150_000, 600_000), MicroUsd(0));
    }
}
