//! `/api/v1/listings/{slug}/reviews`

use axum::Extension;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, reviews};
use resonant_domain::ReviewId;
use resonant_domain::review::{ListingFacts, NewReview, Review, ReviewChanges};
use schemars::JsonSchema;
use serde::Deserialize;

use super::page;
use crate::conditional::{self, Audience};
use crate::extract::{Body, PathId, Query, Slug};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of what people think of a listing, and of what was measured.
pub(crate) fn routes(api: Api) -> Api {
    let list_of =
        Operation::get("/listings/{slug}/reviews", "Lists a listing's reviews, most helpful first");
    let new = Operation::post("/listings/{slug}/reviews", "Reviews a listing that was run");
    let changed = Operation::patch("/listings/{slug}/reviews/{id}", "Changes the caller's review");
    let gone = Operation::delete("/listings/{slug}/reviews/{id}", "Deletes the caller's review");
    let facts = Operation::get("/listings/{slug}/facts", "Tells what was measured of a listing");

    let list_of = list_of.open().query::<ListQuery>();
    let changed = changed.body::<ReviewChanges>().answers::<Review>(200);
    api.add(list_of.answers_page::<Review>("reviews"), list)
        .add(new.body::<NewReview>().answers::<Review>(201), create)
        .add(changed, update)
        .add(gone.answers_nothing(204), delete)
        .add(facts.open().tagged().answers::<ListingFacts>(200), measured)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Fault> {
    let page = reviews::list(&ctx, &slug, page(query.cursor, query.limit)).await?;
    Ok(reply::page("reviews", &page))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Body(new): Body<NewReview>,
) -> Result<Response, Fault> {
    let review = reviews::create(&ctx, &slug, new).await?;
    Ok(reply::json(StatusCode::CREATED, reply::NO_STORE, &review))
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    Body(changes): Body<ReviewChanges>,
) -> Result<Response, Fault> {
    let (slug, id) = named(names)?;
    let review = reviews::update(&ctx, &slug, id, changes).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &review))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
) -> Result<Response, Fault> {
    let (slug, id) = named(names)?;
    reviews::delete(&ctx, &slug, id).await?;
    Ok(reply::nothing())
}

/// What is no id names no review.
fn named((slug, id): (String, String)) -> Result<(String, ReviewId), Fault> {
    let id = id.parse().map_err(|_| Fault::not_found("review"))?;
    Ok((slug, id))
}

pub(crate) async fn measured(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let facts = reviews::facts_document(&ctx, &slug).await?;
    Ok(conditional::answer(&headers, Audience::Public, &facts))
}
