//! A stop loses nothing: streams come back, sessions go on, requests are answered.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use resonant_domain::session::{Session, SessionState};

use super::Running;
use crate::support::{SlowModel, TestApp};

/// A server over the slow model.
fn start(database_url: &str, model_url: &str) -> Running {
    start_with(database_url, model_url, &[])
}

/// The same with more in its environment.
fn start_with(database_url: &str, model_url: &str, more: &[(&str, &str)]) -> Running {
    let environment = [
        ("DATABASE_URL", database_url),
        ("OPENAI_BASE_URL", model_url),
        ("OPENAI_MODEL", "slow"),
        ("WORKER_CONCURRENCY", "2"),
        ("LOG_FORMAT", "json"),
    ];
    Running::start(&[&environment, more].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_hands_its_sessions_over() {
    const WORDS: usize = 150;
    let model = SlowModel::start(WORDS, Duration::from_millis(20)).await;
    let app = TestApp::builder().model(model.url()).start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "Count").await;
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    let path = format!("/api/v1/sessions/{}/stream", session.id);

    let mut first = start(&app.database_url(), model.url());
    let mut line = BufReader::new(first.connect(&path, &cookie).unwrap());
    let mut text = String::new();
    while !text.contains("word3 ") {
        assert_ne!(line.read_line(&mut text).unwrap(), 0, "{text}");
    }
    let told = Instant::now();
    first.tell("-TERM");
    line.read_to_string(&mut text).unwrap();
    let status = first.child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    assert!(!text.contains("event: end"), "a session that goes on has no end: {text}");
    let mut log = String::new();
    first.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("session handed over"), "{log}");
    drop(first);

    // Another process goes on at once: the lease was given back, not left to run out.
    let again = Instant::now();
    let second = start(&app.database_url(), model.url());
    let rest = second.ask(&path, &cookie).unwrap();
    assert!(rest.contains("event: end"), "{rest}");
    assert!(again.elapsed() < Duration::from_secs(14), "{:?}", again.elapsed());
    let ended: Session = app.get(&format!("/api/v1/sessions/{}", session.id)).by(&ada).await.read();
    assert_eq!(ended.state, SessionState::Completed, "{ended:?}");
    drop(second);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_are_told_to_come_back() {
    const STREAMS: usize = 1_000;
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "Count").await;
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    let path = format!("/api/v1/sessions/{}/stream", session.id);
    let more = [
        ("WORKER_CONCURRENCY", "0"),
        ("STREAMS_PER_ADDRESS", "0"),
        ("DRAIN_SECONDS", "6"),
        ("RUST_LOG", "warn"),
    ];
    let mut running = start_with(&app.database_url(), "http://127.0.0.1:9/v1", &more);
    let mut streams: Vec<_> = (0..STREAMS)
        .map(|_| {
            let mut stream = BufReader::new(running.connect(&path, &cookie).unwrap());
            let mut line = String::new();
            while !line.contains("retry: 1000") {
                line.clear();
                assert_ne!(stream.read_line(&mut line).unwrap(), 0, "the stream did not begin");
            }
            stream
        })
        .collect();
    // One that does not read holds nobody up.
    let silent = running.connect(&path, &cookie).unwrap();
    let told = Instant::now();
    running.tell("-TERM");
    for stream in &mut streams {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("retry: ") && !rest.contains("event: end"), "{rest}");
    }
    assert!(running.child.wait().unwrap().success());
    assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
    drop(silent);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaving_server_says_so_and_still_answers() {
    let app = TestApp::start().await;
    let mut running = start_with(
        &app.database_url(),
        "http://127.0.0.1:9/v1",
        &[("LEAVE_AFTER_SECONDS", "4"), ("WORKER_CONCURRENCY", "0")],
    );
    running.tell("-TERM");
    let began = Instant::now();
    while running.ask("/api/v1/health/ready", "").unwrap().contains(" 200 ") {
        assert!(began.elapsed() < Duration::from_secs(1), "the process does not leave");
    }
    assert!(running.ask("/api/v1/listings", "").unwrap().contains(" 200 "));
    assert!(running.child.wait().unwrap().success());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_part_the_work() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "6 * 7").await;
    let url = app.database_url();
    let database = [("DATABASE_URL", url.as_str())];
    let web = Running::start_as(&["web"], &database);
    let worker = Running::start_as(&["worker"], &database);
    assert!(web.ask("/api/v1/listings", "").unwrap().contains(" 200 "));
    assert!(worker.ask("/api/v1/listings", "").unwrap().contains(" 404 "));
    let ended = app.finish(&ada, &session).await;
    assert_eq!(ended.state, SessionState::Completed, "{ended:?}");
    for mut running in [web, worker] {
        running.tell("-TERM");
        assert!(running.child.wait().unwrap().success());
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_holds_no_secrets() {
    let model = SlowModel::start(1, Duration::ZERO).await;
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let token = ada.token.clone().unwrap();
    let mut running = start(&app.database_url(), model.url());
    let cookie = format!("Cookie: resonant_sign_in={token}\r\n");
    for path in ["/api/v1/agents?cursor=secret-cursor", "/sign-in?next=secret-next", "/studio"] {
        running.ask(path, &cookie).unwrap();
    }
    running.tell("-INT");
    let mut log = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(running.child.wait().unwrap().success());
    assert!(log.contains("/api/v1/agents"), "{log}");
    for secret in [token.as_str(), "secret-cursor", "secret-next"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    app.end().await;
}
