//! `/api/v1/agents/stream`: the caller's agents as they change (server-sent events).
//!
//! Each frame is one agent as it is now. There is no number to come back after: whoever was away
//! reads the list.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderName, HeaderValue, header};
use resonant_backend::Ctx;
use resonant_backend::agents::{self, AgentWatch};
use resonant_domain::agent_list::AgentLine;
use resonant_domain::api_key::Scope;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::middleware::problem::chain;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;

/// How often is looked for changes.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks without a change something is written: proxies close what they take for dead.
const QUIET_LOOKS: u32 = 15;

/// The route of the stream.
pub(crate) fn routes(api: Api) -> Api {
    let changes = Operation::get("/agents/stream", "Follows the caller's agents as they change");
    api.add(changes.scope(Scope::AgentsRead).answers_events::<AgentLine>(), follow)
}

pub(crate) async fn follow(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
) -> Result<Response, Fault> {
    let watch = agents::watch(&ctx).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, reply::NO_STORE),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    let frames = frames(ctx, watch, state.stopping.clone()).map(Ok::<_, Infallible>);
    Ok((headers, Body::from_stream(frames)).into_response())
}

fn frames(
    ctx: Ctx,
    watch: AgentWatch,
    stopping: CancellationToken,
) -> impl Stream<Item = Bytes> + Send {
    let first = stream::iter([Bytes::from_static(b"retry: 2000\n\n")]);
    let rest = stream::unfold((ctx, watch, stopping), |(ctx, mut watch, stopping)| async move {
        let piece = next_piece(&ctx, &mut watch, &stopping).await?;
        Some((Bytes::from(piece), (ctx, watch, stopping)))
    });
    first.chain(rest)
}

/// The next frames, or `None` when the stream shall end. The client comes back by itself.
async fn next_piece(
    ctx: &Ctx,
    watch: &mut AgentWatch,
    stopping: &CancellationToken,
) -> Option<String> {
    for _ in 0..QUIET_LOOKS {
        tokio::select! {
            () = sleep(LOOK) => {}
            () = stopping.cancelled() => return None,
        }
        let lines = match agents::changes(ctx, watch).await {
            Ok(lines) => lines,
            Err(error) => {
                tracing::warn!(error = chain(&error), "a stream of agents broke off");
                return None;
            }
        };
        let mut text = String::new();
        for data in lines.iter().filter_map(|line| serde_json::to_string(line).ok()) {
            // Writing to a String cannot fail.
            let _ = write!(text, "data: {data}\n\n");
        }
        if !text.is_empty() {
            return Some(text);
        }
    }
    Some(": still here\n\n".to_owned())
}
