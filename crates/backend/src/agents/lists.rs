//! Lists of agents of any length: a window anywhere in them, and changes to many agents at once.

use resonant_domain::agent_list::{AgentLine, AgentQuery, BulkAction, check_bulk};
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::page::{MAX_LIMIT, Place, Window};
use resonant_domain::{AgentId, UserId};

use super::NOT_FOUND;
use crate::cache::Stale;
use crate::cache::agent::{AgentEntry, AgentKey};
use crate::store::agent_lists::{ListPosition, Reach, Way};
use crate::{Ctx, Error, Result, Seen, access, audit, effects, sessions, store};

/// What a mark belongs to.
fn scope(owner: UserId, query: &AgentQuery) -> (&'static str, UserId, &AgentQuery) {
    ("agent_list", owner, query)
}

/// Reads the window of a list at a place, at most `limit` agents long.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a query, limit or mark that cannot be used.
#[tracing::instrument(name = "agents.window", level = "debug", parent = ctx.span(), skip_all)]
pub async fn window(
    ctx: &Ctx,
    query: &AgentQuery,
    place: Place,
    limit: u32,
) -> Result<Window<AgentLine>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    query.check()?;
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::field("limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let cursors = ctx.backend().cursors().await?;
    let scope = scope(owner, query);
    let (way, from, skip) = match &place {
        Place::FromStart(skip) => (Way::Forwards, None, *skip),
        Place::FromEnd(skip) => (Way::Backwards, None, *skip),
        Place::After(mark) => (Way::Forwards, Some(mark), 0),
        Place::Before(mark) => (Way::Backwards, Some(mark), 0),
    };
    let from: Option<ListPosition> = cursors.open(&scope, from.map(String::as_str))?;
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let reach = Reach { way, from, skip, limit: limit.into() };
    let mut conn = ctx.backend().read(owner).await?;
    let (items, ends) = store::agent_lists::window(&mut conn, owner, query, reach).await?;
    let Some((first, last)) = ends else { return Ok(Window::empty()) };
    Ok(Window {
        items,
        start: Some(cursors.seal(&scope, &first)?),
        end: Some(cursors.seal(&scope, &last)?),
    })
}

/// How many agents a list holds.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a query that cannot be used.
#[tracing::instrument(name = "agents.count", level = "debug", parent = ctx.span(), skip_all)]
pub async fn count(ctx: &Ctx, query: &AgentQuery) -> Result<u64> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    query.check()?;
    let mut conn = ctx.backend().read(owner).await?;
    Ok(store::agent_lists::count(&mut conn, owner, query).await?)
}

/// How many agents of a list stand before the first whose name begins with `prefix`; `None` when
/// none does.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for a query that cannot be used.
#[tracing::instrument(name = "agents.rank_of_prefix", level = "debug", parent = ctx.span(), skip_all)]
pub async fn rank_of_prefix(ctx: &Ctx, query: &AgentQuery, prefix: &str) -> Result<Option<u64>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    query.check()?;
    let of_prefix = AgentQuery { text: Some(prefix.to_owned()), ..AgentQuery::default() };
    of_prefix.check()?;
    let mut conn = ctx.backend().read(owner).await?;
    let found = store::agent_lists::find_prefix(&mut conn, owner, query, prefix).await?;
    let Some(position) = found else { return Ok(None) };
    Ok(Some(store::agent_lists::count_before(&mut conn, owner, query, position).await?))
}

/// The lines of the named agents, in no order; those that are not the caller's are left out.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for none or too many.
#[tracing::instrument(name = "agents.lines", level = "debug", parent = ctx.span(), skip_all)]
pub async fn lines(ctx: &Ctx, ids: &[AgentId]) -> Result<Vec<AgentLine>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    check_bulk(ids)?;
    let mut conn = ctx.backend().read(owner).await?;
    Ok(store::agent_lists::list_named(&mut conn, owner, ids).await?)
}

/// Does the same to many agents of the caller, to all or none. Answers those that it changed: what
/// is not the caller's is passed over, as is what already stands as asked for.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for none or too many.
#[tracing::instrument(name = "agents.change_many", level = "debug", parent = ctx.span(), skip_all)]
pub async fn change_many(ctx: &Ctx, ids: &[AgentId], action: BulkAction) -> Result<Vec<AgentId>> {
    change_expected(ctx, ids, action, &Seen::default()).await
}

/// The same to agents that are all in a revision that is `expected`.
pub(super) async fn change_expected(
    ctx: &Ctx,
    ids: &[AgentId],
    action: BulkAction,
    expected: &Seen,
) -> Result<Vec<AgentId>> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    check_bulk(ids)?;
    let backend = ctx.backend();
    let now = backend.now();
    let mut tx = backend.begin(owner).await?;
    if *expected != Seen::default() {
        for id in ids {
            let agent = store::agents::lock(&mut tx, owner, *id).await?.ok_or(NOT_FOUND)?;
            super::check_seen(expected, &agent)?;
        }
    }
    let mut ended = Vec::new();
    let (changed, deed) = match (action, action.status()) {
        (_, Some(status)) => {
            let changed = store::agent_lists::update_status(&mut tx, owner, ids, status, now);
            let changed = changed.await?;
            store::queue::follow_status(&mut tx, owner, &changed, status).await?;
            (changed, audit::deed_of(status))
        }
        (BulkAction::Restore, None) => {
            let restored = store::agent_trash::update_restored(&mut tx, owner, ids, now).await?;
            (restored, Deed::AgentRestored)
        }
        (_, None) => {
            // The write keeps a session from being started in between.
            let deleted = store::agent_trash::update_deleted(&mut tx, owner, ids, now).await?;
            ended = sessions::cancel_of_agents(backend, &mut tx, owner, &deleted).await?;
            (deleted, Deed::AgentDeleted)
        }
    };
    // The write holds the lock: an earlier try of the request is over, and what it has done is told again.
    if let Some(done) = effects::find(ctx, &mut tx, owner).await? {
        return Ok(done);
    }
    audit::note_agents(ctx, &mut tx, owner, deed, &changed).await?;
    effects::note(ctx, &mut tx, owner, &changed).await?;
    let stale = changed
        .iter()
        .fold(Stale::nothing(), |stale, id| stale.and::<AgentEntry>(&AgentKey(owner, *id)));
    backend.commit(tx, ended.iter().fold(stale, sessions::Ended::stale)).await?;
    sessions::tell_ended(backend, ended).await;
    tracing::info!(owner.id = %owner, ?action, agents = changed.len(), "agents changed");
    Ok(changed)
}

#[cfg(test)]
mod tests;
