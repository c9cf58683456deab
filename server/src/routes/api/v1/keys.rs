//! `/api/v1/keys`

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use resonant_backend::{Ctx, api_keys};
use resonant_domain::ApiKeyId;
use resonant_domain::api_key::{ApiKey, NewApiKey};
use serde::Serialize;
use serde_json::json;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::reply;

/// A key that was made, with its text, which is told this once.
#[derive(Serialize)]
struct MadeKey<'a> {
    #[serde(flatten)]
    made: &'a ApiKey,
    key: &'a str,
}

pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let keys = api_keys::list(&ctx).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "keys": keys })))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewApiKey>,
) -> Result<Response, Fault> {
    let (made, text) = api_keys::create(&ctx, new).await?;
    let body = MadeKey { made: &made, key: text.as_str() };
    Ok(reply::told_once(reply::json(StatusCode::CREATED, reply::NO_STORE, &body), &made))
}

pub(crate) async fn revoke(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ApiKeyId>,
) -> Result<Response, Fault> {
    api_keys::revoke(&ctx, id).await?;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, reply::NO_STORE)]).into_response())
}
