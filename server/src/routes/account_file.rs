//! `/account/export`: all that is kept of whoever asks, as a file.

use axum::Extension;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use resonant_backend::{Ctx, members};

use crate::fault::Fault;
use crate::reply;

/// Writes the file while it is read. A fault on the way breaks it off, so that nobody takes a part for
/// the whole.
pub(crate) async fn get(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let file = Body::from_stream(members::export(&ctx).await?);
    let name = HeaderValue::from_static("attachment; filename=\"resonant-account.json\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, reply::NO_STORE),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, file).into_response())
}
