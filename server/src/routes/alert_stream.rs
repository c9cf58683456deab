//! `/api/v1/alerts/stream`: that alerts may have changed (server-sent events), for admins.
//!
//! A frame says no more than that: whoever shows them asks for them then. The stream is pulled: a client that
//! is slow to read hears of several changes as of one, and costs no memory.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use resonant_backend::Ctx;
use resonant_backend::alerts::{self, AlertWatch};
use schemars::JsonSchema;
use serde::Serialize;

use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;
use crate::streams::{Beat, Open, STILL_HERE};

/// The route of the stream.
pub(crate) fn routes(api: Api) -> Api {
    let news = Operation::get("/alerts/stream", "Hears when alerts may have changed");
    api.add(news.admin().answers_events::<AlertNews>(), follow)
}

/// An alert may have come, gone, moved or been decided about, or its messages been sent.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AlertNews {
    /// When that was heard.
    at: Timestamp,
}

pub(crate) async fn follow(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
) -> Result<Response, Fault> {
    let watch = alerts::watch(&ctx).await?;
    let open = state.streams().open(&ctx)?;
    Ok(reply::events(frames(ctx, watch, open)))
}

fn frames(ctx: Ctx, watch: AlertWatch, open: Open) -> impl Stream<Item = Bytes> + Send {
    let first = stream::iter([Bytes::from_static(b"retry: 2000\n\n")]);
    let rest = stream::unfold((ctx, watch, open), |(ctx, mut watch, open)| async move {
        let piece = next_piece(&ctx, &mut watch, &open).await?;
        Some((piece, (ctx, watch, open)))
    });
    first.chain(rest)
}

/// The next frame, or `None` when the stream shall end. The client comes back by itself.
async fn next_piece(ctx: &Ctx, watch: &mut AlertWatch, open: &Open) -> Option<Bytes> {
    tokio::select! {
        () = watch.called() => {}
        beat = open.beat() => return match beat {
            Beat::StillHere => Some(STILL_HERE),
            Beat::Stopping => None,
        },
    }
    // Who is no admin any more learns nothing more.
    // Boxed: what waits has no room for a question to the database in it.
    Box::pin(alerts::may_read(ctx)).await.ok()?;
    let data = serde_json::to_string(&AlertNews { at: ctx.backend().now() }).ok()?;
    Some(Bytes::from(format!("data: {data}\n\n")))
}
