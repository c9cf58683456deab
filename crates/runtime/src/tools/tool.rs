//! What every tool offers the loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use resonant_domain::form::Form;
use serde_json::Value;

use super::secrets::Secrets;

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
    /// Texts that arguments may name instead of repeating them: `context` is the newest context that a person gave,
    /// every other key the `call_id` of an earlier call, its value that call's result.
    pub sources: Arc<HashMap<String, String>>,
    /// The same for every attempt at this call, and for no other call: what takes effect elsewhere
    /// sends it along, so that an effect that is asked for twice is had once.
    pub idempotency_key: String,
    /// The secrets that the agent's grants name.
    pub secrets: Secrets,
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
        self.sources.get(name).map(String::as_str).ok_or_else(|| {
            let mut known: Vec<_> = self.sources.keys().map(String::as_str).collect();
            known.sort_unstable();
            ToolError::Invalid(format!("`source` must be one of: {}", known.join(", ")))
        })
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
}

/// What a tool asks a person instead of doing something.
#[derive(Debug, Clone, PartialEq)]
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
