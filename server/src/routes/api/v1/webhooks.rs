//! `/api/v1/webhooks`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, webhooks};
use resonant_domain::WebhookId;
use resonant_domain::webhook::{Delivery, NewWebhook, Webhook, WithKey};

use super::PageQuery;
use crate::conditional;
use crate::extract::{Body, Path, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of webhooks.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/webhooks", "Lists the caller's webhooks");
    let new = Operation::post("/webhooks", "Tells an address when sessions end");
    let one = Operation::get("/webhooks/{id}", "Reads a webhook");
    let gone = Operation::delete("/webhooks/{id}", "Forgets a webhook");
    let log = Operation::get("/webhooks/{id}/deliveries", "Lists a webhook's messages");
    let again = "/webhooks/{id}/deliveries/{delivery}/redeliver";
    let again = Operation::post(again, "Sends a message once more, under the same id");

    let new = new.body::<NewWebhook>().names_something().located().versioned();
    let log = log.query::<PageQuery>().answers_page::<Delivery>("deliveries");
    api.add(list_of.query::<PageQuery>().answers_page::<Webhook>("webhooks"), list)
        .add(new.answers::<WithKey<Webhook>>(201), create)
        .add(one.tagged().answers::<Webhook>(200), get)
        .add(gone.conditional().answers_nothing(204), delete)
        .add(log, deliveries)
        .add(again.answers_nothing(204), redeliver)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = webhooks::list(&ctx, query.into()).await?;
    Ok(reply::page("webhooks", &page))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<WebhookId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let webhook = webhooks::get(&ctx, id).await?;
    Ok(conditional::answer_changeable(&headers, &webhook))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewWebhook>,
) -> Result<Response, Fault> {
    let made = webhooks::create(&ctx, new).await?;
    let path = format!("/api/v1/webhooks/{}", made.made.id);
    let response = conditional::changed(StatusCode::CREATED, &made.made, &made);
    Ok(reply::told_once(reply::located(response, &path), &made.made))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<WebhookId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    webhooks::delete(&conditional::expecting(&ctx, &headers), id).await?;
    Ok(reply::nothing())
}

pub(crate) async fn deliveries(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<WebhookId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = webhooks::deliveries(&ctx, id, query.into()).await?;
    Ok(reply::page("deliveries", &page))
}

pub(crate) async fn redeliver(
    Extension(ctx): Extension<Ctx>,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Response, Fault> {
    // What is no id names nothing.
    let ids = id.parse().ok().zip(delivery.parse().ok());
    let (id, delivery) = ids.ok_or_else(|| Fault::not_found("message"))?;
    webhooks::redeliver(&ctx, id, delivery).await?;
    Ok(reply::nothing())
}
