//! Spans on their way to a collector, decoded as the protocol describes it.

use std::collections::{BTreeSet, HashMap};
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use prost::Message as _;
use resonant_backend::fresh_database;
use serde_json::json;
use tokio::net::TcpListener;

use super::Running;
use super::running::ask;
use crate::support::TestApp;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// How the caller names its request.
const REQUEST: &str = "request-of-ada";

/// What a collector and a model heard.
#[derive(Clone, Default)]
struct Heard {
    batches: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    asked: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Heard {
    /// Serves both on one port.
    async fn listen(&self) -> String {
        let router = Router::new()
            .route("/v1/traces", post(take_spans))
            .route("/v1/chat/completions", post(answer))
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(tokio::spawn(async { axum::serve(listener, router).await.unwrap() }));
        url
    }

    /// All spans of the trace.
    fn spans(&self) -> Vec<Span> {
        let batches = self.batches.lock().unwrap();
        let all = batches.iter().flat_map(|batch| &batch.resource_spans);
        let all = all.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
        all.filter(|span| hex(&span.trace_id) == TRACE).cloned().collect()
    }
}

async fn take_spans(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) -> &'static str {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let batch = ExportTraceServiceRequest::decode(body).unwrap();
    heard.batches.lock().unwrap().push(batch);
    ""
}

/// Asks for a tool, then answers.
async fn answer(State(heard): State<Heard>, headers: HeaderMap) -> (HeaderMap, String) {
    let mut asked = heard.asked.lock().unwrap();
    asked.push(headers);
    let call = json!({
        "tool_calls": [{
            "index": 0, "id": "call00001", "type": "function",
            "function": { "name": "calculator", "arguments": "{\"expression\":\"6 * 7\"}" },
        }],
    });
    let (delta, finish) = match asked.len() {
        1 => (call, "tool_calls"),
        _ => (json!({ "content": "42" }), "stop"),
    };
    let chunk = |delta: &serde_json::Value, finish: Option<&str>| {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        let usage = json!({ "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7 });
        let chunk = json!({
            "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow",
            "choices": choices, "usage": finish.map(|_| usage),
        });
        format!("data: {chunk}\n\n")
    };
    let text =
        [chunk(&delta, None), chunk(&json!({}), Some(finish)), "data: [DONE]\n\n".to_owned()];
    let kind = ("content-type".parse().unwrap(), "text/event-stream".parse().unwrap());
    (HeaderMap::from_iter([kind]), text.concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &*format!("{byte:02x}"))
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

/// The names from a span up to the caller's.
fn way_up<'a>(spans: &'a [Span], span: &'a Span) -> Vec<&'a str> {
    let by_id: HashMap<_, _> = spans.iter().map(|span| (span.span_id.clone(), span)).collect();
    let mut names = vec![span.name.as_str()];
    let mut parent = &span.parent_span_id;
    while let Some(span) = by_id.get(parent) {
        names.push(&span.name);
        parent = &span.parent_span_id;
    }
    assert_eq!(hex(parent), CALLER, "{names:?} do not lead to the caller");
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_the_caller_through_the_queue_to_the_model() {
    let heard = Heard::default();
    let url = heard.listen().await;
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let (database, model) = (app.database_url(), format!("{url}/v1"));
    let mut running = Running::start(&[
        ("DATABASE_URL", &database),
        ("OPENAI_BASE_URL", &model),
        ("OPENAI_MODEL", "slow"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_SERVICE_NAME", "resonant-test"),
        ("LOG_FORMAT", "json"),
    ]);
    let goal = json!({ "goal": "What is 6 × 7?" }).to_string();
    let path = format!("/api/v1/agents/{}/execute", agent.id);
    let headers = format!(
        "Cookie: resonant_sign_in={}\r\ntraceparent: 00-{TRACE}-{CALLER}-01\r\n\
         X-Request-Id: {REQUEST}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        ada.token.as_ref().unwrap(),
        goal.len()
    );
    let started = ask(running.port, "POST", &path, &headers, &goal).unwrap();
    assert!(started.contains(" 202 "), "{started}");
    let session = started.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    let log = running.ask(&format!("/api/v1/sessions/{session}/stream"), &cookie).unwrap();
    assert!(log.contains("event: end"), "{log}");
    running.tell("-TERM");
    assert!(running.child.wait().unwrap().success());

    let spans = heard.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let one = |name: &str| {
        let found = named(name);
        assert_eq!(
            found.len(),
            1,
            "{name}: {:?}",
            spans.iter().map(|s| &s.name).collect::<Vec<_>>()
        );
        found[0]
    };
    let request = one("POST /api/v1/agents/{id}/execute");
    assert_eq!(request.kind(), SpanKind::Server);
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(attribute(request, "http.response.status_code").as_deref(), Some("202"));
    let way = way_up(&spans, one("db.queue.insert"));
    assert_eq!(way, ["db.queue.insert", "sessions.start", request.name.as_str()]);

    let work = one("work");
    assert_eq!(work.kind(), SpanKind::Consumer);
    let queued = &one("db.queue.insert").span_id;
    assert_eq!(&work.parent_span_id, queued, "the queue carries the trace");
    assert_eq!(attribute(work, "request.id").as_deref(), Some(REQUEST), "and the request");
    let run = one("session.run");
    for (name, value) in [
        ("agent_id", agent.id.to_string().as_str()),
        ("session.id", session),
        ("goal_length", "14"),
        ("steps", "2"),
        ("tokens_used", "14"),
    ] {
        assert_eq!(attribute(run, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(named("step").len(), 2);
    assert_eq!(way_up(&spans, one("tool"))[..4], ["tool", "step", "session.run", "work"]);
    assert_eq!(attribute(one("tool"), "tool.name").as_deref(), Some("calculator"));
    let models = named("model");
    assert_eq!(way_up(&spans, models[0])[..3], ["model", "step", "session.run"]);
    assert_eq!(attribute(models[0], "gen_ai.request.model").as_deref(), Some("slow"));
    assert!(spans.iter().all(|span| {
        span.status.as_ref().is_none_or(|status| status.code() != StatusCode::Error)
    }));
    let under_run = spans.iter().filter(|span| span.name.starts_with("db."));
    let under_run = under_run.filter(|span| way_up(&spans, span).contains(&"session.run"));
    assert!(under_run.count() > 2, "the log's statements belong to the session");

    // The model is told where in the trace it was asked.
    for (headers, span) in heard.asked.lock().unwrap().iter().zip(&models) {
        let given = headers["traceparent"].to_str().unwrap();
        assert_eq!(given, format!("00-{TRACE}-{}-01", hex(&span.span_id)));
    }
    let batches = std::mem::take(&mut *heard.batches.lock().unwrap());
    let resource = batches[0].resource_spans[0].resource.as_ref().unwrap();
    let service = resource.attributes.iter().find(|one| one.key == "service.name").unwrap();
    assert!(format!("{service:?}").contains("resonant-test"), "{service:?}");
    let roots = batches.iter().flat_map(|batch| &batch.resource_spans);
    let roots = roots.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
    for root in roots.filter(|span| span.parent_span_id.is_empty()) {
        assert_eq!(root.kind(), SpanKind::Server, "{}: nobody asked for it", root.name);
    }

    let mut log = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    for event in ["answered", "session over"] {
        let lines = log.lines().filter(|line| line.contains(event) && line.contains(TRACE));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), 1, "{event}: {log}");
        assert!(lines[0].contains(REQUEST), "{event}: {log}");
    }
    app.end().await;
}

/// What is logged of a session that breaks off is found by the request that started it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_breaks_off_is_logged_with_its_request() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let database = app.database_url();
    fresh_database::execute(&database, BROKEN).await;
    let mut running = Running::start(&[("DATABASE_URL", &database), ("LOG_FORMAT", "json")]);
    let goal = json!({ "goal": "What is 6 * 7?" }).to_string();
    let path = format!("/api/v1/agents/{}/execute", agent.id);
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    let headers = format!(
        "{cookie}X-Request-Id: {REQUEST}\r\nIdempotency-Key: \"one-session\"\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        goal.len()
    );
    let started = ask(running.port, "POST", &path, &headers, &goal).unwrap();
    let session = started.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
    let log = running.ask(&format!("/api/v1/sessions/{session}/stream"), &cookie).unwrap();
    assert!(log.contains("event: end"), "{log}");
    running.tell("-TERM");
    assert!(running.child.wait().unwrap().success());

    let mut log = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    for (event, times) in [("a session's run broke off", 3), ("session set aside", 1)] {
        let lines = log.lines().filter(|line| line.contains(event) && line.contains(session));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), times, "{event}: {log}");
        assert!(lines.iter().all(|line| line.contains(REQUEST)), "{event}: {log}");
    }
    app.end().await;
}

/// Makes the database refuse the first step of every session.
const BROKEN: &str = "
    CREATE FUNCTION break_off() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'it breaks off';
    END
    $$;
    CREATE TRIGGER broken_events BEFORE INSERT ON session_events
        FOR EACH ROW WHEN (NEW.kind = 'step_start') EXECUTE FUNCTION break_off();
";

/// Makes the database slow to queue sessions, and to take what they write.
const SLOW: &str = "
    CREATE FUNCTION be_slow() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(TG_ARGV[0]::FLOAT8);
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER slow_queue AFTER INSERT ON session_queue
        FOR EACH STATEMENT EXECUTE FUNCTION be_slow('0.3');
    CREATE TRIGGER slow_events AFTER INSERT ON session_events
        FOR EACH STATEMENT EXECUTE FUNCTION be_slow('0.1');
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_statements_are_found_by_their_trace_without_a_collector() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.guest().await, app.admin().await);
    let agent = app.agent(&ada, "Reckoner").await;
    let database = app.database_url();
    fresh_database::execute(&database, SLOW).await;
    let mut running = Running::start(&[("DATABASE_URL", &database)]);
    let goal = json!({ "goal": "What is 6 * 7?" }).to_string();
    let path = format!("/api/v1/agents/{}/execute", agent.id);
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    for given in [format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n"), String::new()] {
        let length = goal.len();
        let headers = format!(
            "{cookie}{given}Content-Type: application/json\r\nContent-Length: {length}\r\n"
        );
        let started = ask(running.port, "POST", &path, &headers, &goal).unwrap();
        let session = started.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
        let log = running.ask(&format!("/api/v1/sessions/{session}/stream"), &cookie).unwrap();
        assert!(log.contains("event: end"), "{log}");
    }
    running.tell("-TERM");
    assert!(running.child.wait().unwrap().success());

    let levels = app.get("/api/v1/service-levels?period=1h").by(&admin).await.value();
    let slow = levels["slow"].as_array().unwrap();
    // Of the statement that was asked for by a request, and of one that its session's worker did.
    let [queued, written] = ["queue.insert", "session_event.append"].map(|name| {
        let named = slow.iter().filter(|one| one["kind"] == "statement" && one["name"] == name);
        named.map(|one| one["trace_id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    });
    assert!(queued.len() == 2 && queued.contains(TRACE), "{levels}");
    assert_eq!(queued, written, "a session keeps the trace of the request that started it");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_nobody_up() {
    let app = TestApp::start().await;
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", away.local_addr().unwrap());
    drop(away);
    let mut running = Running::start(&[
        ("DATABASE_URL", &app.database_url()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
        ("WORKER_CONCURRENCY", "0"),
    ]);
    for _ in 0..100 {
        assert!(running.ask("/api/v1/listings", "").unwrap().contains(" 200 "));
    }
    let told = Instant::now();
    running.tell("-TERM");
    assert!(running.child.wait().unwrap().success());
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    let mut log = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(log.matches("the collector takes no spans").count(), 1, "{log}");
    app.end().await;
}
