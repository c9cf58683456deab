//! The way to a server, and the session that it keeps for us.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use resonant_domain::http_tool::HttpMethod;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

use super::reply::{self, Heard};
use super::{HELLO, McpError, Server, answer_to, taken_back};
use crate::egress::{BODY_MAX_BYTES, Egress, EgressError, Fetched, Outgoing};
use crate::tools::BoundSecret;

/// How long a server may take to hear what nobody waits for: an answer to what it asks, that a request is
/// taken back, that the session is over.
const ASIDE: Duration = Duration::from_secs(5);
/// How many of its questions wait at a time; others stay without an answer.
const QUESTIONS: usize = 8;
/// How often a stream is taken up again before its answer has come.
const RESUMED_MAX: usize = 100;

/// The way to a server, and the session that it keeps for us.
pub(super) struct Line<'a> {
    egress: &'a Egress,
    server: Server,
    id: Option<String>,
    /// The version that is spoken, once both sides know it.
    version: Option<String>,
    /// How many requests it has sent: each has a number of its own.
    asked: u64,
    /// The request that has no answer yet, when it can be taken back.
    waits: Option<u64>,
    /// The status of the newest answer; 0 where none came.
    status: u16,
    /// The server does not know the session of the newest request any more, and has done nothing.
    is_forgotten: bool,
}

impl<'a> Line<'a> {
    pub(super) fn new(egress: &'a Egress, server: Server) -> Self {
        let (id, version, waits) = (None, None, None);
        Self { egress, server, id, version, asked: 0, waits, status: 0, is_forgotten: false }
    }

    /// Whether the newest request was sent in a session that the server does not know any more. What is sent
    /// from then on is sent in none.
    pub(super) fn leave_forgotten(&mut self) -> bool {
        if self.is_forgotten {
            (self.id, self.version) = (None, None);
        }
        std::mem::take(&mut self.is_forgotten)
    }

    /// From here on this version is spoken.
    pub(super) fn speak(&mut self, version: String) {
        self.version = Some(version);
    }

    /// Sends a request and waits for its result.
    pub(super) async fn ask(&mut self, method: &str, params: &Value) -> Result<Value, McpError> {
        self.asked += 1;
        self.is_forgotten = false;
        let id = self.asked;
        // How a session begins is not taken back.
        self.waits = (method != HELLO).then_some(id);
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let patience = self.server.timeout;
        let late = EgressError::Timeout(patience.as_secs());
        let result = timeout(patience, self.exchange(&request, id)).await;
        let result = result.unwrap_or(Err(late.into()));
        match &result {
            Err(McpError::Protocol(_)) => {}
            Err(error) if error.may_have_arrived() => {}
            _ => self.waits = None,
        }
        result
    }

    /// Sends a message that asks nothing.
    pub(super) async fn tell(&mut self, message: &Value) -> Result<(), McpError> {
        let outgoing = self.outgoing(HttpMethod::Post, Some(message));
        self.send(outgoing, &Mutex::default()).await.map(drop)
    }

    async fn exchange(&mut self, request: &Value, id: u64) -> Result<Value, McpError> {
        let heard = Mutex::default();
        let outgoing = self.outgoing(HttpMethod::Post, Some(request));
        let mut came = self.send(outgoing, &heard).await;
        // So it says that it has ended a session (2025-11-25, Streamable HTTP, Session Management).
        self.is_forgotten = self.status == 404 && self.id.is_some();
        for _ in 0..RESUMED_MAX {
            match &came {
                Ok(fetched) => {
                    let is_stream = fetched.media_type() == "text/event-stream";
                    if let Some(result) = reply::result(&fetched.body, is_stream, id) {
                        return result;
                    }
                    if fetched.truncated {
                        let most = BODY_MAX_BYTES / (1024 * 1024);
                        let reason = format!("what came is longer than {most} MiB");
                        return Err(McpError::Unanswered(reason));
                    }
                }
                Err(McpError::Egress(EgressError::BrokenOff(_))) => {}
                Err(_) => break,
            }
            // A server may hang up before it has answered, and say where to go on.
            let Some((place, pause)) = lock(&heard).goes_on() else { break };
            sleep(pause).await;
            let mut outgoing = self.outgoing(HttpMethod::Get, None);
            outgoing.headers.push(("last-event-id".to_owned(), place));
            // The request has arrived, whatever becomes of its answer.
            came = self.send(outgoing, &heard).await.map_err(|error| match error {
                McpError::Egress(EgressError::BrokenOff(_)) => error,
                error => McpError::Unanswered(error.to_string()),
            });
        }
        came?;
        Err(McpError::Protocol("it holds no answer to the request".to_owned()))
    }

    /// Sends a request, and answers what the server asks before it has answered itself.
    async fn send(
        &mut self,
        outgoing: Outgoing,
        heard: &Mutex<Heard>,
    ) -> Result<Fetched, McpError> {
        lock(heard).begin();
        self.status = 0;
        let (asks, mut questions) = mpsc::channel(QUESTIONS);
        let hear = move |body: &[u8]| {
            let (asked, has_answered) = lock(heard).take(body);
            for question in asked {
                let _ = asks.try_send(question);
            }
            has_answered
        };
        let fetched = {
            let sending = self.egress.send_until(outgoing, &hear);
            tokio::pin!(sending);
            loop {
                tokio::select! {
                    fetched = &mut sending => break fetched?,
                    Some(question) = questions.recv() => self.answer(&question).await,
                }
            }
        };
        self.status = fetched.status;
        if !(200..300).contains(&fetched.status) {
            return Err(match reply::refusal(&fetched.body) {
                Some(reason) if fetched.status < 500 => McpError::Refused(reason),
                _ => McpError::Status(fetched.status),
            });
        }
        if let Some(id) = fetched.headers.get("mcp-session-id").and_then(|id| id.to_str().ok()) {
            self.id = Some(id.to_owned());
        }
        Ok(fetched)
    }

    /// Answers what the server asks. Whether that is heard shows in what it does next.
    async fn answer(&self, question: &Value) {
        if let Some(answer) = answer_to(question) {
            let outgoing = self.aside(HttpMethod::Post, Some(&answer));
            let _ = self.egress.send(outgoing).await;
        }
    }

    /// A request whose answer does not matter.
    fn aside(&self, method: HttpMethod, message: Option<&Value>) -> Outgoing {
        let mut outgoing = self.outgoing(method, message);
        outgoing.timeout = ASIDE;
        outgoing.enough = Some(|_| true);
        outgoing
    }

    /// A request to the server.
    fn outgoing(&self, method: HttpMethod, message: Option<&Value>) -> Outgoing {
        let mut headers: Vec<(String, String)> = self.server.headers.clone().into_iter().collect();
        let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
        add("accept", "application/json, text/event-stream");
        if message.is_some() {
            add("content-type", "application/json");
        }
        if let Some(version) = &self.version {
            add("mcp-protocol-version", version);
        }
        if let Some(id) = &self.id {
            add("mcp-session-id", id);
        }
        let mut limits: Vec<_> = self.server.secrets.iter().map(BoundSecret::limit).collect();
        limits.push(self.server.limit.clone());
        Outgoing {
            method,
            url: self.server.url.clone(),
            headers,
            body: message.map(|message| message.to_string().into_bytes()),
            timeout: self.server.timeout,
            limits,
            enough: None,
        }
    }
}

impl Drop for Line<'_> {
    /// Takes back what is under way, and tells a server that keeps a session for us that it is over, however
    /// the use of it ended. Nobody waits for the answers: the server may not allow it, or may have gone.
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let taken_back = self.waits.map(|id| self.aside(HttpMethod::Post, Some(&taken_back(id))));
        let farewell = self.id.is_some().then(|| self.aside(HttpMethod::Delete, None));
        let last: Vec<_> = taken_back.into_iter().chain(farewell).collect();
        if last.is_empty() {
            return;
        }
        let egress = self.egress.clone();
        let tell = async move {
            for outgoing in last {
                let _ = egress.send(outgoing).await;
            }
        };
        drop(runtime.spawn(tell.in_current_span()));
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
