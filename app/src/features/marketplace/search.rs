//! What a visitor of the marketplace is looking for. It lives in the address of the page and nowhere
//! else, so that links, back and forward, and a browser without scripts all mean the same.

use resonant_domain::listing::{
    Category, CostLimit, ListingFilter, ListingSort, PriceFilter, STARS_ASKED_MAX, TRAITS_MAX,
};
use resonant_domain::page::PageRequest;
use resonant_domain::publication::TAG_MAX;

use crate::paths;

/// How many listings a page shows.
const PAGE_SIZE: u32 = 24;

/// The query of the marketplace's address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Search {
    /// Words to look for.
    pub text: String,
    /// Of this category alone.
    pub category: Option<Category>,
    /// With each of these tags.
    pub tags: Vec<String>,
    /// With each of these tools.
    pub tools: Vec<String>,
    /// Rated so many stars or more.
    pub rating: Option<u8>,
    /// Whose sessions cost so much at most.
    pub cost: Option<CostLimit>,
    /// Of those alone whose publishers ask for money, or do not.
    pub price: Option<PriceFilter>,
    /// Of publishers alone whom moderators vouch for.
    pub is_verified: bool,
    /// In which order.
    pub sort: ListingSort,
    /// Which page.
    pub cursor: Option<String>,
}

impl Search {
    /// Reads the query. What it does not know counts as absent.
    pub fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let known = |name| value(name).filter(|value| !value.is_empty());
        let names = |name| {
            let mut names: Vec<String> = Vec::new();
            for name in known(name).unwrap_or_default().split(',').map(str::trim) {
                let is_known = name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c))
                    && (1..=TAG_MAX).contains(&name.chars().count());
                if is_known && names.len() < TRAITS_MAX {
                    names.push(name.to_lowercase());
                }
            }
            names.sort_unstable();
            names.dedup();
            names
        };
        let stars = |text: String| text.parse().ok();
        Self {
            text: known("q").map(|text| text.trim().to_owned()).unwrap_or_default(),
            category: known("category").as_deref().and_then(Category::parse),
            tags: names("tags"),
            tools: names("tools"),
            rating: known("rating")
                .and_then(stars)
                .filter(|stars| (1..=STARS_ASKED_MAX).contains(stars)),
            cost: known("cost").as_deref().and_then(CostLimit::parse),
            price: known("price").as_deref().and_then(PriceFilter::parse),
            is_verified: known("verified").is_some(),
            sort: known("sort").as_deref().and_then(ListingSort::parse).unwrap_or_default(),
            cursor: known("cursor"),
        }
    }

    /// What stands in the address, name by name, and in the hidden fields of a form without scripts.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        let sort = Some(self.sort).filter(|sort| *sort != ListingSort::default());
        [
            ("q", filled(self.text.clone())),
            ("category", self.category.map(|category| category.as_str().to_owned())),
            ("tags", filled(self.tags.join(","))),
            ("tools", filled(self.tools.join(","))),
            ("rating", self.rating.map(|stars| stars.to_string())),
            ("cost", self.cost.map(|cost| cost.as_str().to_owned())),
            ("price", self.price.map(|price| price.as_str().to_owned())),
            ("verified", self.is_verified.then(|| "yes".to_owned())),
            ("sort", sort.map(|sort| sort.as_str().to_owned())),
            ("cursor", self.cursor.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// The address of this search.
    pub fn href(&self) -> String {
        let pairs = self.pairs();
        let query: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", paths::escape(value))).collect();
        if query.is_empty() {
            paths::MARKETPLACE.to_owned()
        } else {
            format!("{}?{}", paths::MARKETPLACE, query.join("&"))
        }
    }

    /// The same as the use case understands it.
    pub fn filter(&self) -> ListingFilter {
        ListingFilter {
            query: self.text.clone(),
            category: self.category,
            templates_only: false,
            tags: self.tags.clone(),
            tools: self.tools.clone(),
            min_rating: self.rating,
            max_cost: self.cost,
            price: self.price,
            verified_only: self.is_verified,
            sort: self.sort,
            page: PageRequest { cursor: self.cursor.clone(), limit: Some(PAGE_SIZE) },
        }
    }

    /// Whether it is the first page of everything.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The first page for other words.
    pub fn with_text(&self, text: &str) -> Self {
        Self { text: text.trim().to_owned(), cursor: None, ..self.clone() }
    }

    /// The first page of another category.
    pub fn with_category(&self, category: Option<Category>) -> Self {
        Self { category, cursor: None, ..self.clone() }
    }

    /// The first page with a change of what narrows it.
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = Self { cursor: None, ..self.clone() };
        change(&mut next);
        next
    }

    /// The first page without what narrows it but words and category.
    pub fn widened(&self) -> Self {
        Self {
            text: self.text.clone(),
            category: self.category,
            sort: self.sort,
            ..Self::default()
        }
    }

    /// How many filters narrow it beside words and category.
    pub fn narrowed(&self) -> usize {
        self.tags.len()
            + self.tools.len()
            + usize::from(self.rating.is_some())
            + usize::from(self.cost.is_some())
            + usize::from(self.price.is_some())
            + usize::from(self.is_verified)
    }

    /// The first page in another order.
    pub fn with_sort(&self, sort: ListingSort) -> Self {
        Self { sort, cursor: None, ..self.clone() }
    }

    /// Another page of the same search; `None` for the first.
    pub fn at(&self, cursor: Option<String>) -> Self {
        Self { cursor, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Search {
        Search::read(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_empty_form_is_the_plain_marketplace() {
        let search = read(&[("q", " "), ("sort", "relevance"), ("category", "")]);
        assert!(search.is_plain());
        assert_eq!(search.href(), "/marketplace");
    }

    #[test]
    fn a_search_survives_its_address() {
        let search = Search {
            text: "a&b c".to_owned(),
            category: Some(Category::Sales),
            tags: vec!["csv".to_owned(), "é".to_owned()],
            rating: Some(4),
            cost: Some(CostLimit::Cent),
            price: Some(PriceFilter::Free),
            is_verified: true,
            sort: ListingSort::Name,
            cursor: Some("x=1".to_owned()),
            ..Search::default()
        };
        assert_eq!(
            search.href(),
            "/marketplace?q=a%26b%20c&category=sales&tags=csv%2C%C3%A9&rating=4&cost=cent\
             &price=free&verified=yes&sort=name&cursor=x%3D1"
        );
        let pairs: Vec<_> = search.pairs();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(read(&pairs), search);
        assert_eq!((search.narrowed(), search.widened().narrowed()), (6, 0));
    }

    #[test]
    fn another_question_starts_at_the_first_page() {
        let search = read(&[("q", "mail"), ("cursor", "x")]);
        assert_eq!(search.with_text("post").cursor, None);
        assert_eq!(search.with_category(Some(Category::Sales)).cursor, None);
        assert_eq!(search.with_sort(ListingSort::Newest).cursor, None);
        assert_eq!(search.at(Some("y".to_owned())).text, "mail");
    }

    #[test]
    fn nonsense_counts_as_absent() {
        assert!(read(&[("category", "pirates"), ("sort", "sideways")]).is_plain());
        assert!(read(&[("rating", "9"), ("cost", "gold"), ("tags", " , ,a b")]).is_plain());
        assert_eq!(read(&[("tags", "b,A,b")]).tags, ["a", "b"]);
    }
}
