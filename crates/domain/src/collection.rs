//! Shelves of the marketplace that moderators put together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::ids::CollectionId;
use crate::listing::ListingSummary;
use crate::text::{check_name, check_text};

/// The longest title, in characters.
pub const TITLE_MAX: usize = 80;
/// The longest description, in characters.
pub const DESCRIPTION_MAX: usize = 600;
/// The most listings of a collection.
pub const LISTINGS_MAX: usize = 60;
/// The most collections that the front of the marketplace shows.
pub const FEATURED_MAX: u32 = 6;

/// A collection with what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Collection {
    /// Its identity.
    pub id: CollectionId,
    /// Its place in URLs.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// What its listings have in common, in a sentence or two.
    pub description: String,
    /// Whether it is a shelf at the front of the marketplace.
    pub is_featured: bool,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Those of its listings that anyone may install, in its order.
    pub listings: Vec<ListingSummary>,
}

/// What a moderator writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCollection {
    /// 1 to [`TITLE_MAX`] characters, one line.
    pub title: String,
    /// At most [`DESCRIPTION_MAX`] characters.
    pub description: String,
    /// Whether it is a shelf at the front of the marketplace.
    pub is_featured: bool,
    /// The slugs of its listings, at most [`LISTINGS_MAX`], in order.
    pub listings: Vec<String>,
}

impl NewCollection {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_name(&mut faults, "title", &self.title, 1, TITLE_MAX);
        check_text(&mut faults, "description", &self.description, 0, DESCRIPTION_MAX);
        if self.listings.len() > LISTINGS_MAX {
            faults.push(FieldFault::new("listings", format!("must be at most {LISTINGS_MAX}")));
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// The listings that a form names: slugs or addresses of listings, a line each or with blanks in
/// between, each once.
#[must_use]
pub fn read_slugs(text: &str) -> Vec<String> {
    let mut slugs: Vec<String> = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',') {
        let path = word.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let slug = path.rsplit('/').next().unwrap_or_default().to_lowercase();
        if !slug.is_empty() && !slugs.contains(&slug) {
            slugs.push(slug);
        }
    }
    slugs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_read_from_lines_and_addresses() {
        let text = "one\r\n two,https://example.org/marketplace/three?x=1\none /marketplace/four/";
        assert_eq!(read_slugs(text), ["one", "two", "three", "four"]);
        assert!(read_slugs(" , ").is_empty());
    }

    #[test]
    fn a_collection_has_bounds() {
        let new = |title: &str, count: usize| NewCollection {
            title: title.to_owned(),
            listings: vec![String::new(); count],
            ..NewCollection::default()
        };
        assert!(new("Shelf", 60).check().is_ok());
        assert_eq!(new(" ", 61).check().unwrap_err().len(), 2);
    }
}
