//! Whom this process tells something at the moment: a receiver that does not answer has a few places, and
//! the others are left to the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resonant_domain::WebhookId;

use super::{PER_WEBHOOK, SIDE_BY_SIDE};
use crate::store::webhooks::Waiting;

/// How many messages are in flight, by their webhooks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telling(Arc<Mutex<HashMap<WebhookId, usize>>>);

/// The place of a message, for as long as it lives.
#[derive(Debug)]
pub(super) struct Place {
    telling: Telling,
    webhook: WebhookId,
}

impl Telling {
    fn counts(&self) -> MutexGuard<'_, HashMap<WebhookId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The webhooks that have no place free.
    pub(super) fn full(&self) -> Vec<WebhookId> {
        let counts = self.counts();
        let full = counts.iter().filter(|(_, count)| **count >= PER_WEBHOOK);
        full.map(|(webhook, _)| *webhook).collect()
    }

    /// Gives places to the first of these messages, to each webhook's and to all together no more than there
    /// are.
    pub(super) fn place(&self, waiting: &[Waiting]) -> Vec<(Waiting, Place)> {
        let mut counts = self.counts();
        let mut free = SIDE_BY_SIDE.saturating_sub(counts.values().sum());
        let mut placed = Vec::new();
        for message in waiting {
            let webhook = message.webhook_id;
            let count = counts.get(&webhook).copied().unwrap_or_default();
            if free == 0 || count >= PER_WEBHOOK {
                continue;
            }
            counts.insert(webhook, count + 1);
            free -= 1;
            placed.push((*message, Place { telling: self.clone(), webhook }));
        }
        placed
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.telling.counts();
        if let Some(count) = counts.get_mut(&self.webhook) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.webhook);
            }
        }
    }
}
