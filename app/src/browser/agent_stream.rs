//! Server-Sent Events that stand for themselves: what happens to the viewer's agents, how many notices are
//! unread, and that something was measured.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::Fuse;
use futures::{FutureExt as _, StreamExt as _, select, stream};
use gloo_net::eventsource::futures::EventSource;
use leptos::task::spawn_local;
use resonant_domain::agent_list::AgentLine;
use resonant_domain::notice::Unread;

use super::event_source::sleep;

/// The name of events that have none.
const MESSAGE: &str = "message";
/// How long to wait before a connection that the browser has given up is made again, in seconds.
const WAITS: [u64; 6] = [2, 4, 8, 16, 32, 64];

/// A live stream. Dropping it ends it.
#[derive(Debug)]
pub struct LiveStream {
    /// Dropped with the stream, which the follower hears.
    _stop: oneshot::Sender<()>,
}

/// Follows what happens to the viewer's agents. `on_line` hears each agent as it is after a change,
/// `on_unread` how many notices are unread.
///
/// A lost connection is made again; the list as a whole is fetched when someone comes back to it, so what
/// was missed in between is not lost for long.
pub fn follow_agents(
    url: &str,
    on_line: impl Fn(AgentLine) + 'static,
    on_unread: impl Fn(i64) + 'static,
) -> LiveStream {
    follow(
        url,
        Box::new(move |name, text| {
            if name == Unread::EVENT {
                hear_unread(&text, &on_unread);
            } else if let Ok(line) = serde_json::from_str(&text) {
                on_line(line);
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

/// Hears whenever there is something new to ask for.
pub fn follow_news(url: &str, on_news: impl Fn() + 'static) -> LiveStream {
    follow(
        url,
        Box::new(move |name, _| {
            if name == MESSAGE {
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
        let mut waits = WAITS.iter();
        loop {
            match listen(&url, &mut stopped, &on_text).await {
                ControlFlow::Break(()) => return,
                ControlFlow::Continue(true) => waits = WAITS.iter(),
                ControlFlow::Continue(false) => {}
            }
            // Whom the server does not tell, it will not tell however often they ask.
            let Some(wait) = waits.next() else { return };
            select! {
                _ = stopped => return,
                () = sleep(Duration::from_secs(*wait)).fuse() => {}
            }
        }
    });
    LiveStream { _stop: stop }
}

/// Listens until the stream is dropped (`Break`), or until the browser has given the connection up: then
/// whether something was heard.
async fn listen(
    url: &str,
    mut stopped: &mut Fuse<oneshot::Receiver<()>>,
    on_text: &OnText,
) -> ControlFlow<(), bool> {
    let Ok(mut source) = EventSource::new(url) else { return ControlFlow::Break(()) };
    let (Ok(messages), Ok(notices)) = (source.subscribe(MESSAGE), source.subscribe(Unread::EVENT))
    else {
        return ControlFlow::Break(());
    };
    let mut events = stream::select(messages, notices).fuse();
    let mut has_heard = false;
    loop {
        select! {
            _ = stopped => return ControlFlow::Break(()),
            event = events.next() => match event {
                Some(Ok((name, message))) => {
                    has_heard = true;
                    on_text(&name, message.data().as_string().unwrap_or_default());
                }
                Some(Err(_)) | None => return ControlFlow::Continue(has_heard),
            },
        }
    }
}
