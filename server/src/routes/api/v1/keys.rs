//! `/api/v1/keys`

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, api_keys};
use resonant_domain::ApiKeyId;
use resonant_domain::api_key::{ApiKey, NewApiKey, Scope};
use schemars::JsonSchema;
use serde::Serialize;

use super::PageQuery;
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of API keys.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/keys", "Lists the caller's API keys, newest first");
    let new = Operation::post("/keys", "Makes an API key; its text is told this once");
    let gone = Operation::delete("/keys/{id}", "Revokes an API key");
    let list_of = list_of.scope(Scope::KeysRead).query::<PageQuery>();
    api.add(list_of.answers_page::<ApiKey>("keys"), list)
        .add(new.scope(Scope::KeysWrite).body::<NewApiKey>().answers::<MadeKey<'_>>(201), create)
        .add(gone.scope(Scope::KeysWrite).answers_nothing(204), revoke)
}

/// A key that was made.
#[derive(Serialize, JsonSchema)]
struct MadeKey<'a> {
    #[serde(flatten)]
    made: &'a ApiKey,
    /// Its text, which is told this once: an answer that is given again lacks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = api_keys::list(&ctx, query.into()).await?;
    Ok(reply::page("keys", &page))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewApiKey>,
) -> Result<Response, Fault> {
    let (made, text) = api_keys::create(&ctx, new).await?;
    let body = MadeKey { made: &made, key: Some(text.as_str()) };
    let response = reply::json(StatusCode::CREATED, reply::NO_STORE, &body);
    Ok(reply::told_once(response, &MadeKey { made: &made, key: None }))
}

pub(crate) async fn revoke(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ApiKeyId>,
) -> Result<Response, Fault> {
    api_keys::revoke(&ctx, id).await?;
    Ok(reply::nothing())
}
