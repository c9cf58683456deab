//! What a visitor of the marketplace is looking for. It lives in the address of the page and nowhere
//! else, so that links, back and forward, and a browser without scripts all mean the same.

use resonant_domain::listing::{Category, ListingFilter, ListingSort};
use resonant_domain::page::PageRequest;

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
    /// In which order.
    pub sort: ListingSort,
    /// Which page.
    pub cursor: Option<String>,
}

impl Search {
    /// Reads the query. What it does not know counts as absent.
    pub fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let known = |name| value(name).filter(|value| !value.is_empty());
        Self {
            text: known("q").map(|text| text.trim().to_owned()).unwrap_or_default(),
            category: known("category").as_deref().and_then(Category::parse),
            sort: known("sort").as_deref().and_then(ListingSort::parse).unwrap_or_default(),
            cursor: known("cursor"),
        }
    }

    /// The address of this search.
    pub fn href(&self) -> String {
        let pairs = [
            ("q", Some(self.text.as_str()).filter(|text| !text.is_empty())),
            ("category", self.category.map(Category::as_str)),
            (
                "sort",
                Some(self.sort)
                    .filter(|sort| *sort != ListingSort::default())
                    .map(ListingSort::as_str),
            ),
            ("cursor", self.cursor.as_deref()),
        ];
        let query: Vec<String> = pairs
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", paths::escape(value?))))
            .collect();
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
            sort: ListingSort::Name,
            cursor: Some("x=1".to_owned()),
        };
        assert_eq!(search.href(), "/marketplace?q=a%26b%20c&category=sales&sort=name&cursor=x%3D1");
        let pairs = [("q", "a&b c"), ("category", "sales"), ("sort", "name"), ("cursor", "x=1")];
        assert_eq!(read(&pairs), search);
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
    }
}
