//! Server-Sent Events that stand for themselves: what happens to the viewer's agents, how many notices are
//! unread, and that something was measured. A page that nobody sees hears none of it: a browser keeps few
//! connections to one place. What it missed it hears of, or asks for, once it is shown again.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::Fuse;
use futures::{FutureExt as _, StreamExt as _, select, stream};
use gloo_net::eventsource::futures::EventSource;
use leptos::prelude::{WindowListenerHandle, set_timeout, window_event_listener_untyped};
use leptos::task::spawn_local;
use resonant_domain::agent_list::{AgentLine, ListNews};
use resonant_domain::notice::Unread;

use super::document::is_shown;

/// The name of events that have none.
const MESSAGE: &str = "message";
/// What a browser calls it when a connection stands, for the first time or again.
const OPEN: &str = "open";
/// The first wait before a connection that the browser has given up is made again; it doubles up to
/// [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A live stream. Dropping it ends it.
#[derive(Debug)]
pub struct LiveStream {
    /// Dropped with the stream, which the follower hears.
    _stop: oneshot::Sender<()>,
}

/// Follows what happens to the viewer's agents. `on_line` hears each agent as it is after a change,
/// `on_news` which came to the list and which left it, `on_unread` how many notices are unread.
///
/// A lost connection is made again, and none stands while the page is hidden. What happened before it stood
/// is not told: `on_open` hears that it stands, and reads the list.
pub fn follow_agents(
    url: &str,
    on_open: impl Fn() + 'static,
    on_line: impl Fn(AgentLine) + 'static,
    on_news: impl Fn(ListNews) + 'static,
    on_unread: impl Fn(i64) + 'static,
) -> LiveStream {
    follow(
        url,
        Box::new(move |name, text| match name {
            OPEN => on_open(),
            Unread::EVENT => hear_unread(&text, &on_unread),
            ListNews::EVENT => {
                if let Ok(news) = serde_json::from_str(&text) {
                    on_news(news);
                }
            }
            _ => {
                if let Ok(line) = serde_json::from_str(&text) {
                    on_line(line);
                }
            }
        }),
    )
}

/// Hears how many notices of the viewer are unread, at once and whenever that changes.
pub fn follow_unread(url: &str, on_unread: impl Fn(i64) + 'static) -> LiveStream {
    follow(
        url,
        Box::new(move |name, text| {
            if name == Unread::EVENT {
                hear_unread(&text, &on_unread);
            }
        }),
    )
}

/// Hears whenever there is something new to ask for, or there may have been before the connection stood: since
/// the page was read, or while it was lost.
pub fn follow_news(url: &str, on_news: impl Fn() + 'static) -> LiveStream {
    follow(
        url,
        Box::new(move |name, _| {
            if name == MESSAGE || name == OPEN {
                on_news();
            }
        }),
    )
}

fn hear_unread(text: &str, on_unread: &impl Fn(i64)) {
    if let Ok(Unread { unread }) = serde_json::from_str(text) {
        on_unread(unread);
    }
}

type OnText = Box<dyn Fn(&str, String)>;

fn follow(url: &str, on_text: OnText) -> LiveStream {
    let (stop, stopped) = oneshot::channel::<()>();
    let url = url.to_owned();
    spawn_local(async move {
        let mut stopped = stopped.fuse();
        let mut wait = FIRST_WAIT;
        loop {
            select! {
                _ = stopped => return,
                () = until_shown(true).fuse() => {}
            }
            match listen(&url, &mut stopped, &on_text).await {
                ControlFlow::Break(()) => return,
                ControlFlow::Continue(true) => wait = FIRST_WAIT,
                ControlFlow::Continue(false) => {}
            }
            select! {
                _ = stopped => return,
                () = pause(wait).fuse() => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    });
    LiveStream { _stop: stop }
}

/// Waits until the page is shown, or until it is hidden.
pub(super) async fn until_shown(is: bool) {
    if is_shown() == is {
        return;
    }
    let (tell, told) = oneshot::channel();
    let tell = Cell::new(Some(tell));
    let _ears = Ears(vec![window_event_listener_untyped("visibilitychange", move |_| {
        if is_shown() == is
            && let Some(tell) = tell.take()
        {
            // Nobody waits any more where the stream has ended.
            let _ = tell.send(());
        }
    })]);
    let _ = told.await;
}

/// Waits so long, or until the network is back or the page is looked at again.
async fn pause(length: Duration) {
    let (wake, woken) = oneshot::channel();
    let wake = Rc::new(Cell::new(Some(wake)));
    let call = move || {
        if let Some(wake) = wake.take() {
            // Nobody waits any more where the stream has ended.
            let _ = wake.send(());
        }
    };
    let (back, seen) = (call.clone(), call.clone());
    let _ears = Ears(vec![
        window_event_listener_untyped("online", move |_| back()),
        window_event_listener_untyped("visibilitychange", move |_| {
            if is_shown() {
                seen();
            }
        }),
    ]);
    set_timeout(call, length);
    let _ = woken.await;
}

/// What listens to the window, until it is dropped.
struct Ears(Vec<WindowListenerHandle>);

impl Drop for Ears {
    fn drop(&mut self) {
        for ear in self.0.drain(..) {
            ear.remove();
        }
    }
}

/// Listens until the stream is dropped (`Break`), or until the page is hidden or the browser has given the
/// connection up: then whether there was nothing wrong with it.
async fn listen(
    url: &str,
    mut stopped: &mut Fuse<oneshot::Receiver<()>>,
    on_text: &OnText,
) -> ControlFlow<(), bool> {
    let Ok(mut source) = EventSource::new(url) else { return ControlFlow::Break(()) };
    let [Ok(opens), Ok(messages), Ok(unread), Ok(news)] =
        [OPEN, MESSAGE, Unread::EVENT, ListNews::EVENT].map(|name| source.subscribe(name))
    else {
        return ControlFlow::Break(());
    };
    let told = stream::select(messages, stream::select(unread, news));
    let mut events = stream::select(opens, told).fuse();
    let mut hidden = pin!(until_shown(false).fuse());
    let mut was_open = false;
    loop {
        select! {
            _ = stopped => return ControlFlow::Break(()),
            () = hidden => return ControlFlow::Continue(true),
            event = events.next() => match event {
                Some(Ok((name, message))) => {
                    was_open = true;
                    on_text(&name, message.data().as_string().unwrap_or_default());
                }
                Some(Err(_)) | None => return ControlFlow::Continue(was_open),
            },
        }
    }
}
