//! The marketplace: listings and how people look for them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::{AgentSpec, Avatar};
use crate::fault::FieldFault;
use crate::fields::Choosable;
use crate::ids::ListingId;
use crate::page::PageRequest;
use crate::text::check_text;

/// The longest search text, in characters.
pub const QUERY_MAX: usize = 200;

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
        "description",
        "tags",
        "state",
        "examples",
        "agent",
        "version",
        "created_at",
        "updated_at",
        "versions",
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
    /// Its picture.
    pub avatar: Avatar,
    /// Who published it.
    pub publisher: String,
    /// How many people installed it.
    pub installs: i64,
    /// How many people rated it.
    pub rating_count: i64,
    /// The mean of the ratings in hundredths of a star, 100 to 500; 0 without ratings.
    pub rating_hundredths: i32,
    /// Whether it is offered as a template for a first agent.
    pub is_template: bool,
}

impl Choosable for ListingSummary {
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

/// In which order listings come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ListingSort {
    /// Best match first; without a search text, most installed first.
    #[default]
    Relevance,
    /// Most installed first.
    Installs,
    /// Best rated first.
    Rating,
    /// Newest first.
    Newest,
    /// By name.
    Name,
}

impl ListingSort {
    /// Every order, as people see them.
    pub const ALL: [Self; 5] =
        [Self::Relevance, Self::Installs, Self::Rating, Self::Newest, Self::Name];

    /// The order as it stands in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Installs => "installs",
            Self::Rating => "rating",
            Self::Newest => "newest",
            Self::Name => "name",
        }
    }

    /// The order as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Relevance => "Best match",
            Self::Installs => "Most installed",
            Self::Rating => "Best rated",
            Self::Newest => "Newest",
            Self::Name => "Name",
        }
    }

    /// Reads an order from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text)
    }
}

/// Which listings are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingFilter {
    /// Words to look for; empty for all.
    #[serde(default)]
    pub query: String,
    /// Of this category alone.
    #[serde(default)]
    pub category: Option<Category>,
    /// Of those that are templates alone.
    #[serde(default)]
    pub templates_only: bool,
    /// In which order.
    #[serde(default)]
    pub sort: ListingSort,
    /// Which page.
    #[serde(default)]
    pub page: PageRequest,
}

impl ListingFilter {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "query", &self.query, 0, QUERY_MAX);
        if let Err(fault) = self.page.checked_limit() {
            faults.push(fault);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// How many listings each category holds under the present search text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CategoryCount {
    /// The category.
    pub category: Category,
    /// How many.
    pub count: i64,
}

/// A page of listings with what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListingPage {
    /// The listings of this page.
    pub listings: Vec<ListingSummary>,
    /// The way to the next page.
    pub next_cursor: Option<String>,
    /// How many listings match in all, whatever their category.
    pub total: i64,
    /// Every category with matches, in [`Category::ALL`]'s order.
    pub categories: Vec<CategoryCount>,
}
