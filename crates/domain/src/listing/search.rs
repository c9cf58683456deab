//! How people look for listings: filters, order, and what stands beside the answer.

use serde::{Deserialize, Serialize};

use super::{Category, ListingSummary};
use crate::fault::FieldFault;
use crate::page::PageRequest;
use crate::publication::TAG_MAX;
use crate::text::check_text;

/// The longest search text, in characters.
pub const QUERY_MAX: usize = 200;
/// The most tags and the most tools that are asked for at the same time.
pub const TRAITS_MAX: usize = 8;
/// The most stars that can be asked for as the least.
pub const STARS_ASKED_MAX: u8 = 4;

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
    /// Best rated first: few ratings say less than many.
    Rating,
    /// Newest first.
    Newest,
    /// Most installed of late first.
    Trending,
    /// By name.
    Name,
}

impl ListingSort {
    /// Every order, as people see them.
    pub const ALL: [Self; 6] =
        [Self::Relevance, Self::Trending, Self::Installs, Self::Rating, Self::Newest, Self::Name];

    /// The order as it stands in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Installs => "installs",
            Self::Rating => "rating",
            Self::Newest => "newest",
            Self::Trending => "trending",
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
            Self::Trending => "Trending",
            Self::Name => "Name",
        }
    }

    /// Reads an order from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text)
    }
}

/// What a session's model costs at most, at the median of what was measured. What a publisher asks for a
/// listing is its price, which [`PriceFilter`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CostLimit {
    /// Nothing.
    Free,
    /// One US cent.
    Cent,
    /// Ten US cents.
    Dime,
}

impl CostLimit {
    /// Every limit, the least first.
    pub const ALL: [Self; 3] = [Self::Free, Self::Cent, Self::Dime];

    /// The limit as it stands in JSON, URLs and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Cent => "cent",
            Self::Dime => "dime",
        }
    }

    /// The limit as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Free => "Costs nothing",
            Self::Cent => "Up to 1 cent",
            Self::Dime => "Up to 10 cents",
        }
    }

    /// Reads a limit from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.as_str() == text)
    }
}

/// Whether publishers ask for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PriceFilter {
    /// They do not.
    Free,
    /// They do.
    Paid,
}

impl PriceFilter {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Free, Self::Paid];

    /// The filter as it stands in JSON, URLs and the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paid => "paid",
        }
    }

    /// The filter as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Paid => "For money",
        }
    }

    /// Reads a filter from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.as_str() == text)
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
    /// With each of these tags, at most [`TRAITS_MAX`].
    #[serde(default)]
    pub tags: Vec<String>,
    /// With each of these tools, at most [`TRAITS_MAX`]: built-in ones by name, `http`, `mcp`.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Rated so many stars or more, 1 to [`STARS_ASKED_MAX`].
    #[serde(default)]
    pub min_rating: Option<u8>,
    /// Whose sessions cost so much at most.
    #[serde(default)]
    pub max_cost: Option<CostLimit>,
    /// Of those alone whose publishers ask for money, or do not.
    #[serde(default)]
    pub price: Option<PriceFilter>,
    /// Of publishers alone whom moderators vouch for.
    #[serde(default)]
    pub verified_only: bool,
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
        for (field, names) in [("tags", &self.tags), ("tools", &self.tools)] {
            if names.len() > TRAITS_MAX {
                faults.push(FieldFault::new(field, format!("must be at most {TRAITS_MAX}")));
            } else if names.iter().any(|name| !is_trait(name)) {
                faults.push(FieldFault::new(field, "must be letters, digits, - and _"));
            }
        }
        if self.min_rating.is_some_and(|stars| !(1..=STARS_ASKED_MAX).contains(&stars)) {
            let reason = format!("must be 1 to {STARS_ASKED_MAX}");
            faults.push(FieldFault::new("min_rating", reason));
        }
        if let Err(fault) = self.page.checked_limit() {
            faults.push(fault);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

fn is_trait(name: &str) -> bool {
    (1..=TAG_MAX).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// How many listings each category holds under the present search text and filters.
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
    /// What narrows the search further, and by how much.
    #[serde(default)]
    pub facets: Facets,
    /// The search text with its misspelt words put right, when nothing is found by it as it was written:
    /// what was found by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<String>,
}

/// How many listings each filter would leave. Those of which one alone can be chosen count as if
/// none was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Facets {
    /// Whether more match than were counted: every count is the least that it can be.
    pub is_partial: bool,
    /// The most frequent tags, and those that were asked for.
    pub tags: Vec<Facet>,
    /// The most frequent tools, and those that were asked for.
    pub tools: Vec<Facet>,
    /// Rated so many stars or more: `4`, `3`, `2`, `1`.
    pub ratings: Vec<Facet>,
    /// Each [`CostLimit`].
    pub costs: Vec<Facet>,
    /// Each [`PriceFilter`].
    #[serde(default)]
    pub prices: Vec<Facet>,
    /// Of publishers whom moderators vouch for.
    pub verified: i64,
}

/// One value that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Facet {
    /// The value.
    pub value: String,
    /// How many listings have it.
    pub count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_has_bounds() {
        let names = |count: usize| (0..count).map(|number| format!("tag-{number}")).collect();
        let filters = [
            (ListingFilter { tags: names(8), ..ListingFilter::default() }, None),
            (ListingFilter { tags: names(9), ..ListingFilter::default() }, Some("tags")),
            (ListingFilter { tags: vec!["a b".into()], ..ListingFilter::default() }, Some("tags")),
            (
                ListingFilter { tools: vec![String::new()], ..ListingFilter::default() },
                Some("tools"),
            ),
            (ListingFilter { tools: vec!["http_fetch".into()], ..ListingFilter::default() }, None),
            (ListingFilter { min_rating: Some(0), ..ListingFilter::default() }, Some("min_rating")),
            (ListingFilter { min_rating: Some(5), ..ListingFilter::default() }, Some("min_rating")),
            (ListingFilter { min_rating: Some(4), ..ListingFilter::default() }, None),
        ];
        for (filter, field) in filters {
            let found = filter.check().err().map(|faults| faults[0].field.clone());
            assert_eq!(found.as_deref(), field, "{filter:?}");
        }
    }
}
