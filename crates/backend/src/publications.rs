//! Publishing: an agent's published version is handed in as a version of a listing, which moderators
//! approve. The publisher may pause the listing or take it off.

use resonant_domain::agent_version::Edition;
use resonant_domain::audit::{Deed, SubjectKind};
use resonant_domain::listing::{Example, Listing, ListingState, ListingSummary, ListingVersion};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::publication::{
    ListingTexts, Publication, Submission, SubmissionState, TAGS_MAX, slug_of,
};
use resonant_domain::scan::{Finding, scan};
use resonant_domain::{AgentId, FieldFault, ListingId, SubmissionId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::audit::{Log, Subject};
use crate::cache::Stale;
use crate::cache::listing::ListingEntry;
use crate::cache::listing_page::MARKETPLACE;
use crate::listings::{self, lineage};
use crate::seen::{self, Changeable as _};
use crate::store::OnConstraint as _;
use crate::{Ctx, Error, Result, access, agents, audit, effects, publishers, store};

mod listing;
pub mod pictures;
mod showcase;

pub use self::listing::{
    ListingChanges, Upkeep, change, delete_version, deprecate, keep_up, listing, set_state,
};
pub(crate) use self::showcase::forget_session;
pub use self::showcase::{Consent, hide, show, showable, shown};

const NO_AGENT: Error = Error::NotFound("agent");
const NOT_FOUND: Error = Error::NotFound("listing");

/// How far a request to hand something in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Done {
    Saved,
    HandedIn,
}

/// What a change of a listing makes untrue.
pub(crate) fn stale(slug: &str) -> Stale {
    Stale::one::<ListingEntry>(&slug.to_owned()).and_group(MARKETPLACE)
}

/// Writes down what a publisher does to a listing, or to a version of it on its way.
async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    owner: UserId,
    deed: Deed,
    (id, name): (Uuid, &str),
) -> Result<()> {
    let subject = Subject::new(SubjectKind::Listing, id, name);
    audit::note(ctx, tx, Log::Account(owner), deed, Some(subject)).await
}

/// What became of publishing an agent, with a page of what was handed in, the newest first. Also of one that was
/// deleted, while there is a listing of it: whoever publishes that pauses it here, or takes it off.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for a limit or cursor that cannot
/// be used.
#[tracing::instrument(name = "publications.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, agent: AgentId, page: PageRequest) -> Result<Publication> {
    let owner = access::user(ctx)?;
    let limit = page.checked_limit()?;
    let scope = ("agent_submissions", owner, agent);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<SubmissionId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().read(owner).await?;
    let found = store::agents::find(&mut conn, owner, agent).await?;
    let version = match &found {
        Some(_) => store::agent_versions::find_published(&mut conn, owner, agent).await?,
        None => None,
    };
    drop(conn);
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let listing = store::submissions::find_listing(&mut conn, owner, agent).await?;
    let wanted = i64::from(limit) + 1;
    let listed = store::submissions::list_of_agent(&mut conn, owner, agent, before, wanted).await?;
    let newest = match before {
        None => listed.first().cloned(),
        Some(_) => store::submissions::find_newest(&mut conn, owner, agent).await?,
    };
    let spec = match (found, &newest) {
        (Some(found), _) => found.spec,
        (None, Some(newest)) if listing.is_some() => newest.spec.clone(),
        (None, _) => return Err(NO_AGENT),
    };
    let open = newest.filter(|newest| newest.decided_at.is_none());
    let admins = store::members::list_admins(&mut conn).await?;
    let submissions = cursors.page(&scope, limit, listed, |last| last.id)?;
    let has_more = submissions.has_more();
    let Page { items: submissions, next_cursor } = submissions;
    Ok(Publication {
        agent_name: spec.name,
        agent_description: spec.description,
        agent_version: version,
        listing: listing.map(|(_, listing)| listing),
        findings: open.map(|open| scan(&open.texts, &open.spec)).unwrap_or_default(),
        submissions,
        has_more,
        next_cursor,
        has_moderators: !admins.is_empty(),
        takes_payments: ctx.backend().payments().is_some(),
    })
}

/// The listing that the open submission of an agent would make.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] when nothing is on its way.
#[tracing::instrument(name = "publications.preview", level = "debug", parent = ctx.span(), skip_all)]
pub async fn preview(ctx: &Ctx, agent: AgentId) -> Result<Listing> {
    let owner = access::user(ctx)?;
    let now = ctx.backend().now();
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let newest = store::submissions::find_newest(&mut conn, owner, agent).await?;
    let open = newest.filter(|newest| newest.decided_at.is_none());
    let open = open.ok_or(Error::NotFound("submission"))?;
    let forked_from = store::submissions::find_forked(&mut conn, open.id).await?;
    let forked_from = lineage::told(&mut conn, forked_from).await?;
    let found = store::submissions::find_listing(&mut conn, owner, agent).await?;
    let shown = publishers::shown(&mut conn, owner).await?;
    let (publisher, publisher_handle) = shown.ok_or(Error::Unauthenticated)?;
    let standing = match &found {
        Some((_, listing)) => store::listings::find_by_slug(&mut conn, &listing.slug).await?,
        None => None,
    };
    let version = match &found {
        Some((id, _)) => store::publishing::find_next_version(&mut conn, *id).await?,
        None => 1,
    };
    drop(conn);
    let first = standing.as_ref();
    let news = ListingVersion { version, change_log: open.texts.change_log, created_at: now };
    let mut versions = first.map(|first| first.versions.clone()).unwrap_or_default();
    versions.insert(0, news);
    let before = first.map(|first| &first.summary);
    Ok(Listing {
        summary: ListingSummary {
            id: found.as_ref().map_or_else(|| ListingId::from_uuid(open.id.as_uuid()), |it| it.0),
            slug: found.map_or_else(|| slug_of(&open.texts.name), |(_, listing)| listing.slug),
            name: open.texts.name,
            tagline: open.texts.tagline,
            category: open.texts.category,
            avatar: open.spec.avatar.clone(),
            picture: open.pictures.avatar,
            publisher,
            installs: before.map_or(0, |before| before.installs),
            rating_count: before.map_or(0, |before| before.rating_count),
            rating_hundredths: before.map_or(0, |before| before.rating_hundredths),
            is_template: false,
            publisher_handle,
            is_verified: before.is_some_and(|before| before.is_verified),
            median_cost: None,
            price: open.texts.price,
            highlights: None,
        },
        description: open.texts.description,
        tags: open.texts.tags,
        // Nobody installs what is not there yet.
        state: ListingState::Unlisted,
        examples: open.texts.examples,
        agent: open.spec,
        version,
        created_at: first.map_or(now, |first| first.created_at),
        updated_at: now,
        versions,
        deprecation: None,
        showcase: None,
        screenshots: open.pictures.screenshots,
        forked_from,
    })
}

/// One of the caller's own listings that they have taken off, or that moderators removed: nobody else sees
/// it.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`], also for what others see.
#[tracing::instrument(name = "publications.taken_off", level = "debug", parent = ctx.span(), skip_all)]
pub async fn taken_off(ctx: &Ctx, slug: &str) -> Result<Listing> {
    let owner = access::user(ctx)?;
    if !listings::is_slug(slug) {
        return Err(NOT_FOUND);
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    store::listings::find_hidden(&mut conn, owner, slug).await?.ok_or(NOT_FOUND)
}

/// Keeps what is to be handed in, with the agent's published version as it is now.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Changed`] for a draft
/// that is not as the caller saw it, or where they saw none; [`Error::Conflict`] for a guest, for a copy of
/// what another sells, when no version of the agent was published, while one is in review, and when another
/// one is begun at the same time.
#[tracing::instrument(name = "publications.save", level = "debug", parent = ctx.span(), skip_all)]
pub async fn save(ctx: &Ctx, agent: AgentId, texts: ListingTexts) -> Result<Submission> {
    let owner = access::member(ctx)?;
    let texts = trimmed(texts);
    texts.check()?;
    let backend = ctx.backend();
    if !texts.price.is_free() && backend.payments().is_none() {
        let reason = "must be free: this installation takes no payments";
        return Err(Error::field("price", reason));
    }
    let mut conn = backend.read_latest(owner).await?;
    let found = store::agents::find(&mut conn, owner, agent).await?.ok_or(NO_AGENT)?;
    if store::entitlements::find_of_agent(&mut conn, owner, agent).await?.is_some() {
        return Err(Error::Conflict("It is a copy of what another sells here".to_owned()));
    }
    let version = store::agent_versions::find_published(&mut conn, owner, agent).await?;
    let version = version.ok_or_else(|| {
        Error::Conflict("Publish a version of the agent first: it is what others get".to_owned())
    })?;
    let spec = agents::spec_of(&mut conn, &found, Edition::Version(version)).await?;
    let edited = match found.listing_id {
        Some(_) => store::listing_runs::find_edited(&mut conn, owner, agent, Some(version)).await?,
        None => None,
    };
    drop(conn);

    let mut tx = backend.catalogue_begin().await?;
    let open = store::submissions::lock_open(&mut tx, owner, agent).await?;
    if effects::find_in_catalogue::<Done>(ctx)?.is_some() {
        let newest = store::submissions::find_newest(&mut tx, owner, agent).await?;
        return newest.ok_or(Error::NotFound("submission"));
    }
    if open.as_ref().is_some_and(|open| open.state == SubmissionState::InReview) {
        return Err(in_review());
    }
    // An earlier try has made it what it shall be, and its answer was lost.
    if open.as_ref().is_none_or(|open| open.texts != texts) {
        let version = open.as_ref().map(seen::version_of);
        ctx.seen().check(Submission::NOUN, version.as_deref())?;
    }
    let pictures = match &open {
        Some(open) => open.pictures.clone(),
        None => pictures::inherited(&mut tx, owner, agent).await?,
    };
    let submission = Submission {
        id: match &open {
            Some(open) => open.id,
            None => SubmissionId::from_uuid(backend.new_id()?),
        },
        agent_id: agent,
        agent_version: version,
        state: SubmissionState::Draft,
        texts,
        pictures,
        spec,
        comment: String::new(),
        created_at: open.map_or_else(|| backend.now(), |open| open.created_at),
        submitted_at: None,
        decided_at: None,
    };
    let forked_from = edited.map(|edited| edited.origin);
    // Of two first drafts at the same time one waits here for the other.
    store::submissions::upsert(&mut tx, owner, &submission, forked_from)
        .await
        .on_constraint("listing_submissions_open_key", saved_elsewhere)?;
    effects::note_in_catalogue(ctx, &mut tx, &Done::Saved).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %submission.id, agent.id = %agent, "submission saved");
    Ok(submission)
}

fn trimmed(texts: ListingTexts) -> ListingTexts {
    let trim = |text: String| text.trim().to_owned();
    ListingTexts {
        name: trim(texts.name),
        tagline: trim(texts.tagline),
        description: trim(texts.description),
        change_log: trim(texts.change_log),
        tags: small(texts.tags),
        examples: texts.examples.into_iter().map(trimmed_example).collect(),
        ..texts
    }
}

/// Each tag once and in small letters: filters ask for no others. Too many are refused as they are.
fn small(tags: Vec<String>) -> Vec<String> {
    if tags.len() > TAGS_MAX {
        return tags;
    }
    let mut small: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags.iter().map(|tag| tag.to_lowercase()) {
        if !small.contains(&tag) {
            small.push(tag);
        }
    }
    small
}

fn trimmed_example(Example { goal, context }: Example) -> Example {
    let context = context.filter(|context| !context.trim().is_empty());
    Example { goal: goal.trim().to_owned(), context }
}

fn saved_elsewhere() -> Error {
    let reason = "It has just been saved elsewhere. Load the page again before you go on";
    Error::Conflict(reason.to_owned())
}

fn in_review() -> Error {
    Error::Conflict("It is in review. Take it back before you change it".to_owned())
}

/// Hands the saved draft in.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for each field with a secret in
/// it; [`Error::Conflict`] for a guest, without a draft, and while one is in review.
#[tracing::instrument(name = "publications.submit", level = "debug", parent = ctx.span(), skip_all)]
pub async fn submit(ctx: &Ctx, agent: AgentId) -> Result<()> {
    let owner = access::member(ctx)?;
    let now = ctx.backend().now();
    let mut tx = ctx.backend().catalogue_begin().await?;
    if effects::find_in_catalogue(ctx)? == Some(Done::HandedIn) {
        return Ok(());
    }
    let open = open_of(&mut tx, owner, agent).await?;
    if open.state == SubmissionState::InReview {
        return Err(in_review());
    }
    let findings = scan(&open.texts, &open.spec);
    let faults: Vec<_> = findings
        .into_iter()
        .filter(Finding::is_blocking)
        .map(|finding| FieldFault::new(finding.field, finding.reason))
        .collect();
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    store::submissions::update_submitted(&mut tx, open.id, Some(now)).await?;
    let subject = (open.id.as_uuid(), &*open.texts.name);
    note(ctx, &mut tx, owner, Deed::ListingSubmitted, subject).await?;
    effects::note_in_catalogue(ctx, &mut tx, &Done::HandedIn).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %open.id, agent.id = %agent, "submission handed in");
    Ok(())
}

/// Takes back what was handed in: it is a draft once more. A draft stays one.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] when nothing is on its way.
#[tracing::instrument(name = "publications.withdraw", level = "debug", parent = ctx.span(), skip_all)]
pub async fn withdraw(ctx: &Ctx, agent: AgentId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let open = open_of(&mut tx, owner, agent).await?;
    if open.state == SubmissionState::Draft {
        return Ok(());
    }
    store::submissions::update_submitted(&mut tx, open.id, None).await?;
    let subject = (open.id.as_uuid(), &*open.texts.name);
    note(ctx, &mut tx, owner, Deed::ListingWithdrawn, subject).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %open.id, agent.id = %agent, "submission taken back");
    Ok(())
}

async fn open_of(conn: &mut PgConnection, owner: UserId, agent: AgentId) -> Result<Submission> {
    let open = store::submissions::lock_open(conn, owner, agent).await?;
    open.ok_or(Error::NotFound("submission"))
}

#[cfg(test)]
pub(crate) mod tests;
