//! A server of the newest version, as strict as its specification and as our own.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::tools::Answered;

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
                "tools/call" if name == "ask" && about["io.modelcontextprotocol/clientCapabilities"]["elicitation"]["form"].is_null() => {
                    return refused(-32_021, "it has to ask a person");
                }
                "tools/call" if name == "ask" && params["requestState"] != "asked" => json!({
                    "resultType": "input_required",
                    "requestState": "asked",
                    "inputRequests": { "who": { "method": "elicitation/create", "params": {
                        "message": "Who are you?",
                        "requestedSchema": { "type": "object", "properties": { "name": { "type": "string" } } },
                    } } },
                }),
                "tools/call" if name == "ask" => {
                    let given = &params["inputResponses"]["who"];
                    json!({ "content": [{ "type": "text", "text": given.to_string() }] })
                }
                "tools/call" if name == "busy" && params["requestState"].is_null() => {
                    json!({ "resultType": "input_required", "requestState": "1" })
                }
                "tools/call" if name == "busy" => json!({ "content": [{ "type": "text", "text": "at last" }] }),
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
    drop(session);
    let expected = [
        "server/discover -",
        "tools/list -",
        "tools/call -",
        "tools/call -",
        "tools/list -",
        "tools/call -",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_tool_that_asks_a_person_is_called_again_with_the_answer() {
    let (url, seen, _) = serve().await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    let nobody = session.call("ask", &json!({}), &Value::Null).await;
    assert_eq!(nobody, Err(McpError::Refused("it has to ask a person".to_owned())));
    session.asking(Asking { may_ask: true, answer: None });
    let Err(McpError::Asks(asked)) = session.call("ask", &json!({}), &Value::Null).await else {
        panic!("{seen:?}");
    };
    assert_eq!(asked.question.text, "Who are you?");
    let mut told = Vec::new();
    for values in [Some(json!({ "name": "Ada" })), None] {
        // Somebody else may go on: all that is needed is what it wanted back.
        let mut session = Session::open(&egress, server(&url)).await.unwrap();
        let answer = Some(Answered { resume: asked.resume.clone(), values });
        session.asking(Asking { may_ask: true, answer });
        told.push(session.call("ask", &json!({}), &Value::Null).await.unwrap());
    }
    let accepted = json!({ "action": "accept", "content": { "name": "Ada" } });
    assert_eq!(told, [accepted.to_string(), json!({ "action": "decline" }).to_string()]);
}

#[tokio::test]
async fn a_tool_that_wants_to_be_called_again_is() {
    let (url, ..) = serve().await;
    let egress = Egress::public_allowing_private();
    let mut session = Session::open(&egress, server(&url)).await.unwrap();
    assert_eq!(session.call("busy", &json!({}), &Value::Null).await.unwrap(), "at last");
}

#[tokio::test(start_paused = true)]
async fn a_tool_may_want_to_be_called_again_only_so_often() {
    let (mut again, mut wanted) = (Again::default(), json!({}));
    for time in 1..=AGAIN_MAX {
        let state = time.to_string();
        let answer = Err(McpError::Again(state.clone()));
        assert!(again.is_wanted(&answer, &mut wanted).await);
        assert_eq!(wanted["requestState"], state);
    }
    let once_more = Err(McpError::Again("more".to_owned()));
    assert!(!again.is_wanted(&once_more, &mut wanted).await);
    assert!(!Again::default().is_wanted(&Ok(Value::Null), &mut wanted).await);
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
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, ["server/discover -", "tools/call -"], "nothing is told of it");
}
