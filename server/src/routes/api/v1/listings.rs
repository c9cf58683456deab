//! `/api/v1/listings`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, listings};
use resonant_domain::agent::Agent;
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Part;
use resonant_domain::listing::{
    Category, CategoryCount, CostLimit, Facets, Listing, ListingFilter, ListingSort,
    ListingSummary, PriceFilter, QUERY_MAX, STARS_ASKED_MAX,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{chosen, page};
use crate::conditional::{self, Audience};
use crate::extract::{PathId, Query, Slug};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of the marketplace.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/listings", "Finds listings");
    let one = Operation::get("/listings/{slug}", "Reads a listing");
    let copy =
        Operation::post("/listings/{slug}/install", "Copies a listing's agent to the caller");
    let list_of = list_of.open().query::<BrowseQuery>().names("tags").names("tools");
    let list_of = list_of.fields::<ListingSummary>().tagged();
    let one = one.open().query::<GetQuery>().fields::<Listing>().tagged();
    let copy = copy.scope(Scope::ListingsInstall).query::<InstallQuery>().located();
    api.add(list_of.answers::<Found>(200), browse)
        .add(one.answers::<Part<Listing>>(200), get)
        .add(copy.answers::<Agent>(201), install)
}

/// A page of listings, and how many there are in each category.
#[derive(Serialize, JsonSchema)]
struct Found {
    listings: Vec<Part<ListingSummary>>,
    has_more: bool,
    next_cursor: Option<String>,
    total: i64,
    categories: Vec<CategoryCount>,
    facets: Facets,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrowseQuery {
    #[serde(default)]
    #[schemars(length(max = QUERY_MAX), regex(pattern = r"^[^\x00]*$"))]
    query: String,
    category: Option<Category>,
    #[serde(default)]
    templates_only: bool,
    tags: Option<String>,
    tools: Option<String>,
    #[schemars(range(min = 1, max = STARS_ASKED_MAX))]
    min_rating: Option<u8>,
    max_cost: Option<CostLimit>,
    price: Option<PriceFilter>,
    #[serde(default)]
    verified_only: bool,
    #[serde(default)]
    sort: ListingSort,
    cursor: Option<String>,
    limit: Option<u32>,
    fields: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetQuery {
    fields: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstallQuery {
    /// The version that was read. `409` where another one is there by now.
    #[schemars(range(min = 1))]
    version: Option<i32>,
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
        tags: names(query.tags.as_deref()),
        tools: names(query.tools.as_deref()),
        min_rating: query.min_rating,
        max_cost: query.max_cost,
        price: query.price,
        verified_only: query.verified_only,
        sort: query.sort,
        page: page(query.cursor, query.limit),
    };
    let page = listings::page(&ctx, filter).await?;
    let Some(fields) = fields else {
        return Ok(conditional::answer(&headers, Audience::Public, &page));
    };
    let found = page.value();
    let body = Found {
        listings: found.listings.iter().map(|listing| fields.of(listing.clone())).collect(),
        has_more: found.next_cursor.is_some(),
        next_cursor: found.next_cursor.clone(),
        total: found.total,
        categories: found.categories.clone(),
        facets: found.facets.clone(),
        corrected: found.corrected.clone(),
    };
    Ok(conditional::answer_part(&headers, Audience::Public, &page, &body))
}

/// The names of a list with commas in between.
fn names(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
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
    Query(query): Query<InstallQuery>,
) -> Result<Response, Fault> {
    let agent = listings::install_version(&ctx, &slug, query.version).await?;
    let path = format!("/api/v1/agents/{}", agent.id);
    Ok(reply::located(reply::json(StatusCode::CREATED, reply::NO_STORE, &agent), &path))
}
