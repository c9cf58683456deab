//! `/api/v1/notices/stream`: how many notices the caller has not read, as that changes (server-sent
//! events). The stream of the caller's agents tells it too, so that a page needs one of them alone.

use std::pin::pin;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures::{Stream, StreamExt as _, stream};
use resonant_backend::inbox::{self, UnreadWatch};
use resonant_backend::{Actor, Ctx};
use resonant_domain::notice::Unread;

use crate::fault::Fault;
use crate::middleware::problem::chain;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;
use crate::streams::{Beat, Open, STILL_HERE};

/// The route of the stream.
pub(crate) fn routes(api: Api) -> Api {
    let unread =
        Operation::get("/notices/stream", "Follows how many notices the caller has not read");
    api.add(unread.answers_events::<Unread>().answers_nothing(204), follow)
}

pub(crate) async fn follow(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
) -> Result<Response, Fault> {
    if ctx.actor() == Actor::Anonymous {
        // Whoever signed out meanwhile: a browser that is told so does not come back.
        return Ok(reply::nothing());
    }
    let watch = inbox::watch_unread(&ctx)?;
    let open = state.streams().open(&ctx)?;
    Ok(reply::events(frames(ctx, watch, open)))
}

fn frames(ctx: Ctx, watch: UnreadWatch, open: Open) -> impl Stream<Item = Bytes> + Send {
    let first = stream::iter([Bytes::from_static(b"retry: 2000\n\n")]);
    let rest = stream::unfold((ctx, watch, open), |(ctx, mut watch, open)| async move {
        let piece = next_piece(&ctx, &mut watch, &open).await?;
        Some((piece, (ctx, watch, open)))
    });
    first.chain(rest)
}

/// The next frame, or `None` when the stream shall end. The client comes back by itself.
async fn next_piece(ctx: &Ctx, watch: &mut UnreadWatch, open: &Open) -> Option<Bytes> {
    // Goes on while it is looked in vain: that writes nothing.
    let mut beat = pin!(open.beat());
    loop {
        if let Some(frame) = frame(ctx, watch).await? {
            return Some(Bytes::from(frame));
        }
        tokio::select! {
            () = watch.called() => {}
            beat = &mut beat => return match beat {
                Beat::StillHere => Some(STILL_HERE),
                Beat::Stopping => None,
            },
        }
    }
}

/// The number as a frame, where it is another one than before; `None` when it cannot be read.
pub(super) async fn frame(ctx: &Ctx, watch: &mut UnreadWatch) -> Option<Option<String>> {
    match inbox::unread(ctx, watch).await {
        Ok(None) => Some(None),
        Ok(Some(unread)) => {
            let data = serde_json::to_string(&Unread { unread }).ok()?;
            Some(Some(format!("event: {}\ndata: {data}\n\n", Unread::EVENT)))
        }
        Err(error) => {
            tracing::warn!(error = chain(&error), "a stream of notices broke off");
            None
        }
    }
}
