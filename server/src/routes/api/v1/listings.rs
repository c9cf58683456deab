//! `/api/v1/listings`

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, listings};
use resonant_domain::listing::{Category, Listing, ListingFilter, ListingSort, ListingSummary};
use serde::Deserialize;
use serde_json::json;

use super::{chosen, page};
use crate::extract::{PathId, Query, Slug};
use crate::fault::Fault;
use crate::reply;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrowseQuery {
    #[serde(default)]
    query: String,
    category: Option<Category>,
    #[serde(default)]
    templates_only: bool,
    #[serde(default)]
    sort: ListingSort,
    cursor: Option<String>,
    limit: Option<u32>,
    fields: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetQuery {
    fields: Option<String>,
}

pub(crate) async fn browse(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<BrowseQuery>,
) -> Result<Response, Fault> {
    let fields = chosen::<ListingSummary>(query.fields.as_deref())?.unwrap_or_default();
    let filter = ListingFilter {
        query: query.query,
        category: query.category,
        templates_only: query.templates_only,
        sort: query.sort,
        page: page(query.cursor, query.limit),
    };
    let found = listings::browse(&ctx, filter).await?;
    let listings = found.listings.into_iter().map(|listing| fields.of(listing)).collect::<Vec<_>>();
    let body = json!({
        "listings": listings,
        "has_more": found.next_cursor.is_some(),
        "next_cursor": found.next_cursor,
        "total": found.total,
        "categories": found.categories,
    });
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &body))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Query(query): Query<GetQuery>,
) -> Result<Response, Fault> {
    let fields = chosen::<Listing>(query.fields.as_deref())?;
    let listing = listings::get(&ctx, &slug).await?;
    Ok(match fields {
        Some(fields) => reply::json(StatusCode::OK, reply::PUBLIC, &fields.of(listing)),
        None => reply::json(StatusCode::OK, reply::PUBLIC, &listing),
    })
}

pub(crate) async fn install(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
) -> Result<Response, Fault> {
    let agent = listings::install(&ctx, &slug).await?;
    let path = format!("/api/v1/agents/{}", agent.id);
    Ok(reply::located(reply::json(StatusCode::CREATED, reply::NO_STORE, &agent), &path))
}
