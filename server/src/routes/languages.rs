//! The words of a language for the browser.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use resonant_domain::FaultKind;

use crate::fault::Fault;
use crate::packed::Packed;

static GERMAN: LazyLock<Option<Packed>> = LazyLock::new(|| packed("de"));

/// `/languages/{tag}.js`: a script, for good where its address names a version.
///
/// # Errors
/// [`FaultKind::NotFound`] for a language that needs no words or is not spoken.
pub(crate) async fn get(
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let known = match &*file {
        "de.js" => GERMAN.as_ref(),
        _ => None,
    };
    let script = known
        .ok_or_else(|| Fault::of(FaultKind::NotFound, "there are no words of this language"))?;
    let mut answer = script.answer(&headers).await;
    if query.is_some_and(|query| query.starts_with("v=")) {
        let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
        answer.headers_mut().insert(header::CACHE_CONTROL, keep);
    }
    Ok(answer)
}

fn packed(tag: &str) -> Option<Packed> {
    let script = app::language_script(tag)?;
    Some(Packed::new("text/javascript; charset=utf-8", script.to_owned()))
}
