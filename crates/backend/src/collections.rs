//! Collections: shelves of the marketplace that moderators put together.

use std::sync::Arc;

use resonant_domain::CollectionId;
use resonant_domain::collection::{Collection, FEATURED_MAX, NewCollection};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::publication::slug_of;
use serde::{Deserialize, Serialize};

use crate::cache::Stale;
use crate::cache::listing_page::MARKETPLACE;
use crate::cache::shelves::{CollectionEntry, FeaturedEntry};
use crate::{Backend, Ctx, Document, Error, Result, access, listings, store};

const NOT_FOUND: Error = Error::NotFound("collection");
/// What cursors of the shelves at the front belong to.
const FEATURED: &str = "featured";
/// What those of all shelves belong to.
const ALL: &str = "collections";
/// So many listings of a collection stand at the front of the marketplace.
const SHELF_LISTINGS: i64 = 6;

/// The shelves at the front of the marketplace, the newest first, each with its first listings. One
/// without listings is no shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Featured {
    /// The collections.
    pub collections: Vec<Collection>,
    /// Whether there is a next page.
    pub has_more: bool,
    /// Where it begins.
    pub next_cursor: Option<String>,
}

/// Reads a collection with its listings. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "collections.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, slug: &str) -> Result<Collection> {
    Ok(document(ctx, slug).await?.value().clone())
}

/// Reads a collection as callers of the interface get it. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "collections.document", level = "debug", parent = ctx.span(), skip_all)]
pub async fn document(ctx: &Ctx, slug: &str) -> Result<Arc<Document<Collection>>> {
    if !listings::is_slug(slug) {
        return Err(NOT_FOUND);
    }
    let backend = ctx.backend();
    let found = backend.cache().get::<CollectionEntry>(backend, &slug.to_owned()).await?;
    found.ok_or(NOT_FOUND)
}

/// The shelves at the front of the marketplace. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "collections.featured", level = "debug", parent = ctx.span(), skip_all)]
pub async fn featured(ctx: &Ctx) -> Result<Vec<Collection>> {
    Ok(featured_document(ctx).await?.value().collections.clone())
}

/// The same as callers of the interface get them. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "collections.featured_document", level = "debug", parent = ctx.span(), skip_all)]
pub async fn featured_document(ctx: &Ctx) -> Result<Arc<Document<Featured>>> {
    let backend = ctx.backend();
    backend.cache().get::<FeaturedEntry>(backend, &"all").await?.ok_or(NOT_FOUND)
}

/// A page of the shelves at the front of the marketplace. Anyone may.
///
/// # Errors
/// [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "collections.featured_page", level = "debug", parent = ctx.span(), skip_all)]
pub async fn featured_page(ctx: &Ctx, page: PageRequest) -> Result<Featured> {
    let limit = page.checked_limit()?;
    let cursors = ctx.backend().cursors().await?;
    let before = cursors.open(&FEATURED, page.cursor.as_deref())?;
    read_shelves(ctx.backend(), before, limit).await
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

/// Reads the featured collections where they are written.
pub(crate) async fn read_featured(backend: &Backend) -> Result<Featured> {
    read_shelves(backend, None, FEATURED_MAX).await
}

async fn read_shelves(
    backend: &Backend,
    before: Option<CollectionId>,
    limit: u32,
) -> Result<Featured> {
    let cursors = backend.cursors().await?;
    let mut conn = backend.catalogue_read_latest().await?;
    let wanted = i64::from(limit) + 1;
    let found = store::collections::list_shelves(&mut conn, before, wanted, SHELF_LISTINGS).await?;
    let page = cursors.page(&FEATURED, limit, found, |last| last.id)?;
    let has_more = page.has_more();
    Ok(Featured { collections: page.items, has_more, next_cursor: page.next_cursor })
}

/// Lists all collections, without listings, the newest first. Anyone may.
///
/// # Errors
/// [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "collections.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, page: PageRequest) -> Result<Page<Collection>> {
    let limit = page.checked_limit()?;
    let cursors = ctx.backend().cursors().await?;
    let before: Option<CollectionId> = cursors.open(&ALL, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::collections::list(&mut conn, before, i64::from(limit) + 1).await?;
    cursors.page(&ALL, limit, found, |last| last.id)
}

/// The same for moderators, who change them.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for anyone but an admin; [`Error::Invalid`] for a limit
/// or cursor that cannot be used.
#[tracing::instrument(name = "collections.curated", level = "debug", parent = ctx.span(), skip_all)]
pub async fn curated(ctx: &Ctx, page: PageRequest) -> Result<Page<Collection>> {
    access::moderator(ctx).await?;
    list(ctx, page).await
}

/// Makes a collection; answers its slug.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for anyone but an admin; [`Error::Invalid`], also
/// for a title whose slug is taken and for listings that are not there.
#[tracing::instrument(name = "collections.create", level = "debug", parent = ctx.span(), skip_all)]
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
#[tracing::instrument(name = "collections.update", level = "debug", parent = ctx.span(), skip_all)]
pub async fn update(ctx: &Ctx, slug: &str, new: NewCollection) -> Result<()> {
    access::moderator(ctx).await?;
    if !listings::is_slug(slug) {
        return Err(NOT_FOUND);
    }
    new.check()?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::collections::find(&mut conn, slug).await?.ok_or(NOT_FOUND)?;
    drop(conn);
    keep(ctx, found.id, slug, &new).await?;
    tracing::info!(collection.id = %found.id, collection.slug = slug, "collection changed");
    Ok(())
}

async fn keep(ctx: &Ctx, id: CollectionId, slug: &str, new: &NewCollection) -> Result<()> {
    // The database does not take every text: what cannot be a listing is not asked for.
    if let Some(unknown) = new.listings.iter().find(|slug| !listings::is_slug(slug)) {
        return Err(no_listing(unknown));
    }
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
        return Err(no_listing(unknown));
    }
    backend.commit(tx, stale()).await
}

fn no_listing(name: &str) -> Error {
    Error::field("listings", format!("must be listings: “{name}” is none"))
}

/// Deletes a collection. Its listings stay.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the collection, and for anyone but an admin.
#[tracing::instrument(name = "collections.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, slug: &str) -> Result<()> {
    access::moderator(ctx).await?;
    if !listings::is_slug(slug) {
        return Err(NOT_FOUND);
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    if !store::collections::delete(&mut tx, slug).await? {
        return Err(NOT_FOUND);
    }
    ctx.backend().commit(tx, stale()).await?;
    tracing::info!(collection.slug = slug, "collection deleted");
    Ok(())
}

/// Collections are forgotten with the rest of the marketplace.
fn stale() -> Stale {
    Stale::nothing().and_group(MARKETPLACE)
}

#[cfg(test)]
mod tests;
