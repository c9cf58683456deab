//! Moderation: admins approve what is handed in or ask for changes, and look at what people report.
//!
//! An approval and the listing that comes of it are one transaction. From anyone but an admin all of
//! this is hidden.

mod reports;

use resonant_domain::agent::AgentSpec;
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::listing::{Category, Example};
use resonant_domain::notice::NoticeKind;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::price::Price;
use resonant_domain::publication::{
    Case, CaseSummary, ListingTexts, Submission, SubmissionState, check_comment, slug_of,
};
use resonant_domain::scan::scan;
use resonant_domain::spec_diff::{FieldChange, SpecDiff, words};
use resonant_domain::{ListingId, SubmissionId};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::audit::{Log, Subject};
use crate::cache::hex;
use crate::follows::{self, Published};
use crate::inbox::{Told, tell};
use crate::listings::lineage;
use crate::news::{self, Happened};
use crate::publications::stale;
use crate::store::submissions::{Decided, Owned, WaitingPosition};
use crate::{Ctx, Error, Result, access, audit, effects, publishers, store};

pub use self::reports::{Verdict, close_report, report, report_review, reports};

const NOT_FOUND: Error = Error::NotFound("submission");

/// What was handed in and waits, the longest waiting first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for anyone but an admin; [`Error::Invalid`] for a limit
/// or cursor that cannot be used.
#[tracing::instrument(name = "moderation.cases", level = "debug", parent = ctx.span(), skip_all)]
pub async fn cases(ctx: &Ctx, page: PageRequest) -> Result<Page<CaseSummary>> {
    access::moderator(ctx).await?;
    let limit = page.checked_limit()?;
    let cursors = ctx.backend().cursors().await?;
    let after: Option<WaitingPosition> = cursors.open(&"submissions", page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let wanted = i64::from(limit) + 1;
    let found = store::submissions::list_waiting(&mut conn, after, wanted).await?;
    let position =
        |last: &CaseSummary| WaitingPosition { submitted_at: last.submitted_at, id: last.id };
    cursors.page(&"submissions", limit, found, position)
}

/// A submission beside the version that was approved last.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the submission, and for anyone but an admin.
#[tracing::instrument(name = "moderation.case", level = "debug", parent = ctx.span(), skip_all)]
pub async fn case(ctx: &Ctx, id: SubmissionId) -> Result<Case> {
    access::moderator(ctx).await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let owned = store::submissions::find(&mut conn, id).await?.ok_or(NOT_FOUND)?;
    let Owned { publisher, submission, forked_from } = owned;
    let name = publishers::shown(&mut conn, publisher).await?.ok_or(NOT_FOUND)?.0;
    let forked_from = lineage::told(&mut conn, forked_from).await?;
    let listing =
        store::submissions::find_listing(&mut conn, publisher, submission.agent_id).await?;
    let approved = match &listing {
        Some((id, _)) => store::submissions::find_approved(&mut conn, *id).await?,
        None => None,
    };
    let pictures = match &listing {
        Some((id, _)) => store::submissions::find_pictures(&mut conn, *id).await?,
        None => None,
    };
    let (before, spec) = approved.unwrap_or_else(|| (nothing(), AgentSpec::default()));
    let is_same = before.description == submission.texts.description;
    Ok(Case {
        seen: seen(&submission),
        publisher: name,
        forked_from,
        listing: listing.map(|(_, listing)| listing),
        findings: scan(&submission.texts, &submission.spec),
        agent: SpecDiff::of(&spec, &submission.spec),
        texts: changes(&before, &submission.texts),
        description: if is_same {
            Vec::new()
        } else {
            words(&before.description, &submission.texts.description)
        },
        pictures: pictures.unwrap_or_default(),
        submission,
    })
}

/// What stands before a first version.
fn nothing() -> ListingTexts {
    ListingTexts {
        name: String::new(),
        tagline: String::new(),
        category: Category::Custom,
        description: String::new(),
        tags: Vec::new(),
        change_log: String::new(),
        price: Price::FREE,
        examples: Vec::new(),
    }
}

/// Names what was handed in, all of it and when: who takes it back and hands something else in has handed
/// another thing in.
fn seen(submission: &Submission) -> String {
    /// So many bytes of the hash.
    const LENGTH: usize = 16;

    let Submission { id, agent_version, texts, pictures, spec, submitted_at, .. } = submission;
    let whole = json!([id, agent_version, texts, pictures, spec, submitted_at]);
    hex(&Sha256::digest(whole.to_string())[..LENGTH])
}

fn changes(before: &ListingTexts, after: &ListingTexts) -> Vec<FieldChange> {
    let line = |texts: &ListingTexts| {
        [
            ("name", texts.name.clone()),
            ("tagline", texts.tagline.clone()),
            ("category", texts.category.title().to_owned()),
            ("tags", texts.tags.join(", ")),
            ("price", texts.price.to_string()),
            ("examples", texts.examples.iter().map(whole).collect::<Vec<_>>().join("; ")),
        ]
    };
    let shown = |text: String| Some(text).filter(|text| !text.is_empty());
    line(before)
        .into_iter()
        .zip(line(after))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((field, before), (_, after))| FieldChange {
            field: field.to_owned(),
            before: shown(before),
            after: shown(after),
        })
        .collect()
}

/// An example as one text: its material is what people hand to the agent.
fn whole(example: &Example) -> String {
    match &example.context {
        Some(context) => format!("{} – {context}", example.goal),
        None => example.goal.clone(),
    }
}

/// What a moderator says to a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ruling<'a> {
    /// What they have read, by [`Case::seen`].
    pub seen: &'a str,
    /// What the publisher is told.
    pub comment: &'a str,
}

/// The submission that is decided, locked, if it is what the moderator has read.
async fn waiting(conn: &mut PgConnection, id: SubmissionId, read: &str) -> Result<Owned> {
    let owned = store::submissions::lock(conn, id).await?.ok_or(NOT_FOUND)?;
    if owned.submission.state != SubmissionState::InReview {
        return Err(Error::Conflict("It has been decided already, or was taken back".to_owned()));
    }
    if seen(&owned.submission) != read {
        return Err(Error::Conflict(
            "Its publisher has handed something else in since you opened it. Load it again and read \
             that before you decide"
                .to_owned(),
        ));
    }
    Ok(owned)
}

/// Writes down what a moderator decides: of the installation, so that the publisher does not learn who it
/// was and from where.
async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    deed: Deed,
    (id, name): (Uuid, &str),
) -> Result<()> {
    let subject = Subject::new(SubjectKind::Listing, id, name);
    audit::note(ctx, tx, Log::Installation, deed, Some(subject)).await
}

/// Approves a submission: it is the newest version of its listing from now on. Answers the listing's
/// slug.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] on the field `comment`;
/// [`Error::Conflict`] when it does not wait any more, or is not what the moderator has read.
#[tracing::instrument(name = "moderation.approve", level = "debug", parent = ctx.span(), skip_all)]
pub async fn approve(ctx: &Ctx, id: SubmissionId, ruling: Ruling<'_>) -> Result<String> {
    let moderator = access::moderator(ctx).await?;
    let Ruling { seen, comment } = ruling;
    check_comment(comment, false)?;
    let backend = ctx.backend();
    let now = backend.now();
    let mut tx = backend.catalogue_begin().await?;
    if let Some(slug) = effects::find_in_catalogue(ctx)? {
        return Ok(slug);
    }
    let owned = waiting(&mut tx, id, seen).await?;
    let Owned { publisher, submission, forked_from } = &owned;
    let publisher = *publisher;
    let name = publishers::shown(&mut tx, publisher).await?.ok_or(NOT_FOUND)?.0;
    let found = store::submissions::find_listing(&mut tx, publisher, submission.agent_id).await?;
    let (listing, kind, slug, version) = if let Some((listing, published)) = found {
        let made = (submission, *forked_from);
        let version = store::publishing::insert_version(&mut tx, listing, &name, made, now).await?;
        let happened = Happened {
            listing,
            kind: NoticeKind::UpdateAvailable,
            version: Some(version),
            about: &submission.texts.name,
            slug: &published.slug,
            text: &submission.texts.change_log,
        };
        news::tell_later(ctx, &mut tx, happened).await?;
        (listing, NoticeKind::FollowedVersion, published.slug, version)
    } else {
        let listing = ListingId::from_uuid(backend.new_id()?);
        let slug = first(&mut tx, listing, &name, &owned, now).await?;
        (listing, NoticeKind::FollowedListing, slug, 1)
    };
    let news = Published {
        publisher,
        name: &name,
        listing,
        kind,
        about: &submission.texts.name,
        slug: &slug,
        change_log: &submission.texts.change_log,
    };
    follows::tell_later(ctx, &mut tx, news).await?;
    let decided = Decided {
        state: SubmissionState::Approved,
        comment: comment.trim(),
        moderator,
        version: Some(version),
    };
    store::submissions::update_decided(&mut tx, id, decided, now).await?;
    let approved = Told {
        agent: Some(submission.agent_id),
        text: comment,
        ..Told::of(NoticeKind::Approved, &submission.texts.name, &slug)
    };
    tell(ctx, &mut tx, publisher, approved).await?;
    let subject = (id.as_uuid(), &*submission.texts.name);
    note(ctx, &mut tx, Deed::SubmissionApproved, subject).await?;
    effects::note_in_catalogue(ctx, &mut tx, &slug).await?;
    backend.commit(tx, stale(&slug)).await?;
    tracing::info!(submission.id = %id, listing.slug = slug, "submission approved");
    Ok(slug)
}

/// Makes the listing of a first version, under the slug that its name asks for or one beside it.
async fn first(
    tx: &mut PgConnection,
    id: ListingId,
    name: &str,
    owned: &Owned,
    now: jiff::Timestamp,
) -> Result<String> {
    let Owned { publisher, submission, forked_from } = owned;
    let wanted = slug_of(&submission.texts.name);
    // The end of the id is chance.
    let text = id.as_uuid().simple().to_string();
    let other = format!("{wanted}-{}", &text[text.len() - 8..]);
    for slug in [wanted, other] {
        let (whose, made) = ((*publisher, name), (submission, *forked_from));
        if store::publishing::insert(tx, (id, &slug), whose, made, now).await? {
            return Ok(slug);
        }
    }
    Err(Error::Conflict("The listing's address is taken. Try again".to_owned()))
}

/// Asks the publisher for changes.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] on the field `comment`, which
/// must say what; [`Error::Conflict`] when it does not wait any more, or is not what the moderator has read.
#[tracing::instrument(name = "moderation.request_changes", level = "debug", parent = ctx.span(), skip_all)]
pub async fn request_changes(ctx: &Ctx, id: SubmissionId, ruling: Ruling<'_>) -> Result<()> {
    let moderator = access::moderator(ctx).await?;
    let Ruling { seen, comment } = ruling;
    check_comment(comment, true)?;
    let now = ctx.backend().now();
    let mut tx = ctx.backend().catalogue_begin().await?;
    if effects::find_in_catalogue::<()>(ctx)?.is_some() {
        return Ok(());
    }
    let Owned { publisher, submission, .. } = waiting(&mut tx, id, seen).await?;
    let decided = Decided {
        state: SubmissionState::ChangesRequested,
        comment: comment.trim(),
        moderator,
        version: None,
    };
    store::submissions::update_decided(&mut tx, id, decided, now).await?;
    let asked = Told {
        kind: NoticeKind::ChangesRequested,
        listing: &submission.texts.name,
        slug: None,
        agent: Some(submission.agent_id),
        person: None,
        text: comment,
    };
    tell(ctx, &mut tx, publisher, asked).await?;
    let subject = (id.as_uuid(), &*submission.texts.name);
    note(ctx, &mut tx, Deed::ChangesRequested, subject).await?;
    effects::note_in_catalogue(ctx, &mut tx, &()).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %id, "changes requested");
    Ok(())
}
