//! `/api/v1/keys`

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use resonant_backend::{Ctx, api_keys};
use resonant_domain::ApiKeyId;
use resonant_domain::api_key::{ApiKey, NewApiKey, Scope};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::middleware::idempotency::KeptBody;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of API keys.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/keys", "Lists the caller's API keys, newest first");
    let new = Operation::post("/keys", "Makes an API key; its text is told this once");
    let gone = Operation::delete("/keys/{id}", "Revokes an API key");
    api.add(list_of.scope(Scope::KeysRead).answers_page::<ApiKey>("keys"), list)
        .add(new.scope(Scope::KeysWrite).body::<NewApiKey>().answers::<MadeKey<'_>>(201), create)
        .add(gone.scope(Scope::KeysWrite).answers_nothing(204), revoke)
}

/// A key that was made, with its text, which is told this once.
#[derive(Serialize, JsonSchema)]
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
    let mut response = reply::json(StatusCode::CREATED, reply::NO_STORE, &body);
    // The key is kept nowhere: not with the reply to a request that may be sent again either.
    if let Ok(without_key) = serde_json::to_vec(&made) {
        response.extensions_mut().insert(KeptBody(without_key));
    }
    Ok(response)
}

pub(crate) async fn revoke(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ApiKeyId>,
) -> Result<Response, Fault> {
    api_keys::revoke(&ctx, id).await?;
    Ok((StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, reply::NO_STORE)]).into_response())
}
