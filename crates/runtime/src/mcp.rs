//! A client of MCP servers (Model Context Protocol, streamable HTTP) over the guarded client.
//!
//! Each use opens a session of the protocol, asks what it wants to know, and is done: a server may
//! forget us in between, and a session that it gave an id is ended, as far as the server is reached. What
//! nobody waits for any more is taken back.
//!
//! The newest version of the protocol knows no sessions: each request stands alone, and a call that nobody waits
//! for ends with its connection. Whether a server speaks it is asked first, as its specification says; whoever
//! does not know the question is spoken to in a session.

mod alone;
mod asking;
mod eras;
mod line;
mod reply;
mod stdio;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use self::alone::Spoken;
use self::line::Line;
use crate::egress::{Egress, EgressError, HostLimit, is_unanswered};
use crate::tools::{Asked, Asking, BoundSecret};

pub use stdio::{StdioCommand, StdioServers};

/// The versions of the protocol that are spoken in sessions, the newest first. A server that speaks another one
/// says so.
const VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The request that a session begins with.
const HELLO: &str = "initialize";
/// How often a server may say that it is to be called again, and the pause before that is done.
const AGAIN_MAX: usize = 5;
const AGAIN: Duration = Duration::from_secs(1);
/// How many pages of tools are asked for.
const PAGES_MAX: usize = 20;
/// The most tools that are looked at of one server; of more it is told that there are some.
pub const TOOLS_MAX: usize = 500;

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
    /// The tool asks a person for more before it answers, and has done nothing.
    #[error("the MCP server asks a person for more: {}", .0.question.text)]
    Asks(Box<Asked>),
    /// The server wants to be called again, with this.
    #[error("the MCP server has not answered: it wants to be called again")]
    Again(String),
}

impl McpError {
    /// Whether a call may have taken effect all the same.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        match self {
            Self::Unanswered(_) | Self::Again(_) => true,
            Self::Egress(error) => error.may_have_arrived(),
            Self::Status(status) => is_unanswered(*status),
            Self::Protocol(_) | Self::Refused(_) | Self::Asks(_) => false,
        }
    }
}

/// What is sent to call a tool: with what a person has answered, where the tool has asked.
fn wanted(name: &str, arguments: &Value, asking: &Asking) -> Value {
    let mut wanted = json!({ "name": name, "arguments": arguments });
    if let Some(answer) = &asking.answer {
        asking::add_answer(&mut wanted, answer);
    }
    wanted
}

/// How often a server has said to a call that it is to be called again.
#[derive(Default)]
struct Again(usize);

impl Again {
    /// Whether it says so once more, and may: after the pause, with what it wants to be sent then in `wanted`.
    async fn is_wanted(&mut self, answer: &Result<Value, McpError>, wanted: &mut Value) -> bool {
        let Err(McpError::Again(state)) = answer else { return false };
        if self.0 == AGAIN_MAX {
            return false;
        }
        self.0 += 1;
        wanted["requestState"] = state.as_str().into();
        sleep(AGAIN).await;
        true
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
    asking: Asking,
    /// What the server calls itself.
    pub title: String,
}

impl<'a> Session<'a> {
    /// Opens a session. It ends when it is dropped.
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn open(egress: &'a Egress, server: Server) -> Result<Self, McpError> {
        let mut line = Line::new(egress, server);
        let title = greet(&mut line).await?;
        Ok(Self { line, asking: Asking::default(), title })
    }

    /// Sends a request, and sends it again in a new session where the server has forgotten this one.
    async fn ask(&mut self, method: &str, params: &Value) -> Result<Value, McpError> {
        let answer = self.line.ask(method, params).await;
        if self.line.leave_forgotten() && greet(&mut self.line).await.is_ok() {
            return self.line.ask(method, params).await;
        }
        answer
    }

    /// Lists the server's tools: [`TOOLS_MAX`] of them, and one more where it has more.
    ///
    /// # Errors
    /// [`McpError`].
    pub async fn tools(&mut self) -> Result<Vec<ServedTool>, McpError> {
        let mut tools = Vec::new();
        let mut cursor = Value::Null;
        for _ in 0..PAGES_MAX {
            let wanted = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
            let page = self.ask("tools/list", &wanted).await?;
            add_served(&mut tools, &page);
            if self.line.is_alone() {
                tools.retain(|tool| {
                    let is_callable = alone::is_callable(&tool.input_schema);
                    if !is_callable {
                        tracing::warn!(
                            tool = tool.name,
                            "an MCP tool asks for headers that are none"
                        );
                    }
                    is_callable
                });
            }
            cursor = page["nextCursor"].clone();
            if cursor.is_null() || tools.len() > TOOLS_MAX {
                break;
            }
        }
        Ok(tools)
    }

    /// What a tool may ask of a person in the calls from here on, and what a person has answered.
    pub fn asking(&mut self, asking: Asking) {
        self.asking = asking;
    }

    /// Calls a tool whose input this schema describes. A tool that fails answers with an error of its own.
    ///
    /// # Errors
    /// [`McpError`]; [`McpError::Refused`] when the tool says that it failed.
    pub async fn call(
        &mut self,
        name: &str,
        arguments: &Value,
        schema: &Value,
    ) -> Result<String, McpError> {
        self.line.describe(schema);
        let mut wanted = wanted(name, arguments, &self.asking);
        let may_ask = self.asking.may_ask;
        self.line.let_ask(may_ask);
        let mut answer = self.ask("tools/call", &wanted).await;
        if self.line.is_misread() {
            // It has done nothing: its tool asks for other headers by now.
            let Ok(tools) = self.tools().await else { return told(answer) };
            let tool = tools.into_iter().find(|tool| tool.name == name);
            self.line.describe(&tool.map_or(Value::Null, |tool| tool.input_schema));
            answer = self.ask("tools/call", &wanted).await;
        }
        let mut again = Again::default();
        while again.is_wanted(&answer, &mut wanted).await {
            answer = self.ask("tools/call", &wanted).await;
        }
        told(answer)
    }
}

/// Finds out how a server is spoken to, and begins a session where it holds them. Gives what it calls itself.
async fn greet(line: &mut Line<'_>) -> Result<String, McpError> {
    if eras::holds_sessions(line.url()) {
        match begin(line).await {
            // It may speak the newest version alone by now.
            Err(McpError::Refused(_) | McpError::Status(_) | McpError::Protocol(_)) => {
                eras::forget(line.url());
            }
            begun => return begun,
        }
    }
    if let Spoken::Alone(title) = line.discover().await? {
        return Ok(title);
    }
    let title = begin(line).await?;
    eras::note(line.url());
    Ok(title)
}

/// Begins a session. Gives what the server calls itself.
async fn begin(line: &mut Line<'_>) -> Result<String, McpError> {
    let about = line.ask(HELLO, &hello()).await?;
    line.speak(agreed(&about)?);
    line.tell(&ready()).await?;
    Ok(title_of(&about))
}

/// What a client says of itself first.
fn hello() -> Value {
    json!({
        "protocolVersion": VERSIONS[0],
        "capabilities": {},
        "clientInfo": client(),
    })
}

/// What it calls itself.
fn client() -> Value {
    json!({ "name": "Resonant", "version": env!("CARGO_PKG_VERSION") })
}

/// What it says once it has been greeted.
fn ready() -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })
}

/// What it says when nobody waits for the answer to a request any more.
fn taken_back(id: u64) -> Value {
    let params = json!({ "requestId": id, "reason": "nobody waits for it any more" });
    json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })
}

/// What a server is told that asks us something: a sign of life, and nothing else.
fn answer_to(question: &Value) -> Option<Value> {
    let id = question.get("id").filter(|id| !id.is_null())?;
    Some(if question["method"] == "ping" {
        json!({ "jsonrpc": "2.0", "id": id, "result": {} })
    } else {
        let error = json!({ "code": -32601, "message": "not offered here" });
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    })
}

/// The version that a server goes by once it has said hello.
fn agreed(hello: &Value) -> Result<String, McpError> {
    // Whoever names none means the one that was asked for.
    let version = hello["protocolVersion"].as_str().unwrap_or(VERSIONS[0]);
    if VERSIONS.contains(&version) {
        return Ok(version.to_owned());
    }
    let version: String = version.chars().take(40).collect();
    Err(McpError::Refused(format!("it goes by version {version} of the protocol alone")))
}

/// What a server calls itself.
fn title_of(hello: &Value) -> String {
    title_in(&hello["serverInfo"])
}

fn title_in(info: &Value) -> String {
    info["title"].as_str().or_else(|| info["name"].as_str()).unwrap_or("unnamed").to_owned()
}

/// Adds the tools of a page, and no more than one that is too many.
fn add_served(tools: &mut Vec<ServedTool>, page: &Value) {
    let room = (TOOLS_MAX + 1).saturating_sub(tools.len());
    tools.extend(page["tools"].as_array().into_iter().flatten().take(room).map(served));
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
