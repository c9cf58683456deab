//! `/api/v1/images`: pictures that publishers upload for their listings.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Actor, Ctx, Error, images};
use resonant_domain::image::{Image, ImageKind, UPLOAD_MAX};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::{Query, check_unpacked, content_kind, unread};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of pictures.
pub(crate) fn routes(api: Api) -> Api {
    let new = Operation::post("/images", "Uploads a picture for a listing: PNG, JPEG, WebP or GIF");
    let new = new.query::<Asked>().takes_file().located();
    api.add(new.answers::<Image>(201), upload)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// What it is for.
    kind: ImageKind,
}

pub(crate) async fn upload(
    Extension(ctx): Extension<Ctx>,
    Query(asked): Query<Asked>,
    request: Request,
) -> Result<Response, Fault> {
    // Before anything is read.
    if ctx.actor() == Actor::Anonymous {
        return Err(Error::Unauthenticated.into());
    }
    check_unpacked(request.headers())?;
    if !is_file(request.headers()) {
        return Err(Fault::status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be the picture itself, as image/png, image/jpeg, image/webp, image/gif or \
             application/octet-stream",
        ));
    }
    let file = Bytes::from_request(request, &()).await;
    let file = file.map_err(|rejection| unread(rejection, UPLOAD_MAX))?;
    let image = images::upload(&ctx, asked.kind, file.into()).await?;
    let path = format!("/images/{}/{}.webp", image.picture.id, image.picture.width);
    Ok(reply::located(reply::json(StatusCode::CREATED, reply::NO_STORE, &image), &path))
}

/// Whether the body is announced as a picture, or as nothing in particular. What it is its bytes tell.
fn is_file(headers: &HeaderMap) -> bool {
    let kind = content_kind(headers);
    kind.starts_with("image/") || kind == "application/octet-stream"
}
