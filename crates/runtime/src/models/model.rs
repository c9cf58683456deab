//! What every model provider offers the loop.

use std::time::Duration;

use futures::stream::BoxStream;
use resonant_domain::session::Usage;
use serde_json::Value;

use super::provider_data;
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
    /// The tools that the conversation knows.
    pub tools: Vec<ToolSchema>,
    /// Whether they may be called. Where not, a provider is told of them only because it refuses a
    /// conversation with calls of tools that it was not told of.
    pub may_call: bool,
    /// The most tokens that the reply may have.
    pub max_output_tokens: u32,
    /// The tokens that question and answer may have together, where a provider wants to be told.
    pub window: Option<u64>,
    /// The present instant, so that a reply can be made again from the same request.
    pub now: jiff::Timestamp,
}

impl ModelRequest {
    /// The system prompt, with the present instant behind it, and that no tool may be called where
    /// that is so: some servers do not heed the choice of none.
    #[must_use]
    pub fn system_with_date(&self) -> String {
        let today = self.now.strftime("%A, %-d %B %Y, %H:%M UTC");
        let end = if self.tools.is_empty() || self.may_call {
            ""
        } else {
            " No tool can be called any more: answer now, with what is there."
        };
        match self.system.trim() {
            "" => format!("It is {today}.{end}"),
            system => format!("{system}\n\nIt is {today}.{end}"),
        }
    }

    /// Whether there is a tool that may be called.
    #[must_use]
    pub fn offers_tools(&self) -> bool {
        self.may_call && !self.tools.is_empty()
    }
}

/// Material that a person gave with what they said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// The source as which tools read it whole.
    pub source: String,
    /// The text.
    pub text: String,
}

impl Material {
    /// The source that is the newest material, whichever that is.
    pub(crate) const NEWEST: &'static str = "context";

    /// What came with the goal, whose number is 0, or the one that people gave in this place after it, counted
    /// from 1: another session that shares the beginning of this one calls it the same.
    pub(crate) fn new(number: i64, text: impl Into<String>) -> Self {
        Self { source: format!("{}_{number}", Self::NEWEST), text: text.into() }
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
        context: Option<Material>,
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

    /// Whether it says nothing and asks for nothing: providers refuse such a message.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Assistant { text, calls } if calls.is_empty() && text.trim().is_empty())
    }

    /// What a person said as one text, with the material behind it. Empty for any other message.
    #[must_use]
    pub fn user_text(&self, has_tools: bool) -> String {
        match self {
            Self::User { text, context: Some(context) } if !context.text.trim().is_empty() => {
                let Material { source, text: material } = context;
                let note = if has_tools {
                    format!("Material for it (tools read it whole as the source `{source}`):")
                } else {
                    "Material for it:".to_owned()
                };
                format!("{text}\n\n{note}\n<context>\n{material}\n</context>")
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
    /// What its provider wants back with it, as [`provider_data`](super::provider_data) says.
    pub provider_data: Option<Value>,
}

/// A piece of a reply as it streams.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelPiece {
    /// The next piece of its reasoning.
    Thinking(String),
    /// The next piece of its answer. Empty while it writes a call: that it is at work, and no more.
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

/// Why a model did not answer. The text is for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Trying again may help: a 429, a 5xx, a connection that broke.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
    },
    /// It took the request and then gave nothing for too long. Trying again may help, but costs as much
    /// time again: others are asked first.
    #[error("{0}")]
    Silent(String),
    /// The provider takes nothing from this account, whatever is asked: a refused key, no quota left.
    #[error("{0}")]
    Account(String),
    /// The request is longer than the model takes.
    #[error("{0}")]
    TooLong(String),
    /// Trying again will not help: an unknown model, a malformed reply.
    #[error("{0}")]
    Permanent(String),
}

impl ModelError {
    /// A fault that may pass, with no word from the provider on how long it takes.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Transient { message: message.into(), retry_after: None }
    }

    /// The model gave nothing for so long.
    #[must_use]
    pub fn silent(waited: Duration) -> Self {
        Self::Silent(format!("the model was silent for {} seconds", waited.as_secs()))
    }

    /// A fault that will not pass.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::Permanent(message.into())
    }

    /// Whether the same model may answer when it is asked again.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::Silent(_))
    }

    /// Whether it says something of the provider, not of this one request.
    #[must_use]
    pub const fn is_of_provider(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::Silent(_) | Self::Account(_))
    }

    /// The same with another text.
    #[must_use]
    pub fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Transient { message, retry_after } => {
                Self::Transient { message: change(message), retry_after }
            }
            Self::Silent(message) => Self::Silent(change(message)),
            Self::Account(message) => Self::Account(change(message)),
            Self::TooLong(message) => Self::TooLong(change(message)),
            Self::Permanent(message) => Self::Permanent(change(message)),
        }
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
                let context = context.as_ref().map_or(0, |context| context.text.chars().count());
                text.chars().count() + context
            }
            Message::Assistant { text, calls } => {
                let calls = calls.iter().map(|call| {
                    let texts = call.provider_data.iter().flat_map(provider_data::texts);
                    call.arguments.to_string().len() + texts.map(str::len).sum::<usize>()
                });
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
