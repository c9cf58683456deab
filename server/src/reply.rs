//! JSON answers.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, StatusCode, header};
use resonant_domain::FaultKind;
use resonant_domain::page::Page;
use serde::Serialize;
use serde_json::Value;

use crate::fault::Fault;
use crate::middleware::idempotency::KeptBody;

/// Owned things: no cache may keep them.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Owned things with an entity tag: the caller's own cache may keep them and asks each time.
pub(crate) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// What everybody sees alike.
pub(crate) const PUBLIC: HeaderValue =
    HeaderValue::from_static("public, max-age=60, stale-while-revalidate=60");

/// A JSON document with its status and how caches may treat it.
pub(crate) fn json<T: Serialize>(status: StatusCode, cache: HeaderValue, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => written(status, cache, bytes),
        Err(error) => {
            tracing::error!(error = %error, "an answer could not be written as JSON");
            Fault::of(FaultKind::Internal, "the answer could not be written").into_response()
        }
    }
}

/// A JSON document that is written already.
pub(crate) fn written(status: StatusCode, cache: HeaderValue, json: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], json).into_response()
}

/// That it is done, and that there is nothing to say.
pub(crate) fn nothing() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, NO_STORE)]).into_response()
}

/// A stream of events, one frame after the other. No proxy on the way is to gather them.
pub(crate) fn events(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, NO_STORE),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(frames.map(Ok::<_, Infallible>))).into_response()
}

/// A file to keep, under this name.
pub(crate) fn file(kind: &'static str, name: &'static str, content: impl Into<Body>) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, NO_STORE),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, content.into()).into_response()
}

/// Owned text, as it is. Whatever it looks like: no browser takes it for more than text.
pub(crate) fn text(content: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, NO_STORE),
    ];
    (headers, content).into_response()
}

/// A page of owned things under their name, with the way to the next one.
pub(crate) fn page<T: Serialize>(name: &str, page: &Page<T>) -> Response {
    json(StatusCode::OK, NO_STORE, &told(name, page))
}

/// A page of what everybody sees alike.
pub(crate) fn public_page<T: Serialize>(name: &str, page: &Page<T>) -> Response {
    json(StatusCode::OK, PUBLIC, &told(name, page))
}

/// A page as callers read it: its things under their name, and the way to the next one.
pub(crate) fn told<T: Serialize>(name: &str, page: &Page<T>) -> Value {
    serde_json::json!({
        name: page.items,
        "has_more": page.has_more(),
        "next_cursor": page.next_cursor,
    })
}

/// Adds a `Location` to an answer.
pub(crate) fn located(mut response: Response, path: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// An answer whose body tells a secret, which is kept nowhere, also not by its caller's cache: where the
/// request may be sent again, `rest` is kept in its place.
pub(crate) fn told_once<T: Serialize>(mut response: Response, rest: &T) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    if let Ok(rest) = serde_json::to_vec(rest) {
        response.extensions_mut().insert(KeptBody(rest));
    }
    response
}
