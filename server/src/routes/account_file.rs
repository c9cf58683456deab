//! `/account/export`: all that is kept of whoever asks, as a file.

use axum::Extension;
use axum::body::Body;
use axum::response::Response;
use resonant_backend::{Ctx, members};

use crate::fault::Fault;
use crate::reply;

/// Writes the file while it is read. A fault on the way breaks it off, so that nobody takes a part for
/// the whole.
pub(crate) async fn get(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let file = Body::from_stream(members::export(&ctx).await?);
    Ok(reply::file("application/json", "resonant-account.json", file))
}
