//! What a model was given for one step of a session, as people read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a model was given for one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepInput {
    /// The step.
    pub step: u32,
    /// Which attempt at it: the newest.
    pub attempt: u32,
    /// Who was asked.
    pub provider: String,
    /// The model's name as the provider knows it.
    pub model: String,
    /// The system prompt with the date behind it. `None`: it is not for this reader.
    pub system: Option<String>,
    /// The tools that could be asked for; none for a reader whom the prompt is not for.
    pub tools: Vec<GivenTool>,
    /// The conversation, in order.
    pub messages: Vec<Given>,
    /// Why it may have been given something else in places.
    pub doubts: Vec<InputDoubt>,
}

/// A tool as a model is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GivenTool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Given {
    /// What the session is for, with its context.
    Goal {
        /// The text.
        text: String,
    },
    /// What stood for steps in the middle.
    Summary {
        /// The text.
        text: String,
    },
    /// What a person said later on, with its context.
    Person {
        /// The text.
        text: String,
    },
    /// What the agent wrote in an earlier step, and asked for.
    Agent {
        /// The text; empty where it wrote none.
        text: String,
        /// The calls.
        calls: Vec<GivenCall>,
    },
    /// What a tool answered.
    Result {
        /// The tool's name.
        tool: String,
        /// The answer, or what went wrong.
        text: String,
        /// Whether it failed.
        is_error: bool,
    },
}

/// A call of an earlier step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GivenCall {
    /// The tool's name.
    pub tool: String,
    /// What it was called with.
    pub arguments: Value,
}

/// Why a model may have been given something else in places: not everything that counts is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InputDoubt {
    /// The model is not set up any more, and with it went the length of its window: nothing is cut here.
    ModelGone,
    /// Texts were told shorter or cut: other messages may have been pinned then, and the model may have
    /// taken less than it was known to take.
    Shortened,
    /// It is more than the model takes: nobody was asked.
    TooLong,
}

impl StepInput {
    /// The same for a reader who may not read the agent: without its prompt and tools.
    #[must_use]
    pub fn without_agent(self) -> Self {
        Self { system: None, tools: Vec::new(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_read_the_agent_gets_the_conversation_alone() {
        let given = Given::Goal { text: "Count".to_owned() };
        let tool = GivenTool { name: "calculator".to_owned(), description: "Counts".to_owned() };
        let input = StepInput {
            step: 1,
            attempt: 1,
            provider: "builtin".to_owned(),
            model: "planner-1".to_owned(),
            system: Some("Be brief".to_owned()),
            tools: vec![tool],
            messages: vec![given.clone()],
            doubts: Vec::new(),
        };
        let json = serde_json::to_value(&input).unwrap();
        assert_eq!(json["messages"][0]["kind"], "goal");
        let bare = input.without_agent();
        assert_eq!((bare.system, bare.tools, bare.messages), (None, vec![], vec![given]));
    }
}
