//! What was measured about a version of a listing.
//!
//! Key: a slug, and a version's number for another one than the present. Value: the facts. Lifetime: 60 s,
//! and 60 s more while they are measured anew; forgotten with any publication, since the present version
//! may be another one then. Empty: one statement in PostgreSQL, another one for versions that were asked for
//! by their numbers, one for each version and shard, and one that tells who are members.

use std::fmt;
use std::time::Duration;

use resonant_domain::review::ListingFacts;

use super::listing_page::MARKETPLACE;
use super::{Entry, Kind, Many};
use crate::{Backend, Result, reviews};

pub(crate) struct ListingFactsEntry;

/// Of which listing, and of which version; of the present one where absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FactsKey {
    pub(crate) slug: String,
    pub(crate) version: Option<i32>,
}

impl fmt::Display for FactsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.slug)?;
        self.version.map_or(Ok(()), |version| write!(f, "/{version}"))
    }
}

impl Entry for ListingFactsEntry {
    type Key = FactsKey;
    type Value = ListingFacts;
    const KIND: Kind = Kind::ListingFacts;
    const SCHEMA: u16 = 1;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::from_secs(10);

    async fn load(backend: &Backend, key: &FactsKey) -> Result<Option<ListingFacts>> {
        let found = reviews::measure(backend, &key.slug, &[key.version]).await?;
        Ok(found.into_iter().next().flatten())
    }

    fn group(_: &FactsKey) -> Option<String> {
        Some(MARKETPLACE.to_owned())
    }
}

impl Many for ListingFactsEntry {
    /// Those of one listing together: nobody asks for those of several.
    async fn load_many(backend: &Backend, keys: &[FactsKey]) -> Result<Vec<Option<ListingFacts>>> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunk_by(|one, next| one.slug == next.slug) {
            let versions: Vec<_> = keys.iter().map(|key| key.version).collect();
            found.extend(reviews::measure(backend, &keys[0].slug, &versions).await?);
        }
        Ok(found)
    }
}
