//! What is told beside requests and answers.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::HeaderValue;
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::{Notify, mpsc};

use super::*;

fn events(frames: impl Stream<Item = String> + Send + 'static) -> Response {
    let body = Body::from_stream(frames.map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// The only call of a session, answered.
fn answered(text: &str) -> String {
    let result = json!({ "content": [{ "type": "text", "text": text }] });
    json!({ "jsonrpc": "2.0", "id": 2, "result": result }).to_string()
}

/// A server that goes by this version and tells what it is told. Of its tools one asks back, one hangs up
/// before it answers, and any other never answers.
async fn serve(version: &'static str) -> (String, mpsc::UnboundedReceiver<Value>) {
    let (tells, told) = mpsc::unbounded_channel();
    let heard = Arc::new(Notify::new());
    let answer = move |body: Bytes| {
        let (tells, heard) = (tells.clone(), heard.clone());
        async move {
            let message: Value = serde_json::from_slice(&body).unwrap();
            let tool = message["params"]["name"].as_str().unwrap_or_default().to_owned();
            let method = message["method"].as_str().map(str::to_owned);
            let _ = tells.send(message);
            match method.as_deref() {
                Some("initialize") => {
                    let hello = json!({ "protocolVersion": version, "capabilities": {} });
                    let hello = json!({ "jsonrpc": "2.0", "id": 1, "result": hello }).to_string();
                    ([(header::CONTENT_TYPE, "application/json")], hello).into_response()
                }
                Some("tools/call") if tool == "ask" => {
                    let ask = |id: u8, method: &str| {
                        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
                        format!("event: message\r\ndata: {message}\r\n\r\n")
                    };
                    // Numbers of its own, which may be those of requests to it.
                    let questions = [ask(2, "ping"), ask(3, "roots/list")];
                    let answer = async move {
                        heard.notified().await;
                        format!("data: {}\r\n\r\n", answered("thank you"))
                    };
                    events(stream::iter(questions).chain(stream::once(answer)))
                }
                Some("tools/call") if tool == "part" => {
                    events(stream::iter(["id: a\nretry: 1\ndata:\n\n".to_owned()]))
                }
                Some("tools/call") => std::future::pending().await,
                Some(_) => StatusCode::ACCEPTED.into_response(),
                None => {
                    heard.notify_one();
                    StatusCode::ACCEPTED.into_response()
                }
            }
        }
    };
    let resume = |headers: HeaderMap| async move {
        match headers.get("last-event-id").map(HeaderValue::as_bytes) {
            Some(b"a") => events(stream::iter(["id: b\ndata:\n\n".to_owned()])),
            Some(b"b") => {
                let answer = format!("id: c\ndata: {}\n\n", answered("here you are again"));
                events(stream::iter([answer]).chain(stream::pending()))
            }
            _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route("/mcp", post(answer).get(resume));
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    (url, told)
}

/// The next message that it is told which is such a one.
async fn next(told: &mut mpsc::UnboundedReceiver<Value>, is_it: impl Fn(&Value) -> bool) -> Value {
    let found = async {
        loop {
            let message = told.recv().await.unwrap();
            if is_it(&message) {
                return message;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found).await.unwrap()
}

#[tokio::test]
async fn what_nobody_waits_for_is_taken_back() {
    let (url, mut told) = serve("2025-06-18").await;
    let egress = Egress::public_allowing_private();
    let is_taken_back = |message: &Value| message["method"] == "notifications/cancelled";
    let nothing = json!({});
    // Once because the caller goes away, once because its time is over.
    for patience in [Duration::from_mins(1), Duration::from_secs(1)] {
        let server = Server { timeout: patience, ..server(&url) };
        let mut session = Session::open(&egress, server).await.unwrap();
        if patience.as_secs() > 1 {
            let arrives = next(&mut told, |message| message["method"] == "tools/call");
            tokio::select! {
                answer = session.call("hang", &nothing, &Value::Null) => panic!("{answer:?}"),
                _ = arrives => {}
            }
        } else {
            let late = session.call("hang", &nothing, &Value::Null).await.unwrap_err();
            assert!(late.may_have_arrived(), "{late:?}");
        }
        drop(session);
        let taken_back = next(&mut told, is_taken_back).await;
        assert_eq!(taken_back["params"]["requestId"], 2);
    }
}

#[tokio::test]
async fn a_server_that_asks_is_answered() {
    let (url, mut told) = serve("2025-11-25").await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    assert_eq!(session.call("ask", &json!({}), &Value::Null).await.unwrap(), "thank you");
    let alive = next(&mut told, |message| message["method"].is_null()).await;
    assert_eq!(alive, json!({ "jsonrpc": "2.0", "id": 2, "result": {} }));
}

#[tokio::test]
async fn an_answer_is_fetched_from_a_server_that_has_hung_up() {
    let (url, _told) = serve("2025-11-25").await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    assert_eq!(session.call("part", &json!({}), &Value::Null).await.unwrap(), "here you are again");
}

#[tokio::test]
async fn a_version_that_is_not_spoken_is_told() {
    let (url, _told) = serve("2031-01-01").await;
    let egress = Egress::public_allowing_private();
    let error = Session::open(&egress, server(&url)).await.err().unwrap();
    assert!(
        matches!(&error, McpError::Refused(reason) if reason.contains("2031-01-01")),
        "{error}"
    );
}
