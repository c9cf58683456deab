//! The planner with the real tools, from goal to answer.

use std::sync::Arc;

use resonant_domain::agent::{AgentSpec, Limits, ToolGrant};
use resonant_domain::session::{Session, SessionState};
use resonant_domain::timeline::Timeline;
use resonant_domain::tool::BUILT_IN_TOOLS;

use crate::clock::FixedClock;
use crate::egress::Egress;
use crate::log::MemoryLog;
use crate::models::{ModelSettings, Models};
use crate::tools::Tools;
use crate::{Engine, Outcome, Run, Signals, sample};

const NOTES: &str = "Weekly call, 12 October 2026.\nThe launch moves to 16 November 2026. Priya will send the policy to legal by 19 October 2026. \
    Who answers mail on the weekend? The licence costs €450.00 a year. Questions go to mara@example.org, details are on https://example.org/plan.";

const SALES: &str = "region,product,units,revenue,status\nNorth,Desk,12,2988.00,open\nSouth,Chair,40,3580.00,won\n\
    North,Lamp,25,1475.00,open\nSouth,Chair,18,1611.00,lost";

async fn session(
    system: &str,
    tools: &[&str],
    limits: Limits,
    goal: &str,
    context: Option<&str>,
) -> Timeline {
    session_by(Egress::public(), system, tools, limits, goal, context).await
}

async fn session_by(
    egress: Egress,
    system: &str,
    tools: &[&str],
    limits: Limits,
    goal: &str,
    context: Option<&str>,
) -> Timeline {
    let now: jiff::Timestamp = "2026-11-23T15:30:00Z".parse().unwrap();
    let session = Session {
        agent_name: "Planner".to_owned(),
        goal: goal.to_owned(),
        context: context.map(str::to_owned),
        ..sample::session(limits, now)
    };
    let agent = AgentSpec {
        name: "Planner".to_owned(),
        system_prompt: system.to_owned(),
        tools: tools.iter().map(|tool| ToolGrant::new(*tool)).collect(),
        ..AgentSpec::default()
    };
    let log = MemoryLog::default();
    let engine = Engine::new(
        Models::new(&ModelSettings::default()).unwrap(),
        Tools::standard(egress),
        Arc::new(FixedClock::new(now)),
    );
    let run = Run { session, agent, history: Vec::new() };
    let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Ended(SessionState::Completed), "{goal}");
    Timeline::from_events(log.events())
}

fn all() -> Vec<&'static str> {
    BUILT_IN_TOOLS.iter().map(|tool| tool.name).collect()
}

async fn answer(goal: &str, context: Option<&str>) -> String {
    let timeline = session("", &all(), Limits::default(), goal, context).await;
    let failed = timeline.steps.iter().flat_map(|step| &step.calls).find(|call| {
        call.result
            .as_ref()
            .is_none_or(|result| result.outcome != resonant_domain::session_event::ToolOutcome::Ok)
    });
    assert!(failed.is_none(), "{goal}: {failed:?}");
    timeline.answer().unwrap().to_owned()
}

#[tokio::test]
async fn goals_are_answered_from_their_own_material() {
    for (goal, context, parts) in [
        ("What is 15% of 80 plus 3?", None, &["15% of 80 plus 3 = 15", "`calculator`"] as &[&str]),
        ("split 240 between 7 people", None, &["240 / 7 ≈ 34.2857"]),
        ("convert 5 kg to pounds and 100 F to C", None, &["11.023", "37.7777"]),
        ("What is 60 * 158.50, and what is 19 % of that?", None, &["9510", "1806.9"]),
        ("How many days until 24 December? What time is it in Tokyo?", None, &["31 days", "00:30"]),
        ("what weekday is 2027-03-01", None, &["Monday, 1 March 2027"]),
        (
            "What date is 90 days after 17 September 2026, and which weekday is that?",
            None,
            &["Wednesday, 16 December 2026"],
        ),
        (
            "Summarise this and list the dates",
            Some(NOTES),
            &["## Summary", "## Dates", "Monday, 16 November 2026"],
        ),
        (
            "List the action items, questions, e-mail addresses, links and amounts",
            Some(NOTES),
            &[
                "Priya will send the policy to legal",
                "Who answers mail on the weekend?",
                "mara@example.org",
                "https://example.org/plan",
                "€450.00",
            ],
        ),
        ("How many words are in this text?", Some(NOTES), &["Words: **"]),
        (
            "Compare these:\nA: The cat sat on the mat. It was red.\nB: The cat sat on the mat. It was blue.",
            None,
            &["alike", "It was red.", "It was blue."],
        ),
        (
            "What are the totals of revenue by region?",
            Some(SALES),
            &["North", "4463", "South", "5191", "`csv_table`"],
        ),
        ("rows where status is open", Some(SALES), &["Desk", "Lamp"]),
        ("Which row is the largest?", Some(SALES), &["3580"]),
        ("average revenue", Some(SALES), &["2413.5"]),
        ("Convert this to JSON", Some(SALES), &["```json", "\"region\""]),
        (
            "Convert this JSON to CSV",
            Some(r#"[{"city":"Lisbon","t":21},{"city":"Bergen","t":9}]"#),
            &["```csv", "Lisbon,21"],
        ),
        (
            "total of t by city",
            Some(r#"{"rows":[{"city":"Lisbon","t":21},{"city":"Lisbon","t":9}]}"#),
            &["Lisbon", "30"],
        ),
        ("What is $.a.b[1]?", Some(r#"{"a":{"b":[1,42]}}"#), &["`$.a.b[1]` is **42**"]),
        (
            "Draft a reply",
            Some(NOTES),
            &["Assembled by rules", "Who answers mail on the weekend?", "[your answer]"],
        ),
        ("Make a checklist", Some(NOTES), &["- [ ] Priya will send the policy"]),
        (
            "Make an outline",
            Some("# One\nFirst thing.\n# Two\nSecond thing."),
            &["1. **One**", "- Second thing."],
        ),
        (
            "List the dates and say how many days away each one is",
            Some(NOTES),
            &["16 November 2026: **7 days ago**"],
        ),
    ] {
        let answer = answer(goal, context).await;
        for part in parts {
            assert!(answer.contains(part), "{goal}: {part:?} is not in\n{answer}");
        }
    }
}

#[tokio::test]
async fn the_authors_line_says_what_to_do_with_material() {
    let system = "You read notes.\nDo: action items, dates, count";
    let timeline =
        session(system, &all(), Limits::default(), "Here are my notes", Some(NOTES)).await;
    let answer = timeline.answer().unwrap();
    let places: Vec<_> = ["## Action items", "## Dates", "## Length"]
        .iter()
        .map(|title| answer.find(title))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{answer}");
    assert!(timeline.steps[0].thinking.contains("the agent's own list"));
    // A goal that asks for something itself is followed instead.
    let timeline = session(system, &all(), Limits::default(), "Summarise this", Some(NOTES)).await;
    assert!(!timeline.answer().unwrap().contains("## Dates"));
}

#[tokio::test]
async fn what_is_beyond_rules_is_said() {
    let poem = answer("Write me a poem about the sea", None).await;
    assert!(
        poem.contains("not a language model") && poem.contains("a poem about the sea"),
        "{poem}"
    );
    // With material there is something useful to do first.
    let essay = answer("Which party is right?", Some(NOTES)).await;
    assert!(essay.contains("## Summary") && essay.contains("not a language model"), "{essay}");
}

#[tokio::test]
async fn tools_that_are_not_granted_are_named_and_not_called() {
    let timeline = session(
        "",
        &["extract"],
        Limits::default(),
        "Summarise this and list the dates",
        Some(NOTES),
    )
    .await;
    assert!(timeline.steps.iter().flat_map(|step| &step.calls).all(|call| call.tool == "extract"));
    let answer = timeline.answer().unwrap();
    assert!(answer.contains("that takes `summarise`, which I may not call"), "{answer}");
    assert!(answer.contains("16 November 2026"), "{answer}");
    // One step only: no tools at all.
    let limits = Limits { max_steps: 1, ..Limits::default() };
    let timeline = session("", &all(), limits, "What is 2 + 2?", None).await;
    assert!(timeline.answer().unwrap().contains("allow more than one step"));
}

#[tokio::test]
async fn the_same_goal_gives_the_same_answer() {
    let goal = "Summarise this, list the dates and the key words";
    assert_eq!(answer(goal, Some(NOTES)).await, answer(goal, Some(NOTES)).await);
}

#[tokio::test]
async fn independent_calls_go_out_together_and_dependent_ones_follow() {
    let timeline =
        session("", &all(), Limits::default(), "What is 2 + 2? What weekday is 2027-03-01?", None)
            .await;
    assert_eq!(timeline.steps.len(), 2);
    assert_eq!(timeline.steps[0].calls.len(), 2);
    assert!(timeline.steps[0].thinking.contains("side by side"));
    let json = r#"[{"city":"Lisbon","t":21},{"city":"Bergen","t":9}]"#;
    let timeline = session("", &all(), Limits::default(), "average of t", Some(json)).await;
    let tools: Vec<_> =
        timeline.steps.iter().flat_map(|step| &step.calls).map(|call| call.tool.as_str()).collect();
    assert_eq!(tools, ["json_query", "csv_table"]);
    assert!(timeline.answer().unwrap().contains("15"));
}

#[tokio::test]
async fn pages_are_fetched_and_then_worked_on() {
    use axum::http::{StatusCode, header::CONTENT_TYPE};
    use axum::routing::get;

    let page = "<html><head><title>Tides</title></head><body><p>The moon pulls the sea. The tide rises twice a day. \
        Sailors read tables. Harbours keep gauges.</p><p>See <a href=\"/more\">more about tides</a>.</p></body></html>";
    let router = axum::Router::new()
        .route("/page", get(move || async move { ([(CONTENT_TYPE, "text/html")], page) }))
        .route(
            "/data",
            get(|| async {
                ([(CONTENT_TYPE, "application/json")], r#"{"name":"tide","height":4.2}"#)
            }),
        )
        .route("/gone", get(|| async { (StatusCode::NOT_FOUND, "not here") }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    for (goal, tools, parts) in [
        (
            "Summarise {}/page",
            &["http_fetch", "summarise"] as &[&str],
            &["The moon pulls the sea.", "From [Tides]("] as &[&str],
        ),
        (
            "Read {}/page and list the key words",
            &["http_fetch", "extract"],
            &["tide", "From [Tides]("],
        ),
        (
            "Which links are on {}/page?",
            &["http_fetch", "html_to_text"],
            &["more about tides", "/more"],
        ),
        (
            "Fetch {}/data and read $.height",
            &["http_fetch", "json_query"],
            &["`$.height` is **4.2**"],
        ),
        ("Read {}/data", &["http_fetch", "json_query"], &["\"height\": 4.2"]),
        ("Read {}/gone", &["http_fetch"], &["answers with the error 404"]),
    ] {
        let goal = goal.replace("{}", &base);
        let egress = Egress::public_allowing_private();
        let timeline = session_by(egress, "", &all(), Limits::default(), &goal, None).await;
        let called: Vec<_> = timeline
            .steps
            .iter()
            .flat_map(|step| &step.calls)
            .map(|call| call.tool.as_str())
            .collect();
        let answer = timeline.answer().unwrap();
        assert_eq!(called, tools, "{goal}: {answer}");
        for part in parts {
            assert!(answer.contains(part), "{goal}: {part:?} is not in\n{answer}");
        }
    }
    // What agents may really do: the address is refused, and the answer says so.
    let timeline =
        session("", &all(), Limits::default(), &format!("Summarise {base}/page"), None).await;
    assert!(timeline.answer().unwrap().contains("not on the public Internet"));
    server.abort();
}

#[tokio::test]
async fn strange_goals_are_taken_calmly() {
    let long = "word ".repeat(20_000);
    for goal in [
        "?",
        "```",
        "``` ``` ```",
        "http://",
        "https://[::1",
        "::::",
        "- - -",
        "“",
        "a: b: c:",
        "\u{0301}é: ß?",
        "İ is 5 + ",
        "1 + ",
        "(((",
        "$.",
        "sort by",
        "convert",
        "compare",
        "in in in",
    ] {
        session("Do:", &all(), Limits::default(), goal, None).await;
        session("Do: ,,", &all(), Limits::default(), goal, Some("İstanbul ẞ\n---\n\n,,,\n")).await;
    }
    session(
        "",
        &all(),
        Limits { max_tokens: 1_000_000, ..Limits::default() },
        "summarise",
        Some(&long),
    )
    .await;
}
