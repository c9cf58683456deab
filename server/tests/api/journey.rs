//! The main job by REST alone.

use resonant_domain::agent::Agent;
use resonant_domain::session::{Session, SessionState};
use resonant_domain::session_event::{EventBody, SessionEvent};
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn an_agent_is_made_run_watched_and_found_again() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.member("ada").await;

    let spec = json!({ "name": "Reckoner", "tools": [{ "name": "calculator" }] });
    let made = app.post("/api/v1/agents").by(&ada).json(&spec).await;
    assert_eq!(made.status, 201, "{made:?}");
    let agent: Agent = made.read();
    assert_eq!(made.header("location"), format!("/api/v1/agents/{}", agent.id));
    insta::assert_json_snapshot!("journey_agent", made.value(), {
        ".id" => "[id]", ".owner_id" => "[id]", ".created_at" => "[at]", ".updated_at" => "[at]",
    });

    let run = json!({ "goal": "What is 12 * 7?", "max_steps": 5 });
    let path = format!("/api/v1/agents/{}/execute", agent.id);
    let started = app.post(&path).by(&ada).json(&run).await;
    assert_eq!(started.status, 202, "{started:?}");
    let session: Session = started.read();
    assert_eq!(started.header("location"), format!("/api/v1/sessions/{}", session.id));
    assert_eq!((session.limits.max_steps, session.limits.max_tokens), (5, 4_000));

    let ended = app.finish(&ada, &session).await;
    assert_eq!(ended.state, SessionState::Completed, "{ended:?}");

    let path = format!("/api/v1/sessions/{}", session.id);
    let with_events = app.get(&format!("{path}?include=events")).by(&ada).await.value();
    let events: Vec<SessionEvent> = serde_json::from_value(with_events["events"].clone()).unwrap();
    let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=ended.last_sequence).collect::<Vec<_>>());
    assert!(events.iter().any(|event| {
        matches!(&event.body, EventBody::ToolResult { tool, content, .. }
            if tool == "calculator" && content.contains("84"))
    }));
    let answer: String = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Output { delta, .. } => Some(delta.as_str()),
            _ => None,
        })
        .collect();
    assert!(answer.contains("84"), "{answer}");
    assert!(app.get(&path).by(&ada).await.value().get("events").is_none());

    let list = app.get(&format!("/api/v1/sessions?agent_id={}", agent.id)).by(&ada).await.value();
    assert_eq!(list["sessions"][0]["id"], session.id.to_string());
    assert_eq!((&list["has_more"], &list["next_cursor"]), (&json!(false), &json!(null)));

    // Cancelling what is over changes nothing.
    let cancelled = app.post(&format!("{path}/cancel")).by(&ada).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.read::<Session>().state, SessionState::Completed);
    app.end().await;
}

#[tokio::test]
async fn a_queued_session_can_be_cancelled() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "What is 1 + 1?").await;
    let path = format!("/api/v1/sessions/{}/cancel", session.id);
    let cancelled: Session = app.post(&path).by(&ada).await.read();
    assert_eq!(cancelled.state, SessionState::Cancelled);
    app.end().await;
}

#[tokio::test]
async fn a_paused_agent_does_not_run() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    let paused = app.call(http::Method::PATCH, &path).by(&ada).json(&json!({ "status": "paused" }));
    assert_eq!(paused.await.status, 200);
    let run = app.post(&format!("{path}/execute")).by(&ada).json(&json!({ "goal": "1 + 1" })).await;
    assert_eq!(run.problem(), (409, vec![]));
    app.end().await;
}
