//! Replies that are asked for when somebody begins to listen, and read a piece at a time.

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::{ModelError, ModelPiece, ReplyStream};

/// A reply on its way.
pub(super) trait OnItsWay: Send + 'static {
    /// What comes next, up to `Finish`.
    fn next(&mut self) -> impl Future<Output = Result<ModelPiece, ModelError>> + Send;
}

enum Phase<R> {
    Unsent(BoxFuture<'static, Result<R, ModelError>>),
    Reading(Box<R>),
    Over,
}

/// The reply that is on its way once `begun` is: it ends with `Finish`, or with the first fault.
pub(super) fn reply_of<R: OnItsWay>(
    begun: impl Future<Output = Result<R, ModelError>> + Send + 'static,
) -> ReplyStream {
    stream::unfold(Phase::Unsent(Box::pin(begun)), |phase| async move {
        let mut reading = match phase {
            Phase::Unsent(begun) => match begun.await {
                Ok(reading) => Box::new(reading),
                Err(error) => return Some((Err(error), Phase::Over)),
            },
            Phase::Reading(reading) => reading,
            Phase::Over => return None,
        };
        match reading.next().await {
            Ok(piece @ ModelPiece::Finish { .. }) => Some((Ok(piece), Phase::Over)),
            Ok(piece) => Some((Ok(piece), Phase::Reading(reading))),
            Err(error) => Some((Err(error), Phase::Over)),
        }
    })
    .boxed()
}
