//! New versions of listings for those who have a copy.

use resonant_domain::agent::{Agent, AgentSpec};
use resonant_domain::api_key::Scope;
use resonant_domain::spec_diff::SpecDiff;
use resonant_domain::team::AgentRight;
use resonant_domain::upstream::{ListingUpdate, Merge, merge, widened};
use resonant_domain::{AgentId, ListingId};

use crate::agents::Expected;
use crate::{Ctx, Error, Result, access, agents, purchases, store};

const NO_AGENT: Error = Error::NotFound("agent");

/// What a newer version of its listing would change in one of the caller's agents; `None` when there
/// is none.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] for whoever has not paid what it
/// costs.
#[tracing::instrument(name = "listings.find", level = "debug", parent = ctx.span(), skip_all)]
pub async fn find(ctx: &Ctx, id: AgentId) -> Result<Option<ListingUpdate>> {
    Ok(prepare(ctx, id).await?.map(|next| next.update))
}

/// What an update would bring.
struct Next {
    listing: ListingId,
    update: ListingUpdate,
    /// What the agent would become.
    spec: AgentSpec,
    /// Whether it would run only for whoever has paid.
    needs_entitlement: bool,
}

async fn prepare(ctx: &Ctx, id: AgentId) -> Result<Option<Next>> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().read_latest(owner).await?;
    let agent = store::agents::find(&mut conn, owner, id).await?.ok_or(NO_AGENT)?;
    let Some(listing) = agent.listing_id else { return Ok(None) };
    let from = store::listing_runs::find_copied(&mut conn, owner, id).await?.unwrap_or(1);
    drop(conn);
    let mut conn = ctx.backend().catalogue_read().await?;
    let Some(found) = store::listings::find_published(&mut conn, listing).await? else {
        return Ok(None);
    };
    if found.version <= from {
        return Ok(None);
    }
    let base = store::listings::find_version(&mut conn, listing, from).await?;
    drop(conn);
    // What came for nothing stays; what came after it costs what it costs.
    let needs_entitlement = !found.summary.price.is_free()
        && purchases::check_entitled(ctx, &found.summary.slug, owner).await?;
    let Merge { spec, conflicts } = merge(&base.unwrap_or_default(), &agent.spec, &found.agent);
    let update = ListingUpdate {
        slug: found.summary.slug,
        name: found.summary.name,
        from,
        to: found.version,
        revision: agent.revision,
        news: found.versions.into_iter().filter(|version| version.version > from).collect(),
        diff: SpecDiff::of(&agent.spec, &spec),
        conflicts,
        widened: widened(&agent.spec, &spec),
    };
    Ok(Some(Next { listing, update, spec, needs_entitlement }))
}

/// What its owner has agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// That it gets no more than it has.
    Nothing,
    /// That its tools are granted more.
    Wider,
}

/// Brings one of the caller's agents to the newest version of its listing. The caller's own changes
/// stay.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] on the field `consent` when
/// tools would be granted more and that was not agreed to; [`Error::Conflict`] when the agent is no
/// longer at `revision`, or there is nothing newer than it has.
#[tracing::instrument(name = "listings.take", level = "debug", parent = ctx.span(), skip_all)]
pub async fn take(ctx: &Ctx, id: AgentId, revision: i64, consent: Consent) -> Result<Agent> {
    let owner = access::user(ctx)?;
    let Some(next) = prepare(ctx, id).await? else {
        return Err(Error::Conflict("It is the newest version already".to_owned()));
    };
    let Next { listing, update, spec, needs_entitlement } = next;
    if !update.widened.is_empty() && consent == Consent::Nothing {
        return Err(Error::field("consent", "must be given: it asks for more than it has"));
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let published = store::listings::find_version(&mut conn, listing, update.to).await?;
    drop(conn);
    // A copy with changes of its own is not the listing's agent: its runs are not measured.
    let is_pristine = published.as_ref() == Some(&spec);
    // What the version costs, and that it is there, is written at once.
    let (before, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, id, AgentRight::Own).await?;
    let (locked, expected) = ((&before, reached), Expected::from(Some(revision)));
    let changed =
        agents::change_locked(ctx, &mut tx, locked, &expected, |agent| agent.spec = spec).await?;
    let agent = changed.unwrap_or(before);
    let pristine = is_pristine.then_some(agent.revision);
    store::listing_runs::update_copied(&mut tx, owner, id, update.to, pristine).await?;
    if needs_entitlement {
        store::entitlements::update_needed(&mut tx, owner, id).await?;
    }
    ctx.backend().commit(tx, agents::stale(owner, id)).await?;
    tracing::info!(agent.id = %id, listing.slug = update.slug, version = update.to, "copy updated");
    Ok(agent)
}
