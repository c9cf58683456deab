//! Work that goes on when whoever asked for it hangs up.

use resonant_runtime::trace::carried;
use tracing::Instrument as _;

/// Does work in a task of its own, which is still part of the request: a caller who goes away does not stop
/// what has begun. A panic is the caller's, too. `None`: the process stops, and what was done is not known.
pub async fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    match tokio::spawn(carried(work).in_current_span()).await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use resonant_runtime::trace::TraceParent;
    use tokio::sync::oneshot;
    use tracing::Span;

    use super::*;

    #[tokio::test]
    async fn work_is_part_of_the_request_and_outlives_it() {
        let trace = TraceParent::begin(&Span::none(), None);
        let kept = trace.clone().around(None, apart(async { TraceParent::kept() }));
        assert_eq!(kept.await, Some(Some(trace)));

        let (go_on, waits) = oneshot::channel();
        let (told, heard) = oneshot::channel();
        let work = apart(async move {
            waits.await.unwrap();
            told.send("done").unwrap();
        });
        assert!(work.now_or_never().is_none());
        go_on.send(()).unwrap();
        assert_eq!(heard.await, Ok("done"));
    }
}
