//! Answers a plain form that was refused with its page, and with what was typed still in it.
//!
//! A server function that refuses a form leads the browser back to the form's page; the error goes
//! along in the address, and what was typed is lost on the way. Here that page is rendered at once,
//! as the answer to the form itself.

use app::RefusedForm;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Form, FromRequest as _, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::problem::Told;
use crate::extract::{BODY_MAX, too_large};

/// Runs the server function, and renders the form's page when it refuses what a plain form sent.
pub async fn answer<F>(render: impl FnOnce(Request) -> F, request: Request, next: Next) -> Response
where
    F: Future<Output = Response>,
{
    if !is_plain_form(&request) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return too_large().into_response();
    };
    let sent = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let response = next.run(sent).await;
    let Some(page) = refused_to(&response) else {
        return response;
    };

    parts.extensions.insert(RefusedForm::new(fields(&parts.headers, body).await));
    parts.method = Method::GET;
    parts.uri = page;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut page = render(Request::from_parts(parts, Body::empty())).await;
    if page.status().is_success() {
        *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    page.extensions_mut().insert(Told);
    page
}

/// Whether a browser sends a form by itself, not our script.
fn is_plain_form(request: &Request) -> bool {
    let says = |name, part| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.contains(part))
    };
    request.method() == Method::POST
        && request.uri().path().starts_with("/api/fn/")
        && says(header::ACCEPT, "text/html")
        && says(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

/// The form's page with the error in its query, when the answer leads there. Of the address that the
/// browser came from only the part within this site counts.
fn refused_to(response: &Response) -> Option<Uri> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let page = location.parse::<Uri>().ok()?.into_parts().path_and_query?;
    // server_fn's mark of a refusal.
    page.query()?.split('&').any(|pair| pair.starts_with("__err=")).then(|| Uri::from(page))
}

async fn fields(headers: &HeaderMap, body: Bytes) -> Vec<(String, String)> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    *request.headers_mut() = headers.clone();
    // What cannot be read cannot be shown again either.
    Form::from_request(request, &()).await.map(|Form(fields)| fields).unwrap_or_default()
}
