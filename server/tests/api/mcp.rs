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
    let session = answer["result"]["_meta"]["session_id"].as_str().unwrap();
    let session = app.get(&format!("/api/v1/sessions/{session}")).by(&ada).await.value();
    assert_eq!(session["origin"], json!({ "kind": "mcp" }));

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
        ("resources/list", json!({}), -32_601),
        ("server/discover", json!({}), -32_601),
    ] {
        assert_eq!(ask(&app, &ada, method, params).await["error"]["code"], code);
    }
    // What the model that calls can mend it is to read.
    for (arguments, field) in [
        (json!({}), "goal"),
        (json!({ "goal": "x", "variables": 1 }), "variables"),
        (json!({ "goal": "x", "variables": { "a": 1 } }), "variables.a"),
    ] {
        let params = json!({ "name": tool["name"], "arguments": arguments });
        let result = &ask(&app, &ada, "tools/call", params).await["result"];
        assert_eq!(result["isError"], true, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("{field} must be ")), "{text}");
    }
    for (arguments, told) in [
        (json!({ "goal": "1 + 1?", "context": 5 }), "context must be text"),
        (json!({ "goal": 1 }), "goal must be text"),
        (json!("x"), "arguments must be an object"),
        (json!(["x"]), "arguments must be an object"),
    ] {
        let params = json!({ "name": tool["name"], "arguments": arguments });
        let result = &ask(&app, &ada, "tools/call", params).await["result"];
        assert_eq!(result["content"][0]["text"], told, "{result}");
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

#[tokio::test]
async fn messages_come_in_batches_where_the_version_has_them() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let list = ask(&app, &ada, "tools/list", json!({})).await;
    let tool = &list["result"]["tools"][0]["name"];
    let call = |id: u32, goal: &str| {
        let params = json!({ "name": tool, "arguments": { "goal": goal } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let asked = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "ping" },
        { "jsonrpc": "2.0", "method": "notifications/cancelled" },
        { "jsonrpc": "2.0", "id": "nobody asked", "result": {} },
        call(2, "What is 12 * 7?"),
        call(3, "What is 12 * 8?"),
        { "jsonrpc": "2.0", "id": 4, "method": "initialize" },
        { "id": 5 },
        [6, "ping"],
        { "jsonrpc": "1.0", "id": 7, "method": "ping" },
        { "jsonrpc": "2.0", "id": [8], "method": "ping" },
    ]);
    for version in [None, Some("2025-03-26")] {
        let mut request = app.post("/mcp").by(&ada);
        if let Some(version) = version {
            request = request.header("mcp-protocol-version", version);
        }
        let answer = request.json(&asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let answers = answer.value();
        let ids: Vec<_> = answers.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        let mut expected: Vec<_> = (1..=5).map(|id| json!(id)).collect();
        expected.extend([Value::Null, json!(7), Value::Null]);
        assert_eq!(ids, expected);
        assert_eq!(answers[0]["result"], json!({}));
        assert!(answers[1].to_string().contains("84"), "{answers}");
        assert!(answers[2].to_string().contains("96"), "{answers}");
        for refused in &answers.as_array().unwrap()[3..] {
            assert_eq!(refused["error"]["code"], -32_600, "{refused}");
        }
    }
    let accept = "application/json, text/event-stream";
    let events = app.post("/mcp").by(&ada).header("accept", accept).json(&asked).await;
    assert_eq!(events.header("content-type"), "text/event-stream");
    assert_eq!(events.text().matches("event: message").count(), 8, "{events:?}");

    let told = json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]);
    assert_eq!(app.post("/mcp").by(&ada).json(&told).await.status, 202);
    let newer = app.post("/mcp").by(&ada).header("mcp-protocol-version", "2025-06-18");
    let newer = newer.json(&told).await;
    assert_eq!((newer.status, &newer.value()["error"]["code"]), (400, &json!(-32_600)));
    for wrong in [json!([]), json!(vec![told[0].clone(); 51])] {
        assert_eq!(app.post("/mcp").by(&ada).json(&wrong).await.status, 400);
    }
    assert_eq!(app.post("/mcp").json(&json!([call(1, "x")])).await.status, 401);
    app.end().await;
}

/// The states of the caller's sessions, the newest first.
async fn states(app: &TestApp, visitor: &Visitor) -> Vec<String> {
    let list = app.get("/api/v1/sessions").by(visitor).await.value();
    let sessions = list["sessions"].as_array().unwrap().iter();
    sessions.map(|session| session["state"].as_str().unwrap().to_owned()).collect()
}

async fn until_they_are(app: &TestApp, visitor: &Visitor, expected: &[&str]) {
    let changed = async {
        while states(app, visitor).await != expected {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    if tokio::time::timeout(patience, changed).await.is_err() {
        assert_eq!(states(app, visitor).await, expected);
    }
}

/// The name of the only tool.
async fn only_tool(app: &TestApp, visitor: &Visitor) -> Value {
    ask(app, visitor, "tools/list", json!({})).await["result"]["tools"][0]["name"].clone()
}

fn call(tool: &Value, id: &Value, goal: &str) -> Value {
    let params = json!({ "name": tool, "arguments": { "goal": goal } });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

#[tokio::test]
async fn a_version_that_nobody_speaks_is_refused() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for (version, status) in
        [("2025-11-25", 200), ("2025-06-18", 200), ("2025-03-26", 200), ("1999-01-01", 400)]
    {
        let request = app.post("/mcp").by(&ada).header("mcp-protocol-version", version);
        let answer = request.json(&message).await;
        assert_eq!(answer.status, status, "{version}: {answer:?}");
        if status == 400 {
            let error = &answer.value()["error"];
            assert_eq!(error["code"], -32_022);
            assert_eq!(error["data"]["requested"], version);
            assert_eq!(answer.value()["id"], 1);
            assert_eq!(error["data"]["supported"][1], "2025-11-25");
        }
    }
    app.end().await;
}

#[tokio::test]
async fn what_is_no_message_is_told_so() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let post = async |body: Value, version: &str| {
        let request = app.post("/mcp").by(&ada).header("mcp-protocol-version", version);
        request.json(&body).await
    };
    for version in ["2025-11-25", "2026-07-28"] {
        for (message, code, id) in [
            (json!({ "id": 1, "method": "ping" }), -32_600, json!(1)),
            (json!({ "jsonrpc": "1.0", "id": "a", "method": "ping" }), -32_600, json!("a")),
            (json!({ "jsonrpc": 2.0, "id": 1, "method": "ping" }), -32_600, json!(1)),
            (json!({ "jsonrpc": "2.0", "id": null, "method": "ping" }), -32_600, Value::Null),
            (json!({ "jsonrpc": "2.0", "id": 1.5, "method": "ping" }), -32_600, Value::Null),
            (json!({ "jsonrpc": "2.0", "id": true, "method": "ping" }), -32_600, Value::Null),
            (json!({ "jsonrpc": "2.0", "id": [1], "method": "ping" }), -32_600, Value::Null),
            (json!({ "jsonrpc": "2.0", "id": {}, "method": "ping" }), -32_600, Value::Null),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": 2 }), -32_600, json!(1)),
            (json!({ "jsonrpc": "2.0", "id": 1 }), -32_600, json!(1)),
            (json!({ "jsonrpc": "2.0", "id": 1, "method": "x", "params": [] }), -32_602, json!(1)),
            (json!("ping"), -32_600, Value::Null),
            (Value::Null, -32_600, Value::Null),
        ] {
            let told = post(message.clone(), version).await;
            assert_eq!(told.status, 400, "{message}");
            let told = told.value();
            assert_eq!((&told["error"]["code"], &told["id"]), (&json!(code), &id), "{message}");
            assert_eq!(told["jsonrpc"], "2.0");
        }
    }
    // Both kinds of ids are there, and an answer is none that anybody waits for.
    for id in [json!("a"), json!(-1), json!(0), json!(u64::MAX)] {
        let told = post(json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }), "2025-11-25");
        assert_eq!(told.await.value(), json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
    }
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    assert_eq!(post(answer.clone(), "2025-11-25").await.status, 202);
    assert_eq!(post(answer, "2026-07-28").await.value()["error"]["code"], -32_600);
    let told = app.post("/mcp").by(&ada).raw("application/json", "{\"jsonrpc\":").await;
    assert_eq!((told.status, &told.value()["error"]["code"]), (400, &json!(-32_700)));
    app.end().await;
}

/// Asks as whoever holds no conversation does.
async fn ask_alone(
    app: &TestApp,
    visitor: &Visitor,
    method: &str,
    mut params: Value,
) -> (u16, Value) {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let mut request = app.post("/mcp").by(visitor);
    request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
    if let Some(name) = params["name"].as_str() {
        request = request.header("mcp-name", name);
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = request.json(&message).await;
    (answer.status, answer.value())
}

#[tokio::test]
async fn requests_stand_alone_in_the_newest_version() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let (status, about) = ask_alone(&app, &ada, "server/discover", json!({})).await;
    assert_eq!(status, 200, "{about}");
    let about = &about["result"];
    assert_eq!(about["supportedVersions"][0], "2026-07-28");
    assert_eq!(about["_meta"]["io.modelcontextprotocol/serverInfo"]["title"], "Resonant");
    let (_, list) = ask_alone(&app, &ada, "tools/list", json!({})).await;
    let list = &list["result"];
    for result in [about, list] {
        assert_eq!(result["resultType"], "complete", "{result}");
        assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(0), &json!("private")));
    }
    let name = &list["tools"][0]["name"];
    let call = json!({ "name": name, "arguments": { "goal": "What is 12 * 7?" } });
    let (status, answer) = ask_alone(&app, &ada, "tools/call", call).await;
    assert_eq!((status, &answer["result"]["resultType"]), (200, &json!("complete")));
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("84"), "{answer}");

    for (method, params, status, code) in [
        ("initialize", json!({}), 404, -32_601),
        ("ping", json!({}), 404, -32_601),
        ("tools/call", json!({ "name": "x" }), 400, -32_602),
    ] {
        let (told, body) = ask_alone(&app, &ada, method, params).await;
        assert_eq!((told, &body["error"]["code"]), (status, &json!(code)), "{method}: {body}");
    }
    // Without what it must say of itself.
    let bare = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let bare = app.post("/mcp").by(&ada).header("mcp-protocol-version", "2026-07-28").json(&bare);
    let bare = bare.await;
    assert_eq!((bare.status, &bare.value()["error"]["code"]), (400, &json!(-32_602)));
    app.end().await;
}

#[tokio::test]
async fn who_wants_to_hear_hears_how_a_call_goes() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let tool = only_tool(&app, &ada).await;
    let accept = "application/json, text/event-stream";
    let mut body = call(&tool, &json!(1), "What is 12 * 7?");
    for is_wanted in [false, true] {
        if is_wanted {
            body["params"]["_meta"] = json!({ "progressToken": "t" });
        }
        let events = app.post("/mcp").by(&ada).header("accept", accept).json(&body).await;
        let text = events.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let messages: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
        let (answer, news) = messages.split_last().unwrap();
        assert_eq!(answer["id"], 1, "{answer}");
        assert_eq!(!news.is_empty(), is_wanted, "{news:?}");
        let mut before = 0;
        for note in news {
            assert_eq!(note["method"], "notifications/progress");
            assert_eq!(note["params"]["progressToken"], "t");
            assert!(note["params"]["message"].is_string(), "{note}");
            let progress = note["params"]["progress"].as_i64().unwrap();
            assert!(progress > before, "{news:?}");
            before = progress;
        }
    }
    app.end().await;
}

#[tokio::test]
async fn a_call_with_a_key_counts_once() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let tool = only_tool(&app, &ada).await;
    let once = async |key: &str, body: &Value| {
        let answer = app.post("/mcp").by(&ada).header("idempotency-key", key).json(body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.value()
    };
    let first = call(&tool, &json!(1), "What is 12 * 7?");
    let answers = (once("a", &first).await, once("a", &first).await);
    assert_eq!(answers.0, answers.1);
    assert!(answers.0.to_string().contains("84"), "{}", answers.0);
    assert_eq!(states(&app, &ada).await.len(), 1);
    // Another message under the same key is another call, and so is the same one under another key.
    let batch = json!([first, call(&tool, &json!("1"), "What is 12 * 8?")]);
    let both = once("a", &batch).await;
    assert_eq!(both[0], answers.0);
    assert!(both[1].to_string().contains("96"), "{both}");
    once("b", &first).await;
    assert_eq!(states(&app, &ada).await.len(), 3);
    let other = once("a", &call(&tool, &json!(1), "What is 12 * 9?")).await;
    assert_eq!(other["error"]["code"], -32_602, "{other}");
    // What was refused may be sent again.
    let wrong = call(&tool, &json!(7), "");
    for _ in 0..2 {
        let refused = once("c", &wrong).await;
        assert_eq!(refused["result"]["isError"], true, "{refused}");
    }
    assert_eq!(states(&app, &ada).await.len(), 3);
    let odd = app.post("/mcp").by(&ada).header("idempotency-key", "two words").json(&first).await;
    assert_eq!(odd.status, 400);
    app.end().await;
}

#[tokio::test]
async fn a_call_that_was_decided_on_has_its_answer_when_it_is_sent_again() {
    let app = TestApp::builder().workers(1).start().await;
    let ada = app.member("ada").await;
    let tools = json!([{ "name": "calculator", "needs_approval": true }]);
    let asker = json!({ "name": "Asker", "tools": tools });
    assert_eq!(app.post("/api/v1/agents").by(&ada).json(&asker).await.status, 201);
    let tool = only_tool(&app, &ada).await;
    let body = call(&tool, &json!(1), "What is 12 * 7?");
    let once =
        async || app.post("/mcp").by(&ada).header("idempotency-key", "a").json(&body).await.value();
    let waits = once().await["result"].clone();
    assert_eq!((&waits["isError"], &waits["_meta"]["state"]), (&json!(true), &json!("waiting")));
    let session = format!("/api/v1/sessions/{}", waits["_meta"]["session_id"].as_str().unwrap());
    let wait = app.get(&session).by(&ada).await.value()["waiting"].clone();
    let verdict = json!({ "call_id": wait["reason"]["calls"][0]["call_id"], "verdict": "approve" });
    let decision = json!({ "waiting": wait["sequence"], "kind": "calls", "verdicts": [verdict] });
    let decided = app.post(&format!("{session}/decisions")).by(&ada).json(&decision).await;
    assert_eq!(decided.status, 202, "{decided:?}");
    until_they_are(&app, &ada, &["completed"]).await;
    let answer = once().await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    assert!(answer.to_string().contains("84"), "{answer}");
    app.end().await;
}

#[tokio::test]
async fn a_call_that_is_taken_back_ends_its_session() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    app.agent(&ada, "Reckoner").await;
    let tool = only_tool(&app, &ada).await;
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize" });
    let hello = app.post("/mcp").by(&ada).json(&hello).await;
    let conversation = hello.header("mcp-session-id").to_owned();
    let take_back = async |visitor: &Visitor, conversation: &str, id: Value| {
        let params = json!({ "requestId": id, "reason": "never mind" });
        let told =
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        let request = app.post("/mcp").by(visitor).header("mcp-session-id", conversation);
        assert_eq!(request.json(&told).await.status, 202);
    };
    let body = call(&tool, &json!(5), "Wait for no worker");
    let request = app.post("/mcp").by(&ada).header("mcp-session-id", &conversation).json(&body);
    let waiting = tokio::spawn(request.into_future());
    until_they_are(&app, &ada, &["queued"]).await;
    // The same number of another caller, of another conversation, and another number.
    take_back(&bob, &conversation, json!(5)).await;
    take_back(&ada, "another", json!(5)).await;
    take_back(&ada, &conversation, json!(6)).await;
    take_back(&ada, &conversation, Value::Null).await;
    assert_eq!(states(&app, &ada).await, ["queued"]);
    while states(&app, &ada).await == ["queued"] {
        // Until it is noted which session it is.
        take_back(&ada, &conversation, json!(5)).await;
    }
    until_they_are(&app, &ada, &["cancelled"]).await;
    let answer = waiting.await.unwrap().value();
    assert_eq!(answer["result"]["_meta"]["state"], "cancelled", "{answer}");
    app.end().await;
}

#[tokio::test]
async fn a_call_whose_caller_goes_away_ends_its_session() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let tool = only_tool(&app, &ada).await;
    let body = call(&tool, &json!(1), "Wait for no worker");
    let waiting = tokio::spawn(app.post("/mcp").by(&ada).json(&body).into_future());
    until_they_are(&app, &ada, &["queued"]).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    until_they_are(&app, &ada, &["cancelled"]).await;

    let accept = "application/json, text/event-stream";
    let request = app.post("/mcp").by(&ada).header("accept", accept);
    let events = request.json(&body).open().await;
    assert_eq!(events.status().as_u16(), 200);
    until_they_are(&app, &ada, &["queued", "cancelled"]).await;
    drop(events);
    until_they_are(&app, &ada, &["cancelled", "cancelled"]).await;

    // Whoever has named the call comes back for its answer.
    let request = app.post("/mcp").by(&ada).header("accept", accept).header("idempotency-key", "k");
    drop(request.json(&body).open().await);
    until_they_are(&app, &ada, &["queued", "cancelled", "cancelled"]).await;
    app.end().await;
}
