//! Entity tags of packed answers.
//!
//! A strong tag names bytes, and packed bytes are others (RFC 9110, 8.8.1): an answer that was packed
//! with brotli carries `"7-br"` where the plain one carries `"7"`. Within the server there are plain
//! tags alone; this layer stands outside the one that packs and translates both ways.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::fault::Fault;

/// How answers may be packed.
const ENCODINGS: [&str; 3] = ["br", "gzip", "zstd"];

/// Translates the tags of a request and of its answer. A request for a change whose answer its caller would not
/// take is refused before anything is done.
pub async fn translate(mut request: Request, next: Next) -> Response {
    let is_safe = request.method().is_safe();
    if !is_safe && takes_nothing(request.headers()) {
        let detail = "Accept-Encoding takes no encoding that there is, nor an answer without one";
        return Fault::status(StatusCode::NOT_ACCEPTABLE, detail).into_response();
    }
    let headers = request.headers_mut();
    let mut asked = None;
    if headers.contains_key(header::IF_NONE_MATCH) {
        // A caller that does not take brotli now has no use for the packed answer it may have. A change is
        // about the thing, however it was packed.
        let accepted = if is_safe { accepted(headers) } else { ENCODINGS.to_vec() };
        let before = unpack_tags(headers, &header::IF_NONE_MATCH, &accepted);
        asked = before.map(|before| (before, accepted));
    }
    if headers.contains_key(header::IF_MATCH) {
        unpack_tags(headers, &header::IF_MATCH, &ENCODINGS);
    }
    let mut response = next.run(request).await;
    let encoding = if response.status() == StatusCode::NOT_MODIFIED {
        let tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
        asked.zip(tag).and_then(|((asked, accepted), tag)| encoding_of(tag, &asked, &accepted))
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
    let text = accept_encoding(headers);
    ENCODINGS.into_iter().filter(|own| is_taken(&text, own) == Some(true)).collect()
}

/// Whether the caller takes no answer at all, however it is packed.
fn takes_nothing(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ACCEPT_ENCODING)
        && is_taken(&accept_encoding(headers), "identity") == Some(false)
        && accepted(headers).is_empty()
}

fn accept_encoding(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let text: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    text.join(",").to_ascii_lowercase()
}

/// Whether an encoding is taken: what is said of it counts, else what is said of all others (RFC 9110,
/// 12.5.3). `None`: nothing is said.
fn is_taken(text: &str, encoding: &str) -> Option<bool> {
    let said_of = |name: &str| {
        text.split(',').find_map(|part| {
            let (own, weight) = part.split_once(';').unwrap_or((part, ""));
            let own = own.trim();
            // `x-gzip` is gzip (8.4.1.3).
            (own.strip_prefix("x-").unwrap_or(own) == name).then(|| !is_zero(weight.trim()))
        })
    };
    said_of(encoding).or_else(|| said_of("*"))
}

/// Whether a weight is 0, however many digits it has.
fn is_zero(weight: &str) -> bool {
    let number = weight.strip_prefix("q=");
    number.is_some_and(|number| {
        number.starts_with('0') && number.chars().all(|c| matches!(c, '0' | '.'))
    })
}

/// Makes `"7-br"` to `"7"` in a header. Answers what stood there before, where something has become another.
fn unpack_tags(
    headers: &mut HeaderMap,
    name: &HeaderName,
    encodings: &[&'static str],
) -> Option<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let before = values.collect::<Vec<_>>().join(",");
    let mut after = before.clone();
    for encoding in encodings {
        after = after.replace(&format!("-{encoding}\""), "\"");
    }
    if after == before {
        return None;
    }
    headers.insert(name.clone(), HeaderValue::try_from(after).ok()?);
    Some(before)
}

/// How the answer is packed that the caller has, of those that they asked about: a plain tag names the plain
/// one.
fn encoding_of(tag: &str, asked: &str, accepted: &[&'static str]) -> Option<&'static str> {
    let plain = |one: &str| one.trim().trim_start_matches("W/") == tag;
    if asked.split(',').any(plain) {
        return None;
    }
    let start = tag.strip_suffix('"')?;
    accepted.iter().copied().find(|encoding| asked.contains(&format!("{start}-{encoding}\"")))
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
            ("gzip; q=0.000", vec![]),
            ("br;q=0, *", vec!["gzip", "zstd"]),
            ("*;q=0, x-gzip;q=0.001", vec!["gzip"]),
            ("", vec![]),
        ] {
            assert_eq!(accepted(&one(&header::ACCEPT_ENCODING, takes)), expected, "{takes}");
        }
    }

    #[test]
    fn whoever_refuses_everything_is_known() {
        assert!(!takes_nothing(&HeaderMap::new()));
        for (takes, is_nothing) in [
            ("", false),
            ("*;q=0", true),
            ("identity;q=0", true),
            ("deflate, identity;q=0.0", true),
            ("gzip, identity;q=0", false),
            ("identity, *;q=0", false),
            ("br;q=0", false),
        ] {
            let headers = one(&header::ACCEPT_ENCODING, takes);
            assert_eq!(takes_nothing(&headers), is_nothing, "{takes}");
        }
    }

    #[test]
    fn tags_lose_and_gain_their_encoding() {
        let mut headers = one(&header::IF_NONE_MATCH, "\"7-br\", W/\"6-gzip\", \"5\"");
        let before = unpack_tags(&mut headers, &header::IF_NONE_MATCH, &["br"]);
        assert_eq!(before.as_deref(), Some("\"7-br\", W/\"6-gzip\", \"5\""));
        assert_eq!(headers[header::IF_NONE_MATCH], "\"7\", W/\"6-gzip\", \"5\"");
        let mut headers = one(&header::ETAG, "\"7\"");
        pack_tag(&mut headers, "zstd");
        assert_eq!(headers[header::ETAG], "\"7-zstd\"");
        let mut headers = one(&header::ETAG, "W/\"7\"");
        pack_tag(&mut headers, "zstd");
        assert_eq!(headers[header::ETAG], "W/\"7\"");
    }

    #[test]
    fn the_answer_that_the_caller_has_is_named() {
        for (asked, expected) in [
            ("\"7-br\"", Some("br")),
            ("W/\"7-gzip\"", Some("gzip")),
            ("\"6-br\", \"7-gzip\"", Some("gzip")),
            ("\"6-br\",\"7\"", None),
            ("\"77-br\", *", None),
            ("\"7-zstd\"", None),
        ] {
            assert_eq!(encoding_of("\"7\"", asked, &["br", "gzip"]), expected, "{asked}");
        }
    }
}
