//! `/api/v1/purchases`: what people buy, and `/api/v1/payments/messages`, where the payment provider says
//! what became of it.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, purchases};
use resonant_domain::PurchaseId;
use resonant_domain::purchase::{Earning, NewPurchase, Purchase};

use super::{PageQuery, signed};
use crate::extract::{Body, PathId, Query, Slug, Text};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of purchases and of the messages about them.
pub(crate) fn routes(api: Api) -> Api {
    let new = Operation::post("/listings/{slug}/purchases", "Begins to buy a listing");
    let list_of = Operation::get("/purchases", "Lists what the caller bought, newest first");
    let one = Operation::get("/purchases/{id}", "Reads a purchase of the caller's");
    let ended =
        Operation::post("/purchases/{id}/cancel", "Gives a purchase up, or ends a subscription");
    let back = Operation::post(
        "/purchases/{id}/refund",
        "Gives the money back for a purchase of one of the caller's listings",
    );
    let earned = Operation::get("/earnings", "Lists what the caller's listings earned");
    let message = Operation::ask("/payments/messages", "Takes a message of the payment provider");

    let new = new.body::<NewPurchase>().located();
    api.add(new.answers::<Purchase>(201), create)
        .add(list_of.query::<PageQuery>().answers_page::<Purchase>("purchases"), list)
        .add(one.answers::<Purchase>(200), get)
        .add(ended.answers::<Purchase>(200), cancel)
        .add(back.answers_nothing(204), refund)
        .add(earned.query::<PageQuery>().answers_page::<Earning>("earnings"), earnings)
        .add(message.open().signed().names_something().answers_nothing(204), take)
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Body(new): Body<NewPurchase>,
) -> Result<Response, Fault> {
    let purchase = purchases::begin(&ctx, &slug, new).await?;
    let path = format!("/api/v1/purchases/{}", purchase.id);
    Ok(reply::located(reply::json(StatusCode::CREATED, reply::NO_STORE, &purchase), &path))
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = purchases::list(&ctx, query.into()).await?;
    Ok(reply::page("purchases", &page))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<PurchaseId>,
) -> Result<Response, Fault> {
    let purchase = purchases::get(&ctx, id).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &purchase))
}

pub(crate) async fn cancel(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<PurchaseId>,
) -> Result<Response, Fault> {
    let purchase = purchases::cancel(&ctx, id).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &purchase))
}

pub(crate) async fn refund(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<PurchaseId>,
) -> Result<Response, Fault> {
    purchases::refund(&ctx, id).await?;
    Ok(reply::nothing())
}

pub(crate) async fn earnings(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = purchases::earnings(&ctx, query.into()).await?;
    Ok(reply::page("earnings", &page))
}

/// Takes a signed message; whoever sends it is nobody we know.
pub(crate) async fn take(
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    Text(body): Text,
) -> Result<Response, Fault> {
    purchases::take_message(&ctx, &signed(&headers, body)).await?;
    Ok(reply::nothing())
}
