//! Server-Sent Events: a session's log as it is written. A page that nobody sees keeps no connection: a browser
//! allows few to one place, and every open session would have one. Now and then such a page catches up.

use std::pin::pin;
use std::time::Duration;

use futures::channel::oneshot;
use futures::{FutureExt as _, StreamExt as _, select, stream};
use gloo_net::eventsource::State;
use gloo_net::eventsource::futures::EventSource;
use leptos::prelude::set_timeout;
use leptos::task::spawn_local;
use resonant_domain::pin::Pins;
use resonant_domain::session_event::{EventBody, SessionEvent};

use super::StreamState;
use super::agent_stream::until_shown;

/// The first wait before a refused connection is tried again; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// How often the connection is looked at: a browser that reconnects by itself does not say so.
const LOOK: Duration = Duration::from_secs(1);
/// How long nobody has to see the page before its connection is closed: who looks at another tab for a moment
/// comes back to one that stands.
const GRACE: Duration = Duration::from_secs(2);
/// How often a page that nobody sees catches up, for as long as [`GRACE`]: the title in its tab says how the
/// session stands.
const CATCH_UP: Duration = Duration::from_secs(30);

/// A live stream of events. Dropping it ends the stream.
#[derive(Debug)]
pub struct EventStream {
    /// Dropped with the stream, which the follower hears.
    _stop: oneshot::Sender<()>,
}

/// Follows a session's events.
///
/// `url` makes the address of the events after the given number, `after` is the newest one known.
/// `on_event` hears each event at least once and in order, `on_pins` which messages are pinned, as that
/// changes; `on_state` hears how the connection stands. A lost connection is made again from the newest
/// event heard, unless `is_gone` says that there is nothing to be read any more, which a browser is not
/// told; the `end` that the server sends after a session's last event closes the stream for good. A page that
/// is hidden is connected now and then alone, of which `on_state` is told nothing: once it is shown it goes on
/// from the newest event heard.
pub fn follow_session(
    url: impl Fn(i64) -> String + 'static,
    after: i64,
    on_event: impl Fn(SessionEvent) + 'static,
    on_pins: impl Fn(Vec<i64>) + 'static,
    on_state: impl Fn(StreamState) + 'static,
    is_gone: impl AsyncFn() -> bool + 'static,
) -> EventStream {
    let (stop, stopped) = oneshot::channel::<()>();
    spawn_local(async move {
        let mut stopped = stopped.fuse();
        let mut newest = after;
        let mut wait = FIRST_WAIT;
        on_state(StreamState::Connecting);
        loop {
            let heard = newest;
            let ears = (&on_event, &on_pins, &on_state);
            match listen(&url(newest), &mut newest, &mut stopped, ears).await {
                Closed::ByUs => return,
                Closed::AtEnd => break on_state(StreamState::Ended),
                Closed::Unseen => {
                    select! {
                        _ = stopped => return,
                        () = until_shown(true).fuse() => {}
                        () = sleep(CATCH_UP).fuse() => {}
                    }
                    continue;
                }
                Closed::ByFailure => on_state(StreamState::Reconnecting),
            }
            if is_gone().await {
                break on_state(StreamState::Gone);
            }
            wait = if newest > heard { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
            select! {
                _ = stopped => return,
                () = sleep(wait).fuse() => {}
            }
        }
    });
    EventStream { _stop: stop }
}

/// Why a connection is closed.
enum Closed {
    ByUs,
    AtEnd,
    /// Nobody sees the page.
    Unseen,
    ByFailure,
}

/// Listens on one connection until it is closed.
async fn listen(
    url: &str,
    newest: &mut i64,
    mut stopped: &mut futures::future::Fuse<oneshot::Receiver<()>>,
    (on_event, on_pins, on_state): (
        &impl Fn(SessionEvent),
        &impl Fn(Vec<i64>),
        &impl Fn(StreamState),
    ),
) -> Closed {
    let Ok(mut source) = EventSource::new(url) else { return Closed::ByFailure };
    let (Ok(messages), Ok(ends), Ok(pins)) =
        (source.subscribe("message"), source.subscribe("end"), source.subscribe(Pins::EVENT))
    else {
        return Closed::ByFailure;
    };
    let mut heard = stream::select(stream::select(messages, ends), pins).fuse();
    let mut unseen = pin!(until_unseen().fuse());
    let mut is_live = false;
    loop {
        select! {
            _ = stopped => return Closed::ByUs,
            () = unseen => return Closed::Unseen,
            item = heard.next() => match item {
                Some(Ok((name, _))) if name == "end" => return Closed::AtEnd,
                Some(Ok((name, message))) if name == Pins::EVENT => {
                    let text = message.data().as_string().unwrap_or_default();
                    if let Ok(Pins { pins }) = serde_json::from_str(&text) {
                        on_pins(pins);
                    }
                }
                Some(Ok((_, message))) => {
                    let text = message.data().as_string().unwrap_or_default();
                    let Ok(event) = serde_json::from_str::<SessionEvent>(&text) else {
                        leptos::logging::warn!("an event could not be read: {text}");
                        continue;
                    };
                    *newest = event.sequence.max(*newest);
                    let is_last = matches!(event.body, EventBody::Done { .. });
                    on_event(event);
                    if is_last {
                        return Closed::AtEnd;
                    }
                }
                Some(Err(_)) | None => return Closed::ByFailure,
            },
            () = sleep(LOOK).fuse() => {}
        }
        let is_open = matches!(source.state(), State::Open);
        if is_open != is_live {
            is_live = is_open;
            on_state(if is_open { StreamState::Live } else { StreamState::Reconnecting });
        }
    }
}

/// Waits until nobody has seen the page for [`GRACE`].
async fn until_unseen() {
    loop {
        until_shown(false).await;
        select! {
            () = until_shown(true).fuse() => {}
            () = sleep(GRACE).fuse() => return,
        }
    }
}

/// Waits so long.
pub async fn sleep(length: Duration) {
    let (wake, woken) = oneshot::channel();
    set_timeout(
        move || {
            let _ = wake.send(());
        },
        length,
    );
    let _ = woken.await;
}
