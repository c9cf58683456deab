//! Entity tags of packed answers.
//!
//! A strong tag names bytes, and packed bytes are others (RFC 9110, 8.8.1): an answer that was packed
//! with brotli carries `"7-br"` where the plain one carries `"7"`. Within the server there are plain
//! tags alone; this layer stands outside the one that packs and translates both ways.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// How answers may be packed.
const ENCODINGS: [&str; 3] = ["br", "gzip", "zstd"];

/// Translates the tags of a request and of its answer.
pub async fn translate(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let mut asked = Vec::new();
    if headers.contains_key(header::IF_NONE_MATCH) {
        // A caller that does not take brotli now has no use for the packed answer it may have.
        let accepted = accepted(headers);
        asked = unpack_tags(headers, &header::IF_NONE_MATCH, &accepted);
    }
    if headers.contains_key(header::IF_MATCH) {
        unpack_tags(headers, &header::IF_MATCH, &ENCODINGS);
    }
    let mut response = next.run(request).await;
    let encoding = if response.status() == StatusCode::NOT_MODIFIED {
        asked.first().copied()
    } else {
        let packed = response.headers().get(header::CONTENT_ENCODING);
        ENCODINGS.into_iter().find(|own| packed.is_some_and(|packed| packed == own))
    };
    if let Some(encoding) = encoding {
        pack_tag(response.headers_mut(), encoding);
    }
    response
}

/// The encodings of ours that the caller takes.
pub(crate) fn accepted(headers: &HeaderMap) -> Vec<&'static str> {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let text: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    let text = text.join(",").to_ascii_lowercase();
    let takes = |own: &&str| {
        text.split(',').any(|part| {
            let mut parts = part.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let is_refused = parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00"));
            (name == *own || name == "*") && !is_refused
        })
    };
    ENCODINGS.into_iter().filter(takes).collect()
}

/// Makes `"7-br"` to `"7"` in a header. Answers the encodings that were named.
fn unpack_tags(
    headers: &mut HeaderMap,
    name: &HeaderName,
    encodings: &[&'static str],
) -> Vec<&'static str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let before = values.collect::<Vec<_>>().join(",");
    let (mut after, mut named) = (before.clone(), Vec::new());
    for encoding in encodings {
        let plain = after.replace(&format!("-{encoding}\""), "\"");
        if plain != after {
            named.push(*encoding);
            after = plain;
        }
    }
    if let Some(value) = (after != before).then(|| HeaderValue::try_from(after).ok()).flatten() {
        headers.insert(name.clone(), value);
    }
    named
}

/// Makes `"7"` to `"7-br"`.
fn pack_tag(headers: &mut HeaderMap, encoding: &str) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let packed = tag
        .filter(|tag| !tag.starts_with("W/"))
        .and_then(|tag| tag.strip_suffix('"'))
        .and_then(|tag| HeaderValue::try_from(format!("{tag}-{encoding}\"")).ok());
    if let Some(packed) = packed {
        headers.insert(header::ETAG, packed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &HeaderName, text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(text))])
    }

    #[test]
    fn only_what_the_caller_takes_is_translated() {
        for (takes, expected) in [
            ("br", vec!["br"]),
            ("gzip, deflate, BR;q=0.5", vec!["br", "gzip"]),
            ("gzip;q=0", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(accepted(&one(&header::ACCEPT_ENCODING, takes)), expected, "{takes}");
        }
    }

    #[test]
    fn tags_lose_and_gain_their_encoding() {
        let mut headers = one(&header::IF_NONE_MATCH, "\"7-br\", W/\"6-gzip\", \"5\"");
        assert_eq!(unpack_tags(&mut headers, &header::IF_NONE_MATCH, &["br"]), ["br"]);
        assert_eq!(headers[header::IF_NONE_MATCH], "\"7\", W/\"6-gzip\", \"5\"");
        let mut headers = one(&header::ETAG, "\"7\"");
        pack_tag(&mut headers, "zstd");
        assert_eq!(headers[header::ETAG], "\"7-zstd\"");
        let mut headers = one(&header::ETAG, "W/\"7\"");
        pack_tag(&mut headers, "zstd");
        assert_eq!(headers[header::ETAG], "W/\"7\"");
    }
}
