//! `/api/v1/alerts`: what is watched, where it stands, and who is told; for admins.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, alerts};
use resonant_domain::AlertId;
use resonant_domain::alert::{Alert, AlertDelivery, AlertEvent, NewAlert, Silence};
use resonant_domain::webhook::WithKey;

use super::PageQuery;
use crate::conditional;
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of alerts.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/alerts", "Lists the alerts").admin();
    let new = Operation::post("/alerts", "Makes an alert").admin();
    let one = Operation::get("/alerts/{id}", "Reads an alert").admin();
    let changed = Operation::put("/alerts/{id}", "Replaces an alert; it begins anew").admin();
    let gone = Operation::delete("/alerts/{id}", "Deletes an alert and its history").admin();
    let seen = Operation::post("/alerts/{id}/acknowledge", "Notes that a firing alert was seen");
    let silenced = Operation::post("/alerts/{id}/silence", "Silences an alert for a while");
    let resolved = Operation::post("/alerts/{id}/resolve", "Takes a firing alert as over");
    let tested = Operation::post("/alerts/{id}/test", "Sends a message to every channel");
    let history = Operation::get("/alerts/{id}/events", "Lists what happened to an alert").admin();
    let told = Operation::get("/alerts/{id}/deliveries", "Lists an alert's messages").admin();

    let new = new.body::<NewAlert>().answers::<WithKey<Alert>>(201).located().versioned();
    let silenced = silenced.admin().body::<Silence>();
    let (history, told) = (history.query::<PageQuery>(), told.query::<PageQuery>());
    api.add(list_of.query::<PageQuery>().answers_page::<Alert>("alerts"), list)
        .add(new, create)
        .add(one.tagged().answers::<Alert>(200), get)
        .add(changed.conditional().body::<NewAlert>().answers::<Alert>(200), replace)
        .add(gone.conditional().answers_nothing(204), delete)
        .add(seen.admin().answers::<Alert>(200), acknowledge)
        .add(silenced.answers::<Alert>(200), silence)
        .add(resolved.admin().answers::<Alert>(200), resolve)
        .add(tested.admin().answers::<Alert>(202), test)
        .add(history.answers_page::<AlertEvent>("events"), events)
        .add(told.answers_page::<AlertDelivery>("deliveries"), deliveries)
}

fn answer(alert: &Alert) -> Response {
    reply::json(StatusCode::OK, reply::NO_STORE, alert)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = alerts::list(&ctx, query.into()).await?;
    Ok(reply::page("alerts", &page))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewAlert>,
) -> Result<Response, Fault> {
    let made = alerts::create(&ctx, new).await?;
    let path = format!("/api/v1/alerts/{}", made.made.id);
    let response = conditional::changed(StatusCode::CREATED, &made.made, &made);
    Ok(reply::told_once(reply::located(response, &path), &made.made))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    Ok(conditional::answer_changeable(&headers, &alerts::get(&ctx, id).await?))
}

pub(crate) async fn replace(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
    headers: HeaderMap,
    Body(new): Body<NewAlert>,
) -> Result<Response, Fault> {
    let alert = alerts::replace(&conditional::expecting(&ctx, &headers), id, new).await?;
    Ok(conditional::changed(StatusCode::OK, &alert, &alert))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    alerts::delete(&conditional::expecting(&ctx, &headers), id).await?;
    Ok(reply::nothing())
}

pub(crate) async fn acknowledge(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
) -> Result<Response, Fault> {
    Ok(answer(&alerts::acknowledge(&ctx, id).await?))
}

pub(crate) async fn silence(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
    Body(silence): Body<Silence>,
) -> Result<Response, Fault> {
    Ok(answer(&alerts::silence(&ctx, id, silence).await?))
}

pub(crate) async fn resolve(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
) -> Result<Response, Fault> {
    Ok(answer(&alerts::resolve(&ctx, id).await?))
}

pub(crate) async fn test(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
) -> Result<Response, Fault> {
    let alert = alerts::test(&ctx, id).await?;
    Ok(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &alert))
}

pub(crate) async fn events(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = alerts::events(&ctx, id, query.into()).await?;
    Ok(reply::page("events", &page))
}

pub(crate) async fn deliveries(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AlertId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = alerts::deliveries(&ctx, id, query.into()).await?;
    Ok(reply::page("deliveries", &page))
}
