//! `/api/v1/sessions/{id}/stream`: a session's events as they happen (server-sent events).
//!
//! Each frame has the `id:` of its last event and the event itself as `data:`; frames carry no
//! `event:` name, so that one listener hears them all. Which messages are pinned is no event of the
//! log: frames named `pins`, without a number, tell it at the beginning, if any are, and whenever it
//! changes, but not to those who have a link. After `done` one frame named `end` follows and the answer
//! ends. A client that comes back with that last id gets 204, which tells an `EventSource` to stay away.
//!
//! The stream is pulled: nothing is read from the log until the client has taken what was written,
//! so a slow client costs no memory and misses nothing.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};
use std::slice;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderName};
use resonant_backend::sessions::{self, Batch, EventStream};
use resonant_backend::{Ctx, Error};
use resonant_domain::SessionId;
use resonant_domain::api_key::Scope;
use resonant_domain::pin::Pins;
use resonant_domain::session_event::{EventBody, SessionEvent};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use crate::extract::{Path, PathId, Query};
use crate::fault::Fault;
use crate::middleware::problem::chain;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;
use crate::streams::{Beat, Open, STILL_HERE};

/// The least time between two writes.
const WRITE_INTERVAL: Duration = Duration::from_millis(16);
/// The most events that one write joins.
const WRITE_MAX_EVENTS: usize = 1_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The routes of sessions as they run.
pub(crate) fn routes(api: Api) -> Api {
    let own = Operation::get("/sessions/{id}/stream", "Follows a session as it runs");
    let shared = Operation::get("/shared/{token}/stream", "Follows a session that was shared");
    let own = own.scope(Scope::SessionsRead).query::<FollowQuery>();
    let shared = shared.open().query::<FollowQuery>();
    api.add(own.answers_events::<SessionEvent>().answers_nothing(204), follow)
        .add(shared.answers_events::<SessionEvent>().answers_nothing(204), follow_shared)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FollowQuery {
    /// The number of the last event that was seen: what comes after it is sent.
    #[schemars(range(min = 0))]
    after: Option<i64>,
}

pub(crate) async fn follow(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SessionId>,
    Query(query): Query<FollowQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let after = resume_after(&headers, query.after)?;
    let open = state.streams().open(&ctx)?;
    Ok(answer(sessions::stream(&ctx, id, after).await?, open))
}

/// The same for whoever has a link to the session.
pub(crate) async fn follow_shared(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
    Path(token): Path<String>,
    Query(query): Query<FollowQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let after = resume_after(&headers, query.after)?;
    let open = state.streams().open(&ctx)?;
    Ok(answer(sessions::stream_shared(&ctx, &token, after).await?, open))
}

fn answer(events: EventStream, open: Open) -> Response {
    if events.is_over() { reply::nothing() } else { reply::events(frames(events, open)) }
}

/// The number after which the client wants to go on. The header, which a browser sends when it
/// comes back, is newer than the address that it came with.
fn resume_after(headers: &HeaderMap, after: Option<i64>) -> Result<i64, Fault> {
    const REASON: &str = "must be the number of an event, 0 or more";
    let given = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty());
    let (field, after) = match given {
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            ("Last-Event-ID", number.ok_or_else(|| Fault::field("Last-Event-ID", REASON))?)
        }
        None => ("after", after.unwrap_or(0)),
    };
    if after < 0 { Err(Fault::field(field, REASON)) } else { Ok(after) }
}

struct Follower {
    events: EventStream,
    open: Open,
    /// Before this instant nothing is written.
    next_write: Instant,
    over: bool,
    begun: bool,
    /// Whether the last event that was written is an end.
    is_at_end: bool,
}

/// The body: at most one piece per [`WRITE_INTERVAL`].
fn frames(events: EventStream, open: Open) -> impl Stream<Item = Bytes> + Send {
    let follower = Follower {
        events,
        open,
        next_write: Instant::now(),
        over: false,
        begun: false,
        is_at_end: false,
    };
    stream::unfold(follower, |mut follower| async move {
        let piece = follower.next_piece().await?;
        follower.next_write = Instant::now() + WRITE_INTERVAL;
        Some((piece, follower))
    })
}

impl Follower {
    async fn next_piece(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if !self.begun {
            // Sent at once, so that the client knows that it is heard.
            self.begun = true;
            return Some(Bytes::from_static(b"retry: 1000\n\n"));
        }
        let first = tokio::select! {
            biased;
            first = self.events.next() => first,
            beat = self.open.beat() => {
                return Some(match beat {
                    Beat::StillHere => STILL_HERE,
                    // Without an `end`: the client comes back, to the next process, and goes on there.
                    Beat::Stopping => {
                        self.over = true;
                        Bytes::from(come_back())
                    }
                });
            }
        };
        // Whoever keeps up is here later than that, and is spared a timer.
        if Instant::now() < self.next_write {
            sleep_until(self.next_write).await;
        }
        self.write(first)
    }

    /// Writes a batch and all others that are there already. One that stands alone, as it does for all
    /// who keep up, is written once for everybody.
    fn write(&mut self, first: Option<Result<Batch, Error>>) -> Option<Bytes> {
        let mut batches: Vec<Batch> = Vec::new();
        let mut count = 0;
        let mut next = Some(first);
        while let Some(batch) = next {
            match batch {
                Some(Ok(batch)) => {
                    count += batch.len();
                    batches.push(batch);
                }
                // Its link may have been taken back, or it was deleted: nothing is wrong here.
                None | Some(Err(Error::NotFound(_))) => self.over = true,
                Some(Err(error)) => {
                    // The client comes back and goes on after what it has.
                    tracing::warn!(error = chain(&error), "an event stream broke off");
                    self.over = true;
                }
            }
            let full = self.over || count >= WRITE_MAX_EVENTS;
            next = if full { None } else { self.events.next().now_or_never() };
        }
        if let Some(last) = batches.iter().rev().find_map(|batch| batch.last()) {
            self.is_at_end = matches!(last.body, EventBody::Done { .. });
        }
        let text = match &batches[..] {
            [] => Bytes::new(),
            [alone] => alone.written(|alone| written(slice::from_ref(alone))),
            several => written(several),
        };
        // An end that a person has gone on from is followed by more: the stream knows.
        let text = if self.over && self.is_at_end {
            Bytes::from([&text[..], &b"event: end\ndata: {}\n\n"[..]].concat())
        } else {
            text
        };
        (!text.is_empty()).then_some(text)
    }
}

/// Tells a client when to come back: not all of them at the same moment.
fn come_back() -> String {
    let spread = RandomState::new().build_hasher().finish() % 1_500;
    format!("retry: {}\n\n", 250 + spread)
}

/// Batches as frames, neighbouring pieces of one text joined. A joined event has the number of its last
/// piece: whoever has read it goes on after that. Of what is pinned the newest is told.
fn written(batches: &[Batch]) -> Bytes {
    let mut events: Vec<SessionEvent> = Vec::new();
    for event in batches.iter().flat_map(|batch| batch.iter()).cloned() {
        let SessionEvent { sequence, at, body } = event;
        let rest = match events.last_mut() {
            Some(last) => match last.body.join(body) {
                Ok(()) => {
                    last.sequence = sequence;
                    last.at = at;
                    continue;
                }
                Err(body) => body,
            },
            None => body,
        };
        events.push(SessionEvent { sequence, at, body: rest });
    }
    let mut text = String::new();
    for event in &events {
        frame(&mut text, event);
    }
    if let Some(pins) = batches.iter().rev().find_map(Batch::pins) {
        pins_frame(&mut text, pins);
    }
    Bytes::from(text)
}

/// Writes what is pinned, without a number: whoever comes back goes on after the event before.
fn pins_frame(text: &mut String, pins: &[i64]) {
    // Neither numbers as JSON nor writing to a String can fail.
    if let Ok(data) = serde_json::to_string(&Pins { pins: pins.to_vec() }) {
        let _ = write!(text, "event: {}\ndata: {data}\n\n", Pins::EVENT);
    }
}

fn frame(text: &mut String, event: &SessionEvent) {
    match serde_json::to_string(event) {
        // JSON has no raw line breaks, so one `data:` line holds it.
        Ok(data) => {
            text.push_str("id: ");
            text.push_str(&event.sequence.to_string());
            text.push_str("\ndata: ");
            text.push_str(&data);
            text.push_str("\n\n");
        }
        Err(error) => tracing::error!(%error, "an event could not be written as JSON"),
    }
}
