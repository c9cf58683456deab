//! Two servers behind the nginx configuration that is shipped.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::free_port;
use super::running::{Running, ask, connect, try_ask};
use crate::support::{Redis, SlowModel, TestApp, Visitor};

/// nginx with the shipped configuration, in a folder of its own.
struct Nginx {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Nginx {
    fn start(servers: [u16; 2]) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("resonant-nginx-{port}"));
        fs::create_dir_all(&folder).unwrap();
        let shipped = include_str!("../../../deploy/nginx/resonant.conf");
        let [first, second] = servers;
        let conf = shipped
            .replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
            .replace("server backend1:8000", &format!("server 127.0.0.1:{first}"))
            .replace("server backend2:8000", &format!("server 127.0.0.1:{second}"))
            .lines()
            .filter(|line| !line.contains("backend3"))
            .collect::<Vec<_>>()
            .join("\n");
        fs::write(folder.join("resonant.conf"), conf).unwrap();
        let around = format!(
            "daemon off;\npid {0}/pid;\nerror_log {0}/error.log;\nevents {{}}\nhttp {{\n\
             access_log off;\n\
             client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; \
             fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; \
             scgi_temp_path {0}/scgi;\ninclude {0}/resonant.conf;\n}}\n",
            folder.display()
        );
        fs::write(folder.join("nginx.conf"), around).unwrap();
        let child = nginx(&folder).stderr(Stdio::null()).spawn().expect("nginx is installed");
        let running = Self { child, folder, port };
        let began = Instant::now();
        while ask(port, "GET", "/api/v1/health", "", "").is_none() {
            assert!(began.elapsed() < Duration::from_secs(10), "nginx does not start");
        }
        running
    }

    /// Restarts one server as `deploy/nginx/restart-one` does.
    fn restart_one(&self, server: &mut Running) {
        let address = format!("server 127.0.0.1:{}", server.port);
        let mark = |down: &str| {
            let path = self.folder.join("resonant.conf");
            let conf = fs::read_to_string(&path).unwrap();
            let conf = conf.replace(&format!("{address} down"), &address);
            // In one step, as `sed -i` does: nginx may still be reading it for the reload before.
            let new = self.folder.join("resonant.conf.new");
            fs::write(&new, conf.replace(&address, &format!("{address}{down}"))).unwrap();
            fs::rename(&new, &path).unwrap();
            assert!(nginx(&self.folder).args(["-s", "reload"]).status().unwrap().success());
        };
        mark(" down");
        server.restart();
        mark("");
    }
}

fn nginx(folder: &std::path::Path) -> Command {
    let mut command = Command::new("nginx");
    command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(folder.join("nginx.conf"));
    command
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(nginx(&self.folder).args(["-s", "stop"]).status());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn cookie(visitor: &Visitor) -> String {
    format!("Cookie: resonant_sign_in={}\r\n", visitor.token.as_ref().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_request_and_no_event() {
    const WORDS: usize = 300;
    let model = SlowModel::start(WORDS, Duration::from_millis(25)).await;
    let app = TestApp::builder().model(model.url()).start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let session = app.session(&ada, &agent, "Count").await;
    let cookie = cookie(&ada);
    let url = app.database_url();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("OPENAI_BASE_URL", model.url()),
        ("OPENAI_MODEL", "slow"),
        ("RUST_LOG", "warn"),
        ("LEAVE_AFTER_SECONDS", "1"),
    ];
    let (mut one, mut two) = (Running::start(&environment), Running::start(&environment));
    let nginx = Nginx::start([one.port, two.port]);
    let port = nginx.port;

    // A sign-in that one server knows is known to the other, and operators' doors stay shut.
    for _ in 0..6 {
        let answer = ask(port, "GET", "/api/v1/agents", &cookie, "").unwrap();
        assert!(answer.contains(" 200 ") && answer.contains("Reckoner"), "{answer}");
    }
    assert!(ask(port, "GET", "/metrics", "", "").unwrap().contains(" 404 "));
    let told = send_picture(port, &cookie, &agent.id.to_string(), 12 << 20);
    assert!(told.contains(" 303 ") && told.contains("refused=bytes"), "{told}");

    // Load: pages of lists, and writes, as fast as two clients can.
    let done = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let load: Vec<_> = ["GET", "POST"]
        .into_iter()
        .map(|method| {
            let (done, answered, cookie) = (done.clone(), answered.clone(), cookie.clone());
            let log = nginx.folder.join("error.log");
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let answer = if method == "GET" {
                        try_ask(port, "GET", "/api/v1/agents?limit=5", &cookie, "")
                    } else {
                        let body = "{\"name\":\"Made under load\"}";
                        let head = format!(
                            "{cookie}Content-Type: application/json\r\nContent-Length: {}\r\n",
                            body.len()
                        );
                        try_ask(port, "POST", "/api/v1/agents", &head, body)
                    };
                    let is_well = answer
                        .as_ref()
                        .is_ok_and(|answer| answer.contains(" 200 ") || answer.contains(" 201 "));
                    let told = || fs::read_to_string(&log).unwrap_or_default();
                    assert!(is_well, "{method} was lost: {answer:?}\n{}", told());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    // A watcher that comes back as a browser does, after the last event that it has.
    let path = format!("/api/v1/sessions/{}/stream", session.id);
    let watcher = {
        let cookie = cookie.clone();
        std::thread::spawn(move || watch_to_the_end(port, &path, &cookie))
    };
    for server in [&mut one, &mut two] {
        nginx.restart_one(server);
    }
    let text = watcher.join().unwrap();
    done.store(true, Ordering::Relaxed);
    for load in load {
        load.join().unwrap();
    }
    assert_eq!(text, SlowModel::text(WORDS), "no event is lost and none comes twice");
    assert!(answered.load(Ordering::Relaxed) > 20, "{answered:?}");
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
    let (one, two) = (Running::start(&environment), Running::start(&environment));
    let nginx = Nginx::start([one.port, two.port]);
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

/// Sends a picture of so many bytes by the form.
fn send_picture(port: u16, cookie: &str, agent: &str, bytes: usize) -> String {
    let field = "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"";
    let body = format!("--part\r\n{field}\r\n\r\n{}\r\n--part--\r\n", "x".repeat(bytes));
    let kind = "multipart/form-data; boundary=part";
    let head = format!("{cookie}Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    ask(port, "POST", &format!("/studio/agents/{agent}/pictures"), &head, &body).unwrap()
}

/// Reads a session's output to its end, coming back whenever the stream breaks off.
fn watch_to_the_end(port: u16, path: &str, cookie: &str) -> String {
    let (mut text, mut last) = (String::new(), 0);
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(1) {
        let headers = format!("{cookie}Last-Event-ID: {last}\r\n");
        let Some(stream) = connect(port, "GET", path, &headers, "") else {
            continue;
        };
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(id) = line.strip_prefix("id: ") {
                last = id.parse().unwrap();
            } else if line == "event: end" {
                return text;
            } else if let Some(data) = line.strip_prefix("data: ") {
                let event: serde_json::Value = serde_json::from_str(data).unwrap();
                if event["type"] == "step_start" {
                    // A step whose worker left is begun anew.
                    text.clear();
                }
                let delta = event["delta"].as_str().filter(|_| event["type"] == "output");
                text.push_str(delta.unwrap_or_default());
            }
        }
    }
    panic!("the session does not end: {text}");
}
