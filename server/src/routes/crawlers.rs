//! What search engines ask for first: where they may go, and which pages there are.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, header};
use resonant_backend::{Actor, RequestId, collections, listings, publishers};
use resonant_domain::listing::{Category, ListingFilter};
use resonant_domain::page::{MAX_LIMIT, PageRequest};

use crate::fault::Fault;
use crate::state::AppState;

/// How many addresses a site map may hold (sitemaps.org).
const ADDRESSES_MAX: usize = 50_000;
/// Both change seldom.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=3600");

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

/// `/sitemap.xml`: the pages that anyone may see.
pub(crate) async fn sitemap(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let origin = state.site.origin(&headers);
    let mut paths = vec!["/".to_owned(), "/marketplace".to_owned()];
    let category = |category: Category| format!("/marketplace?category={}", category.as_str());
    paths.extend(Category::ALL.map(category));
    paths.extend(shelf_paths(&state).await?);
    paths.extend(listing_paths(&state, ADDRESSES_MAX - paths.len()).await?);

    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for path in paths {
        // No path of ours holds what XML would have escaped; writing to a String cannot fail.
        let _ = writeln!(xml, "<url><loc>{origin}{path}</loc></url>");
    }
    xml.push_str("</urlset>\n");
    Ok(with_type("application/xml; charset=utf-8", xml))
}

/// Collections, and publishers of listings.
async fn shelf_paths(state: &AppState) -> Result<Vec<String>, Fault> {
    /// More publishers are found by their listings.
    const PUBLISHERS_MAX: i64 = 10_000;
    /// So many collections are named, or a page more.
    const COLLECTIONS_MAX: usize = 10_000;

    let ctx = state.backend.ctx(Actor::Anonymous, RequestId::new("sitemap"));
    let mut paths = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest { cursor, limit: Some(MAX_LIMIT) };
        let found = collections::list(&ctx, page).await?;
        let slugs = found.items.iter().map(|shelf| &shelf.slug);
        paths.extend(slugs.map(|slug| format!("/marketplace/collections/{slug}")));
        cursor = found.next_cursor;
        if cursor.is_none() || paths.len() >= COLLECTIONS_MAX {
            break;
        }
    }
    let publishers = publishers::handles(&ctx, PUBLISHERS_MAX).await?.into_iter();
    paths.extend(publishers.map(|handle| format!("/publishers/{handle}")));
    Ok(paths)
}

async fn listing_paths(state: &AppState, most: usize) -> Result<Vec<String>, Fault> {
    let ctx = state.backend.ctx(Actor::Anonymous, RequestId::new("sitemap"));
    let mut paths = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest { cursor, limit: Some(MAX_LIMIT) };
        let found = listings::browse(&ctx, ListingFilter { page, ..Default::default() }).await?;
        let slugs = found.listings.iter().map(|listing| format!("/marketplace/{}", listing.slug));
        paths.extend(slugs.take(most - paths.len()));
        cursor = found.next_cursor;
        if cursor.is_none() || paths.len() == most {
            return Ok(paths);
        }
    }
}

fn with_type(kind: &'static str, text: String) -> Response {
    let kind = HeaderValue::from_static(kind);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEEP)], text).into_response()
}
