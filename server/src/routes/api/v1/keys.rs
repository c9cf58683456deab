//! `/api/v1/keys`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, api_keys};
use resonant_domain::ApiKeyId;
use resonant_domain::api_key::{ApiKey, NewApiKey, Scope};
use schemars::JsonSchema;
use serde::Serialize;

use super::PageQuery;
use crate::conditional;
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of API keys.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/keys", "Lists the caller's API keys, newest first");
    let new = Operation::post("/keys", "Makes an API key; its text is told this once");
    let one = Operation::get("/keys/{id}", "Reads all of an API key but its text");
    let gone = Operation::delete("/keys/{id}", "Revokes an API key");

    let list_of = list_of.scope(Scope::KeysRead).query::<PageQuery>();
    let new = new.scope(Scope::KeysWrite).body::<NewApiKey>().located().versioned();
    let gone = gone.scope(Scope::KeysWrite).conditional();
    api.add(list_of.answers_page::<ApiKey>("keys"), list)
        .add(new.answers::<MadeKey<'_>>(201), create)
        .add(one.scope(Scope::KeysRead).tagged().answers::<ApiKey>(200), get)
        .add(gone.answers_nothing(204), revoke)
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
    let path = format!("/api/v1/keys/{}", made.id);
    let response = reply::located(conditional::changed(StatusCode::CREATED, &made, &body), &path);
    Ok(reply::told_once(response, &MadeKey { made: &made, key: None }))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ApiKeyId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let key = api_keys::get(&ctx, id).await?;
    Ok(conditional::answer_changeable(&headers, &key))
}

pub(crate) async fn revoke(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<ApiKeyId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    api_keys::revoke(&conditional::expecting(&ctx, &headers), id).await?;
    Ok(reply::nothing())
}
