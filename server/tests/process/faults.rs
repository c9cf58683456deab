//! Two servers over one database, a server whose database dies, and workers that die.

mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use resonant_backend::own_cluster::Cluster;
use serde_json::json;

use super::operate::headers;
use super::running::{ask, header};
use super::{Running, run};
use crate::support::{Redis, TestApp};

/// How long after a write's reply another server may still serve what was before.
const GRACE: Duration = Duration::from_millis(100);

/// How late this machine wakes who sleeps: other work on it is no fault of ours.
#[derive(Default)]
struct Lag {
    worst_us: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Lag {
    fn watch() -> Self {
        const NAP: Duration = Duration::from_millis(1);
        let lag = Self::default();
        let (worst_us, is_over) = (lag.worst_us.clone(), lag.is_over.clone());
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                thread::sleep(NAP);
                let late =
                    u64::try_from(began.elapsed().saturating_sub(NAP).as_micros()).unwrap_or(0);
                worst_us.fetch_max(late, Ordering::Relaxed);
            }
        });
        lag
    }

    fn begin(&self) {
        self.worst_us.store(0, Ordering::Relaxed);
    }

    /// The worst since [`Lag::begin`], for each of the six that a write passes.
    fn worst(&self) -> Duration {
        Duration::from_micros(self.worst_us.load(Ordering::Relaxed)) * 6
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings but this one")]
fn pairs() -> u32 {
    if std::env::var("RESONANT_FAULTS").is_ok_and(|value| value == "full") { 3_000 } else { 100 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_one_server_is_never_served_stale_by_the_other() {
    let app = TestApp::start().await;
    let redis = Redis::start("two");
    let ada = app.guest().await;
    let path = format!("/api/v1/agents/{}", app.agent(&ada, "0").await.id);
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    let database = app.database_url();
    let lag = Lag::watch();
    for redis_url in [None, Some(redis.url())] {
        // Nobody reads what they log.
        let mut environment = vec![("DATABASE_URL", database.as_str()), ("RUST_LOG", "error")];
        environment.extend(redis_url.as_deref().map(|url| ("REDIS_URL", url)));
        let (one, two) = (Running::start(&environment), Running::start(&environment));
        for number in 1..=pairs() {
            lag.begin();
            let (writer, reader) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
            let name = format!("\"name\":\"{number}\"");
            let written = writer.patch(&path, &cookie, &format!("{{{name}}}")).unwrap();
            let replied = Instant::now();
            assert!(written.contains(" 200 ") && written.contains(&name), "{written}");
            assert!(writer.ask(&path, &cookie).unwrap().contains(&name), "the server that wrote");
            loop {
                let asked = replied.elapsed();
                let read = reader.ask(&path, &cookie).unwrap();
                if read.contains(&name) {
                    break;
                }
                let grace = GRACE + lag.worst();
                assert!(asked < grace, "{read} instead of {name} after {asked:?}");
            }
        }
    }
    app.end().await;
}

/// Asks until the answer is as it shall be.
fn wait_for(running: &Running, path: &str, headers: &str, is_it: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let answer = running.ask(path, headers).unwrap();
        if is_it(&answer) {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{path}: {answer}");
    }
}

#[test]
fn a_database_that_is_killed_is_told_and_waited_for() {
    let cluster = Cluster::primary(&[]);
    let url = cluster.url("resonant");
    let (went_well, words) = run(&["migrate"], &[("DATABASE_URL", &url)]);
    assert!(went_well, "{words}");
    // Nobody reads what it logs.
    let running = Running::start(&[
        ("DATABASE_URL", &url),
        ("DATABASE_ACQUIRE_TIMEOUT_MS", "1000"),
        ("LEPTOS_SITE_ROOT", concat!(env!("CARGO_MANIFEST_DIR"), "/../public")),
        ("RUST_LOG", "off"),
    ]);
    let token = running.sign_up("correct-horse");
    let agent = json!({ "name": "Reckoner" }).to_string();
    let make = || {
        let headers = headers(Some(&token), &agent);
        ask(running.port, "POST", "/api/v1/agents", &headers, &agent).unwrap()
    };
    let answer = make();
    assert!(answer.contains(" 201 "), "{answer}");
    let cookie = format!("Cookie: resonant_sign_in={token}\r\n");
    let page = format!("{cookie}Accept: text/html\r\n");
    let is_refused = |answer: &str| answer.starts_with("HTTP/1.1 503 ");
    let is_well = |answer: &str| answer.starts_with("HTTP/1.1 200 ");

    cluster.kill();
    let list = wait_for(&running, "/api/v1/sessions", &cookie, is_refused);
    for answer in [&list, &make()] {
        assert!(is_refused(answer) && answer.contains("application/problem+json"), "{answer}");
        assert!(header(answer, "retry-after").is_some(), "{answer}");
    }
    let studio = wait_for(&running, "/studio", &page, is_refused);
    assert!(studio.contains("This page is not available right now"), "{studio}");
    assert!(header(&studio, "retry-after").is_some(), "{studio}");
    for path in ["/favicon.svg", "/api/v1/health"] {
        let answer = running.ask(path, "").unwrap();
        assert!(is_well(&answer), "{path}: {answer}");
    }
    wait_for(&running, "/api/v1/health/ready", "", is_refused);

    assert!(cluster.start_again(), "it starts");
    // Nobody told the server: it finds its way back by itself, and what was acknowledged is there.
    wait_for(&running, "/api/v1/health/ready", "", is_well);
    let list = wait_for(&running, "/api/v1/agents", &cookie, is_well);
    assert_eq!(list.matches("\"name\":\"Reckoner\"").count(), 1, "{list}");
    let studio = wait_for(&running, "/studio", &page, is_well);
    assert!(studio.contains("Reckoner"), "{studio}");
    assert!(make().contains(" 201 "), "it is written to again");
}
