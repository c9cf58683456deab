//! How bodies may be packed: those of requests in no way, and answers as their callers take them.

use serde_json::json;

use super::bad_input::owned;
use crate::support::TestApp;

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn who_takes_no_answer_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let post = |takes: &str| {
        let call = app.post("/api/v1/agents").by(&ada).header("accept-encoding", takes);
        call.json(&json!({ "name": "Reader" }))
    };
    for takes in ["*;q=0", "identity;q=0", "deflate, identity;q=0.000"] {
        assert_eq!(post(takes).await.problem(), (406, vec![]), "{takes}");
    }
    assert_eq!(owned(&app, &ada).await.0["agents"], json!([]));
    assert_eq!(post("gzip, identity;q=0").await.status, 201);

    // Nor does an agent begin that is called as a tool.
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let list = app.post("/mcp").by(&ada).json(&list).await.value();
    let tool = &list["result"]["tools"][0]["name"];
    let params = json!({ "name": tool, "arguments": { "goal": "1 + 1" } });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
    for accept in ["application/json", "text/event-stream"] {
        let call = app.post("/mcp").by(&ada).header("accept", accept).json(&call);
        let refused = call.header("accept-encoding", "*;q=0").await;
        assert_eq!(refused.problem(), (406, vec![]), "{accept}");
    }
    assert_eq!(owned(&app, &ada).await.1["sessions"], json!([]));
    app.end().await;
}

/// It is told as what it is, and not as JSON or as a picture that is broken.
#[tokio::test]
async fn a_packed_body_is_not_taken() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let packed = b"\x1f\x8b\x08\x00";
    let hook = format!("/api/v1/hooks/{NOBODY}/{NOBODY}");
    for (path, kind) in [
        ("/api/v1/agents", "application/json"),
        ("/api/v1/agents/batch", "application/json"),
        ("/api/v1/images?kind=avatar", "image/png"),
        (&*hook, "application/json"),
        ("/api/v1/payments/messages", "application/json"),
        ("/mcp", "application/json"),
    ] {
        let call = app.post(path).by(&ada).header("content-encoding", "gzip");
        let refused = call.raw(kind, packed).await;
        assert_eq!(refused.problem(), (415, vec![]), "{path}");
        assert_eq!(refused.header("accept-encoding"), "identity", "{path}");
        let detail = refused.value()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("without Content-Encoding"), "{path}: {detail}");
    }
    let plain = app.post("/api/v1/agents").by(&ada).header("content-encoding", "Identity");
    assert_eq!(plain.json(&json!({ "name": "Reader" })).await.status, 201);
    // A kind that does not fit is no question of packing.
    let other = app.post("/api/v1/agents").by(&ada).raw("text/plain", "{}").await;
    assert_eq!((other.problem(), other.header("accept-encoding")), ((415, vec![]), ""));

    for path in [&*hook, "/api/v1/payments/messages"] {
        let no_text = app.post(path).raw("application/json", packed).await;
        assert_eq!(no_text.problem(), (400, vec!["body".to_owned()]), "{path}");
    }
    app.end().await;
}
