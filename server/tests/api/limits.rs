//! How often callers may ask, and what they are told when it is too often or too much.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use http::StatusCode;
use resonant_backend::RateLimit;
use serde_json::{Value, json};
use server::settings::{Limits, StreamLimits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::{Call, Redis, TestApp, Visitor, statements};

#[expect(clippy::unnecessary_wraps, reason = "each limit is optional in the settings")]
pub(super) fn limit(name: &'static str, requests: u32) -> Option<RateLimit> {
    Some(RateLimit { name, requests, window: Duration::from_mins(1) })
}

pub(super) fn from(call: Call, address: &str) -> Call {
    call.extension(ConnectInfo(SocketAddr::new(address.parse().unwrap(), 4711)))
}

#[tokio::test]
async fn one_request_too_many_is_told_when_to_come_back() {
    let mut limits = Limits::none();
    limits.rate.caller = limit("caller", 3);
    let app = TestApp::builder().limits(limits).start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    for left in [2, 1, 0] {
        let answer = app.get("/api/v1/agents").by(&ada).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"caller\";q=3;w=60");
        let now = answer.header("ratelimit");
        assert!(now.starts_with(&format!("\"caller\";r={left};t=")), "{now}");
    }
    let refused = app.get("/api/v1/agents").by(&ada).await;
    assert_eq!(refused.problem(), (429, vec![]));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    // One fits again when two of three are used, forty seconds before none is.
    let now = refused.header("ratelimit");
    let reset: u64 = now.strip_prefix("\"caller\";r=0;t=").unwrap().parse().unwrap();
    assert_eq!(wait, reset - 40, "{refused:?}");
    // What caches keep for others says nothing of whoever asked first, and counts all the same.
    let public = app.get("/api/v1/tools").by(&bob).await;
    assert_eq!((public.status, public.header("ratelimit")), (200, ""));
    assert_eq!(public.header("ratelimit-policy"), "");
    let left = app.get("/api/v1/agents").by(&bob).await;
    assert!(left.header("ratelimit").starts_with("\"caller\";r=1;t="), "{left:?}");
    // Someone else has a limit of their own; pages and health have none.
    assert_eq!(app.get("/api/v1/agents").by(&bob).await.status, 200);
    assert_eq!(app.get("/sign-in").by(&ada).await.status, 200);
    assert_eq!(app.get("/api/v1/health").by(&ada).await.status, 200);
    app.end().await;
}

#[tokio::test]
async fn each_key_has_its_limit_and_guests_share_that_of_their_address() {
    let mut limits = Limits::none();
    limits.rate.caller = limit("caller", 3);
    limits.rate.address = limit("address", 2);
    let app = TestApp::builder().limits(limits).start().await;
    let ada = app.member("ada").await;
    let body = json!({ "name": "CI", "scopes": ["agents:read"] });
    let made = app.post("/api/v1/keys").by(&ada).json(&body).await.value();
    let key = format!("Bearer {}", made["key"].as_str().unwrap());
    for status in [200, 200, 200, 429] {
        let answer = app.get("/api/v1/agents").header("authorization", &key).await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(app.get("/api/v1/agents").by(&ada).await.status, 200);

    let guests = [app.guest().await, app.guest().await, Visitor::ANONYMOUS];
    let tools = |guest, address| from(app.get("/api/v1/tools").by(guest), address);
    for (guest, status) in guests.iter().zip([200, 200, 429]) {
        assert_eq!(tools(guest, "192.0.2.1").await.status, status);
    }
    assert_eq!(tools(&guests[0], "192.0.2.2").await.status, 200);
    // Whoever tries keys is counted as well.
    let try_key =
        || from(app.get("/api/v1/agents"), "192.0.2.3").header("authorization", "Bearer x");
    for status in [401, 401, 429] {
        assert_eq!(try_key().await.status, status);
    }
    // Nobody vouches for this header.
    let forwarded = tools(&guests[0], "192.0.2.1").header("x-forwarded-for", "203.0.113.9");
    assert_eq!(forwarded.await.status, 429);
    app.end().await;
}

/// Waits until Redis has nothing to do. Answers how many commands it has answered.
async fn until_quiet(redis: &Redis) -> u64 {
    let mut before = redis.commands().unwrap();
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = redis.commands().unwrap();
        // The question itself is two commands.
        if now - before == 2 {
            return now;
        }
        before = now;
    }
}

/// By counts: what asks nobody, and reads nothing, is answered in the time that a look at a number takes.
#[tokio::test]
async fn a_full_house_is_told_before_anything_is_done() {
    statements();
    let redis = Redis::start("full-house");
    let mut limits = Limits::none();
    limits.in_flight = 2;
    let app = TestApp::builder().limits(limits).redis(&redis.url()).start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let path = format!("/api/v1/agents/{}", agent.id);
    // A process asks Redis once it hears of what others write.
    for tries in 0.. {
        let before = statements();
        assert_eq!(app.get(&path).by(&ada).await.status, 200);
        if statements() == before {
            break;
        }
        assert!(tries < 1_000, "the process hears");
        tokio::task::yield_now().await;
    }

    // Two requests whose bodies do not come take both places.
    let mut slow = vec![];
    for _ in 0..2 {
        let call = app.post("/api/v1/agents").by(&ada).header("content-type", "application/json");
        let (is_read, read) = tokio::sync::oneshot::channel();
        slow.push(tokio::spawn(call.open_without_end(is_read)));
        read.await.unwrap();
    }
    // Nobody here knows yet who this is: who looks asks Redis, and then the database.
    let new = Visitor { token: Some("E".repeat(43)) };
    let (commands, sql) = (until_quiet(&redis).await, statements());
    let refused = app.get(&path).by(&new).await;
    assert_eq!(refused.problem(), (503, vec![]));
    assert_eq!(refused.header("retry-after"), "1");
    let by_key = app.get("/api/v1/agents").header("authorization", "Bearer rk_live_unknown");
    assert_eq!(by_key.await.problem(), (503, vec![]));
    // What everybody sees is no way around it, nor is what there is not.
    let pages = ["/marketplace", "/studio", "/nothing/here"];
    for path in ["/images/x/480.webp", "/og/default.png", "/sitemap.xml"].iter().chain(&pages) {
        assert_eq!(app.get(path).by(&new).await.status, 503, "{path}");
    }
    for path in ["/api/v1/agents", "/api/v1/agents/batch", "/api/fn/account/sign_in"] {
        let call = app.post(path).by(&new).header("content-type", "application/json");
        let (is_read, read) = tokio::sync::oneshot::channel();
        let answer = timeout(Duration::from_secs(20), call.open_without_end(is_read)).await;
        assert_eq!(answer.expect("nobody waits for the body").status(), 503, "{path}");
        assert!(read.await.is_err(), "the body of {path} is read");
    }
    assert_eq!(statements() - sql, 0);
    // The question itself is two commands.
    assert_eq!(redis.commands().unwrap() - commands, 2);

    // Whoever looks after the process still learns how it is.
    assert_eq!(app.get("/api/v1/health").await.status, 200);
    assert_eq!(app.get("/api/v1/health/ready").await.status, 200);
    for call in slow {
        call.abort();
        let _ = call.await;
    }
    // Where there is room the same request is not that cheap.
    let (commands, sql) = (until_quiet(&redis).await, statements());
    assert_eq!(app.get(&path).by(&new).await.status, 401);
    assert!(redis.commands().unwrap() - commands > 2);
    assert!(statements() > sql);
    assert_eq!(app.get(&path).by(&ada).await.status, 200);
    app.end().await;
}

/// Whoever sends one waits no longer than for any other answer.
#[tokio::test]
async fn a_body_that_stalls_gives_its_place_back() {
    let mut limits = Limits::none();
    limits.in_flight = 1;
    let app = TestApp::builder().limits(limits).start().await;
    let ada = app.guest().await;
    let form = "application/x-www-form-urlencoded";
    for (path, kind, statuses) in [
        ("/api/v1/agents", "application/json", (503, 503)),
        ("/api/fn/account/sign_in", form, (503, 503)),
        // Those who wait for sessions take no place.
        ("/mcp", "application/json", (200, 400)),
    ] {
        let call = app.post(path).by(&ada).header("content-type", kind);
        let (is_read, read) = tokio::sync::oneshot::channel();
        let stalled = tokio::spawn(call.open_without_end(is_read));
        read.await.unwrap();
        let meanwhile = app.get("/api/v1/tools").await.status;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(90)).await;
        tokio::time::resume();
        let late = timeout(Duration::from_secs(20), stalled).await.expect(path).unwrap();
        assert_eq!((meanwhile, late.status().as_u16()), statuses, "{path}");
        assert_eq!(app.get("/api/v1/tools").await.status, 200, "{path}");
    }
    app.end().await;
}

#[tokio::test]
async fn pictures_count_with_the_strangers_of_their_address() {
    let mut limits = Limits::none();
    limits.rate.caller = limit("caller", 3);
    limits.rate.address = limit("address", 2);
    let app = TestApp::builder().limits(limits).start().await;
    let ada = app.member("ada").await;
    let ask = |path, address| from(app.get(path).by(&ada), address);
    for path in ["/images/x/480.webp", "/og/listings/x"] {
        let answer = ask(path, "192.0.2.1").await;
        // Whoever gets it from a cache must not take it for their own.
        assert_eq!((answer.status, answer.header("ratelimit")), (404, ""), "{path}");
    }
    let refused = ask("/og/listings/x", "192.0.2.1").await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0, "{refused:?}");
    assert!(refused.header("ratelimit").starts_with("\"address\";r=0;t="), "{refused:?}");
    assert_eq!(ask("/og/listings/x", "192.0.2.2").await.status, 404);
    assert_eq!(ask("/api/v1/agents", "192.0.2.1").await.status, 200);
    app.end().await;
}

const AGENTS: &str = "/api/v1/agents/stream";

#[tokio::test]
async fn one_event_stream_too_many_is_told_when_to_come_back() {
    let mut limits = Limits::none();
    limits.streams = StreamLimits { caller: 2, address: 1 };
    let app = TestApp::builder().limits(limits).start().await;
    let (root, bob) = (app.admin().await, app.member("bob").await);
    let agent = app.agent(&root, "Reckoner").await;
    let session = app.session(&root, &agent, "Wait for a worker that never comes").await;
    let session = format!("/api/v1/sessions/{}/stream", session.id);
    let agents = app.get(AGENTS).by(&root).open().await;
    let events = app.get(&session).by(&root).open().await;
    assert_eq!((agents.status().as_u16(), events.status().as_u16()), (200, 200));
    for path in [
        AGENTS,
        &session,
        "/api/v1/shared/x/stream",
        "/api/v1/notices/stream",
        "/api/v1/alerts/stream",
        "/api/v1/service-levels/stream",
    ] {
        let refused = app.get(path).by(&root).await;
        assert_eq!(refused.problem(), (429, vec![]), "{path}");
        assert_eq!(refused.header("retry-after"), "5", "{path}");
    }
    let call_body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "x" } });
    let ask = || app.post("/mcp").by(&root);
    for call in [ask().header("accept", "text/event-stream"), ask()] {
        assert_eq!(call.json(&call_body).await.problem(), (429, vec![]));
    }
    // What is answered at once needs none.
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(ask().json(&ping).await.status, 200);

    // What was refused for another reason holds none.
    for _ in 0..3 {
        let path = format!("/api/v1/sessions/{}/stream", agent.id);
        assert_eq!(app.get(&path).by(&bob).await.status, 404);
    }
    let others = app.get(AGENTS).by(&bob).open().await;
    assert_eq!(others.status(), StatusCode::OK);
    drop(events);
    let events = app.get(&session).by(&root).open().await;
    assert_eq!(events.status(), StatusCode::OK);
    assert_eq!(app.get(AGENTS).by(&root).await.status, 429);
    drop((agents, events, others));
    app.end().await;
}

#[tokio::test]
async fn a_call_that_waits_for_its_session_counts_as_a_stream() {
    let mut limits = Limits::none();
    limits.streams.caller = 1;
    let app = TestApp::builder().limits(limits).start().await;
    let ada = app.member("ada").await;
    app.agent(&ada, "Reckoner").await;
    let ask = |method: &str, params: Value| {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        app.post("/mcp").by(&ada).json(&message)
    };
    let tools = ask("tools/list", json!({})).await.value();
    let name = &tools["result"]["tools"][0]["name"];
    let params = json!({ "name": name, "arguments": { "goal": "Wait for no worker" } });
    let sessions = async || {
        let list = app.get("/api/v1/sessions").by(&ada).await.value();
        list["sessions"].as_array().unwrap().len()
    };
    for begun in 1..=2 {
        let waiting = tokio::spawn(ask("tools/call", params.clone()).into_future());
        while sessions().await < begun {
            tokio::task::yield_now().await;
        }
        // As JSON and as events, alone and among others: no session begins.
        let message =
            json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
        for body in [message.clone(), json!([message])] {
            for accept in ["application/json", "application/json, text/event-stream"] {
                let call = app.post("/mcp").by(&ada).header("accept", accept).json(&body);
                let refused = call.await;
                assert_eq!(refused.problem(), (429, vec![]), "{body}");
                assert_eq!(refused.header("retry-after"), "5", "{body}");
            }
        }
        assert_eq!(app.get(AGENTS).by(&ada).await.status, 429);
        assert_eq!(sessions().await, begun);
        // Whoever goes away gives the place back.
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(app.get(AGENTS).by(&ada).open().await.status(), StatusCode::OK);
    }
    app.end().await;
}

#[tokio::test]
async fn each_key_has_its_streams_and_guests_share_those_of_their_address() {
    let mut limits = Limits::none();
    limits.streams = StreamLimits { caller: 1, address: 1 };
    let app = TestApp::builder().limits(limits).start().await;
    let ada = app.member("ada").await;
    let body = json!({ "name": "CI", "scopes": ["agents:read"] });
    let made = app.post("/api/v1/keys").by(&ada).json(&body).await.value();
    let key = format!("Bearer {}", made["key"].as_str().unwrap());
    let guests = [app.guest().await, app.guest().await];
    let by_key = || app.get(AGENTS).header("authorization", &key);
    let by_guest = |guest: usize, address| from(app.get(AGENTS).by(&guests[guest]), address);
    let held = [
        app.get(AGENTS).by(&ada).open().await,
        by_key().open().await,
        by_guest(0, "192.0.2.1").open().await,
        by_guest(0, "192.0.2.2").open().await,
    ];
    assert!(held.iter().all(|answer| answer.status() == StatusCode::OK), "{held:?}");
    for call in [app.get(AGENTS).by(&ada), by_key(), by_guest(1, "192.0.2.1")] {
        assert_eq!(call.await.problem(), (429, vec![]));
    }
    drop(held);
    app.end().await;
}

#[tokio::test]
async fn a_connection_that_ends_gives_its_stream_back() {
    let mut limits = Limits::none();
    limits.streams.caller = 1;
    let app = TestApp::builder().limits(limits).start().await;
    let ada = app.member("ada").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, stopping) = (app.router.clone(), app.stopping.clone());
    let served = tokio::spawn(server::serve(listener, router, stopping, Duration::from_secs(5)));
    let token = ada.token.as_deref().unwrap();
    let request = format!(
        "GET {AGENTS} HTTP/1.1\r\nHost: resonant.test\r\nCookie: resonant_sign_in={token}\r\n\r\n"
    );
    let ask = async || {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut line = [0; 12];
        socket.read_exact(&mut line).await.unwrap();
        (String::from_utf8_lossy(&line[9..]).into_owned(), socket)
    };
    let (status, open) = ask().await;
    assert_eq!(status, "200");
    assert_eq!(ask().await.0, "429");
    drop(open);
    // The server hears of it a moment later.
    let again = async {
        loop {
            let (status, socket) = ask().await;
            if status == "200" {
                break socket;
            }
        }
    };
    let open = timeout(Duration::from_secs(20), again).await.expect("there is room again");
    app.stopping.cancel();
    served.await.unwrap();
    drop(open);
    app.end().await;
}
