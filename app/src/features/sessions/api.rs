//! What the session pages ask the server.

use jiff::Timestamp;
use leptos::prelude::*;
use resonant_domain::ids::{AgentId, SessionId};
use resonant_domain::page::Page;
use resonant_domain::session::{Session, SessionSummary};
use resonant_domain::session_event::SessionEvent;
use resonant_domain::step_input::StepInput;
use resonant_domain::team::SessionStanding;
use resonant_domain::thumb::Thumb;
use resonant_domain::timeline::Timeline;
use serde::{Deserialize, Serialize};

use super::decision_form::DecisionForm;
use super::door::Door;
use super::fork_form::ForkForm;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// A session with all that happened in it so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSoFar {
    /// The session.
    pub session: Session,
    /// Its log, folded into steps.
    pub timeline: Timeline,
    /// When it was read: from here on a page counts how long it runs.
    pub as_of: Timestamp,
}

#[cfg(feature = "ssr")]
impl SessionSoFar {
    fn of(ctx: &resonant_backend::Ctx, session: Session, events: Vec<SessionEvent>) -> Self {
        let now = ctx.backend().now();
        // Another process wrote it, whose clock may be ahead.
        let as_of = events.last().map_or(now, |event| event.at.max(now));
        Self { session, timeline: Timeline::from_events(events), as_of }
    }
}

/// A page of the viewer's sessions, newest first.
#[server(prefix = "/api/fn", endpoint = "sessions/list_sessions")]
pub async fn list_sessions(
    agent_id: Option<AgentId>,
    cursor: Option<String>,
    limit: Option<u32>,
) -> Result<Page<SessionSummary>, AppError> {
    use resonant_backend::sessions::{self, SessionFilter};
    use resonant_domain::page::PageRequest;

    let filter = SessionFilter { agent_id, page: PageRequest { cursor, limit } };
    sessions::list(&ssr::ctx()?, filter).await.map_err(ssr::fail)
}

/// A session and all that happened in it so far.
#[server(prefix = "/api/fn", endpoint = "sessions/get_session")]
pub async fn get_session(id: SessionId) -> Result<SessionSoFar, AppError> {
    use resonant_backend::sessions;

    let ctx = ssr::ctx()?;
    let session = sessions::get(&ctx, id).await.map_err(ssr::fail)?;
    let events = sessions::events(&ctx, id, 0).await.map_err(ssr::fail)?;
    Ok(SessionSoFar::of(&ctx, session, events))
}

/// A session so far, and what the viewer may do with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedSession {
    /// The session.
    pub so_far: SessionSoFar,
    /// What the viewer may do.
    pub standing: SessionStanding,
}

/// A session for its page.
#[server(prefix = "/api/fn", endpoint = "sessions/open_session")]
pub async fn open_session(id: SessionId) -> Result<OpenedSession, AppError> {
    let so_far = get_session(id).await?;
    let standing = resonant_backend::sessions::standing(&ssr::ctx()?, &so_far.session).await;
    Ok(OpenedSession { so_far, standing: standing.map_err(ssr::fail)? })
}

/// A session with its whole log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The session.
    pub session: Session,
    /// Its log, in order; of results that are too long to be shown whole the heads.
    pub events: Vec<SessionEvent>,
}

/// A session with its whole log.
#[server(prefix = "/api/fn", endpoint = "sessions/get_recording")]
pub async fn get_recording(id: SessionId) -> Result<Recording, AppError> {
    use resonant_backend::sessions;

    let ctx = ssr::ctx()?;
    let session = sessions::get(&ctx, id).await.map_err(ssr::fail)?;
    let events = sessions::events(&ctx, id, 0).await.map_err(ssr::fail)?;
    let events = events.into_iter().map(SessionEvent::shortened).collect();
    Ok(Recording { session, events })
}

/// A shared session and all that happened in it so far.
#[server(prefix = "/api/fn", endpoint = "sessions/get_shared")]
pub async fn get_shared(token: String) -> Result<SessionSoFar, AppError> {
    let ctx = ssr::ctx()?;
    let (session, events) =
        resonant_backend::sessions::shared(&ctx, &token).await.map_err(ssr::fail)?;
    Ok(SessionSoFar::of(&ctx, session, events))
}

/// The events of a session after the one numbered `after`; 0 for all. Of results that are too long to be
/// shown whole the heads.
#[server(prefix = "/api/fn", endpoint = "sessions/get_events")]
pub async fn get_events(door: Door, after: i64) -> Result<Vec<SessionEvent>, AppError> {
    use resonant_backend::sessions;

    let ctx = ssr::ctx()?;
    let events = match door {
        Door::Own(id) => sessions::events(&ctx, id, after).await,
        Door::Link(token) => sessions::shared_events(&ctx, &token, after).await,
    };
    let events = events.map_err(ssr::fail)?;
    Ok(events.into_iter().map(SessionEvent::shortened).collect())
}

/// What the model was given for a step of a session. `None`: the step has not begun.
#[server(prefix = "/api/fn", endpoint = "sessions/get_step_input")]
pub async fn get_step_input(door: Door, step: u32) -> Result<Option<StepInput>, AppError> {
    use resonant_backend::sessions;

    let ctx = ssr::ctx()?;
    let input = match door {
        Door::Own(id) => sessions::step_input(&ctx, id, step).await,
        Door::Link(token) => sessions::shared_input(&ctx, &token, step).await,
    };
    input.map_err(ssr::fail)
}

/// The token of the link to a session, when there is one.
#[server(prefix = "/api/fn", endpoint = "sessions/get_share")]
pub async fn get_share(id: SessionId) -> Result<Option<String>, AppError> {
    resonant_backend::sessions::share_token(&ssr::ctx()?, id).await.map_err(ssr::fail)
}

/// Makes a link to a session; answers its token.
#[server(prefix = "/api/fn", endpoint = "sessions/share_session")]
pub async fn share_session(id: SessionId) -> Result<String, AppError> {
    resonant_backend::sessions::share(&ssr::ctx()?, id).await.map_err(ssr::fail)
}

/// Takes the link to a session back.
#[server(prefix = "/api/fn", endpoint = "sessions/unshare_session")]
pub async fn unshare_session(id: SessionId) -> Result<(), AppError> {
    resonant_backend::sessions::unshare(&ssr::ctx()?, id).await.map_err(ssr::fail)
}

/// Stops a session.
#[server(prefix = "/api/fn", endpoint = "sessions/cancel_session")]
pub async fn cancel_session(id: SessionId) -> Result<Session, AppError> {
    resonant_backend::sessions::cancel(&ssr::ctx()?, id).await.map_err(ssr::fail)
}

/// Decides on what a session waits for, so that it goes on.
#[server(prefix = "/api/fn", endpoint = "sessions/decide")]
pub async fn decide(
    id: SessionId,
    #[server(default)] form: DecisionForm,
    #[server(default)] intent: String,
) -> Result<Session, AppError> {
    let (ctx, said) = (ssr::ctx()?, form.clone());
    let act = move |ctx| async move { decide_by(&ctx, id, form).await };
    ssr::once(&ctx, "sessions/decide", &intent, &(id, said), act).await
}

#[cfg(feature = "ssr")]
async fn decide_by(
    ctx: &resonant_backend::Ctx,
    id: SessionId,
    form: DecisionForm,
) -> resonant_backend::Result<Session> {
    use resonant_backend::{Error, sessions};
    use resonant_domain::session::NewDecision;

    let session = sessions::get(ctx, id).await?;
    let Some(wait) = session.waiting else {
        return Err(Error::Conflict("The session waits for nothing any more".to_owned()));
    };
    // What it waits for by now is something else than what was seen.
    if wait.sequence != form.waiting {
        return Err(Error::Conflict("This was decided already".to_owned()));
    }
    let decision = form.decision(&wait.reason)?;
    let new = NewDecision { waiting: form.waiting, decision };
    sessions::decide(ctx, id, new).await
}

/// Says something to a session: it is heard with the next step, and a session that is over goes on.
#[server(prefix = "/api/fn", endpoint = "sessions/say")]
pub async fn say(
    id: SessionId,
    #[server(default)] text: String,
    context: Option<String>,
    #[server(default)] intent: String,
) -> Result<Session, AppError> {
    use resonant_backend::sessions;
    use resonant_domain::session::NewMessage;

    let message = NewMessage { text, context };
    let (ctx, said) = (ssr::ctx()?, message.clone());
    let act = move |ctx| async move { sessions::say(&ctx, id, message).await };
    ssr::once(&ctx, "sessions/say", &intent, &(id, said), act).await
}

/// Goes on with a session that came to no good end, from the step that it stopped in.
#[server(prefix = "/api/fn", endpoint = "sessions/retry_session")]
pub async fn retry_session(
    id: SessionId,
    #[server(default)] intent: String,
) -> Result<Session, AppError> {
    use resonant_backend::sessions;

    let act = move |ctx| async move { sessions::retry(&ctx, id).await };
    ssr::once(&ssr::ctx()?, "sessions/retry_session", &intent, &id, act).await
}

/// Tries a step anew in another session, which is told what the step was told. A plain form is led to its
/// page.
#[server(prefix = "/api/fn", endpoint = "sessions/retry_from")]
pub async fn retry_from(
    id: SessionId,
    step: u32,
    #[server(default)] intent: String,
) -> Result<SessionId, AppError> {
    use resonant_backend::sessions;

    let act = move |ctx| async move { sessions::retry_from(&ctx, id, step).await };
    let said = (id, step);
    let session = ssr::once(&ssr::ctx()?, "sessions/retry_from", &intent, &said, act).await?;
    ssr::redirect_form(&paths::session(session.id));
    Ok(session.id)
}

/// Says what the viewer thinks of a session, or nothing any more.
#[server(prefix = "/api/fn", endpoint = "sessions/rate_session")]
pub async fn rate_session(
    id: SessionId,
    #[server(default)] thumb: Option<Thumb>,
) -> Result<Session, AppError> {
    let session =
        resonant_backend::sessions::rate(&ssr::ctx()?, id, thumb).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::session(id));
    Ok(session)
}

/// Pins a message of a session, or lets it go.
#[server(prefix = "/api/fn", endpoint = "sessions/pin_message")]
pub async fn pin_message(
    id: SessionId,
    message: i64,
    is_pinned: bool,
) -> Result<Session, AppError> {
    use resonant_domain::pin::NewPin;

    let new = NewPin { message, is_pinned };
    let session =
        resonant_backend::sessions::pin(&ssr::ctx()?, id, new).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::session(id));
    Ok(session)
}

/// Starts another session with the same beginning. A plain form is led to its page.
#[server(prefix = "/api/fn", endpoint = "sessions/fork_session")]
pub async fn fork_session(
    id: SessionId,
    #[server(default)] fork: ForkForm,
    #[server(default)] intent: String,
) -> Result<SessionId, AppError> {
    use resonant_backend::sessions;

    let said = (id, fork.clone());
    let new = fork.read().map_err(|faults| ssr::fail(resonant_backend::Error::Invalid(faults)))?;
    let act = move |ctx| async move { sessions::fork(&ctx, id, new).await };
    let session = ssr::once(&ssr::ctx()?, "sessions/fork_session", &intent, &said, act).await?;
    ssr::redirect_form(&paths::session(session.id));
    Ok(session.id)
}
