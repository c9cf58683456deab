//! New versions of listings for those who have a copy.

use resonant_domain::AgentId;
use resonant_domain::agent::{Agent, AgentSpec};
use resonant_domain::api_key::Scope;
use resonant_domain::listing::Listing;
use resonant_domain::spec_diff::SpecDiff;
use resonant_domain::team::AgentRight;
use resonant_domain::upstream::{Choices, ListingUpdate, Widening, merge};

use super::{check_seen, lineage};
use crate::store::listing_runs::Copied;
use crate::{Ctx, Error, Result, Seen, access, agents, purchases, store};

const NO_AGENT: Error = Error::NotFound("agent");

/// What a newer version of its listing would change in one of the caller's agents; `None` when there
/// is none.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Conflict`] for whoever has not paid what it
/// costs.
#[tracing::instrument(name = "listings.find", level = "debug", parent = ctx.span(), skip_all)]
pub async fn find(ctx: &Ctx, id: AgentId) -> Result<Option<ListingUpdate>> {
    let Some(next) = prepare(ctx, id).await? else { return Ok(None) };
    let Next { listing, from, agent, base, .. } = next;
    let mine = merge(&base, &agent.spec, &listing.agent, &Choices::new());
    let theirs = merge(&base, &agent.spec, &listing.agent, &mine.all_theirs());
    let widened = Widening::between(&agent.spec, &mine.spec);
    let widened_by_choice = Widening::between(&agent.spec, &theirs.spec).without(&widened);
    let news = listing.versions.into_iter().filter(|version| version.version > from).collect();
    Ok(Some(ListingUpdate {
        slug: listing.summary.slug,
        name: listing.summary.name,
        from,
        to: listing.version,
        revision: agent.revision,
        news,
        diff: SpecDiff::of(&agent.spec, &mine.spec),
        conflicts: mine.conflicts,
        widened,
        widened_by_choice,
    }))
}

/// An update that is there.
struct Next {
    /// The listing in its newest version.
    listing: Listing,
    /// The version that the agent is a copy of.
    from: i32,
    agent: Agent,
    /// What that version was made of.
    base: AgentSpec,
    /// Whether the agent would run only for whoever has paid.
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
    let base = store::listings::find_base(&mut conn, listing, from).await?;
    drop(conn);
    // What came for nothing stays; what came after it costs what it costs.
    let needs_entitlement = !found.summary.price.is_free()
        && purchases::check_entitled(ctx, &found.summary.slug, owner).await?;
    // Of a version that nobody knows any more, everything may have been changed by both.
    let base = base.unwrap_or_default();
    Ok(Some(Next { listing: found, from, agent, base, needs_entitlement }))
}

/// What its owner has agreed to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consent {
    /// That it gets no more than it has.
    #[default]
    Nothing,
    /// That its tools are granted more, and that it may spend more.
    Wider,
}

/// What its owner has seen of an update, and what they want of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taking {
    /// The agent's revision that they saw it in.
    pub revision: i64,
    /// The version that they saw.
    pub to: i32,
    /// What they agree to.
    pub consent: Consent,
    /// Whose side they take where both changed the same.
    pub choices: Choices,
}

/// Brings one of the caller's agents to the newest version of its listing. The caller's own changes
/// stay but where they choose the publisher's.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] on the field `consent` when
/// tools would be granted more, or it might spend more, and that was not agreed to; [`Error::Conflict`]
/// when the agent is no longer at the revision that was seen, when another version is the newest by now,
/// or there is nothing newer than it has.
#[tracing::instrument(name = "listings.take", level = "debug", parent = ctx.span(), skip_all)]
pub async fn take(ctx: &Ctx, id: AgentId, taking: Taking) -> Result<Agent> {
    let owner = access::user(ctx)?;
    let Some(next) = prepare(ctx, id).await? else {
        return Err(Error::Conflict("It is the newest version already".to_owned()));
    };
    let Next { listing, agent: seen, base, needs_entitlement, .. } = next;
    check_seen(listing.version, Some(taking.to))?;
    let spec = merge(&base, &seen.spec, &listing.agent, &taking.choices).spec;
    let is_wider = !Widening::between(&seen.spec, &spec).is_empty();
    if is_wider && taking.consent == Consent::Nothing {
        return Err(Error::field("consent", "must be given: it asks for more than it has"));
    }
    // A copy with changes of its own is not the listing's agent: its runs are not measured.
    let is_pristine = listing.agent == spec;
    let digest = lineage::digest_of(&listing.agent)?;
    // What the version costs, and that it is there, is written at once.
    let (before, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, id, AgentRight::Own).await?;
    let (locked, expected) = ((&before, reached), Seen::from(Some(taking.revision)));
    let changed =
        agents::change_locked(ctx, &mut tx, locked, &expected, |agent| agent.spec = spec).await?;
    let agent = changed.unwrap_or(before);
    let copied = Copied {
        version: listing.version,
        digest: &digest,
        pristine_revision: is_pristine.then_some(agent.revision),
    };
    store::listing_runs::update_copied(&mut tx, owner, id, copied).await?;
    if needs_entitlement {
        store::entitlements::update_needed(&mut tx, owner, id).await?;
    }
    ctx.backend().commit(tx, agents::stale(owner, id)).await?;
    let (slug, version) = (&listing.summary.slug, listing.version);
    tracing::info!(agent.id = %id, listing.slug = slug, version, "copy updated");
    Ok(agent)
}
