//! Listings as anyone sees them.
//!
//! Key: a slug. Value: the listing. Lifetime: 60 s, and 60 s more while it is read anew; forgotten when
//! it is installed, published or reviewed, and when its cost or its publisher changes. Empty: one
//! look-up in PostgreSQL. A slug without a listing is remembered for 10 s.

use std::time::Duration;

use resonant_domain::listing::Listing;

use super::listing_page::MARKETPLACE;
use super::{Entry, Kind};
use crate::{Backend, Result, store};

pub(crate) struct ListingEntry;

impl Entry for ListingEntry {
    type Key = String;
    type Value = Listing;
    const KIND: Kind = Kind::Listing;
    const SCHEMA: u16 = 7;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::from_secs(10);

    async fn load(backend: &Backend, slug: &String) -> Result<Option<Listing>> {
        let mut conn = backend.catalogue_read_latest().await?;
        let found = store::listings::find_by_slug(&mut conn, slug).await?;
        Ok(found.map(without_what_is_sold))
    }
}

/// What is for sale is not given away: the prompt of a listing that costs something is read by those who
/// bought it.
fn without_what_is_sold(mut listing: Listing) -> Listing {
    if !listing.summary.price.is_free() {
        listing.agent.system_prompt.clear();
    }
    listing
}

/// The templates for a first agent, all of them; forgotten with any write in the marketplace.
pub(crate) struct TemplatesEntry;

impl Entry for TemplatesEntry {
    type Key = &'static str;
    type Value = Vec<Listing>;
    const KIND: Kind = Kind::Templates;
    const SCHEMA: u16 = 7;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::ZERO;

    async fn load(backend: &Backend, _: &&'static str) -> Result<Option<Vec<Listing>>> {
        let mut conn = backend.catalogue_read_latest().await?;
        Ok(Some(store::listings::list_templates(&mut conn).await?))
    }

    fn group(_: &&'static str) -> Option<String> {
        Some(MARKETPLACE.to_owned())
    }
}
