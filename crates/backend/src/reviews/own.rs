//! What authors do with their own reviews, also where the listing is off, or moderators removed what they wrote.

use resonant_domain::review::{NewReview, Removal, Review, ReviewChanges};
use resonant_domain::{ListingId, ReportId, ReviewId, UserId};
use sqlx::PgConnection;

use super::{NO_LISTING, NOT_FOUND, find_subject, last_run, stale, subject};
use crate::{Ctx, Result, access, listings, seen, store};

/// What somebody wrote of a listing, moderators may have removed it or not.
pub(super) async fn find(
    conn: &mut PgConnection,
    listing: ListingId,
    author: UserId,
) -> Result<Option<Review>> {
    if let Some(review) = store::reviews::find_of(conn, listing, author).await? {
        return Ok(Some(review));
    }
    Ok(store::reviews::find_removed_of(conn, listing, author).await?)
}

/// The same, and keeps others from changing it until the transaction ends.
async fn lock(
    conn: &mut PgConnection,
    listing: ListingId,
    author: UserId,
) -> Result<Option<Review>> {
    if let Some(review) = store::reviews::lock_of(conn, listing, author).await? {
        return Ok(Some(review));
    }
    // In this order: what is being removed meanwhile is among these by then.
    Ok(store::reviews::lock_removed_of(conn, listing, author).await?)
}

/// What the caller wrote of a listing, also of one that nobody sees any more. `None`: nothing, or there is no such
/// listing.
///
/// # Errors
/// [`Error::Unauthenticated`](crate::Error::Unauthenticated).
#[tracing::instrument(name = "reviews.own", level = "debug", parent = ctx.span(), skip_all)]
pub async fn own(ctx: &Ctx, slug: &str) -> Result<Option<Review>> {
    let author = access::user(ctx)?;
    if !listings::is_slug(slug) {
        return Ok(None);
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    match store::reviews::find_listing(&mut conn, slug).await? {
        Some(listing) => find(&mut conn, listing, author).await,
        None => Ok(None),
    }
}

/// Changes the caller's own review. It is bound to the version that they ran last. One that moderators removed comes
/// before them once more, and stands again when they put it back.
///
/// # Errors
/// [`Error::Unauthenticated`](crate::Error::Unauthenticated); [`Error::NotFound`](crate::Error::NotFound) for the
/// listing and for a review that is another's; [`Error::Invalid`](crate::Error::Invalid).
#[tracing::instrument(name = "reviews.update", level = "debug", parent = ctx.span(), skip_all)]
pub async fn update(ctx: &Ctx, slug: &str, id: ReviewId, changes: ReviewChanges) -> Result<Review> {
    let author = access::user(ctx)?;
    let backend = ctx.backend();
    let listing = find_subject(ctx, slug).await?;
    let ran = last_run(ctx, author, &listing).await?;
    let mut tx = backend.catalogue_begin().await?;
    let found = lock(&mut tx, listing.id, author).await?;
    let mut review = found.filter(|review| review.id == id).ok_or(NOT_FOUND)?;
    seen::check(ctx, &review)?;
    review.stars = changes.stars.unwrap_or(review.stars);
    if let Some(text) = changes.text {
        text.trim().clone_into(&mut review.text);
    }
    NewReview { stars: review.stars, text: review.text.clone() }.check()?;
    review.version = ran.unwrap_or(review.version);
    review.updated_at = backend.now();
    if let Some(Removal { reason, .. }) = review.removal.clone() {
        let appeal = ReportId::from_uuid(backend.new_id()?);
        store::reviews::update_removed(&mut tx, &review, &reason, Some(appeal)).await?;
        tx.commit().await?;
        review.removal = Some(Removal { reason, is_waiting: true });
    } else {
        store::reviews::update(&mut tx, &review).await?;
        backend.commit(tx, stale(slug)).await?;
    }
    tracing::info!(review.id = %id, "review changed");
    Ok(review)
}

/// Deletes the caller's own review, also of a listing that nobody sees any more. Of one that moderators removed the
/// words go; that it was removed stays, so that nothing is written in its place that nobody looks at.
///
/// # Errors
/// [`Error::Unauthenticated`](crate::Error::Unauthenticated); [`Error::NotFound`](crate::Error::NotFound) for the
/// listing and for a review that is another's.
#[tracing::instrument(name = "reviews.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, slug: &str, id: ReviewId) -> Result<()> {
    let author = access::user(ctx)?;
    if !listings::is_slug(slug) {
        return Err(NO_LISTING);
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    let listing = store::reviews::find_listing(&mut tx, slug).await?.ok_or(NO_LISTING)?;
    let found = lock(&mut tx, listing, author).await?;
    let found = found.filter(|review| review.id == id && !review.text.is_empty());
    let Some(review) = found else {
        // Who wrote nothing does not learn of a listing that nobody sees.
        subject(&mut tx, slug).await?;
        return Err(NOT_FOUND);
    };
    seen::check(ctx, &review)?;
    if let Some(Removal { reason, .. }) = &review.removal {
        let emptied =
            Review { text: String::new(), updated_at: ctx.backend().now(), ..review.clone() };
        store::reviews::update_removed(&mut tx, &emptied, reason, None).await?;
        tx.commit().await?;
    } else {
        store::reviews::delete(&mut tx, listing, id, author).await?;
        ctx.backend().commit(tx, stale(slug)).await?;
    }
    tracing::info!(review.id = %id, "review deleted");
    Ok(())
}
