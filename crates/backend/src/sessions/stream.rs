//! Following a session live: the log first, then the bus, and the log again whenever in doubt.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use resonant_domain::api_key::Scope;
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{SessionId, UserId};

use super::NOT_FOUND;
use crate::cache::session_events::Watch;
use crate::{Backend, Ctx, Result, access, store};

/// A session's events as they come, in batches without gap or repeat. Ends after `Done`, or with an
/// error; whoever wants to go on then asks again after the last number it has seen.
pub type EventStream = BoxStream<'static, Result<Vec<SessionEvent>>>;

/// How many entries are read from the log at once.
const LOG_PAGE: u32 = 1_000;
/// How long the bus may be silent before the log is read again: nothing that got lost on the way
/// stays lost for longer.
const SILENCE: Duration = Duration::from_secs(15);
/// The same while the bus is known to be deaf.
const DEAF_SILENCE: Duration = Duration::from_secs(1);

/// Follows a session: all after `after` from its log, then live, until it is over.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`].
#[tracing::instrument(name = "sessions.stream", level = "debug", parent = ctx.span(), skip_all)]
pub async fn stream(ctx: &Ctx, id: SessionId, after: i64) -> Result<EventStream> {
    let owner = access::with_scope(ctx, Scope::SessionsRead)?;
    stream_of(ctx.backend(), owner, id, after).await
}

/// Follows a session whose reader is known to be allowed to.
pub(super) async fn stream_of(
    backend: &Backend,
    owner: UserId,
    id: SessionId,
    after: i64,
) -> Result<EventStream> {
    let backend = backend.clone();
    // The place on the bus is taken before the log is read, so that nothing falls in between.
    let watch = backend.events().watch(id);
    let mut conn = backend.read_latest(owner).await?;
    let session = store::sessions::find(&mut conn, owner, id).await?.ok_or(NOT_FOUND)?;
    drop(conn);
    let after = after.clamp(0, session.last_sequence);
    if session.state.is_terminal() && after == session.last_sequence {
        return Ok(stream::empty().boxed());
    }
    let known = session.last_sequence;
    let follow = Follow { backend, owner, id, last: after, known, watch, next: Next::Log };
    Ok(stream::unfold(follow, Follow::step).boxed())
}

enum Next {
    Log,
    Bus,
    Over,
}

struct Follow {
    backend: Backend,
    owner: UserId,
    id: SessionId,
    last: i64,
    /// The newest entry when following began.
    known: i64,
    watch: Watch,
    next: Next,
}

impl Follow {
    /// The next batch that is not empty.
    async fn step(mut self) -> Option<(Result<Vec<SessionEvent>>, Self)> {
        loop {
            match self.next {
                Next::Over => return None,
                Next::Log => match self.read_log().await {
                    Ok(events) if events.is_empty() => self.next = Next::Bus,
                    Ok(events) => {
                        let is_full = events.len() == LOG_PAGE as usize;
                        self.take(&events, if is_full { Next::Log } else { Next::Bus });
                        return Some((Ok(events), self));
                    }
                    Err(error) => {
                        self.next = Next::Over;
                        return Some((Err(error), self));
                    }
                },
                Next::Bus => {
                    let silence = if self.watch.is_deaf() { DEAF_SILENCE } else { SILENCE };
                    let batch = tokio::time::timeout(silence, self.watch.next()).await;
                    let batch = batch.unwrap_or_default();
                    if batch.is_empty() {
                        self.next = Next::Log;
                        continue;
                    }
                    let fresh: Vec<_> =
                        batch.iter().filter(|event| event.sequence > self.last).cloned().collect();
                    match fresh.first() {
                        None => {}
                        Some(first) if first.sequence == self.last + 1 => {
                            self.take(&fresh, Next::Bus);
                            return Some((Ok(fresh), self));
                        }
                        Some(_) => self.next = Next::Log,
                    }
                }
            }
        }
    }

    async fn read_log(&self) -> Result<Vec<SessionEvent>> {
        let mut conn = self.backend.read_latest(self.owner).await?;
        let (owner, id, last) = (self.owner, self.id, self.last);
        Ok(store::session_events::list(&mut conn, owner, id, last, LOG_PAGE.into()).await?)
    }

    fn take(&mut self, events: &[SessionEvent], next: Next) {
        let Some(last) = events.last() else { return };
        self.last = last.sequence;
        // An end that a person has gone on from is followed by more.
        let is_over = matches!(last.body, EventBody::Done { .. }) && last.sequence >= self.known;
        self.next = if is_over { Next::Over } else { next };
    }
}
