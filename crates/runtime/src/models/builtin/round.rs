//! What the planner is asked now: the words of the round that is under way.
//!
//! A session goes on after its answer when its owner says more. What was said before that answer is
//! answered; only its material is still there to be pointed at ("now list the action items").

use std::borrow::Cow;

use super::goal;
use super::intents::asks;
use crate::models::{Message, ModelRequest};

/// The round that is under way.
#[derive(Debug)]
pub(super) struct Round<'a> {
    /// The goal, or what a person said to go on, with what was said meanwhile.
    pub text: Cow<'a, str>,
    /// The newest context, which tools read as the source `context`.
    pub context: Option<&'a str>,
    /// Everything since the last answer.
    pub messages: &'a [Message],
    /// What people said in the rounds before.
    before: &'a [Message],
}

impl<'a> Round<'a> {
    /// Finds the round in the conversation of a request.
    pub fn of(request: &'a ModelRequest) -> Self {
        let is_answer = |message: &Message| matches!(message, Message::Assistant { calls, .. } if calls.is_empty());
        let start = request.messages.iter().rposition(is_answer).map_or(0, |at| at + 1);
        let (before, messages) = request.messages.split_at(start);
        let mut texts = words(messages);
        let first = texts.next().unwrap_or_default();
        let text =
            texts.fold(Cow::Borrowed(first), |text, more| Cow::Owned(format!("{text}\n{more}")));
        let context = request.messages.iter().rev().find_map(|message| match message {
            Message::User { context: Some(context), .. } if !context.text.trim().is_empty() => {
                Some(context.text.as_str())
            }
            _ => None,
        });
        Self { text, context, messages, before }
    }

    /// The texts that stood in the newest earlier words which brought any along.
    pub fn texts_before(&self) -> Vec<String> {
        let mut newest = Vec::new();
        for text in words(self.before) {
            let texts = goal::read(text, &asks).texts;
            if !texts.is_empty() {
                newest = texts;
            }
        }
        newest
    }
}

/// What people said, without what the loop told shorter in their place.
fn words(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().filter_map(|message| match message {
        Message::User { text, .. } if !text.starts_with(Message::SUMMARY) => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::ToolGrant;
    use resonant_domain::tool::BUILT_IN_TOOLS;
    use serde_json::{Value, json};

    use super::super::reply;
    use super::*;
    use crate::egress::Egress;
    use crate::models::{CallRequest, Material, ModelPiece};
    use crate::tools::Tools;

    fn user(text: &str) -> Message {
        Message::User { text: text.to_owned(), context: None }
    }

    fn answered(text: &str) -> Message {
        Message::Assistant { text: text.to_owned(), calls: Vec::new() }
    }

    fn called(tool: &str, arguments: Value, content: &str) -> [Message; 2] {
        let (call_id, tool) = ("1-0".to_owned(), tool.to_owned());
        let call = CallRequest {
            call_id: call_id.clone(),
            tool: tool.clone(),
            arguments,
            provider_data: None,
        };
        let content = content.to_owned();
        [
            Message::Assistant { text: String::new(), calls: vec![call] },
            Message::Tool { call_id, tool, content, is_error: false },
        ]
    }

    /// The calls that the planner makes next, as text.
    fn calls(messages: Vec<Message>) -> String {
        let grants: Vec<_> = BUILT_IN_TOOLS.iter().map(|tool| ToolGrant::new(tool.name)).collect();
        let request = ModelRequest {
            model: "planner-1".to_owned(),
            system: String::new(),
            messages,
            tools: Tools::standard(Egress::public()).schemas(&grants),
            may_call: true,
            max_output_tokens: 4_000,
            window: None,
            now: "2026-11-23T15:30:00Z".parse().unwrap(),
        };
        let last = reply::pieces(&request).pop();
        let Some(ModelPiece::Finish { calls, .. }) = last else { panic!("{last:?}") };
        let texts = calls.iter().map(|call| format!("{} {}", call.tool, call.arguments));
        texts.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_said_after_an_answer_is_asked_alone() {
        let next = calls(vec![user("What is 2 + 3?"), answered("5"), user("And what is 10 * 11?")]);
        assert!(next.contains("10 * 11") && !next.contains("2 + 3"), "{next}");
    }

    #[test]
    fn material_of_an_earlier_round_can_be_pointed_at() {
        let goal =
            "Summarise this:\nThe launch is on 16 November 2026. Priya sends the policy by Friday.";
        let next = calls(vec![user(goal), answered("…"), user("Now list the dates")]);
        assert!(next.starts_with("extract") && next.contains("16 November 2026"), "{next}");
        let goal = Message::User {
            text: "Summarise this".to_owned(),
            context: Some(Material::new(0, "On 1 May.")),
        };
        let next = calls(vec![goal, answered("…"), user("List the dates")]);
        assert!(next.contains("\"source\":\"context\""), "{next}");
    }

    #[test]
    fn what_is_said_meanwhile_is_asked_too() {
        let [asked, result] = called("calculator", json!({ "expression": "2 + 3" }), "5");
        let next = calls(vec![user("What is 2 + 3?"), asked, result, user("What is 10 * 11?")]);
        assert!(next.contains("10 * 11"), "{next}");
    }

    #[test]
    fn a_question_asked_again_is_looked_at_again() {
        let first = calls(vec![user("What time is it in Tokyo?")]);
        let (tool, arguments) = first.split_once(' ').unwrap();
        let [asked, result] = called(tool, arguments.parse().unwrap(), "00:30");
        let again = calls(vec![
            user("What time is it in Tokyo?"),
            asked,
            result,
            answered("00:30"),
            user("What time is it in Tokyo?"),
        ]);
        assert_eq!(again, first);
    }

    #[test]
    fn a_summary_is_nothing_that_a_person_asked() {
        let summary = user(&format!("{}\nWhat is 7 * 7?", Message::SUMMARY));
        let next = calls(vec![user("What is 2 + 3?"), summary]);
        assert!(next.contains("2 + 3") && !next.contains("7 * 7"), "{next}");
    }
}
