//! `/sessions/{id}/results/{event}` and `/shared/{token}/results/{event}`: all that a tool answered, where the
//! page of the session shows its head.

use axum::Extension;
use axum::response::Response;
use resonant_backend::{Ctx, sessions};

use crate::extract::Path;
use crate::fault::Fault;
use crate::reply;

pub(crate) async fn get_own(
    Extension(ctx): Extension<Ctx>,
    Path((id, event)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let (Ok(id), Ok(event)) = (id.parse(), event.parse()) else {
        return Err(Fault::not_found("result"));
    };
    Ok(reply::text(sessions::result(&ctx, id, event).await?))
}

/// The same for whoever has a link to the session.
pub(crate) async fn get_shared(
    Extension(ctx): Extension<Ctx>,
    Path((token, event)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let Ok(event) = event.parse() else { return Err(Fault::not_found("result")) };
    Ok(reply::text(sessions::shared_result(&ctx, &token, event).await?))
}
