use serde_json::json;

use super::super::reply;
use super::*;
use crate::models::{CallRequest, Material, ModelPiece};
use crate::tools::ToolSchema;

fn agent(name: &str, description: &str) -> ToolSchema {
    let text = json!({ "type": "string" });
    let parameters = json!({
        "type": "object", "required": ["goal"],
        "properties": { "goal": text, "context": text, "source": text },
    });
    ToolSchema { name: name.to_owned(), description: description.to_owned(), parameters }
}

fn tool(name: &str, parameters: Value) -> ToolSchema {
    ToolSchema {
        name: name.to_owned(),
        description: "Finds papers on birds".to_owned(),
        parameters,
    }
}

fn tools() -> Vec<ToolSchema> {
    vec![
        agent("researcher", "Finds scientific papers on a subject and says what they found"),
        agent("press_office", "Writes announcements for newspapers"),
        tool(
            "weather",
            json!({ "type": "object", "required": ["city"], "properties": {
                "city": { "type": "string" }, "unit": { "enum": ["metric", "imperial"] },
            } }),
        ),
        tool(
            "open_ticket",
            json!({ "type": "object", "required": ["title", "priority"], "properties": {
                "title": { "type": "string" }, "priority": { "type": "integer" },
                "is_urgent": { "type": "boolean" },
            } }),
        ),
        tool("ping", json!({ "type": "object", "properties": {} })),
    ]
}

fn request(
    goal: &str,
    context: Option<&str>,
    more: Vec<Message>,
    tools: Vec<ToolSchema>,
) -> ModelRequest {
    let context = context.map(|text| Material::new(0, text));
    let mut messages = vec![Message::User { text: goal.to_owned(), context }];
    messages.extend(more);
    ModelRequest {
        model: "planner-1".to_owned(),
        system: String::new(),
        messages,
        tools,
        may_call: true,
        max_output_tokens: 4_000,
        window: None,
        now: "2026-11-23T15:30:00Z".parse().unwrap(),
    }
}

/// The calls of a reply as text, or the answer.
fn reply(request: &ModelRequest) -> String {
    let pieces = reply::pieces(request);
    let Some(ModelPiece::Finish { calls, .. }) = pieces.last() else { panic!("{pieces:?}") };
    if calls.is_empty() {
        let text = pieces.iter().filter_map(|piece| match piece {
            ModelPiece::Output(text) => Some(text.as_str()),
            _ => None,
        });
        return text.collect();
    }
    let texts = calls.iter().map(|call| format!("{} {}", call.tool, call.arguments));
    texts.collect::<Vec<_>>().join("\n")
}

fn first(goal: &str) -> String {
    reply(&request(goal, None, Vec::new(), tools()))
}

#[test]
fn what_a_goal_names_is_called_with_what_the_goal_says() {
    for (goal, call) in [
        ("Ask the researcher to look into swifts.", r#"researcher {"goal":"look into swifts"}"#),
        ("Please ask Researcher about swifts", r#"researcher {"goal":"about swifts"}"#),
        (
            "Write about the fair with the press office.",
            r#"press_office {"goal":"Write about the fair"}"#,
        ),
        ("What is the weather in Berlin?", r#"weather {"city":"Berlin"}"#),
        ("Use weather for Berlin in metric", r#"weather {"city":"Berlin","unit":"metric"}"#),
        (
            "Use weather with city: Berlin and unit: imperial",
            r#"weather {"city":"Berlin","unit":"imperial"}"#,
        ),
        (
            r#"Call `open_ticket` with title "No heat", priority 2"#,
            r#"open_ticket {"priority":2,"title":"No heat"}"#,
        ),
        (
            "Use open_ticket: title=Lift stuck, priority=1, is_urgent=yes",
            r#"open_ticket {"is_urgent":true,"priority":1,"title":"Lift stuck"}"#,
        ),
        ("Run ping", "ping {}"),
    ] {
        let made = first(goal);
        let same = |text: &str| -> (String, Value) {
            let (tool, arguments) = text.split_once(' ').unwrap_or((text, "null"));
            (tool.to_owned(), serde_json::from_str(arguments).unwrap_or_default())
        };
        assert_eq!(same(&made), same(call), "{goal}: {made}");
    }
}

#[test]
fn what_a_goal_does_not_say_is_not_made_up() {
    let answer = first("Use open_ticket for the lift");
    assert!(
        answer.contains("I could not ask `open_ticket`: the goal does not say `priority`"),
        "{answer}"
    );
    let answer = first("Use weather");
    assert!(answer.contains("the goal does not say `city`"), "{answer}");
}

#[test]
fn another_agent_is_found_by_what_it_does_and_other_tools_are_not() {
    let found = first("Which scientific papers on swifts are there?");
    assert!(found.starts_with(r#"researcher {"goal":"Which scientific papers"#), "{found}");
    let only = vec![tool("birds", json!({ "type": "object", "properties": {} }))];
    let answer = reply(&request("Which papers on swifts are there?", None, Vec::new(), only));
    assert!(answer.contains("beyond what I can do"), "{answer}");
    // Two that fit alike: neither is meant.
    let both =
        vec![agent("one", "Finds scientific papers"), agent("two", "Finds scientific papers")];
    let answer = reply(&request("Which scientific papers are there?", None, Vec::new(), both));
    assert!(answer.contains("beyond what I can do"), "{answer}");
    // What the rules know themselves is done by themselves.
    let mut with_sums = tools();
    with_sums.push(ToolSchema {
        name: "calculator".to_owned(),
        description: String::new(),
        parameters: json!({ "type": "object" }),
    });
    let sum = reply(&request("What is 2 + 3?", None, Vec::new(), with_sums));
    assert!(sum.starts_with("calculator"), "{sum}");
}

#[test]
fn an_agent_gets_the_material() {
    let asked = reply(&request(
        "Ask the researcher to check this",
        Some("Swifts sleep."),
        Vec::new(),
        tools(),
    ));
    assert!(asked.contains(r#""source":"context""#), "{asked}");
}

#[test]
fn the_answer_is_what_was_told_on_the_last_step_too() {
    let goal = "Ask the researcher to look into swifts.";
    let call = CallRequest {
        call_id: "1-0".to_owned(),
        tool: "researcher".to_owned(),
        arguments: json!({ "goal": "look into swifts" }),
        provider_data: None,
    };
    let told = |content: &str, is_error| {
        vec![
            Message::Assistant { text: String::new(), calls: vec![call.clone()] },
            Message::Tool {
                call_id: "1-0".to_owned(),
                tool: "researcher".to_owned(),
                content: content.to_owned(),
                is_error,
            },
        ]
    };
    for offered in [tools(), Vec::new()] {
        let answer =
            reply(&request(goal, None, told("Swifts sleep while they fly.", false), offered));
        assert!(answer.contains("Swifts sleep while they fly."), "{answer}");
        assert!(answer.contains("from `researcher`"), "{answer}");
    }
    let failed = reply(&request(goal, None, told("the budget is used up", true), tools()));
    assert!(failed.contains("`researcher` says: the budget is used up"), "{failed}");
}

#[test]
fn a_requests_body_is_shown_without_its_frame() {
    let call = CallRequest {
        call_id: "1-0".to_owned(),
        tool: "weather".to_owned(),
        arguments: json!({ "city": "Berlin" }),
        provider_data: None,
    };
    let more = vec![
        Message::Assistant { text: String::new(), calls: vec![call] },
        Message::Tool {
            call_id: "1-0".to_owned(),
            tool: "weather".to_owned(),
            content: r#"{"status":200,"body":{"celsius":7}}"#.to_owned(),
            is_error: false,
        },
    ];
    let answer = reply(&request("What is the weather in Berlin?", None, more, tools()));
    assert!(answer.contains("\"celsius\": 7") && !answer.contains("status"), "{answer}");
}
