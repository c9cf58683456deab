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
/// Among so many sessions a publisher chooses.
const CHOICES: i64 = 50;
/// So much of a goal tells it from others, in characters.
const TOLD_MAX: usize = 80;

/// That a publisher agrees to strangers reading the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// They do not.
    Refused,
    /// They do.
    Given,
}

/// The caller's newest sessions of an agent that its listing can show, each with the beginning of its goal: they
/// ran the version that is in the marketplace, and reached their answer. What teammates started is theirs to tell.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the listing.
#[tracing::instrument(name = "publications.showable", level = "debug", parent = ctx.span(), skip_all)]
pub async fn showable(ctx: &Ctx, agent: AgentId) -> Result<Vec<(SessionId, String)>> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::submissions::find_listing(&mut conn, owner, agent).await?;
    let (id, listing) = found.ok_or(NOT_FOUND)?;
    let version = store::publishing::find_agent_version(&mut conn, id, listing.version).await?;
    drop(conn);
    let Some(version) = version else { return Ok(Vec::new()) };
    let mut conn = ctx.backend().read(owner).await?;
    let whose = (owner, agent);
    let found = store::agent_numbers::list_answered(&mut conn, whose, version, CHOICES).await?;
    Ok(found.into_iter().map(|(id, goal)| (id, shorten(&goal, TOLD_MAX))).collect())
}

/// The session that an agent's listing shows now, with the beginning of its goal.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the listing.
#[tracing::instrument(name = "publications.shown", level = "debug", parent = ctx.span(), skip_all)]
pub async fn shown(ctx: &Ctx, agent: AgentId) -> Result<Option<(SessionId, String)>> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::submissions::find_listing(&mut conn, owner, agent).await?;
    let (id, listing) = found.ok_or(NOT_FOUND)?;
    let shown = store::publishing::find_showcase(&mut conn, id).await?;
    let shown = shown.filter(|(_, shown)| shown.version == listing.version);
    Ok(shown.map(|(session, shown)| (session, shorten(&shown.goal, TOLD_MAX))))
}

/// Shows one of the caller's sessions on the page of an agent's listing. Anyone reads it by its link
/// from then on; what it comes to when somebody goes on with it stands there no more.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] for the listing; [`Error::Invalid`] on the field
/// `consent` without it, and on `session` for one that is not the caller's, or that a teammate started, is
/// not completed, did not run the present version, or holds what looks like a secret; [`Error::Conflict`] for a guest.
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
        // Who started it on somebody else's agent has not agreed to strangers reading it.
        Ok(ran) => Some(ran).filter(|ran| ran.agent_id == agent && ran.started_by.is_none()),
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
    // By its name, too, a value may be a secret.
    let variables = ran.variables.iter().map(|(name, value)| format!("{name}={value}"));
    let mut whole = serde_json::json!({
        "goal": ran.goal,
        "context": ran.context,
        "variables": variables.collect::<Vec<_>>(),
        "events": events,
    });
    let timeline = Timeline::from_events(events);
    // What was written piece by piece is read in one.
    whole["steps"] = serde_json::to_value(&timeline.steps).map_err(Error::internal)?;
    if let Some(secret) = secret_in(&whole) {
        let reason = format!("must hold no secrets: {}", secret.reason);
        return Err(Error::field("session", reason));
    }
    let showcase = Showcase {
        token: sessions::share(ctx, session).await?,
        version: listing.version,
        goal: shorten(&ran.goal, SHOWN_MAX),
        answer: shorten(timeline.answer().unwrap_or_default(), SHOWN_MAX),
        steps: ran.steps,
        took_ms: ran.worked_ms().unwrap_or_default(),
        cost: ran.usage.cost,
        ended_at,
    };
    let mut tx = ctx.backend().catalogue_begin().await?;
    store::publishing::update_showcase(&mut tx, id, Some((session, &showcase))).await?;
    ctx.backend().commit(tx, stale(&listing.slug)).await?;
    // Whoever goes on with it from here on finds it shown. Who did so before has not.
    let mut tx = ctx.backend().begin(ran.owner_id).await?;
    let now = store::sessions::lock(&mut tx, ran.owner_id, session).await?;
    drop(tx);
    if now.is_none_or(|now| now.last_sequence != ran.last_sequence) {
        forget_session(ctx, owner, session).await?;
        return Err(Error::field("session", "must have reached its answer"));
    }
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

/// Takes a session off the page that shows it: its link leads nowhere any more, or it is not what it was.
pub(crate) async fn forget_session(ctx: &Ctx, owner: UserId, session: SessionId) -> Result<()> {
    let mut tx = ctx.backend().catalogue_begin().await?;
    let slug = store::publishing::update_hidden(&mut tx, owner, session).await?;
    match slug {
        Some(slug) => ctx.backend().commit(tx, stale(&slug)).await,
        None => tx.commit().await,
    }
}
