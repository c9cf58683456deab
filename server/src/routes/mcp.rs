//! `/mcp`: the caller's agents as tools of an MCP server (Model Context Protocol, streamable HTTP).
//!
//! Each request is answered by itself, by whichever process. A call starts a session and is answered when
//! the session is over; whoever takes event streams gets one, which keeps the connection alive meanwhile.
//! Either answer may be long in coming, so that both count among the caller's streams. A call that is taken
//! back (`notifications/cancelled`), or whose connection goes away, cancels its session; one with an
//! `Idempotency-Key` counts once, and whoever sends it again gets its answer.

mod calls;

use std::fmt;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use resonant_backend::agents::AgentFilter;
use resonant_backend::{Ctx, Error, agents, mcp_calls};
use resonant_domain::AgentId;
use resonant_domain::agent::{AgentStatus, AgentSummary};
use resonant_domain::page::PageRequest;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use self::calls::{Asking, Call};
use crate::extract::BodyOrList;
use crate::fault::Fault;
use crate::middleware::idempotency;
use crate::middleware::problem::Told;
use crate::reply;
use crate::state::AppState;
use crate::streams::{Open, Place};

/// The versions of the protocol that are spoken, the newest first.
const VERSIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];
/// Where the version stands in a request.
const VERSION: &str = "mcp-protocol-version";
/// The conversation that a request belongs to, as we have named it.
const CONVERSATION: HeaderName = HeaderName::from_static("mcp-session-id");
/// The longest silence of an answer that is not there yet.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many agents one page of tools holds.
const PAGE: u32 = 50;

/// The version whose messages may come in batches, which is also that of whoever names none: its
/// successor brought both the header and the end of batches.
const BATCHES: &str = "2025-03-26";
/// The most messages of one batch.
const BATCH_MAX: usize = 50;
/// How many answers of a batch are waited for at the same time.
const SIDE_BY_SIDE: usize = 8;

/// The error numbers of JSON-RPC 2.0.
const NO_REQUEST: i32 = -32_600;
const NO_METHOD: i32 = -32_601;
const WRONG_PARAMS: i32 = -32_602;
const OWN_FAULT: i32 = -32_603;

/// A message of JSON-RPC 2.0. One without an id is told, not asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

/// What is posted: a message, or several at once.
#[derive(Debug)]
pub(crate) enum Posted {
    One(Message),
    Many(Vec<Value>),
}

impl Posted {
    /// Whether a tool is called, so that a session may answer.
    fn calls(&self) -> bool {
        const CALL: &str = "tools/call";
        match self {
            Self::One(message) => message.method == CALL,
            Self::Many(messages) => messages.iter().any(|message| message["method"] == CALL),
        }
    }
}

impl<'de> Deserialize<'de> for Posted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Posted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message of JSON-RPC 2.0, or an array of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Posted, A::Error> {
                Message::deserialize(MapAccessDeserializer::new(map)).map(Posted::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Posted, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Posted::Many)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A request that has been looked at.
enum Begun {
    /// It is answered.
    Answered(Value),
    /// The session answers the request of this id when it is over.
    Session(Value, Box<Call>),
}

pub(crate) async fn post(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    BodyOrList(posted): BodyOrList<Posted>,
) -> Result<Response, Fault> {
    let version = headers.get(VERSION).map(HeaderValue::as_bytes);
    if version.is_some_and(|version| !VERSIONS.iter().any(|known| known.as_bytes() == version)) {
        let reason = format!("{VERSION} must be one of {}", VERSIONS.join(", "));
        return Ok(refused(reason));
    }
    let key = idempotency::key(&headers)?;
    // Before anything begins: whose answer would be one too many starts no session.
    let place = if posted.calls() { Some(state.streams().place(&ctx)?) } else { None };
    let conversation = headers.get(CONVERSATION).and_then(|name| name.to_str().ok());
    let asking = Asking::new(ctx, key, conversation, state.stopping.clone());
    match posted {
        Posted::One(message) => {
            let is_hello = message.method == "initialize";
            let Some(begun) = begin(&asking, message).await? else {
                return Ok(StatusCode::ACCEPTED.into_response());
            };
            if matches!(begun, Begun::Session(..))
                && takes_events(&headers)
                && let Some(place) = place
            {
                let open = state.streams().open_in(&asking.ctx, place);
                return Ok(stream_answers(asking.ctx, vec![begun], open));
            }
            let body = answer(&asking.ctx, begun).await;
            // Until here, however long it took.
            drop(place);
            let mut response = reply::json(StatusCode::OK, reply::NO_STORE, &body);
            if is_hello
                && let Ok(name) = HeaderValue::try_from(mcp_calls::new_conversation(&asking.ctx)?)
            {
                response.headers_mut().insert(CONVERSATION, name);
            }
            Ok(response)
        }
        Posted::Many(messages) => batch(&state, asking, &headers, messages, place).await,
    }
}

/// What a request is told that is none of the protocol.
fn refused(reason: String) -> Response {
    let body = Failed::Rpc(NO_REQUEST, reason).body(&Value::Null);
    let mut response = reply::json(StatusCode::BAD_REQUEST, reply::NO_STORE, &body);
    response.extensions_mut().insert(Told);
    response
}

/// Answers several messages at once.
async fn batch(
    state: &AppState,
    asking: Asking,
    headers: &HeaderMap,
    messages: Vec<Value>,
    place: Option<Place>,
) -> Result<Response, Fault> {
    let version = headers.get(VERSION).map_or(BATCHES.as_bytes(), |it| it.as_bytes());
    let reason = if version != BATCHES.as_bytes() {
        Some(format!("messages come in batches in version {BATCHES} of the protocol alone"))
    } else if messages.is_empty() || messages.len() > BATCH_MAX {
        Some(format!("a batch holds 1 to {BATCH_MAX} messages"))
    } else {
        None
    };
    if let Some(reason) = reason {
        return Ok(refused(reason));
    }
    let mut all = Vec::new();
    for message in messages {
        let id = message["id"].clone();
        // Nothing is asked of callers, so that none of their answers is waited for.
        if message.get("method").is_none()
            && (message.get("result").is_some() || message.get("error").is_some())
        {
            continue;
        }
        // serde would take a list for a message, its fields in order.
        let message = if message.is_object() { message } else { Value::Null };
        let begun = match serde_json::from_value::<Message>(message) {
            Ok(message) if message.method == "initialize" => {
                let reason = "initialize must not be part of a batch".to_owned();
                Some(Begun::Answered(Failed::Rpc(NO_REQUEST, reason).body(&id)))
            }
            Ok(message) => begin(&asking, message).await?,
            Err(error) => {
                Some(Begun::Answered(Failed::Rpc(NO_REQUEST, error.to_string()).body(&id)))
            }
        };
        all.extend(begun);
    }
    if all.is_empty() {
        return Ok(StatusCode::ACCEPTED.into_response());
    }
    if all.iter().any(|begun| matches!(begun, Begun::Session(..)))
        && takes_events(headers)
        && let Some(place) = place
    {
        let open = state.streams().open_in(&asking.ctx, place);
        return Ok(stream_answers(asking.ctx, all, open));
    }
    let answers: Vec<_> = answers(asking.ctx, all).buffered(SIDE_BY_SIDE).collect().await;
    // Until here, however long it took.
    drop(place);
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &Value::Array(answers)))
}

/// Answers a message, or starts what answers it. `None`: it asks nothing.
async fn begin(asking: &Asking, message: Message) -> Result<Option<Begun>, Fault> {
    let params = &message.params;
    let Some(id) = message.id else {
        if message.method == "notifications/cancelled" {
            asking.take_back(&params["requestId"]).await;
        }
        return Ok(None);
    };
    let result = match message.method.as_str() {
        "initialize" => Ok(about(params)),
        "ping" => Ok(json!({})),
        "tools/list" => list(&asking.ctx, params).await,
        "tools/call" => match asking.call(&id, params).await {
            Ok(call) => return Ok(Some(Begun::Session(id, Box::new(call)))),
            Err(failed) => Err(failed),
        },
        other => Err(Failed::Rpc(NO_METHOD, format!("there is no method {other}"))),
    };
    match result {
        // Who is not signed in must learn it from the status.
        Err(Failed::Use(error @ Error::Unauthenticated)) => Err(error.into()),
        result => Ok(Some(Begun::Answered(body(&id, result)))),
    }
}

/// The answer to each request, not yet waited for.
fn answers(ctx: Ctx, all: Vec<Begun>) -> impl Stream<Item = impl Future<Output = Value>> {
    stream::iter(all).map(move |begun| {
        let ctx = ctx.clone();
        async move { answer(&ctx, begun).await }
    })
}

/// The answer to a request, once it is there.
async fn answer(ctx: &Ctx, begun: Begun) -> Value {
    match begun {
        Begun::Answered(body) => body,
        Begun::Session(id, call) => body(&id, call.result(ctx).await),
    }
}

fn body(id: &Value, result: Result<Value, Failed>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(failed) => failed.body(id),
    }
}

/// Why a request has no result.
enum Failed {
    Rpc(i32, String),
    Use(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Use(error)
    }
}

impl Failed {
    fn body(self, id: &Value) -> Value {
        let (code, message) = match self {
            Self::Rpc(code, message) => (code, message),
            Self::Use(error @ (Error::Internal(_) | Error::Unavailable(_))) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an MCP request failed");
                (OWN_FAULT, error.message())
            }
            Self::Use(error) => (WRONG_PARAMS, error.message()),
        };
        json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
    }
}

fn about(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.iter().find(|version| **version == asked).unwrap_or(&VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "resonant", "title": "Resonant", "version": env!("CARGO_PKG_VERSION") },
        "instructions": "Each tool is an agent: give it a goal, get its answer.",
    })
}

async fn list(ctx: &Ctx, params: &Value) -> Result<Value, Failed> {
    let cursor = params["cursor"].as_str().map(str::to_owned);
    let page = PageRequest { cursor, limit: Some(PAGE) };
    let filter = AgentFilter { status: Some(AgentStatus::Active), page };
    let page = agents::list(ctx, filter).await?;
    let tools: Vec<_> = page.items.iter().map(tool).collect();
    let mut answer = json!({ "tools": tools });
    if let Some(cursor) = page.next_cursor {
        answer["nextCursor"] = cursor.into();
    }
    Ok(answer)
}

fn tool(agent: &AgentSummary) -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let description =
        if agent.description.is_empty() { agent.name.clone() } else { agent.description.clone() };
    json!({
        "name": tool_name(agent),
        "title": agent.name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": {
                "goal": text("What the agent shall reach."),
                "context": text("Material for it: notes, a document, data."),
                "variables": {
                    "type": "object",
                    "description": "The values of the agent's variables, by their names.",
                    "additionalProperties": { "type": "string" },
                },
            },
            "required": ["goal"],
            "additionalProperties": false,
        },
    })
}

/// A readable part of the agent's name, and its whole id: the tool is found by the latter.
fn tool_name(agent: &AgentSummary) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = agent.name.chars().map(plain).take(30).collect();
    format!("{name}_{}", agent.id.as_uuid().simple())
}

fn agent_of(tool: &str) -> Option<AgentId> {
    let digits = tool.get(tool.len().checked_sub(32)?..)?;
    digits.parse().ok()
}

fn takes_events(headers: &HeaderMap) -> bool {
    let mut accepted =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("text/event-stream"))
}

/// Answers in an event stream, each as soon as it is there, with a comment now and then until then.
fn stream_answers(ctx: Ctx, all: Vec<Begun>, open: Open) -> Response {
    let answers = Box::pin(answers(ctx, all).buffer_unordered(SIDE_BY_SIDE));
    let frames = stream::unfold((answers, open), |(mut answers, open)| async {
        let frame = tokio::select! {
            message = answers.next() => Bytes::from(format!("event: message\ndata: {}\n\n", message?)),
            () = tokio::time::sleep(HEARTBEAT) => Bytes::from_static(b": still at work\n\n"),
        };
        Some((frame, (answers, open)))
    });
    reply::events(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_leads_back_to_its_agent() {
        let agent: AgentSummary = serde_json::from_value(json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057",
            "name": "Größe & Maß, a name that is rather long",
            "description": "",
            "avatar": { "icon": "spark", "hue": 1 },
            "status": "active",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        let name = tool_name(&agent);
        assert!(name.len() <= 64 && name.starts_with("gr__e___ma"), "{name}");
        assert_eq!(agent_of(&name), Some(agent.id));
        for name in ["", "x", "é", &"z".repeat(40), "01890a5d"] {
            assert_eq!(agent_of(name), None, "{name}");
        }
    }
}
