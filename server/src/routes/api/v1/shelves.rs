//! `/api/v1/publishers` and `/api/v1/collections`: what the marketplace shows beside its listings.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, collections, publishers};
use resonant_domain::collection::Collection;
use resonant_domain::fields::Part;
use resonant_domain::publisher::Publisher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chosen;
use crate::extract::{PathId, Query, Slug};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of publishers and collections.
pub(crate) fn routes(api: Api) -> Api {
    let publisher = Operation::get("/publishers/{handle}", "Reads a publisher with their listings");
    let list_of = Operation::get("/collections", "Lists the featured collections");
    let one = Operation::get("/collections/{slug}", "Reads a collection with its listings");
    let publisher = publisher.open().query::<GetQuery>().fields::<Publisher>();
    api.add(publisher.answers::<Part<Publisher>>(200), read_publisher)
        .add(list_of.open().answers::<Featured>(200), list)
        .add(one.open().answers::<Collection>(200), get)
}

/// The shelves at the front of the marketplace.
#[derive(Serialize, JsonSchema)]
struct Featured {
    collections: Vec<Collection>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetQuery {
    fields: Option<String>,
}

pub(crate) async fn read_publisher(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(handle)): PathId<Slug>,
    Query(query): Query<GetQuery>,
) -> Result<Response, Fault> {
    let fields = chosen::<Publisher>(query.fields.as_deref())?.unwrap_or_default();
    let publisher = publishers::get(&ctx, &handle).await?;
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &fields.of(publisher)))
}

pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let collections = collections::featured(&ctx).await?;
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &Featured { collections }))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
) -> Result<Response, Fault> {
    let collection = collections::get(&ctx, &slug).await?;
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &collection))
}
