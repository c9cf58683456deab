//! What search engines ask for first: where they may go, and which pages there are.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use resonant_backend::site_map::{self, Listed, Shelf};
use resonant_backend::{Actor, Ctx, RequestId};
use resonant_domain::listing::Category;
use serde::Deserialize;

use crate::extract::Query;
use crate::fault::Fault;
use crate::state::AppState;

/// How many listings a map names. It may name 50,000 addresses (sitemaps.org) and names fewer, since it is
/// written while its reader waits.
const LISTINGS_MAX: u32 = 10_000;
/// How many collections are named, and how many publishers. More of both are found by their listings.
const SHELVES_MAX: u32 = 10_000;
/// All change seldom.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// An address, and when what it shows has changed, where that is known.
type Place = (String, Option<Timestamp>);

/// `/robots.txt`
pub(crate) async fn robots(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let origin = state.site.origin(&headers);
    let text = format!(
        "User-agent: *\nAllow: /\nDisallow: /api/\nDisallow: /account\nDisallow: /checkout\n\
         Disallow: /sessions\n\
         Disallow: /studio/\n\nSitemap: {origin}/sitemap.xml\n"
    );
    with_type("text/plain; charset=utf-8", text)
}

/// `/sitemap.xml`: the pages that anyone may see, or where there are many listings the maps that name them.
/// All maps stand at the root: each speaks for what lies in its own folder.
pub(crate) async fn sitemap(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (origin, ctx) = (state.site.origin(&headers), ctx(&state));
    let listings = site_map::listings(&ctx, "", LISTINGS_MAX + 1).await?;
    if let (Some(first), true) = (listings.first(), listings.len() > LISTINGS_MAX as usize) {
        let parts = site_map::parts(&ctx, &first.slug, LISTINGS_MAX).await?;
        let parts = parts.iter().map(|from| format!("/sitemap-listings.xml?from={from}"));
        let maps = std::iter::once("/sitemap-pages.xml".to_owned()).chain(parts);
        return Ok(index(&origin, maps));
    }
    let mut places = page_places(&ctx).await?;
    places.extend(listings.iter().map(listing_place));
    Ok(url_set(&origin, places))
}

/// `/sitemap-pages.xml`: all pages but those of listings.
pub(crate) async fn pages(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let places = page_places(&ctx(&state)).await?;
    Ok(url_set(&state.site.origin(&headers), places))
}

#[derive(Debug, Deserialize)]
pub(crate) struct ListingsQuery {
    /// The slug of the first one.
    from: String,
}

/// `/sitemap-listings.xml`: the pages of listings from one on.
pub(crate) async fn listings(
    State(state): State<AppState>,
    Query(query): Query<ListingsQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let listings = site_map::listings(&ctx(&state), &query.from, LISTINGS_MAX).await?;
    Ok(url_set(&state.site.origin(&headers), listings.iter().map(listing_place)))
}

fn ctx(state: &AppState) -> Ctx {
    state.backend.ctx(Actor::Anonymous, RequestId::new("sitemap"))
}

/// The marketplace, its collections, and the publishers in it.
async fn page_places(ctx: &Ctx) -> Result<Vec<Place>, Fault> {
    let category = |category: Category| format!("/marketplace?category={}", category.as_str());
    let paths = ["/".to_owned(), "/marketplace".to_owned()];
    let paths = paths.into_iter().chain(Category::ALL.map(category));
    let mut places: Vec<_> = paths.map(|path| (path, None)).collect();
    let shelves = site_map::shelves(ctx, SHELVES_MAX).await?;
    places.extend(shelves.into_iter().map(|shelf| match shelf {
        Shelf::Collection { slug, updated_at } => {
            (format!("/marketplace/collections/{slug}"), Some(updated_at))
        }
        Shelf::Publisher { handle } => (format!("/publishers/{handle}"), None),
    }));
    Ok(places)
}

fn listing_place(listing: &Listed) -> Place {
    (format!("/marketplace/{}", listing.slug), Some(listing.updated_at))
}

/// A map: no path of ours holds what XML would have escaped.
fn url_set(origin: &str, places: impl IntoIterator<Item = Place>) -> Response {
    let entries = places.into_iter().map(|(path, changed)| {
        let changed = changed.map_or_else(String::new, |at| format!("<lastmod>{at:.0}</lastmod>"));
        format!("<url><loc>{origin}{path}</loc>{changed}</url>")
    });
    document("urlset", entries)
}

/// A map of maps.
fn index(origin: &str, maps: impl Iterator<Item = String>) -> Response {
    let entries = maps.map(|path| format!("<sitemap><loc>{origin}{path}</loc></sitemap>"));
    document("sitemapindex", entries)
}

fn document(root: &str, entries: impl Iterator<Item = String>) -> Response {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <{root} xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n"
    );
    for entry in entries {
        // Writing to a String cannot fail.
        let _ = writeln!(xml, "{entry}");
    }
    let _ = writeln!(xml, "</{root}>");
    with_type("application/xml; charset=utf-8", xml)
}

fn with_type(kind: &'static str, text: String) -> Response {
    let kind = HeaderValue::from_static(kind);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEEP)], text).into_response()
}
