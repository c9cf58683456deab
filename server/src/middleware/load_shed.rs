//! Answers at once that there is too much to do, in place of letting everybody wait.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::fault::Fault;

/// The places for requests that are being answered; clones share them.
#[derive(Clone, Debug)]
pub struct Places(Option<Arc<Semaphore>>);

impl Places {
    /// So many places; 0: any number.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self((count > 0).then(|| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)))))
    }
}

/// Refuses the request with 503 when every place is taken. Nothing else is done for it: neither is the
/// body read nor the caller looked up. So it takes what a look at a number takes, however long others wait.
pub async fn shed(State(places): State<Places>, request: Request, next: Next) -> Response {
    let Some(places) = &places.0 else {
        return next.run(request).await;
    };
    match places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => {
            Fault::unavailable("too many requests are being answered; try again").into_response()
        }
    }
}
