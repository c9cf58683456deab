//! A listing as anyone sees it.
//!
//! Key: its slug. Value: the listing. Lifetime: 60 s; forgotten when it is installed or published.
//! Empty: one look-up in PostgreSQL. A slug without a listing is not kept.

use std::time::Duration;

use resonant_domain::listing::Listing;

use super::Entry;

pub(crate) struct ListingEntry;

impl Entry for ListingEntry {
    type Key = str;
    type Value = Listing;
    const NAME: &'static str = "listing:1";
    const LIFETIME: Duration = Duration::from_mins(1);
}
