//! What people pin of sessions: models are shown it word for word, however long a session grows.
//!
//! Pins are no events, so that they change while a session is over, too, and a log says what happened
//! and nothing else. Its worker reads them anew where they count.

use resonant_domain::api_key::Scope;
use resonant_domain::pin::NewPin;
use resonant_domain::session::Session;
use resonant_domain::{SessionId, UserId};
use resonant_runtime::Run;

use super::{NOT_FOUND, steer};
use crate::cache::Stale;
use crate::cache::session::{SessionEntry, SessionKey};
use crate::{Ctx, Error, Result, access, store};

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
    let before = store::sessions::lock_pins(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let runnable = store::sessions::find_runnable(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    let Some(pins) = new.over(&before) else {
        return Ok(runnable.session);
    };
    if new.is_pinned {
        let history = store::session_events::list(&mut tx, owner, id, 0, i64::MAX).await?;
        let run = Run { session: runnable.session, agent: runnable.spec, history };
        let checked = backend.engine().check_pin(&run, new.message);
        checked.map_err(|error| Error::field("message", error.to_string()))?;
    }
    store::sessions::update_pins(&mut tx, owner, id, &pins).await?;
    let session = store::sessions::find(&mut tx, owner, id).await?.ok_or(NOT_FOUND)?;
    backend.commit(tx, Stale::one::<SessionEntry>(&SessionKey(owner, id))).await?;
    tracing::info!(session.id = %id, pins = pins.len(), "messages pinned");
    Ok(session)
}
