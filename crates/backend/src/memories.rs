//! Memory: the facts that an agent keeps from one session to the next. An agent belongs to one
//! person, so nobody else's sessions read them.

use resonant_domain::api_key::Scope;
use resonant_domain::memory::{MEMORIES_MAX, Memory, NewMemory};
use resonant_domain::{AgentId, MemoryId, UserId};

use crate::{Backend, Ctx, Error, Result, access, store};

/// Lists the facts that an agent keeps, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "memories.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, agent: AgentId) -> Result<Vec<Memory>> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let mut conn = ctx.backend().read(owner).await?;
    store::agents::find(&mut conn, owner, agent).await?.ok_or(Error::NotFound("agent"))?;
    Ok(store::memories::list(&mut conn, owner, agent, most()).await?)
}

/// Makes an agent forget a fact.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "memories.forget", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget(ctx: &Ctx, agent: AgentId, id: MemoryId) -> Result<()> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    let mut conn = ctx.backend().write(owner).await?;
    if !store::memories::delete(&mut conn, owner, agent, id).await? {
        return Err(Error::NotFound("memory"));
    }
    conn.commit().await?;
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
    Ok(store::memories::list(&mut conn, owner, agent, most()).await?)
}

fn most() -> i64 {
    i64::try_from(MEMORIES_MAX).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
