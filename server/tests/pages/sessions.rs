//! Forms that start a session or go on with one, sent again as if their answer had been lost on the way.

use resonant_domain::session::Session;
use resonant_domain::waiting::{Wait, WaitReason};
use serde_json::{Value, json};

use super::editor::{hidden, page_of};
use super::forms::{send_from, visitor};
use crate::api::waiting;
use crate::support::{Answer, TestApp, Visitor};

/// Where the answer to a plain form leads.
fn place(answer: &Answer) -> String {
    assert_eq!(answer.status, 302, "{answer:?}");
    answer.header("location").to_owned()
}

async fn count(app: &TestApp, visitor: &Visitor) -> usize {
    let list = app.get("/api/v1/sessions").by(visitor).await.value();
    list["sessions"].as_array().unwrap().len()
}

/// The events of a kind in a session's log.
async fn events(app: &TestApp, visitor: &Visitor, session: &Session, kind: &str) -> Vec<Value> {
    let path = format!("/api/v1/sessions/{}?include=events", session.id);
    let read = app.get(&path).by(visitor).await.value();
    let events = read["events"].as_array().unwrap().iter();
    events.filter(|event| event["type"] == kind).cloned().collect()
}

/// The number of the pause that a session is in, and the call that waits for a verdict.
fn pause(session: &Session) -> (i64, &str) {
    match &session.waiting {
        Some(Wait { sequence, reason: WaitReason::Approval { calls, .. }, .. }) => {
            (*sequence, calls[0].call_id.as_str())
        }
        other => panic!("it waits for no approval: {other:?}"),
    }
}

#[tokio::test]
async fn a_form_that_is_sent_again_leads_to_the_same_session() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let page = format!("/studio/agents/{}", agent.id);
    let form =
        |intent: &str, goal: &str| format!("id={}&intent={intent}&run%5Bgoal%5D={goal}", agent.id);
    let send = async |intent: &str, goal: &str| {
        let form = form(intent, goal);
        place(&send_from(&app, &page, "studio/run_agent", &ada, &form).await)
    };
    let intent = hidden(&page_of(&app, &page, &ada).await, "intent");
    let first = send(&intent, "Go").await;
    assert!(first.starts_with("/sessions/"), "{first}");
    assert_eq!(send(&intent, "Go").await, first);
    // A script that has not heard of it asks again, too.
    let call = app.post("/api/fn/studio/run_agent").by(&ada).header("accept", "application/json");
    let answer = call.form(&form(&intent, "Go")).await.value();
    assert_eq!(format!("/sessions/{}", answer.as_str().unwrap()), first);
    assert_eq!(count(&app, &ada).await, 1);
    // Another goal, or the same one another time, is meant.
    let later = hidden(&page_of(&app, &page, &ada).await, "intent");
    for (number, (intent, goal)) in (2..).zip([(&intent, "Go+on"), (&later, "Go")]) {
        assert_ne!(send(intent, goal).await, first);
        assert_eq!(count(&app, &ada).await, number);
    }
    app.end().await;
}

#[tokio::test]
async fn a_listing_that_is_tried_twice_by_one_form_runs_once() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let ada = app.guest().await;
    let page = "/marketplace/unit-converter";
    let intent = hidden(&page_of(&app, page, &ada).await, "intent");
    let form = format!("slug=unit-converter&goal=5+miles+in+km&intent={intent}");
    let send =
        async || place(&send_from(&app, page, "marketplace/install_and_run", &ada, &form).await);
    let first = send().await;
    assert_eq!(send().await, first);
    assert_eq!(count(&app, &ada).await, 1);
    // It says by what it was begun, on its page and in each list.
    let list = app.get("/api/v1/sessions").by(&ada).await.value();
    assert_eq!(list["sessions"][0]["origin"], json!({ "kind": "marketplace" }));
    for (path, place) in [(first.as_str(), "<dt>Origin"), ("/sessions", "session-row__about")] {
        let page = page_of(&app, path, &ada).await;
        let (_, behind) = page.split_once(place).unwrap_or_else(|| panic!("{path}: {page}"));
        let told = behind.split("</p>").next().unwrap().split("</dl>").next().unwrap();
        assert!(told.contains("Marketplace"), "{path}: {told}");
    }
    // What everybody is shown alike holds nobody's key.
    let public = page_of(&app, page, &Visitor::ANONYMOUS).await;
    assert_eq!(hidden(&public, "intent"), "");
    app.end().await;
}

#[tokio::test]
async fn who_is_not_known_yet_becomes_a_guest_before_their_form_is_done() {
    let app = TestApp::start().await;
    app.backend.load_content().await.unwrap();
    let form = "slug=unit-converter&goal=5+miles+in+km&intent=one";
    let send = async |function: &str, visitor: &Visitor| {
        send_from(&app, "/marketplace/unit-converter", function, visitor, form).await
    };
    let function = "marketplace/install_and_run";
    let answer = send(function, &Visitor::ANONYMOUS).await;
    assert_eq!(answer.status, 307, "{answer:?}");
    let again = answer.header("location").strip_prefix("/api/fn/").unwrap();
    let guest = visitor(&answer);
    assert_eq!(count(&app, &guest).await, 0);
    // The browser sends it there, and its visitor once more where that answer is lost.
    let first = place(&send(again, &guest).await);
    assert_eq!(place(&send(function, &guest).await), first);
    assert_eq!(count(&app, &guest).await, 1);
    // A script is led the same way.
    let path = format!("/api/fn/{function}");
    let call = app.post(&path).header("accept", "application/json").form(form).await;
    assert_eq!((call.status, call.header("location")), (307, answer.header("location")));
    // Whoever keeps no cookies is not led around for ever, and may have another's intent: it is nobody's key.
    let answer = send(again, &Visitor::ANONYMOUS).await;
    let other = place(&answer);
    assert_ne!(other, first);
    assert_eq!(count(&app, &visitor(&answer)).await, 1);
    app.end().await;
}

#[tokio::test]
async fn a_form_that_is_sent_again_goes_on_with_a_session_once() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "Go").await;
    let page = format!("/sessions/{}", session.id);
    let intent = hidden(&page_of(&app, &page, &ada).await, "intent");
    let send = async |function: &str, said: &str| {
        let form = format!("id={}&intent={intent}{said}", session.id);
        place(&send_from(&app, &page, function, &ada, &form).await)
    };
    for text in ["One", "One", "Two"] {
        send("sessions/say", &format!("&text={text}")).await;
    }
    let said = events(&app, &ada, &session, "message").await;
    let said: Vec<_> = said.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(said, ["One", "Two"]);

    let fork = "&fork%5Bstep%5D=0&fork%5Bgoal%5D=Otherwise";
    let forked = send("sessions/fork_session", fork).await;
    assert_eq!(send("sessions/fork_session", fork).await, forked);
    assert_eq!(count(&app, &ada).await, 2);

    app.post(&format!("/api/v1/sessions/{}/cancel", session.id)).by(&ada).await;
    for _ in 0..2 {
        send("sessions/retry_session", "").await;
    }
    assert_eq!(events(&app, &ada, &session, "retry").await.len(), 1);
    app.end().await;
}

#[tokio::test]
async fn who_decides_too_late_is_told_what_was_decided() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let session = waiting(&app, &ada).await;
    let (sequence, call) = pause(&session);
    let page = format!("/sessions/{}", session.id);
    let intent = hidden(&page_of(&app, &page, &ada).await, "intent");
    let own = format!(
        "id={}&form%5Bwaiting%5D={sequence}&form%5Bchoice%5D=calls\
         &form%5Bverdicts%5D%5B{call}%5D=refuse",
        session.id
    );

    let verdict = json!({ "call_id": call, "verdict": "approve" });
    let faster = json!({ "waiting": sequence, "kind": "calls", "verdicts": [verdict] });
    let path = format!("/api/v1/sessions/{}/decisions", session.id);
    let decided = app.post(&path).by(&ada).json(&faster).await;
    assert_eq!(decided.status, 202, "{decided:?}");
    app.finish(&ada, &session).await;
    let form = format!("{own}&intent={intent}");
    let late = send_from(&app, &page, "sessions/decide", &ada, &form).await;
    assert_eq!(late.status, 422, "{late:?}");
    for text in ["What you sent did not count", "`calculator` is allowed"] {
        assert!(late.text().contains(text), "lacks {text}: {}", late.text());
    }
    // Whoever only comes later is told nothing.
    let read = page_of(&app, &page, &ada).await;
    assert!(!read.contains("did not count") && !read.contains("Decided elsewhere"), "{read}");
    app.end().await;
}

#[tokio::test]
async fn whose_decision_it_was_is_not_told_that_it_came_too_late() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let session = waiting(&app, &ada).await;
    let page = format!("/sessions/{}", session.id);
    let intent = hidden(&page_of(&app, &page, &ada).await, "intent");
    let (sequence, call) = pause(&session);
    let form = format!(
        "id={}&intent={intent}&form%5Bwaiting%5D={sequence}&form%5Bchoice%5D=calls\
         &form%5Bverdicts%5D%5B{call}%5D=approve",
        session.id
    );
    for _ in 0..2 {
        place(&send_from(&app, &page, "sessions/decide", &ada, &form).await);
    }
    assert_eq!(events(&app, &ada, &session, "decision").await.len(), 1);
    app.end().await;
}

#[tokio::test]
async fn a_replay_shows_a_session_as_it_stood() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.guest().await;
    let session = waiting(&app, &ada).await;
    let (sequence, call) = pause(&session);
    let verdict = json!({ "call_id": call, "verdict": "approve" });
    let decision = json!({ "waiting": sequence, "kind": "calls", "verdicts": [verdict] });
    let path = format!("/api/v1/sessions/{}", session.id);
    let decided = app.post(&format!("{path}/decisions")).by(&ada).json(&decision).await;
    assert_eq!(decided.status, 202, "{decided:?}");
    app.finish(&ada, &session).await;

    let log = app.get(&format!("{path}?include=events")).by(&ada).await.value();
    let log = log["events"].as_array().unwrap();
    let until = |kind: &str| log.iter().position(|event| event["type"] == kind).unwrap() + 1;
    let running = "class=\"call__running\"";
    for (at, shown, hidden) in [
        (0, "Waiting for a worker", "class=\"step"),
        (until("tool_call"), running, "No answer"),
        (until("waiting"), "Waiting for its owner: ", "No answer"),
        (until("decision"), "Decided: `calculator` is allowed", "Waiting for its owner: "),
        (log.len(), "Completed", running),
    ] {
        let page = format!("/sessions/{}/replay?at={at}", session.id);
        let page = page_of(&app, &page, &ada).await;
        for part in [shown, "<h2 class=\"session__goal\">What is 12 * 7?"] {
            assert!(page.contains(part), "at {at} lacks {part}: {page}");
        }
        assert!(!page.contains(hidden), "at {at} has {hidden}: {page}");
    }
    app.end().await;
}
