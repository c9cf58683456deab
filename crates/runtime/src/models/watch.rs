//! Who hears how models did.

use std::time::Duration;

/// Hears how models did, each by its provider and name: `openai:gpt-4o`.
pub trait ModelWatch: Send + Sync {
    /// It gave a whole reply.
    fn replied(&self, model: &str, took: Duration);

    /// It failed to give one.
    fn failed(&self, model: &str);
}
