//! Writes the problem documents, and sees that a panic becomes one.

use std::convert::Infallible;
use std::future::ready;
use std::panic::AssertUnwindSafe;

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use futures::FutureExt;
use http::response::Parts;
use http::{HeaderValue, StatusCode, header};
use resonant_backend::{Metrics, RequestId};
use resonant_domain::{FaultKind, FieldFault};
use schemars::JsonSchema;
use serde::Serialize;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;

use super::request_id::Awaited;
use crate::extract::too_large;
use crate::fault::{Fault, Problem};
use crate::router::COMPRESS_ABOVE;

pub use resonant_backend::chain;

/// The header by which a server function says that its body is its own error.
const SERVER_FUNCTION_ERROR: &str = "serverfnerror";

/// Marks a failed answer that says what failed already: a page, or a message of another protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told;

/// A problem document as it is written.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    errors: &'a [FieldFault],
}

/// Turns a panic into an answer, and tells the layers around the router which route has answered.
pub async fn answer(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let awaited = Awaited::new(metrics, &method, route.as_ref());
    // The panic itself was logged by the hook that telemetry sets.
    let mut response =
        AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
            Fault::of(FaultKind::Internal, "the request could not be answered").into_response()
        });
    awaited.answered();
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// Turns every failed answer that has no document of its own into a problem document.
pub async fn write(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let id = request.extensions().get::<RequestId>().cloned();
    let accepts = request.headers().get(header::ACCEPT_ENCODING).cloned();
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_bare(&response, &path) => {
            let mut told = bare(response.status()).into_response();
            // Such as when to come back.
            let headers = std::mem::take(told.headers_mut());
            response.headers_mut().extend(headers);
            match told.extensions_mut().remove() {
                Some(problem) => problem,
                None => return response,
            }
        }
        None => return response,
    };
    if let Some(source) = &problem.source {
        let id = id.as_ref().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            request.id = id,
            kind = problem.kind,
            error = chain(&**source),
            "request failed"
        );
    }
    if !is_api(&path) {
        return as_page(response);
    }
    let document = as_document(response, &problem, &path, id);
    match accepts {
        Some(accepts) if document.body().size_hint().lower() > COMPRESS_ABOVE => {
            packed(document, accepts).await
        }
        _ => document,
    }
}

/// Packs a document as its caller takes it. What packs other answers has let it pass: it was not written yet.
/// Whoever takes nothing is told all the same, with the status that the document names.
async fn packed(document: Response, accepts: HeaderValue) -> Response {
    let mut request = Request::new(Body::empty());
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepts);
    let status = document.status();
    let mut document = Some(document);
    let written = service_fn(move |_: Request| {
        ready(Ok::<_, Infallible>(document.take().unwrap_or_default()))
    });
    let Ok(mut document) = CompressionLayer::new().layer(written).oneshot(request).await;
    *document.status_mut() = status;
    document.map(Body::new)
}

/// Whether programs call this address.
fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/") || path == "/mcp"
}

/// Whether the answer is a failure that a library told by its status alone.
fn is_bare(response: &Response, path: &str) -> bool {
    let status = response.status();
    is_api(path)
        && (status.is_client_error() || status.is_server_error())
        && !response.headers().contains_key(SERVER_FUNCTION_ERROR)
        && response.extensions().get::<Told>().is_none()
}

fn bare(status: StatusCode) -> Fault {
    match status {
        StatusCode::NOT_FOUND => Fault::of(FaultKind::NotFound, "there is nothing at this address"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Fault::status(status, "the address does not take this method; see the Allow header")
        }
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        StatusCode::SERVICE_UNAVAILABLE => {
            Fault::status(status, "the answer took too long; try again")
        }
        other => Fault::status(
            other,
            other.canonical_reason().unwrap_or("the request failed").to_owned(),
        ),
    }
}

fn as_document(
    response: Response,
    problem: &Problem,
    path: &str,
    id: Option<RequestId>,
) -> Response {
    let document = Document {
        r#type: format!("/problems/{}", problem.kind),
        title: problem.title,
        status: problem.status.as_u16(),
        detail: &problem.detail,
        instance: path,
        request_id: id.map(|id| id.to_string()),
        errors: &problem.errors,
    };
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut parts = without_body(response);
    parts.status = problem.status;
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Response::from_parts(parts, Body::from(body))
}

/// The page for when no page can be rendered.
fn as_page(response: Response) -> Response {
    let mut parts = without_body(response);
    let page = Html(include_str!("unavailable.html")).into_response();
    parts.headers.extend(page.headers().clone());
    Response::from_parts(parts, page.into_body())
}

/// A failed answer without the body that another takes the place of, nor what its headers say of it:
/// it may have been compressed already.
fn without_body(response: Response) -> Parts {
    let (mut parts, _) = response.into_parts();
    for of_body in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
        parts.headers.remove(of_body);
    }
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    parts
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::get;
    use resonant_domain::metric::Family;

    use super::*;

    const COMPRESSED: &str = "/api/v1/compressed";
    const LATE: &str = "/api/v1/late";

    async fn ask(path: &str) -> Response {
        async fn panics() -> StatusCode {
            panic!("on purpose")
        }
        async fn compressed() -> impl IntoResponse {
            (StatusCode::CONFLICT, [(header::CONTENT_ENCODING, "br")], "bytes")
        }
        let routes = ["/api/v1/panics", "/panics"];
        let app = routes
            .into_iter()
            .fold(Router::new(), |router, route| router.route(route, get(panics)))
            .route(COMPRESSED, get(compressed))
            .route(LATE, get(async || StatusCode::SERVICE_UNAVAILABLE));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = from_fn_with_state(Metrics::default(), answer);
        app.layer(answer).layer(from_fn(write)).oneshot(request).await.unwrap()
    }

    #[test]
    fn what_a_caller_gives_up_counts() {
        let metrics = Metrics::default();
        let (waits, answers) = ("/api/v1/agents", "/api/v1/keys");
        let app = Router::new()
            .route(waits, get(std::future::pending::<()>))
            .route(answers, get(|| async { StatusCode::NO_CONTENT }))
            .layer(from_fn_with_state(metrics.clone(), answer));
        for (path, is_answered) in [(waits, false), (answers, true)] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let answer = app.clone().oneshot(request).now_or_never();
            assert_eq!(answer.is_some(), is_answered, "{path}");
        }
        let all = metrics.counted();
        let all: Vec<_> =
            all.iter().map(|(family, label, all)| (*family, &**label, all.count)).collect();
        // What is answered is measured further out.
        assert_eq!(all, [(Family::ApiLatency, "GET /api/v1/agents", 1)]);
    }

    #[tokio::test]
    async fn a_panic_is_told_as_a_defect() {
        for (path, kind) in [
            ("/api/v1/panics", "application/problem+json"),
            ("/panics", "text/html; charset=utf-8"),
        ] {
            let response = ask(path).await;
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind);
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        }
    }

    #[tokio::test]
    async fn a_problem_does_not_say_that_it_is_compressed() {
        let response = ask(COMPRESSED).await;
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn who_waited_for_nothing_is_told_when_to_come_back() {
        let response = ask(LATE).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "cannot write: {}", self.0)
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        assert_eq!(chain(&Outer(std::io::Error::other("disk full"))), "cannot write: disk full");
    }
}
