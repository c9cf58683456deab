//! A server of the newest version, as strict as its specification and as our own.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A call that is worked on.
struct Working(Arc<AtomicUsize>);

impl Working {
    fn begin(calls: Arc<AtomicUsize>) -> Self {
        calls.fetch_add(1, Ordering::SeqCst);
        Self(calls)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The tool asks for the argument `city` in a header of this name.
fn schema(header: &str) -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string", "x-mcp-header": header } } })
}

/// A server that takes nothing but requests which stand alone. Tells what it was asked, and how many calls of
/// `hang` it is at work on: it is as long as the connection lasts.
async fn serve() -> (String, Arc<Mutex<Vec<String>>>, Arc<AtomicUsize>) {
    let (seen, at_work) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (record, work) = (seen.clone(), at_work.clone());
    let answer = move |headers: HeaderMap, body: Bytes| {
        let (record, work) = (record.clone(), work.clone());
        async move {
            let text = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap());
            let message: Value = serde_json::from_slice(&body).unwrap();
            let method = message["method"].as_str().unwrap();
            record.lock().unwrap().push(format!("{method} {}", text("mcp-session-id")));
            let told = |status: StatusCode, key: &str, value: Value| {
                let body = json!({ "jsonrpc": "2.0", "id": message["id"], key: value });
                let kind = [(header::CONTENT_TYPE, "application/json")];
                (status, kind, body.to_string()).into_response()
            };
            let refused = |code: i64, reason: &str| {
                told(StatusCode::BAD_REQUEST, "error", json!({ "code": code, "message": reason }))
            };
            let (params, about) = (&message["params"], &message["params"]["_meta"]);
            let name = params["name"].as_str().unwrap_or("-");
            let is_said = about["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
                && about["io.modelcontextprotocol/clientCapabilities"].is_object();
            if !is_said {
                return refused(-32_602, "it does not say what it speaks");
            }
            if (text("mcp-protocol-version"), text("mcp-method"), text("mcp-name"))
                != ("2026-07-28", method, name)
            {
                return refused(-32_020, "Header mismatch");
            }
            let mut result = match method {
                "server/discover" => json!({ "supportedVersions": ["2026-07-28"] }),
                "tools/list" => json!({ "tools": [
                    { "name": "find", "description": "Finds", "inputSchema": schema("City") },
                    { "name": "wrong", "description": "Asks for what is no header", "inputSchema": schema("a b") },
                ] }),
                "tools/call" if name == "find" => {
                    if text("mcp-param-city") != params["arguments"]["city"].as_str().unwrap() {
                        return refused(-32_020, "Header mismatch: Mcp-Param-City");
                    }
                    json!({ "content": [{ "type": "text", "text": "found" }] })
                }
                "tools/call" if name == "ask" => json!({ "resultType": "input_required", "inputRequests": {} }),
                "tools/call" => {
                    let _working = Working::begin(work);
                    std::future::pending().await
                }
                _ => return told(StatusCode::NOT_FOUND, "error", json!({ "code": -32_601, "message": "no such method" })),
            };
            result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": { "name": "Alone" } });
            if result["resultType"].is_null() {
                result["resultType"] = "complete".into();
            }
            // Whoever names sessions all the same is not listened to.
            ([("mcp-session-id", "s-1")], told(StatusCode::OK, "result", result)).into_response()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = Router::new().route("/mcp", post(answer));
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    (url, seen, at_work)
}

#[tokio::test]
async fn requests_stand_alone_where_the_server_speaks_the_newest_version() {
    let (url, seen, _) = serve().await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    assert_eq!(session.title, "Alone");
    let tools = session.tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["find"], "a tool whose headers cannot be sent is none");
    let city = json!({ "city": "Oslo" });
    let found = session.call("find", &city, &tools[0].input_schema).await;
    assert_eq!(found.unwrap(), "found");
    // What is known of the tool is old: it is asked for anew, once.
    let found = session.call("find", &city, &Value::Null).await;
    assert_eq!(found.unwrap(), "found");
    let asks = session.call("ask", &json!({}), &Value::Null).await;
    assert!(matches!(&asks, Err(McpError::Refused(reason)) if reason.contains("not offered here")), "{asks:?}");
    drop(session);
    let expected = [
        "server/discover -",
        "tools/list -",
        "tools/call -",
        "tools/call -",
        "tools/list -",
        "tools/call -",
        "tools/call -",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_ends_with_its_connection() {
    let (url, seen, at_work) = serve().await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    let begun = async {
        while at_work.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    let nothing = json!({});
    tokio::select! {
        answer = session.call("hang", &nothing, &Value::Null) => panic!("{answer:?}"),
        () = begun => {}
    }
    drop(session);
    let ended = async {
        while at_work.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["server/discover -", "tools/call -"], "nothing is told of it");
}
