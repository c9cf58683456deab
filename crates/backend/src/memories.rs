//! Memory: the facts that an agent keeps from one session to the next, for each person apart. Sessions
//! that a teammate starts read and write those of the teammate, who lists and forgets them; the owner sees
//! none of them, and nobody else sees the owner's.

use resonant_domain::api_key::Scope;
use resonant_domain::memory::{MEMORIES_MAX, Memory, NewMemory};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::team::AgentRight;
use resonant_domain::{AgentId, MemoryId, UserId};
use resonant_runtime::tools::{Hold, Whose};

use crate::access::Reached;
use crate::database::Shard;
use crate::store::memories::{Keeper, MemoryPosition};
use crate::{Backend, Ctx, Error, Result, access, seen, store};

const NOT_FOUND: Error = Error::NotFound("memory");

/// Lists the facts that an agent keeps for the caller, the newest first.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Invalid`] for a
/// limit or cursor that cannot be used.
#[tracing::instrument(name = "memories.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(ctx: &Ctx, agent: AgentId, page: PageRequest) -> Result<Page<Memory>> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    let limit = page.checked_limit()?;
    let scope = ("memories", reached.me, agent);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<MemoryPosition> = cursors.open(&scope, page.cursor.as_deref())?;
    let wanted = i64::from(limit) + 1;
    let found = store::memories::list(&mut conn, keeper(reached, agent), after, wanted).await?;
    let position = |last: &Memory| MemoryPosition { updated_at: last.updated_at, id: last.id };
    cursors.page(&scope, limit, found, position)
}

/// Reads a fact that an agent keeps for the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`].
#[tracing::instrument(name = "memories.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, agent: AgentId, id: MemoryId) -> Result<Memory> {
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, agent, AgentRight::Read).await?;
    store::memories::find(&mut conn, keeper(reached, agent), id).await?.ok_or(NOT_FOUND)
}

/// Makes an agent forget a fact that it keeps for the caller.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::MissingScope`]; [`Error::NotFound`]; [`Error::Changed`].
#[tracing::instrument(name = "memories.forget", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget(ctx: &Ctx, agent: AgentId, id: MemoryId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::AgentsWrite)?;
    let mut tx = ctx.backend().begin(me).await?;
    let own = keeper(Reached::own(me), agent);
    let mut gone = store::memories::delete(&mut tx, own, id).await?;
    if gone.is_none() {
        drop(tx);
        let reached = access::shared_agent(ctx, me, agent, AgentRight::Read).await?;
        let reached = reached.ok_or(NOT_FOUND)?;
        tx = ctx.backend().begin(reached.owner).await?;
        gone = store::memories::delete(&mut tx, keeper(reached, agent), id).await?;
    }
    // What was rewritten in the meantime is not gone: nothing is committed.
    seen::check(ctx, &gone.ok_or(NOT_FOUND)?)?;
    tx.commit().await?;
    tracing::info!(agent.id = %agent, memory.id = %id, "fact forgotten");
    Ok(())
}

/// What an agent keeps for whoever has reached it.
const fn keeper(reached: Reached, agent: AgentId) -> Keeper {
    Keeper { owner: reached.owner, agent, user: reached.me }
}

/// What an agent keeps for whom its session is for.
const fn kept(whose: Whose) -> Keeper {
    Keeper { owner: whose.owner, agent: whose.agent, user: whose.user }
}

/// Keeps a fact for an agent, in the place of one of its key. Beyond [`MEMORIES_MAX`] for one person the
/// one that was written longest ago gives way.
///
/// # Errors
/// [`Error::Conflict`] for a session that is not held any more.
pub(crate) async fn remember(backend: &Backend, whose: Whose, fact: NewMemory) -> Result<()> {
    fact.check()?;
    let memory = Memory {
        id: MemoryId::from_uuid(backend.new_id()?),
        key: fact.key.trim().to_owned(),
        text: fact.text.trim().to_owned(),
        updated_at: backend.now(),
    };
    let mut tx = backend.begin(whose.owner).await?;
    if let Some(Hold { session, fence }) = whose.held {
        // The lock is kept until the fact is: nobody takes the session over in between.
        let held = store::queue::lock(&mut tx, whose.owner, session).await?;
        if held.is_none_or(|held| held.fence != fence) {
            return Err(Error::Conflict("The session belongs to another worker".to_owned()));
        }
    }
    store::memories::upsert(&mut tx, kept(whose), &memory).await?;
    store::memories::delete_old(&mut tx, kept(whose), most()).await?;
    tx.commit().await?;
    tracing::info!(agent.id = %whose.agent, "fact kept");
    Ok(())
}

/// The facts that an agent keeps for whom its session is for.
pub(crate) async fn recall(backend: &Backend, whose: Whose) -> Result<Vec<Memory>> {
    // What the session remembered a moment ago is among them.
    let mut conn = backend.read_latest(whose.owner).await?;
    Ok(store::memories::list(&mut conn, kept(whose), None, most()).await?)
}

/// Deletes what the agents of others keep for people whose accounts are going.
pub(crate) async fn forget_people(backend: &Backend, people: &[UserId]) -> Result<()> {
    backend.on_each(|shard| forget_on(backend, shard, people)).await.1
}

async fn forget_on(backend: &Backend, shard: Shard, people: &[UserId]) -> Result<()> {
    for person in people {
        let mut tx = backend.begin_on(shard).await?;
        store::memories::delete_of_person(&mut tx, *person, backend.owners()).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn most() -> i64 {
    i64::try_from(MEMORIES_MAX).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
