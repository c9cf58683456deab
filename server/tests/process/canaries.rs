//! Nothing that is secret stands in the log of a full run: each secret is a word that is looked for.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::running::ask;
use super::{Running, run};
use crate::support::TestApp;

/// Every canary begins with this.
const CANARY: &str = "canary7f3a9";

fn canary(name: &str) -> String {
    format!("{CANARY}{name}")
}

/// A model that asks for a tool with a secret, then answers, then fails.
async fn model() -> String {
    let router = Router::new().route("/v1/chat/completions", post(answer));
    let router = router.with_state(Arc::new(AtomicUsize::new(1)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(tokio::spawn(async { axum::serve(listener, router).await.unwrap() }));
    url
}

async fn answer(State(turn): State<Arc<AtomicUsize>>) -> Response {
    let arguments = json!({ "city": canary("argument") }).to_string();
    let call = json!({ "tool_calls": [{
        "index": 0, "id": "call00001", "type": "function",
        "function": { "name": "weather", "arguments": arguments },
    }] });
    let (delta, finish) = match turn.fetch_add(1, Ordering::Relaxed) {
        1 => (call, "tool_calls"),
        2 => (json!({ "content": canary("answer") }), "stop"),
        _ => {
            let message = format!("wrong key {}", canary("model"));
            let body = json!({ "error": { "message": message } }).to_string();
            return (StatusCode::UNAUTHORIZED, [("content-type", "application/json")], body)
                .into_response();
        }
    };
    let chunk = |delta: &Value, finish: Option<&str>| {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        format!("data: {}\n\n", json!({ "choices": choices }))
    };
    let text = [chunk(&delta, None), chunk(&json!({}), Some(finish))].concat();
    ([("content-type", "text/event-stream")], text).into_response()
}

/// Someone at a browser or a program, who keeps what is told in between.
struct Caller<'a> {
    running: &'a Running,
    headers: String,
}

impl Caller<'_> {
    fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> String {
        let headers =
            format!("{}Content-Type: {kind}\r\nContent-Length: {}\r\n", self.headers, body.len());
        ask(self.running.port, method, path, &headers, body).unwrap()
    }

    /// What the interface answers to JSON.
    fn json(&self, method: &str, path: &str, body: &Value) -> (String, Value) {
        let text =
            self.send(method, &format!("/api/v1{path}"), "application/json", &body.to_string());
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().to_owned();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn made(&self, path: &str, body: &Value) -> Value {
        let (status, value) = self.json("POST", path, body);
        assert!(status.starts_with("20"), "{path}: {status} {value}");
        value
    }
}

/// Signs up, keeps secrets, makes keys, runs sessions, makes webhooks and alerts, and does all of it
/// wrongly too.
fn live(running: &Running, environment: &[(&str, &str)]) -> Vec<String> {
    let token = running.sign_up(&canary("password"));
    let nobody = Caller { running, headers: String::new() };
    let wrong = format!("email=ada%40example.org&password={}", canary("wrong"));
    let kind = "application/x-www-form-urlencoded";
    nobody.send("POST", "/api/fn/account/sign_in", kind, &wrong);
    let (went_well, words) = run(&["admin", "create", "ada@example.org"], environment);
    assert!(went_well, "{words}");
    let ada = Caller { running, headers: format!("Cookie: resonant_sign_in={token}\r\n") };

    let secret =
        json!({ "name": "KEY", "value": canary("secret"), "hosts": ["api.example.invalid"] });
    ada.made("/secrets", &secret);
    ada.json("POST", "/secrets", &json!({ "name": "no", "value": canary("refused"), "hosts": [] }));
    let key = ada.made("/keys", &json!({ "name": "CI", "scopes": ["agents:read"] }));
    let key = key["key"].as_str().unwrap().to_owned();
    let program = Caller { running, headers: format!("Authorization: Bearer {key}\r\n") };
    assert_eq!(program.json("GET", "/agents", &json!({})).0, "200");
    let stranger = format!("Authorization: Bearer rk_live_{}\r\n", canary("key"));
    Caller { running, headers: stranger }.json("GET", "/agents", &json!({}));

    let agent = ada.made(
        "/agents",
        &json!({
            "name": "Weather",
            "system_prompt": canary("prompt"),
            "tools": [{
                "name": "weather",
                "settings": {
                    "kind": "http",
                    "description": "The weather of a city",
                    "url": format!("https://api.example.invalid/{}", canary("path")),
                    "query": { "city": "{{city}}" },
                    "headers": { "authorization": "Bearer {{secrets.KEY}}" },
                    "input_schema": {
                        "type": "object",
                        "properties": { "city": { "type": "string" } },
                        "required": ["city"],
                    },
                },
            }],
        }),
    );
    let id = agent["id"].as_str().unwrap();
    let hook = json!({ "url": format!("https://hooks.example.invalid/{}", canary("webhook")) });
    let webhook = ada.made("/webhooks", &hook);
    let trigger = ada.made("/triggers", &json!({ "agent_id": id, "goal": canary("trigger") }));
    for _ in 0..2 {
        let goal = json!({ "goal": canary("goal"), "context": canary("context") });
        let session = ada.made(&format!("/agents/{id}/execute"), &goal);
        let path = format!("/api/v1/sessions/{}/stream", session["id"].as_str().unwrap());
        let told = running.ask(&path, &ada.headers).unwrap();
        assert!(told.contains("event: end"), "{told}");
    }
    let alert = ada.made("/alerts", &json!({
        "name": "Slow", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        "channels": [
            { "type": "slack", "url": format!("https://hooks.example.invalid/{}", canary("slack")) },
            { "type": "mail", "to": format!("{}@example.invalid", canary("mail")) },
        ],
    }));
    let path = format!("/alerts/{}/test", alert["id"].as_str().unwrap());
    ada.made(&path, &json!({}));
    for path in [
        format!("/agents?cursor={}", canary("cursor")),
        format!("/sessions/{}", canary("id")),
        format!("/metrics?metrics={}", canary("metric")),
    ] {
        ada.json("GET", &path, &json!({}));
    }
    for path in ["/studio", "/admin", "/admin/service-levels", "/account/secrets", "/sessions"] {
        let query = format!("{path}?text={}", canary("query"));
        let page = running.ask(&query, &format!("{}Accept: text/html\r\n", ada.headers)).unwrap();
        assert!(page.contains(" 200 "), "{path}: {page}");
    }
    let told = |value: &Value| value["signing_key"].as_str().unwrap().to_owned();
    vec![token, key, told(&webhook), told(&trigger), told(&alert)]
}

/// What a run logs, with more in its environment. No secret stands there.
async fn log_of(format: &str, filter: &str, more: &[(&str, &str)]) -> String {
    let model = model().await;
    let app = TestApp::start().await;
    let database = app.database_url();
    let smtp = format!("smtp://user:{}@127.0.0.1:9", canary("smtp"));
    let (metrics_token, model_key) = (canary("metrics"), canary("model"));
    let sealing_key = "7f3a9".repeat(13)[..64].to_owned();
    let environment = [
        ("DATABASE_URL", database.as_str()),
        ("OPENAI_BASE_URL", &model),
        ("OPENAI_API_KEY", &model_key),
        ("OPENAI_MODEL", "told"),
        ("SECRETS_KEY", &sealing_key),
        ("SMTP_URL", &smtp),
        ("MAIL_FROM", "alerts@example.org"),
        ("METRICS_TOKEN", &metrics_token),
        ("LOG_FORMAT", format),
        ("RUST_LOG", filter),
    ];
    let mut running = Running::begin(&[], &[&environment, more].concat());
    // What is logged must not fill a pipe that nobody reads.
    let mut output = running.child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        output.read_to_string(&mut log).unwrap();
        log
    });
    let (running, mut secrets) = tokio::task::spawn_blocking(move || {
        running.wait_until_ready();
        let environment: Vec<_> = vec![("DATABASE_URL", database.as_str())];
        let secrets = live(&running, &environment);
        running.tell("-TERM");
        assert!(running.child.wait().unwrap().success());
        (running, secrets)
    })
    .await
    .unwrap();
    drop(running);
    let log = reader.join().unwrap();
    assert!(log.contains("session over") && log.contains("answered"), "{log}");
    secrets.extend([CANARY.to_owned(), sealing_key]);
    for secret in secrets {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&secret)).collect();
        assert!(lines.is_empty(), "{secret}: {lines:#?}");
    }
    if format == "json" {
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(line["message"].is_string() || line["error"].is_string(), "{line}");
        }
    }
    app.end().await;
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_run_leaves_no_secret_in_a_log_of_text() {
    log_of("text", "info", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_run_leaves_no_secret_in_a_log_of_json() {
    log_of("json", "info", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_run_leaves_no_secret_in_a_log_of_everything() {
    // Nobody answers there: of what fails the most is told, by the packages that we use too.
    let redis = format!("redis://user:{}@127.0.0.1:9/", canary("redis"));
    let replica = format!("postgres://user:{}@127.0.0.1:9/resonant", canary("replica"));
    let (anthropic, gemini) = (canary("anthropic"), canary("gemini"));
    let collector = format!("authorization=Bearer {}", canary("collector"));
    let models = "anthropic:claude-haiku-4-5,gemini:gemini-2.5-flash,openai:told";
    let more = [
        ("REDIS_URL", redis.as_str()),
        ("DATABASE_REPLICA_URLS", &replica),
        ("ANTHROPIC_API_KEY", &anthropic),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9"),
        ("GEMINI_API_KEY", &gemini),
        ("GEMINI_BASE_URL", "http://127.0.0.1:9"),
        ("MODELS_SIMPLE", models),
        ("MODELS_MODERATE", models),
        ("MODELS_COMPLEX", models),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_EXPORTER_OTLP_HEADERS", &collector),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let log = log_of("text", "debug", &more).await;
    for told in ["Redis does not answer", "the collector takes no spans"] {
        assert!(log.contains(told), "{told}: {log}");
    }
}

#[test]
fn what_an_address_says_and_nobody_knows_is_in_no_log() {
    let url = format!("postgres://user@127.0.0.1:9/resonant?sslpassword={}", canary("address"));
    for words in [&["all"][..], &["migrate"], &["doctor"], &["backup", "/nowhere/backup"]] {
        for name in ["DATABASE_URL", "DATABASE_REPLICA_URLS", "DATABASE_SHARD_URLS"] {
            let database = ("DATABASE_URL", "postgres://user@127.0.0.1:9/resonant");
            let (went_well, log) = run(words, &[database, (name, &url), ("RUST_LOG", "debug")]);
            assert!(!went_well && !log.contains(CANARY), "{name}: {log}");
        }
    }
}
