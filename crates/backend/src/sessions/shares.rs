//! Links by which anyone may read a session, while it runs and afterwards, until its owner takes them
//! back.
//!
//! The token of a link is sealed here and names owner and link, so that it is looked up by owner like
//! everything that someone owns, and cannot be guessed or made elsewhere.

use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::session::Session;
use resonant_domain::session_event::SessionEvent;
use resonant_domain::step_input::StepInput;
use resonant_domain::{SessionId, UserId};
use uuid::Uuid;

use super::NOT_FOUND;
use super::inputs::input_by_link;
use super::results::result_of;
use super::stream::{EventStream, stream_of, while_shared};
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
    session.origin = None;
    session.thumb = None;
    session.pins.clear();
    Ok((session, events))
}

/// Why a session that is not the caller's own is refused: links are its owner's to make.
async fn not_own(ctx: &Ctx, me: UserId, id: SessionId) -> Error {
    let found = access::shared_session(ctx, me, id, SessionAct::Own).await;
    found.err().unwrap_or(NOT_FOUND)
}

/// The events of a shared session after the one numbered `after`; 0 for all.
///
/// # Errors
/// Those of [`shared`].
#[tracing::instrument(name = "sessions.shared_events", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shared_events(ctx: &Ctx, token: &str, after: i64) -> Result<Vec<SessionEvent>> {
    let (owner, id) = opened(ctx, token).await?;
    let mut conn = ctx.backend().read(owner).await?;
    Ok(store::session_events::list(&mut conn, owner, id, after, i64::MAX).await?)
}

/// What the model was given for a step of a shared session, without the agent's prompt and tools. `None`:
/// the step has not begun.
///
/// # Errors
/// Those of [`shared`]; [`Error::NotAllowed`] for a step that was copied from another session.
#[tracing::instrument(name = "sessions.shared_input", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shared_input(ctx: &Ctx, token: &str, step: u32) -> Result<Option<StepInput>> {
    let opened = opened(ctx, token).await?;
    input_by_link(ctx, opened, step).await
}

/// All that a tool answered in a shared session: the result of the event of this number.
///
/// # Errors
/// Those of [`shared`]; [`Error::NotFound`] where the event is no result.
#[tracing::instrument(name = "sessions.shared_result", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shared_result(ctx: &Ctx, token: &str, sequence: i64) -> Result<String> {
    let opened = opened(ctx, token).await?;
    result_of(ctx, opened, sequence).await
}

/// Follows a session by a link: all after `after`, then live, until the link is taken back.
///
/// # Errors
/// Those of [`shared`].
#[tracing::instrument(name = "sessions.stream_shared", level = "debug", parent = ctx.span(), skip_all)]
pub async fn stream_shared(ctx: &Ctx, token: &str, after: i64) -> Result<EventStream> {
    let (owner, id) = opened(ctx, token).await?;
    // What its owner pins is not told.
    let events = stream_of(ctx.backend(), owner, id, after).await?.without_pins();
    let token = token.to_owned();
    let check = move |ctx: Ctx| {
        let token = token.clone();
        async move { opened(&ctx, &token).await.map(drop) }
    };
    Ok(while_shared(ctx.clone(), check, events))
}

/// The session that a link leads to. Asked for where links are written: no reader who has lagged behind
/// takes one for valid that was taken back.
async fn opened(ctx: &Ctx, token: &str) -> Result<(UserId, SessionId)> {
    let cursors = ctx.backend().cursors().await?;
    let opened: Option<(UserId, Uuid)> = cursors.open(&SCOPE, Some(token)).map_err(|_| NO_SHARE)?;
    let (owner, share) = opened.ok_or(NO_SHARE)?;
    let mut conn = ctx.backend().read_latest(owner).await?;
    let id = store::session_shares::find(&mut conn, owner, share).await?.ok_or(NO_SHARE)?;
    Ok((owner, id))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::StreamExt as _;
    use jiff::SignedDuration;
    use resonant_domain::FaultKind;
    use resonant_domain::pin::NewPin;
    use resonant_domain::session::NewMessage;
    use resonant_runtime::clock::FixedClock;
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
            for refused in [
                shared(&anyone, token).await.map(drop),
                shared_events(&anyone, token, 0).await.map(drop),
                shared_input(&anyone, token, 1).await.map(drop),
                shared_result(&anyone, token, 1).await.map(drop),
                stream_shared(&anyone, token, 0).await.map(drop),
            ] {
                assert_eq!(refused.unwrap_err().kind(), FaultKind::NotFound, "{token}");
            }
        }
        assert_ne!(share(&ctx, id).await.unwrap(), token);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn who_follows_by_a_link_hears_nothing_more_once_it_is_taken_back(pool: PgPool) {
        let start = "2026-11-25T09:00:00Z".parse().unwrap();
        let clock = Arc::new(FixedClock::new(start));
        let backend = Backend::for_tests_at(pool, clock.clone());
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let id = sessions::start(&ctx, agent, sample::goal("Read")).await.unwrap().id;
        let token = share(&ctx, id).await.unwrap();
        let say = async |text: &str| {
            let message = NewMessage { text: text.to_owned(), context: None };
            sessions::say(&ctx, id, message).await.unwrap();
        };
        let mut events = stream_shared(&backend.anonymous(), &token, 0).await.unwrap();
        say("One").await;
        assert_eq!(events.next().await.unwrap().unwrap().len(), 1);
        clock.advance(SignedDuration::from_secs(3));
        say("Two").await;
        assert_eq!(events.next().await.unwrap().unwrap().len(), 1, "it is still shared");

        unshare(&ctx, id).await.unwrap();
        clock.advance(SignedDuration::from_secs(3));
        say("Three").await;
        let end = events.next().await.unwrap();
        assert_eq!(end.unwrap_err().kind(), FaultKind::NotFound);
        assert!(events.next().await.is_none());
    }
}
