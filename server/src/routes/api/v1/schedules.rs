//! `/api/v1/schedules`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, schedules};
use resonant_domain::ScheduleId;
use resonant_domain::fields::Part;
use resonant_domain::schedule::{NewSchedule, Schedule, ScheduleChanges};

use super::{FieldsQuery, PartsQuery, chosen, page};
use crate::conditional;
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of schedules.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/schedules", "Lists the caller's schedules");
    let new = Operation::post("/schedules", "Sets an agent on a goal again and again");
    let changed = Operation::patch("/schedules/{id}", "Changes or switches a schedule");
    let one = Operation::get("/schedules/{id}", "Reads a schedule");
    let gone = Operation::delete("/schedules/{id}", "Ends a schedule");

    let new = new.body::<NewSchedule>().names_something().answers::<Schedule>(201).located();
    let changed = changed.body::<ScheduleChanges>().conditional();
    let list_of = list_of.query::<PartsQuery>().fields::<Schedule>();
    let one = one.query::<FieldsQuery>().fields::<Schedule>().tagged();
    api.add(list_of.answers_page::<Part<Schedule>>("schedules"), list)
        .add(new.versioned(), create)
        .add(one.answers::<Part<Schedule>>(200), get)
        .add(changed.answers::<Schedule>(200), update)
        .add(gone.conditional().answers_nothing(204), delete)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PartsQuery>,
) -> Result<Response, Fault> {
    let fields = chosen(query.fields.as_deref())?.unwrap_or_default();
    let page = schedules::list_parts(&ctx, page(query.cursor, query.limit), &fields).await?;
    Ok(reply::page("schedules", &page))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ScheduleId>,
    Query(query): Query<FieldsQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if let Some(fields) = chosen(query.fields.as_deref())? {
        let part = schedules::get_part(&ctx, id, &fields).await?;
        return Ok(reply::json(StatusCode::OK, reply::NO_STORE, &part));
    }
    let schedule = schedules::get(&ctx, id).await?;
    Ok(conditional::answer_changeable(&headers, &schedule))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewSchedule>,
) -> Result<Response, Fault> {
    let schedule = schedules::create(&ctx, new).await?;
    let path = format!("/api/v1/schedules/{}", schedule.id);
    let response = conditional::changed(StatusCode::CREATED, &schedule, &schedule);
    Ok(reply::located(response, &path))
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ScheduleId>,
    headers: HeaderMap,
    Body(changes): Body<ScheduleChanges>,
) -> Result<Response, Fault> {
    let ctx = conditional::expecting(&ctx, &headers);
    let schedule = schedules::update(&ctx, id, changes).await?;
    Ok(conditional::changed(StatusCode::OK, &schedule, &schedule))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ScheduleId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    schedules::delete(&conditional::expecting(&ctx, &headers), id).await?;
    Ok(reply::nothing())
}
