//! Sessions with the fields that a program asks for.

use resonant_domain::SessionId;
use resonant_domain::api_key::Scope;
use resonant_domain::fields::{Fields, Part};
use resonant_domain::page::Page;
use resonant_domain::session::Session;

use super::{NOT_FOUND, SessionFilter};
use crate::access::SessionAct;
use crate::store::session_records::{self, Wide};
use crate::store::sessions::SessionPosition;
use crate::{Ctx, Result, access};

/// Reads some fields of one session of the caller.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`]; [`crate::Error::NotFound`].
#[tracing::instrument(name = "sessions.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, id: SessionId, fields: &Fields<Session>) -> Result<Part<Session>> {
    let me = access::with_scope(ctx, Scope::SessionsRead)?;
    let mut conn = ctx.backend().read(me).await?;
    if let Some(own) = session_records::find(&mut conn, me, id, wide(fields)).await? {
        return Ok(fields.of(own));
    }
    drop(conn);
    let owner = access::shared_session(ctx, me, id, SessionAct::Read).await?;
    let mut conn = ctx.backend().read(owner).await?;
    let found = session_records::find(&mut conn, owner, id, wide(fields)).await?;
    Ok(fields.of(found.ok_or(NOT_FOUND)?))
}

/// Lists some fields of the caller's sessions, newest first. Its cursors are those of
/// [`list`](super::list).
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`]; [`crate::Error::Invalid`] for a
/// limit or cursor that cannot be used.
#[tracing::instrument(name = "sessions.list", level = "debug", parent = ctx.span(), skip_all)]
pub async fn list(
    ctx: &Ctx,
    filter: SessionFilter,
    fields: &Fields<Session>,
) -> Result<Page<Part<Session>>> {
    let owner = access::with_scope(ctx, Scope::SessionsRead)?;
    let limit = filter.page.checked_limit()?;
    let scope = ("sessions", owner, filter.agent_id);
    let cursors = ctx.backend().cursors().await?;
    let after: Option<SessionPosition> = cursors.open(&scope, filter.page.cursor.as_deref())?;

    let mut conn = ctx.backend().read(owner).await?;
    let (wanted, agent) = (i64::from(limit) + 1, filter.agent_id);
    let mut found =
        session_records::list(&mut conn, owner, agent, after, wanted, wide(fields), None).await?;
    drop(conn);
    if let (Some(agent), true) = (agent, found.is_empty())
        && let Some((owner, peers)) = access::shared_sessions_of(ctx, owner, agent).await?
    {
        let mut conn = ctx.backend().read(owner).await?;
        let (agent, wide, peers) = (Some(agent), wide(fields), Some(peers.as_slice()));
        found = session_records::list(&mut conn, owner, agent, after, wanted, wide, peers).await?;
    }
    let position = |last: &Session| SessionPosition { id: last.id };
    let Page { items, next_cursor } = cursors.page(&scope, limit, found, position)?;
    Ok(Page { items: items.into_iter().map(|session| fields.of(session)).collect(), next_cursor })
}

/// What must be fetched for it.
fn wide(fields: &Fields<Session>) -> Wide {
    Wide { goal: fields.has("goal"), context: fields.has("context"), limits: fields.has("limits") }
}
