//! `/api/v1/webhooks`

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, webhooks};
use resonant_domain::WebhookId;
use resonant_domain::webhook::{Delivery, NewWebhook, Webhook, WithKey};
use serde_json::json;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of webhooks.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/webhooks", "Lists the caller's webhooks");
    let new = Operation::post("/webhooks", "Tells an address when sessions end");
    let gone = Operation::delete("/webhooks/{id}", "Forgets a webhook");
    let log = Operation::get("/webhooks/{id}/deliveries", "Lists a webhook's newest messages");

    let new = new.body::<NewWebhook>().located();
    let log = log.answers_list::<Delivery>("deliveries");
    api.add(list_of.answers_list::<Webhook>("webhooks"), list)
        .add(new.answers::<WithKey<Webhook>>(201), create)
        .add(gone.answers_nothing(204), delete)
        .add(log, deliveries)
}

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
    Ok(reply::nothing())
}

pub(crate) async fn deliveries(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<WebhookId>,
) -> Result<Response, Fault> {
    let deliveries = webhooks::deliveries(&ctx, id).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "deliveries": deliveries })))
}
