//! `/api/v1/listings/{slug}/reviews`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, reviews};
use resonant_domain::review::{
    ListingFacts, NewReview, Review, ReviewChanges, ReviewFilter, ReviewSort, STARS_MAX,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::page;
use crate::conditional::{self, Audience};
use crate::extract::{Body, Path, PathId, Query, Slug, named};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of what people think of a listing, and of what was measured.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/listings/{slug}/reviews", "Lists a listing's reviews");
    let new = Operation::post("/listings/{slug}/reviews", "Reviews a listing that was run");
    let changed = Operation::patch("/listings/{slug}/reviews/{id}", "Changes the caller's review");
    let gone = Operation::delete("/listings/{slug}/reviews/{id}", "Deletes the caller's review");
    let one = Operation::get("/listings/{slug}/reviews/{id}", "Reads a review");
    let facts = Operation::get("/listings/{slug}/facts", "Tells what was measured of a listing");

    let list_of = list_of.open().query::<ListQuery>();
    let new = new.body::<NewReview>().located().versioned();
    let changed = changed.body::<ReviewChanges>().conditional().answers::<Review>(200);
    api.add(list_of.answers_page::<Review>("reviews"), list)
        .add(new.answers::<Review>(201), create)
        .add(one.open().tagged().answers::<Review>(200), get)
        .add(changed, update)
        .add(gone.conditional().answers_nothing(204), delete)
        .add(facts.query::<FactsQuery>().open().tagged().answers::<ListingFacts>(200), measured)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// With so many stars alone.
    #[schemars(range(min = 1, max = STARS_MAX))]
    stars: Option<u8>,
    #[serde(default)]
    sort: ReviewSort,
    cursor: Option<String>,
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactsQuery {
    /// Of this version; of the present one where absent.
    #[schemars(range(min = 1))]
    version: Option<i32>,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Fault> {
    let filter = ReviewFilter { stars: query.stars, sort: query.sort };
    let listed = reviews::list(&ctx, &slug, filter, page(query.cursor, query.limit)).await?;
    Ok(reply::public_page("reviews", &listed.page))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Body(new): Body<NewReview>,
) -> Result<Response, Fault> {
    let review = reviews::create(&ctx, &slug, new).await?;
    let path = format!("/api/v1/listings/{slug}/reviews/{}", review.id);
    Ok(reply::located(conditional::changed(StatusCode::CREATED, &review, &review), &path))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    Path((slug, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let review = reviews::get(&ctx, &slug, named(&id)?).await?;
    Ok(conditional::answer_changeable_to(&headers, Audience::Public, &review))
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    Path((slug, id)): Path<(String, String)>,
    headers: HeaderMap,
    Body(changes): Body<ReviewChanges>,
) -> Result<Response, Fault> {
    let ctx = conditional::expecting(&ctx, &headers);
    let review = reviews::update(&ctx, &slug, named(&id)?, changes).await?;
    Ok(conditional::changed(StatusCode::OK, &review, &review))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    Path((slug, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    reviews::delete(&conditional::expecting(&ctx, &headers), &slug, named(&id)?).await?;
    Ok(reply::nothing())
}

pub(crate) async fn measured(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Query(query): Query<FactsQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let facts = reviews::facts_document(&ctx, &slug, query.version).await?;
    Ok(conditional::answer(&headers, Audience::Public, &facts))
}
