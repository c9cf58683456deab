//! How large the body of a request may be: pictures are larger than anything else.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Version, header};
use http_body_util::Limited;
use resonant_domain::image::UPLOAD_MAX;

use crate::extract::{BODY_MAX, larger_than};
use crate::routes::picture_form;

/// The largest body of a request for this address.
pub(super) fn most_of(path: &str) -> usize {
    if path == "/api/v1/images" {
        UPLOAD_MAX
    } else if picture_form::is_at(path) {
        picture_form::FORM_MAX
    } else {
        BODY_MAX
    }
}

/// Refuses a larger body by its announced length, before anything is read, and breaks one off that is
/// not announced. Whoever reads one as a whole reads as much.
pub async fn limit(mut request: Request, next: Next) -> Response {
    let most = most_of(request.uri().path());
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        let mut refusal = larger_than(most).into_response();
        // The body stays unread: nothing else comes over this connection. Whoever is not told so loses
        // the next request that they send over it.
        if request.version() < Version::HTTP_2 {
            refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        return refusal;
    }
    DefaultBodyLimit::max(most).apply(&mut request);
    next.run(request.map(|body| Body::new(Limited::new(body, most)))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_alone_may_be_large() {
        for (path, most) in [
            ("/api/v1/images", UPLOAD_MAX),
            ("/api/v1/images/x", BODY_MAX),
            ("/api/v1/agents", BODY_MAX),
            ("/studio/agents/x/pictures", picture_form::FORM_MAX),
            ("/studio/agents/x/y/pictures", BODY_MAX),
            ("/api/fn/publishing/save_submission", BODY_MAX),
        ] {
            assert_eq!(most_of(path), most, "{path}");
        }
    }
}
