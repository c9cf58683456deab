//! What a process does yet when it was told to stop.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use resonant_backend::{Actor, RequestId, metrics};
use resonant_domain::metric::{Family, Period};
use serde_json::json;

use super::Running;
use super::operate::headers;
use super::running::{ask, connect};
use crate::support::TestApp;

/// A mail server that tells when it has got a letter, and takes it when it is told to.
fn slow_mail() -> (String, Receiver<()>, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let ((told, got), (take, taken)) = (channel(), channel());
    drop(thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let say = |words: &str| (&stream).write_all(format!("{words}\r\n").as_bytes()).unwrap();
        say("220 mail.example.org");
        let mut is_text = false;
        for line in lines {
            match (is_text, line.as_str()) {
                (true, ".") => {
                    is_text = false;
                    told.send(()).unwrap();
                    taken.recv().unwrap();
                    say("250 taken");
                }
                (true, _) => {}
                (false, "DATA") => {
                    is_text = true;
                    say("354 go on");
                }
                (false, _) => say("250 fine"),
            }
        }
    }));
    (url, got, take)
}

/// Waits until a process that was told to stop takes no more requests.
fn wait_until_closed(running: &Running) {
    while running.connect("/api/v1/health", "").is_some() {
        thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_under_way_is_waited_for() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (mail, got, take) = slow_mail();
    let url = app.database_url();
    let mut running = Running::start(&[
        ("DATABASE_URL", &url),
        ("SMTP_URL", &mail),
        ("MAIL_FROM", "alerts@example.org"),
        ("WORKER_CONCURRENCY", "0"),
        ("DRAIN_SECONDS", "20"),
    ]);
    let alert = json!({
        "name": "Slow API Response", "type": "threshold", "metric": "api.latency.p99",
        "condition": { "operator": "gt", "value": 1000, "period": "5m" },
        "channels": [{ "type": "mail", "to": "ops@example.org" }],
    });
    let alert = alert.to_string();
    let token = admin.token.as_ref();
    let made = ask(running.port, "POST", "/api/v1/alerts", &headers(token, &alert), &alert);
    let made = made.unwrap();
    let path = made.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let test = format!("{path}/test");
    let tested = ask(running.port, "POST", &test, &headers(token, ""), "").unwrap();
    assert!(tested.starts_with("HTTP/1.1 2"), "{tested}");

    got.recv_timeout(Duration::from_secs(30)).expect("the letter is handed over");
    running.tell("-TERM");
    wait_until_closed(&running);
    // So long a mail server may well take.
    thread::sleep(Duration::from_secs(3));
    take.send(()).unwrap();
    assert!(running.child.wait().unwrap().success());
    let told = app.get(&format!("{path}/deliveries")).by(&admin).await.value();
    let told = &told["deliveries"][0];
    assert_eq!((&told["state"], &told["attempts"]), (&json!("delivered"), &json!(1)), "{told}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_the_process_stops_is_measured() {
    let app = TestApp::start().await;
    let ada = app.guest().await;
    let url = app.database_url();
    let mut running = Running::start(&[("DATABASE_URL", &url), ("WORKER_CONCURRENCY", "0")]);
    let agent = json!({ "name": "Reckoner" }).to_string();
    let headers = headers(ada.token.as_ref(), &agent) + "Expect: 100-continue\r\n";
    let mut request = connect(running.port, "POST", "/api/v1/agents", &headers, "").unwrap();
    // The request has begun: its body is wanted.
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    request.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    running.tell("-TERM");
    wait_until_closed(&running);
    request.write_all(agent.as_bytes()).unwrap();
    let mut answer = String::new();
    request.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(running.child.wait().unwrap().success());

    let ctx = app.backend.ctx(Actor::System, RequestId::new("test"));
    let routes = metrics::worst(&ctx, Family::ApiLatency, Period::HOUR).await.unwrap();
    let made = routes.iter().find(|(route, _)| route == "POST /api/v1/agents");
    assert_eq!(made.map(|(_, took)| took.count), Some(1), "{routes:?}");
    app.end().await;
}
