//! `/api/v1/secrets`: written, never read.

use axum::Extension;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use resonant_backend::{Ctx, secrets};
use resonant_domain::secret::{NewSecret, SecretChanges};
use serde_json::json;

use crate::extract::{Body, PathId, SecretName};
use crate::fault::Fault;
use crate::reply;

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
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, reply::NO_STORE)]).into_response())
}
