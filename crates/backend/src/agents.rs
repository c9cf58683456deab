//! What owners do with their agents.

mod called;
mod changes;
mod grants;
mod lists;
mod looks;
mod numbers;
pub mod records;
mod trash;
mod versions;
mod weigh;

use std::sync::Arc;

use resonant_domain::agent::{Agent, AgentChanges, AgentSpec, AgentStatus, AgentSummary};
use resonant_domain::agent_list::BulkAction;
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::AgentRight;
use resonant_domain::{AgentId, UserId};
use resonant_runtime::tools::check_grants;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::access::Reached;
use crate::audit::{Log, Subject};
use crate::cache::Stale;
use crate::cache::agent::{AgentEntry, AgentKey};
use crate::cache::agent_page::{AgentPageEntry, AgentPageKey};
use crate::store::OnConstraint as _;
use crate::store::agents::AgentPosition;
use crate::{Backend, Ctx, Document, Error, Result, Seen, access, audit, effects, store};

pub use called::{callable, tools_for};
pub use changes::{Changes, changes, watch};
pub use grants::{
    put_tools, remove_tool, replace_tool, set_approval, switch_tool, tools, try_tool,
};
pub use lists::{change_many, count, lines, rank_of_prefix, window};
pub(crate) use looks::AgentLooks;
pub use looks::AgentWatch;
pub use numbers::numbers;
pub use trash::{delete_for_good, purge, restore, trash};
pub use versions::{
    compare, export, get_version, get_version_part, preview_draft, preview_new, publish, published,
    replace_draft, restore_version, versions,
};
pub(crate) use versions::{spec_of, spec_to_run};
pub use weigh::weigh;

/// Which agents are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFilter {
    /// Of this status alone.
    pub status: Option<AgentStatus>,
    /// Which page.
    pub page: PageRequest,
}

const NOT_FOUND: Error = Error::NotFound("agent");

/// A page of agents as programs get it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AgentPage {
    /// The agents, the one that changed last first.
    pub agents: Vec<AgentSummary>,
    /// Whether there is a next page.
    pub has_more: bool,
    /// Where it begins.
    pub next_cursor: Option<String>,
}

/// Lists the caller's agents, the one that changed last first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a limit or cursor that cannot be used.
#[tracing::instrument(name = "agents.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, filter: AgentFilter) -> Result<Page<AgentSummary>> {
    let page = match filter.page.cursor.as_deref() {
        None | Some("") => first_page(ctx, &filter).await?.value().clone(),
        Some(cursor) => page_after(ctx, &filter, cursor).await?,
    };
    Ok(Page { items: page.agents, next_cursor: page.next_cursor })
}

/// The first page of the caller's agents, whatever cursor the filter has.
///
/// # Errors
/// Those of [`list`].
#[tracing::instrument(name = "agents.first_page", level = "debug", parent = ctx.span(), skip_all)]
pub async fn first_page(ctx: &Ctx, filter: &AgentFilter) -> Result<Arc<Document<AgentPage>>> {
    let key = page_key(ctx, filter)?;
    let backend = ctx.backend();
    let found = backend.cache().get::<AgentPageEntry>(backend, &key).await?;
    found.ok_or(NOT_FOUND)
}

/// The page of the caller's agents behind the one that ended with `cursor`.
///
/// # Errors
/// Those of [`list`].
#[tracing::instrument(name = "agents.page_after", level = "debug", parent = ctx.span(), skip_all)]
pub async fn page_after(ctx: &Ctx, filter: &AgentFilter, cursor: &str) -> Result<AgentPage> {
    let key = page_key(ctx, filter)?;
    let scope = page_scope(&key);
    let after = ctx.backend().cursors().await?.open(&scope, Some(cursor))?;
    let mut conn = ctx.backend().read(key.owner).await?;
    page(ctx.backend(), &mut conn, &key, after).await
}

fn page_key(ctx: &Ctx, filter: &AgentFilter) -> Result<AgentPageKey> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    Ok(AgentPageKey { owner, status: filter.status, limit: filter.page.checked_limit()? })
}

/// What a cursor belongs to.
const fn page_scope(key: &AgentPageKey) -> (&'static str, UserId, Option<AgentStatus>) {
    ("agents", key.owner, key.status)
}

/// Reads a page of agents.
pub(crate) async fn page(
    backend: &Backend,
    conn: &mut PgConnection,
    key: &AgentPageKey,
    after: Option<AgentPosition>,
) -> Result<AgentPage> {
    let cursors = backend.cursors().await?;
    let wanted = i64::from(key.limit) + 1;
    let found = store::agents::list(conn, key.owner, key.status, after, wanted).await?;
    let position = |last: &AgentSummary| AgentPosition { updated_at: last.updated_at, id: last.id };
    let page = cursors.page(&page_scope(key), key.limit, found, position)?;
    let has_more = page.has_more();
    Ok(AgentPage { agents: page.items, has_more, next_cursor: page.next_cursor })
}

/// Reads one agent of the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] when there is none or it is another's.
#[tracing::instrument(name = "agents.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: AgentId) -> Result<Agent> {
    Ok(document(ctx, id).await?.value().clone())
}

/// Reads one agent of the caller as callers of the interface get it.
///
/// # Errors
/// Those of [`get`].
#[tracing::instrument(name = "agents.document", level = "debug", parent = ctx.span(), skip_all)]
pub async fn document(ctx: &Ctx, id: AgentId) -> Result<Arc<Document<Agent>>> {
    Ok(reach_document(ctx, Scope::AgentsRead, id, AgentRight::Read).await?.0)
}

/// The same for whoever has a right in it, and whose agent it is.
pub(crate) async fn reach_document(
    ctx: &Ctx,
    scope: Scope,
    id: AgentId,
    right: AgentRight,
) -> Result<(Arc<Document<Agent>>, Reached)> {
    let me = access::with_scope(ctx, scope)?;
    let backend = ctx.backend();
    if let Some(own) = backend.cache().get::<AgentEntry>(backend, &AgentKey(me, id)).await? {
        return Ok((own, Reached::own(me)));
    }
    // Its room is not moved about for those who have an agent of their own.
    Box::pin(async {
        let reached = access::shared_agent(ctx, me, id, right).await?.ok_or(NOT_FOUND)?;
        let key = AgentKey(reached.owner, id);
        let found = backend.cache().get::<AgentEntry>(backend, &key).await?;
        Ok((found.ok_or(NOT_FOUND)?, reached))
    })
    .await
}

/// What a write of the agent makes untrue.
pub(crate) fn stale(owner: UserId, id: AgentId) -> Stale {
    Stale::one::<AgentEntry>(&AgentKey(owner, id))
}

/// Lets pass who expects the agent in the revision in which it is.
fn check_seen(expected: &Seen, agent: &Agent) -> Result<()> {
    expected.check("agent", Some(&agent.revision.to_string()))
}

/// Makes an agent.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] names every field that breaks a rule.
#[tracing::instrument(name = "agents.create", level = "debug", parent = ctx.span(), skip_all)]
pub async fn create(ctx: &Ctx, spec: AgentSpec) -> Result<Agent> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    let agent = new_agent(ctx, owner, spec)?;
    if let Some(made) = find_made_before(ctx, owner).await? {
        return Ok(made);
    }
    let mut tx = ctx.backend().begin(owner).await?;
    called::check(&mut tx, owner, &agent.spec, None).await?;
    let inserted = store::agents::insert(&mut tx, &agent).await;
    inserted.on_constraint("agents_pkey", effects::in_the_making)?;
    note(ctx, &mut tx, &agent, Deed::AgentCreated).await?;
    ctx.backend().commit(tx, stale(owner, agent.id)).await?;
    tracing::info!(agent.id = %agent.id, owner.id = %owner, "agent created");
    Ok(agent)
}

/// Writes down what the caller does to one of their agents.
pub(crate) async fn note(
    ctx: &Ctx,
    tx: &mut PgConnection,
    agent: &Agent,
    deed: Deed,
) -> Result<()> {
    let subject = Subject::agent(agent.id, &agent.spec.name);
    audit::note(ctx, tx, Log::Owner(agent.owner_id), deed, Some(subject)).await
}

/// The agent that an earlier try of this request has made.
pub(crate) async fn find_made_before(ctx: &Ctx, owner: UserId) -> Result<Option<Agent>> {
    let Some(id) = ctx.made_before() else {
        return Ok(None);
    };
    let mut conn = ctx.backend().read_latest(owner).await?;
    Ok(store::agents::find(&mut conn, owner, AgentId::from_uuid(id)).await?)
}

/// An agent that is not yet kept.
pub(crate) fn new_agent(ctx: &Ctx, owner: UserId, mut spec: AgentSpec) -> Result<Agent> {
    check(&spec)?;
    trim(&mut spec);
    let now = ctx.backend().now();
    Ok(Agent {
        id: AgentId::from_uuid(ctx.resource_id()?),
        owner_id: owner,
        status: AgentStatus::Active,
        revision: 1,
        listing_id: None,
        created_at: now,
        updated_at: now,
        spec,
    })
}

/// Checks the rules of the domain, then those that only the runtime can judge.
fn check(spec: &AgentSpec) -> Result<()> {
    spec.check()?;
    let faults = check_grants(&spec.tools);
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

/// Takes off the blanks that the length rules do not count.
fn trim(spec: &mut AgentSpec) {
    for text in [&mut spec.name, &mut spec.description, &mut spec.system_prompt] {
        let trimmed = text.trim();
        if trimmed.len() != text.len() {
            *text = trimmed.to_owned();
        }
    }
}

/// Changes an agent. What is absent from the changes stays; changes that change nothing leave the
/// revision as it is.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Invalid`] for the agent as it would be;
/// [`Error::Changed`] when it is not in a revision that is `expected`.
#[tracing::instrument(name = "agents.update", level = "debug", parent = ctx.span(), skip_all)]
pub async fn update(
    ctx: &Ctx,
    id: AgentId,
    changes: AgentChanges,
    expected: impl Into<Seen>,
) -> Result<Agent> {
    change(ctx, id, &expected.into(), |agent| {
        agent.status = changes.status.unwrap_or(agent.status);
        agent.spec.apply(changes);
    })
    .await
}

/// Changes an agent that is still as it was seen, unless the change leaves it as it is.
async fn change(
    ctx: &Ctx,
    id: AgentId,
    expected: &Seen,
    edit: impl FnOnce(&mut Agent) + Send,
) -> Result<Agent> {
    let (before, reached, mut tx) =
        access::agent_to_change(ctx, Scope::AgentsWrite, id, AgentRight::Edit).await?;
    let Some(after) = change_locked(ctx, &mut tx, (&before, reached), expected, edit).await? else {
        return Ok(before);
    };
    ctx.backend().commit(tx, stale(reached.owner, id)).await?;
    tracing::info!(agent.id = %id, revision = after.revision, "agent changed");
    Ok(after)
}

/// Changes an agent that this transaction has locked. `None`: the change leaves it as it is, or an
/// earlier try of the request has made it.
pub(crate) async fn change_locked(
    ctx: &Ctx,
    tx: &mut PgConnection,
    (before, reached): (&Agent, Reached),
    expected: &Seen,
    edit: impl FnOnce(&mut Agent) + Send,
) -> Result<Option<Agent>> {
    let owner = reached.owner;
    if effects::find::<()>(ctx, &mut *tx, owner).await?.is_some() {
        return Ok(None);
    }
    check_seen(expected, before)?;
    let mut after = before.clone();
    edit(&mut after);
    check(&after.spec)?;
    if after.status != before.status {
        reached.check(AgentRight::Own)?;
    }
    if reached.is_own() {
        called::check(&mut *tx, owner, &after.spec, Some(&before.spec)).await?;
    } else {
        called::check_unchanged(&after.spec, &before.spec)?;
    }
    trim(&mut after.spec);
    if after == *before {
        return Ok(None);
    }
    after.revision += 1;
    after.updated_at = ctx.backend().now();
    store::agents::update(&mut *tx, &after).await?;
    if after.status != before.status {
        store::queue::follow_status(&mut *tx, owner, &[after.id], after.status).await?;
        note(ctx, &mut *tx, &after, audit::deed_of(after.status)).await?;
    }
    effects::note(ctx, tx, owner, &()).await?;
    Ok(Some(after))
}

/// Puts an agent into the trash and cancels its sessions that are not over. Those that are stay
/// readable.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`] when it is not in a revision that
/// is `expected`.
#[tracing::instrument(name = "agents.delete", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete(ctx: &Ctx, id: AgentId, expected: impl Into<Seen>) -> Result<()> {
    match lists::change_expected(ctx, &[id], BulkAction::Delete, &expected.into()).await {
        Ok(deleted) if !deleted.is_empty() => Ok(()),
        Ok(_) | Err(Error::NotFound(_)) => {
            let me = access::with_scope(ctx, Scope::AgentsWrite)?;
            Err(access::not_own(ctx, me, id).await)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
