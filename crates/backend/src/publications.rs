//! Publishing: an agent's published version is handed in as a version of a listing, which moderators
//! approve. The publisher may pause the listing or take it off.

use resonant_domain::agent_version::Edition;
use resonant_domain::listing::ListingState;
use resonant_domain::publication::{ListingTexts, Publication, Submission, SubmissionState};
use resonant_domain::scan::{Finding, scan};
use resonant_domain::{AgentId, FieldFault, SubmissionId, UserId};

use crate::cache::Stale;
use crate::cache::listing::ListingEntry;
use crate::cache::listing_page::MARKETPLACE;
use crate::{Ctx, Error, Result, access, agents, store};

const NO_AGENT: Error = Error::NotFound("agent");
const NOT_FOUND: Error = Error::NotFound("listing");
/// So many submissions of an agent are shown.
const SHOWN: i64 = 10;

/// What a change of a listing makes untrue.
pub(crate) fn stale(slug: &str) -> Stale {
    Stale::one::<ListingEntry>(&slug.to_owned()).and_group(MARKETPLACE)
}

/// What became of publishing an agent.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "publications.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, agent: AgentId) -> Result<Publication> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read(owner).await?;
    let found = store::agents::find(&mut conn, owner, agent).await?.ok_or(NO_AGENT)?;
    let version = store::agent_versions::find_published(&mut conn, owner, agent).await?;
    drop(conn);
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let listing = store::submissions::find_listing(&mut conn, owner, agent).await?;
    let submissions = store::submissions::list_of_agent(&mut conn, owner, agent, SHOWN).await?;
    let admins = store::members::list_admins(&mut conn).await?;
    let open = submissions.first().filter(|newest| newest.decided_at.is_none());
    Ok(Publication {
        agent_name: found.spec.name,
        agent_description: found.spec.description,
        agent_version: version,
        listing: listing.map(|(_, listing)| listing),
        findings: open.map(|open| scan(&open.texts, &open.spec)).unwrap_or_default(),
        submissions,
        has_moderators: !admins.is_empty(),
    })
}

/// Keeps what is to be handed in, with the agent's published version as it is now.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`]; [`Error::Conflict`] for a
/// guest, when no version of the agent was published, and while one is in review.
#[tracing::instrument(name = "publications.save", level = "debug", parent = ctx.span(), skip_all)]
pub async fn save(ctx: &Ctx, agent: AgentId, texts: ListingTexts) -> Result<Submission> {
    let owner = access::member(ctx)?;
    let texts = trimmed(texts);
    texts.check()?;
    let backend = ctx.backend();
    let mut conn = backend.read_latest(owner).await?;
    let found = store::agents::find(&mut conn, owner, agent).await?.ok_or(NO_AGENT)?;
    let version = store::agent_versions::find_published(&mut conn, owner, agent).await?;
    let version = version.ok_or_else(|| {
        Error::Conflict("Publish a version of the agent first: it is what others get".to_owned())
    })?;
    let spec = agents::spec_of(&mut conn, &found, Edition::Version(version)).await?;
    drop(conn);

    let mut tx = backend.catalogue_begin().await?;
    let open = store::submissions::lock_open(&mut tx, owner, agent).await?;
    if open.as_ref().is_some_and(|open| open.state == SubmissionState::InReview) {
        return Err(in_review());
    }
    let submission = Submission {
        id: match &open {
            Some(open) => open.id,
            None => SubmissionId::from_uuid(backend.new_id()?),
        },
        agent_id: agent,
        agent_version: version,
        state: SubmissionState::Draft,
        texts,
        spec,
        comment: String::new(),
        created_at: open.map_or_else(|| backend.now(), |open| open.created_at),
        submitted_at: None,
        decided_at: None,
    };
    store::submissions::upsert(&mut tx, owner, &submission).await?;
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
        ..texts
    }
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
    tx.commit().await?;
    tracing::info!(submission.id = %open.id, agent.id = %agent, "submission handed in");
    Ok(())
}

/// Takes back what was handed in: it is a draft once more.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] when nothing is in review.
#[tracing::instrument(name = "publications.withdraw", level = "debug", parent = ctx.span(), skip_all)]
pub async fn withdraw(ctx: &Ctx, agent: AgentId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let open = open_of(&mut tx, owner, agent).await?;
    store::submissions::update_submitted(&mut tx, open.id, None).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %open.id, agent.id = %agent, "submission taken back");
    Ok(())
}

async fn open_of(
    conn: &mut sqlx::PgConnection,
    owner: UserId,
    agent: AgentId,
) -> Result<Submission> {
    let open = store::submissions::lock_open(conn, owner, agent).await?;
    open.ok_or(Error::NotFound("submission"))
}

/// Pauses a listing, takes it off, or puts it back.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] for a listing that moderators
/// removed, and [`Error::Invalid`] on the field `state` for a state that is theirs to give.
#[tracing::instrument(name = "publications.set_state", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_state(ctx: &Ctx, agent: AgentId, state: ListingState) -> Result<()> {
    let owner = access::user(ctx)?;
    if state == ListingState::Removed {
        return Err(Error::field("state", "must be published, paused or unlisted"));
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    let found = store::submissions::find_listing(&mut tx, owner, agent).await?;
    let (id, listing) = found.ok_or(NOT_FOUND)?;
    if listing.state == ListingState::Removed {
        return Err(Error::Conflict(
            "Moderators removed this listing. A new version that they approve puts it back"
                .to_owned(),
        ));
    }
    store::publishing::update_state(&mut tx, id, state).await?;
    ctx.backend().commit(tx, stale(&listing.slug)).await?;
    tracing::info!(listing.slug = listing.slug, state = state.as_str(), "listing state changed");
    Ok(())
}

#[cfg(test)]
mod tests;
