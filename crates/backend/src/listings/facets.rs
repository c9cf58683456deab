//! What filters ask for, and how many listings each further one would leave.

use resonant_domain::listing::{
    CostLimit, Facet, Facets, ListingFilter, PriceFilter, STARS_ASKED_MAX,
};
use sqlx::PgConnection;

use crate::store::listings::{TraitCount, Words};
use crate::{Result, store};

/// So many matches are counted at most: a page costs the same however many there are.
const COUNTED: i64 = 10_000;
/// So many tags and so many tools are told, beside those that were asked for.
const TOLD: i64 = 24;

/// The traits that a filter asks for.
pub(super) struct Wanted {
    /// All of them are wanted together.
    together: Vec<String>,
    /// One of each kind; what else there is of its kind is counted as if none was asked for.
    single: Vec<String>,
}

impl Wanted {
    /// Every trait.
    pub(super) fn all(&self) -> Vec<String> {
        self.together.iter().chain(&self.single).cloned().collect()
    }
}

/// What a normalised filter asks for.
pub(super) fn wanted(filter: &ListingFilter) -> Wanted {
    let tags = filter.tags.iter().map(|tag| format!("tag:{tag}"));
    let tools = filter.tools.iter().map(|tool| format!("tool:{tool}"));
    let templates = filter.templates_only.then(|| "template:yes".to_owned());
    let category = filter.category.map(|category| format!("category:{}", category.as_str()));
    let rating = filter.min_rating.map(|stars| format!("rating:{stars}"));
    let cost = filter.max_cost.map(|cost| format!("cost:{}", cost.as_str()));
    let price = filter.price.map(|price| format!("price:{}", price.as_str()));
    let verified = filter.verified_only.then(|| "verified:yes".to_owned());
    Wanted {
        together: tags.chain(tools).chain(templates).collect(),
        single: [category, rating, cost, price, verified].into_iter().flatten().collect(),
    }
}

/// How many of the matches have each trait.
pub(super) struct Counts(Vec<TraitCount>);

/// Counts what matches.
pub(super) async fn count(
    conn: &mut PgConnection,
    words: Option<&Words>,
    wanted: &Wanted,
) -> Result<Counts> {
    let Wanted { together, single } = wanted;
    let most = (COUNTED + 1, TOLD);
    Ok(Counts(store::listings::count_traits(conn, words, together, single, most).await?))
}

impl Counts {
    /// How many have one trait.
    pub(super) fn of(&self, kind: &str, value: &str) -> i64 {
        let is_it = |name: &str| name.split_once(':') == Some((kind, value));
        self.0.iter().find(|held| is_it(&held.name)).map_or(0, |held| held.count)
    }

    /// What a page tells of them.
    pub(super) fn facets(&self, filter: &ListingFilter) -> Facets {
        let held = |kind: &str, value: String| {
            let count = self.of(kind, &value);
            Facet { value, count }
        };
        let named = |kind: &str, asked: &[String]| {
            let mut told: Vec<_> = self
                .0
                .iter()
                .filter_map(|held| {
                    let value = held.name.strip_prefix(kind)?.strip_prefix(':')?.to_owned();
                    Some(Facet { value, count: held.count })
                })
                .collect();
            told.sort_by(|one, other| {
                other.count.cmp(&one.count).then_with(|| one.value.cmp(&other.value))
            });
            // What was asked for can be taken back, even where nothing matches.
            for value in asked {
                if told.iter().all(|facet| facet.value != *value) {
                    told.push(Facet { value: value.clone(), count: 0 });
                }
            }
            told
        };
        Facets {
            is_partial: self.0.first().is_some_and(|held| held.looked_at > COUNTED),
            tags: named("tag", &filter.tags),
            tools: named("tool", &filter.tools),
            ratings: (1..=STARS_ASKED_MAX)
                .rev()
                .map(|stars| held("rating", stars.to_string()))
                .collect(),
            costs: CostLimit::ALL.map(|cost| held("cost", cost.as_str().to_owned())).to_vec(),
            prices: PriceFilter::ALL.map(|price| held("price", price.as_str().to_owned())).to_vec(),
            verified: self.of("verified", "yes"),
        }
    }
}
