//! `/api/v1/listings`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, listings};
use resonant_domain::listing::{Category, Listing, ListingFilter, ListingSort, ListingSummary};
use serde::Deserialize;
use serde_json::json;

use super::{chosen, page};
use crate::conditional::{self, Audience};
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
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let fields = chosen::<ListingSummary>(query.fields.as_deref())?;
    let filter = ListingFilter {
        query: query.query,
        category: query.category,
        templates_only: query.templates_only,
        sort: query.sort,
        page: page(query.cursor, query.limit),
    };
    let page = listings::page(&ctx, filter).await?;
    let Some(fields) = fields else {
        return Ok(conditional::answer(&headers, Audience::Public, &page));
    };
    let found = page.value();
    let listings: Vec<_> =
        found.listings.iter().map(|listing| fields.of(listing.clone())).collect();
    let body = json!({
        "listings": listings,
        "has_more": found.next_cursor.is_some(),
        "next_cursor": found.next_cursor,
        "total": found.total,
        "categories": found.categories,
    });
    Ok(conditional::answer_part(&headers, Audience::Public, &page, &body))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(Slug(slug)): PathId<Slug>,
    Query(query): Query<GetQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let fields = chosen::<Listing>(query.fields.as_deref())?;
    let listing = listings::document(&ctx, &slug).await?;
    Ok(match fields {
        Some(fields) => {
            let part = fields.of(listing.value().clone());
            conditional::answer_part(&headers, Audience::Public, &listing, &part)
        }
        None => conditional::answer(&headers, Audience::Public, &listing),
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
