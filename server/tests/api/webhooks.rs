//! Triggers and webhooks over HTTP. What a signature is worth, the backend's own tests say.

use http::Method;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_trigger_is_made_and_refuses_who_has_no_key() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reader").await;
    let new = json!({ "agent_id": agent.id, "goal": "Read the order" });
    let made = app.post("/api/v1/triggers").by(&ada).json(&new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    assert!(made.value()["signing_key"].as_str().unwrap().starts_with("whsec_"), "{made:?}");
    let hook = made.value()["path"].as_str().unwrap().to_owned();
    let list = app.get("/api/v1/triggers").by(&ada).await.value();
    assert_eq!(list["triggers"].as_array().unwrap().len(), 1);
    assert!(list["triggers"][0]["signing_key"].is_null());

    assert_eq!(app.post(&hook).json(&json!({ "order": 7 })).await.status, 401);
    assert_eq!(app.post("/api/v1/hooks/a/b").json(&json!({})).await.status, 404);
    let sessions = app.get("/api/v1/sessions").by(&ada).await.value();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 0);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 404);
    app.end().await;
}

#[tokio::test]
async fn a_webhook_is_made_once_however_often_it_is_asked_for() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let new = json!({ "url": "https://example.org/ended" });
    let ask = || app.post("/api/v1/webhooks").by(&ada).header("idempotency-key", "one").json(&new);
    let made = ask().await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = made.header("location").to_owned();
    assert!(made.value()["signing_key"].is_string(), "{made:?}");
    let again = ask().await;
    assert_eq!((again.status, again.value()["id"].clone()), (201, made.value()["id"].clone()));
    assert!(again.value()["signing_key"].is_null(), "a key is told once: {again:?}");

    for url in ["", "ftp://example.org", "no address"] {
        let answer = app.post("/api/v1/webhooks").by(&ada).json(&json!({ "url": url })).await;
        assert_eq!(answer.problem(), (400, vec!["url".to_owned()]), "{url}");
    }
    let log = app.get(&format!("{path}/deliveries")).by(&ada).await.value();
    assert_eq!(log["deliveries"], json!([]));
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    assert_eq!(app.get(&format!("{path}/deliveries")).by(&ada).await.status, 404);
    app.end().await;
}
