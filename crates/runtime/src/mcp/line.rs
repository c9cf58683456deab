//! The way to a server, and the session that it keeps for us.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use resonant_domain::http_tool::HttpMethod;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

use super::alone::{self, ALONE, DISCOVER, Spoken};
use super::reply::{self, Heard};
use super::{HELLO, McpError, Server, answer_to, taken_back};
use crate::egress::{BODY_MAX_BYTES, Egress, EgressError, Fetched, Outgoing, is_unanswered};
use crate::tools::BoundSecret;

/// How long a server may take to hear what nobody waits for: an answer to what it asks, that a request is
/// taken back, that the session is over.
const ASIDE: Duration = Duration::from_secs(5);
/// How long a server may take to say how it is spoken to: those that do not know the question may be silent.
const DISCOVERY: Duration = Duration::from_secs(10);
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
    /// The error in the newest answer.
    error: Value,
    /// The schema of the tool that is called.
    schema: Value,
    /// Whether a person can be asked for more.
    may_ask: bool,
    /// The server does not know the session of the newest request any more, and has done nothing.
    is_forgotten: bool,
}

impl<'a> Line<'a> {
    pub(super) fn new(egress: &'a Egress, server: Server) -> Self {
        Self {
            egress,
            server,
            id: None,
            version: None,
            asked: 0,
            waits: None,
            status: 0,
            error: Value::Null,
            schema: Value::Null,
            may_ask: false,
            is_forgotten: false,
        }
    }

    /// Where the server is.
    pub(super) fn url(&self) -> &str {
        &self.server.url
    }

    /// Whether each request stands alone.
    pub(super) fn is_alone(&self) -> bool {
        self.version.as_deref() == Some(ALONE)
    }

    /// What is called next takes what this schema says.
    pub(super) fn describe(&mut self, schema: &Value) {
        self.schema = schema.clone();
    }

    /// What is called next may ask a person for more, or not.
    pub(super) fn let_ask(&mut self, may_ask: bool) {
        self.may_ask = may_ask;
    }

    /// Whether the server has refused the newest request, since its headers are not those that it asks for.
    pub(super) fn is_misread(&self) -> bool {
        self.is_alone() && alone::is_misread(&self.error)
    }

    /// Asks how the server is spoken to, and speaks so from here on.
    pub(super) async fn discover(&mut self) -> Result<Spoken, McpError> {
        (self.id, self.version) = (None, Some(ALONE.to_owned()));
        // The numbers of a session begin behind it.
        let params = alone::told(&json!({}), false);
        let request = json!({ "jsonrpc": "2.0", "id": 0, "method": DISCOVER, "params": params });
        let outgoing = self.outgoing(HttpMethod::Post, Some(&request));
        let patience = DISCOVERY.min(self.server.timeout);
        let heard = Mutex::default();
        let asked = timeout(patience, self.send(outgoing, &heard)).await;
        // It says who may ask, or that nobody can at the moment.
        let is_turned_away =
            matches!(self.status, 401 | 403 | 429 | 503) || is_unanswered(self.status);
        let answer = match asked {
            Ok(Ok(fetched)) => {
                let is_stream = fetched.media_type() == "text/event-stream";
                Ok(reply::answer(&fetched.body, is_stream, 0).unwrap_or_default())
            }
            Ok(Err(McpError::Refused(_) | McpError::Status(_))) if !is_turned_away => {
                Ok(json!({ "error": self.error }))
            }
            Ok(Err(McpError::Egress(error))) if error.may_have_arrived() => Ok(Value::Null),
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => Ok(Value::Null),
        };
        let spoken = answer.and_then(|answer| alone::spoken(&answer));
        if !matches!(spoken, Ok(Spoken::Alone(_))) {
            self.version = None;
        }
        spoken
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
        // How a session begins is not taken back, and what stands alone ends with its connection.
        self.waits = (method != HELLO && !self.is_alone()).then_some(id);
        let alone = self.is_alone().then(|| alone::told(params, self.may_ask));
        let params = alone.as_ref().unwrap_or(params);
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let patience = self.server.timeout;
        let late = EgressError::Timeout(patience.as_secs());
        let result = timeout(patience, self.exchange(&request, id)).await;
        let result = result.unwrap_or(Err(late.into()));
        let result = if self.is_alone() { result.and_then(alone::whole) } else { result };
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
                    if let Some(answer) = reply::answer(&fetched.body, is_stream, id) {
                        self.error = answer["error"].clone();
                        return reply::result_of(&answer);
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
            // A server may hang up before it has answered, and say where to go on. What stands alone is lost.
            let place = lock(&heard).goes_on().filter(|_| !self.is_alone());
            let Some((place, pause)) = place else { break };
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
        (self.status, self.error) = (0, Value::Null);
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
            self.error = reply::error(&fetched.body);
            return Err(match reply::refusal(&fetched.body) {
                Some(reason) if fetched.status < 500 => McpError::Refused(reason),
                _ => McpError::Status(fetched.status),
            });
        }
        let id = fetched.headers.get("mcp-session-id").and_then(|id| id.to_str().ok());
        if let Some(id) = id.filter(|_| !self.is_alone()) {
            self.id = Some(id.to_owned());
        }
        Ok(fetched)
    }

    /// Answers what the server asks. Whether that is heard shows in what it does next.
    async fn answer(&self, question: &Value) {
        // Whoever is asked alone asks nothing.
        if let Some(answer) = answer_to(question).filter(|_| !self.is_alone()) {
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
        if let Some(request) = message.filter(|_| self.is_alone()) {
            headers.extend(alone::headers(request, &self.schema));
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
            keeps_method: true,
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
