//! Servers behind nginx that are restarted one after the other, as for a new release: whoever reads, writes or
//! watches meanwhile notices nothing.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::nginx::Nginx;
use super::running::{Running, connect, header, try_ask};
use crate::support::{SlowModel, TestApp, count_rows};

/// How many watch, and how many sessions they part among them.
const WATCHERS: usize = 20;
const SESSIONS: usize = 4;
/// How many programs keep their connection and write.
const WRITERS: usize = 2;
const WORDS: usize = 240;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_request_and_no_event() {
    let model = SlowModel::start(WORDS, Duration::from_millis(25)).await;
    let app = TestApp::builder().model(model.url()).start().await;
    let ada = app.member("ada").await;
    let agent = app.agent(&ada, "Reckoner").await;
    let mut paths = Vec::new();
    for _ in 0..SESSIONS {
        let session = app.session(&ada, &agent, "Count").await;
        paths.push(format!("/api/v1/sessions/{}/stream", session.id));
    }
    let cookie = format!("Cookie: resonant_sign_in={}\r\n", ada.token.as_ref().unwrap());
    let url = app.database_url();
    let environment = [
        ("DATABASE_URL", url.as_str()),
        ("OPENAI_BASE_URL", model.url()),
        ("OPENAI_MODEL", "slow"),
        ("RUST_LOG", "warn"),
        ("LEAVE_AFTER_SECONDS", "1"),
    ];
    let mut servers = [(); 2].map(|()| Running::start(&environment));
    let nginx = Nginx::start(servers.each_ref().map(|server| server.port));
    let before = agents(&url).await;
    let crowd = Crowd { port: nginx.port, cookie, log: nginx.log(), is_over: Arc::default() };

    let watchers: Vec<_> = (0..WATCHERS)
        .map(|number| {
            let (crowd, path) = (crowd.clone(), paths[number % SESSIONS].clone());
            thread::spawn(move || crowd.watch(&path))
        })
        .collect();
    let visitor = crowd.clone();
    let mut readers = vec![thread::spawn(move || visitor.visit())];
    let program = crowd.clone();
    readers.push(thread::spawn(move || program.read()));
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let crowd = crowd.clone();
            thread::spawn(move || crowd.write(number))
        })
        .collect();
    for server in &mut servers {
        nginx.restart_one(server);
    }
    for watcher in watchers {
        let text = watcher.join().unwrap();
        assert_eq!(text, SlowModel::text(WORDS), "no event is lost and none comes twice");
    }
    crowd.is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        let answered = reader.join().unwrap();
        assert!(answered > 20, "{answered} requests are no load");
    }
    let written: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert!(written > 20, "{written} requests are no load");
    let made = agents(&url).await - before;
    assert_eq!(usize::try_from(made), Ok(written), "each is there once");
    app.end().await;
}

/// How many agents there are.
async fn agents(url: &str) -> i64 {
    let counts = count_rows(url).await;
    counts.into_iter().find(|(table, _)| table == "agents").unwrap().1
}

/// Those who are there meanwhile, as one person.
#[derive(Clone)]
struct Crowd {
    port: u16,
    cookie: String,
    /// That of nginx.
    log: PathBuf,
    is_over: Arc<AtomicBool>,
}

impl Crowd {
    /// Reads on a new connection each time, until all is over. Answers how often.
    fn visit(&self) -> usize {
        let mut answered = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let answer = try_ask(self.port, "GET", "/api/v1/agents?limit=5", &self.cookie, "");
            let is_well = answer.as_ref().is_ok_and(|answer| answer.contains(" 200 "));
            assert!(is_well, "it was lost: {answer:?}\n{}", self.told());
            answered += 1;
        }
        answered
    }

    /// Reads on a connection that is kept.
    fn read(&self) -> usize {
        let mut line = Line::new(self.port);
        let mut answered = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let answer = line.ask("GET", "/api/v1/sessions?limit=5", &self.cookie, "");
            let is_well = answer.as_ref().is_ok_and(|answer| answer.contains(" 200 "));
            assert!(is_well, "it was lost: {answer:?}\n{}", self.told());
            answered += 1;
        }
        answered
    }

    /// Makes agents on a connection that is kept, each by a request with a key of its own.
    fn write(&self, number: usize) -> usize {
        let mut line = Line::new(self.port);
        let body = "{\"name\":\"Made under load\"}";
        let kind = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
        let mut answered = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let key = format!("Idempotency-Key: writer-{number}-{answered}");
            let headers = format!("{}{kind}\r\n{key}\r\n", self.cookie);
            let answer = line.ask("POST", "/api/v1/agents", &headers, body);
            let is_well = answer.as_ref().is_ok_and(|answer| answer.contains(" 201 "));
            assert!(is_well, "it was lost: {answer:?}\n{}", self.told());
            answered += 1;
        }
        answered
    }

    /// Reads a session's output to its end. Comes back whenever the stream breaks off, after the last event
    /// that it has, as a browser does; one that is refused a browser would not ask again.
    fn watch(&self, path: &str) -> String {
        let (mut text, mut last) = (String::new(), 0);
        let began = Instant::now();
        while began.elapsed() < Duration::from_mins(1) {
            let headers = format!("{}Last-Event-ID: {last}\r\n", self.cookie);
            let stream = connect(self.port, "GET", path, &headers, "").unwrap();
            let mut stream = BufReader::new(stream);
            let Ok(Some(head)) = read_head(&mut stream) else { continue };
            if head.starts_with("HTTP/1.1 204 ") {
                return text;
            }
            assert!(head.starts_with("HTTP/1.1 200 "), "refused: {head}\n{}", self.told());
            for line in BufReader::new(Chunks::of(stream)).lines().map_while(Result::ok) {
                if line == "event: end" {
                    return text;
                }
                if let Some(id) = line.strip_prefix("id: ") {
                    let id: i64 = id.parse().unwrap();
                    assert!(id > last, "event {id} comes after {last}");
                    last = id;
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

    /// What nginx says.
    fn told(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A connection that is kept between requests. Where it was closed meanwhile, before anything of the answer
/// came, the request is sent again on a new one, as every client of HTTP does.
struct Line {
    port: u16,
    kept: Option<BufReader<TcpStream>>,
}

impl Line {
    const fn new(port: u16) -> Self {
        Self { port, kept: None }
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<String> {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: resonant.test\r\n{headers}\r\n{body}");
        if let Some(kept) = self.kept.take()
            && let Some(answer) = self.send(kept, &request)?
        {
            return Ok(answer);
        }
        let fresh = TcpStream::connect(("127.0.0.1", self.port))?;
        fresh.set_read_timeout(Some(Duration::from_secs(20)))?;
        let answer = self.send(BufReader::new(fresh), &request)?;
        answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// `None`: the connection was closed before anything of the answer came.
    fn send(
        &mut self,
        mut stream: BufReader<TcpStream>,
        request: &str,
    ) -> io::Result<Option<String>> {
        let sent = stream.get_mut().write_all(request.as_bytes());
        let head = match sent.and_then(|()| read_head(&mut stream)) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(None),
            Err(error) if is_closed(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let body = read_body(&mut stream, &head)?;
        let is_last = header(&head, "connection").is_some_and(|value| value == "close");
        self.kept = (!is_last).then_some(stream);
        Ok(Some(head + &*String::from_utf8_lossy(&body)))
    }
}

/// Whether the other side had closed the connection.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};

    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

/// The head of an answer. `None`: the connection was closed before it.
fn read_head(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        match stream.read_line(&mut head) {
            Ok(0) if head.is_empty() => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            // Within a head nobody sends the request again.
            Err(error) if !head.is_empty() => return Err(io::Error::other(error)),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(head))
}

/// The body of an answer, as its head tells its length.
fn read_body(stream: &mut impl BufRead, head: &str) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if let Some(length) = header(head, "content-length") {
        body.resize(length.parse().unwrap(), 0);
        stream.read_exact(&mut body)?;
    } else {
        Chunks::of(stream).read_to_end(&mut body)?;
    }
    Ok(body)
}

/// What comes in chunks, without what tells how long each is.
struct Chunks<R> {
    stream: R,
    left: usize,
    is_over: bool,
}

impl<R: BufRead> Chunks<R> {
    const fn of(stream: R) -> Self {
        Self { stream, left: 0, is_over: false }
    }

    /// The line with the next chunk's length; the one before it ends with an empty line.
    fn begin(&mut self) -> io::Result<()> {
        let mut line = String::new();
        while line.trim_end().is_empty() {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.left = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        if self.left == 0 {
            self.is_over = true;
            self.stream.read_line(&mut line)?;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.is_over {
            self.begin()?;
        }
        let most = buf.len().min(self.left);
        let read = self.stream.read(&mut buf[..most])?;
        self.left -= read;
        Ok(read)
    }
}
