//! The names under which things are kept.

use super::Entry;

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
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}
