//! `/api/v1/agents/stream`: the caller's agents as they change (server-sent events).
//!
//! Each frame is one agent as it is now; a session of it that begins, ends or comes to another state makes
//! one, too, by which lists of sessions know when to read themselves anew. A frame of another name tells
//! which agents came to the list and which left it. There is no number to come back after: whoever was away
//! reads the list. A person hears on the same stream how many of their notices are unread.
//!
//! Streams of the same agents share a look at the database, once a second.

use std::fmt::Write as _;
use std::future::pending;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures::{Stream, StreamExt as _, stream};
use resonant_backend::Ctx;
use resonant_backend::agents::{self, AgentWatch, Changes};
use resonant_backend::inbox::{self, UnreadWatch};
use resonant_domain::agent_list::{AgentLine, ListNews};
use resonant_domain::api_key::Scope;
use tokio_util::sync::CancellationToken;

use crate::fault::Fault;
use crate::middleware::problem::chain;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::routes::notice_stream;
use crate::state::AppState;
use crate::streams::{Open, STILL_HERE};

/// After so many looks without a change, one a second, something is written: proxies close what they take
/// for dead.
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
    let open = state.streams().open(&ctx)?;
    let watch = agents::watch(&ctx).await?;
    // A key hears of no notices.
    let mut unread = inbox::watch_unread(&ctx).ok();
    let first = match &mut unread {
        Some(unread) => notice_stream::frame(&ctx, unread).await.flatten(),
        None => None,
    };
    let first = format!("retry: 2000\n\n{}", first.unwrap_or_default());
    Ok(reply::events(frames(ctx, first, (watch, unread), state.stopping.clone(), open)))
}

/// What is looked at: the agents and, for a person, their notices.
type Watches = (AgentWatch, Option<UnreadWatch>);

fn frames(
    ctx: Ctx,
    first: String,
    watches: Watches,
    stopping: CancellationToken,
    open: Open,
) -> impl Stream<Item = Bytes> + Send {
    let first = stream::iter([Bytes::from(first)]);
    let rest = stream::unfold((watches, open), move |(mut watches, open)| {
        let (ctx, stopping) = (ctx.clone(), stopping.clone());
        async move {
            let piece = next_piece(&ctx, &mut watches, &stopping).await?;
            Some((piece, (watches, open)))
        }
    });
    first.chain(rest)
}

/// The next frames, or `None` when the stream shall end. The client comes back by itself.
async fn next_piece(
    ctx: &Ctx,
    (watch, unread): &mut Watches,
    stopping: &CancellationToken,
) -> Option<Bytes> {
    for _ in 0..QUIET_LOOKS {
        tokio::select! {
            () = watch.called() => {}
            () = called(unread) => {
                if let Some(unread) = unread
                    && let Some(frame) = notice_stream::frame(ctx, unread).await?
                {
                    return Some(Bytes::from(frame));
                }
            }
            () = stopping.cancelled() => return None,
        }
        // Boxed: what waits has no room for a question to the database in it.
        let changes = match Box::pin(agents::changes(ctx, watch)).await {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(error = chain(&error), "a stream of agents broke off");
                return None;
            }
        };
        let text = text_of(&changes);
        if !text.is_empty() {
            return Some(Bytes::from(text));
        }
    }
    Some(STILL_HERE)
}

/// The frames that tell what has happened; empty for nothing.
fn text_of(Changes { lines, news }: &Changes) -> String {
    let mut text = String::new();
    for data in lines.iter().filter_map(|line| serde_json::to_string(line).ok()) {
        // Writing to a String cannot fail.
        let _ = write!(text, "data: {data}\n\n");
    }
    if let (false, Ok(data)) = (news.is_empty(), serde_json::to_string(news)) {
        let _ = write!(text, "event: {}\ndata: {data}\n\n", ListNews::EVENT);
    }
    text
}

/// Waits until the caller's notices may be others; for ever where nobody asks for them.
async fn called(unread: &mut Option<UnreadWatch>) {
    match unread {
        Some(unread) => unread.called().await,
        None => pending().await,
    }
}
