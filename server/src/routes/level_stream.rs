//! `/api/v1/service-levels/stream`: that something was measured (server-sent events), for admins.
//!
//! A frame says when measurements were written last; whoever shows them asks for them then, and all
//! who ask at the same time share one answer. The stream is pulled: a client that is slow to read
//! hears of the newest alone, and costs no memory.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use futures::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use resonant_backend::Ctx;
use resonant_backend::metrics;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;
use crate::state::AppState;
use crate::streams::{Beat, Open, STILL_HERE};

/// The route of the stream.
pub(crate) fn routes(api: Api) -> Api {
    let news = Operation::get("/service-levels/stream", "Hears when something was measured");
    api.add(news.admin().answers_events::<Measured>(), follow)
}

/// Something was measured.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Measured {
    /// When it was written.
    at: Timestamp,
}

pub(crate) async fn follow(
    State(state): State<AppState>,
    Extension(ctx): Extension<Ctx>,
) -> Result<Response, Fault> {
    // Before anything is asked: whoever reads once this is answered misses nothing. What is known already is read
    // then.
    let mut news = state.backend.metrics().news();
    news.mark_unchanged();
    metrics::may_read(&ctx).await?;
    let open = state.streams().open(&ctx)?;
    let follower = Follower { ctx, news, open };
    Ok(reply::events(follower.frames()))
}

struct Follower {
    ctx: Ctx,
    news: watch::Receiver<Option<Timestamp>>,
    open: Open,
}

impl Follower {
    fn frames(self) -> impl Stream<Item = Bytes> + Send {
        let first = stream::iter([Bytes::from_static(b"retry: 2000\n\n")]);
        let rest = stream::unfold(self, |mut follower| async move {
            let piece = follower.next_piece().await?;
            Some((piece, follower))
        });
        first.chain(rest)
    }

    /// The next frame, or `None` when the stream shall end. The client comes back by itself.
    async fn next_piece(&mut self) -> Option<Bytes> {
        tokio::select! {
            news = self.news.changed() => news.ok()?,
            beat = self.open.beat() => return match beat {
                Beat::StillHere => Some(STILL_HERE),
                Beat::Stopping => None,
            },
        }
        // Who is no admin any more learns nothing more.
        // Boxed: what waits has no room for a question to the database in it.
        Box::pin(metrics::may_read(&self.ctx)).await.ok()?;
        let at = (*self.news.borrow_and_update())?;
        let data = serde_json::to_string(&Measured { at }).ok()?;
        Some(Bytes::from(format!("data: {data}\n\n")))
    }
}
