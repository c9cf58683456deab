//! Links by which anyone may read a session, while it runs and afterwards, until its owner takes them
//! back.
//!
//! The token of a link is sealed here and names owner and link, so that it is looked up by owner like
//! everything that someone owns, and cannot be guessed or made elsewhere.

use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::session::Session;
use resonant_domain::session_event::SessionEvent;
use resonant_domain::{SessionId, UserId};
use uuid::Uuid;

use super::NOT_FOUND;
use super::stream::{EventStream, stream_of};
use crate::access::SessionAct;
use crate::audit::{Log, Subject};
use crate::{Ctx, Error, Result, access, audit, publications, store};

const SCOPE: &str = "session_share";
const NO_SHARE: Error = Error::NotFound("session");

/// Makes a link to a session, or answers the one that there is: its token.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "sessions.share", level = "debug", parent = ctx.span(), skip_all)]
pub async fn share(ctx: &Ctx, id: SessionId) -> Result<String> {
    let owner = access::with_scope(ctx, Scope::SessionsRun)?;
    let backend = ctx.backend();
    let cursors = backend.cursors().await?;
    let mut conn = backend.begin(owner).await?;
    let Some(session) = store::sessions::find(&mut conn, owner, id).await? else {
        drop(conn);
        return Err(not_own(ctx, owner, id).await);
    };
    let (fresh, now) = (backend.new_id()?, backend.now());
    let share = store::session_shares::insert(&mut conn, owner, id, fresh, now).await?;
    if share == fresh {
        let subject = Subject::session(id, &session.agent_name);
        audit::note(ctx, &mut conn, Log::Owner(owner), Deed::SessionShared, Some(subject)).await?;
    }
    conn.commit().await?;
    tracing::info!(session.id = %id, "session shared");
    cursors.seal(&SCOPE, &(owner, share))
}

/// The token of the link to a session, when there is one.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "sessions.share_token", level = "debug", parent = ctx.span(), skip_all)]
pub async fn share_token(ctx: &Ctx, id: SessionId) -> Result<Option<String>> {
    let owner = access::with_scope(ctx, Scope::SessionsRead)?;
    let cursors = ctx.backend().cursors().await?;
    let mut conn = ctx.backend().read(owner).await?;
    if store::sessions::find(&mut conn, owner, id).await?.is_none() {
        drop(conn);
        return Err(not_own(ctx, owner, id).await);
    }
    let share = store::session_shares::find_of(&mut conn, owner, id).await?;
    share.map(|share| cursors.seal(&SCOPE, &(owner, share))).transpose()
}

/// Takes the link to a session back: it leads nowhere from now on.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "sessions.unshare", level = "debug", parent = ctx.span(), skip_all)]
pub async fn unshare(ctx: &Ctx, id: SessionId) -> Result<()> {
    let owner = access::with_scope(ctx, Scope::SessionsRun)?;
    let mut conn = ctx.backend().begin(owner).await?;
    let Some(session) = store::sessions::find(&mut conn, owner, id).await? else {
        drop(conn);
        return Err(not_own(ctx, owner, id).await);
    };
    if store::session_shares::delete(&mut conn, owner, id).await? {
        let subject = Subject::session(id, &session.agent_name);
        audit::note(ctx, &mut conn, Log::Owner(owner), Deed::SessionUnshared, Some(subject))
            .await?;
    }
    conn.commit().await?;
    publications::forget_session(ctx, owner, id).await?;
    tracing::info!(session.id = %id, "session no longer shared");
    Ok(())
}

/// A session as anyone reads it by a link, with all that happened so far. Whose it is stays hidden.
///
/// # Errors
/// [`Error::NotFound`] for a link that never was or was taken back.
#[tracing::instrument(name = "sessions.shared", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shared(ctx: &Ctx, token: &str) -> Result<(Session, Vec<SessionEvent>)> {
    let (owner, id) = opened(ctx, token).await?;
    let mut conn = ctx.backend().read(owner).await?;
    let mut session = store::sessions::find(&mut conn, owner, id).await?.ok_or(NO_SHARE)?;
    let events = store::session_events::list(&mut conn, owner, id, 0, i64::MAX).await?;
    session.owner_id = UserId::from_uuid(Uuid::nil());
    session.started_by = None;
    session.thumb = None;
    session.pins.clear();
    Ok((session, events))
}

/// Why a session that is not the caller's own is refused: links are its owner's to make.
async fn not_own(ctx: &Ctx, me: UserId, id: SessionId) -> Error {
    let found = access::shared_session(ctx, me, id, SessionAct::Own).await;
    found.err().unwrap_or(NOT_FOUND)
}

/// Follows a session by a link: all after `after`, then live.
///
/// # Errors
/// Those of [`shared`].
#[tracing::instrument(name = "sessions.stream_shared", level = "debug", parent = ctx.span(), skip_all)]
pub async fn stream_shared(ctx: &Ctx, token: &str, after: i64) -> Result<EventStream> {
    let (owner, id) = opened(ctx, token).await?;
    // What its owner pins is not told.
    Ok(stream_of(ctx.backend(), owner, id, after).await?.without_pins())
}

async fn opened(ctx: &Ctx, token: &str) -> Result<(UserId, SessionId)> {
    let cursors = ctx.backend().cursors().await?;
    let opened: Option<(UserId, Uuid)> = cursors.open(&SCOPE, Some(token)).map_err(|_| NO_SHARE)?;
    let (owner, share) = opened.ok_or(NO_SHARE)?;
    let mut conn = ctx.backend().read(owner).await?;
    let id = store::session_shares::find(&mut conn, owner, share).await?.ok_or(NO_SHARE)?;
    Ok((owner, id))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use resonant_domain::FaultKind;
    use resonant_domain::pin::NewPin;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, agents, sample, sessions};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn anyone_reads_a_shared_session_until_it_is_taken_back(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let id = sessions::start(&ctx, agent, sample::goal("Read")).await.unwrap().id;
        assert_eq!(share_token(&ctx, id).await.unwrap(), None);
        let token = share(&ctx, id).await.unwrap();
        assert_eq!(share(&ctx, id).await.unwrap(), token);
        assert_eq!(share_token(&ctx, id).await.unwrap().as_ref(), Some(&token));

        let pin = NewPin { message: 0, is_pinned: true };
        sessions::pin(&ctx, id, pin).await.unwrap();
        let anyone = backend.anonymous();
        let (session, _) = shared(&anyone, &token).await.unwrap();
        assert_eq!((session.id, session.goal.as_str()), (id, "Read"));
        assert!(session.pins.is_empty(), "what its owner pins is not told");
        assert_eq!(session.owner_id.as_uuid(), Uuid::nil());
        let mut events = stream_shared(&anyone, &token, 0).await.unwrap();
        sessions::cancel(&ctx, id).await.unwrap();
        assert!(events.next().await.unwrap().is_ok());

        unshare(&ctx, id).await.unwrap();
        for token in [token.as_str(), "", "nonsense"] {
            let error = shared(&anyone, token).await.unwrap_err();
            assert_eq!(error.kind(), FaultKind::NotFound, "{token}");
        }
        assert_ne!(share(&ctx, id).await.unwrap(), token);
    }
}
