//! The trash: a deleted agent can be brought back for [`TRASH_DAYS`] days.

use jiff::{SignedDuration, Timestamp};
use resonant_domain::AgentId;
use resonant_domain::agent::Agent;
use resonant_domain::agent_list::{TRASH_DAYS, TrashedAgent};
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::page::{Page, PageRequest};

use super::NOT_FOUND;
use crate::audit::{Log, Subject};
use crate::database::Shard;
use crate::store::agent_trash::TrashPosition;
use crate::{Backend, Ctx, Result, access, audit, store};

/// How many agents one statement purges.
const PURGE_BATCH: i64 = 500;

/// Lists the caller's deleted agents, the one deleted last first.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::Invalid`] for a limit or cursor that cannot be
/// used.
#[tracing::instrument(name = "agents.trash", level = "debug", parent = ctx.span(), skip_all)]
pub async fn trash(ctx: &Ctx, page: PageRequest) -> Result<Page<TrashedAgent>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let limit = page.checked_limit()?;
    let scope = ("agent_trash", owner);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<TrashPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let mut conn = ctx.backend().read(owner).await?;
    let wanted = i64::from(limit) + 1;
    let found = store::agent_trash::list_deleted(&mut conn, owner, after, wanted).await?;
    let position =
        |last: &TrashedAgent| TrashPosition { deleted_at: last.deleted_at, id: last.summary.id };
    cursors.page(&scope, limit, found, position)
}

/// Takes an agent out of the trash, as it was. One that is not there is as it should be.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`]; [`crate::Error::NotFound`] for one
/// that is neither in the trash nor out of it; [`crate::Error::NotAllowed`] for a teammate.
#[tracing::instrument(name = "agents.restore", level = "debug", parent = ctx.span(), skip_all)]
pub async fn restore(ctx: &Ctx, id: AgentId) -> Result<Agent> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    let now = backend.now();
    let restored = store::agent_trash::update_restored(&mut tx, owner, &[id], now).await?;
    let Some(agent) = store::agents::find(&mut tx, owner, id).await? else {
        drop(tx);
        return Err(access::not_own(ctx, owner, id).await);
    };
    if !restored.is_empty() {
        audit::note_agents(ctx, &mut tx, owner, Deed::AgentRestored, &restored).await?;
        backend.commit(tx, super::stale(owner, id)).await?;
        tracing::info!(agent.id = %id, "agent restored");
    }
    Ok(agent)
}

/// Takes an agent of the trash away for good.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`] when it is not in the trash.
#[tracing::instrument(name = "agents.delete_for_good", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete_for_good(ctx: &Ctx, id: AgentId) -> Result<()> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    let mut tx = ctx.backend().begin(owner).await?;
    let name = store::agent_trash::delete(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let subject = Subject::agent(id, &name);
    audit::note(ctx, &mut tx, Log::Owner(owner), Deed::AgentErased, Some(subject)).await?;
    ctx.backend().commit(tx, super::stale(owner, id)).await?;
    let mut conn = ctx.backend().catalogue_write().await?;
    store::team_agents::delete_of_agents(&mut conn, &[(owner, id)]).await?;
    conn.commit().await
}

/// Takes away for good what has been in the trash for [`TRASH_DAYS`] days. Answers how many agents
/// that were. May be repeated at any time.
///
/// # Errors
/// [`crate::Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "agents.purge", level = "debug", parent = ctx.span(), skip_all)]
pub async fn purge(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let backend = ctx.backend();
    let before = backend.now() - SignedDuration::from_hours(24 * TRASH_DAYS);
    let (purged, done) = backend.on_each(|shard| purge_on(backend, shard, before)).await;
    let purged: u64 = purged.into_iter().sum();
    if purged > 0 {
        tracing::info!(agents = purged, "deleted agents purged");
    }
    done.map(|()| purged)
}

async fn purge_on(backend: &Backend, shard: Shard, before: Timestamp) -> Result<u64> {
    let owners = backend.owners();
    let mut purged = 0;
    loop {
        let mut tx = backend.begin_on(shard).await?;
        let (count, gone) =
            store::agent_trash::delete_due(&mut tx, before, PURGE_BATCH, owners).await?;
        tx.commit().await?;
        purged += count;
        if !gone.is_empty() {
            let mut conn = backend.catalogue_write().await?;
            store::team_agents::delete_of_agents(&mut conn, &gone).await?;
            conn.commit().await?;
        }
        if count < PURGE_BATCH.unsigned_abs() {
            return Ok(purged);
        }
    }
}
