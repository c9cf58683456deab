//! What every model provider offers the loop.

use std::time::Duration;

use futures::stream::BoxStream;
use resonant_domain::session::Usage;
use serde_json::Value;

use crate::tools::ToolSchema;

/// One request to a model: all it needs to answer the next turn.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The model's name, as the provider knows it.
    pub model: String,
    /// The agent's system prompt.
    pub system: String,
    /// The conversation so far; the first message is the goal.
    pub messages: Vec<Message>,
    /// The tools that may be called.
    pub tools: Vec<ToolSchema>,
    /// The most tokens that the reply may have.
    pub max_output_tokens: u32,
    /// The present instant, so that a reply can be made again from the same request.
    pub now: jiff::Timestamp,
}

impl ModelRequest {
    /// The system prompt, with the present instant behind it.
    #[must_use]
    pub fn system_with_date(&self) -> String {
        let today = self.now.strftime("%A, %-d %B %Y, %H:%M UTC");
        match self.system.trim() {
            "" => format!("It is {today}."),
            system => format!("{system}\n\nIt is {today}."),
        }
    }
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// What a person asks.
    User {
        /// The goal.
        text: String,
        /// Material for it.
        context: Option<String>,
    },
    /// What the model answered in an earlier turn.
    Assistant {
        /// Its text.
        text: String,
        /// The tools that it asked for.
        calls: Vec<CallRequest>,
    },
    /// What a tool answered.
    Tool {
        /// The call that it answers.
        call_id: String,
        /// The tool's name.
        tool: String,
        /// Its answer, or what went wrong.
        content: String,
        /// Whether it failed.
        is_error: bool,
    },
}

impl Message {
    /// How the message begins that stands for steps told shorter.
    pub const SUMMARY: &'static str = "What happened in the steps before, told shorter:";

    /// What a person said as one text, with the material behind it. Empty for any other message.
    #[must_use]
    pub fn user_text(&self, has_tools: bool) -> String {
        match self {
            Self::User { text, context: Some(context) } if !context.trim().is_empty() => {
                let note = if has_tools {
                    "Material for it (tools read it whole as the source `context`):"
                } else {
                    "Material for it:"
                };
                format!("{text}\n\n{note}\n<context>\n{context}\n</context>")
            }
            Self::User { text, .. } => text.clone(),
            Self::Assistant { .. } | Self::Tool { .. } => String::new(),
        }
    }
}

/// A model's wish to call a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRequest {
    /// As the provider names it. The loop gives each call an id of its own, because some servers
    /// use theirs again; in [`Message`]s it is the loop's.
    pub call_id: String,
    /// The tool's name; may be one that does not exist.
    pub tool: String,
    /// Its arguments, unchecked. A text that is no JSON arrives as a JSON string.
    pub arguments: Value,
}

/// A piece of a reply as it streams.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelPiece {
    /// The next piece of its reasoning.
    Thinking(String),
    /// The next piece of its answer.
    Output(String),
    /// The reply is over. Always the last piece.
    Finish {
        /// The tools that it asks for, in order.
        calls: Vec<CallRequest>,
        /// What the reply used.
        usage: Usage,
        /// Why it ended.
        reason: FinishReason,
    },
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was complete.
    Stop,
    /// It asks for tools.
    ToolCalls,
    /// It reached `max_output_tokens` or the model's own limit.
    Length,
    /// The provider held it back.
    Filtered,
}

/// Why a model did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Trying again may help: a timeout, a 429, a 5xx, a connection that broke.
    #[error("{message}")]
    Transient {
        /// What happened, for a person.
        message: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// Trying again will not help: a refused key, an unknown model, a malformed reply.
    #[error("{0}")]
    Permanent(String),
}

impl ModelError {
    /// A fault that may pass, with no word from the provider on how long it takes.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Transient { message: message.into(), retry_after: None }
    }

    /// A fault that will not pass.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::Permanent(message.into())
    }
}

/// A reply as it streams.
pub type ReplyStream = BoxStream<'static, Result<ModelPiece, ModelError>>;

/// A model provider. Dropping the stream stops the work.
pub trait Model: Send + Sync {
    /// The provider's name as events show it: `builtin`, `openai`.
    fn provider(&self) -> &'static str;

    /// Begins a reply.
    fn reply(&self, request: ModelRequest) -> ReplyStream;
}

/// The length of all that a request shows the model, in characters: a quarter of it is the estimate
/// of its tokens where a provider does not count.
#[must_use]
pub fn request_chars(request: &ModelRequest) -> usize {
    let messages: usize = request
        .messages
        .iter()
        .map(|message| match message {
            Message::User { text, context } => {
                text.chars().count() + context.as_ref().map_or(0, |context| context.chars().count())
            }
            Message::Assistant { text, calls } => {
                let calls = calls.iter().map(|call| call.arguments.to_string().len());
                text.chars().count() + calls.sum::<usize>()
            }
            Message::Tool { content, .. } => content.chars().count(),
        })
        .sum();
    let tools = request
        .tools
        .iter()
        .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len());
    request.system.chars().count() + messages + tools.sum::<usize>()
}
