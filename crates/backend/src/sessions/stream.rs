//! Following a session live: the log first, then the bus, and the log again whenever in doubt.
//!
//! Those who follow the same session in a process read its log one after the other, and what one has
//! just read the others need not read. What waits, and that is what most streams do most of the time,
//! holds next to nothing: all that asks the database stands in a box of its own while it lasts.
//!
//! What people pin is no entry of the log. Whoever comes is told what is pinned, if anything is, and
//! whoever pins makes all who follow look again.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _, future};
use jiff::SignedDuration;
use resonant_domain::api_key::Scope;
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Batch, NOT_FOUND};
use crate::access::SessionAct;
use crate::cache::session_events::{Read, Watch};
use crate::{Backend, Ctx, Error, Result, access, store};

/// A session's events as they come, in batches without gap or repeat, and in between batches of no events
/// that tell what is pinned. Ends after `Done`, or with an error; whoever wants to go on then asks again
/// after the last number it has seen.
pub struct EventStream {
    events: BoxStream<'static, Result<Batch>>,
    is_over: bool,
}

impl EventStream {
    fn of(events: impl Stream<Item = Result<Batch>> + Send + 'static) -> Self {
        Self { events: events.boxed(), is_over: false }
    }

    /// That of a session that is over, for who has heard everything.
    fn over() -> Self {
        Self { events: stream::empty().boxed(), is_over: true }
    }

    /// The same for readers who are not told what is pinned.
    pub(super) fn without_pins(self) -> Self {
        let Self { events, is_over } = self;
        let passes = |batch: &Result<Batch>| {
            future::ready(!matches!(batch, Ok(batch) if batch.pins().is_some()))
        };
        Self { is_over, ..Self::of(events.filter(passes)) }
    }

    /// Whether the session was over when it was asked for, and nothing comes.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Stream for EventStream {
    type Item = Result<Batch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(cx)
    }
}

/// How many entries are read from the log at once.
const LOG_PAGE: u32 = 1_000;
/// How long the bus may be silent before the log is read again: nothing that got lost on the way
/// stays lost for longer.
const SILENCE: Duration = Duration::from_secs(15);
/// The same while the bus is known to be deaf.
const DEAF_SILENCE: Duration = Duration::from_secs(1);
/// How long whoever begins to follow waits for those who read the log before.
const PATIENCE: Duration = Duration::from_secs(10);
/// For how long whoever follows the session of another is taken for someone who may.
const STILL_SHARED: SignedDuration = SignedDuration::from_secs(2);

/// Follows a session: all after `after` from its log, then live, until it is over.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`].
#[tracing::instrument(name = "sessions.stream", level = "debug", parent = ctx.span(), skip_all)]
pub async fn stream(ctx: &Ctx, id: SessionId, after: i64) -> Result<EventStream> {
    let me = access::with_scope(ctx, Scope::SessionsRead)?;
    match stream_of(ctx.backend(), me, id, after).await {
        Err(Error::NotFound(_)) => {
            let owner = access::shared_session(ctx, me, id, SessionAct::Read).await?;
            let events = stream_of(ctx.backend(), owner, id, after).await?;
            let check = move |ctx: Ctx| async move {
                access::shared_session(&ctx, me, id, SessionAct::Read).await.map(drop)
            };
            Ok(while_shared(ctx.clone(), check, events))
        }
        own => own,
    }
}

/// Lets events pass while their reader may still read the session: `check` says so, now and then anew.
pub(super) fn while_shared<C, F>(ctx: Ctx, check: C, events: EventStream) -> EventStream
where
    C: Fn(Ctx) -> F + Send + 'static,
    F: Future<Output = Result<()>> + Send + 'static,
{
    if events.is_over() {
        return events;
    }
    let asked_at = ctx.backend().now();
    let events = stream::unfold(Some((ctx, check, events, asked_at)), |state| async move {
        let (ctx, check, mut events, mut asked_at) = state?;
        let batch = events.next().await?;
        let now = ctx.backend().now();
        // A clock that was turned back must not put it off.
        if now.duration_since(asked_at).abs() > STILL_SHARED {
            let asked = Box::pin(check(ctx.clone()));
            if let Err(error) = asked.await {
                return Some((Err(error), None));
            }
            asked_at = now;
        }
        Some((batch, Some((ctx, check, events, asked_at))))
    });
    EventStream::of(events)
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
    let follow = |watch, ready: Vec<Batch>, last, known, next| {
        let told = if after > 0 { Pins::Unknown } else { Pins::None };
        let (ready, backend) = (ready.into_iter(), backend.clone());
        let follow =
            Follow { backend, owner, id, last, known, watch, ready, next, told, alarm: None };
        EventStream::of(stream::unfold(follow, Follow::step))
    };
    if let Some(ready) = watch.recent(owner, after, None) {
        return Ok(follow(watch, ready, after, 0, Next::Bus));
    }
    let turn = watch.turn();
    let turn = tokio::time::timeout(PATIENCE, turn.lock()).await.map_err(Error::unavailable)?;
    // Whoever was before may have read it.
    if let Some(ready) = watch.recent(owner, after, None) {
        return Ok(follow(watch, ready, after, 0, Next::Bus));
    }
    let at = Instant::now();
    let mut conn = backend.read_latest(owner).await?;
    let session = store::sessions::find(&mut conn, owner, id).await?.ok_or(NOT_FOUND)?;
    let after = after.clamp(0, session.last_sequence);
    let is_over = session.state.is_terminal();
    if is_over && after == session.last_sequence {
        return Ok(EventStream::over());
    }
    let page = store::session_events::list(&mut conn, owner, id, after, LOG_PAGE.into()).await?;
    drop(conn);
    let is_whole = page.len() < LOG_PAGE as usize;
    // Who has more to read is told what is pinned at the end of it.
    let ready = if is_whole { batches(session.pins, page) } else { vec![page.into()] };
    if is_whole && !is_over {
        watch.share(Read { owner, after, batches: ready.clone(), at });
    }
    drop(turn);
    let next = if is_whole { Next::Bus } else { Next::Log(at) };
    Ok(follow(watch, ready, after, session.last_sequence, next))
}

/// What is pinned, and what was read as one batch, if there was anything.
fn batches(pins: Vec<i64>, page: Vec<SessionEvent>) -> Vec<Batch> {
    let events = (!page.is_empty()).then(|| Batch::from(page));
    [Batch::of_pins(pins)].into_iter().chain(events).collect()
}

/// Where the next batch comes from, once those that are ready are gone.
enum Next {
    /// The log, in which there is more than what was known at an instant.
    Log(Instant),
    Bus,
    Over,
}

/// What a follower takes for pinned.
enum Pins {
    /// Nothing: it has just begun.
    None,
    /// It comes back, and what it was told then may have been let go since.
    Unknown,
    Told(Batch),
}

impl Pins {
    fn are(&self, pins: &[i64]) -> bool {
        match self {
            Self::None => pins.is_empty(),
            Self::Unknown => false,
            Self::Told(batch) => batch.pins() == Some(pins),
        }
    }
}

struct Follow {
    backend: Backend,
    owner: UserId,
    id: SessionId,
    last: i64,
    /// The newest entry when following began.
    known: i64,
    watch: Watch,
    /// What was read already.
    ready: std::vec::IntoIter<Batch>,
    next: Next,
    told: Pins,
    /// Goes off when the bus has been silent for long, or earlier.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Follow {
    /// The next batch that tells something.
    async fn step(mut self) -> Option<(Result<Batch>, Self)> {
        loop {
            if let Some(batch) = self.ready.next() {
                if self.knows(&batch) {
                    continue;
                }
                self.take(&batch);
                return Some((Ok(batch), self));
            }
            match self.next {
                Next::Over => return None,
                Next::Log(since) => match Box::pin(self.read_log(since)).await {
                    Ok((batches, next)) => {
                        self.ready = batches.into_iter();
                        self.next = next;
                    }
                    Err(error) => {
                        self.next = Next::Over;
                        return Some((Err(error), self));
                    }
                },
                Next::Bus => {
                    let silence = if self.watch.is_deaf() { DEAF_SILENCE } else { SILENCE };
                    let batch = self.hear(silence).await;
                    let Some(batch) = batch else {
                        // Of many who hear nothing one looks.
                        if !Box::pin(self.is_at_end(silence)).await {
                            self.next = Next::Log(Instant::now());
                        }
                        continue;
                    };
                    let Some(newest) = batch.last_sequence() else {
                        self.next = Next::Log(Instant::now());
                        continue;
                    };
                    if newest <= self.last {
                        continue;
                    }
                    let fresh = batch.after(self.last);
                    if fresh.first().is_some_and(|first| first.sequence == self.last + 1) {
                        self.take(&fresh);
                        return Some((Ok(fresh), self));
                    }
                    self.next = Next::Log(Instant::now());
                }
            }
        }
    }

    /// What the bus says next; `None` when it has said nothing for so long.
    async fn hear(&mut self, silence: Duration) -> Option<Batch> {
        let Self { watch, alarm, .. } = self;
        let due = Instant::now() + silence;
        // An event that comes leaves the alarm as it is, because setting one costs more than hearing the
        // event does: it may go off too early, and is put off then.
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if alarm.deadline() > due || alarm.is_elapsed() {
            alarm.as_mut().reset(due);
        }
        let mut next = pin!(watch.next());
        loop {
            tokio::select! {
                biased;
                batch = &mut next => return Some(batch),
                () = alarm.as_mut() => {
                    if Instant::now() >= due {
                        return None;
                    }
                    alarm.as_mut().reset(due);
                }
            }
        }
    }

    /// Whether the log was found to end with what was heard last, by someone else and within this time.
    async fn is_at_end(&self, within: Duration) -> bool {
        if self.watch.ends_with(self.last, within) {
            return true;
        }
        let turn = self.watch.turn();
        let _turn = tokio::time::timeout(PATIENCE, turn.lock()).await;
        if self.watch.ends_with(self.last, within) {
            return true;
        }
        // Nobody has looked. What is found is for all who wait for the turn.
        let at = Instant::now();
        let look = async {
            let mut conn = self.backend.read_latest(self.owner).await?;
            let is_end = self.page(&mut conn).await?.is_empty();
            let pins = store::sessions::find_pins(&mut conn, self.owner, self.id).await?;
            Ok::<_, Error>((is_end, pins.unwrap_or_default()))
        };
        let Ok((true, pins)) = look.await else { return false };
        if self.told.are(&pins) {
            self.watch.note_end(self.last, at);
        } else {
            // A call to look got lost: all who follow look now, this one too.
            self.watch.stir();
        }
        true
    }

    /// What is pinned and what comes after what was heard last, from the database or from who has read it
    /// since an instant; and where to go on.
    async fn read_log(&self, since: Instant) -> Result<(Vec<Batch>, Next)> {
        let (owner, last) = (self.owner, self.last);
        if let Some(ready) = self.watch.recent(owner, last, Some(since)) {
            return Ok((ready, Next::Bus));
        }
        let turn = self.watch.turn();
        // Who waits for too long reads without a turn.
        let _turn = tokio::time::timeout(PATIENCE, turn.lock()).await;
        if let Some(ready) = self.watch.recent(owner, last, Some(since)) {
            return Ok((ready, Next::Bus));
        }
        let at = Instant::now();
        let mut conn = self.backend.read_latest(owner).await?;
        let page = self.page(&mut conn).await?;
        if page.len() == LOG_PAGE as usize {
            return Ok((vec![page.into()], Next::Log(at)));
        }
        let pins = store::sessions::find_pins(&mut conn, owner, self.id).await?;
        drop(conn);
        let ready = batches(pins.unwrap_or_default(), page);
        self.watch.share(Read { owner, after: last, batches: ready.clone(), at });
        Ok((ready, Next::Bus))
    }

    async fn page(&self, conn: &mut PgConnection) -> Result<Vec<SessionEvent>> {
        let (owner, id, last) = (self.owner, self.id, self.last);
        Ok(store::session_events::list(conn, owner, id, last, LOG_PAGE.into()).await?)
    }

    /// Whether a batch tells of pins as they were told already.
    fn knows(&self, batch: &Batch) -> bool {
        batch.pins().is_some_and(|pins| self.told.are(pins))
    }

    fn take(&mut self, batch: &Batch) {
        if batch.pins().is_some() {
            self.told = Pins::Told(batch.clone());
        }
        let Some(last) = batch.last() else { return };
        self.last = last.sequence;
        // An end that a person has gone on from is followed by more.
        if matches!(last.body, EventBody::Done { .. }) && last.sequence >= self.known {
            self.next = Next::Over;
        }
    }
}
