//! `/api/v1/webhooks`

use axum::Extension;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use resonant_backend::{Ctx, webhooks};
use resonant_domain::WebhookId;
use resonant_domain::webhook::NewWebhook;
use serde_json::json;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::reply;

pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let webhooks = webhooks::list(&ctx).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "webhooks": webhooks })))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewWebhook>,
) -> Result<Response, Fault> {
    let made = webhooks::create(&ctx, new).await?;
    let path = format!("/api/v1/webhooks/{}", made.made.id);
    let response = reply::json(StatusCode::CREATED, reply::NO_STORE, &made);
    Ok(reply::told_once(reply::located(response, &path), &made.made))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Fault> {
    webhooks::delete(&ctx, id).await?;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, reply::NO_STORE)]).into_response())
}

pub(crate) async fn deliveries(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Fault> {
    let deliveries = webhooks::deliveries(&ctx, id).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "deliveries": deliveries })))
}
