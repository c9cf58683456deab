//! Two servers behind the nginx configuration that is shipped.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::nginx::Nginx;
use super::operate::headers;
use super::running::{Running, ask, connect, header};
use crate::support::{Redis, SlowModel, TestApp, Visitor};

fn cookie(visitor: &Visitor) -> String {
    format!("Cookie: resonant_sign_in={}\r\n", visitor.token.as_ref().unwrap())
}

/// Two servers with nothing in their environment but these.
fn two(environment: &[(&str, &str)]) -> [Running; 2] {
    [(); 2].map(|()| Running::start(environment))
}

fn ports(servers: &[Running; 2]) -> [u16; 2] {
    servers.each_ref().map(|server| server.port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_answers_pass_as_they_are() {
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let cookie = cookie(&ada);
    let servers = two(&[("DATABASE_URL", &app.database_url()), ("RUST_LOG", "warn")]);
    let nginx = Nginx::start(ports(&servers));
    let port = nginx.port;

    // A sign-in that one server knows is known to the other, and operators' doors stay shut.
    for _ in 0..6 {
        let answer = ask(port, "GET", "/api/v1/agents", &cookie, "").unwrap();
        assert!(answer.contains(" 200 ") && answer.contains("Reckoner"), "{answer}");
    }
    assert!(ask(port, "GET", "/metrics", "", "").unwrap().contains(" 404 "));
    let told = send_picture(port, &cookie, &agent.id.to_string(), 12 << 20);
    assert!(told.contains(" 303 ") && told.contains("refused=bytes"), "{told}");

    // Whoever asked finds the request again by the id that was given, where it is one.
    for (given, is_kept) in
        [("01890a5d-ac96-774b-bcce-b302099a8057", true), ("short", false), ("no: id at all", false)]
    {
        let named = format!("X-Request-Id: {given}\r\n");
        let answer = ask(port, "GET", "/api/v1/listings", &named, "").unwrap();
        let id = header(&answer, "x-request-id").unwrap();
        assert_eq!(id == given, is_kept, "{answer}");
        assert!(is_kept || id.len() == 32, "it is nginx's own: {answer}");
    }
    app.end().await;
}

/// Sends a picture of so many bytes by the form.
fn send_picture(port: u16, cookie: &str, agent: &str, bytes: usize) -> String {
    let field = "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"";
    let body = format!("--part\r\n{field}\r\n\r\n{}\r\n--part--\r\n", "x".repeat(bytes));
    let kind = "multipart/form-data; boundary=part";
    let head = format!("{cookie}Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    ask(port, "POST", &format!("/studio/agents/{agent}/pictures"), &head, &body).unwrap()
}

/// Takes a place of a server's requests until it is dropped: by a request whose body does not come.
fn take_place(server: &Running, cookie: &str) -> TcpStream {
    let kind = "Content-Type: application/json\r\nContent-Length: 2";
    let headers = format!("{cookie}{kind}\r\nExpect: 100-continue\r\n");
    let mut request = connect(server.port, "POST", "/api/v1/agents", &headers, "").unwrap();
    // The body is wanted: the request has its place.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    request.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_503_of_one_route_takes_no_other_with_it() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let cookie = cookie(&ada);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../public");
    let servers = two(&[
        ("DATABASE_URL", &app.database_url()),
        ("LEPTOS_SITE_ROOT", root),
        ("REQUESTS_IN_FLIGHT", "1"),
        ("WORKER_CONCURRENCY", "0"),
        ("RUST_LOG", "warn"),
    ]);
    let nginx = Nginx::start(ports(&servers));
    let places = servers.each_ref().map(|server| take_place(server, &cookie));
    let page = format!("{cookie}Accept: text/html\r\n");
    for _ in 0..4 {
        for (path, headers, told) in [
            ("/api/v1/agents", &cookie, "too many requests are being answered"),
            ("/studio", &page, "This page is not available right now"),
        ] {
            // In the server's own words.
            let answer = ask(nginx.port, "GET", path, headers, "").unwrap();
            assert!(answer.contains(" 503 ") && answer.contains(told), "{answer}");
            assert_eq!(header(&answer, "retry-after"), Some("1"), "{answer}");
        }
        for path in ["/favicon.svg", "/api/v1/health", "/api/v1/health/ready"] {
            let answer = ask(nginx.port, "GET", path, "", "").unwrap();
            assert!(answer.contains(" 200 "), "{path}: {answer}");
        }
    }
    drop(places);
    let began = Instant::now();
    while !ask(nginx.port, "GET", "/api/v1/agents", &cookie, "").unwrap().contains(" 200 ") {
        assert!(began.elapsed() < Duration::from_secs(10), "there is room again");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_an_agent_is_waited_for() {
    const WORDS: usize = 60;
    let model = SlowModel::start(WORDS, Duration::from_millis(50)).await;
    let app = TestApp::start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let servers = two(&[
        ("DATABASE_URL", &app.database_url()),
        ("OPENAI_BASE_URL", model.url()),
        ("OPENAI_MODEL", "slow"),
        ("RUST_LOG", "warn"),
    ]);
    // All others would wait a second, and three it takes.
    let short = [("proxy_read_timeout 95s;", "proxy_read_timeout 1s;")];
    let nginx = Nginx::start_with(ports(&servers), &short);
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": format!("reckoner_{}", agent.id.to_string().replace('-', "")),
            "arguments": { "goal": "Count" },
        },
    });
    let call = call.to_string();
    // Who takes no event stream hears nothing until the session is over.
    let headers = headers(ada.token.as_ref(), &call) + "Accept: application/json\r\n";
    let answer = ask(nginx.port, "POST", "/mcp", &headers, &call).unwrap();
    let last = format!("word{WORDS}");
    assert!(answer.contains(" 200 ") && answer.contains(&last), "{answer}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cache_and_rate_limits_hold_across_both() {
    const LIMIT: u64 = 60;
    let app = TestApp::start().await;
    let redis = Redis::start("nginx");
    let (url, redis_url) = (app.database_url(), redis.url());
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "0").await;
    let cookie = cookie(&ada);
    let limit = LIMIT.to_string();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("REDIS_URL", &redis_url),
        ("RATE_LIMIT_CALLER", &limit),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("RUST_LOG", "warn"),
    ];
    let servers = two(&environment);
    let nginx = Nginx::start(ports(&servers));
    let began = Instant::now();
    let mut taken = 0;
    let mut ask = |method: &str, path: &str, body: &str| {
        let kind = "Content-Type: application/json\r\n";
        let headers = format!("{cookie}{kind}Content-Length: {}\r\n", body.len());
        let answer = ask(nginx.port, method, path, &headers, body).unwrap();
        taken += u64::from(!answer.contains(" 429 "));
        answer
    };
    let path = format!("/api/v1/agents/{}", agent.id);
    for number in 1..=5 {
        let name = format!("\"name\":\"{number}\"");
        let written = ask("PATCH", &path, &format!("{{{name}}}"));
        assert!(written.contains(" 200 "), "{written}");
        // Both answer; what one has written the other knows in a moment.
        let mut fresh = 0;
        for _ in 0..8 {
            let read = ask("GET", &path, "");
            assert!(read.contains(" 200 "), "{read}");
            fresh = if read.contains(&name) { fresh + 1 } else { 0 };
            if fresh == 4 {
                break;
            }
        }
        assert!(fresh >= 4, "after write {number} both serve it");
    }
    while !ask("GET", "/api/v1/agents", "").contains(" 429 ") {}
    // What has come back since, one a second, may be used too.
    let most = LIMIT + began.elapsed().as_secs() * LIMIT / 60 + 1;
    assert!((LIMIT..=most).contains(&taken), "{taken} of {LIMIT} in {:?}", began.elapsed());
    app.end().await;
}
