//! What people report: listings, and reviews of them. Who changes a review that was removed comes before the
//! moderators once more, in the same queue.

use jiff::Timestamp;
use resonant_domain::audit::Deed;
use resonant_domain::listing::ListingState;
use resonant_domain::notice::NoticeKind;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::publication::{REPORT_MAX, Report, ReportReason, check_removal};
use resonant_domain::text::check_text;
use resonant_domain::{ReportId, ReviewId, UserId};
use sqlx::PgConnection;

use super::note;
use crate::cache::Stale;
use crate::inbox::{Told, tell, tell_each};
use crate::publications::stale;
use crate::store::OnConstraint as _;
use crate::{Ctx, Error, Result, access, listings, store};

const NO_LISTING: Error = Error::NotFound("listing");
const NO_REVIEW: Error = Error::NotFound("review");
const NOT_FOUND: Error = Error::NotFound("report");

/// What people report and nobody has decided, and the reviews that their authors ask for, the oldest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for anyone but an admin; [`Error::Invalid`] for a limit
/// or cursor that cannot be used.
#[tracing::instrument(name = "moderation.reports", level = "debug", parent = ctx.span(), skip_all)]
pub async fn reports(ctx: &Ctx, page: PageRequest) -> Result<Page<Report>> {
    access::moderator(ctx).await?;
    let limit = page.checked_limit()?;
    let cursors = ctx.backend().cursors().await?;
    let after: Option<ReportId> = cursors.open(&"reports", page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let wanted = i64::from(limit) + 1;
    let mut found = store::reports::list_open(&mut conn, after, wanted).await?;
    found.extend(store::review_reports::list_open(&mut conn, after, wanted).await?);
    found.extend(store::reviews::list_appeals(&mut conn, after, wanted).await?);
    // Each list is as long as the page and one more: so are they together.
    found.sort_unstable_by_key(|report| report.id);
    cursors.page(&"reports", limit, found, |last| last.id)
}

/// Checks what somebody says in a report of something of a listing.
fn check(slug: &str, text: &str) -> Result<()> {
    let mut faults = Vec::new();
    check_text(&mut faults, "report", text, 1, REPORT_MAX);
    if !faults.is_empty() {
        return Err(faults.into());
    }
    if listings::is_slug(slug) { Ok(()) } else { Err(NO_LISTING) }
}

/// Reports a listing to the moderators. Whoever is known may; once more says it in other words.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] on the field `report`.
#[tracing::instrument(name = "moderation.report", level = "debug", parent = ctx.span(), skip_all)]
pub async fn report(ctx: &Ctx, slug: &str, reason: ReportReason, text: &str) -> Result<()> {
    let reporter = access::user(ctx)?;
    check(slug, text)?;
    let backend = ctx.backend();
    let (id, now) = (ReportId::from_uuid(backend.new_id()?), backend.now());
    let mut tx = backend.catalogue_begin().await?;
    let listing = store::reviews::find_subject(&mut tx, slug).await?;
    let who = (listing.ok_or(NO_LISTING)?.id, reporter);
    store::reports::upsert(&mut tx, id, who, reason, text.trim(), now).await?;
    tx.commit().await?;
    tracing::info!(listing.slug = slug, "listing reported");
    Ok(())
}

/// Reports a review of a listing to the moderators. Whoever is known may; once more says it in other words.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the listing and for the review; [`Error::Invalid`] on the
/// field `report`; [`Error::Conflict`] for the review's own author.
#[tracing::instrument(name = "moderation.report_review", level = "debug", parent = ctx.span(), skip_all)]
pub async fn report_review(
    ctx: &Ctx,
    slug: &str,
    review: ReviewId,
    reason: ReportReason,
    text: &str,
) -> Result<()> {
    let reporter = access::user(ctx)?;
    check(slug, text)?;
    let backend = ctx.backend();
    let (id, now) = (ReportId::from_uuid(backend.new_id()?), backend.now());
    let mut tx = backend.catalogue_begin().await?;
    let listing = store::reviews::find_subject(&mut tx, slug).await?.ok_or(NO_LISTING)?;
    let author = store::reviews::find_author(&mut tx, listing.id, review).await?;
    if author.ok_or(NO_REVIEW)? == reporter {
        let reason = "This review is yours: change it, or delete it";
        return Err(Error::Conflict(reason.to_owned()));
    }
    let who = (review, reporter);
    store::review_reports::upsert(&mut tx, id, who, reason, text.trim(), now)
        .await
        .on_constraint("review_reports_review_id_fkey", || NO_REVIEW)?;
    tx.commit().await?;
    tracing::info!(review.id = %review, "review reported");
    Ok(())
}

/// What a moderator does about a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nothing: what is reported stays. A review that its author asks for stands again.
    Dismiss,
    /// The listing goes, until a new version is approved, or the review does; one that its author asks for stays
    /// removed. Its publisher, or its author, is told why.
    Remove(&'a str),
}

/// Closes a report. With what is removed all that is open about it is closed, and everybody who reported it is
/// told.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for a report that is not open, and for anyone but
/// an admin; [`Error::Invalid`] on the field `comment`, which must say why something is removed.
#[tracing::instrument(name = "moderation.close_report", level = "debug", parent = ctx.span(), skip_all)]
pub async fn close_report(ctx: &Ctx, id: ReportId, verdict: Verdict<'_>) -> Result<()> {
    let moderator = access::moderator(ctx).await?;
    let why = match verdict {
        Verdict::Dismiss => None,
        Verdict::Remove(why) => Some(why.trim()),
    };
    if let Some(why) = why {
        check_removal(why)?;
    }
    let decision = Decision { moderator, why, now: ctx.backend().now() };
    let mut tx = ctx.backend().catalogue_begin().await?;
    let mut stale = of_listing(ctx, &mut tx, id, decision).await?;
    if stale.is_none() {
        stale = of_review(ctx, &mut tx, id, decision).await?;
    }
    if stale.is_none() {
        stale = of_changed_review(ctx, &mut tx, id, decision).await?;
    }
    ctx.backend().commit(tx, stale.ok_or(NOT_FOUND)?).await?;
    tracing::info!(report.id = %id, is_removed = why.is_some(), "report closed");
    Ok(())
}

/// Who decides what.
#[derive(Clone, Copy)]
struct Decision<'a> {
    moderator: UserId,
    /// Why what it is about goes; `None`: it stays.
    why: Option<&'a str>,
    now: Timestamp,
}

/// Closes a report of a listing; answers what is untrue by then, or `None` when it is no such report.
async fn of_listing(
    ctx: &Ctx,
    tx: &mut PgConnection,
    id: ReportId,
    Decision { moderator, why, now }: Decision<'_>,
) -> Result<Option<Stale>> {
    let is_removed = why.is_some();
    let closed = store::reports::update_decided(tx, id, is_removed, moderator, now).await?;
    let Some(closed) = closed else { return Ok(None) };
    let (listing, slug) = (closed.listing, closed.slug);
    let outcome = if is_removed { NoticeKind::ReportUpheld } else { NoticeKind::ReportDismissed };
    tell(ctx, tx, closed.reporter, Told::of(outcome, &closed.name, &slug)).await?;
    let deed = if is_removed { Deed::ReportUpheld } else { Deed::ReportDismissed };
    note(ctx, tx, deed, (listing.as_uuid(), &closed.name)).await?;
    let Some(why) = why else { return Ok(Some(Stale::nothing())) };
    store::publishing::update_state(tx, listing, ListingState::Removed).await?;
    let others = store::reports::update_others(tx, listing, moderator, now).await?;
    tell_each(ctx, tx, &others, Told::of(outcome, &closed.name, &slug)).await?;
    if let Some(publisher) = closed.publisher {
        let removed = Told {
            agent: closed.agent,
            text: why,
            ..Told::of(NoticeKind::Removed, &closed.name, &slug)
        };
        tell(ctx, tx, publisher, removed).await?;
    }
    Ok(Some(stale(&slug)))
}

/// The same of a review.
async fn of_review(
    ctx: &Ctx,
    tx: &mut PgConnection,
    id: ReportId,
    Decision { moderator, why, .. }: Decision<'_>,
) -> Result<Option<Stale>> {
    let Some(subject) = store::review_reports::lock_subject(tx, id).await? else {
        return Ok(None);
    };
    // It may have been closed until its review was locked.
    let Some(reporter) = store::review_reports::delete(tx, id).await? else { return Ok(None) };
    let (slug, name) = (&*subject.slug, &*subject.name);
    let told = (subject.review.as_uuid(), name);
    let Some(why) = why else {
        let dismissed = Told::of(NoticeKind::ReviewReportDismissed, name, slug);
        tell(ctx, tx, reporter, dismissed).await?;
        note(ctx, tx, Deed::ReviewReportDismissed, told).await?;
        return Ok(Some(Stale::nothing()));
    };
    let mut reporters = store::review_reports::delete_of(tx, subject.review).await?;
    reporters.push(reporter);
    let upheld = Told::of(NoticeKind::ReviewReportUpheld, name, slug);
    tell_each(ctx, tx, &reporters, upheld).await?;
    let (listing, author) = (subject.listing, subject.author);
    let review = store::reviews::find(tx, listing, subject.review).await?.ok_or(NO_REVIEW)?;
    store::reviews::delete(tx, listing, review.id, author).await?;
    store::reviews::insert_removed(tx, (listing, author), &review, why, moderator).await?;
    let removed = Told { text: why, ..Told::of(NoticeKind::ReviewRemoved, name, slug) };
    tell(ctx, tx, author, removed).await?;
    note(ctx, tx, Deed::ReviewRemoved, told).await?;
    Ok(Some(stale(slug)))
}

/// The same of a review that was removed and that its author has changed since. Its votes and its answer were about
/// other words: they are not put back.
async fn of_changed_review(
    ctx: &Ctx,
    tx: &mut PgConnection,
    id: ReportId,
    Decision { why, .. }: Decision<'_>,
) -> Result<Option<Stale>> {
    let Some(removed) = store::reviews::lock_appeal(tx, id).await? else { return Ok(None) };
    let (slug, name) = (&*removed.slug, &*removed.name);
    let told = (removed.review.id.as_uuid(), name);
    if let Some(why) = why {
        store::reviews::update_removed(tx, &removed.review, why, None).await?;
        let kept = Told { text: why, ..Told::of(NoticeKind::ReviewRemoved, name, slug) };
        tell(ctx, tx, removed.author, kept).await?;
        note(ctx, tx, Deed::ReviewRemoved, told).await?;
        return Ok(Some(Stale::nothing()));
    }
    store::reviews::delete_removed(tx, removed.review.id).await?;
    store::reviews::insert(tx, removed.listing, removed.author, &removed.review).await?;
    let restored = Told::of(NoticeKind::ReviewRestored, name, slug);
    tell(ctx, tx, removed.author, restored).await?;
    note(ctx, tx, Deed::ReviewRestored, told).await?;
    Ok(Some(stale(slug)))
}
