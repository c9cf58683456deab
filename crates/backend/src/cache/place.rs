//! The names under which things are kept.

use std::collections::HashSet;

use super::Entry;

/// Begins the names of what its owner alone sees: agents, lists of them, sessions, sign-ins and keys.
const OWNED: [&str; 5] = [
    "resonant:agent:",
    "resonant:api_key:",
    "resonant:edition:agents/",
    "resonant:session:",
    "resonant:sign_in:",
];

/// Whether everybody may see what has this name, or what shows it. Whatever is not known to be an owner's
/// is everybody's.
pub(super) fn is_public(name: &str) -> bool {
    !OWNED.iter().any(|owned| name.starts_with(owned))
}

/// Where a value is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its name, alike on both levels.
    pub(super) name: String,
    /// The name of the group that it is forgotten with.
    pub(super) group: Option<String>,
}

impl Place {
    pub(super) fn of<E: Entry>(subject: &E::Key) -> Self {
        Self {
            name: format!("resonant:{}:{}:{subject}", E::KIND.as_str(), E::SCHEMA),
            group: E::group(subject).map(|group| group_name(&group)),
        }
    }
}

/// In Redis this is the key of the group's edition, which is part of the keys of all its members.
fn group_name(group: &str) -> String {
    format!("resonant:edition:{group}")
}

/// What a write makes untrue. Handed over to [`crate::Backend::commit`].
#[derive(Clone, Debug, Default)]
#[must_use = "what was written makes kept things untrue: hand this to Backend::commit"]
pub(crate) struct Stale {
    names: Vec<String>,
    /// The same: a write may change thousands of things.
    known: HashSet<String>,
}

impl Stale {
    /// Nothing that is kept.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// One thing.
    pub(crate) fn one<E: Entry>(subject: &E::Key) -> Self {
        Self::nothing().and::<E>(subject)
    }

    /// One thing more; with its group, when it belongs to one, and with what shows it.
    pub(crate) fn and<E: Entry>(mut self, subject: &E::Key) -> Self {
        let place = Place::of::<E>(subject);
        self.add(place.group.unwrap_or(place.name));
        match E::shown_in(subject) {
            Some(group) => self.and_group(&group),
            None => self,
        }
    }

    /// All members of a group.
    pub(crate) fn and_group(mut self, group: &str) -> Self {
        self.add(group_name(group));
        self
    }

    /// Many things that a write changes belong to the same group, or are shown by the same.
    fn add(&mut self, name: String) {
        if self.known.insert(name.clone()) {
            self.names.push(name);
        }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::{AgentId, SessionId, UserId};
    use uuid::Uuid;

    use super::super::agent::{AgentEntry, AgentKey};
    use super::super::agent_page::{AgentPageEntry, AgentPageKey};
    use super::super::api_key::{ApiKeyEntry, ApiKeyKey};
    use super::super::listing::ListingEntry;
    use super::super::listing_page::{MARKETPLACE, REVIEWS};
    use super::super::session::{SessionEntry, SessionKey};
    use super::super::shelves::{CollectionEntry, FeaturedEntry, PublisherEntry};
    use super::super::sign_in::{SignInEntry, SignInKey};
    use super::*;

    #[test]
    fn what_an_owner_alone_sees_is_known_by_its_name() {
        let (id, slug) = (Uuid::from_u128(7), "agents".to_owned());
        let owner = UserId::from_uuid(id);
        let page = AgentPageKey { owner, status: None, limit: 5 };
        for (owned, stale) in [
            (true, Stale::one::<AgentEntry>(&AgentKey(owner, AgentId::from_uuid(id)))),
            (true, Stale::one::<AgentPageEntry>(&page)),
            (true, Stale::one::<ApiKeyEntry>(&ApiKeyKey([7; 32]))),
            (true, Stale::one::<SessionEntry>(&SessionKey(owner, SessionId::from_uuid(id)))),
            (true, Stale::one::<SignInEntry>(&SignInKey([7; 32]))),
            (false, Stale::one::<ListingEntry>(&slug)),
            (false, Stale::one::<PublisherEntry>(&slug)),
            (false, Stale::one::<CollectionEntry>(&slug)),
            (false, Stale::one::<FeaturedEntry>(&"all")),
            (false, Stale::nothing().and_group(MARKETPLACE)),
            (false, Stale::nothing().and_group(REVIEWS)),
        ] {
            assert!(!stale.names().is_empty());
            for name in stale.names() {
                assert_eq!(is_public(name), !owned, "{name}");
            }
        }
    }
}
