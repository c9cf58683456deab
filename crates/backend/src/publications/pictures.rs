//! The pictures of what is on its way: a listing shows them once a moderator has approved it.

use resonant_domain::image::{
    ChosenScreenshot, Image, ImageKind, PictureChoice, Pictures, Refusal, SCREENSHOTS_MAX,
    Screenshot, check_alt,
};
use resonant_domain::publication::{Submission, SubmissionState};
use resonant_domain::{AgentId, ImageId, UserId};
use sqlx::PgConnection;

use super::{Done, in_review, open_of};
use crate::store::images::StoredImage;
use crate::{Ctx, Error, Result, access, effects, images, store};

/// What changes about one of the pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureChange {
    /// It stands one place earlier.
    Earlier,
    /// It stands one place later.
    Later,
    /// It is shown no more.
    Remove,
    /// Another text stands for it.
    Describe(String),
}

/// What a new draft begins with: what a moderator asked to be changed, else what the listing shows.
pub(super) async fn inherited(
    conn: &mut PgConnection,
    owner: UserId,
    agent: AgentId,
) -> Result<Pictures> {
    let newest = store::submissions::find_newest(&mut *conn, owner, agent).await?;
    if let Some(newest) = newest.filter(|it| it.state == SubmissionState::ChangesRequested) {
        return Ok(newest.pictures);
    }
    let pictures = match store::submissions::find_listing(&mut *conn, owner, agent).await? {
        Some((listing, _)) => store::submissions::find_pictures(conn, listing).await?,
        None => None,
    };
    Ok(pictures.unwrap_or_default())
}

/// The caller's draft, locked.
async fn draft(conn: &mut PgConnection, owner: UserId, agent: AgentId) -> Result<Submission> {
    let open = open_of(conn, owner, agent).await?;
    if open.state == SubmissionState::InReview { Err(in_review()) } else { Ok(open) }
}

/// Gives the caller's draft these pictures and no others.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] without a draft; [`Error::Invalid`], also for what is
/// no picture of the caller's own; [`Error::Conflict`] for a guest, and while it is in review.
#[tracing::instrument(name = "publications.pictures.set", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set(ctx: &Ctx, agent: AgentId, choice: PictureChoice) -> Result<()> {
    let owner = access::member(ctx)?;
    choice.check()?;
    // Another try of a request that has handed it in already.
    if effects::find_in_catalogue(ctx)? == Some(Done::HandedIn) {
        return Ok(());
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    let draft = draft(&mut tx, owner, agent).await?;
    keep(ctx, &mut tx, owner, &draft, choice).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %draft.id, "pictures chosen");
    Ok(())
}

async fn keep(
    ctx: &Ctx,
    conn: &mut PgConnection,
    owner: UserId,
    draft: &Submission,
    choice: PictureChoice,
) -> Result<()> {
    let shots = choice.screenshots.iter().map(|shot| shot.image);
    let ids: Vec<_> = choice.avatar.into_iter().chain(shots).collect();
    let now = ctx.backend().now();
    let found = store::images::update_used(&mut *conn, owner, &ids, now).await?;
    let pictures = pictures(choice, &found)?;
    Ok(store::submissions::update_pictures(conn, draft.id, &pictures).await?)
}

/// The pictures that were chosen among those that were found.
fn pictures(choice: PictureChoice, found: &[StoredImage]) -> Result<Pictures> {
    let find = |field: String, id: ImageId, kind: ImageKind| {
        let image = found.iter().find(|image| image.picture.id == id && image.kind == kind);
        let picture = image.map(|image| image.picture.clone());
        let name = kind.as_str();
        picture.ok_or_else(|| Error::field(field, format!("must be a {name} that you uploaded")))
    };
    let avatar = choice.avatar.map(|id| find("avatar".to_owned(), id, ImageKind::Avatar));
    let shots = choice.screenshots.into_iter().enumerate().map(|(place, shot)| {
        let ChosenScreenshot { image, alt } = shot;
        let field = format!("screenshots[{place}].image");
        let picture = find(field, image, ImageKind::Screenshot)?;
        Ok(Screenshot { picture, alt: alt.trim().to_owned() })
    });
    Ok(Pictures { avatar: avatar.transpose()?, screenshots: shots.collect::<Result<_>>()? })
}

/// Lets a text pass that may stand for a picture.
fn check_text(alt: &str) -> Result<()> {
    let mut faults = Vec::new();
    check_alt(&mut faults, "alt", alt);
    if faults.is_empty() { Ok(()) } else { Err(faults.into()) }
}

/// Uploads a picture and adds it to the caller's draft: an avatar takes the place of the one before, a
/// screenshot stands behind the others.
///
/// # Errors
/// Those of [`images::upload`] and [`set`]; [`Error::Invalid`] on the field `alt` for a screenshot without
/// a text, and on `image` for one too many.
#[tracing::instrument(name = "publications.pictures.add", level = "debug", parent = ctx.span(), skip_all)]
pub async fn add(
    ctx: &Ctx,
    agent: AgentId,
    kind: ImageKind,
    alt: &str,
    file: Vec<u8>,
) -> Result<Image> {
    let owner = access::member(ctx)?;
    if kind == ImageKind::Screenshot {
        check_text(alt)?;
    }
    // Before the work: whether there is a place for it.
    let mut tx = ctx.backend().catalogue_begin().await?;
    draft(&mut tx, owner, agent).await?;
    tx.commit().await?;
    let image = images::upload(ctx, kind, file).await?;
    let mut tx = ctx.backend().catalogue_begin().await?;
    let draft = draft(&mut tx, owner, agent).await?;
    let mut choice = PictureChoice::from(&draft.pictures);
    let id = image.picture.id;
    match kind {
        ImageKind::Avatar => choice.avatar = Some(id),
        ImageKind::Screenshot => {
            choice.screenshots.retain(|shot| shot.image != id);
            choice.screenshots.push(ChosenScreenshot { image: id, alt: alt.to_owned() });
        }
    }
    if choice.screenshots.len() > SCREENSHOTS_MAX {
        return Err(images::refused(Refusal::Count));
    }
    keep(ctx, &mut tx, owner, &draft, choice).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %draft.id, image.id = %id, "picture added");
    Ok(image)
}

/// Changes one of the pictures of the caller's draft.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::NotFound`] without a draft, and for a picture that it has not;
/// [`Error::Invalid`] on the field `alt`; [`Error::Conflict`] for a guest, and while it is in review.
#[tracing::instrument(name = "publications.pictures.change", level = "debug", parent = ctx.span(), skip_all)]
pub async fn change(
    ctx: &Ctx,
    agent: AgentId,
    image: ImageId,
    change: PictureChange,
) -> Result<()> {
    let owner = access::member(ctx)?;
    if let PictureChange::Describe(alt) = &change {
        check_text(alt)?;
    }
    let mut tx = ctx.backend().catalogue_begin().await?;
    let draft = draft(&mut tx, owner, agent).await?;
    let mut pictures = draft.pictures;
    if !changed(&mut pictures, image, change) {
        return Err(Error::NotFound("picture"));
    }
    store::submissions::update_pictures(&mut tx, draft.id, &pictures).await?;
    tx.commit().await?;
    tracing::info!(submission.id = %draft.id, image.id = %image, "picture changed");
    Ok(())
}

/// Changes a picture; `false` where there is none.
fn changed(pictures: &mut Pictures, image: ImageId, change: PictureChange) -> bool {
    let is_avatar = pictures.avatar.as_ref().is_some_and(|avatar| avatar.id == image);
    if is_avatar && change == PictureChange::Remove {
        pictures.avatar = None;
        return true;
    }
    let shots = &mut pictures.screenshots;
    let Some(place) = shots.iter().position(|shot| shot.picture.id == image) else {
        return false;
    };
    let last = shots.len() - 1;
    match change {
        PictureChange::Earlier => shots.swap(place, place.saturating_sub(1)),
        PictureChange::Later => shots.swap(place, (place + 1).min(last)),
        PictureChange::Remove => drop(shots.remove(place)),
        PictureChange::Describe(alt) => alt.trim().clone_into(&mut shots[place].alt),
    }
    true
}

#[cfg(test)]
mod tests;
