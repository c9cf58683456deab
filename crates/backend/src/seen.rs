//! Lost updates: who changes a thing may name the version in which they saw it, and changes it in that
//! version or not at all.

use resonant_domain::alert::Alert;
use resonant_domain::api_key::ApiKey;
use resonant_domain::budget::Budget;
use resonant_domain::grant::ToolGrant;
use resonant_domain::knowledge::KnowledgeDocument;
use resonant_domain::memory::Memory;
use resonant_domain::publication::{PublishedListing, Submission};
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

/// What a caller says of the version of a thing that is to be changed (RFC 9110, 13.1). Who says nothing
/// changes it as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It is in one of these.
    pub is: Option<Versions>,
    /// It is in none of these.
    pub is_not: Option<Versions>,
}

/// Versions of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// All that there may be.
    Any,
    /// These.
    OneOf(Vec<String>),
}

impl Versions {
    /// Whether the thing is in one of them. `None`: it is not there.
    fn have(&self, now: Option<&str>) -> bool {
        match self {
            Self::Any => now.is_some(),
            Self::OneOf(versions) => {
                now.is_some_and(|now| versions.iter().any(|version| version == now))
            }
        }
    }
}

impl Seen {
    /// It is not there: it is made, or nothing is done.
    pub const NOTHING: Self = Self { is: None, is_not: Some(Versions::Any) };

    /// It is in this version.
    #[must_use]
    pub fn at(version: String) -> Self {
        Self { is: Some(Versions::OneOf(vec![version])), is_not: None }
    }

    /// Lets pass whoever is right about the version in which a thing is. `None`: it is not there.
    ///
    /// # Errors
    /// [`Error::Changed`] under what a person calls it.
    pub(crate) fn check(&self, noun: &'static str, now: Option<&str>) -> Result<()> {
        let is = self.is.as_ref().is_none_or(|versions| versions.have(now));
        let is_not = self.is_not.as_ref().is_none_or(|versions| !versions.have(now));
        if is && is_not { Ok(()) } else { Err(Error::Changed(noun)) }
    }
}

impl From<Option<i64>> for Seen {
    /// Of an agent, whose version is its revision.
    fn from(revision: Option<i64>) -> Self {
        revision.map(|revision| Self::at(revision.to_string())).unwrap_or_default()
    }
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
    let seen = ctx.seen();
    // Most do not say.
    if *seen == Seen::default() {
        return Ok(());
    }
    seen.check(T::NOUN, Some(&version_of(thing)))
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

impl Changeable for Submission {
    const NOUN: &'static str = "submission";

    fn part(&self) -> Value {
        // Its pictures are changed one by one, and whoever saves it takes the agent as it is by then.
        json!([self.id, self.texts])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_wrong_about_a_version_changes_nothing() {
        let these = |versions: &[&str]| {
            Some(Versions::OneOf(versions.iter().map(|version| (*version).to_owned()).collect()))
        };
        let any = || Some(Versions::Any);
        // What is said, then whether it is so of a thing at version 3, and of none.
        for (is, is_not, of_one, of_none) in [
            (None, None, true, true),
            (any(), None, true, false),
            (these(&["2", "3"]), None, true, false),
            (these(&["2"]), None, false, false),
            (these(&[]), None, false, false),
            (None, any(), false, true),
            (None, these(&["2", "3"]), false, true),
            (None, these(&["2"]), true, true),
            (None, these(&[]), true, true),
            (any(), these(&["2"]), true, false),
            (these(&["3"]), these(&["3"]), false, false),
            (any(), any(), false, false),
        ] {
            let seen = Seen { is, is_not };
            let is_so = |now| seen.check("thing", now).is_ok();
            assert_eq!((is_so(Some("3")), is_so(None)), (of_one, of_none), "{seen:?}");
        }
    }
}
