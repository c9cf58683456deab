//! Agents that are shared with teams. Only where they are is in the catalogue; the agents themselves
//! stay with their owners.

use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::{AGENTS_MAX, AgentRight, AgentStanding, SharedAgent, Team};
use resonant_domain::{AgentId, UserId};

use super::{find, lock};
use crate::audit::{Log, Subject};
use crate::cache::agent::{AgentEntry, AgentKey};
use crate::store::team_agents::{Shared, SharedPosition};
use crate::{Ctx, Error, Result, access, audit, store};

const NO_AGENT: Error = Error::NotFound("agent");

/// Lists the agents that are shared with one of the caller's teams, those of the caller among them, the
/// one that was shared last first. Those in the trash are left out, so that a page may be shorter.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Invalid`] for a
/// limit or cursor that cannot be used.
#[tracing::instrument(name = "teams.agents", level = "debug", parent = ctx.span(), skip_all)]
pub async fn agents(ctx: &Ctx, slug: &str, page: PageRequest) -> Result<Page<SharedAgent>> {
    let me = access::with_scope(ctx, Scope::TeamsRead)?;
    let cursors = ctx.backend().cursors().await?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let (id, _) = find(&mut conn, me, slug).await?;
    let limit = page.checked_limit()?;
    let scope = ("team_agents", me, id);
    let after: Option<SharedPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let found = store::team_agents::list(&mut conn, (me, id), after, wanted).await?;
    drop(conn);
    let position = |last: &Shared| SharedPosition { shared_at: last.since, id: last.agent };
    described(ctx, cursors.page(&scope, limit, found, position)?).await
}

/// Lists the agents of others that are shared with the caller, the newest first; one that comes by
/// several teams stands there for the widest role. Those in the trash are left out, so that a page may be
/// shorter.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::Invalid`] for a limit or cursor that
/// cannot be used.
#[tracing::instrument(name = "teams.shared_with_me", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shared_with_me(ctx: &Ctx, page: PageRequest) -> Result<Page<SharedAgent>> {
    let me = access::with_scope(ctx, Scope::AgentsRead)?;
    let limit = page.checked_limit()?;
    let scope = ("agents_shared", me);
    let cursors = ctx.backend().cursors().await?;
    let before: Option<AgentId> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let wanted = i64::from(limit) + 1;
    let found = store::team_agents::list_reached(&mut conn, me, before, wanted).await?;
    drop(conn);
    described(ctx, cursors.page(&scope, limit, found, |last| last.agent)?).await
}

/// Finds the agents of others that are shared with the caller and whose name holds a text, letter case aside: at
/// most `most`, the newest first. The newest thousand are looked at.
///
/// # Errors
/// Those of [`shared_with_me`].
#[tracing::instrument(name = "teams.find_shared", level = "debug", parent = ctx.span(), skip_all)]
pub async fn find_shared(ctx: &Ctx, text: &str, most: usize) -> Result<Vec<SharedAgent>> {
    /// How many pages are looked at.
    const PAGES: usize = 5;

    let text = text.trim().to_lowercase();
    let (mut found, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES {
        let page = shared_with_me(ctx, PageRequest { cursor, ..PageRequest::largest() }).await?;
        let is_named = |agent: &SharedAgent| agent.name.to_lowercase().contains(&text);
        found.extend(page.items.into_iter().filter(is_named));
        cursor = page.next_cursor;
        if cursor.is_none() || found.len() >= most {
            break;
        }
    }
    found.truncate(most);
    Ok(found)
}

/// The agents with what their owners say of them; those in the trash are left out.
async fn described(ctx: &Ctx, shared: Page<Shared>) -> Result<Page<SharedAgent>> {
    let Page { items: shared, next_cursor } = shared;
    let keys: Vec<_> = shared.iter().map(|shared| AgentKey(shared.owner, shared.agent)).collect();
    if keys.is_empty() {
        return Ok(Page::empty());
    }
    let backend = ctx.backend();
    let found = backend.cache().get_many::<AgentEntry>(backend, &keys).await?;
    let both = shared.into_iter().zip(found);
    let agents = both.filter_map(|(shared, agent)| {
        let agent = agent?;
        let agent = agent.value();
        Some(SharedAgent {
            id: shared.agent,
            name: agent.spec.name.clone(),
            description: agent.spec.description.clone(),
            avatar: agent.spec.avatar.clone(),
            status: agent.status,
            owner_id: shared.owner,
            owner_name: shared.owner_name,
            team_slug: shared.team_slug,
            team_name: shared.team_name,
            role: shared.role,
            shared_at: shared.since,
        })
    });
    Ok(Page { items: agents.collect(), next_cursor })
}

/// What the agent is called, where it is the owner's and not in the trash.
async fn name_of(ctx: &Ctx, owner: UserId, agent: AgentId) -> Result<Option<String>> {
    let backend = ctx.backend();
    let found = backend.cache().get::<AgentEntry>(backend, &AgentKey(owner, agent)).await?;
    Ok(found.map(|agent| agent.value().spec.name.clone()))
}

/// What an agent is called that is the caller's own, or shared with a team of theirs; nothing where it is
/// neither.
async fn shared_name(ctx: &Ctx, me: UserId, slug: &str, agent: AgentId) -> Result<String> {
    if let Some(name) = name_of(ctx, me, agent).await? {
        return Ok(name);
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let ways = store::team_agents::list_ways(&mut conn, me, agent).await?;
    drop(conn);
    let Some(way) = ways.iter().find(|way| way.team_slug == slug) else {
        return Ok(String::new());
    };
    Ok(name_of(ctx, way.owner, agent).await?.unwrap_or_default())
}

/// Shares one of the caller's own agents with one of their teams, whatever their role there is.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for agent or team;
/// [`Error::NotAllowed`] for an agent of another; [`Error::Conflict`] when too many are shared.
#[tracing::instrument(name = "teams.share", level = "debug", parent = ctx.span(), skip_all)]
pub async fn share(ctx: &Ctx, slug: &str, agent: AgentId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let Some(name) = name_of(ctx, me, agent).await? else {
        return Err(access::not_own(ctx, me, agent).await);
    };
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    if store::team_agents::count(&mut tx, team.id).await? >= AGENTS_MAX as u64 {
        return Err(Error::Conflict(format!("{AGENTS_MAX} agents are shared with it already")));
    }
    store::team_agents::insert(&mut tx, team.id, me, agent, backend.now()).await?;
    let subject = Subject::agent(agent, &name);
    audit::note(ctx, &mut tx, Log::Account(me), Deed::AgentShared, Some(subject)).await?;
    tx.commit().await?;
    tracing::info!(team.id = %team.id, agent.id = %agent, "agent shared");
    Ok(())
}

/// Shares an agent with a team no more. Its owner may, and whoever manages the team.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for the team, and for an
/// agent that is not shared with it; [`Error::NotAllowed`].
#[tracing::instrument(name = "teams.unshare", level = "debug", parent = ctx.span(), skip_all)]
pub async fn unshare(ctx: &Ctx, slug: &str, agent: AgentId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::TeamsWrite)?;
    let name = shared_name(ctx, me, slug, agent).await?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let team = lock(&mut tx, me, slug).await?;
    let only_of = (!team.role.may_manage()).then_some(me);
    let whose = store::team_agents::delete(&mut tx, team.id, agent, only_of).await?;
    let Some(owner) = whose else {
        drop(tx);
        // It may be shared with the team by another.
        return Err(access::not_own(ctx, me, agent).await);
    };
    let subject = Subject::agent(agent, &name);
    audit::note(ctx, &mut tx, Log::Account(owner), Deed::AgentUnshared, Some(subject)).await?;
    tx.commit().await?;
    tracing::info!(team.id = %team.id, agent.id = %agent, "agent no longer shared");
    Ok(())
}

/// One of the caller's teams, and whether an agent of theirs is shared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTeam {
    /// The team.
    pub team: Team,
    /// Whether it has the agent.
    pub is_shared: bool,
}

/// The caller's teams, and with which of them one of their own agents is shared.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`].
#[tracing::instrument(name = "teams.teams_of", level = "debug", parent = ctx.span(), skip_all)]
pub async fn teams_of(ctx: &Ctx, agent: AgentId) -> Result<Vec<AgentTeam>> {
    let me = access::with_scope(ctx, Scope::TeamsRead)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let teams = store::teams::list(&mut conn, me, None, i64::MAX).await?;
    if teams.is_empty() {
        return Ok(Vec::new());
    }
    let shared = store::team_agents::list_teams(&mut conn, me, agent).await?;
    let both = teams.into_iter().map(|(team, _)| {
        let is_shared = shared.contains(&team.slug);
        AgentTeam { team, is_shared }
    });
    Ok(both.collect())
}

/// What the caller may do with an agent of another, and by which team.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`] for one that is not shared
/// with them, their own among them.
#[tracing::instrument(name = "teams.standing", level = "debug", parent = ctx.span(), skip_all)]
pub async fn standing(ctx: &Ctx, agent: AgentId) -> Result<AgentStanding> {
    let me = access::with_scope(ctx, Scope::AgentsRead)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let ways = store::team_agents::list_ways(&mut conn, me, agent).await?;
    let widest = ways.into_iter().max_by_key(|way| way.role).ok_or(NO_AGENT)?;
    if !widest.role.may(AgentRight::Read) {
        return Err(NO_AGENT);
    }
    let owner = store::members::find(&mut conn, widest.owner).await?.ok_or(NO_AGENT)?;
    Ok(AgentStanding {
        owner_name: owner.display_name,
        team_name: widest.team_name,
        team_slug: widest.team_slug,
        role: widest.role,
    })
}
