//! The audit log over HTTP: as pages, by a key, and as files.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::Method;
use serde_json::{Value, json};

use super::keys;
use crate::support::{Answer, TestApp};

fn deeds(answer: &Answer) -> Vec<String> {
    let entries = answer.value()["entries"].as_array().unwrap().clone();
    entries.iter().map(|entry| entry["deed"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_log_tells_by_which_key_and_from_where() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let key = keys::make(&app, &ada, &["agents:write", "audit:read"]).await;
    let place: SocketAddr = "192.0.2.9:4711".parse().unwrap();
    let made = keys::with(app.post("/api/v1/agents"), &key)
        .header("x-request-id", "nightly-0001")
        .extension(ConnectInfo(place))
        .json(&json!({ "name": "Reader" }))
        .await;
    assert_eq!(made.status, 201, "{made:?}");

    let log = keys::with(app.get("/api/v1/audit"), &key).await;
    assert_eq!(log.status, 200, "{log:?}");
    assert_eq!(deeds(&log), ["agent_created", "key_created", "signed_up"]);
    let entry = &log.value()["entries"][0];
    assert_eq!(entry["actor"]["kind"], "key");
    assert_eq!(entry["actor"]["key_prefix"], key["prefix"]);
    assert_eq!(entry["address"], "192.0.2.9");
    assert_eq!(entry["request_id"], "nightly-0001");
    assert_eq!(entry["subject"]["name"], "Reader");

    let page = app.get("/api/v1/audit?limit=2").by(&ada).await;
    assert_eq!((deeds(&page).len(), &page.value()["has_more"]), (2, &json!(true)));
    let cursor = page.value()["next_cursor"].as_str().unwrap().to_owned();
    let rest = app.get(&format!("/api/v1/audit?limit=2&cursor={cursor}")).by(&ada).await;
    assert_eq!(deeds(&rest), ["signed_up"]);
    let other = format!("/api/v1/audit?group=keys&cursor={cursor}");
    assert_eq!(app.get(&other).by(&ada).await.problem(), (400, vec!["cursor".to_owned()]));
    assert_eq!(deeds(&app.get("/api/v1/audit?group=keys").by(&ada).await), ["key_created"]);
    assert_eq!(deeds(&app.get("/api/v1/audit?until=2000-01-01T00:00:00Z").by(&ada).await).len(), 0);
    for (query, field) in [
        ("group=all", "group"),
        ("since=yesterday", "since"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
        ("limit=0", "limit"),
    ] {
        let answer = app.get(&format!("/api/v1/audit?{query}")).by(&ada).await;
        assert_eq!(answer.problem(), (400, vec![field.to_owned()]), "{query}");
    }
    let narrow = keys::make(&app, &ada, &["agents:read"]).await;
    let refused = keys::with(app.get("/api/v1/audit"), &narrow).await;
    assert_eq!(refused.problem(), (403, vec![]));
    app.end().await;
}

#[tokio::test]
async fn admins_read_what_was_done_in_the_installation() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    app.agent(&ada, "Reader").await;
    let log = app.get("/api/v1/audit/installation").by(&root).await;
    assert_eq!(log.status, 200, "{log:?}");
    let deeds = deeds(&log);
    for deed in ["agent_created", "admin_appointed", "signed_up"] {
        assert!(deeds.iter().any(|known| known == deed), "{deed} in {deeds:?}");
    }
    let key = keys::make(&app, &root, &["audit:read"]).await;
    let by_key = keys::with(app.get("/api/v1/audit/installation?group=agents"), &key).await;
    assert_eq!(by_key.value()["entries"].as_array().unwrap().len(), 1);
    app.end().await;
}

#[tokio::test]
async fn a_log_is_taken_along_as_a_file() {
    let app = TestApp::start().await;
    let (root, ada) = (app.admin().await, app.member("ada").await);
    let agent = app.agent(&ada, "Reader, \"the\" first").await;
    let gone = app.call(Method::DELETE, &format!("/api/v1/agents/{}", agent.id)).by(&ada).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    let csv = app.get("/account/audit/file?form=csv&group=agents").by(&ada).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(csv.header("content-disposition").contains("resonant-audit.csv"));
    let text = csv.text();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("\"Reader, \"\"the\"\" first\""), "{text}");
    let lines = app.get("/account/audit/file?form=jsonlines").by(&ada).await;
    let deeds: Vec<_> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["deed"].clone())
        .collect();
    assert_eq!(deeds, ["agent_deleted", "agent_created", "signed_up"]);
    let all = app.get("/admin/audit/file").by(&root).await;
    assert!(all.text().lines().count() > 4, "{}", all.text());
    assert_eq!(app.get("/admin/audit/file").by(&ada).await.status, 404);
    assert_eq!(app.get("/account/audit/file").await.status, 401);
    assert_eq!(app.get("/account/audit/file?since=x").by(&ada).await.status, 400);
    app.end().await;
}
