//! A client of MCP servers (Model Context Protocol, streamable HTTP) over the guarded client.
//!
//! Each use opens a session of the protocol, asks what it wants to know, and is done: a server may
//! forget us in between, and a session that it gave an id is ended, as far as the server is reached.

mod reply;
mod stdio;

use std::collections::BTreeMap;
use std::time::Duration;

use resonant_domain::http_tool::HttpMethod;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use crate::egress::{Egress, EgressError, HostLimit, Outgoing, is_unanswered};
use crate::tools::BoundSecret;

pub use stdio::{StdioCommand, StdioServers};

/// The version of the protocol that is spoken. A server that speaks another one says so.
const PROTOCOL_VERSION: &str = "2025-06-18";
/// How long a server may take to hear that a session is over.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);
/// How many pages of tools are asked for.
const PAGES_MAX: usize = 20;

/// Where a server is, and what every request to it carries.
#[derive(Clone)]
pub struct Server {
    /// Its address.
    pub url: String,
    /// Headers, with their secrets filled in.
    pub headers: BTreeMap<String, String>,
    /// The secrets in them.
    pub secrets: Vec<BoundSecret>,
    /// The hosts that it may be at.
    pub limit: HostLimit,
    /// How long one exchange may take.
    pub timeout: Duration,
}

/// A tool as a server describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServedTool {
    /// Its name there.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON schema of its input.
    pub input_schema: Value,
}

/// Why a server did not do what was asked. The text may be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    /// The server could not be reached.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The server answers with an HTTP status that tells of a failure.
    #[error("the MCP server answers {0}")]
    Status(u16),
    /// The answer is not one of the protocol.
    #[error("the MCP server does not answer as the protocol says: {0}")]
    Protocol(String),
    /// The call was sent, and no answer to it came.
    #[error("the MCP server has not answered: {0}")]
    Unanswered(String),
    /// The server refuses.
    #[error("the MCP server refuses: {0}")]
    Refused(String),
}

impl McpError {
    /// Whether a call may have taken effect all the same.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        match self {
            Self::Unanswered(_) => true,
            Self::Egress(error) => error.may_have_arrived(),
            Self::Status(status) => is_unanswered(*status),
            Self::Protocol(_) | Self::Refused(_) => false,
        }
    }
}

/// What a tool says to a call. What comes back and is no answer leaves the call unanswered.
fn told(asked: Result<Value, McpError>) -> Result<String, McpError> {
    let result = asked.map_err(|error| match error {
        McpError::Protocol(reason) => McpError::Unanswered(reason),
        error => error,
    })?;
    let text = reply::content(&result);
    if result["isError"] == true { Err(McpError::Refused(text)) } else { Ok(text) }
}

/// A session of the protocol.
pub struct Session<'a> {
    line: Line<'a>,
    /// What the server calls itself.
    pub title: String,
}

impl<'a> Session<'a> {
    /// Opens a session. It ends when it is dropped.
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn open(egress: &'a Egress, server: Server) -> Result<Self, McpError> {
        let version = PROTOCOL_VERSION.to_owned();
        let mut line = Line { egress, server, id: None, version, asked: 0 };
        let result = line.ask("initialize", &hello()).await?;
        if let Some(version) = result["protocolVersion"].as_str() {
            version.clone_into(&mut line.version);
        }
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        line.send(&ready).await?;
        Ok(Self { line, title: title_of(&result) })
    }

    /// Lists the server's tools.
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn tools(&mut self) -> Result<Vec<ServedTool>, McpError> {
        let mut tools = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..PAGES_MAX {
            let wanted = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
            let page = self.line.ask("tools/list", &wanted).await?;
            tools.extend(page["tools"].as_array().into_iter().flatten().map(served));
            cursor = page["nextCursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        Ok(tools)
    }

    /// Calls a tool. A tool that fails answers with an error of its own.
    ///
    /// # Errors
    /// [`McpError`]; [`McpError::Refused`] when the tool says that it failed.
    pub async fn call(&mut self, name: &str, arguments: &Value) -> Result<String, McpError> {
        let wanted = json!({ "name": name, "arguments": arguments });
        told(self.line.ask("tools/call", &wanted).await)
    }
}

/// The way to a server, and the session that it keeps for us.
struct Line<'a> {
    egress: &'a Egress,
    server: Server,
    id: Option<String>,
    version: String,
    /// How many requests it has sent: each has a number of its own.
    asked: u64,
}

impl Line<'_> {
    /// Sends a request and waits for its result.
    async fn ask(&mut self, method: &str, params: &Value) -> Result<Value, McpError> {
        self.asked += 1;
        let id = self.asked;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let (is_stream, body) = self.send(&request).await?;
        reply::result(&body, is_stream, id)
    }

    /// Sends a message. Answers whether an event stream came, and the body.
    async fn send(&mut self, message: &Value) -> Result<(bool, Vec<u8>), McpError> {
        let mut outgoing = self.outgoing(HttpMethod::Post);
        outgoing.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        outgoing.body = Some(message.to_string().into_bytes());
        let fetched = self.egress.send(outgoing).await?;
        if !(200..300).contains(&fetched.status) {
            return Err(McpError::Status(fetched.status));
        }
        if let Some(id) = fetched.headers.get("mcp-session-id").and_then(|id| id.to_str().ok()) {
            self.id = Some(id.to_owned());
        }
        Ok((fetched.media_type() == "text/event-stream", fetched.body))
    }

    /// A request to the server, without a body.
    fn outgoing(&self, method: HttpMethod) -> Outgoing {
        let mut headers: Vec<(String, String)> = self.server.headers.clone().into_iter().collect();
        let own = [
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", self.version.as_str()),
        ];
        headers.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if let Some(id) = &self.id {
            headers.push(("mcp-session-id".to_owned(), id.clone()));
        }
        let mut limits: Vec<_> = self.server.secrets.iter().map(BoundSecret::limit).collect();
        limits.push(self.server.limit.clone());
        Outgoing {
            method,
            url: self.server.url.clone(),
            headers,
            body: None,
            timeout: self.server.timeout,
            limits,
            // A server may keep its stream open after the answer.
            enough: Some(reply::is_complete),
        }
    }
}

impl Drop for Line<'_> {
    /// Tells a server that keeps a session for us that it is over, however the use of it ended. Nobody
    /// waits for the answer: the server may not allow it, or may have gone.
    fn drop(&mut self) {
        let (Some(_), Ok(runtime)) = (&self.id, Handle::try_current()) else { return };
        let mut outgoing = self.outgoing(HttpMethod::Delete);
        outgoing.timeout = FAREWELL_TIMEOUT;
        outgoing.enough = Some(|_| true);
        let egress = self.egress.clone();
        let farewell = async move { egress.send(outgoing).await };
        drop(runtime.spawn(farewell.in_current_span()));
    }
}

/// What a client says of itself first.
fn hello() -> Value {
    json!({
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {},
        "clientInfo": { "name": "Resonant", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// What a server calls itself.
fn title_of(hello: &Value) -> String {
    let info = &hello["serverInfo"];
    let title = info["title"].as_str().or_else(|| info["name"].as_str()).unwrap_or("unnamed");
    title.chars().take(100).collect()
}

/// A tool of a list.
fn served(tool: &Value) -> ServedTool {
    let text = |name: &str| tool[name].as_str().unwrap_or_default().to_owned();
    ServedTool {
        name: text("name"),
        description: text("description"),
        input_schema: tool["inputSchema"].clone(),
    }
}

#[cfg(test)]
#[rustfmt::skip] // A served page reads best as it is laid out.
mod tests;
