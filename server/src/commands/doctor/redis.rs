//! Redis: whether it answers, and what it does once its memory is full.

use resonant_backend::Backend;

use super::Finding;
use crate::Settings;
use crate::middleware::problem::chain;

pub(super) async fn look(settings: &Settings, backend: &Backend) -> Finding {
    if settings.backend.redis_url.is_none() {
        return Finding::Note(
            "REDIS_URL is unset: enough for one process, several need it to share cache and events"
                .to_owned(),
        );
    }
    if let Err(error) = backend.ping_redis().await {
        return Finding::Fault {
            what: format!("does not answer: {}", chain(&error)),
            mend:
                "start Redis, or let REDIS_URL name one that runs; until then each process keeps \
                   its own cache and reads events from the database"
                    .to_owned(),
        };
    }
    let policy = backend.redis_policy().await;
    match policy.as_deref().and_then(|policy| Some((policy, drawback(policy)?))) {
        Some((policy, drawback)) => Finding::Note(format!(
            "answers; its maxmemory-policy is {policy}: once its memory is full, {drawback}. \
             allkeys-lru suits it"
        )),
        None => Finding::Well("answers".to_owned()),
    }
}

/// What speaks against a policy. Nothing is lost by any of them: what is there counts as a copy, and who wrote
/// is known to have written although the place in the log is gone.
fn drawback(policy: &str) -> Option<&'static str> {
    match policy {
        "noeviction" => Some(
            "it takes nothing new, each process goes on without it, and with replicas who writes \
             waits until they have the write",
        ),
        "volatile-ttl" => Some(
            "what is needed soonest goes first, and with replicas the primary answers all who have \
             just written",
        ),
        _ => None,
    }
}
