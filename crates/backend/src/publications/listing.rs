//! What a publisher does to a listing that is there: pause it, take it off, say that it is kept up no more.

use resonant_domain::audit::Deed;
use resonant_domain::listing::ListingState;
use resonant_domain::notice::NoticeKind;
use resonant_domain::publication::PublishedListing;
use resonant_domain::{AgentId, ListingId, NoticeId, UserId};
use sqlx::PgConnection;

use super::{NOT_FOUND, note, stale};
use crate::news::{self, Happened};
use crate::{Ctx, Error, Result, access, seen, store};

/// What changes about a listing. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingChanges {
    /// How it stands in the marketplace.
    pub state: Option<ListingState>,
    /// Whether it is kept up.
    pub upkeep: Option<Upkeep>,
}

/// Whether a listing is kept up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// It is.
    KeptUp,
    /// It is no more; the listing of this slug takes its place.
    Deprecated(Option<String>),
}

/// The listing that an agent of the caller is published as.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`].
#[tracing::instrument(name = "publications.listing", level = "debug", parent = ctx.span(), skip_all)]
pub async fn listing(ctx: &Ctx, agent: AgentId) -> Result<PublishedListing> {
    let owner = access::user(ctx)?;
    let mut conn = ctx.backend().catalogue_read_latest().await?;
    let found = store::submissions::find_listing(&mut conn, owner, agent).await?;
    Ok(found.ok_or(NOT_FOUND)?.1)
}

/// Changes a listing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`]; [`Error::Invalid`] on the field
/// `successor` for what is no listing, or this one, and on `state` for a state that is the moderators' to
/// give; [`Error::Conflict`] for the state of a listing that moderators removed.
#[tracing::instrument(name = "publications.change", level = "debug", parent = ctx.span(), skip_all)]
pub async fn change(ctx: &Ctx, agent: AgentId, changes: ListingChanges) -> Result<()> {
    let owner = access::user(ctx)?;
    if changes.state == Some(ListingState::Removed) {
        return Err(Error::field("state", "must be published, paused or unlisted"));
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    let (id, listing) = lock(ctx, &mut tx, owner, agent).await?;
    match changes.upkeep {
        Some(Upkeep::Deprecated(successor)) => {
            deprecate_within(ctx, &mut tx, (owner, id), &listing, successor.as_deref()).await?;
        }
        Some(Upkeep::KeptUp) if listing.is_deprecated => {
            store::publishing::update_deprecated(&mut tx, id, None, None).await?;
            // Who was not told yet that it is not need not be.
            store::news::delete_for_holders(&mut tx, id, NoticeKind::Deprecated).await?;
            let subject = (id.as_uuid(), &*listing.slug);
            note(ctx, &mut tx, owner, Deed::ListingKeptUp, subject).await?;
        }
        // It is kept up already.
        Some(Upkeep::KeptUp) | None => {}
    }
    if let Some(state) = changes.state {
        set_state_within(ctx, &mut tx, (owner, id), &listing, state).await?;
    }
    ctx.backend().commit(tx, stale(&listing.slug)).await?;
    tracing::info!(listing.slug = listing.slug, "listing changed");
    Ok(())
}

/// The listing, as the caller saw it, and nobody else changes it until the transaction ends.
async fn lock(
    ctx: &Ctx,
    tx: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> Result<(ListingId, PublishedListing)> {
    store::submissions::lock_listing(&mut *tx, owner, agent).await?;
    let found = store::submissions::find_listing(tx, owner, agent).await?.ok_or(NOT_FOUND)?;
    seen::check(ctx, &found.1)?;
    Ok(found)
}

async fn set_state_within(
    ctx: &Ctx,
    tx: &mut PgConnection,
    (owner, id): (UserId, ListingId),
    listing: &PublishedListing,
    state: ListingState,
) -> Result<()> {
    if listing.state == ListingState::Removed {
        return Err(Error::Conflict(
            "Moderators removed this listing. A new version that they approve puts it back"
                .to_owned(),
        ));
    }
    if listing.state == state {
        return Ok(());
    }
    store::publishing::update_state(&mut *tx, id, state).await?;
    if state == ListingState::Published {
        let backend = ctx.backend();
        let news = NoticeId::from_uuid(backend.new_id()?);
        store::news::update_awaited(&mut *tx, id, news, backend.now()).await?;
    }
    let deed = match state {
        ListingState::Published => Deed::ListingPublished,
        ListingState::Paused => Deed::ListingPaused,
        ListingState::Unlisted | ListingState::Removed => Deed::ListingUnlisted,
    };
    note(ctx, tx, owner, deed, (id.as_uuid(), &listing.slug)).await
}

async fn deprecate_within(
    ctx: &Ctx,
    tx: &mut PgConnection,
    (owner, id): (UserId, ListingId),
    listing: &PublishedListing,
    successor: Option<&str>,
) -> Result<()> {
    let next = match successor.map(str::trim).filter(|slug| !slug.is_empty()) {
        Some(slug) if slug == listing.slug => {
            return Err(Error::field("successor", "must be another listing"));
        }
        Some(slug) => {
            let next = if slug.contains('\0') {
                // The database takes none.
                None
            } else {
                store::publishing::find_successor(&mut *tx, slug).await?
            };
            Some(next.ok_or_else(|| Error::field("successor", "there is no such listing"))?)
        }
        None => None,
    };
    let successor = successor.map(str::trim).filter(|_| next.is_some());
    if listing.is_deprecated && listing.successor.as_deref() == successor {
        // It is said already, and was told.
        return Ok(());
    }
    let place = next.as_ref().map(|(next, _)| *next);
    let now = ctx.backend().now();
    store::publishing::update_deprecated(&mut *tx, id, Some(now), place).await?;
    let (texts, _) = store::submissions::find_approved(&mut *tx, id).await?.ok_or(NOT_FOUND)?;
    let text = next.map(|(_, name)| format!("“{name}” takes its place")).unwrap_or_default();
    let happened = Happened {
        listing: id,
        kind: NoticeKind::Deprecated,
        version: None,
        about: &texts.name,
        slug: &listing.slug,
        text: &text,
    };
    news::tell_later(ctx, &mut *tx, happened).await?;
    note(ctx, tx, owner, Deed::ListingDeprecated, (id.as_uuid(), &listing.slug)).await
}

/// Pauses a listing, takes it off, or puts it back.
///
/// # Errors
/// Those of [`change`].
#[tracing::instrument(name = "publications.set_state", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set_state(ctx: &Ctx, agent: AgentId, state: ListingState) -> Result<()> {
    change(ctx, agent, ListingChanges { state: Some(state), upkeep: None }).await
}

/// Says that a listing is kept up no more, and which one takes its place. Whoever installed it is told, and told
/// anew where another one does by now.
///
/// # Errors
/// Those of [`change`].
#[tracing::instrument(name = "publications.deprecate", level = "debug", parent = ctx.span(), skip_all)]
pub async fn deprecate(ctx: &Ctx, agent: AgentId, successor: Option<&str>) -> Result<()> {
    let upkeep = Some(Upkeep::Deprecated(successor.map(str::to_owned)));
    change(ctx, agent, ListingChanges { state: None, upkeep }).await
}

/// Says that a listing is kept up once more.
///
/// # Errors
/// Those of [`change`].
#[tracing::instrument(name = "publications.keep_up", level = "debug", parent = ctx.span(), skip_all)]
pub async fn keep_up(ctx: &Ctx, agent: AgentId) -> Result<()> {
    change(ctx, agent, ListingChanges { state: None, upkeep: Some(Upkeep::KeptUp) }).await
}

/// Deletes a version of a listing; the newest that is left is what people install from then on, with all that
/// was said and shown of it. Copies of the one that is deleted stay with those who have them.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`]; [`Error::Changed`]; [`Error::Conflict`] for the only
/// version.
#[tracing::instrument(name = "publications.delete_version", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete_version(ctx: &Ctx, agent: AgentId, version: i32) -> Result<()> {
    let owner = access::user(ctx)?;
    let now = ctx.backend().now();
    let mut tx = ctx.backend().catalogue_begin().await?;
    let (id, listing) = lock(ctx, &mut tx, owner, agent).await?;
    if !listing.versions.contains(&version) {
        return Err(Error::NotFound("version"));
    }
    if !store::publishing::delete_version(&mut tx, id, version, now).await? {
        return Err(Error::Conflict(
            "It is the only version. Take the listing off instead".to_owned(),
        ));
    }
    if store::publishing::update_to_newest(&mut tx, id, now).await? {
        store::news::delete_for_holders(&mut tx, id, NoticeKind::UpdateAvailable).await?;
    }
    let subject = (id.as_uuid(), &*listing.slug);
    note(ctx, &mut tx, owner, Deed::ListingVersionDeleted, subject).await?;
    ctx.backend().commit(tx, stale(&listing.slug)).await?;
    tracing::info!(listing.slug = listing.slug, version, "listing version deleted");
    Ok(())
}
