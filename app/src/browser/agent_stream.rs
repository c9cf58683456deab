//! Server-Sent Events: what happens to the viewer's agents.

use futures::channel::oneshot;
use futures::{FutureExt as _, StreamExt as _, select};
use gloo_net::eventsource::futures::EventSource;
use leptos::task::spawn_local;
use resonant_domain::agent_list::AgentLine;

/// The live changes of the viewer's agents. Dropping it ends them.
#[derive(Debug)]
pub struct AgentStream {
    /// Dropped with the stream, which the follower hears.
    _stop: oneshot::Sender<()>,
}

/// Follows what happens to the viewer's agents. `on_line` hears each agent as it is after a change.
///
/// A lost connection is made again by the browser itself; the list as a whole is fetched when
/// someone comes back to it, so what was missed in between is not lost for long.
pub fn follow_agents(url: &str, on_line: impl Fn(AgentLine) + 'static) -> AgentStream {
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
                    Some(Ok((_, message))) => {
                        let text = message.data().as_string().unwrap_or_default();
                        if let Ok(line) = serde_json::from_str(&text) {
                            on_line(line);
                        }
                    }
                    // The browser connects again.
                    Some(Err(_)) => {}
                    None => return,
                },
            }
        }
    });
    AgentStream { _stop: stop }
}
