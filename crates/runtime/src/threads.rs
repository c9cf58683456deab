//! Work that computes, kept off the threads that everything else runs on.

use std::future::poll_fn;
use std::pin::pin;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does work whose turns may compute for long: while one lasts, another thread takes over all else that its
/// thread had to do. The work must be a task of its own.
pub(crate) async fn apart<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        // A runtime of a single thread has none to hand over to.
        if matches!(Handle::current().runtime_flavor(), RuntimeFlavor::MultiThread) {
            block_in_place(|| work.as_mut().poll(context))
        } else {
            work.as_mut().poll(context)
        }
    })
    .await
}
