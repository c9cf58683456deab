//! `Idempotency-Key`: one effect, however often a request is sent.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::keys;
use crate::support::{Answer, Call, TestApp, Visitor};

async fn names(app: &TestApp, visitor: &Visitor) -> usize {
    let list = app.get("/api/v1/agents").by(visitor).await.value();
    list["agents"].as_array().unwrap().len()
}

fn create(app: &TestApp, visitor: &Visitor, key: &str, name: &str) -> Call {
    app.post("/api/v1/agents")
        .by(visitor)
        .header("idempotency-key", key)
        .json(&json!({ "name": name }))
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_answered_again() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let first = create(&app, &ada, "one", "Reckoner").await;
    assert_eq!(first.status, 201, "{first:?}");
    assert!(!is_replay(&first));
    let again = create(&app, &ada, "one", "Reckoner").await;
    assert!(is_replay(&again), "{again:?}");
    assert_eq!((again.status, &again.body), (201, &first.body));
    for name in ["location", "etag", "content-type", "cache-control"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    let other = create(&app, &ada, "one", "Other").await;
    assert_eq!(other.problem(), (422, vec![]));
    assert_eq!(names(&app, &ada).await, 1);
    // Someone else's key is someone else's request.
    let bob = app.guest().await;
    assert!(!is_replay(&create(&app, &bob, "one", "Reckoner").await));
    assert_eq!(names(&app, &bob).await, 1);
    app.end().await;
}

#[tokio::test]
async fn a_hundred_twins_have_one_effect() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let execute = format!("/api/v1/agents/{}/execute", agent.id);
    let twins = (0..100).map(|_| {
        let call = app.post(&execute).by(&ada).header("idempotency-key", "run");
        tokio::spawn(async { call.json(&json!({ "goal": "What is 1 + 1?" })).await })
    });
    let mut made = vec![];
    for answer in join_all(twins).await {
        let answer = answer.unwrap();
        match answer.status {
            202 => made.push(answer),
            409 => assert_eq!(answer.header("retry-after"), "1", "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(made.iter().filter(|answer| !is_replay(answer)).count(), 1);
    assert!(made.iter().all(|answer| answer.body == made[0].body));
    let sessions = app.get("/api/v1/sessions").by(&ada).await.value();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    app.end().await;
}

#[tokio::test]
async fn what_failed_may_be_sent_again_and_changed() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    assert_eq!(create(&app, &ada, "one", "").await.problem(), (400, vec!["name".to_owned()]));
    let mended = create(&app, &ada, "one", "Reckoner").await;
    assert_eq!(mended.status, 201, "{mended:?}");
    for key in ["", "two words", &"k".repeat(256)] {
        let answer = create(&app, &ada, key, "Other").await;
        assert_eq!(answer.problem(), (400, vec!["Idempotency-Key".to_owned()]), "{key}");
    }
    let twice = create(&app, &ada, "one", "Other").header("idempotency-key", "two").await;
    assert_eq!(twice.problem(), (400, vec!["Idempotency-Key".to_owned()]));
    assert_eq!(names(&app, &ada).await, 1);
    // Nobody has no keys of their own; whoever reads needs none.
    let nobody = create(&app, &Visitor::ANONYMOUS, "one", "Reckoner").await;
    assert_eq!(nobody.problem(), (401, vec![]));
    let read = app.call(Method::GET, "/api/v1/agents").by(&ada).header("idempotency-key", "one");
    assert!(!is_replay(&read.await));
    app.end().await;
}

#[tokio::test]
async fn a_key_is_shown_once_even_when_it_is_asked_for_twice() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let make = || {
        app.post("/api/v1/keys")
            .by(&ada)
            .header("idempotency-key", "one")
            .json(&json!({ "name": "CI", "scopes": ["agents:read"] }))
    };
    let mut first = make().await.value();
    let key = first.as_object_mut().unwrap().remove("key").unwrap();
    assert!(key.as_str().unwrap().starts_with("rk_live_"));
    let again = make().await;
    assert!(is_replay(&again));
    assert_eq!(again.value(), first);
    app.end().await;
}

#[tokio::test]
async fn a_key_hears_no_answer_that_it_may_not_ask_for() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let first = create(&app, &ada, "one", "Reckoner").await;
    let secret = json!({ "name": "KEY", "value": "a long value", "hosts": ["api.example.org"] });
    let keep = |visitor: &Visitor| {
        app.post("/api/v1/secrets").by(visitor).header("idempotency-key", "two").json(&secret)
    };
    assert_eq!(keep(&ada).await.status, 201);
    let reader = keys::make(&app, &ada, &["agents:read"]).await;
    let writer = keys::make(&app, &ada, &["agents:write"]).await;
    let again = |key: &Value| keys::with(create(&app, &Visitor::ANONYMOUS, "one", "Reckoner"), key);
    assert_eq!(again(&reader).await.problem(), (403, vec![]));
    let told = again(&writer).await;
    assert!(is_replay(&told), "{told:?}");
    assert_eq!(told.body, first.body);
    // Nor does one stand for a person where none may.
    let refused = keys::with(keep(&Visitor::ANONYMOUS), &writer).await;
    assert_eq!(refused.problem(), (403, vec![]));
    assert!(is_replay(&keep(&ada).await));
    app.end().await;
}
