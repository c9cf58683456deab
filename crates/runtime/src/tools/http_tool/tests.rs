use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{any, get};

use super::*;
use crate::models::Secret;
use crate::tools::secrets::Secrets;

const CANARY: &str = "canary/7f3a9 é";

/// A server on this machine that tells back what it was sent.
struct Echo {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    async fn serve() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        let echo = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let mut shown: Vec<_> = headers
                .iter()
                .filter(|(name, _)| {
                    !["host", "accept", "user-agent", "accept-encoding"].contains(&name.as_str())
                })
                .map(|(name, value)| {
                    format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
                })
                .collect();
            shown.sort();
            let told =
                format!("{method} {uri} [{}] {}", shown.join("; "), String::from_utf8_lossy(&body));
            record.lock().unwrap().push(told.clone());
            async move { told }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let elsewhere = format!("http://localhost:{port}/stolen");
        let router = Router::new()
            .route("/away", any(move || async move { Redirect::temporary(&elsewhere) }))
            .route("/here", any(|| async { Redirect::temporary("/echo") }))
            .route(
                "/json",
                get(|| async { ([(header::CONTENT_TYPE, "application/json")], r#"{"a":[1]}"#) }),
            )
            .route("/gone", any(|| async { (StatusCode::GONE, "moved out").into_response() }))
            .route(
                "/moved",
                any(|| async { (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "/echo")]) }),
            )
            .route("/see", any(|| async { Redirect::to("/echo") }))
            .route("/app", any(|| async { found_at("app://done") }))
            .route("/wrong", any(|| async { found_at("http://") }))
            .fallback(echo);
        drop(tokio::spawn(async move { axum::serve(listener, router).await }));
        Self { origin: format!("http://127.0.0.1:{port}"), seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn found_at(place: &'static str) -> impl IntoResponse {
    (StatusCode::FOUND, [(header::LOCATION, place)])
}

fn context(hosts: &[&str]) -> ToolContext {
    let secret = BoundSecret {
        name: "KEY".to_owned(),
        value: Secret::new(CANARY),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
    };
    ToolContext {
        secrets: Secrets::new(vec![secret]),
        idempotency_key: "s1-call01001".to_owned(),
        ..ToolContext::default()
    }
}

fn tool(settings: Value) -> HttpTool {
    let mut settings = settings;
    settings["kind"] = "http".into();
    settings["description"] = "a test".into();
    let names = ["a", "b", "c", "list"].map(|name| (name.to_owned(), json!({})));
    settings["input_schema"] =
        json!({ "type": "object", "properties": serde_json::Map::from_iter(names) });
    let grant: ToolGrant =
        serde_json::from_value(json!({ "name": "test", "settings": settings })).unwrap();
    let mut faults = Vec::new();
    resonant_domain::grant::check_all(&mut faults, std::slice::from_ref(&grant));
    assert_eq!(faults, []);
    let resonant_domain::grant::ToolSettings::Http(written) = grant.settings.clone() else {
        unreachable!()
    };
    HttpTool::new(&grant, written, Egress::public_allowing_private())
}

async fn call(tool: &HttpTool, arguments: &Value, context: &ToolContext) -> String {
    match tool.call(arguments, context).await {
        Ok(text) => text,
        Err(error) => format!("! {error}"),
    }
}

#[tokio::test]
async fn a_request_is_sent_as_it_is_written() {
    let echo = Echo::serve().await;
    let url = |path: &str| format!("{}{path}", echo.origin);
    let context = context(&["127.0.0.1"]);
    for (settings, arguments, sent) in [
        (
            json!({ "url": url("/x/{{a}}?y={{b}}") }),
            json!({ "a": "1/2 ?#&%", "b": "é+" }),
            "GET /x/1%2F2%20%3F%23%26%25?y=%C3%A9%2B [] ",
        ),
        (
            json!({ "url": url("/q"), "query": { "n": "{{a}}", "m": "{{b}}", "l": "{{list}}", "t": "v{{c}}" } }),
            json!({ "a": "x y&z", "list": [1, "two"] }),
            "GET /q?l=1&l=two&n=x+y%26z [] ",
        ),
        (
            json!({ "url": url("/l/{{list}}"), "headers": { "x-l": "{{list}}" } }),
            json!({ "list": ["a,b", 2] }),
            "GET /l/a%2Cb,2 [x-l: a,b,2] ",
        ),
        (
            json!({
                "url": url("/s?x=1"),
                "query": { "a": "{{a}}", "b": "{{b}}", "c": "{{c}}", "l": "{{list}}" },
                "styles": { "a": "comma", "b": "deep_object", "c": "form", "l": "pipe" },
            }),
            json!({
                "a": ["x,y", 2],
                "b": { "k": { "n": 1 }, "m": [1, 2] },
                "c": { "d": "e f", "g": [1, 2], "h": null },
                "list": ["p", "q"],
            }),
            "GET /s?x=1&a=x%2Cy,2&b%5Bk%5D%5Bn%5D=1&b%5Bm%5D=1&b%5Bm%5D=2&d=e+f&g=1&g=2&l=p%7Cq [] ",
        ),
        (
            json!({
                "url": url("/s"),
                "query": { "a": "{{a}}", "b": "{{b}}", "c": "{{c}}", "l": "{{list}}" },
                "styles": { "a": "space", "b": "json", "c": "comma", "l": "comma" },
            }),
            json!({ "a": ["x y", 2], "b": [1], "c": { "d": 1 }, "list": [] }),
            "GET /s?a=x+y%202&b=%5B1%5D&c=d,1 [] ",
        ),
        (
            json!({ "url": url("/h"), "headers": { "x-a": "a {{a}}", "x-b": "{{b}}" } }),
            json!({ "a": 5 }),
            "GET /h [x-a: a 5] ",
        ),
        (
            json!({ "url": url("/b"), "method": "POST", "body": { "t": "{{a}}", "n": "n={{b}}", "gone": "{{c}}", "in": ["{{list}}", "{{c}}", true] } }),
            json!({ "a": { "deep": [1, "\""] }, "b": "{{secrets.KEY}}", "list": [] }),
            r#"POST /b [content-length: 76; content-type: application/json; idempotency-key: "s1-call01001"] {"t":{"deep":[1,"\""]},"n":"n={{secrets.KEY}}","in":[[],true]}"#,
        ),
        (
            json!({ "url": url("/f"), "method": "PUT", "headers": { "content-type": "application/x-www-form-urlencoded" }, "body": { "t": "{{a}}", "l": "{{list}}" } }),
            json!({ "a": "x&y=1", "list": [1, 2] }),
            "PUT /f [content-length: 17; content-type: application/x-www-form-urlencoded] t=x%26y%3D1&l=1&l=2",
        ),
        (
            json!({ "url": url("/t"), "method": "PATCH", "headers": { "idempotency-key": "own" }, "body": "say {{a}}" }),
            json!({ "a": "hi" }),
            "PATCH /t [content-length: 6; content-type: text/plain; charset=utf-8; idempotency-key: own] say hi",
        ),
    ] {
        let told = call(&tool(settings), &arguments, &context).await;
        let seen = echo.seen().pop().unwrap();
        // The length follows from the body.
        let without = |text: &str| {
            text.split("content-length").next().unwrap().to_owned()
                + text.split_once("; content-type").map_or("", |(_, rest)| rest)
        };
        assert_eq!(without(&seen), without(sent), "{told}");
        assert!(told.starts_with(r#"{"status":200,"body":"#), "{told}");
    }
}

#[tokio::test]
async fn what_does_not_fit_its_place_is_not_sent() {
    let echo = Echo::serve().await;
    let context = context(&["127.0.0.1"]);
    let path = tool(json!({ "url": format!("{}/users/{{{{a}}}}{{{{b}}}}/x", echo.origin) }));
    let head = tool(json!({ "url": echo.origin, "headers": { "x": "{{a}}" } }));
    let secret = tool(json!({ "url": echo.origin, "headers": { "x": "{{secrets.OTHER}}" } }));
    for (tool, arguments, expected) in [
        (
            &path,
            json!({ "a": "." , "b": "." }),
            "! a value must not change the path of the address",
        ),
        (&path, json!({ "a": "..", "b": "" }), "! a value must not change the path of the address"),
        (&path, json!({ "a": "x" }), "! `b` is missing"),
        (&head, json!({ "a": "x\r\ny: z" }), "! the header x must be one line"),
        (
            &secret,
            json!({}),
            "! there is no secret OTHER; its owner adds it to the secrets of the account",
        ),
    ] {
        assert_eq!(call(tool, &arguments, &context).await, expected);
    }
    // Whatever a value is, what is asked for stays one thing below its place.
    let item = tool(json!({ "url": format!("{}/users/{{{{a}}}}?full=1", echo.origin) }));
    for value in ["", " ", ".", "..", "%2e%2E", "%252e", "x/../y", "x%2F..%2fy", "..\\x", "/.."] {
        let told = call(&item, &json!({ "a": value }), &context).await;
        assert_eq!(told, "! a value must not change the path of the address", "{value:?}");
    }
    let told = call(&item, &json!({ "a": [] }), &context).await;
    assert_eq!(told, "! a value must not change the path of the address");
    assert_eq!(echo.seen(), [""; 0]);
    for (value, path) in
        [("a.b", "/users/a.b?full=1"), ("1/2", "/users/1%2F2?full=1"), ("...", "/users/...?full=1")]
    {
        let told = call(&item, &json!({ "a": value }), &context).await;
        assert!(told.contains(path), "{told}");
    }
    assert!(call(&path, &json!({ "a": "..", "b": "x" }), &context).await.contains("/users/..x/x"));
}

#[tokio::test]
async fn a_secret_goes_to_its_hosts_alone_and_does_not_come_back() {
    let echo = Echo::serve().await;
    let settings = |path: &str| json!({ "url": format!("{}{path}", echo.origin), "headers": { "authorization": "Bearer {{secrets.KEY}}" }, "query": { "key": "{{secrets.KEY}}" } });
    let here = context(&["127.0.0.1"]);
    for path in ["/echo", "/here"] {
        let told = call(&tool(settings(path)), &json!({}), &here).await;
        assert!(
            echo.seen().pop().unwrap().contains("authorization: Bearer canary/7f3a9"),
            "{told}"
        );
        assert!(
            told.contains('…') && !told.contains("canary") && !told.contains("7f3a9"),
            "{told}"
        );
    }
    let sent = echo.seen().len();
    // The same server by a name that the secret is not bound to.
    for hosts in [&["127.0.0.1"][..], &["127.0.0.1", "localhost"]] {
        let told = call(&tool(settings("/away")), &json!({}), &context(hosts)).await;
        let whose = if hosts.len() == 1 { "the secret KEY" } else { "the tool test" };
        assert_eq!(told, format!("! {whose} may not go to localhost"));
    }
    let told = call(&tool(settings("/echo")), &json!({}), &context(&["api.example.org"])).await;
    assert_eq!(told, "! the secret KEY may not go to 127.0.0.1");
    assert_eq!(echo.seen().len(), sent);
}

#[tokio::test]
async fn an_answer_is_told_with_its_status() {
    let echo = Echo::serve().await;
    let of = |path: &str| tool(json!({ "url": format!("{}{path}", echo.origin) }));
    let context = ToolContext::default();
    assert_eq!(
        call(&of("/json"), &json!({}), &context).await,
        r#"{"status":200,"body":{"a":[1]}}"#
    );
    assert_eq!(call(&of("/gone"), &json!({}), &context).await, "! it answers 410: moved out");
}

#[tokio::test]
async fn what_a_redirect_would_lose_is_not_called_done() {
    let echo = Echo::serve().await;
    let context = ToolContext::default();
    let ask = async |path: &str, method: &str| {
        let settings = json!({ "url": format!("{}{path}", echo.origin), "method": method });
        call(&tool(settings), &json!({}), &context).await
    };
    let told = format!("! it redirects to {}/echo; name that address", echo.origin);
    assert_eq!(ask("/moved", "POST").await, told);
    assert_eq!(ask("/see", "PUT").await, told);
    // A server that has done what it was asked may answer so, too.
    let unknown = ask("/see", "POST").await;
    assert!(unknown.starts_with(&told) && unknown.contains("the outcome is unknown"), "{unknown}");
    // Wherever it leads.
    for (path, to) in [("/app", "app://done"), ("/wrong", "http://")] {
        let unknown = ask(path, "POST").await;
        let told = format!("! it redirects to {to}; name that address; the outcome is unknown");
        assert!(unknown.starts_with(&told), "{unknown}");
        let refused = ask(path, "GET").await;
        assert!(refused.starts_with("! this address cannot be fetched"), "{refused}");
    }
    assert_eq!(echo.seen(), [""; 0]);
    for (path, method) in [("/see", "GET"), ("/moved", "PUT"), ("/here", "POST")] {
        let told = ask(path, method).await;
        assert!(told.contains(&format!("{method} /echo")), "{told}");
    }
}

#[tokio::test]
async fn a_long_answer_is_kept_whole_and_a_longer_one_says_where_it_is_cut() {
    let long = "a \"line\"\n".repeat(30_000);
    // Its middle would be cut where the answer is.
    let (before, behind) = (ANSWER_MAX_BYTES - 5, ANSWER_MAX_BYTES / 2);
    let longer = format!("{}{CANARY}{}", "x".repeat(before), "y".repeat(behind));
    let list = format!("[{}]", vec![r#""a\"b""#; 50_000].join(","));
    let kind = |kind: &'static str| [(header::CONTENT_TYPE, kind)];
    let (served, json) = (long.clone(), list.clone());
    let router = Router::new()
        .route("/long", get(move || async move { (kind("text/plain"), served) }))
        .route("/longer", get(move || async move { (kind("text/plain"), longer) }))
        .route("/list", get(move || async move { (kind("application/json"), json) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    let context = context(&["127.0.0.1"]);
    let ask = async |path: &str| {
        let asked = tool(json!({ "url": format!("{origin}{path}") }));
        call(&asked, &json!({}), &context).await
    };
    let told: Value = ask("/long").await.parse().unwrap();
    assert_eq!(told, json!({ "status": 200, "body": long }));
    let told: Value = ask("/list").await.parse().unwrap();
    assert_eq!(told["body"].as_array().map(Vec::len), Some(50_000));
    let told = ask("/longer").await;
    // Before the body, where a model sees it.
    assert!(told.starts_with(r#"{"status":200,"truncated":true,"note":"The body is longer"#));
    assert!(told.len() < ANSWER_MAX_BYTES + 200 && !told.contains("canary"), "{}", told.len());
}

#[tokio::test]
async fn json_is_asked_for_first() {
    let told = |headers: HeaderMap| async move {
        let accepted = headers.get_all(header::ACCEPT).iter();
        accepted.map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" | ")
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(told);
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    let context = ToolContext::default();
    for (headers, accepted) in [
        (json!({}), "application/json, text/*;q=0.9, */*;q=0.5"),
        (json!({ "Accept": "text/csv" }), "text/csv"),
    ] {
        let asked = tool(json!({ "url": url, "headers": headers }));
        let told = call(&asked, &json!({}), &context).await;
        assert_eq!(told, json!({ "status": 200, "body": accepted }).to_string());
    }
}

#[tokio::test]
async fn a_secret_is_not_sent_in_the_clear() {
    let written =
        tool(json!({ "url": "http://93.184.216.34/", "headers": { "x": "{{secrets.KEY}}" } }));
    let public = HttpTool { egress: Egress::public(), ..written };
    let told = call(&public, &json!({}), &context(&["93.184.216.34"])).await;
    assert_eq!(told, "! a secret goes over https alone, not to http://93.184.216.34");
}

/// A server that reads a request and then does as the path says: nothing at all, or break off.
async fn silent() -> String {
    use tokio::io::AsyncReadExt as _;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).await.unwrap();
            if request[..count].windows(5).any(|piece| piece == b"/wait") {
                kept.push(stream);
            }
        }
    }));
    origin
}

#[tokio::test]
async fn what_may_have_taken_effect_is_called_unknown() {
    let origin = silent().await;
    let gateway = Router::new().fallback(|| async { StatusCode::GATEWAY_TIMEOUT });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = format!("http://{}/", listener.local_addr().unwrap());
    drop(tokio::spawn(async move { axum::serve(listener, gateway).await }));
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    for (url, reason, is_unknown) in [
        (format!("{origin}/wait"), "did not answer within 1 seconds", true),
        (format!("{origin}/break"), "the host broke off", true),
        (behind, "it answers 504", true),
        (nowhere, "could not be reached", false),
        (format!("{origin}/wait?x={{{{a}}}}"), "`a` is missing", false),
    ] {
        for (method, is_once) in [("POST", true), ("GET", false)] {
            let settings = json!({ "url": url, "method": method, "timeout_seconds": 1 });
            let told = call(&tool(settings), &json!({}), &context(&["127.0.0.1"])).await;
            assert!(told.contains(reason), "{method} {url}: {told}");
            assert_eq!(told.contains("the outcome is unknown"), is_once && is_unknown, "{told}");
        }
    }
}
