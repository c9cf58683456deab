//! Memory: the facts that an agent keeps from one session to the next. They are the agent's, so sessions
//! that teammates start read and write them, too; the list of them is for who may change the agent.

use resonant_domain::api_key::Scope;
use resonant_domain::memory::{MEMORIES_MAX, Memory, NewMemory};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::AgentRight;
use resonant_domain::{AgentId, MemoryId, UserId};

use crate::store::memories::MemoryPosition;
use crate::{Backend, Ctx, Error, Result, access, seen, store};

const NOT_FOUND: Error = Error::NotFound("memory");

/// Lists the facts that an agent keeps, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Invalid`] for a
/// limit or cursor that cannot be used.
#[tracing::instrument(name = "memories.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, agent: AgentId, page: PageRequest) -> Result<Page<Memory>> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Edit).await?;
    let limit = page.checked_limit()?;
    let scope = ("memories", reached.me, agent);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<MemoryPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let found = store::memories::list(&mut conn, reached.owner, agent, after, wanted).await?;
    let position = |last: &Memory| MemoryPosition { updated_at: last.updated_at, id: last.id };
    cursors.page(&scope, limit, found, position)
}

/// Reads a fact that an agent keeps.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "memories.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, agent: AgentId, id: MemoryId) -> Result<Memory> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Edit).await?;
    store::memories::find(&mut conn, reached.owner, agent, id).await?.ok_or(NOT_FOUND)
}

/// Makes an agent forget a fact.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "memories.forget", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget(ctx: &Ctx, agent: AgentId, id: MemoryId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::AgentsWrite)?;
    let mut tx = ctx.backend().begin(me).await?;
    let mut gone = store::memories::delete(&mut tx, me, agent, id).await?;
    if gone.is_none() {
        drop(tx);
        let reached = access::shared_agent(ctx, me, agent, AgentRight::Edit).await?;
        let owner = reached.ok_or(NOT_FOUND)?.owner;
        tx = ctx.backend().begin(owner).await?;
        gone = store::memories::delete(&mut tx, owner, agent, id).await?;
    }
    // What was rewritten in the meantime is not gone: nothing is committed.
    seen::check(ctx, &gone.ok_or(NOT_FOUND)?)?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, memory.id = %id, "fact forgotten");
    Ok(())
}

/// Keeps a fact for an agent, in the place of one of its key. Beyond [`MEMORIES_MAX`] the one that
/// was written longest ago gives way.
pub(crate) async fn remember(
    backend: &Backend,
    owner: UserId,
    agent: AgentId,
    fact: NewMemory,
) -> Result<()> {
    fact.check()?;
    let memory = Memory {
        id: MemoryId::from_uuid(backend.new_id()?),
        key: fact.key.trim().to_owned(),
        text: fact.text.trim().to_owned(),
        updated_at: backend.now(),
    };
    let mut tx = backend.begin(owner).await?;
    store::memories::upsert(&mut tx, owner, agent, &memory).await?;
    store::memories::delete_old(&mut tx, owner, agent, most()).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, "fact kept");
    Ok(())
}

/// The facts that an agent keeps, for its own sessions.
pub(crate) async fn recall(
    backend: &Backend,
    owner: UserId,
    agent: AgentId,
) -> Result<Vec<Memory>> {
    // What the session remembered a moment ago is among them.
    let mut conn = backend.read_latest(owner).await?;
    Ok(store::memories::list(&mut conn, owner, agent, None, most()).await?)
}

fn most() -> i64 {
    i64::try_from(MEMORIES_MAX).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
