//! One page of a longer list.

use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;

/// The size of a page when the caller names none.
pub const DEFAULT_LIMIT: u32 = 50;
/// The largest page that a caller may ask for.
pub const MAX_LIMIT: u32 = 200;

/// A page and the way to the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Page<T> {
    /// The things of this page, in order.
    pub items: Vec<T>,
    /// Hand this back as `cursor` for the next page. `None` on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page without things.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), next_cursor: None }
    }

    /// Whether there is a next page.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.next_cursor.is_some()
    }

    /// The page of what becomes of each of its things.
    #[must_use]
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, next_cursor } = self;
        Page { items: items.into_iter().map(each).collect(), next_cursor }
    }
}

/// Which page is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PageRequest {
    /// The `next_cursor` of the page before; opaque. `None` asks for the first page.
    #[serde(default)]
    pub cursor: Option<String>,
    /// How many things, 1 to [`MAX_LIMIT`]; [`DEFAULT_LIMIT`] when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

impl PageRequest {
    /// The first page, as large as one may be: all there is of what nobody has more of.
    #[must_use]
    pub const fn largest() -> Self {
        Self { cursor: None, limit: Some(MAX_LIMIT) }
    }

    /// The checked size of the page.
    pub fn checked_limit(&self) -> Result<u32, FieldFault> {
        match self.limit {
            None => Ok(DEFAULT_LIMIT),
            Some(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
            Some(_) => Err(FieldFault::new("limit", format!("must be 1 to {MAX_LIMIT}"))),
        }
    }
}

/// Where a window of a long list lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// So many things stand before it.
    FromStart(u64),
    /// So many things stand behind it.
    FromEnd(u64),
    /// It follows the window that ended at this mark.
    After(String),
    /// It goes before the window that began at this mark.
    Before(String),
}

/// A part of a long list that can be read from any place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Window<T> {
    /// The things, in the list's order.
    pub items: Vec<T>,
    /// Marks where it begins, for [`Place::Before`]; opaque.
    pub start: Option<String>,
    /// Marks where it ends, for [`Place::After`]; opaque.
    pub end: Option<String>,
}

impl<T> Window<T> {
    /// A window without things.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), start: None, end: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alert, api_key, knowledge, memory, schedule, secret, team, test_set, webhook};

    /// What is asked for by [`PageRequest::largest`] is whole.
    #[test]
    fn what_nobody_has_more_of_is_one_page() {
        for most in [
            alert::ALERTS_MAX,
            api_key::KEYS_MAX,
            knowledge::DOCUMENTS_MAX,
            memory::MEMORIES_MAX,
            schedule::SCHEDULES_MAX,
            secret::SECRETS_MAX,
            team::AGENTS_MAX,
            team::PEOPLE_MAX,
            team::TEAMS_MAX,
            test_set::TEST_SETS_MAX,
            webhook::WEBHOOKS_MAX,
        ] {
            assert!(most <= MAX_LIMIT as usize, "{most}");
        }
    }

    #[test]
    fn a_page_of_other_things_leads_on_all_the_same() {
        let page = Page { items: vec![1, 2], next_cursor: Some("next".to_owned()) };
        let told = page.map(|number| number.to_string());
        assert_eq!(
            (told.items, told.next_cursor.as_deref()),
            (vec!["1".to_owned(), "2".to_owned()], Some("next"))
        );
    }
}
