//! How long a browser keeps files.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

/// A file whose name holds its hash never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Built files without a hash: asked for each time, and answered by their entity tag.
const ASK: HeaderValue = HeaderValue::from_static("no-cache");
/// Files of `public/`.
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=600");

/// Sets `Cache-Control` of the files under `/pkg`.
pub async fn built(request: Request, next: Next) -> Response {
    let value = if is_hashed(request.uri().path()) { FOR_EVER } else { ASK };
    with(next.run(request).await, value)
}

/// Sets `Cache-Control` of the other files.
pub fn public(response: Response) -> Response {
    with(response, SHORT)
}

fn with(mut response: Response, value: HeaderValue) -> Response {
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let value = if found { value } else { HeaderValue::from_static("no-store") };
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(value);
    response
}

/// Whether the name is `name.<hash>.ext` as cargo-leptos writes it: 22 characters of base64url.
fn is_hashed(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    file.split('.').skip(1).any(|part| {
        part.len() == 22
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            // The unhashed split file has 22 underscores in its place.
            && part.contains(|c: char| c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_in_the_name_is_seen() {
        for (path, hashed) in [
            ("/pkg/resonant.rSv2MpKGgyXOrX3Ycd9gMw.js", true),
            ("/pkg/resonant.js", false),
            ("/pkg/__wasm_split.______________________.js", false),
            ("/pkg/resonant.css.map", false),
        ] {
            assert_eq!(is_hashed(path), hashed, "{path}");
        }
    }
}
