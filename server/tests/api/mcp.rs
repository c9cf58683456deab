//! Resonant as an MCP server.

use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

async fn ask(app: &TestApp, visitor: &Visitor, method: &str, params: Value) -> Value {
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let answer = app.post("/mcp").by(visitor).json(&message).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.value();
    assert_eq!((&body["jsonrpc"], &body["id"]), (&json!("2.0"), &json!(7)));
    body
}

#[tokio::test]
async fn agents_are_tools_that_answer() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let about = ask(&app, &ada, "initialize", json!({ "protocolVersion": "2025-03-26" })).await;
    assert_eq!(about["result"]["protocolVersion"], "2025-03-26");
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(app.post("/mcp").by(&ada).json(&told).await.status, 202);

    let list = ask(&app, &ada, "tools/list", json!({})).await;
    let tool = &list["result"]["tools"][0];
    assert_eq!(tool["title"], "Reckoner");
    let call = json!({ "name": tool["name"], "arguments": { "goal": "What is 12 * 7?" } });
    let answer = ask(&app, &ada, "tools/call", call.clone()).await;
    assert_eq!(answer["result"]["isError"], false);
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("84"), "{answer}");

    let message = json!({ "jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": call });
    let accept = "application/json, text/event-stream";
    let events = app.post("/mcp").by(&ada).header("accept", accept).json(&message).await;
    assert_eq!(events.header("content-type"), "text/event-stream");
    assert!(events.text().contains("\ndata: {") && events.text().contains("84"), "{events:?}");

    // A stranger's agent is no tool.
    let bob = app.guest().await;
    let stolen = ask(
        &app,
        &bob,
        "tools/call",
        json!({ "name": tool["name"], "arguments": { "goal": "x" } }),
    )
    .await;
    assert_eq!(stolen["error"]["message"], "There is no such agent");
    assert_eq!(ask(&app, &bob, "tools/list", json!({})).await["result"]["tools"], json!([]));
    for (method, params, code) in [
        ("tools/call", json!({ "name": "x" }), -32_602),
        ("tools/call", json!({ "name": tool["name"], "arguments": {} }), -32_602),
        ("resources/list", json!({}), -32_601),
    ] {
        assert_eq!(ask(&app, &ada, method, params).await["error"]["code"], code);
    }
    app.end().await;
}

#[tokio::test]
async fn a_stranger_is_told_to_sign_in_and_another_sites_page_is_refused() {
    let app = TestApp::start().await;
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(app.post("/mcp").json(&message).await.status, 401);
    let ada = app.guest().await;
    let foreign = app.post("/mcp").by(&ada).header("origin", "https://evil.example");
    assert_eq!(foreign.json(&message).await.status, 403);
    app.end().await;
}
