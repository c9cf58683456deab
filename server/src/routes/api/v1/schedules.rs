//! `/api/v1/schedules`

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, schedules};
use resonant_domain::ScheduleId;
use resonant_domain::schedule::{NewSchedule, Schedule, ScheduleChanges};
use serde_json::json;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of schedules.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/schedules", "Lists the caller's schedules");
    let new = Operation::post("/schedules", "Sets an agent on a goal again and again");
    let changed = Operation::patch("/schedules/{id}", "Changes or switches a schedule");
    let gone = Operation::delete("/schedules/{id}", "Ends a schedule");

    let new = new.body::<NewSchedule>().names_something().answers::<Schedule>(201).located();
    let changed = changed.body::<ScheduleChanges>();
    api.add(list_of.answers_list::<Schedule>("schedules"), list)
        .add(new, create)
        .add(changed.answers::<Schedule>(200), update)
        .add(gone.answers_nothing(204), delete)
}

pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let schedules = schedules::list(&ctx).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "schedules": schedules })))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewSchedule>,
) -> Result<Response, Fault> {
    let schedule = schedules::create(&ctx, new).await?;
    let path = format!("/api/v1/schedules/{}", schedule.id);
    Ok(reply::located(reply::json(StatusCode::CREATED, reply::NO_STORE, &schedule), &path))
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ScheduleId>,
    Body(changes): Body<ScheduleChanges>,
) -> Result<Response, Fault> {
    let schedule = schedules::update(&ctx, id, changes).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &schedule))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ScheduleId>,
) -> Result<Response, Fault> {
    schedules::delete(&ctx, id).await?;
    Ok(reply::nothing())
}
