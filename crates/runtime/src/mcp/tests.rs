use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::*;

/// A server of the protocol: JSON for some requests, an event stream that stays open for others.
async fn serve() -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (record, farewells) = (seen.clone(), seen.clone());
    let numbers = Arc::new(Mutex::new(std::collections::HashSet::new()));
    let answer = move |headers: HeaderMap, body: Bytes| {
        let (record, numbers) = (record.clone(), numbers.clone());
        async move {
            let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
            let message: Value = serde_json::from_slice(&body).unwrap();
            let method = message["method"].as_str().unwrap().to_owned();
            // It does not know the newest version.
            if method == "server/discover" {
                return StatusCode::BAD_REQUEST.into_response();
            }
            // Within a session no number is that of two requests.
            if message["id"].as_u64().is_some_and(|id| !numbers.lock().unwrap().insert(id)) {
                return StatusCode::BAD_REQUEST.into_response();
            }
            record.lock().unwrap().push(format!("{method} {} {}", text("mcp-session-id"), text("authorization")));
            let json = |value: Value| ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response();
            let result = |value: Value| json!({ "jsonrpc": "2.0", "id": message["id"], "result": value });
            match method.as_str() {
                "initialize" => {
                    let about = result(json!({ "protocolVersion": "2025-03-26", "serverInfo": { "name": "Shelf" } }));
                    ([("mcp-session-id", "s-1")], json(about)).into_response()
                }
                "notifications/initialized" => StatusCode::ACCEPTED.into_response(),
                "tools/list" if message["params"]["cursor"].is_null() => json(result(json!({
                    "tools": [{ "name": "find", "description": "Finds", "inputSchema": { "type": "object" } }],
                    "nextCursor": "2",
                }))),
                "tools/list" => json(result(json!({ "tools": [{ "name": "put" }] }))),
                _ => {
                    let value = match message["params"]["name"].as_str().unwrap() {
                        "fail" => json!({ "isError": true, "content": [{ "type": "text", "text": "no such book" }] }),
                        "echo" => json!({ "content": [{ "type": "text", "text": text("authorization") }, { "type": "image" }] }),
                        _ => return json(json!({ "jsonrpc": "2.0", "id": message["id"], "error": { "code": -32602, "message": "unknown tool" } })),
                    };
                    let noise = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {} });
                    let events = format!(": hello\n\ndata: {noise}\n\nevent: message\ndata: {}\n\n", result(value));
                    let open = futures::stream::once(async move { Ok::<_, std::io::Error>(events) });
                    let open = futures::StreamExt::chain(open, futures::stream::pending());
                    let body = axum::body::Body::from_stream(open);
                    Response::builder().header(header::CONTENT_TYPE, "text/event-stream").body(body).unwrap()
                }
            }
        }
    };
    let farewell = move |headers: HeaderMap| {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        farewells.lock().unwrap().push(format!("DELETE {} {}", text("mcp-session-id"), text("authorization")));
        async { StatusCode::METHOD_NOT_ALLOWED }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route("/mcp", post(answer).delete(farewell));
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    (url, seen)
}

fn server(url: &str) -> Server {
    Server {
        url: url.to_owned(),
        headers: [("authorization".to_owned(), "Bearer k".to_owned())].into(),
        secrets: Vec::new(),
        limit: HostLimit { whose: "the MCP server".to_owned(), hosts: vec!["127.0.0.1".to_owned()], is_secret: false },
        timeout: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn tools_are_listed_and_called() {
    let (url, seen) = serve().await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    assert_eq!(session.title, "Shelf");
    let names: Vec<_> = session.tools().await.unwrap().into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["find", "put"]);
    assert_eq!(session.call("echo", &json!({}), &Value::Null).await.unwrap(), "Bearer k\n[image]");
    assert_eq!(session.call("fail", &json!({}), &Value::Null).await, Err(McpError::Refused("no such book".to_owned())));
    assert_eq!(session.call("none", &json!({}), &Value::Null).await, Err(McpError::Refused("unknown tool".to_owned())));
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], "initialize - Bearer k");
    assert!(seen[1..].iter().all(|line| line.ends_with(" s-1 Bearer k")), "{seen:?}");
}

#[tokio::test]
async fn a_session_that_has_an_id_is_ended() {
    let (url, seen) = serve().await;
    let egress = Egress::public_allowing_private();
    let is_ended = || seen.lock().unwrap().iter().any(|line| line == "DELETE s-1 Bearer k");
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    session.call("fail", &json!({}), &Value::Null).await.unwrap_err();
    assert!(!is_ended());
    drop(session);
    let ended = async {
        while !is_ended() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
}

#[tokio::test]
async fn a_server_inside_is_not_asked() {
    let (url, seen) = serve().await;
    let public = Egress::public();
    let error = Session::open(&public, server(&url)).await.err().unwrap();
    assert!(matches!(error, McpError::Egress(EgressError::Refused(_))), "{error:?}");
    let egress = Egress::public_allowing_private();
    let elsewhere = server(&url.replace("127.0.0.1", "localhost"));
    let error = Session::open(&egress, elsewhere).await.err().unwrap();
    assert!(matches!(error, McpError::Egress(EgressError::Elsewhere { .. })), "{error:?}");
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_server_that_has_moved_is_not_asked_without_the_request() {
    let (url, seen) = serve().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let old = format!("http://{}/mcp", listener.local_addr().unwrap());
    let location = [(header::LOCATION, url.clone())];
    let moved = move || async move { (StatusCode::MOVED_PERMANENTLY, location) };
    let router = Router::new().route("/mcp", post(moved));
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    let egress = Egress::public_allowing_private();
    let error = Session::open(&egress, server(&old)).await.err().unwrap();
    assert!(error.to_string().contains(&format!("it redirects to {url}; name that address")), "{error}");
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
}

mod alone;
mod beside;
mod forgotten;
mod peers;
