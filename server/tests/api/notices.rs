//! How many notices are unread, live.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::timeout;

use crate::support::{TestApp, Visitor};

/// Reads frames until one tells this number.
async fn hear(body: &mut Body, unread: i64) {
    let wanted = format!("event: notices\ndata: {{\"unread\":{unread}}}\n\n");
    let mut heard = String::new();
    while !heard.contains(&wanted) {
        let frame = timeout(Duration::from_secs(20), body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("{wanted:?} in {heard:?}")).unwrap().unwrap();
        heard.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
}

/// Tells the visitor something: a moderator asks for changes.
async fn tell(app: &TestApp, root: &Visitor, ada: &Visitor) {
    let agent = app.published_agent(ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}/submissions", agent.id);
    let texts = json!({
        "name": "Reckoner", "tagline": "Reckons", "category": "finance", "description": "It reckons",
    });
    let made = app.post(&path).by(ada).json(&texts).await;
    let verdict = json!({ "verdict": "request_changes", "comment": "Say more" });
    app.decide(root, &made, &verdict).await;
}

#[tokio::test]
async fn the_number_of_unread_notices_comes_live_on_both_streams() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let open = async |path: &str| {
        let answer = app.get(path).by(&ada).open().await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.into_body()
    };
    let mut bell = open("/api/v1/notices/stream").await;
    let mut agents = open("/api/v1/agents/stream").await;
    for body in [&mut bell, &mut agents] {
        hear(body, 0).await;
    }
    tell(&app, &root, &ada).await;
    for body in [&mut bell, &mut agents] {
        hear(body, 1).await;
    }
    let read = app.post("/api/v1/notices/read").by(&ada).json(&json!({})).await;
    assert_eq!(read.status, 204, "{read:?}");
    for body in [&mut bell, &mut agents] {
        hear(body, 0).await;
    }
    // A browser that was signed out is told not to come back.
    assert_eq!(app.get("/api/v1/notices/stream").await.status, 204);
    app.end().await;
}
