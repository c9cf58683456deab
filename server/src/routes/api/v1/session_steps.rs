//! `/api/v1/sessions/{id}/steps/{step}`: what a model was given for a step, and the step tried anew.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, sessions};
use resonant_domain::SessionId;
use resonant_domain::api_key::Scope;
use resonant_domain::session::Session;
use resonant_domain::step_input::StepInput;

use crate::extract::{Path, named};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of a session's steps.
pub(crate) fn routes(api: Api) -> Api {
    let given = Operation::get(
        "/sessions/{id}/steps/{step}/input",
        "Reads what the model was given for a step",
    );
    let anew = Operation::post(
        "/sessions/{id}/steps/{step}/retry",
        "Tries a step anew, in another session that shares all before it",
    );
    let shared = Operation::get(
        "/shared/{token}/steps/{step}/input",
        "Reads what the model was given for a step of a session that was shared",
    );
    let given = given.scope(Scope::SessionsRead);
    let anew = anew.scope(Scope::SessionsRun).located();
    api.add(given.answers::<StepInput>(200), input)
        .add(anew.answers::<Session>(202), retry)
        .add(shared.open().answers::<StepInput>(200), shared_input)
}

pub(crate) async fn input(
    Extension(ctx): Extension<Ctx>,
    Path((id, step)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let (id, step) = (named::<SessionId>(&id)?, number(&step)?);
    told(sessions::step_input(&ctx, id, step).await?)
}

/// The same for whoever has a link to the session.
pub(crate) async fn shared_input(
    Extension(ctx): Extension<Ctx>,
    Path((token, step)): Path<(String, String)>,
) -> Result<Response, Fault> {
    told(sessions::shared_input(&ctx, &token, number(&step)?).await?)
}

pub(crate) async fn retry(
    Extension(ctx): Extension<Ctx>,
    Path((id, step)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let (id, step) = (named::<SessionId>(&id)?, number(&step)?);
    let session = sessions::retry_from(&ctx, id, step).await?;
    let path = format!("/api/v1/sessions/{}", session.id);
    Ok(reply::located(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &session), &path))
}

/// A step that has not begun was given nothing.
fn told(input: Option<StepInput>) -> Result<Response, Fault> {
    let input = input.ok_or_else(no_step)?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &input))
}

/// What is no number names no step.
fn number(text: &str) -> Result<u32, Fault> {
    text.parse().map_err(|_| no_step())
}

fn no_step() -> Fault {
    Fault::not_found("step")
}
