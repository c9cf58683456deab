//! Drafts of agents, by a model that takes its time.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::TestApp;

/// An OpenAI-compatible server that tells when it is asked, and answers with a draft once it is let.
#[derive(Clone, Default)]
struct Drafter {
    asked: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Drafter {
    /// Starts it. Answers where it is.
    async fn start(&self) -> String {
        let drafter = self.clone();
        let answer = move || async move {
            ([("content-type", "text/event-stream")], drafter.answer().await)
        };
        let router = Router::new().route("/v1/chat/completions", post(answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        url
    }

    async fn answer(&self) -> String {
        self.asked.notify_one();
        self.go_on.notified().await;
        let draft = json!({
            "name": "Reader", "description": "Reads pages", "system_prompt": "Read.", "tools": [],
        });
        let chunk = |delta: Value, finish: Option<&str>| {
            let chunk = json!({
                "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow",
                "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
            });
            format!("data: {chunk}\n\n")
        };
        let text = chunk(json!({ "content": draft.to_string() }), None);
        format!("{text}{}data: [DONE]\n\n", chunk(json!({}), Some("stop")))
    }
}

/// It is paid for in any case.
#[tokio::test]
async fn a_draft_is_waited_for_as_long_as_a_model_may_take_and_counts_once() {
    let drafter = Drafter::default();
    let app = TestApp::builder().model(&drafter.start().await).start().await;
    let ada = app.member("ada").await;
    let propose = || {
        let call = app.post("/api/v1/agents/proposals").by(&ada).header("idempotency-key", "one");
        call.json(&json!({ "wish": "Read pages" }))
    };
    let waiting = propose();
    let first = tokio::spawn(async { waiting.await });
    drafter.asked.notified().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(45)).await;
    tokio::time::resume();
    let meanwhile = propose().await;
    assert_eq!(meanwhile.problem(), (409, vec![]));
    drafter.go_on.notify_one();
    let first = first.await.unwrap();
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.value()["spec"]["name"], "Reader", "{first:?}");
    assert_ne!(first.value()["model"], Value::Null);
    // Nobody lets the model answer once more.
    let again = propose().await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    app.end().await;
}
