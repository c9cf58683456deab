//! The marketplace: listings and how people look for them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::{AgentSpec, Avatar};
use crate::fields::Choosable;
use crate::ids::ListingId;
use crate::image::{Picture, Screenshot};
use crate::money::MicroUsd;
use crate::price::Price;

mod highlight;
mod search;
pub mod spelling;

pub use highlight::Highlights;
pub use search::{
    CategoryCount, CostLimit, Facet, Facets, ListingFilter, ListingPage, ListingSort, PriceFilter,
    QUERY_MAX, STARS_ASKED_MAX, TRAITS_MAX,
};

/// So many of a listing's versions are told.
pub const VERSIONS_SHOWN: i64 = 20;

/// What a listing is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Category {
    Productivity,
    Research,
    Development,
    Support,
    Content,
    Sales,
    Finance,
    Custom,
}

impl Category {
    /// Every category, in the order in which people see them.
    pub const ALL: [Self; 8] = [
        Self::Productivity,
        Self::Research,
        Self::Development,
        Self::Support,
        Self::Content,
        Self::Sales,
        Self::Finance,
        Self::Custom,
    ];

    /// The category as it stands in JSON, URLs and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Productivity => "productivity",
            Self::Research => "research",
            Self::Development => "development",
            Self::Support => "support",
            Self::Content => "content",
            Self::Sales => "sales",
            Self::Finance => "finance",
            Self::Custom => "custom",
        }
    }

    /// The category as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Productivity => "Productivity",
            Self::Research => "Research",
            Self::Development => "Development",
            Self::Support => "Support",
            Self::Content => "Content",
            Self::Sales => "Sales",
            Self::Finance => "Finance",
            Self::Custom => "Custom",
        }
    }

    /// Reads a category from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == text)
    }
}

/// A listing as anyone sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Listing {
    /// What the lists show of it.
    #[serde(flatten)]
    pub summary: ListingSummary,
    /// What it does and how, in Markdown.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// How it stands in the marketplace.
    pub state: ListingState,
    /// Goals to try it with.
    pub examples: Vec<Example>,
    /// The agent that an install copies.
    pub agent: AgentSpec,
    /// The number of the published version.
    pub version: i32,
    /// When it was published first.
    pub created_at: Timestamp,
    /// When its newest version was published.
    pub updated_at: Timestamp,
    /// Its versions with what was new in each, the newest first, at most [`VERSIONS_SHOWN`].
    pub versions: Vec<ListingVersion>,
    /// That its publisher keeps it up no more; absent while it is kept up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecation: Option<Deprecation>,
    /// A recorded session of its publisher's, for all to read; absent where none is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub showcase: Option<Showcase>,
    /// Pictures of it at work, in their order.
    #[serde(default)]
    pub screenshots: Vec<Screenshot>,
    /// What its agent was copied from; absent where its publisher began it, or that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<ForkedFrom>,
}

/// The listing that an agent was copied from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ForkedFrom {
    /// Its place in URLs, while it is in the marketplace.
    pub slug: Option<String>,
    /// What it is called.
    pub name: String,
    /// Who published it.
    pub publisher: String,
    /// Which of its versions.
    pub version: i32,
}

/// A recorded session that a publisher shows, whole at its link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Showcase {
    /// What its link ends in: `/shared/{token}`.
    pub token: String,
    /// The version of the listing that ran.
    pub version: i32,
    /// What it should reach, shortened.
    pub goal: String,
    /// What it answered, shortened.
    pub answer: String,
    /// How many steps it took.
    pub steps: u32,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What it cost.
    pub cost: MicroUsd,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// That a listing is kept up no more. Who has a copy keeps it; no list shows the listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Deprecation {
    /// The slug of the listing that takes its place.
    pub successor: Option<String>,
    /// What that listing is called.
    pub successor_name: Option<String>,
}

impl Choosable for Listing {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "slug",
        "name",
        "tagline",
        "category",
        "avatar",
        "publisher",
        "installs",
        "rating_count",
        "rating_hundredths",
        "is_template",
        "publisher_handle",
        "is_verified",
        "median_cost",
        "price",
        "description",
        "tags",
        "state",
        "examples",
        "agent",
        "version",
        "created_at",
        "updated_at",
        "versions",
        "deprecation",
        "showcase",
        "picture",
        "screenshots",
        "forked_from",
    ];
}

/// A version of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingVersion {
    /// Counts from 1.
    pub version: i32,
    /// What its publisher says is new; empty for nothing.
    pub change_log: String,
    /// When it was published.
    pub created_at: Timestamp,
}

/// How a listing stands in the marketplace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ListingState {
    /// Anyone finds and installs it.
    #[default]
    Published,
    /// Anyone who knows its address reads it; nobody installs it.
    Paused,
    /// Its publisher took it off.
    Unlisted,
    /// Moderators removed it.
    Removed,
}

impl ListingState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Published, Self::Paused, Self::Unlisted, Self::Removed];

    /// The state as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Paused => "paused",
            Self::Unlisted => "unlisted",
            Self::Removed => "removed",
        }
    }

    /// The state as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Published => "Published",
            Self::Paused => "Paused",
            Self::Unlisted => "Taken off",
            Self::Removed => "Removed",
        }
    }

    /// Reads a state from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A listing in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingSummary {
    /// Its identity.
    pub id: ListingId,
    /// Its place in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// One sentence on what it does.
    pub tagline: String,
    /// What it is for.
    pub category: Category,
    /// How its agent is drawn.
    pub avatar: Avatar,
    /// The picture that its publisher gave it; absent where the drawing stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// Who published it.
    pub publisher: String,
    /// How many members installed it, without its publisher.
    pub installs: i64,
    /// How many people rated it.
    pub rating_count: i64,
    /// The mean of the ratings in hundredths of a star, 100 to 500; 0 without ratings.
    pub rating_hundredths: i32,
    /// Whether it is offered as a template for a first agent.
    pub is_template: bool,
    /// Its publisher's place in URLs, once they have one.
    #[serde(default)]
    pub publisher_handle: Option<String>,
    /// Whether moderators vouch for its publisher.
    #[serde(default)]
    pub is_verified: bool,
    /// What half of the measured sessions of its present version cost at most.
    #[serde(default)]
    pub median_cost: Option<MicroUsd>,
    /// What its publisher asks for it, beside what a session's model costs.
    #[serde(default)]
    pub price: Price,
    /// What the search text found in its name and tagline; absent without a search text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Highlights>,
}

impl Choosable for ListingSummary {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "slug",
        "name",
        "tagline",
        "category",
        "avatar",
        "picture",
        "publisher",
        "installs",
        "rating_count",
        "rating_hundredths",
        "is_template",
        "publisher_handle",
        "is_verified",
        "median_cost",
        "price",
        "highlights",
    ];
}

/// A goal to try a listing with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The goal.
    pub goal: String,
    /// Material for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}
