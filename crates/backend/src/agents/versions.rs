//! The draft and the published versions: publish one, compare two, go back to one.
//!
//! The agent itself is the draft. Once a version is published, sessions run the newest one; the draft
//! runs only for whoever tries it. An agent that was never published runs as it stands.

use resonant_domain::agent::{Agent, AgentSpec};
use resonant_domain::agent_version::{AgentVersion, Edition, NewVersion, VersionSummary, missing};
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::fields::{Fields, Part};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::spec_diff::SpecDiff;
use resonant_domain::team::AgentRight;
use resonant_domain::{AgentId, UserId};
use sqlx::PgConnection;

use super::called;
use crate::store::agent_versions::Wide;
use crate::{Ctx, Error, Result, Seen, access, effects, store, test_sets};

const NO_VERSION: Error = Error::NotFound("version");

/// Publishes the draft as the next version and makes it the one that runs.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for long notes;
/// [`Error::Lacking`] names each field, or test, that is missing; [`Error::Conflict`] when the draft is
/// no longer at `expected_revision`, or is what runs already.
#[tracing::instrument(name = "agents.publish", level = "debug", parent = ctx.span(), skip_all)]
pub async fn publish(
    ctx: &Ctx,
    id: AgentId,
    new: NewVersion,
    expected_revision: Option<i64>,
) -> Result<AgentVersion> {
    access::with_scope(ctx, Scope::AgentsWrite)?;
    new.check()?;
    let (_, reached) = super::reach_document(ctx, Scope::AgentsWrite, id, AgentRight::Edit).await?;
    test_sets::settle_agent(ctx.backend(), reached.owner, id).await?;
    let (agent, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, id, AgentRight::Edit).await?;
    let owner = reached.owner;
    if let Some(number) = effects::find(ctx, &mut tx, owner).await? {
        return version(&mut tx, owner, id, number).await;
    }
    super::check_seen(&Seen::from(expected_revision), &agent)?;
    let mut lacks = missing(&agent.spec);
    lacks.extend(test_sets::lacking(&mut tx, &agent).await?);
    if !lacks.is_empty() {
        return Err(Error::Lacking(lacks));
    }
    let last = store::agent_versions::find_last(&mut tx, owner, id).await?;
    if let Some(published) = store::agent_versions::find_published(&mut tx, owner, id).await? {
        let published = version(&mut tx, owner, id, published).await?;
        if published.spec == agent.spec {
            return Err(Error::Conflict(format!(
                "The draft is the same as version {}, which runs already",
                published.version
            )));
        }
    }
    super::note(ctx, &mut tx, &agent, Deed::AgentPublished).await?;
    let version = AgentVersion {
        agent_id: id,
        version: last + 1,
        notes: new.notes.trim().to_owned(),
        created_at: ctx.backend().now(),
        spec: agent.spec,
    };
    store::agent_versions::insert(&mut tx, owner, &version).await?;
    if agent.listing_id.is_some() {
        store::listing_runs::update_published(&mut tx, owner, id, version.version).await?;
    }
    effects::note(ctx, &mut tx, owner, &version.version).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %id, version = version.version, "agent version published");
    Ok(version)
}

async fn version(
    conn: &mut PgConnection,
    owner: UserId,
    id: AgentId,
    number: u32,
) -> Result<AgentVersion> {
    store::agent_versions::find(conn, owner, id, number, Wide::WHOLE).await?.ok_or(NO_VERSION)
}

/// The number of the version that sessions run; `None` when they run the draft.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "agents.published", level = "debug", parent = ctx.span(), skip_all)]
pub async fn published(ctx: &Ctx, id: AgentId) -> Result<Option<AgentVersion>> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    let owner = reached.owner;
    match store::agent_versions::find_published(&mut conn, owner, id).await? {
        Some(number) => version(&mut conn, owner, id, number).await.map(Some),
        None => Ok(None),
    }
}

/// Lists the versions of an agent, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for a limit or cursor that
/// cannot be used.
#[tracing::instrument(name = "agents.versions", level = "debug", parent = ctx.span(), skip_all)]
pub async fn versions(ctx: &Ctx, id: AgentId, page: PageRequest) -> Result<Page<VersionSummary>> {
    let me = access::with_scope(ctx, Scope::AgentsRead)?;
    let limit = page.checked_limit()?;
    let scope = ("agent_versions", me, id);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<u32> = cursors.open(&scope, page.cursor.as_deref())?;
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    let owner = reached.owner;
    let wanted = i64::from(limit) + 1;
    let found = store::agent_versions::list(&mut conn, owner, id, before, wanted).await?;
    cursors.page(&scope, limit, found, |last| last.version)
}

/// Reads one version.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or the version.
#[tracing::instrument(name = "agents.get_version", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get_version(ctx: &Ctx, id: AgentId, number: u32) -> Result<AgentVersion> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    version(&mut conn, reached.owner, id, number).await
}

/// Reads some fields of one version.
///
/// # Errors
/// Those of [`get_version`].
#[tracing::instrument(name = "agents.get_version_part", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get_version_part(
    ctx: &Ctx,
    id: AgentId,
    number: u32,
    fields: &Fields<AgentVersion>,
) -> Result<Part<AgentVersion>> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    let wide = Wide { spec: fields.has("spec"), notes: fields.has("notes") };
    let found = store::agent_versions::find(&mut conn, reached.owner, id, number, wide).await?;
    Ok(fields.of(found.ok_or(NO_VERSION)?))
}

/// What an agent is made of in one of its editions, to be kept as a file. A file tells of no listing: of
/// a copy that its owner had to pay for there is none.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or the version; [`Error::NotAllowed`]
/// for a copy that was paid for.
#[tracing::instrument(name = "agents.export", level = "debug", parent = ctx.span(), skip_all)]
pub async fn export(ctx: &Ctx, id: AgentId, edition: Edition) -> Result<AgentSpec> {
    let (agent, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    if store::entitlements::find_of_agent(&mut conn, reached.owner, id).await?.is_some() {
        return Err(Error::NotAllowed(
            "It is a copy of a listing that is paid for, and cannot be taken along as a file: \
             whoever wants it installs it from the marketplace",
        ));
    }
    spec_of(&mut conn, &agent, edition).await
}

/// What the agent is made of in one of its editions.
pub(crate) async fn spec_of(
    conn: &mut PgConnection,
    agent: &Agent,
    edition: Edition,
) -> Result<AgentSpec> {
    match edition {
        Edition::Draft => Ok(agent.spec.clone()),
        Edition::Version(number) => Ok(version(conn, agent.owner_id, agent.id, number).await?.spec),
    }
}

/// What runs where nobody asks for an edition: the published version with its number, or the agent as it
/// is now where none is published.
pub(crate) async fn spec_to_run(
    conn: &mut PgConnection,
    agent: &Agent,
) -> Result<(Option<u32>, AgentSpec)> {
    let published = store::agent_versions::find_published(&mut *conn, agent.owner_id, agent.id);
    let version = published.await?;
    let edition = version.map_or(Edition::Draft, Edition::Version);
    Ok((version, spec_of(conn, agent, edition).await?))
}

/// What differs between two editions of an agent.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or a version.
#[tracing::instrument(name = "agents.compare", level = "debug", parent = ctx.span(), skip_all)]
pub async fn compare(ctx: &Ctx, id: AgentId, before: Edition, after: Edition) -> Result<SpecDiff> {
    let (agent, _, mut conn) = access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    let before = spec_of(&mut conn, &agent, before).await?;
    let after = spec_of(&mut conn, &agent, after).await?;
    Ok(SpecDiff::of(&before, &after))
}

/// Makes the draft what a version was. The versions stay as they are. A copy of a listing is one of that
/// version of it again from which the agent's version came.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the agent or the version; [`Error::Conflict`]
/// when the draft is no longer at `expected_revision`.
#[tracing::instrument(name = "agents.restore_version", level = "debug", parent = ctx.span(), skip_all)]
pub async fn restore_version(
    ctx: &Ctx,
    id: AgentId,
    number: u32,
    expected_revision: Option<i64>,
) -> Result<Agent> {
    let spec = get_version(ctx, id, number).await?.spec;
    let (before, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, id, AgentRight::Edit).await?;
    let (locked, expected) = ((&before, reached), Seen::from(expected_revision));
    let changed =
        super::change_locked(ctx, &mut tx, locked, &expected, |agent| agent.spec = spec).await?;
    let Some(after) = changed else { return Ok(before) };
    if after.listing_id.is_some() {
        store::listing_runs::update_restored(&mut tx, reached.owner, id, number).await?;
    }
    ctx.backend().commit(tx, super::stale(reached.owner, id)).await?;
    tracing::info!(agent.id = %id, revision = after.revision, "agent version restored");
    Ok(after)
}

/// Makes the draft what `spec` says, all of it.
///
/// # Errors
/// Those of [`super::update`].
#[tracing::instrument(name = "agents.replace_draft", level = "debug", parent = ctx.span(), skip_all)]
pub async fn replace_draft(
    ctx: &Ctx,
    id: AgentId,
    spec: AgentSpec,
    expected: impl Into<Seen>,
) -> Result<Agent> {
    super::change(ctx, id, &expected.into(), |agent| agent.spec = spec).await
}

/// What a new agent that is as `spec` says would have beyond a blank one. Makes nothing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] names every field that breaks a rule.
#[tracing::instrument(name = "agents.preview_new", level = "debug", parent = ctx.span(), skip_all)]
pub async fn preview_new(ctx: &Ctx, spec: &AgentSpec) -> Result<SpecDiff> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    super::check(spec)?;
    if spec.tools.iter().any(|grant| grant.agent_id().is_some()) {
        let mut conn = ctx.backend().read(owner).await?;
        called::check(&mut conn, owner, spec, None).await?;
    }
    Ok(SpecDiff::of(&AgentSpec::default(), &as_kept(spec)))
}

/// What would change if the draft became what `spec` says. Changes nothing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`]; [`Error::Invalid`] names every field
/// that breaks a rule.
#[tracing::instrument(name = "agents.preview_draft", level = "debug", parent = ctx.span(), skip_all)]
pub async fn preview_draft(ctx: &Ctx, id: AgentId, spec: &AgentSpec) -> Result<SpecDiff> {
    access::with_scope(ctx, Scope::AgentsRead)?;
    super::check(spec)?;
    let (agent, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    super::check_seen(ctx.seen(), &agent)?;
    if reached.is_own() {
        called::check(&mut conn, reached.owner, spec, Some(&agent.spec)).await?;
    } else {
        called::check_unchanged(spec, &agent.spec)?;
    }
    Ok(SpecDiff::of(&agent.spec, &as_kept(spec)))
}

/// What would be kept of it.
fn as_kept(spec: &AgentSpec) -> AgentSpec {
    let mut kept = spec.clone();
    super::trim(&mut kept);
    kept
}

#[cfg(test)]
mod tests;
