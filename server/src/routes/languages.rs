//! The words of a language for the browser.

use std::sync::LazyLock;

use axum::extract::RawQuery;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use resonant_domain::FaultKind;

use crate::extract::Path;
use crate::fault::Fault;
use crate::packed::Packed;

/// The script of a language, and the query of its address, which names the version.
struct Script {
    text: Packed,
    query: &'static str,
}

static GERMAN: LazyLock<Option<Script>> = LazyLock::new(|| script("de"));

/// `/languages/{tag}.js`: a script, for good where its address names its version. During an update it may
/// name that of another process, whose words are others.
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
    let mut answer = script.text.answer(&headers).await;
    if query.as_deref() == Some(script.query) {
        let keep = HeaderValue::from_static("public, max-age=31536000, immutable");
        answer.headers_mut().insert(header::CACHE_CONTROL, keep);
    }
    Ok(answer)
}

fn script(tag: &str) -> Option<Script> {
    let (text, path) = app::language_script(tag)?;
    let (_, query) = path.split_once('?')?;
    Some(Script { text: Packed::new("text/javascript; charset=utf-8", text.to_owned()), query })
}
