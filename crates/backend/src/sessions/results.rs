//! Results of tools that are too long to be shown with their session, whole.

use resonant_domain::api_key::Scope;
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::{SessionId, UserId};
use sqlx::PgConnection;

use crate::access::SessionAct;
use crate::{Ctx, Error, Result, access, store};

const NO_RESULT: Error = Error::NotFound("result");

/// Reads all that a tool answered: the result of the event of this number.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the session, and where the event is no result.
#[tracing::instrument(name = "sessions.result", level = "debug", parent = ctx.span(), skip_all)]
pub async fn result(ctx: &Ctx, id: SessionId, sequence: i64) -> Result<String> {
    let me = access::with_scope(ctx, Scope::SessionsRead)?;
    let mut conn = ctx.backend().read(me).await?;
    if store::sessions::find(&mut conn, me, id).await?.is_some() {
        return find(&mut conn, me, id, sequence).await;
    }
    drop(conn);
    let owner = access::shared_session(ctx, me, id, SessionAct::Read).await?;
    result_of(ctx, (owner, id), sequence).await
}

/// The same for who is known to be allowed to read the session.
pub(super) async fn result_of(
    ctx: &Ctx,
    (owner, id): (UserId, SessionId),
    sequence: i64,
) -> Result<String> {
    let mut conn = ctx.backend().read(owner).await?;
    find(&mut conn, owner, id, sequence).await
}

async fn find(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
    sequence: i64,
) -> Result<String> {
    let before = sequence.saturating_sub(1);
    match store::session_events::list(conn, owner, id, before, 1).await?.pop() {
        Some(SessionEvent {
            sequence: found, body: EventBody::ToolResult { content, .. }, ..
        }) if found == sequence => Ok(content),
        _ => Err(NO_RESULT),
    }
}
