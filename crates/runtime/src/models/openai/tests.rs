//! The client against a server in this process.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response as HttpResponse;
use axum::http::header::{AUTHORIZATION, HeaderMap as AxumHeaders};
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::egress::Egress;
use crate::models::{CallRequest, FinishReason, Message};

/// What the server does with the n-th request.
type Answer = Arc<dyn Fn(usize, &Value) -> HttpResponse<Body> + Send + Sync>;

#[derive(Clone)]
struct Server {
    answer: Answer,
    count: Arc<AtomicUsize>,
    keys: Arc<Mutex<Vec<String>>>,
}

struct Running {
    url: Url,
    server: Server,
    _task: AbortOnDropHandle<()>,
}

async fn take(
    State(server): State<Server>,
    headers: AxumHeaders,
    body: Bytes,
) -> HttpResponse<Body> {
    let key = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    server.keys.lock().unwrap().push(key.to_owned());
    let body: Value = serde_json::from_slice(&body).unwrap();
    (server.answer)(server.count.fetch_add(1, Ordering::SeqCst), &body)
}

async fn serve(
    answer: impl Fn(usize, &Value) -> HttpResponse<Body> + Send + Sync + 'static,
) -> Running {
    let server = Server { answer: Arc::new(answer), count: Arc::default(), keys: Arc::default() };
    let router = Router::new().route("/v1/chat/completions", post(take)).with_state(server.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Running { url, server, _task: AbortOnDropHandle::new(task) }
}

fn model(url: &Url) -> OpenAi {
    let settings = OpenAiSettings {
        base_url: url.clone(),
        api_key: Some(Secret::new("sk-secret")),
        model: "m".to_owned(),
        input_price: 1_000_000,
        output_price: 2_000_000,
    };
    OpenAi::new(&settings, Egress::operator().unwrap()).unwrap()
}

fn request() -> ModelRequest {
    ModelRequest {
        model: "m".to_owned(),
        system: String::new(),
        messages: vec![Message::User { text: "Go".to_owned(), context: None }],
        tools: Vec::new(),
        may_call: true,
        max_output_tokens: 100,
        window: None,
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
    }
}

/// All of a reply: thinking, output, and the last piece.
#[derive(Debug, Default, PartialEq)]
struct Whole {
    thinking: String,
    output: String,
    calls: Vec<CallRequest>,
    usage: Usage,
    reason: Option<FinishReason>,
}

async fn whole(model: &OpenAi) -> Result<Whole, ModelError> {
    let mut stream = model.reply(request());
    let mut whole = Whole::default();
    while let Some(piece) = stream.next().await {
        match piece? {
            ModelPiece::Thinking(text) => whole.thinking.push_str(&text),
            ModelPiece::Output(text) => whole.output.push_str(&text),
            ModelPiece::Finish { calls, usage, reason } => {
                whole.calls = calls;
                whole.usage = usage;
                whole.reason = Some(reason);
            }
        }
    }
    Ok(whole)
}

fn events(chunks: Vec<Bytes>) -> HttpResponse<Body> {
    let chunks =
        stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)).then(|chunk| async {
            tokio::task::yield_now().await;
            chunk
        });
    HttpResponse::builder()
        .header(CONTENT_TYPE, "text/event-stream")
        .body(Body::from_stream(chunks))
        .unwrap()
}

fn text_events(text: &str) -> HttpResponse<Body> {
    events(vec![Bytes::copy_from_slice(text.as_bytes())])
}

fn error(status: u16, body: &str) -> HttpResponse<Body> {
    HttpResponse::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

const REPLY: &str = concat!(
    ": hello\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"Hm — é\"}}]}\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"Let me \"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"see 😀\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"calculator\",\"arguments\":\"\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"datetime\",\"arguments\":\"{\\\"op\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":1}\"}},{\"index\":1,\"function\":{\"arguments\":\"\\\":\\\"now\\\"}\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":500}}\n\n",
    "data: [DONE]\n\n",
);

fn expected() -> Whole {
    let call = |id: &str, tool: &str, arguments: Value, given: Value| CallRequest {
        call_id: id.to_owned(),
        tool: tool.to_owned(),
        arguments,
        provider_data: Some(given).filter(|given| !given.is_null()),
    };
    let reasoned = json!({ "by": "openai:m", "reasoning_content": "Hm — é" });
    Whole {
        thinking: "Hm — é".to_owned(),
        output: "Let me see 😀".to_owned(),
        calls: vec![
            call("a", "calculator", json!({"x": 1}), reasoned),
            call("b", "datetime", json!({"op": "now"}), Value::Null),
        ],
        // 1000 tokens at 1 dollar and 500 at 2 dollars a million.
        usage: Usage {
            input_tokens: 1_000,
            output_tokens: 500,
            cost: resonant_domain::money::MicroUsd(2_000),
        },
        reason: Some(FinishReason::ToolCalls),
    }
}

#[tokio::test]
async fn a_reply_is_the_same_wherever_the_network_cuts_it() {
    let server = serve(|n, _| {
        let bytes = Bytes::from_static(REPLY.as_bytes());
        events(vec![bytes.slice(..n), bytes.slice(n..)])
    })
    .await;
    let model = model(&server.url);
    for cut in 0..=REPLY.len() {
        assert_eq!(whole(&model).await.unwrap(), expected(), "cut at {cut}");
    }
    let server =
        serve(|_, _| events(REPLY.bytes().map(|byte| Bytes::from(vec![byte])).collect())).await;
    assert_eq!(whole(&self::model(&server.url)).await.unwrap(), expected());
    assert_eq!(server.server.keys.lock().unwrap()[0], "Bearer sk-secret");
}

#[tokio::test]
async fn what_servers_leave_out_is_made_up_for() {
    let plain = "data: {\"choices\":[{\"delta\":{\"content\":\"12345678\"},\"finish_reason\":\"stop\"}]}\n\n";
    let separate = plain.replace(",\"finish_reason\":\"stop\"", "")
        + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}";
    for (text, output, reason) in [
        // Neither usage nor an end mark.
        (plain.to_owned(), "12345678", FinishReason::Stop),
        // An end mark, but no reason and no blank line behind it.
        (
            plain.replace(",\"finish_reason\":\"stop\"", "") + "data: [DONE]",
            "12345678",
            FinishReason::Stop,
        ),
        (separate, "12345678", FinishReason::Length),
        // No blank line between events.
        (
            plain.replace("\n\n", "\n").repeat(2) + "\ndata: [DONE]\n\n",
            "1234567812345678",
            FinishReason::Stop,
        ),
        // None at all, and the end mark with them.
        (
            plain.replace("\n\n", "\n").repeat(2) + "data: [DONE]\n\n",
            "1234567812345678",
            FinishReason::Stop,
        ),
        // Other events and fields.
        (format!("event: ping\nid: 3\nretry: 10\n\n{plain}"), "12345678", FinishReason::Stop),
    ] {
        let server = serve(move |_, _| text_events(&text)).await;
        let whole = whole(&model(&server.url)).await.unwrap();
        assert_eq!(whole.output, output);
        assert_eq!(whole.reason, Some(reason));
        assert_eq!(whole.usage.output_tokens, output.len() as u64 / 4);
        assert!(whole.usage.input_tokens > 0);
    }
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let server = serve(|_, _| {
        error(200, r#"{"choices":[{"message":{"content":"hi","tool_calls":[{"id":"x","function":{"name":"t","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#)
    })
    .await;
    let whole = whole(&model(&server.url)).await.unwrap();
    assert_eq!((whole.output.as_str(), whole.calls.len(), whole.usage.output_tokens), ("hi", 1, 2));
}

/// What two servers want back with a call: the reasoning of its turn, or a signature. They refuse the next
/// request without it.
#[tokio::test]
async fn what_came_with_a_call_goes_back_to_who_sent_it() {
    const REASONED: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"First \"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"reckon\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"calculator\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    const SIGNED: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"calculator\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_signature\":\"c2ln\"}}}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    let wanted: [(&str, &str, Value, &str); 2] = [
        (REASONED, "/reasoning_content", json!("First reckon"), "must be passed back"),
        (
            SIGNED,
            "/tool_calls/0/extra_content/google/thought_signature",
            json!("c2ln"),
            "is missing a thought_signature",
        ),
    ];
    for (reply, place, given, refusal) in wanted {
        let value = given.clone();
        let server = serve(move |n, body| {
            let said = &body["messages"][2];
            match (n, said.pointer(place)) {
                (0, _) => text_events(reply),
                (_, Some(told)) if *told == value => text_events(REPLY),
                _ => error(400, &json!({ "error": { "message": refusal } }).to_string()),
            }
        })
        .await;
        let model = model(&server.url);
        let calls = whole(&model).await.unwrap().calls;
        let ask = async |calls: &[CallRequest], name: &str| {
            let mut request = ModelRequest { model: name.to_owned(), ..request() };
            let calls = calls.to_vec();
            request.messages.push(Message::Assistant { text: String::new(), calls });
            let (call_id, tool) = ("a".to_owned(), "calculator".to_owned());
            let content = "4".to_owned();
            request.messages.push(Message::Tool { call_id, tool, content, is_error: false });
            let pieces: Vec<_> = model.reply(request).collect().await;
            pieces.into_iter().collect::<Result<Vec<_>, _>>()
        };
        ask(&calls, "m").await.unwrap();
        // Another model gets nothing of it.
        let refused = ask(&calls, "other").await.unwrap_err();
        assert!(refused.to_string().contains(refusal), "{refused}");
    }
}

#[tokio::test]
async fn an_answer_without_a_word_is_not_told() {
    let server = serve(|_, body| {
        assert_eq!(body["messages"].as_array().unwrap().len(), 2, "{body}");
        text_events(REPLY)
    })
    .await;
    let model = model(&server.url);
    let mut request = request();
    request.messages.push(Message::Assistant { text: " \n".to_owned(), calls: Vec::new() });
    let pieces: Vec<_> = model.reply(request).collect().await;
    assert!(pieces.iter().all(Result::is_ok));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (status, body, is_transient, part) in [
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-secret"}}"#,
            false,
            "refused the key (HTTP 401): Incorrect API key provided: …",
        ),
        (404, r#"{"error":{"message":"model m not found"}}"#, false, "does not know the model"),
        (400, r#"{"detail":"bad"}"#, false, "refused the request (HTTP 400): bad"),
        (429, r#"{"error":{"message":"slow down"}}"#, true, "busy (HTTP 429): slow down"),
        (429, r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#, false, "no quota left"),
        (500, "oops", true, "failed (HTTP 500): oops"),
        (503, "<html>gateway</html>", true, "failed (HTTP 503)"),
        (302, "", false, "redirects"),
    ] {
        let server = serve(move |_, _| error(status, body)).await;
        let failed = whole(&model(&server.url)).await.unwrap_err();
        assert_eq!(matches!(failed, ModelError::Transient { .. }), is_transient, "{failed}");
        assert!(failed.to_string().contains(part), "{failed}");
        assert!(!failed.to_string().contains("sk-secret"), "{failed}");
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_within_bounds() {
    for (value, expected) in [
        ("7", Some(7)),
        ("3600", Some(20)),
        ("Mon, 23 Nov 2026 12:00:05 GMT", Some(5)),
        ("Mon, 23 Nov 2020 12:00:05 GMT", Some(0)),
        ("soon", None),
    ] {
        let server = serve(move |_, _| {
            HttpResponse::builder()
                .status(429)
                .header("retry-after", value)
                .body(Body::empty())
                .unwrap()
        })
        .await;
        let Err(ModelError::Transient { retry_after, .. }) = whole(&model(&server.url)).await
        else {
            panic!("{value}");
        };
        assert_eq!(retry_after.map(|wait| wait.as_secs()), expected, "{value}");
    }
}

#[tokio::test]
async fn after_a_refusal_that_passes_the_same_request_succeeds() {
    let server = serve(|n, _| if n == 0 { error(429, "{}") } else { text_events(REPLY) }).await;
    let model = model(&server.url);
    assert!(matches!(whole(&model).await, Err(ModelError::Transient { .. })));
    assert_eq!(whole(&model).await.unwrap(), expected());
}

#[tokio::test]
async fn dialects_are_learnt() {
    let server = serve(|_, body| {
        if body.get("max_tokens").is_some() {
            error(400, r#"{"error":{"message":"Unsupported parameter: use 'max_completion_tokens' instead"}}"#)
        } else if body.get("stream_options").is_some() {
            error(422, r#"{"detail":"stream_options: extra fields not permitted"}"#)
        } else {
            text_events(REPLY)
        }
    })
    .await;
    let model = model(&server.url);
    assert_eq!(whole(&model).await.unwrap(), expected());
    assert_eq!(server.server.count.load(Ordering::SeqCst), 3);
    whole(&model).await.unwrap();
    assert_eq!(server.server.count.load(Ordering::SeqCst), 4);
}

type Make = fn() -> HttpResponse<Body>;

#[tokio::test]
async fn garbage_is_called_by_its_name() {
    let html = || {
        HttpResponse::builder()
            .header(CONTENT_TYPE, "text/html; charset=utf-8")
            .body(Body::from("<p>hi"))
            .unwrap()
    };
    let table: [(Make, bool, &str); 8] = [
        (|| text_events("data: {nonsense\n\n"), false, "not what it should be"),
        (|| text_events("data: [1, 2]\n\n"), false, "not what it should be"),
        (|| text_events("no events at all"), true, "broke off"),
        (
            || text_events("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"),
            true,
            "overloaded",
        ),
        (
            || text_events("data: {\"error\":{\"message\":\"bad sk-secret\",\"code\":400}}\n\n"),
            false,
            "bad …",
        ),
        // The same in one piece, from a server that does not stream.
        (|| error(200, r#"{"error":{"message":"bad sk-secret","code":400}}"#), false, "bad …"),
        (
            || {
                let long = format!("{} sk-secret {}", "x".repeat(340), "y ".repeat(4_000));
                error(200, &json!({ "error": { "message": long, "code": 503 } }).to_string())
            },
            true,
            "xxx",
        ),
        (|| events(vec![Bytes::from(vec![0xff, 0xfe, 0, 1])]), true, "broke off"),
    ];
    for (make, is_transient, part) in table {
        let server = serve(move |_, _| make()).await;
        let failed = whole(&model(&server.url)).await.unwrap_err();
        assert_eq!(matches!(failed, ModelError::Transient { .. }), is_transient, "{failed}");
        let told = failed.to_string();
        assert!(told.contains(part) && told.chars().count() < 400, "{told}");
        assert!(!told.contains("sk-"), "{told}");
    }
    let server = serve(move |_, _| html()).await;
    assert!(whole(&model(&server.url)).await.unwrap_err().to_string().contains("web page"));
}

#[tokio::test]
async fn a_connection_that_is_cut_may_be_tried_again() {
    let server = serve(|_, _| {
        let start =
            Bytes::from_static(b"data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n");
        let cut = stream::iter([Ok(start), Err(std::io::Error::other("cut"))]);
        HttpResponse::builder()
            .header(CONTENT_TYPE, "text/event-stream")
            .body(Body::from_stream(cut))
            .unwrap()
    })
    .await;
    let failed = whole(&model(&server.url)).await.unwrap_err();
    assert!(matches!(failed, ModelError::Transient { .. }), "{failed}");

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", nobody.local_addr().unwrap()).parse().unwrap();
    drop(nobody);
    let failed = whole(&model(&url)).await.unwrap_err();
    assert!(failed.to_string().contains("cannot be reached"), "{failed}");
}

/// A body that sends one piece and then nothing, and tells when it is dropped.
fn hung(told: mpsc::UnboundedSender<()>) -> HttpResponse<Body> {
    struct Tell(mpsc::UnboundedSender<()>);
    impl Drop for Tell {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let tell = Tell(told);
    let start = stream::once(async {
        Ok::<_, std::io::Error>(Bytes::from_static(
            b"data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n",
        ))
    });
    let silence = stream::once(async move {
        let _tell = tell;
        futures::future::pending::<Result<Bytes, std::io::Error>>().await
    });
    HttpResponse::builder()
        .header(CONTENT_TYPE, "text/event-stream")
        .body(Body::from_stream(start.chain(silence)))
        .unwrap()
}

#[tokio::test]
async fn a_call_that_is_being_written_is_a_sign_of_life() {
    let server = serve(|_, _| {
        let start = Bytes::from_static(
            b"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"t\",\"arguments\":\"{\"}}]}}]}\n\n",
        );
        let start = stream::once(async move { Ok::<_, std::io::Error>(start) });
        HttpResponse::builder()
            .header(CONTENT_TYPE, "text/event-stream")
            .body(Body::from_stream(start.chain(stream::pending())))
            .unwrap()
    })
    .await;
    let mut reply = model(&server.url).reply(request());
    let piece = timeout(Duration::from_secs(5), reply.next()).await.expect("it says something");
    assert_eq!(piece.unwrap().unwrap(), ModelPiece::Output(String::new()));
}

#[tokio::test]
async fn dropping_the_reply_closes_the_connection() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let server = serve(move |_, _| hung(told.clone())).await;
    let model = model(&server.url);
    let mut stream = model.reply(request());
    assert_eq!(stream.next().await.unwrap().unwrap(), ModelPiece::Output("half".to_owned()));
    assert!(timeout(Duration::from_millis(100), stream.next()).await.is_err());
    drop(stream);
    timeout(Duration::from_secs(5), hears.recv())
        .await
        .expect("the server sees that the connection is closed")
        .unwrap();
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (told, _hears) = mpsc::unbounded_channel();
    let server = serve(move |_, _| hung(told.clone())).await;
    let model = model(&server.url);
    let mut stream = model.reply(request());
    assert!(stream.next().await.unwrap().is_ok());
    // From here on only the clock moves.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let failed = stream.next().await.unwrap().unwrap_err();
    assert!(failed.to_string().contains("silent for 60 seconds"), "{failed}");
    assert_eq!(began.elapsed().as_secs(), 60);
    assert!(stream.next().await.is_none());
}

mod peers;
