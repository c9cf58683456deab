//! What every tool offers the loop.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use resonant_domain::form::Form;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::secrets::Secrets;
use crate::threads::apart;

/// What a model is told of a call that broke off and must not be made twice: that nobody knows, and that
/// it has the choice.
const OUTCOME_UNKNOWN: &str = "; the outcome is unknown: it may have taken effect, so do not call it \
                               again without making sure that it has not";

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSchema {
    /// Its name.
    pub name: String,
    /// What it does, for a model.
    pub description: String,
    /// The JSON schema of its arguments (draft 2020-12), an object.
    pub parameters: Value,
}

/// What a tool may look at beside its arguments.
#[derive(Debug, Clone, Default)]
pub struct ToolContext {
    /// The present instant.
    pub now: Timestamp,
    /// Texts that arguments may name instead of repeating them: `context` is the newest material that a person gave,
    /// `context_<number>` what came with the goal (0) or, counted from 1, with a message, every other key the
    /// `call_id` of an earlier call, its value that call's result.
    pub sources: Arc<HashMap<String, String>>,
    /// The same for every attempt at this call, and for no other call: what takes effect elsewhere
    /// sends it along, so that an effect that is asked for twice is had once.
    pub idempotency_key: String,
    /// The secrets that the agent's grants name.
    pub secrets: Secrets,
    /// Whether the call may ask a person, and what a person has answered.
    pub asking: Asking,
}

/// What a call may ask of a person, and what it was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asking {
    /// Whether there is a person to be asked.
    pub may_ask: bool,
    /// The answer to what the same call has asked before.
    pub answer: Option<Answered>,
}

/// What a person has answered to what a tool has asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What the tool wanted back.
    pub resume: Value,
    /// What was filled in, by the names of the form's fields. `None`: no answer is given.
    pub values: Option<Value>,
}

impl ToolContext {
    /// The text that the arguments give in `text`, or name in `source`.
    ///
    /// # Errors
    /// [`ToolError::Invalid`] when neither is there or the source is unknown.
    pub fn text<'a>(&'a self, arguments: &'a Value) -> Result<&'a str, ToolError> {
        if let Some(text) = arguments.get("text").and_then(Value::as_str) {
            return Ok(text);
        }
        let Some(name) = arguments.get("source").and_then(Value::as_str) else {
            return Err(ToolError::Invalid(
                "give the text in `text`, or name it in `source`".into(),
            ));
        };
        source(&self.sources, name)
    }
}

/// The text that is called `name`.
///
/// # Errors
/// [`ToolError::Invalid`] when there is none.
pub(super) fn source<'a>(
    sources: &'a HashMap<String, String>,
    name: &str,
) -> Result<&'a str, ToolError> {
    sources.get(name).map(String::as_str).ok_or_else(|| {
        let mut known: Vec<_> = sources.keys().map(String::as_str).collect();
        known.sort_unstable();
        ToolError::Invalid(format!("`source` must be one of: {}", known.join(", ")))
    })
}

/// Calls a tool in a task of its own, so that one that computes holds up neither others nor a cancel,
/// and its panic stays its own. The arguments have passed the schema.
///
/// # Errors
/// Why it gave no answer, for a model. Of a call that broke off and must not be made twice it says that
/// the outcome is not known.
pub(crate) async fn call_apart(
    tool: Arc<dyn Tool>,
    arguments: Value,
    context: ToolContext,
) -> Result<String, ToolError> {
    let (name, limit) = (tool.name().to_owned(), tool.timeout());
    let warning = if tool.is_safe_to_repeat() { "" } else { OUTCOME_UNKNOWN };
    let work = async move {
        let call = tool.call(&arguments, &context);
        if tool.computes() { apart(call).await } else { call.await }
    };
    let work = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_panic)) => {
            tracing::error!(tool = name, "the tool panicked");
            Err(ToolError::Failed(format!("the tool `{name}` failed (a defect of ours){warning}")))
        }
        Err(_elapsed) => {
            let seconds = limit.as_secs_f32();
            Err(ToolError::Failed(format!("gave no answer within {seconds} s{warning}")))
        }
    }
}

/// Why a tool gave no answer. The text is told to the model and shown to the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// The arguments break a rule; the text says which.
    #[error("{0}")]
    Invalid(String),
    /// The work could not be done; the text says why.
    #[error("{0}")]
    Failed(String),
    /// It asks a person for more first, and has done nothing yet.
    #[error("it asks a person, which only a session can do: {}", .0.question.text)]
    Asks(Box<Asked>),
}

impl ToolError {
    /// A call that must not be made twice broke off: why, and that nobody knows what became of it.
    pub(super) fn of_unknown_outcome(reason: impl fmt::Display) -> Self {
        Self::Failed(format!("{reason}{OUTCOME_UNKNOWN}"))
    }
}

/// What a tool asks a person before it can answer: it is called again with what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The question.
    pub question: Question,
    /// What it wants back with the answer.
    pub resume: Value,
}

/// What a tool asks a person instead of doing something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// The fields of the answer.
    pub form: Form,
}

/// A tool's answer to come: text, or JSON as text.
pub type ToolFuture<'a> = BoxFuture<'a, Result<String, ToolError>>;

/// A tool.
pub trait Tool: Send + Sync {
    /// Its name: one of `resonant_domain::tool::BUILT_IN_TOOLS`, or the grant's.
    fn name(&self) -> &str;

    /// What it does and how to call it, for a model.
    fn description(&self) -> &str;

    /// The JSON schema of its arguments: an object with `additionalProperties: false`.
    fn parameters(&self) -> Value;

    /// How long one call may take.
    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// Whether a call whose outcome is not known may be made again without harm.
    fn is_safe_to_repeat(&self) -> bool {
        true
    }

    /// Whether a call may compute for long. Its thread then hands over all else that it has to do each time that
    /// the call goes on, which costs more than what a short one does.
    fn computes(&self) -> bool {
        true
    }

    /// What the call asks a person. Such a call is never made: the answer is its result. The
    /// arguments have passed the schema.
    ///
    /// # Errors
    /// [`ToolError::Invalid`] when the question cannot be asked.
    fn question(&self, _arguments: &Value) -> Result<Option<Question>, ToolError> {
        Ok(None)
    }

    /// Does the work. The arguments have passed the schema.
    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a>;
}
