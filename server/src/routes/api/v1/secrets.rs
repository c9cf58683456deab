//! `/api/v1/secrets`: written, never read.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, secrets};
use resonant_domain::secret::{NewSecret, SecretChanges, SecretSummary};
use serde_json::json;

use crate::extract::{Body, PathId, SecretName};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of secrets.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/secrets", "Lists the names and hosts of the caller's secrets");
    let new = Operation::post("/secrets", "Keeps a secret");
    let changed = Operation::patch("/secrets/{name}", "Replaces a secret's value or hosts");
    let gone = Operation::delete("/secrets/{name}", "Forgets a secret");

    let new = new.body::<NewSecret>().answers::<SecretSummary>(201).located();
    let changed = changed.body::<SecretChanges>().may_conflict();
    api.add(list_of.answers_list::<SecretSummary>("secrets"), list)
        .add(new, create)
        .add(changed.answers::<SecretSummary>(200), update)
        .add(gone.answers_nothing(204), delete)
}

pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let secrets = secrets::list(&ctx).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "secrets": secrets })))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewSecret>,
) -> Result<Response, Fault> {
    let secret = secrets::create(&ctx, new).await?;
    let path = format!("/api/v1/secrets/{}", secret.name);
    Ok(reply::located(reply::json(StatusCode::CREATED, reply::NO_STORE, &secret), &path))
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    PathId(SecretName(name)): PathId<SecretName>,
    Body(changes): Body<SecretChanges>,
) -> Result<Response, Fault> {
    let secret = secrets::update(&ctx, &name, changes).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &secret))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(SecretName(name)): PathId<SecretName>,
) -> Result<Response, Fault> {
    secrets::delete(&ctx, &name).await?;
    Ok(reply::nothing())
}
