//! Calls of the MCP server that wait for their sessions: which session answers which request, so that the
//! caller can take a call back, at whichever process.

use jiff::SignedDuration;
use resonant_domain::SessionId;
use resonant_domain::api_key::Scope;

use crate::{Ctx, Result, access, sessions, store};

/// For how long a call is known that nobody has forgotten: its process has ended.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A name for a conversation that begins, which no other one has.
///
/// # Errors
/// [`crate::Error::Internal`].
pub fn new_conversation(ctx: &Ctx) -> Result<String> {
    Ok(ctx.backend().new_id()?.to_string())
}

/// Notes that a session answers the caller's call of this name.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`].
#[tracing::instrument(name = "mcp_calls.note", level = "debug", parent = ctx.span(), skip_all)]
pub async fn note(ctx: &Ctx, name: &str, session: SessionId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    let now = ctx.backend().now();
    let mut tx = ctx.backend().begin(me).await?;
    store::mcp_calls::delete_before(&mut tx, me, now - KEPT_FOR).await?;
    store::mcp_calls::insert(&mut tx, me, session, name, now).await?;
    tx.commit().await
}

/// Forgets a call that is answered, or that nobody waits for any more.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`].
#[tracing::instrument(name = "mcp_calls.forget", level = "debug", parent = ctx.span(), skip_all)]
pub async fn forget(ctx: &Ctx, session: SessionId) -> Result<()> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    let mut conn = ctx.backend().write(me).await?;
    store::mcp_calls::delete(&mut conn, me, session).await?;
    conn.commit().await
}

/// Cancels the session that answers the caller's call of this name. Where several have it, it is not known
/// which one is meant, and none is. Answers whether one was.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`]; those of [`sessions::cancel`].
#[tracing::instrument(name = "mcp_calls.cancel", level = "debug", parent = ctx.span(), skip_all)]
pub async fn cancel(ctx: &Ctx, name: &str) -> Result<bool> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    let mut conn = ctx.backend().read_latest(me).await?;
    let found = store::mcp_calls::find(&mut conn, me, name).await?;
    drop(conn);
    let [session] = found[..] else { return Ok(false) };
    sessions::cancel(ctx, session).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use resonant_domain::session::SessionState;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, agents, sample};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_call_is_taken_back_by_who_made_it(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let (ada, bob) =
            (sample::guest(&backend).await.unwrap(), sample::guest(&backend).await.unwrap());
        let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap().id;
        let mut started = Vec::new();
        for name in ["a/1", "a/2", "/1", "/1"] {
            let session = sessions::start(&ada, agent, sample::goal("Read")).await.unwrap().id;
            note(&ada, name, session).await.unwrap();
            started.push(session);
        }
        let state = async |index: usize| sessions::get(&ada, started[index]).await.unwrap().state;
        assert!(!cancel(&bob, "a/1").await.unwrap(), "another's call");
        assert!(!cancel(&ada, "b/1").await.unwrap(), "another conversation");
        assert!(!cancel(&ada, "/1").await.unwrap(), "one of two");
        assert!(cancel(&ada, "a/1").await.unwrap());
        assert_eq!(state(0).await, SessionState::Cancelled);
        for index in 1..4 {
            assert_eq!(state(index).await, SessionState::Queued);
        }
        forget(&ada, started[2]).await.unwrap();
        assert!(cancel(&ada, "/1").await.unwrap());
        assert_eq!(state(3).await, SessionState::Cancelled);
        assert!(cancel(&backend.anonymous(), "a/2").await.is_err());
    }
}
