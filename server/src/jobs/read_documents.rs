//! Has the model of the operator's read documents that were added, so that they are found by meaning.

use std::time::Duration;

use resonant_backend::{Backend, Ctx, knowledge};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::middleware::problem::chain;

/// How often it looks for a document, and how long it rests after the model did not answer.
const EVERY: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(30);

pub(super) async fn until(backend: Backend, stopping: CancellationToken) {
    let ctx = super::system(&backend, "documents");
    let mut are_others_found = find_others(&ctx).await;
    loop {
        let next = tokio::select! {
            next = knowledge::read_next(&ctx) => next,
            () = stopping.cancelled() => return,
        };
        let pause = match next {
            Ok(true) => continue,
            Ok(false) => EVERY,
            Err(error) => {
                tracing::warn!(error = chain(&error), "a document was not read");
                REST
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stopping.cancelled() => return,
        }
        if !are_others_found {
            are_others_found = find_others(&ctx).await;
        }
    }
}

/// Looks for documents that another model has read. `false`: not everywhere, as while a database is away.
async fn find_others(ctx: &Ctx) -> bool {
    let found = knowledge::forget_others(ctx).await;
    if let Err(error) = &found {
        tracing::warn!(error = chain(error), "documents of another model were not looked for");
    }
    found.is_ok()
}
