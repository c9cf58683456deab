//! The two tasks of a bus that talk to Redis: one sends, one listens.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use redis::aio::PubSub;
use resonant_domain::SessionId;
use resonant_domain::session_event::SessionEvent;
use tokio::sync::mpsc;

use super::{Change, Shared};
use crate::cache::redis::Redis;
use crate::sessions::Batch;

/// How soon a lost subscription is taken up again.
const RETRY: Duration = Duration::from_secs(1);
/// After such a silence it is asked whether Redis is still there: a way that is cut off says nothing, not
/// even that.
const SILENCE: Duration = Duration::from_secs(5);
/// How long an answer over the subscription may take.
const PATIENCE: Duration = Duration::from_secs(2);
const CHANNEL: &str = "resonant:events:";

/// Sends what this process has written to the others, in order. What Redis did not take is made up
/// for by an empty batch once it is back: it makes the others read the log.
pub(super) async fn send(
    redis: Redis,
    shared: Arc<Shared>,
    mut letters: mpsc::Receiver<(SessionId, Vec<SessionEvent>)>,
) {
    loop {
        let is_behind = !shared.unsent().is_empty();
        let letter = tokio::select! {
            letter = letters.recv() => letter,
            () = tokio::time::sleep(RETRY), if is_behind => {
                make_up(&redis, &shared).await;
                continue;
            }
        };
        let Some((id, events)) = letter else { return };
        let Ok(payload) = serde_json::to_vec(&events) else {
            continue;
        };
        if !redis.publish(&format!("{CHANNEL}{id}"), payload).await {
            shared.unsent().insert(id);
        }
    }
}

async fn make_up(redis: &Redis, shared: &Shared) {
    let ids: Vec<_> = shared.unsent().iter().copied().collect();
    for id in ids {
        if !redis.publish(&format!("{CHANNEL}{id}"), b"[]".to_vec()).await {
            return;
        }
        shared.unsent().remove(&id);
    }
}

/// Hears what other processes have written, over a connection of its own that is made again whenever
/// it is lost.
pub(super) async fn listen(
    redis: Redis,
    shared: Arc<Shared>,
    mut wanted: mpsc::UnboundedReceiver<Change>,
) {
    loop {
        let connected = tokio::time::timeout(RETRY * 5, redis.client().get_async_pubsub()).await;
        match connected {
            Ok(Ok(connection)) => {
                if listen_once(connection, &shared, &mut wanted).await.is_break() {
                    return;
                }
                tracing::warn!("the subscription to Redis was lost; taking it up again");
            }
            Ok(Err(error)) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "no subscription to Redis; watchers read the log"
            ),
            Err(_) => tracing::debug!("no subscription to Redis in time; watchers read the log"),
        }
        shared.is_deaf.store(true, Ordering::Relaxed);
        shared.stir_all();
        if wanted.is_closed() {
            return;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Whether something that was asked over a subscription is done, and in time.
async fn is_done<T>(asked: impl Future<Output = redis::RedisResult<T>>) -> bool {
    matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(_)))
}

/// Listens over one connection. Breaks off for good when the bus is gone.
async fn listen_once(
    connection: PubSub,
    shared: &Shared,
    wanted: &mut mpsc::UnboundedReceiver<Change>,
) -> std::ops::ControlFlow<()> {
    use std::ops::ControlFlow::{Break, Continue};

    let (mut sink, mut messages) = connection.split();
    // What was asked for until now is in the map; the changes that wait say nothing new.
    while wanted.try_recv().is_ok() {}
    let channels: Vec<_> = shared.watched().keys().map(|id| format!("{CHANNEL}{id}")).collect();
    for channel in channels {
        if !is_done(sink.subscribe(channel)).await {
            return Continue(());
        }
    }
    shared.is_deaf.store(false, Ordering::Relaxed);
    shared.stir_all();
    loop {
        tokio::select! {
            change = wanted.recv() => {
                let is_well = match change {
                    Some(Change::Watch(id)) => {
                        let done = is_done(sink.subscribe(format!("{CHANNEL}{id}"))).await;
                        // What was written before the subscription stood went unheard.
                        shared.hand_on(id, Batch::default);
                        done
                    }
                    Some(Change::Leave(id)) => {
                        let is_back = shared.watched().contains_key(&id);
                        is_back || is_done(sink.unsubscribe(format!("{CHANNEL}{id}"))).await
                    }
                    None => return Break(()),
                };
                if !is_well {
                    return Continue(());
                }
            }
            () = tokio::time::sleep(SILENCE) => {
                if !is_done(sink.ping::<redis::Value>()).await {
                    return Continue(());
                }
            }
            message = messages.next() => {
                let Some(message) = message else { return Continue(()) };
                let id = message.get_channel_name().strip_prefix(CHANNEL).and_then(|id| id.parse().ok());
                if let Some(id) = id {
                    // Bytes of another shape stand for events that this process cannot read here.
                    shared.hand_on(id, || {
                        let events: Option<Vec<SessionEvent>> =
                            serde_json::from_slice(message.get_payload_bytes()).ok();
                        events.unwrap_or_default().into()
                    });
                }
            }
        }
    }
}
