//! `/images/{id}/{width}.{format}`: pictures of listings, as pages show them.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use resonant_backend::images::ImageFile;
use resonant_backend::{Actor, Document, Error, RequestId, images};

use crate::conditional;
use crate::extract::Path;
use crate::fault::Fault;
use crate::reply;
use crate::state::AppState;

/// What lies at an address with a digest never changes.
pub(super) const FOR_EVER: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");

/// The formats by their endings.
const FORMATS: [(&str, &str); 3] =
    [("webp", "image/webp"), ("jpg", "image/jpeg"), ("png", "image/png")];

/// One of a picture's files.
pub(crate) async fn get(
    State(state): State<AppState>,
    names: Result<Path<(String, String)>, Fault>,
    request: HeaderMap,
) -> Result<Response, Fault> {
    let Ok(Path((id, file))) = names else {
        return Ok(nothing());
    };
    let Some(((width, format, kind), id)) = read(&file).zip(id.parse().ok()) else {
        return Ok(nothing());
    };
    let ctx = state.backend.ctx(Actor::Anonymous, RequestId::new("image"));
    match images::file(&ctx, id, width, format).await {
        Ok(file) => Ok(answer(&request, &file, kind, FOR_EVER)),
        Err(Error::NotFound(_)) => Ok(nothing()),
        Err(error) => Err(error.into()),
    }
}

/// The width, the format and its kind of content, of `480.webp`. There is one way to write each.
fn read(file: &str) -> Option<(u32, &'static str, &'static str)> {
    let (text, ending) = file.split_once('.')?;
    let width = text.parse::<u32>().ok().filter(|width| width.to_string() == text)?;
    let (format, kind) = FORMATS.into_iter().find(|(format, _)| *format == ending)?;
    Some((width, format, kind))
}

/// A file, or that the caller has it.
pub(super) fn answer(
    request: &HeaderMap,
    file: &Document<ImageFile>,
    kind: &'static str,
    cache: HeaderValue,
) -> Response {
    let version = file.version();
    let headers: [(HeaderName, HeaderValue); 2] =
        [(header::ETAG, conditional::tag(version)), (header::CACHE_CONTROL, cache)];
    if conditional::has(request, version) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    (headers, kind, file.value().bytes.clone()).into_response()
}

/// That there is no such file. Nobody reads a page in the place of a picture.
pub(super) fn nothing() -> Response {
    let cache = [(header::CACHE_CONTROL, reply::NO_STORE)];
    (StatusCode::NOT_FOUND, cache).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name() {
        assert_eq!(read("480.webp"), Some((480, "webp", "image/webp")));
        for name in ["0480.webp", "+480.webp", "480.WEBP", "480.svg", "480", "-1.png", "4.8.png"] {
            assert_eq!(read(name), None, "{name}");
        }
    }
}
