//! People as publishers: what they tell of themselves, and what their listings add up to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::fields::Choosable;
use crate::listing::ListingSummary;
use crate::text::{check_name, check_slug, check_text, is_slug};

/// The shortest handle, in characters.
pub const HANDLE_MIN: usize = 3;
/// The longest handle, in characters.
pub const HANDLE_MAX: usize = 40;
/// The longest name, in characters.
pub const NAME_MAX: usize = 80;
/// The longest text about oneself, in characters.
pub const BIO_MAX: usize = 1_000;
/// Handles that would pass for the installation's own.
const RESERVED: [&str; 8] =
    ["admin", "administrator", "moderator", "official", "resonant", "root", "support", "system"];

/// A publisher as anyone sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Publisher {
    /// Their place in URLs.
    pub handle: String,
    /// What they are called.
    pub name: String,
    /// What they say about themselves; empty for nothing.
    pub bio: String,
    /// Whether moderators vouch for them.
    pub is_verified: bool,
    /// Since when they have this page.
    pub created_at: Timestamp,
    /// How many members follow them.
    #[serde(default)]
    pub followers: i64,
    /// How many members installed their listings, each counted once per listing, without themselves.
    pub installs: i64,
    /// How many sessions of members ran their listings, without their own.
    #[serde(default)]
    pub sessions: i64,
    /// How many reviews their listings have.
    pub rating_count: i64,
    /// The mean of all their reviews in hundredths of a star; 0 without reviews.
    pub rating_hundredths: i32,
    /// How many listings they have.
    #[serde(default)]
    pub listing_count: i64,
    /// A page of their listings, the most installed first.
    pub listings: Vec<ListingSummary>,
    /// Whether there are more of them.
    #[serde(default)]
    pub has_more: bool,
    /// Hand this back as `cursor` for the next ones. `None` when there are none.
    pub next_cursor: Option<String>,
}

impl Choosable for Publisher {
    const FIELDS: &'static [&'static str] = &[
        "handle",
        "name",
        "bio",
        "is_verified",
        "created_at",
        "followers",
        "installs",
        "sessions",
        "rating_count",
        "rating_hundredths",
        "listing_count",
        "listings",
        "has_more",
        "next_cursor",
    ];
}

/// The most publishers that one person follows.
pub const FOLLOWED_MAX: i64 = 1_000;

/// A publisher whom somebody follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FollowedPublisher {
    /// Their place in URLs.
    pub handle: String,
    /// What they are called.
    pub name: String,
    /// Whether moderators vouch for them.
    pub is_verified: bool,
    /// Since when they are followed.
    pub followed_at: Timestamp,
}

/// What somebody writes about themselves: the JSON of `PUT /api/v1/publisher`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Small letters, digits and hyphens, [`HANDLE_MIN`] to [`HANDLE_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = HANDLE_MIN, max = HANDLE_MAX), regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")))]
    pub handle: String,
    /// 1 to [`NAME_MAX`] characters, one line.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = crate::text::NAME_PATTERN)))]
    pub name: String,
    /// At most [`BIO_MAX`] characters.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = BIO_MAX), regex(pattern = crate::text::TEXT_PATTERN)))]
    pub bio: String,
}

impl Profile {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_slug(&mut faults, "handle", &self.handle, (HANDLE_MIN, HANDLE_MAX), &RESERVED);
        check_name(&mut faults, "name", &self.name, 1, NAME_MAX);
        check_text(&mut faults, "bio", &self.bio, 0, BIO_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// Whether there may be a publisher of this handle.
#[must_use]
pub fn is_handle(text: &str) -> bool {
    is_slug(text, HANDLE_MIN, HANDLE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_plain_and_nobody_elses() {
        for (handle, ok) in [
            ("ada", true),
            ("ada-l-2", true),
            ("ab", false),
            ("Ada", false),
            ("-ada", false),
            ("a--b", false),
            ("a_b", false),
            ("ädä", false),
            ("resonant", false),
            ("a123456789012345678901234567890123456789x", false),
        ] {
            let profile = Profile { handle: handle.into(), name: "Ada".into(), bio: String::new() };
            assert_eq!(profile.check().is_ok(), ok, "{handle}");
        }
        let profile = Profile { handle: "ada".into(), name: "A\nB".into(), bio: String::new() };
        assert_eq!(profile.check().unwrap_err()[0].field, "name");
    }
}
