//! `/api/v1/triggers`, and `/api/v1/hooks`, where the signed messages come.

use axum::Extension;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use resonant_backend::Ctx;
use resonant_backend::triggers::{self, Signed};
use resonant_domain::webhook::NewTrigger;
use resonant_domain::{TriggerId, UserId};
use serde_json::json;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::reply;

pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let triggers = triggers::list(&ctx).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "triggers": triggers })))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewTrigger>,
) -> Result<Response, Fault> {
    let made = triggers::create(&ctx, new).await?;
    let path = format!("/api/v1/triggers/{}", made.made.id);
    let response = reply::json(StatusCode::CREATED, reply::NO_STORE, &made);
    Ok(reply::told_once(reply::located(response, &path), &made.made))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<TriggerId>,
) -> Result<Response, Fault> {
    triggers::delete(&ctx, id).await?;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, reply::NO_STORE)]).into_response())
}

/// Takes a signed message; whoever sends it is nobody we know.
pub(crate) async fn fire(
    Extension(ctx): Extension<Ctx>,
    Path((owner, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Fault> {
    let (Ok(owner), Ok(id)) = (owner.parse::<UserId>(), id.parse::<TriggerId>()) else {
        return Err(Fault::not_found("trigger"));
    };
    let text = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let message = Signed {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        body,
    };
    let session = triggers::fire(&ctx, owner, id, message).await?;
    // Who sends a message need not see what comes of it.
    let told = json!({ "session_id": session.id, "state": session.state });
    Ok(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &told))
}
