//! What people pin of sessions: models are shown it word for word, however long a session grows.
//!
//! Pins are no events, so that they change while a session is over, too, and a log says what happened
//! and nothing else. Its worker reads them anew where they count, and those who follow it are told beside
//! its events.

use resonant_domain::api_key::Scope;
use resonant_domain::pin::NewPin;
use resonant_domain::session::Session;
use resonant_domain::session_event::EventBody;
use resonant_domain::{SessionId, UserId};
use resonant_runtime::Run;
use sqlx::PgConnection;

use super::{NOT_FOUND, steer};
use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::{Backend, Ctx, Error, Result, access, store};

/// Pins a message of a session, or lets it go. One that is as it shall be stays so.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::NotAllowed`] for a teammate who did not
/// start it; [`Error::Invalid`] on `message` for what is no message, or where no more can be pinned.
#[tracing::instrument(name = "sessions.pin", level = "debug", parent = ctx.span(), skip_all)]
pub async fn pin(ctx: &Ctx, id: SessionId, new: NewPin) -> Result<Session> {
    let me = access::with_scope(ctx, Scope::SessionsRun)?;
    steer(ctx, me, id, |owner| pin_of(ctx, owner, id, new)).await
}

async fn pin_of(ctx: &Ctx, owner: UserId, id: SessionId, new: NewPin) -> Result<Session> {
    let backend = ctx.backend();
    let mut tx = backend.begin(owner).await?;
    // A log may be long. It is read before the session is locked, whose worker appends to it meanwhile.
    let read = if new.is_pinned {
        let run = read_whole(&mut tx, owner, id).await?;
        if run.session.pins.contains(&new.message) {
            return Ok(run.session);
        }
        check(backend, &run, new)?;
        Some(run)
    } else {
        None
    };
    let session = store::sessions::lock(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let Some(pins) = new.over(&session.pins) else {
        return Ok(session);
    };
    if let Some(read) = read {
        check_anew(backend, &mut tx, read, &session, new).await?;
    }
    store::sessions::update_pins(&mut tx, owner, id, &pins).await?;
    backend.commit(tx, Stale::one::<SessionEntry>(&SessionKey(owner, id))).await?;
    backend.events().stir(id);
    tracing::info!(session.id = %id, pins = pins.len(), "messages pinned");
    Ok(Session { pins, ..session })
}

/// A session with its whole log.
pub(super) async fn read_whole(
    conn: &mut PgConnection,
    owner: UserId,
    id: SessionId,
) -> Result<Run> {
    let runnable = store::sessions::find_runnable(conn, owner, id).await?.ok_or(NOT_FOUND)?;
    let history = store::session_events::list(conn, owner, id, 0, i64::MAX).await?;
    Ok(Run { session: runnable.session, agent: runnable.spec, history })
}

/// Lets a message pass that can be pinned.
fn check(backend: &Backend, run: &Run, new: NewPin) -> Result<()> {
    let checked = backend.engine().check_pin(run, new.message);
    checked.map_err(|error| Error::field("message", error.to_string()))
}

/// Checks a message once more where what was `read` before its session was locked says too little: others
/// have changed its pins since, or want the step tried again that the message may belong to. All else
/// that is appended takes no message away.
async fn check_anew(
    backend: &Backend,
    conn: &mut PgConnection,
    mut read: Run,
    locked: &Session,
    new: NewPin,
) -> Result<()> {
    let last = read.history.last().map_or(0, |event| event.sequence);
    if locked.last_sequence > last {
        let (owner, id) = (locked.owner_id, locked.id);
        let since = store::session_events::list(conn, owner, id, last, i64::MAX).await?;
        read.history.extend(since);
    }
    let mut since = read.history.iter().rev().take_while(|event| event.sequence > last);
    let is_void = since.any(|event| matches!(event.body, EventBody::Retry { .. }));
    if is_void || read.session.pins != locked.pins {
        read.session = locked.clone();
        check(backend, &read, new)?;
    }
    Ok(())
}
