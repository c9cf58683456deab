//! A server that has forgotten a session, as one does that was started anew.

use super::*;

/// A server that names each session by its number, forgets the first after it has begun, and every one that
/// calls `lose`. Tells what it was asked in which session, and by which version.
async fn serve() -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = seen.clone();
    let answer = move |headers: HeaderMap, body: Bytes| {
        let record = record.clone();
        async move {
            let text = |name: &str| {
                headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned()
            };
            let message: Value = serde_json::from_slice(&body).unwrap();
            let method = message["method"].as_str().unwrap().to_owned();
            let (session, version) = (text("mcp-session-id"), text("mcp-protocol-version"));
            let begun = {
                let mut seen = record.lock().unwrap();
                seen.push(format!("{method} {session} {version}"));
                seen.iter().filter(|line| line.starts_with("initialize ")).count()
            };
            let told = |status: StatusCode, key: &str, value: Value| {
                let body = json!({ "jsonrpc": "2.0", "id": message["id"], key: value });
                let kind = [(header::CONTENT_TYPE, "application/json")];
                (status, kind, body.to_string()).into_response()
            };
            let is_lost = message["params"]["name"] == "lose";
            match method.as_str() {
                "initialize" => {
                    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {} });
                    let named = [("mcp-session-id", format!("s-{begun}"))];
                    (named, told(StatusCode::OK, "result", hello)).into_response()
                }
                "tools/call" if session == "s-1" || is_lost => {
                    let reason = json!({ "code": -32600, "message": "Session not found" });
                    told(StatusCode::NOT_FOUND, "error", reason)
                }
                "tools/call" => {
                    let content = json!([{ "type": "text", "text": "here you are" }]);
                    told(StatusCode::OK, "result", json!({ "content": content }))
                }
                _ => StatusCode::ACCEPTED.into_response(),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route("/mcp", post(answer));
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    (url, seen)
}

#[tokio::test]
async fn a_session_that_is_forgotten_begins_anew() {
    let (url, seen) = serve().await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    assert_eq!(session.call("take", &json!({}), &Value::Null).await.unwrap(), "here you are");
    let expected = [
        "server/discover - 2026-07-28",
        "initialize - -",
        "notifications/initialized s-1 2025-11-25",
        "tools/call s-1 2025-11-25",
        "initialize - -",
        "notifications/initialized s-2 2025-11-25",
        "tools/call s-2 2025-11-25",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    // Not again and again.
    let lost = session.call("lose", &json!({}), &Value::Null).await;
    assert_eq!(lost, Err(McpError::Refused("Session not found".to_owned())));
    assert_eq!(seen.lock().unwrap().len(), expected.len() + 4);
}
