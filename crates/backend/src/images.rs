//! Pictures that publishers upload: read with limits, cut to the sizes that pages show, and written anew,
//! so that nothing else of the file is kept: no place where it was taken, no second meaning.
//!
//! There is no AVIF: its encoder takes minutes to compile and seconds for a picture, and WebP is a few
//! percent larger. Whoever knows a picture's id may read its files: the id follows from its bytes and its
//! owner, and a draft shows it to its publisher and to moderators alone.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use resonant_domain::image::{IMAGES_MAX, Image, ImageKind, Refusal, UPLOAD_MAX};
use resonant_domain::{ImageId, UserId};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::cache::picture::{File, PictureEntry, PictureKey};
use crate::store::images::StoredImage;
use crate::{Ctx, Document, Error, Result, access, store};

mod encode;
mod placeholder;
mod read;
#[cfg(test)]
pub(crate) mod tests;
mod turns;

pub(crate) use self::read::decode;
pub(crate) use self::turns::off_thread;
pub use crate::cache::picture::File as ImageFile;

const NOT_FOUND: Error = Error::NotFound("picture");
/// For how long a picture stays that nothing shows.
const UNUSED: SignedDuration = SignedDuration::from_hours(24);
/// How many unused pictures go in one statement.
const UNUSED_AT_ONCE: i64 = 100;

/// Keeps a picture of the caller's. The same file for the same purpose is the same picture.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Conflict`] for a guest, and where the account keeps as many as it
/// may; [`Error::Invalid`] on the field `image`; [`Error::TooMany`] while others are being read.
#[tracing::instrument(name = "images.upload", level = "debug", parent = ctx.span(), skip_all)]
pub async fn upload(ctx: &Ctx, kind: ImageKind, file: Vec<u8>) -> Result<Image> {
    let publisher = access::member(ctx)?;
    if file.len() > UPLOAD_MAX {
        return Err(refused(Refusal::Bytes));
    }
    let id = id_of(publisher, kind, &file);
    if let Some(kept) = used(ctx, publisher, id).await? {
        return Ok(shown(&kept));
    }
    let made = off_thread(move || encode::make(id, kind, &file)).await?.map_err(refused)?;
    let (image, renditions) = made;
    let backend = ctx.backend();
    let mut tx = backend.catalogue_begin().await?;
    let count = store::images::lock_count(&mut tx, publisher).await?;
    // The same file may have come twice at once.
    let now = backend.now();
    let before = store::images::update_used(&mut tx, publisher, &[id], now).await?;
    if before.is_empty() {
        if count >= IMAGES_MAX {
            return Err(Error::Conflict(format!("A picture {}", Refusal::Full)));
        }
        store::images::insert(&mut tx, publisher, &image, renditions, now).await?;
    }
    tx.commit().await?;
    tracing::info!(image.id = %id, user.id = %publisher, kind = kind.as_str(), "picture uploaded");
    Ok(shown(&image))
}

/// The picture, where it is kept already: it counts as used now.
async fn used(ctx: &Ctx, publisher: UserId, id: ImageId) -> Result<Option<StoredImage>> {
    let mut conn = ctx.backend().catalogue_write().await?;
    let now = ctx.backend().now();
    let kept = store::images::update_used(&mut conn, publisher, &[id], now).await?.pop();
    conn.commit().await?;
    Ok(kept)
}

/// Says why a file is not taken.
pub(crate) fn refused(refusal: Refusal) -> Error {
    Error::field("image", refusal.to_string())
}

fn shown(image: &StoredImage) -> Image {
    Image {
        widths: image.picture.widths(image.kind),
        picture: image.picture.clone(),
        kind: image.kind,
        thumbhash: STANDARD.encode(&image.thumbhash),
    }
}

/// The identity of a picture: a digest of the file, of what it is for, and of who uploads it, so that
/// nobody learns by uploading a file whether another has it.
fn id_of(publisher: UserId, kind: ImageKind, file: &[u8]) -> ImageId {
    let mut digest = Sha256::new();
    digest.update(publisher.as_uuid().as_bytes());
    digest.update(kind.as_str());
    digest.update(file);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    ImageId::from_uuid(Builder::from_custom_bytes(bytes).into_uuid())
}

/// Reads one of a picture's files. Anyone may.
///
/// # Errors
/// [`Error::NotFound`].
#[tracing::instrument(name = "images.file", level = "debug", parent = ctx.span(), skip_all)]
pub async fn file(
    ctx: &Ctx,
    id: ImageId,
    width: u32,
    format: &'static str,
) -> Result<Arc<Document<File>>> {
    let backend = ctx.backend();
    // Ids of pictures are digests: what is none needs no look into the database.
    if Uuid::get_version_num(&id.as_uuid()) != 8 {
        return Err(NOT_FOUND);
    }
    let key = PictureKey { id, width, format };
    backend.cache().get::<PictureEntry>(backend, &key).await?.ok_or(NOT_FOUND)
}

/// Deletes pictures that nothing has shown for a day; answers how many. May be repeated.
///
/// # Errors
/// [`Error::Forbidden`] for anyone but the system.
#[tracing::instrument(name = "images.delete_unused", level = "debug", parent = ctx.span(), skip_all)]
pub async fn delete_unused(ctx: &Ctx) -> Result<u64> {
    access::system(ctx)?;
    let before = ctx.backend().now().checked_sub(UNUSED).map_err(Error::internal)?;
    let mut deleted = 0;
    loop {
        let mut conn = ctx.backend().catalogue_write().await?;
        let count = store::images::delete_unused(&mut conn, before, UNUSED_AT_ONCE).await?;
        conn.commit().await?;
        deleted += count;
        if count < UNUSED_AT_ONCE.unsigned_abs() {
            break;
        }
    }
    if deleted > 0 {
        tracing::info!(count = deleted, "unused pictures deleted");
    }
    Ok(deleted)
}
