//! Signed messages between Resonant and other programs, as Standard Webhooks describes them
//! (<https://www.standardwebhooks.com>): those that start a session, and those that tell of its end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::host;
use crate::ids::{AgentId, DeliveryId, SessionId, TriggerId, UserId, WebhookId};
use crate::session::GOAL_MAX;
use crate::text::check_text;
use crate::variable::Values;

/// The most triggers, and the most webhooks, of one owner.
pub const WEBHOOKS_MAX: usize = 50;
/// How far the clock of a sender may be off, in seconds. A message is not taken twice meanwhile.
pub const TOLERANCE_SECONDS: i64 = 300;
/// How often a message is sent before it is given up.
pub const ATTEMPTS_MAX: i32 = 8;
/// The longest address, in characters.
pub const WEBHOOK_URL_MAX: usize = 2_000;

/// An address at which a signed message starts a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trigger {
    /// Its identity.
    pub id: TriggerId,
    /// The agent that runs, as it is when the message comes.
    pub agent_id: AgentId,
    /// What each session shall reach; the message's body is its context.
    pub goal: String,
    /// The values of the prompt's variables.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub variables: Values,
    /// Where messages are sent, below the installation's address.
    pub path: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the last message was taken.
    pub last_used_at: Option<Timestamp>,
}

impl Trigger {
    /// Where the messages of a trigger are sent.
    #[must_use]
    pub fn path_of(owner: UserId, id: TriggerId) -> String {
        format!("/api/v1/hooks/{owner}/{id}")
    }
}

/// What a caller writes to make a trigger: the JSON of `POST /api/v1/triggers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTrigger {
    /// The agent.
    pub agent_id: AgentId,
    /// 1 to [`GOAL_MAX`] characters.
    pub goal: String,
    /// The values of the prompt's variables, by their names.
    #[serde(default)]
    pub variables: Values,
}

impl NewTrigger {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "goal", &self.goal, 1, GOAL_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// An address that is told when a session ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Webhook {
    /// Its identity.
    pub id: WebhookId,
    /// Where messages go.
    pub url: String,
    /// Of this agent's sessions alone.
    pub agent_id: Option<AgentId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a caller writes to make a webhook: the JSON of `POST /api/v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// A public address.
    pub url: String,
    /// Of this agent's sessions alone.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

impl NewWebhook {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "url", &self.url, 1, WEBHOOK_URL_MAX);
        if faults.is_empty() && host::of_url(self.url.trim()).is_none() {
            faults.push(FieldFault::new("url", "must be an http or https address"));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A trigger or webhook with the key that signs its messages.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WithKey<T> {
    /// The trigger or webhook.
    #[serde(flatten)]
    pub made: T,
    /// `whsec_` and 32 bytes in base64.
    // An answer that is given again lacks it.
    #[cfg_attr(feature = "schema", schemars(skip_serializing_if = "String::is_empty"))]
    pub signing_key: String,
}

/// One message to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// Its identity; receivers find it in `webhook-id`.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The session that ended.
    pub session_id: SessionId,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: i32,
    /// When it is sent next; there while it is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// The HTTP status of the last answer.
    pub last_status: Option<i32>,
    /// What kept the last attempt from an answer.
    pub last_error: Option<String>,
    /// When the session ended.
    pub created_at: Timestamp,
    /// When it was taken.
    pub delivered_at: Option<Timestamp>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent at its time.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The state as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads a state from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// How long to wait before the next attempt, in seconds: 5 s, 30 s, 2 min, 10 min, 1 h, 3 h, 8 h.
/// `None` after the last one.
#[must_use]
pub fn wait_seconds(attempts: i32) -> Option<i64> {
    const WAITS: [i64; 7] = [5, 30, 120, 600, 3_600, 10_800, 28_800];
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    if attempts >= ATTEMPTS_MAX { None } else { WAITS.get(index).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = (1..=ATTEMPTS_MAX).map(wait_seconds).collect();
        assert_eq!(waits.last(), Some(&None));
        assert!(waits[..waits.len() - 1].is_sorted_by(|a, b| a.is_some() && a < b), "{waits:?}");
        assert_eq!(wait_seconds(0), None);
    }

    #[test]
    fn an_address_that_is_none_is_named() {
        for (url, fits) in [
            ("https://example.org/hook", true),
            ("http://example.org:8080", true),
            ("ftp://example.org", false),
            ("https://user:word@example.org/", false),
            ("", false),
        ] {
            let new = NewWebhook { url: url.to_owned(), agent_id: None };
            assert_eq!(new.check().is_ok(), fits, "{url}");
        }
    }
}
