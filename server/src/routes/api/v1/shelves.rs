//! `/api/v1/publishers` and `/api/v1/collections`: what the marketplace shows beside its listings.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, collections, publishers};
use resonant_domain::collection::Collection;
use resonant_domain::fields::Part;
use resonant_domain::page::PageRequest;
use resonant_domain::publisher::Publisher;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PageQuery, chosen, page};
use crate::conditional::{self, Audience};
use crate::extract::{PathId, Query, Slug};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of publishers and collections.
pub(crate) fn routes(api: Api) -> Api {
    let publisher =
        Operation::get("/publishers/{handle}", "Reads a publisher with a page of their listings");
    let list_of =
        Operation::get("/collections", "Lists the featured collections with their first listings");
    let one = Operation::get("/collections/{slug}", "Reads a collection with its listings");
    let list_of = list_of.open().query::<PageQuery>().tagged();
    let publisher = publisher.open().query::<GetQuery>().fields::<Publisher>().tagged();
    api.add(publisher.answers::<Part<Publisher>>(200), read_publisher)
        .add(list_of.answers_page::<Collection>("collections"), list)
        .add(one.open().tagged().answers::<Collection>(200), get)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetQuery {
    fields: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn read_publisher(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(handle)): PathId<Slug>,
    Query(query): Query<GetQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let fields = chosen::<Publisher>(query.fields.as_deref())?;
    let page = page(query.cursor, query.limit);
    if page != PageRequest::default() {
        let publisher = publishers::page(&ctx, &handle, page).await?;
        let part = fields.unwrap_or_default().of(publisher);
        return Ok(reply::json(StatusCode::OK, reply::PUBLIC, &part));
    }
    let publisher = publishers::document(&ctx, &handle).await?;
    Ok(match fields {
        Some(fields) => {
            let part = fields.of(publisher.value().clone());
            conditional::answer_part(&headers, Audience::Public, &publisher, &part)
        }
        None => conditional::answer(&headers, Audience::Public, &publisher),
    })
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let page = PageRequest::from(query);
    if page == PageRequest::default() {
        let featured = collections::featured_document(&ctx).await?;
        return Ok(conditional::answer(&headers, Audience::Public, &featured));
    }
    let featured = collections::featured_page(&ctx, page).await?;
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &featured))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let collection = collections::document(&ctx, &slug).await?;
    Ok(conditional::answer(&headers, Audience::Public, &collection))
}
