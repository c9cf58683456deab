//! A recorded session as a shop window: one of the publisher's own, of the version that is installed.

use resonant_domain::listing::Showcase;
use resonant_domain::scan::secret_in;
use resonant_domain::session::SessionState;
use resonant_domain::text::shorten;
use resonant_domain::timeline::Timeline;
use resonant_domain::{AgentId, SessionId, UserId};

use super::{NOT_FOUND, stale};
use crate::{Ctx, Error, Result, access, sessions, store};

/// So much of the goal and of the answer stands on the listing, in characters.
const SHOWN_MAX: usize = 600;

/// That a publisher agrees to strangers reading the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// They do not.
    Refused,
    /// They do.
    Given,
}

/// Shows one of the caller's sessions on the page of an agent's listing. Anyone reads it by its link
/// from then on.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the listing; [`Error::Invalid`] on the field
/// `consent` without it, and on `session` for one that is not the caller's, is not completed, did not
/// run the present version, or holds what looks like a secret; [`Error::Conflict`] for a guest.
#[tracing::instrument(name = "publications.show", level = "debug", parent = ctx.span(), skip_all)]
pub async fn show(ctx: &Ctx, agent: AgentId, session: SessionId, consent: Consent) -> Result<()> {
    let owner = access::member(ctx)?;
    if consent == Consent::Refused {
        return Err(Error::field("consent", "must be given: anyone will read the session"));
    }
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::submissions::find_listing(&mut conn, owner, agent).await?;
    let (id, listing) = found.ok_or(NOT_FOUND)?;
    let ran = match sessions::get(ctx, session).await {
        Ok(ran) => Some(ran).filter(|ran| ran.agent_id == agent),
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let ran =
        ran.ok_or_else(|| Error::field("session", "must be one of your own of this agent"))?;
    let Some(ended_at) = ran.ended_at.filter(|_| ran.state == SessionState::Completed) else {
        return Err(Error::field("session", "must have reached its answer"));
    };
    let version = match ran.agent_version {
        Some(version) => store::publishing::find_version_of(&mut conn, id, version).await?,
        None => None,
    };
    drop(conn);
    if version != Some(listing.version) {
        return Err(Error::field(
            "session",
            "must have run the version that is in the marketplace",
        ));
    }
    let events = sessions::events(ctx, session, 0).await?;
    let whole = serde_json::json!({ "goal": ran.goal, "context": ran.context, "events": events });
    if let Some(secret) = secret_in(&whole) {
        let reason = format!("must hold no secrets: {}", secret.reason);
        return Err(Error::field("session", reason));
    }
    let timeline = Timeline::from_events(events);
    let began = ran.started_at.unwrap_or(ended_at);
    let showcase = Showcase {
        token: sessions::share(ctx, session).await?,
        version: listing.version,
        goal: shorten(&ran.goal, SHOWN_MAX),
        answer: shorten(timeline.answer().unwrap_or_default(), SHOWN_MAX),
        steps: ran.steps,
        took_ms: u64::try_from(ended_at.duration_since(began).as_millis()).unwrap_or_default(),
        cost: ran.usage.cost,
        ended_at,
    };
    let mut tx = ctx.backend().catalogue_begin().await?;
    store::publishing::update_showcase(&mut tx, id, Some((session, &showcase))).await?;
    ctx.backend().commit(tx, stale(&listing.slug)).await?;
    tracing::info!(listing.slug = listing.slug, session.id = %session, "session shown");
    Ok(())
}

/// Shows no session on the page of an agent's listing any more. Its link stays until that is taken back.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "publications.hide", level = "debug", parent = ctx.span(), skip_all)]
pub async fn hide(ctx: &Ctx, agent: AgentId) -> Result<()> {
    let owner = access::user(ctx)?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let found = store::submissions::find_listing(&mut tx, owner, agent).await?;
    let (id, listing) = found.ok_or(NOT_FOUND)?;
    store::publishing::update_showcase(&mut tx, id, None).await?;
    ctx.backend().commit(tx, stale(&listing.slug)).await?;
    tracing::info!(listing.slug = listing.slug, "no session shown any more");
    Ok(())
}

/// Takes a session off the page that shows it: its link leads nowhere any more.
pub(crate) async fn forget_session(ctx: &Ctx, owner: UserId, session: SessionId) -> Result<()> {
    let mut tx = ctx.backend().catalogue_begin().await?;
    let slug = store::publishing::update_hidden(&mut tx, owner, session).await?;
    match slug {
        Some(slug) => ctx.backend().commit(tx, stale(&slug)).await,
        None => tx.commit().await,
    }
}
