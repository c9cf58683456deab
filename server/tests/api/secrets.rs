//! Secrets: what goes in does not come out.

use http::Method;
use serde_json::json;

use crate::support::TestApp;

const CANARY: &str = "canary-7f3a9-value";

#[tokio::test]
async fn a_secret_is_written_and_never_read() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let new = json!({ "name": "KEY", "value": CANARY, "hosts": ["api.example.org"] });
    let made = app.post("/api/v1/secrets").by(&ada).json(&new).await;
    assert_eq!((made.status, made.header("location")), (201, "/api/v1/secrets/KEY"));
    // Its value is in no answer: what it may do has a tag, and its owner's own cache may keep that.
    assert_eq!(made.header("cache-control"), "private, no-cache");
    assert_eq!(app.post("/api/v1/secrets").by(&ada).json(&new).await.status, 409);

    let list = app.get("/api/v1/secrets").by(&ada).await;
    assert_eq!(list.value()["secrets"][0]["hosts"], json!(["api.example.org"]));
    assert_eq!(list.value()["secrets"][0].get("value"), None);
    let page = app.get("/account/secrets").by(&ada).header("accept", "text/html").await;
    assert!(page.text().contains("api.example.org"), "{page:?}");

    let patch = |body| app.call(Method::PATCH, "/api/v1/secrets/KEY").by(&ada).json(&body);
    let further = patch(json!({ "hosts": ["evil.example"] })).await;
    assert_eq!(further.problem(), (400, vec!["value".to_owned()]));
    let changed = patch(json!({ "hosts": ["evil.example"], "value": CANARY })).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    for answer in [made, list, page, further, changed] {
        assert!(!answer.text().contains(CANARY), "{answer:?}");
    }
    app.end().await;
}

#[tokio::test]
async fn each_broken_field_is_named_and_the_value_is_not_told_back() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    for (body, fields) in [
        (json!({ "name": "key", "value": CANARY, "hosts": ["a.b"] }), vec!["name"]),
        (json!({ "name": "KEY", "value": "short", "hosts": ["a.b"] }), vec!["value"]),
        (json!({ "name": "KEY", "value": CANARY, "hosts": [] }), vec!["hosts"]),
        (json!({ "name": "KEY", "value": CANARY, "hosts": [CANARY, "*.com"] }), vec!["hosts[1]"]),
        (json!({ "name": "KEY", "value": CANARY, "hosts": CANARY }), vec!["hosts"]),
        (json!({ "name": "KEY", "value": [CANARY], "hosts": ["a.b"] }), vec!["value"]),
        (json!({ "name": "KEY", "value": CANARY }), vec!["hosts"]),
    ] {
        let answer = app.post("/api/v1/secrets").by(&ada).json(&body).await;
        let fields: Vec<_> = fields.into_iter().map(str::to_owned).collect();
        assert_eq!(answer.problem(), (400, fields), "{body}");
        assert!(!answer.text().contains(CANARY), "{answer:?}");
    }
    assert_eq!(app.get("/api/v1/secrets").by(&ada).await.value()["secrets"], json!([]));
    app.end().await;
}
