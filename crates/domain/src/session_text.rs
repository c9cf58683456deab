//! A session as a Markdown document, to keep or to hand on.

use std::fmt::Write as _;

use crate::session::Session;
use crate::session_event::{EventBody, SessionEvent, ToolOutcome};
use crate::timeline::{Timeline, TimelineMessage, TimelineStep};
use crate::waiting::{Amount, BudgetChoice, CallVerdict, Decision, OutcomeChoice, Unit, Verdict};

/// Writes a session and its log down: what it was for, what people said and decided, every step with its
/// calls, and how it ended.
#[must_use]
pub fn markdown(session: &Session, events: Vec<SessionEvent>) -> String {
    let mut text = String::new();
    // A step tells what it came to. What people decided about it, the log tells alone.
    let decisions = decisions(&events);
    let timeline = Timeline::from_events(events);
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, session, &timeline, &decisions);
    text
}

/// What people decided, in order, each beside the number of the step that was begun last; 0 before the first.
fn decisions(events: &[SessionEvent]) -> Vec<(u32, Decision)> {
    let (mut begun, mut found) = (0, Vec::new());
    for event in events {
        match &event.body {
            EventBody::StepStart { step, .. } => begun = *step,
            EventBody::Decision { decision, .. } => found.push((begun, decision.clone())),
            _ => {}
        }
    }
    found
}

fn write_all(
    text: &mut String,
    session: &Session,
    timeline: &Timeline,
    decisions: &[(u32, Decision)],
) -> std::fmt::Result {
    let decided_in = |step: u32| -> Vec<String> {
        let of_step = decisions.iter().filter(|(begun, _)| *begun == step);
        of_step.map(|(_, decision)| decision_words(decision, timeline)).collect()
    };
    writeln!(text, "# {}\n", one_line(&session.goal))?;
    let version = session.agent_version.map_or_else(|| "draft".to_owned(), |v| v.to_string());
    for (name, value) in [
        ("Agent", format!("{} (version: {version})", one_line(&session.agent_name))),
        ("State", session.state.title().to_owned()),
        ("Asked for", session.created_at.to_string()),
        ("Answered by", session.model.clone().unwrap_or_else(|| "not known yet".to_owned())),
        ("Steps", session.steps.to_string()),
        ("Tokens", session.usage.total_tokens().to_string()),
        ("Cost", session.usage.cost.to_string()),
    ] {
        writeln!(text, "- {name}: {value}")?;
    }
    if let Some(reason) = &session.reason {
        writeln!(text, "- Reason: {}", one_line(reason))?;
    }
    writeln!(text, "\n## Goal\n\n{}", session.goal.trim())?;
    if let Some(context) = &session.context {
        writeln!(text, "\n## Context\n")?;
        fence(text, "", context)?;
    }
    if !session.variables.is_empty() {
        writeln!(text, "\n## Variables\n")?;
        for (name, value) in &session.variables {
            writeln!(text, "- {name}: {}", one_line(value))?;
        }
    }
    write_quoted(text, "Decided", &decided_in(0))?;
    for step in &timeline.steps {
        write_step(text, step, &decided_in(step.step))?;
    }
    for message in &timeline.unheard {
        write_message(text, "## Message that no step has heard yet", message)?;
    }
    write_quoted(text, "Fault", &timeline.errors)
}

fn write_step(text: &mut String, step: &TimelineStep, decided: &[String]) -> std::fmt::Result {
    writeln!(text, "\n## Step {}", step.step)?;
    let figures = figures(step);
    if !figures.is_empty() {
        writeln!(text, "\n{figures}")?;
    }
    for message in &step.messages {
        write_message(text, "### Message", message)?;
    }
    if !step.thinking.is_empty() {
        writeln!(text, "\n### Thinking\n")?;
        fence(text, "", &step.thinking)?;
    }
    for call in &step.calls {
        let by_hand = if call.is_edited { " (changed by hand)" } else { "" };
        writeln!(text, "\n### Tool: {}{by_hand}\n", one_line(&call.tool))?;
        fence(text, "json", &call.arguments.to_string())?;
        if let Some(result) = &call.result {
            let outcome = match result.outcome {
                ToolOutcome::Ok => "Answered",
                ToolOutcome::Error => "Failed",
                ToolOutcome::Cancelled => "Cancelled",
                ToolOutcome::Refused => "Refused by a person",
            };
            writeln!(text, "\n{outcome} after {} ms:\n", result.duration_ms)?;
            fence(text, "", &result.content)?;
            if let Some(whole) = result.whole {
                writeln!(text, "\nThis is its head. The log holds all {whole} characters.")?;
            }
        }
    }
    write_quoted(text, "Decided", decided)?;
    if !step.output.is_empty() {
        writeln!(text, "\n### Answer\n\n{}", step.output.trim())?;
    }
    write_quoted(text, "Fault", &step.errors)
}

/// What a step used, how long it took, and the model that answers from it on, where it is another than before.
fn figures(step: &TimelineStep) -> String {
    let mut figures = Vec::new();
    if let Some(usage) = step.usage {
        figures.push(Amount::Tokens(usage.total_tokens()).to_string());
        figures.push(usage.cost.to_string());
    }
    if let Some(ms) = step.duration_ms {
        figures.push(format!("{ms} ms"));
    }
    if let Some(choice) = &step.model {
        figures.push(format!("{} ({})", one_line(&choice.model), one_line(&choice.reason)));
    }
    figures.join(" · ")
}

fn write_message(text: &mut String, title: &str, message: &TimelineMessage) -> std::fmt::Result {
    writeln!(text, "\n{title}\n\n{}", message.text.trim())?;
    if let Some(context) = &message.context {
        writeln!(text, "\nIts context:\n")?;
        fence(text, "", context)?;
    }
    Ok(())
}

fn write_quoted(text: &mut String, what: &str, lines: &[String]) -> std::fmt::Result {
    for line in lines {
        writeln!(text, "\n> {what}: {}", one_line(line))?;
    }
    Ok(())
}

fn decision_words(decision: &Decision, timeline: &Timeline) -> String {
    let words = match decision {
        Decision::Calls { verdicts } => {
            let words: Vec<_> =
                verdicts.iter().map(|verdict| verdict_words(verdict, timeline)).collect();
            return words.join("; ");
        }
        Decision::Answer { values: Some(values) } => {
            return format!("the question was answered with {values}");
        }
        Decision::Answer { values: None } => "it goes on without an answer",
        Decision::Budget { choice: BudgetChoice::Raise { by, unit } } => {
            let by = match unit {
                Unit::Tokens => Amount::Tokens(*by),
                Unit::MicroUsd => Amount::MicroUsd(*by),
            };
            return format!("the limit was raised by {by}");
        }
        Decision::Budget { choice: BudgetChoice::Cheaper } => "it goes on with a cheaper model",
        Decision::Budget { choice: BudgetChoice::GoOn } => {
            "it goes on as far as the budget reaches"
        }
        Decision::Budget { choice: BudgetChoice::End } => "the session was ended",
        Decision::Outcome { choice: OutcomeChoice::Repeat } => "the call is made again",
        Decision::Outcome { choice: OutcomeChoice::Done { .. } } => "the call took effect",
        Decision::Outcome { choice: OutcomeChoice::Failed } => "the call failed",
    };
    words.to_owned()
}

fn verdict_words(verdict: &CallVerdict, timeline: &Timeline) -> String {
    let mut calls = timeline.steps.iter().flat_map(|step| &step.calls);
    let call = calls.find(|call| call.call_id == verdict.call_id);
    let tool = call.map_or(verdict.call_id.as_str(), |call| call.tool.as_str());
    match (verdict.verdict, &verdict.arguments, verdict.note.as_deref()) {
        (Verdict::Approve, None, _) => format!("`{tool}` is allowed"),
        (Verdict::Approve, Some(_), _) => format!("`{tool}` is allowed with other arguments"),
        (Verdict::Refuse, _, None | Some("")) => format!("`{tool}` is refused"),
        (Verdict::Refuse, _, Some(note)) => format!("`{tool}` is refused: {note}"),
    }
}

/// A text between fences that are longer than any in it (`CommonMark` 0.31, section 4.5).
fn fence(text: &mut String, language: &str, content: &str) -> std::fmt::Result {
    let longest = content.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    writeln!(text, "{fence}{language}\n{}\n{fence}", content.trim_end())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::agent::{Avatar, Limits};
    use crate::model::ModelChoice;
    use crate::money::MicroUsd;
    use crate::session::{SessionState, Usage};

    fn session() -> Session {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let session = json!({
            "id": id, "owner_id": id, "agent_id": id, "agent_name": "Reckoner",
            "agent_avatar": Avatar::default(), "goal": "What is 6 * 7?", "state": "running",
            "limits": Limits::default(), "usage": Usage::default(), "steps": 3, "last_sequence": 0,
            "created_at": "2026-01-02T03:04:05Z",
        });
        serde_json::from_value(session).unwrap()
    }

    fn call(call_id: &str, tool: &str, arguments: Value) -> EventBody {
        let (call_id, tool) = (call_id.to_owned(), tool.to_owned());
        EventBody::ToolCall { step: 1, call_id, tool, arguments, provider_data: None }
    }

    fn result(call_id: &str, outcome: ToolOutcome, content: &str) -> EventBody {
        let (call_id, content) = (call_id.to_owned(), content.to_owned());
        let tool = String::new();
        EventBody::ToolResult { step: 1, call_id, tool, outcome, content, duration_ms: 3 }
    }

    fn verdict(call_id: &str, verdict: Verdict) -> CallVerdict {
        CallVerdict { call_id: call_id.to_owned(), verdict, arguments: None, note: None }
    }

    /// A step from its beginning to its end, with what happens in between.
    fn step(step: u32, within: Vec<EventBody>) -> Vec<EventBody> {
        let cost = MicroUsd(400);
        let usage = Usage { input_tokens: 100, output_tokens: u64::from(step), cost };
        let mut bodies = vec![EventBody::StepStart { step, attempt: 1 }];
        bodies.extend(within);
        bodies.push(EventBody::StepComplete { step, usage, duration_ms: 12 });
        bodies
    }

    fn answer(step: u32, text: &str) -> EventBody {
        EventBody::Output { step, delta: text.to_owned() }
    }

    fn said(text: &str, context: Option<&str>) -> EventBody {
        EventBody::Message { text: text.to_owned(), context: context.map(str::to_owned) }
    }

    /// What is written of the steps, and behind them.
    fn written(bodies: Vec<EventBody>) -> String {
        let at = "2026-01-02T03:04:06Z".parse().unwrap();
        let events =
            (1..).zip(bodies).map(|(sequence, body)| SessionEvent { sequence, at, body }).collect();
        let text = markdown(&session(), events);
        let (_, steps) = text.split_once("What is 6 * 7?\n\n## ").unwrap();
        steps.split_once("\n\n").unwrap().1.to_owned()
    }

    #[test]
    fn what_people_said_stands_where_it_was_heard() {
        let (state, usage) = (SessionState::Completed, Usage::default());
        let done = EventBody::Done { state, reason: None, usage, duration_ms: 9, waited_ms: 0 };
        let mut bodies = step(1, vec![answer(1, "42")]);
        bodies.extend([done, said("And twice that?", Some("Sheet 1"))]);
        bodies.extend(step(2, vec![answer(2, "84")]));
        let message = "the worker was lost".to_owned();
        bodies.push(EventBody::Error { step: None, message, recoverable: true, usage: None });
        bodies.push(said("Thanks", None));
        let expected = "101 tokens · $0.0004 · 12 ms\n\n### Answer\n\n42\n\n\
            ## Step 2\n\n102 tokens · $0.0004 · 12 ms\n\n\
            ### Message\n\nAnd twice that?\n\nIts context:\n\n```\nSheet 1\n```\n\n\
            ### Answer\n\n84\n\n\
            ## Message that no step has heard yet\n\nThanks\n\n\
            > Fault: the worker was lost\n";
        assert_eq!(written(bodies), expected);
    }

    #[test]
    fn what_people_decided_stands_in_its_step() {
        let choice = ModelChoice {
            tier: None,
            provider: "builtin".to_owned(),
            model: "planner".to_owned(),
            reason: "no other is set up".to_owned(),
            score: Vec::new(),
            is_price_presumed: false,
        };
        let changed = Some(json!({ "expression": "6*8" }));
        let verdicts = vec![
            CallVerdict { arguments: changed, ..verdict("a", Verdict::Approve) },
            CallVerdict { note: Some("Not there".to_owned()), ..verdict("b", Verdict::Refuse) },
        ];
        let bodies = step(
            1,
            vec![
                EventBody::ModelChoice { step: 1, choice },
                call("a", "calculator", json!({ "expression": "6*7" })),
                call("b", "http_fetch", json!({})),
                EventBody::Decision { waiting: 5, decision: Decision::Calls { verdicts } },
                result("a", ToolOutcome::Ok, "48"),
                result("b", ToolOutcome::Refused, "a person refused this: Not there"),
            ],
        );
        let expected = "101 tokens · $0.0004 · 12 ms · planner (no other is set up)\n\n\
            ### Tool: calculator (changed by hand)\n\n```json\n{\"expression\":\"6*8\"}\n```\n\n\
            Answered after 3 ms:\n\n```\n48\n```\n\n\
            ### Tool: http_fetch\n\n```json\n{}\n```\n\n\
            Refused by a person after 3 ms:\n\n```\na person refused this: Not there\n```\n\n\
            > Decided: `calculator` is allowed with other arguments; \
            `http_fetch` is refused: Not there\n";
        assert_eq!(written(bodies), expected);
    }

    #[test]
    fn every_decision_has_words() {
        let budget = |choice| Decision::Budget { choice };
        let outcome = |choice| Decision::Outcome { choice };
        let raise = |unit| budget(BudgetChoice::Raise { by: 1_250_000, unit });
        let done = OutcomeChoice::Done { content: String::new() };
        for (decision, words) in [
            (
                Decision::Answer { values: Some(json!({ "who": "Ada" })) },
                "the question was answered with {\"who\":\"Ada\"}",
            ),
            (Decision::Answer { values: None }, "it goes on without an answer"),
            (raise(Unit::Tokens), "the limit was raised by 1250000 tokens"),
            (raise(Unit::MicroUsd), "the limit was raised by $1.25"),
            (budget(BudgetChoice::Cheaper), "it goes on with a cheaper model"),
            (budget(BudgetChoice::GoOn), "it goes on as far as the budget reaches"),
            (budget(BudgetChoice::End), "the session was ended"),
            (outcome(OutcomeChoice::Repeat), "the call is made again"),
            (outcome(done), "the call took effect"),
            (outcome(OutcomeChoice::Failed), "the call failed"),
            (
                Decision::Calls { verdicts: vec![verdict("call01001", Verdict::Approve)] },
                "`call01001` is allowed",
            ),
        ] {
            // Before the first step: a budget may be used up by then.
            let mut bodies = vec![EventBody::Decision { waiting: 1, decision }];
            bodies.extend(step(1, Vec::new()));
            let at = "2026-01-02T03:04:06Z".parse().unwrap();
            let events = (1..).zip(bodies);
            let events = events.map(|(sequence, body)| SessionEvent { sequence, at, body });
            let text = markdown(&session(), events.collect());
            assert!(text.contains(&format!("\n> Decided: {words}\n\n## Step 1\n")), "{text}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_stands_in_it() {
        for (content, expected) in [
            ("plain", "```\nplain\n```\n"),
            ("a ``` b", "````\na ``` b\n````\n"),
            ("`````", "``````\n`````\n``````\n"),
        ] {
            let mut text = String::new();
            fence(&mut text, "", content).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_title_stays_on_its_line() {
        assert_eq!(one_line("a\n# b"), "a # b");
    }
}
