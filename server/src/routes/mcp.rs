//! `/mcp`: the caller's agents as tools of an MCP server (Model Context Protocol, streamable HTTP).
//!
//! Each request is answered by itself, by whichever process. A call starts a session and is answered when
//! the session is over; whoever takes event streams gets one, which keeps the connection alive meanwhile and
//! tells how the session goes to those who want to hear of it. Either answer may be long in coming, so that
//! both count among the caller's streams. A call that is taken back (`notifications/cancelled`), or whose
//! connection goes away, cancels its session; one with an `Idempotency-Key` counts once, and whoever sends it
//! again gets its answer.

mod calls;
mod messages;
mod tools;
mod versions;

use std::fmt::Write as _;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use resonant_backend::{Ctx, Error, mcp_calls};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::calls::{Asking, Call};
use self::messages::{Message, Posted, Sent};
use self::versions::{BATCHES, DISCOVER, NO_VERSION, SERVER, VERSION, VERSIONS, Version};
use crate::extract::JsonBytes;
use crate::fault::Fault;
use crate::middleware::idempotency;
use crate::middleware::problem::Told;
use crate::reply;
use crate::state::AppState;
use crate::streams::{Open, Place};

/// The method that a conversation begins with.
const HELLO: &str = "initialize";
/// The methods that lists and calls go by.
const LIST: &str = "tools/list";
const CALL: &str = "tools/call";
/// What the server is for, to whoever asks.
const INSTRUCTIONS: &str = "Each tool is an agent: give it a goal, get its answer.";
/// The conversation that a request belongs to, as we have named it.
const CONVERSATION: HeaderName = HeaderName::from_static("mcp-session-id");
/// The longest silence of an answer that is not there yet.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How much is told of calls that are under way before it is read; what comes then is left out.
const NEWS: usize = 64;

/// The most messages of one batch.
const BATCH_MAX: usize = 50;
/// How many answers of a batch are waited for at the same time.
const SIDE_BY_SIDE: usize = 8;

/// The error numbers of JSON-RPC 2.0.
const NO_JSON: i32 = -32_700;
const NO_REQUEST: i32 = -32_600;
const NO_METHOD: i32 = -32_601;
const WRONG_PARAMS: i32 = -32_602;
const OWN_FAULT: i32 = -32_603;

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
    JsonBytes(body): JsonBytes,
) -> Result<Response, Fault> {
    let posted = match Posted::read(&body) {
        Ok(posted) => posted,
        Err(malformed) => return Ok(refused(&malformed.body())),
    };
    let version = match Version::of(&headers) {
        Ok(version) => version,
        Err(failed) => return Ok(refused(&failed.body(&posted.id()))),
    };
    let key = idempotency::key(&headers)?;
    // Before anything begins: whose answer would be one too many starts no session.
    let place = if posted.calls() { Some(state.streams().place(&ctx)?) } else { None };
    let conversation = headers.get(CONVERSATION).and_then(|name| name.to_str().ok());
    let asking = Asking::new(ctx, version, key, conversation, state.stopping.clone());
    match posted {
        Posted::One(Sent::Answer) if version.is_alone() => {
            let reason = "nothing was asked that this could answer".to_owned();
            Ok(refused(&Failed::Rpc(NO_REQUEST, reason).body(&Value::Null)))
        }
        Posted::One(Sent::Answer) => Ok(StatusCode::ACCEPTED.into_response()),
        Posted::One(Sent::Message(message)) => {
            if let Some(id) = &message.id
                && let Err(failed) = version.check(&message, &headers)
            {
                return Ok(told(version, &failed.body(id)));
            }
            let is_hello = message.method == HELLO && !version.is_alone();
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
            let mut response = told(version, &body);
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
fn refused(body: &Value) -> Response {
    let mut response = reply::json(StatusCode::BAD_REQUEST, reply::NO_STORE, body);
    response.extensions_mut().insert(Told);
    response
}

/// The answer to one request.
fn told(version: Version, body: &Value) -> Response {
    let mut response = reply::json(version.status(body), reply::NO_STORE, body);
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
    let reason = if !asking.version.has_batches() {
        Some(format!("messages come in batches in version {BATCHES} of the protocol alone"))
    } else if messages.is_empty() || messages.len() > BATCH_MAX {
        Some(format!("a batch holds 1 to {BATCH_MAX} messages"))
    } else {
        None
    };
    if let Some(reason) = reason {
        return Ok(refused(&Failed::Rpc(NO_REQUEST, reason).body(&Value::Null)));
    }
    let mut all = Vec::new();
    for message in messages {
        let begun = match Sent::read(message) {
            Ok(Sent::Answer) => None,
            Ok(Sent::Message(message)) if message.method == HELLO => {
                let reason = "initialize must not be part of a batch".to_owned();
                let id = message.id.unwrap_or_default();
                Some(Begun::Answered(Failed::Rpc(NO_REQUEST, reason).body(&id)))
            }
            Ok(Sent::Message(message)) => begin(&asking, message).await?,
            Err(malformed) => Some(Begun::Answered(malformed.body())),
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
    let (version, params) = (asking.version, &message.params);
    let Some(id) = message.id else {
        if message.method == "notifications/cancelled" {
            asking.take_back(&params["requestId"]).await;
        }
        return Ok(None);
    };
    let result = match message.method.as_str() {
        HELLO if !version.is_alone() => Ok(about(params)),
        "ping" if !version.is_alone() => Ok(json!({})),
        DISCOVER if version.is_alone() => Ok(discovered()),
        LIST => tools::list(&asking.ctx, params).await,
        CALL => match asking.call(&id, params).await {
            Ok(call) => return Ok(Some(Begun::Session(id, Box::new(call)))),
            // The model that calls reads what it can mend.
            Err(Failed::Use(error @ Error::Invalid(_))) => Ok(calls::failed(&error.message())),
            Err(failed) => Err(failed),
        },
        other => Err(Failed::Rpc(NO_METHOD, format!("there is no method {other}"))),
    };
    match result.map(|result| version.complete(&message.method, result)) {
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
    /// A version that is not spoken was asked for.
    Version(String),
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
            Self::Version(asked) => {
                let message = format!("{VERSION} must be one of {}", VERSIONS.join(", "));
                let data = json!({ "supported": VERSIONS, "requested": asked });
                let error = json!({ "code": NO_VERSION, "message": message, "data": data });
                return json!({ "jsonrpc": "2.0", "id": id, "error": error });
            }
            Self::Use(error @ (Error::Internal(_) | Error::Unavailable(_))) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an MCP request failed");
                (OWN_FAULT, error.message())
            }
            Self::Use(error) => (WRONG_PARAMS, error.message()),
        };
        json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
    }
}

/// What the server calls itself.
fn own_name() -> Value {
    json!({ "name": "resonant", "title": "Resonant", "version": env!("CARGO_PKG_VERSION") })
}

/// How a conversation begins.
fn about(params: &Value) -> Value {
    json!({
        "protocolVersion": Version::agreed(params["protocolVersion"].as_str().unwrap_or_default()),
        "capabilities": { "tools": {} },
        "serverInfo": own_name(),
        "instructions": INSTRUCTIONS,
    })
}

/// The same for whoever begins none.
fn discovered() -> Value {
    json!({
        "supportedVersions": VERSIONS,
        "capabilities": { "tools": {} },
        "instructions": INSTRUCTIONS,
        "_meta": { SERVER: own_name() },
    })
}

fn takes_events(headers: &HeaderMap) -> bool {
    let mut accepted =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("text/event-stream"))
}

/// Answers in an event stream, each as soon as it is there, with how the calls go, or a comment now and then,
/// until then.
fn stream_answers(ctx: Ctx, mut all: Vec<Begun>, open: Open) -> Response {
    let (tells, news) = mpsc::channel(NEWS);
    for begun in &mut all {
        if let Begun::Session(_, call) = begun {
            call.tell(&tells);
        }
    }
    let answers = Box::pin(answers(ctx, all).buffer_unordered(SIDE_BY_SIDE));
    let parts = (answers, tells, news, open);
    let frames = stream::unfold(parts, |(mut answers, tells, mut news, open)| async {
        let mut frame = String::new();
        tokio::select! {
            Some(message) = news.recv() => write_message(&mut frame, &message),
            message = answers.next() => {
                let message = message?;
                // Once a call is answered no more may be told of it.
                while let Ok(told) = news.try_recv() {
                    write_message(&mut frame, &told);
                }
                write_message(&mut frame, &message);
            }
            () = tokio::time::sleep(HEARTBEAT) => frame.push_str(": still at work\n\n"),
        }
        Some((Bytes::from(frame), (answers, tells, news, open)))
    });
    reply::events(frames)
}

fn write_message(frame: &mut String, message: &Value) {
    // Writing to a text cannot fail.
    let _ = write!(frame, "event: message\ndata: {message}\n\n");
}
