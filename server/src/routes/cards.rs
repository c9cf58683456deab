//! `/og/…`: what other sites show where somebody shares a link to a public page.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use resonant_backend::cards::{self, Subject};
use resonant_backend::{Actor, Error, RequestId};

use super::images::{FOR_EVER, answer, nothing};
use crate::extract::Path;
use crate::fault::Fault;
use crate::state::AppState;

/// What is shown may change while an address without its version stays.
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=600");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The card of pages that have none of their own.
pub(crate) async fn get_of_the_site(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Result<Response, Fault> {
    card(&state, Subject::Site, query.as_deref(), &request).await
}

/// The card of a listing, a publisher or a collection.
pub(crate) async fn get(
    State(state): State<AppState>,
    names: Result<Path<(String, String)>, Fault>,
    RawQuery(query): RawQuery,
    request: HeaderMap,
) -> Result<Response, Fault> {
    let Ok(Path((kind, file))) = names else {
        return Ok(nothing());
    };
    let Some(name) = file.strip_suffix(".png") else {
        return Ok(nothing());
    };
    let subject = match kind.as_str() {
        "listings" => Subject::Listing(name),
        "publishers" => Subject::Publisher(name),
        "collections" => Subject::Collection(name),
        _ => return Ok(nothing()),
    };
    card(&state, subject, query.as_deref(), &request).await
}

async fn card(
    state: &AppState,
    subject: Subject<'_>,
    query: Option<&str>,
    request: &HeaderMap,
) -> Result<Response, Fault> {
    let ctx = state.backend.ctx(Actor::Anonymous, RequestId::new("card"));
    let drawn = match cards::get(&ctx, subject).await {
        Ok(drawn) => drawn,
        Err(Error::NotFound(_)) => return Ok(nothing()),
        Err(error) => return Err(error.into()),
    };
    let asked = query.and_then(|query| query.strip_prefix("v="));
    let cache = if asked == Some(drawn.version.as_str()) { FOR_EVER } else { SHORT };
    let mut response = answer(request, &drawn.file, "image/png", cache);
    // It is made to be shown elsewhere.
    response.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    Ok(response)
}
