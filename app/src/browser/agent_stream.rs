//! Server-Sent Events that stand for themselves: what happens to the viewer's agents, and that something
//! was measured.

use futures::channel::oneshot;
use futures::{FutureExt as _, StreamExt as _, select};
use gloo_net::eventsource::futures::EventSource;
use leptos::task::spawn_local;
use resonant_domain::agent_list::AgentLine;

/// A live stream. Dropping it ends it.
#[derive(Debug)]
pub struct LiveStream {
    /// Dropped with the stream, which the follower hears.
    _stop: oneshot::Sender<()>,
}

/// Follows what happens to the viewer's agents. `on_line` hears each agent as it is after a change.
///
/// A lost connection is made again by the browser itself; the list as a whole is fetched when
/// someone comes back to it, so what was missed in between is not lost for long.
pub fn follow_agents(url: &str, on_line: impl Fn(AgentLine) + 'static) -> LiveStream {
    follow(
        url,
        Box::new(move |text| {
            if let Ok(line) = serde_json::from_str(&text) {
                on_line(line);
            }
        }),
    )
}

/// Hears whenever there is something new to ask for.
pub fn follow_news(url: &str, on_news: impl Fn() + 'static) -> LiveStream {
    follow(url, Box::new(move |_| on_news()))
}

fn follow(url: &str, on_text: Box<dyn Fn(String)>) -> LiveStream {
    let (stop, stopped) = oneshot::channel::<()>();
    let source = EventSource::new(url);
    spawn_local(async move {
        let Ok(mut source) = source else { return };
        let Ok(messages) = source.subscribe("message") else { return };
        let (mut messages, mut stopped) = (messages.fuse(), stopped.fuse());
        loop {
            select! {
                _ = stopped => return,
                message = messages.next() => match message {
                    Some(Ok((_, message))) => on_text(message.data().as_string().unwrap_or_default()),
                    // The browser connects again.
                    Some(Err(_)) => {}
                    None => return,
                },
            }
        }
    });
    LiveStream { _stop: stop }
}
