//! What the marketplace shows beside its listings: publishers and collections.
//!
//! Keys: a handle, a slug, `all`. Values: the publisher, the collection, the featured collections, each
//! with listings. Lifetime: 60 s, and 60 s more while it is read anew; forgotten with any write in the
//! marketplace. Empty: two statements in PostgreSQL, for the featured ones one.

use std::time::Duration;

use resonant_domain::collection::Collection;
use resonant_domain::publisher::Publisher;

use super::listing_page::MARKETPLACE;
use super::{Entry, Kind};
use crate::collections::{self, Featured};
use crate::{Backend, Result, publishers};

pub(crate) struct PublisherEntry;

impl Entry for PublisherEntry {
    type Key = String;
    type Value = Publisher;
    const KIND: Kind = Kind::Publisher;
    const SCHEMA: u16 = 4;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::from_secs(10);

    async fn load(backend: &Backend, handle: &String) -> Result<Option<Publisher>> {
        publishers::read(backend, handle).await
    }

    fn group(_: &String) -> Option<String> {
        Some(MARKETPLACE.to_owned())
    }
}

pub(crate) struct CollectionEntry;

impl Entry for CollectionEntry {
    type Key = String;
    type Value = Collection;
    const KIND: Kind = Kind::Collection;
    const SCHEMA: u16 = 3;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::from_secs(10);

    async fn load(backend: &Backend, slug: &String) -> Result<Option<Collection>> {
        collections::read(backend, slug).await
    }

    fn group(_: &String) -> Option<String> {
        Some(MARKETPLACE.to_owned())
    }
}

/// The shelves at the front of the marketplace.
pub(crate) struct FeaturedEntry;

impl Entry for FeaturedEntry {
    type Key = &'static str;
    type Value = Featured;
    const KIND: Kind = Kind::Featured;
    const SCHEMA: u16 = 5;
    const LIFETIME: Duration = Duration::from_mins(1);
    const STALE: Duration = Duration::from_mins(1);
    const ABSENT: Duration = Duration::ZERO;

    async fn load(backend: &Backend, _: &&'static str) -> Result<Option<Featured>> {
        collections::read_featured(backend).await.map(Some)
    }

    fn group(_: &&'static str) -> Option<String> {
        Some(MARKETPLACE.to_owned())
    }
}
