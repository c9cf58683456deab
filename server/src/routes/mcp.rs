//! `/mcp`: the caller's agents as tools of an MCP server (Model Context Protocol, streamable HTTP).
//!
//! Stateless: each request is answered by itself. A call starts a session and is answered when the
//! session is over; whoever takes event streams gets one, which keeps the connection alive meanwhile.

use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode, header};
use resonant_backend::agents::AgentFilter;
use resonant_backend::{Ctx, Error, agents, sessions};
use resonant_domain::agent::{AgentStatus, AgentSummary};
use resonant_domain::metric::Family;
use resonant_domain::page::PageRequest;
use resonant_domain::session::{NewSession, SessionState};
use resonant_domain::session_event::EventBody;
use resonant_domain::timeline::Timeline;
use resonant_domain::{AgentId, SessionId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::extract::Body as Json;
use crate::fault::Fault;
use crate::reply;

/// The versions of the protocol that are spoken, the newest first.
const VERSIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];
/// The longest silence of an answer that is not there yet.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many agents one page of tools holds.
const PAGE: u32 = 50;

/// The error numbers of JSON-RPC 2.0.
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

pub(crate) async fn post(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Json(message): Json<Message>,
) -> Result<Response, Fault> {
    let Some(id) = message.id else {
        return Ok(StatusCode::ACCEPTED.into_response());
    };
    let params = &message.params;
    let answer = match message.method.as_str() {
        "initialize" => Ok(about(params)),
        "ping" => Ok(json!({})),
        "tools/list" => list(&ctx, params).await,
        "tools/call" => match start(&ctx, params).await {
            Ok(session) if takes_events(&headers) => return Ok(stream_result(ctx, id, session)),
            Ok(session) => result(&ctx, session).await,
            Err(failed) => Err(failed),
        },
        other => Err(Failed::Rpc(NO_METHOD, format!("there is no method {other}"))),
    };
    match answer {
        Ok(result) => {
            let body = json!({ "jsonrpc": "2.0", "id": id, "result": result });
            Ok(reply::json(StatusCode::OK, reply::NO_STORE, &body))
        }
        // Who is not signed in must learn it from the status.
        Err(Failed::Use(error @ Error::Unauthenticated)) => Err(error.into()),
        Err(failed) => Ok(reply::json(StatusCode::OK, reply::NO_STORE, &failed.body(&id))),
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

async fn start(ctx: &Ctx, params: &Value) -> Result<SessionId, Failed> {
    let name = params["name"].as_str().unwrap_or_default();
    let agent = agent_of(name)
        .ok_or_else(|| Failed::Rpc(WRONG_PARAMS, format!("there is no tool {name}")))?;
    let text = |name: &str| params["arguments"][name].as_str().map(str::to_owned);
    let goal = text("goal").unwrap_or_default();
    let given = &params["arguments"]["variables"];
    if !given.is_null() && !given.is_object() {
        return Err(Failed::Rpc(WRONG_PARAMS, "variables must be an object".to_owned()));
    }
    let variables =
        given.as_object().into_iter().flatten().map(|(name, value)| match value.as_str() {
            Some(text) => Ok((name.clone(), text.to_owned())),
            None => Err(Failed::Rpc(WRONG_PARAMS, format!("variables.{name} must be text"))),
        });
    let variables = variables.collect::<Result<_, _>>()?;
    let new = NewSession { goal, context: text("context"), variables, ..NewSession::default() };
    Ok(sessions::start(ctx, agent, new).await?.id)
}

/// The session's answer, once it is over.
async fn result(ctx: &Ctx, id: SessionId) -> Result<Value, Failed> {
    let mut after = 0;
    // A stream that breaks off is taken up again where it was.
    loop {
        let mut events = sessions::stream(ctx, id, after).await?;
        while let Some(Ok(batch)) = events.next().await {
            after = batch.last().map_or(after, |event| event.sequence);
            // Whoever called has no way to decide, and is not kept waiting for one who has.
            let waits = batch.iter().find_map(|event| match &event.body {
                EventBody::Waiting { reason } if reason.needs_person() => Some(reason.to_string()),
                _ => None,
            });
            if let Some(reason) = waits {
                let text = format!("The session waits for a person: {reason}. It is {id}");
                return Ok(json!({
                    "content": [{ "type": "text", "text": text }],
                    "isError": true,
                    "_meta": { "session_id": id, "state": SessionState::Waiting },
                }));
            }
        }
        if sessions::get(ctx, id).await?.state.is_terminal() {
            break;
        }
        tokio::time::sleep_until(Instant::now() + Duration::from_millis(200)).await;
    }
    let session = sessions::get(ctx, id).await?;
    let timeline = Timeline::from_events(sessions::events(ctx, id, 0).await?);
    let is_error = session.state != SessionState::Completed;
    let reason = session.reason.clone().unwrap_or_else(|| session.state.as_str().to_owned());
    let text = match timeline.answer() {
        Some(answer) if !is_error => answer.to_owned(),
        _ => format!("The session did not reach its goal: {reason}"),
    };
    Ok(json!({
        "content": [{ "type": "text", "text": text }],
        "isError": is_error,
        "_meta": { "session_id": id, "state": session.state },
    }))
}

fn takes_events(headers: &HeaderMap) -> bool {
    let mut accepted =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("text/event-stream"))
}

/// One message in an event stream, with a comment now and then until it is there.
fn stream_result(ctx: Ctx, id: Value, session: SessionId) -> Response {
    let open = ctx.backend().metrics().raise(Family::SseSubscribers);
    let answer = Box::pin(async move {
        match result(&ctx, session).await {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(failed) => failed.body(&id),
        }
    });
    let frames = stream::unfold(Some((answer, open)), |state| async {
        let (mut answer, open) = state?;
        tokio::select! {
            message = &mut answer => {
                let frame = format!("event: message\ndata: {message}\n\n");
                Some((Bytes::from(frame), None))
            }
            () = tokio::time::sleep(HEARTBEAT) => {
                Some((Bytes::from_static(b": still at work\n\n"), Some((answer, open))))
            }
        }
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
