//! What was measured about a listing's present version.
//!
//! Key: a slug. Value: the facts. Lifetime: 60 s, and 60 s more while they are measured anew; forgotten
//! with any publication, since they are those of one version. Empty: one statement in PostgreSQL, and one
//! for each shard.

use std::time::Duration;

use resonant_domain::review::ListingFacts;

use super::listing_page::MARKETPLACE;
use super::{Entry, Kind};
use crate::{Backend, Result, reviews};

pub(crate) struct ListingFactsEntry;

impl Entry for ListingFactsEntry {
    type Key = String;
    type Value = ListingFacts;
    const KIND: Kind = Kind::ListingFacts;
    const SCHEMA: u16 = 1;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::from_secs(10);

    async fn load(backend: &Backend, slug: &String) -> Result<Option<ListingFacts>> {
        reviews::measure(backend, slug).await
    }

    fn group(_: &String) -> Option<String> {
        Some(MARKETPLACE.to_owned())
    }
}
