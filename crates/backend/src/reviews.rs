//! Reviews: what people who ran a listing's agent think of it, beside what the platform measured.
//!
//! A review is bound to the version that its author ran last. The listing's count and mean change in
//! the transaction of the review, by triggers.
//!
//! What moderators remove stands apart, with its author alone: who changes it asks for it back, and nobody writes
//! another one in its place.

mod lists;
mod own;

use std::collections::BTreeMap;
use std::sync::Arc;

use resonant_domain::member::UserKind;
use resonant_domain::notice::NoticeKind;
use resonant_domain::review::{
    ListingFacts, ListingRun, NewReview, Review, Standing, check_answer,
};
use resonant_domain::{ReviewId, UserId};
use sqlx::PgConnection;

use crate::cache::Stale;
use crate::cache::listing::ListingEntry;
use crate::cache::listing_facts::{FactsKey, ListingFactsEntry};
use crate::cache::listing_page::{MARKETPLACE, REVIEWS};
use crate::inbox::{Told, tell};
use crate::listings::measured::{self, Measured};
use crate::store::OnConstraint as _;
use crate::store::reviews::Subject;
use crate::{Actor, Backend, Ctx, Document, Error, Result, access, listings, store};

pub use self::lists::{Listed, list};
pub use self::own::{delete, own, update};

const NO_LISTING: Error = Error::NotFound("listing");
const NOT_FOUND: Error = Error::NotFound("review");

async fn subject(conn: &mut PgConnection, slug: &str) -> Result<Subject> {
    if !listings::is_slug(slug) {
        return Err(NO_LISTING);
    }
    store::reviews::find_subject(conn, slug).await?.ok_or(NO_LISTING)
}

/// What a change of a review makes untrue.
fn stale(slug: &str) -> Stale {
    Stale::one::<ListingEntry>(&slug.to_owned()).and_group(MARKETPLACE)
}

/// What is made untrue by what others say to a review, which changes nothing of its listing.
fn stale_around() -> Stale {
    Stale::nothing().and_group(REVIEWS)
}

/// What was measured about the listing's present version. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "reviews.facts", level = "debug", parent = ctx.span(), skip_all)]
pub async fn facts(ctx: &Ctx, slug: &str) -> Result<ListingFacts> {
    Ok(facts_document(ctx, slug, None).await?.value().clone())
}

/// The same of one of its versions, or of the present one, as callers of the interface get it. Anyone may.
///
/// # Errors
/// [`Error::NotFound`] for the listing and for the version; [`Error::Invalid`] for what is no version's number.
#[tracing::instrument(name = "reviews.facts_document", level = "debug", parent = ctx.span(), skip_all)]
pub async fn facts_document(
    ctx: &Ctx,
    slug: &str,
    version: Option<i32>,
) -> Result<Arc<Document<ListingFacts>>> {
    if version.is_some_and(|version| version < 1) {
        return Err(Error::field("version", "must be the number of a version, from 1 on"));
    }
    if !listings::is_slug(slug) {
        return Err(NO_LISTING);
    }
    let backend = ctx.backend();
    let key = FactsKey { slug: slug.to_owned(), version };
    let found = backend.cache().get::<ListingFactsEntry>(backend, &key).await?;
    found.ok_or(if version.is_some() { Error::NotFound("version") } else { NO_LISTING })
}

/// What was measured about each of these versions of a listing, in their order. Anyone may.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "reviews.facts_by_version", level = "debug", parent = ctx.span(), skip_all)]
pub async fn facts_by_version(
    ctx: &Ctx,
    slug: &str,
    versions: &[i32],
) -> Result<Vec<ListingFacts>> {
    let key = |version: &i32| FactsKey { slug: slug.to_owned(), version: Some(*version) };
    let keys: Vec<_> = versions.iter().map(key).collect();
    let backend = ctx.backend();
    let found = backend.cache().get_many::<ListingFactsEntry>(backend, &keys).await?;
    let facts = found.into_iter().map(|facts| facts.map(|facts| facts.value().clone()));
    Ok(facts.map(Option::unwrap_or_default).collect())
}

/// Measures the newest runs of versions of a listing, or of its present one, wherever they are kept. Answers
/// nothing for those that there are not.
pub(crate) async fn measure(
    backend: &Backend,
    slug: &str,
    versions: &[Option<i32>],
) -> Result<Vec<Option<ListingFacts>>> {
    let mut conn = backend.catalogue_read_latest().await?;
    let Some(subject) = store::reviews::find_subject(&mut conn, slug).await? else {
        return Ok(vec![None; versions.len()]);
    };
    let wanted: Vec<_> =
        versions.iter().map(|version| version.unwrap_or(subject.version)).collect();
    let known = if wanted.iter().all(|version| *version == subject.version) {
        vec![subject.version]
    } else {
        store::listings::list_versions(&mut conn, subject.id, &wanted).await?
    };
    drop(conn);
    let facts = facts_of_versions(backend, &subject, &known).await?;
    let found: BTreeMap<_, _> = known.into_iter().zip(facts).collect();
    Ok(wanted.iter().map(|version| found.get(version).cloned()).collect())
}

async fn facts_of_versions(
    backend: &Backend,
    listing: &Subject,
    versions: &[i32],
) -> Result<Vec<ListingFacts>> {
    let &Subject { id, publisher, .. } = listing;
    let mut runs: Vec<Vec<ListingRun>> = vec![Vec::new(); versions.len()];
    let version = |version: &i32| Measured { listing: id, version: *version, publisher };
    let versions: Vec<_> = versions.iter().map(version).collect();
    for shard in backend.shards() {
        let newest = measured::runs_on(backend, shard, &versions).await?;
        for (runs, newest) in runs.iter_mut().zip(newest) {
            runs.extend(newest);
        }
    }
    Ok(runs.iter().map(|runs| ListingFacts::of(runs)).collect())
}

/// Reads a review of a listing. Anyone may.
///
/// # Errors
/// [`Error::NotFound`] for the listing and for the review.
#[tracing::instrument(name = "reviews.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, slug: &str, id: ReviewId) -> Result<Review> {
    let mut conn = ctx.backend().catalogue_read().await?;
    let listing = subject(&mut conn, slug).await?.id;
    store::reviews::find(&mut conn, listing, id).await?.ok_or(NOT_FOUND)
}

/// How the caller stands to the listing's reviews. Anyone may ask.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "reviews.standing", level = "debug", parent = ctx.span(), skip_all)]
pub async fn standing(ctx: &Ctx, slug: &str) -> Result<Standing> {
    let listing = find_subject(ctx, slug).await?;
    let (id, kind) = match ctx.actor() {
        Actor::User { id, kind } => (id, kind),
        Actor::Anonymous | Actor::System | Actor::Key { .. } => return Ok(Standing::Anonymous),
    };
    if kind == UserKind::Guest {
        return Ok(Standing::Guest);
    }
    if listing.publisher == Some(id) {
        return Ok(Standing::Publisher);
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let written = own::find(&mut conn, listing.id, id).await?;
    drop(conn);
    if let Some(review) = written {
        return Ok(Standing::HasWritten(review));
    }
    let ran = last_run(ctx, id, &listing).await?;
    Ok(ran.map_or(Standing::HasNotRun, Standing::MayWrite))
}

/// Which of these reviews the caller found helpful; none for somebody who is not known.
///
/// # Errors
/// [`Error::Unavailable`].
#[tracing::instrument(name = "reviews.votes", level = "debug", parent = ctx.span(), skip_all)]
pub async fn votes(ctx: &Ctx, ids: &[ReviewId]) -> Result<Vec<ReviewId>> {
    let Actor::User { id, .. } = ctx.actor() else { return Ok(Vec::new()) };
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    Ok(store::reviews::list_votes(&mut conn, id, ids).await?)
}

/// Writes a review of a listing that the caller has run.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Conflict`] for a
/// guest, the publisher, someone who has not run it, and someone who has written one, also where that was removed.
#[tracing::instrument(name = "reviews.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, slug: &str, new: NewReview) -> Result<Review> {
    let author = access::member(ctx)?;
    new.check()?;
    let backend = ctx.backend();
    let listing = find_subject(ctx, slug).await?;
    if listing.publisher == Some(author) {
        return Err(Error::Conflict("Publishers do not review their own listings".to_owned()));
    }
    let version = last_run(ctx, author, &listing).await?.ok_or_else(|| {
        let reason = "Run it to the end once before you review it: judge what you saw";
        Error::Conflict(reason.to_owned())
    })?;
    let mut tx = backend.catalogue_begin().await?;
    let id = ReviewId::from_uuid(ctx.resource_id()?);
    if ctx.made_before().is_some()
        && let Some(made) = store::reviews::find(&mut tx, listing.id, id).await?
    {
        return Ok(made);
    }
    let author_name = store::members::find(&mut tx, author).await?.ok_or(Error::Unauthenticated)?;
    let now = backend.now();
    let review = Review {
        id,
        author: author_name.display_name,
        version,
        stars: new.stars,
        text: new.text.trim().to_owned(),
        helpful: 0,
        answer: None,
        created_at: now,
        updated_at: now,
        removal: None,
    };
    store::reviews::insert(&mut tx, listing.id, author, &review)
        .await
        .on_constraint("reviews_author_id_key", || {
            Error::Conflict("You have reviewed this listing already".to_owned())
        })?;
    if let Some(publisher) = listing.publisher {
        let written = Told {
            person: Some(author),
            text: &review.text,
            ..Told::of(NoticeKind::Reviewed, &listing.name, slug)
        };
        tell(ctx, &mut tx, publisher, written).await?;
    }
    backend.commit(tx, stale(slug)).await?;
    tracing::info!(review.id = %review.id, listing.slug = slug, "review written");
    Ok(review)
}

async fn find_subject(ctx: &Ctx, slug: &str) -> Result<Subject> {
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    subject(&mut conn, slug).await
}

/// The version of the listing that somebody ran last.
async fn last_run(ctx: &Ctx, owner: UserId, listing: &Subject) -> Result<Option<i32>> {
    let mut conn = ctx.backend().read_latest(owner).await?;
    Ok(store::listing_runs::find_last_version(&mut conn, owner, listing.id).await?)
}

/// Answers a review, in the publisher's name. An empty answer takes an earlier one back.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Forbidden`] for anyone but the publisher;
/// [`Error::NotFound`]; [`Error::Invalid`] on the field `answer`.
#[tracing::instrument(name = "reviews.answer", level = "debug", parent = ctx.span(), skip_all)]
pub async fn answer(ctx: &Ctx, slug: &str, id: ReviewId, text: &str) -> Result<()> {
    let caller = access::user(ctx)?;
    check_answer(text)?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let listing = subject(&mut tx, slug).await?;
    if listing.publisher != Some(caller) {
        return Err(Error::Forbidden);
    }
    let text = Some(text.trim()).filter(|text| !text.is_empty());
    if !store::reviews::update_answer(&mut tx, listing.id, id, text, backend.now()).await? {
        return Err(NOT_FOUND);
    }
    // The account may just be closed: then this was not deleted with the other answers. Behind the review, as
    // where one changes and its listing counts it.
    if !store::reviews::lock_is_published_by(&mut tx, listing.id, caller).await? {
        return Err(Error::Forbidden);
    }
    if let Some(text) = text
        && let Some(author) = store::reviews::find_author(&mut tx, listing.id, id).await?
    {
        let answered = Told {
            person: Some(caller),
            text,
            ..Told::of(NoticeKind::Answered, &listing.name, slug)
        };
        tell(ctx, &mut tx, author, answered).await?;
    }
    backend.commit(tx, stale_around()).await?;
    tracing::info!(review.id = %id, "review answered");
    Ok(())
}

/// Says that a review was helpful to the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] for a guest and for the
/// review's own author.
#[tracing::instrument(name = "reviews.mark_helpful", level = "debug", parent = ctx.span(), skip_all)]
pub async fn mark_helpful(ctx: &Ctx, slug: &str, id: ReviewId) -> Result<()> {
    let voter = access::member(ctx)?;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let listing = subject(&mut tx, slug).await?;
    let author = store::reviews::find_author(&mut tx, listing.id, id).await?.ok_or(NOT_FOUND)?;
    if author == voter {
        return Err(Error::Conflict("Your own review counts without your vote".to_owned()));
    }
    store::reviews::insert_vote(&mut tx, id, voter, backend.now()).await?;
    backend.commit(tx, stale_around()).await
}

/// Takes that back.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "reviews.unmark_helpful", level = "debug", parent = ctx.span(), skip_all)]
pub async fn unmark_helpful(ctx: &Ctx, slug: &str, id: ReviewId) -> Result<()> {
    let voter = access::user(ctx)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let listing = subject(&mut tx, slug).await?;
    store::reviews::find_author(&mut tx, listing.id, id).await?.ok_or(NOT_FOUND)?;
    store::reviews::delete_vote(&mut tx, id, voter).await?;
    ctx.backend().commit(tx, stale_around()).await
}

#[cfg(test)]
mod tests;
