//! What is around the agent: a server of this machine with two names, and what the installation keeps.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::BoxFuture;
use jiff::Timestamp;
use resonant_domain::UserId;
use resonant_domain::agent::{AgentSpec, ToolGrant};
use resonant_domain::knowledge::FoundPassage;
use resonant_domain::memory::{Memory, NewMemory};
use resonant_domain::session::Usage;
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use serde_json::{Value, json};

use crate::log::{AgentsAsked, LogError, MemoryLog, SessionLog};
use crate::models::Secret;
use crate::tools::{Backing, BackingFuture, BoundSecret, Tool, ToolContext, ToolFuture, Whose};

pub(super) const CANARY: &str = "canary-4b1d/7f3a 9+c=";

/// How a part of the canary may show: as it is, in base64 behind any bytes, in hexadecimal digits, and
/// escaped.
const SHOWN: [&str; 12] = [
    "canary-4b1d",
    "7f3a 9",
    "7f3a+9",
    "7f3a%209",
    "%63%61%6",
    "Y2FuYXJ5",
    "NhbmFyeS",
    "jYW5hcnk",
    "63616e61",
    "63616E61",
    "u0063",
    "&#x63;",
];

/// The part of the canary that a text shows.
pub(super) fn shown_in(text: &str) -> Option<&'static str> {
    SHOWN.into_iter().find(|part| text.contains(part))
}

/// A request that came to the server.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) host: String,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) authorization: String,
    /// All other headers.
    pub(super) headers: String,
    pub(super) body: String,
}

/// A server of this machine with two names: the one that the agent was granted, and another.
pub(super) struct World {
    pub(super) granted: String,
    pub(super) other: String,
    pub(super) requests: Arc<Mutex<Vec<Seen>>>,
}

impl World {
    /// Serves `page` at every path but those that redirect, and as the answer of an MCP server at one.
    pub(super) async fn serve(page: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (granted, other) = (format!("127.0.0.1:{port}"), format!("localhost:{port}"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let record = requests.clone();
        let page = page.replace("OTHER", &other).replace("GRANTED", &granted);
        let away = format!("http://{other}/stolen");
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let seen = seen(method, &uri, &headers, &body);
            let response: Response = if uri.path().ends_with("/away") {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, away.clone())]).into_response()
            } else {
                // A host that tells back what it was told, in one form and another.
                let echoes = echoes(&seen.authorization);
                let told = format!("{page}\n{echoes}\n{}", seen.body);
                if uri.path() == "/mcp" { mcp_answer(&body, &told) } else { told.into_response() }
            };
            record.lock().unwrap().push(seen);
            async move { response }
        };
        let router = Router::new().fallback(answer);
        drop(tokio::spawn(async move { axum::serve(listener, router).await }));
        Self { granted, other, requests }
    }

    /// An agent whose MCP server says `description` of its tool.
    pub(super) fn agent(&self, description: &str) -> AgentSpec {
        let grants = json!([
            { "name": "http_fetch", "hosts": ["127.0.0.1"] },
            { "name": "knowledge" },
            { "name": "remember" },
            { "name": "recall" },
            { "name": "code" },
            { "name": "ask_user" },
            {
                "name": "helper",
                "settings": {
                    "kind": "agent",
                    "agent_id": "01890a5d-ac96-774b-bcce-b302099a8060",
                    "description": "Helps",
                },
            },
            {
                "name": "shelf",
                "settings": {
                    "kind": "mcp",
                    "server": format!("http://{}/mcp", self.granted),
                    "tool": "find",
                    "description": description,
                    "input_schema": { "type": "object" },
                    "headers": { "authorization": "Bearer {{secrets.TICKETS}}" },
                },
            },
            {
                "name": "tickets",
                "settings": {
                    "kind": "http",
                    "description": "Files a ticket",
                    "method": "POST",
                    "url": format!("http://{}/api/tickets/{{{{project}}}}", self.granted),
                    "headers": {
                        "authorization": "Bearer {{secrets.TICKETS}}",
                        "x-title": "{{title}}",
                    },
                    "body": { "title": "{{title}}", "more": "{{more}}" },
                    "input_schema": {
                        "type": "object",
                        "properties": {
                            "project": { "type": "string" },
                            "title": { "type": "string" },
                            "more": {},
                        },
                        "additionalProperties": false,
                    },
                },
            },
        ]);
        let mut tools: Vec<ToolGrant> = serde_json::from_value(grants).unwrap();
        tools.extend(self.orders());
        AgentSpec { name: "Clerk".to_owned(), tools, ..AgentSpec::default() }
    }

    /// The tools of an interface that a document describes.
    fn orders(&self) -> Vec<ToolGrant> {
        let id = json!({
            "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
        });
        let document = json!({
            "openapi": "3.1.0",
            "info": { "title": "Tickets", "version": "1" },
            "servers": [{ "url": format!("http://{}/api", self.granted) }],
            "security": [{ "key": [] }],
            "paths": {
                "/orders/{id}": {
                    "parameters": [id],
                    "get": {
                        "operationId": "orders_get",
                        "parameters": [
                            { "name": "q", "in": "query", "schema": {} },
                            { "name": "X-Note", "in": "header", "schema": { "type": "string" } },
                        ],
                        "responses": {},
                    },
                    "put": {
                        "operationId": "orders_set",
                        "requestBody": { "content": { "application/json": {} } },
                        "responses": {},
                    },
                },
            },
            "components": { "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } } },
        });
        let found = crate::openapi::read(&document.to_string(), None, &[]).unwrap();
        assert_eq!(
            (found.tools.len(), found.secrets.as_slice()),
            (2, &["TICKETS_KEY".to_owned()][..])
        );
        found.tools
    }
}

fn seen(method: Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Seen {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let header = |name| headers.get(&name).map_or_else(String::new, |value| text(value.as_bytes()));
    let others = headers.iter().filter(|(name, _)| name.as_str() != "authorization");
    let others = others.map(|(name, value)| format!("{name}: {}\n", text(value.as_bytes())));
    Seen {
        host: header(header::HOST),
        method,
        path: uri.to_string(),
        authorization: header(header::AUTHORIZATION),
        headers: others.collect(),
        body: text(body),
    }
}

/// What a text looks like in the forms that answers have, each on a line.
pub(super) fn echoes(text: &str) -> String {
    let each = |write: fn(u8) -> String| text.bytes().map(write).collect::<String>();
    [
        text.to_owned(),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}")),
        each(|byte| format!("\\u00{byte:02x}")),
        each(|byte| format!("&#x{byte:x};")),
        text.replace('/', "\\/").replace('+', "&#43;"),
        BASE64_STANDARD.encode(text),
        BASE64_STANDARD.encode(format!("a:{text}:b")),
    ]
    .join("\n")
}

/// What an MCP server answers whose every tool tells `told`.
fn mcp_answer(request: &[u8], told: &str) -> Response {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let result = match request["method"].as_str() {
        Some("initialize") => {
            json!({ "protocolVersion": "2025-06-18", "serverInfo": { "name": "Shelf" } })
        }
        Some("tools/call") => json!({ "content": [{ "type": "text", "text": told }] }),
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

/// A log whose other agents answer at once, with what a stranger has told them.
pub(super) struct Desk {
    pub(super) log: MemoryLog,
    pub(super) answer: String,
    pub(super) asked: Mutex<Vec<String>>,
}

impl SessionLog for Desk {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        self.log.append(after, entries, usage)
    }

    fn call_agents(
        &self,
        after: i64,
        asked: AgentsAsked,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        self.asked.lock().unwrap().push(format!("{asked:?}"));
        let step = asked.step;
        let answers = asked.calls.into_iter().map(|call| EventBody::ToolResult {
            step,
            call_id: call.call_id,
            tool: call.tool,
            outcome: ToolOutcome::Ok,
            content: self.answer.clone(),
            duration_ms: 0,
        });
        self.log.append(after, answers.collect(), Usage::default())
    }
}

/// Keeps one secret, bound to the granted host, and a document and a memory of a stranger.
#[derive(Default)]
pub(super) struct Safe {
    pub(super) document: String,
    /// What was remembered.
    pub(super) kept: Mutex<Vec<NewMemory>>,
}

impl Backing for Safe {
    fn secrets(&self, _owner: UserId, names: Vec<String>) -> BackingFuture<'_, Vec<BoundSecret>> {
        let names = names.into_iter().filter(|name| ["TICKETS", "TICKETS_KEY"].contains(&&**name));
        let hosts = vec!["127.0.0.1".to_owned()];
        let bound = names.map(|name| BoundSecret {
            name,
            value: Secret::new(CANARY),
            hosts: hosts.clone(),
        });
        let bound: Vec<_> = bound.collect();
        Box::pin(async move { Ok(bound) })
    }

    fn look_up(&self, _: Whose, _: String, _: u32) -> BackingFuture<'_, Vec<FoundPassage>> {
        let passage = FoundPassage {
            document_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            document: format!("Title {}", self.document),
            heading: self.document.clone(),
            position: 1,
            url: String::new(),
            relevance: 100,
            text: self.document.clone(),
        };
        Box::pin(async move { Ok(vec![passage]) })
    }

    fn remember(&self, _: Whose, fact: NewMemory) -> BackingFuture<'_, ()> {
        self.kept.lock().unwrap().push(fact);
        Box::pin(async { Ok(()) })
    }

    fn recall(&self, _: Whose) -> BackingFuture<'_, Vec<Memory>> {
        let memory = Memory {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            key: self.document.clone(),
            text: self.document.clone(),
            updated_at: Timestamp::UNIX_EPOCH,
        };
        Box::pin(async move { Ok(vec![memory]) })
    }
}

/// A tool that the installation has and the agent was not granted.
pub(super) struct Wipe(pub(super) Arc<AtomicUsize>);

impl Tool for Wipe {
    fn name(&self) -> &'static str {
        "wipe"
    }

    fn description(&self) -> &'static str {
        "wipes everything"
    }

    fn parameters(&self) -> Value {
        json!({ "type": "object" })
    }

    fn call<'a>(&'a self, _: &'a Value, _: &'a ToolContext) -> ToolFuture<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok("wiped".to_owned()) })
    }
}
