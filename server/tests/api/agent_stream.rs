//! The caller's agents as they change, come and leave, live.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::time::timeout;

use crate::support::TestApp;

/// Reads frames until all of this was told.
async fn hear(body: &mut Body, wanted: &[String]) {
    let mut heard = String::new();
    while !wanted.iter().all(|wanted| heard.contains(wanted)) {
        let frame = timeout(Duration::from_secs(20), body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("{wanted:?} in {heard:?}")).unwrap().unwrap();
        heard.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn agents_that_come_and_leave_are_told_by_their_ids() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let reckoner = app.agent(&ada, "Reckoner").await.id;
    let answer = app.get("/api/v1/agents/stream").by(&ada).open().await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    let list = |came: &str, gone: &str| {
        format!("event: list\ndata: {{\"came\":[{came}],\"gone\":[{gone}]}}\n\n")
    };

    let writer = app.agent(&ada, "Writer").await.id;
    let line = format!("data: {{\"id\":\"{writer}\"");
    hear(&mut body, &[line, list(&format!("\"{writer}\""), "")]).await;

    let path = format!("/api/v1/agents/{reckoner}");
    assert_eq!(app.call(Method::DELETE, &path).by(&ada).await.status, 204);
    hear(&mut body, &[list("", &format!("\"{reckoner}\""))]).await;

    let rename = app.call(Method::PATCH, &format!("/api/v1/agents/{writer}")).by(&ada);
    assert_eq!(rename.json(&json!({ "name": "Poet" })).await.status, 200);
    hear(&mut body, &["\"name\":\"Poet\"".to_owned()]).await;
    app.end().await;
}
