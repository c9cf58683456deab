//! Lost updates: who changes a thing may name the version in which they saw it, and changes it in that
//! version or not at all.

use resonant_domain::alert::Alert;
use resonant_domain::api_key::ApiKey;
use resonant_domain::budget::Budget;
use resonant_domain::grant::ToolGrant;
use resonant_domain::knowledge::KnowledgeDocument;
use resonant_domain::memory::Memory;
use resonant_domain::publication::PublishedListing;
use resonant_domain::publisher::Profile;
use resonant_domain::review::Review;
use resonant_domain::schedule::Schedule;
use resonant_domain::secret::SecretSummary;
use resonant_domain::team::{Team, TeamMember};
use resonant_domain::test_set::{TestPolicy, TestSet};
use resonant_domain::webhook::{Trigger, Webhook};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Ctx, Error, Result};

/// The versions in which a caller saw what is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// They do not say: it is changed as it is now.
    #[default]
    Any,
    /// In one of these.
    OneOf(Vec<String>),
    /// In none: it is made, or nothing is done.
    Nothing,
}

/// A thing that people change.
pub trait Changeable {
    /// What a person calls it.
    const NOUN: &'static str;

    /// What people change about it. What happens to it by itself is not among it: a schedule that has run
    /// is the same schedule to whoever changes its goal.
    fn part(&self) -> Value;
}

/// Names the version of a thing: as long as nobody changes it, the same one.
#[must_use]
pub fn version_of<T: Changeable>(thing: &T) -> String {
    let hash = Sha256::digest(thing.part().to_string());
    let start = hash.iter().take(8).fold(0_u64, |start, byte| (start << 8) | u64::from(*byte));
    format!("{start:016x}")
}

/// Lets pass who has seen the thing as it is now, or does not say; who expects none is wrong about it. Ask
/// within the transaction that changes it, once it is locked.
///
/// # Errors
/// [`Error::Changed`].
pub(crate) fn check<T: Changeable>(ctx: &Ctx, thing: &T) -> Result<()> {
    match ctx.seen() {
        Seen::OneOf(versions) if !versions.contains(&version_of(thing)) => {
            Err(Error::Changed(T::NOUN))
        }
        Seen::Nothing => Err(Error::Changed(T::NOUN)),
        Seen::Any | Seen::OneOf(_) => Ok(()),
    }
}

impl Changeable for Schedule {
    const NOUN: &'static str = "schedule";

    fn part(&self) -> Value {
        json!([
            self.id,
            self.agent_version,
            self.agent_revision,
            self.cron,
            self.time_zone,
            self.goal,
            self.context,
            self.variables,
            self.is_enabled,
        ])
    }
}

impl Changeable for SecretSummary {
    const NOUN: &'static str = "secret";

    fn part(&self) -> Value {
        // Nobody reads the value, so that the instant stands for it.
        json!([self.name, self.hosts, self.created_at, self.updated_at])
    }
}

impl Changeable for Trigger {
    const NOUN: &'static str = "trigger";

    fn part(&self) -> Value {
        json!([self.id, self.agent_id, self.goal, self.variables])
    }
}

impl Changeable for Webhook {
    const NOUN: &'static str = "webhook";

    fn part(&self) -> Value {
        json!([self.id, self.url, self.agent_id])
    }
}

impl Changeable for Alert {
    const NOUN: &'static str = "alert";

    fn part(&self) -> Value {
        json!([
            self.id,
            self.name,
            self.kind,
            self.metric,
            self.condition,
            self.severity,
            self.for_duration,
            self.channels,
        ])
    }
}

impl Changeable for ToolGrant {
    const NOUN: &'static str = "tool";

    fn part(&self) -> Value {
        json!(self)
    }
}

impl Changeable for TestSet {
    const NOUN: &'static str = "test set";

    fn part(&self) -> Value {
        json!([self.id, self.name, self.cases, self.updated_at])
    }
}

impl Changeable for TestPolicy {
    const NOUN: &'static str = "test policy";

    fn part(&self) -> Value {
        json!(self)
    }
}

impl Changeable for Budget {
    const NOUN: &'static str = "budget";

    fn part(&self) -> Value {
        json!(self.limits)
    }
}

impl Changeable for ApiKey {
    const NOUN: &'static str = "key";

    fn part(&self) -> Value {
        json!([self.id, self.name, self.prefix, self.scopes, self.created_at, self.expires_at])
    }
}

impl Changeable for Memory {
    const NOUN: &'static str = "memory";

    fn part(&self) -> Value {
        // Written once more in the same words, it says the same.
        json!([self.id, self.key, self.text])
    }
}

impl Changeable for KnowledgeDocument {
    const NOUN: &'static str = "document";

    fn part(&self) -> Value {
        json!([self.id, self.title, self.format, self.size_bytes, self.created_at])
    }
}

impl Changeable for PublishedListing {
    const NOUN: &'static str = "listing";

    fn part(&self) -> Value {
        json!(self)
    }
}

impl Changeable for Profile {
    const NOUN: &'static str = "profile";

    fn part(&self) -> Value {
        json!(self)
    }
}

impl Changeable for Review {
    const NOUN: &'static str = "review";

    fn part(&self) -> Value {
        json!([self.id, self.version, self.stars, self.text, self.updated_at])
    }
}

impl Changeable for Team {
    const NOUN: &'static str = "team";

    fn part(&self) -> Value {
        // Who comes and what is shared happens to it.
        json!([self.slug, self.name])
    }
}

impl Changeable for TeamMember {
    const NOUN: &'static str = "member";

    fn part(&self) -> Value {
        json!([self.user_id, self.role])
    }
}
