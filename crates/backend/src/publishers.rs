//! Publishers: what people tell of themselves, and whom moderators vouch for.

use std::sync::Arc;

use resonant_domain::UserId;
use resonant_domain::audit::Deed;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::publisher::{Profile, Publisher, is_handle};
use sqlx::PgConnection;

use crate::audit::{Log, Subject};
use crate::cache::Stale;
use crate::cache::listing::ListingEntry;
use crate::cache::listing_page::MARKETPLACE;
use crate::cache::shelves::PublisherEntry;
use crate::store::OnConstraint as _;
use crate::store::listings::ListingPosition;
use crate::{Backend, Changeable as _, Ctx, Document, Error, Result, access, audit, seen, store};

const NOT_FOUND: Error = Error::NotFound("publisher");

/// Reads a publisher with their listings. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "publishers.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, handle: &str) -> Result<Publisher> {
    Ok(document(ctx, handle).await?.value().clone())
}

/// Reads a publisher with a page of their listings. Anyone may.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "publishers.page", level = "debug", parent = ctx.span(), skip_all)]
pub async fn page(ctx: &Ctx, handle: &str, page: PageRequest) -> Result<Publisher> {
    if !is_handle(handle) {
        return Err(NOT_FOUND);
    }
    read_page(ctx.backend(), handle, &page).await?.ok_or(NOT_FOUND)
}

/// Reads a publisher as callers of the interface get them. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "publishers.document", level = "debug", parent = ctx.span(), skip_all)]
pub async fn document(ctx: &Ctx, handle: &str) -> Result<Arc<Document<Publisher>>> {
    if !is_handle(handle) {
        return Err(NOT_FOUND);
    }
    let backend = ctx.backend();
    let found = backend.cache().get::<PublisherEntry>(backend, &handle.to_owned()).await?;
    found.ok_or(NOT_FOUND)
}

/// Reads a publisher where they are written, with the first page of their listings.
pub(crate) async fn read(backend: &Backend, handle: &str) -> Result<Option<Publisher>> {
    read_page(backend, handle, &PageRequest::default()).await
}

async fn read_page(
    backend: &Backend,
    handle: &str,
    page: &PageRequest,
) -> Result<Option<Publisher>> {
    let limit = page.checked_limit()?;
    let cursors = backend.cursors().await?;
    let mut conn = backend.catalogue_read_latest().await?;
    let Some((user, publisher)) = store::publishers::find(&mut conn, handle).await? else {
        return Ok(None);
    };
    let scope = ("listings_of", user);
    let after: Option<ListingPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let (after, wanted) = (after.as_ref(), i64::from(limit) + 1);
    let found = store::listings::list_of_publisher(&mut conn, user, after, wanted).await?;
    let page = cursors.page(&scope, limit, found, |(_, position)| position.clone())?;
    let has_more = page.has_more();
    let Page { items: listings, next_cursor } = page.map(|(listing, _)| listing);
    Ok(Some(Publisher { listings, has_more, next_cursor, ..publisher }))
}

/// The name that a publisher's listings bear, and the handle of their page where they have one. `None`:
/// there is no such person.
pub(crate) async fn shown(
    conn: &mut PgConnection,
    user: UserId,
) -> Result<Option<(String, Option<String>)>> {
    if let Some(profile) = store::publishers::find_profile(&mut *conn, user).await? {
        return Ok(Some((profile.name, Some(profile.handle))));
    }
    let viewer = store::members::find(conn, user).await?;
    Ok(viewer.map(|viewer| (viewer.display_name, None)))
}

/// What the caller has written about themselves; `None` before they have.
///
/// # Errors
/// [`Error::Unauthenticated`].
#[tracing::instrument(name = "publishers.profile", level = "debug", parent = ctx.span(), skip_all)]
pub async fn profile(ctx: &Ctx) -> Result<Option<Profile>> {
    let user = access::user(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    Ok(store::publishers::find_profile(&mut conn, user).await?)
}

/// A profile as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What is kept.
    pub profile: Profile,
    /// Whether there was none before.
    pub is_new: bool,
}

/// Keeps what the caller writes about themselves. Their listings bear the new name at once.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`], also for a handle that is another's;
/// [`Error::Conflict`] for a guest; [`Error::Changed`].
#[tracing::instrument(name = "publishers.save", level = "debug", parent = ctx.span(), skip_all)]
pub async fn save(ctx: &Ctx, profile: Profile) -> Result<Saved> {
    let user = access::member(ctx)?;
    let profile = Profile {
        handle: profile.handle.trim().to_lowercase(),
        name: profile.name.trim().to_owned(),
        bio: profile.bio.trim().to_owned(),
    };
    profile.check()?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let is_taken = || Error::field("handle", "is in use already");
    let mut before = store::publishers::lock_profile(&mut tx, user).await?;
    let mut is_new = false;
    if before.is_none() {
        ctx.seen().check(Profile::NOUN, None)?;
        // The write tells whether it is the first: another may have come since.
        is_new = store::publishers::insert(&mut tx, user, &profile, backend.now()).await?;
        if !is_new {
            before = store::publishers::lock_profile(&mut tx, user).await?;
            // Not their own is in the way.
            before.as_ref().ok_or_else(is_taken)?;
        }
    }
    if let Some(before) = &before {
        seen::check(ctx, before)?;
        store::publishers::update(&mut tx, user, &profile, backend.now())
            .await
            .on_constraint("publishers_handle_key", is_taken)?;
    }
    let stale = follow(&mut tx, user).await?;
    backend.commit(tx, stale).await?;
    tracing::info!(user.id = %user, publisher.handle = profile.handle, "publisher profile saved");
    Ok(Saved { profile, is_new })
}

/// Vouches for a publisher, or no more.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the publisher, and for anyone but an admin.
#[tracing::instrument(name = "publishers.set_verified", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_verified(ctx: &Ctx, handle: &str, mark: Mark) -> Result<()> {
    let moderator = access::moderator(ctx).await?;
    if !is_handle(handle) {
        return Err(NOT_FOUND);
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    let is_verified = mark == Mark::Verified;
    let user = store::publishers::update_verified(&mut tx, handle, is_verified).await?;
    let user = user.ok_or(NOT_FOUND)?;
    let deed = if is_verified { Deed::PublisherVerified } else { Deed::PublisherUnverified };
    let subject = Subject::account(user, handle);
    // Of the installation, as all that moderators decide.
    audit::note(ctx, &mut tx, Log::Installation, deed, Some(subject)).await?;
    let stale = follow(&mut tx, user).await?;
    ctx.backend().commit(tx, stale).await?;
    tracing::info!(user.id = %moderator, publisher.handle = handle, ?mark, "publisher marked");
    Ok(())
}

/// Whether moderators vouch for a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// They do.
    Verified,
    /// They do not.
    Unverified,
}

/// Brings a publisher's listings up to them; answers what is untrue then.
async fn follow(conn: &mut PgConnection, user: UserId) -> Result<Stale> {
    let slugs = store::publishers::update_listings(conn, user).await?;
    // Publishers are forgotten with the rest of the marketplace.
    let stale = Stale::nothing().and_group(MARKETPLACE);
    Ok(slugs.iter().fold(stale, Stale::and::<ListingEntry>))
}

#[cfg(test)]
mod tests;
