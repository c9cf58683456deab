//! Pages of the marketplace, and the edition that they belong to.
//!
//! Key: the edition and SHA-256 of the filter in hex. Value: the page. Lifetime: 60 s. Empty: two
//! statements in PostgreSQL. An install or a publication begins a new edition, so that every page is
//! read anew; pages of the old edition run out by themselves.

use std::time::Duration;

use resonant_domain::listing::ListingPage;

use super::Entry;

pub(crate) struct ListingPageEntry;

impl Entry for ListingPageEntry {
    type Key = str;
    type Value = ListingPage;
    const NAME: &'static str = "listing_page:1";
    const LIFETIME: Duration = Duration::from_mins(1);
}

/// The present edition of the marketplace: any text that was never used before.
pub(crate) struct EditionEntry;

impl Entry for EditionEntry {
    type Key = str;
    type Value = String;
    const NAME: &'static str = "listing_edition:1";
    // Longer than any page lives. When it runs out, a new edition begins.
    const LIFETIME: Duration = Duration::from_mins(10);
}
