//! Pages of the marketplace with the counts beside them.
//!
//! Key: SHA-256 of the normalised filter. Value: the page. Lifetime: 60 s, and 60 s more while it is
//! read anew; all pages are forgotten together with any install or publication. Empty: two statements
//! in PostgreSQL, and those that put a misspelt search right.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use resonant_domain::listing::{ListingFilter, ListingPage};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Entry, Kind, hex};
use crate::{Backend, Error, Result, listings};

/// The group of all that shows more than one listing.
pub(crate) const MARKETPLACE: &str = "marketplace";
/// The group of reviews, their answers, votes and authors. Nothing here is of it; a write of it raises the
/// public edition, by which whole pages are forgotten.
pub(crate) const REVIEWS: &str = "reviews";

pub(crate) struct ListingPageEntry;

/// A filter in its one form, and its digest.
#[derive(Clone, Debug)]
pub(crate) struct ListingPageKey {
    filter: Arc<ListingFilter>,
    digest: String,
}

impl ListingPageKey {
    /// The key of a filter that was normalised.
    pub(crate) fn new(filter: ListingFilter) -> Result<Self> {
        let text = serde_json::to_vec(&filter).map_err(Error::internal)?;
        Ok(Self { filter: Arc::new(filter), digest: hex(&Sha256::digest(text)) })
    }
}

impl fmt::Display for ListingPageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digest)
    }
}

impl Entry for ListingPageEntry {
    type Key = ListingPageKey;
    type Value = ListingPage;
    const KIND: Kind = Kind::ListingPage;
    const SCHEMA: u16 = 6;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::ZERO;

    async fn load(backend: &Backend, key: &ListingPageKey) -> Result<Option<ListingPage>> {
        listings::find(backend, &key.filter).await.map(Some)
    }

    /// As every page of the interface: with `has_more` beside the cursor.
    fn json(page: &ListingPage) -> serde_json::Result<Vec<u8>> {
        let mut whole = json!({
            "listings": page.listings,
            "has_more": page.next_cursor.is_some(),
            "next_cursor": page.next_cursor,
            "total": page.total,
            "categories": page.categories,
            "facets": page.facets,
        });
        if let Some(corrected) = &page.corrected {
            whole["corrected"] = json!(corrected);
        }
        serde_json::to_vec(&whole)
    }

    fn group(_: &ListingPageKey) -> Option<String> {
        Some(MARKETPLACE.to_owned())
    }
}
