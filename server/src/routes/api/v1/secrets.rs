//! `/api/v1/secrets`: written, never read.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, secrets};
use resonant_domain::secret::{NewSecret, SecretChanges, SecretSummary};

use super::PageQuery;
use crate::conditional;
use crate::extract::{Body, PathId, Query, SecretName};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of secrets.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/secrets", "Lists the names and hosts of the caller's secrets");
    let new = Operation::post("/secrets", "Keeps a secret");
    let changed = Operation::patch("/secrets/{name}", "Replaces a secret's value or hosts");
    let one = Operation::get("/secrets/{name}", "Reads all of a secret but its value");
    let gone = Operation::delete("/secrets/{name}", "Forgets a secret");

    let new = new.body::<NewSecret>().answers::<SecretSummary>(201).located();
    let changed = changed.body::<SecretChanges>().conditional();
    api.add(list_of.query::<PageQuery>().answers_page::<SecretSummary>("secrets"), list)
        .add(new.versioned(), create)
        .add(one.tagged().answers::<SecretSummary>(200), get)
        .add(changed.answers::<SecretSummary>(200), update)
        .add(gone.conditional().answers_nothing(204), delete)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = secrets::list(&ctx, query.into()).await?;
    Ok(reply::page("secrets", &page))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(SecretName(name)): PathId<SecretName>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let secret = secrets::get(&ctx, &name).await?;
    Ok(conditional::answer_changeable(&headers, &secret))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(new): Body<NewSecret>,
) -> Result<Response, Fault> {
    let secret = secrets::create(&ctx, new).await?;
    let path = format!("/api/v1/secrets/{}", secret.name);
    let response = conditional::changed(StatusCode::CREATED, &secret, &secret);
    Ok(reply::located(response, &path))
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    PathId(SecretName(name)): PathId<SecretName>,
    headers: HeaderMap,
    Body(changes): Body<SecretChanges>,
) -> Result<Response, Fault> {
    let ctx = conditional::expecting(&ctx, &headers);
    let secret = secrets::update(&ctx, &name, changes).await?;
    Ok(conditional::changed(StatusCode::OK, &secret, &secret))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(SecretName(name)): PathId<SecretName>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    secrets::delete(&conditional::expecting(&ctx, &headers), &name).await?;
    Ok(reply::nothing())
}
