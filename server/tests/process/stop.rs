//! A stop loses nothing: streams come back, sessions go on, requests are answered.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use resonant_domain::session::{Session, SessionState};

use super::Running;
use crate::support::{SlowModel, TestApp};

/// A server over the slow model.
fn start(database_url: &str, model_url: &str) -> Running {
    Running::start(&[
        ("DATABASE_URL", database_url),
        ("OPENAI_BASE_URL", model_url),
        ("OPENAI_MODEL", "slow"),
        ("WORKER_CONCURRENCY", "2"),
        ("LOG_FORMAT", "json"),
    ])
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
