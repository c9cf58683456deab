//! Collections: shelves of the marketplace that moderators put together.

use resonant_domain::CollectionId;
use resonant_domain::collection::{Collection, FEATURED_MAX, NewCollection};
use resonant_domain::publication::slug_of;

use crate::cache::Stale;
use crate::cache::listing_page::MARKETPLACE;
use crate::cache::shelves::{CollectionEntry, FeaturedEntry};
use crate::{Backend, Ctx, Error, Result, access, listings, store};

const NOT_FOUND: Error = Error::NotFound("collection");
/// So many collections are listed.
const LISTED: i64 = 200;

/// Reads a collection with its listings. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn get(ctx: &Ctx, slug: &str) -> Result<Collection> {
    if !listings::is_slug(slug) {
        return Err(NOT_FOUND);
    }
    let backend = ctx.backend();
    let found = backend.cache().get::<CollectionEntry>(backend, &slug.to_owned()).await?;
    found.map(|found| found.value().clone()).ok_or(NOT_FOUND)
}

/// The shelves at the front of the marketplace, the newest first. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn featured(ctx: &Ctx) -> Result<Vec<Collection>> {
    let backend = ctx.backend();
    let found = backend.cache().get::<FeaturedEntry>(backend, &"all").await?;
    Ok(found.map(|found| found.value().clone()).unwrap_or_default())
}

/// Reads a collection where it is written.
pub(crate) async fn read(backend: &Backend, slug: &str) -> Result<Option<Collection>> {
    let mut conn = backend.catalogue_read_latest().await?;
    let Some(collection) = store::collections::find(&mut conn, slug).await? else {
        return Ok(None);
    };
    let listings = store::listings::list_of_collection(&mut conn, collection.id).await?;
    Ok(Some(Collection { listings, ..collection }))
}

/// Reads the featured collections where they are written. One without listings is no shelf.
pub(crate) async fn read_featured(backend: &Backend) -> Result<Vec<Collection>> {
    let mut conn = backend.catalogue_read_latest().await?;
    let mut shelves = Vec::new();
    for collection in store::collections::list(&mut conn, true, FEATURED_MAX).await? {
        let listings = store::listings::list_of_collection(&mut conn, collection.id).await?;
        if !listings.is_empty() {
            shelves.push(Collection { listings, ..collection });
        }
    }
    Ok(shelves)
}

/// Every collection, without listings, the newest first. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(ctx: &Ctx) -> Result<Vec<Collection>> {
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    Ok(store::collections::list(&mut conn, false, LISTED).await?)
}

/// The same for moderators, who change them.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for anyone but an admin.
pub async fn curated(ctx: &Ctx) -> Result<Vec<Collection>> {
    access::moderator(ctx).await?;
    list(ctx).await
}

/// Makes a collection; answers its slug.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for anyone but an admin; [`Error::Invalid`], also
/// for a title whose slug is taken and for listings that are not there.
pub async fn create(ctx: &Ctx, new: NewCollection) -> Result<String> {
    access::moderator(ctx).await?;
    new.check()?;
    let (id, slug) = (CollectionId::from_uuid(ctx.backend().new_id()?), slug_of(&new.title));
    keep(ctx, id, &slug, &new).await?;
    tracing::info!(collection.id = %id, collection.slug = slug, "collection made");
    Ok(slug)
}

/// Changes a collection; its slug stays.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the collection, and for anyone but an admin;
/// [`Error::Invalid`].
pub async fn update(ctx: &Ctx, slug: &str, new: NewCollection) -> Result<()> {
    access::moderator(ctx).await?;
    new.check()?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::collections::find(&mut conn, slug).await?.ok_or(NOT_FOUND)?;
    drop(conn);
    keep(ctx, found.id, slug, &new).await?;
    tracing::info!(collection.id = %found.id, collection.slug = slug, "collection changed");
    Ok(())
}

async fn keep(ctx: &Ctx, id: CollectionId, slug: &str, new: &NewCollection) -> Result<()> {
    let backend = ctx.backend();
    let new = NewCollection {
        title: new.title.trim().to_owned(),
        description: new.description.trim().to_owned(),
        ..new.clone()
    };
    let mut tx = backend.catalogue_begin().await?;
    if !store::collections::upsert(&mut tx, (id, slug), &new, backend.now()).await? {
        return Err(Error::field("title", "is in use already"));
    }
    let placed = store::collections::update_listings(&mut tx, id, &new.listings).await?;
    if let Some(unknown) = new.listings.iter().find(|slug| !placed.contains(slug)) {
        return Err(Error::field("listings", format!("must be listings: “{unknown}” is none")));
    }
    backend.commit(tx, stale(slug)).await
}

/// Deletes a collection. Its listings stay.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the collection, and for anyone but an admin.
pub async fn delete(ctx: &Ctx, slug: &str) -> Result<()> {
    access::moderator(ctx).await?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    if !store::collections::delete(&mut tx, slug).await? {
        return Err(NOT_FOUND);
    }
    ctx.backend().commit(tx, stale(slug)).await?;
    tracing::info!(collection.slug = slug, "collection deleted");
    Ok(())
}

fn stale(slug: &str) -> Stale {
    Stale::one::<CollectionEntry>(&slug.to_owned()).and_group(MARKETPLACE)
}

#[cfg(test)]
mod tests;
