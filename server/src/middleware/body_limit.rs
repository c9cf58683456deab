//! How large the body of a request may be: pictures are larger than anything else. And that a body which nobody
//! read costs its sender no later request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Limited};
use resonant_domain::image::UPLOAD_MAX;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::extract::{BODY_MAX, larger_than};
use crate::routes::picture_form;

/// So much of what nobody wanted to read is read, so that the connection can go on, and for so long.
const READ_ON: usize = 64 << 10;
const READ_ON_FOR: Duration = Duration::from_secs(1);

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
///
/// What is answered before the body has come, such as that there is nothing at the address, waits for the rest
/// where that is little. Else nothing more comes over this connection, and the answer says so: whoever is not
/// told loses the next request that they send over it.
pub async fn limit(mut request: Request, next: Next) -> Response {
    let most = most_of(request.uri().path());
    let version = request.version();
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        let mut refusal = larger_than(most).into_response();
        close(version, refusal.headers_mut());
        return refusal;
    }
    DefaultBodyLimit::max(most).apply(&mut request);
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let unread = Arc::new(Mutex::new(body));
    let body = Body::new(Limited::new(shared(unread.clone()), most));
    let mut response = next.run(Request::from_parts(parts, body)).await;
    // Who is still reading it answers while it comes.
    if let Some(unread) = Arc::into_inner(unread)
        && !is_read_on(unread.into_inner(), response.status()).await
    {
        close(version, response.headers_mut());
    }
    response
}

/// The same body, of which is left what is not read.
fn shared(body: Arc<Mutex<Body>>) -> Body {
    Body::from_stream(stream::unfold(body, async |body| {
        let frame = body.lock().await.frame().await?;
        // What comes behind a body is not looked at here.
        Some((frame.map(|frame| frame.into_data().unwrap_or_default()), body))
    }))
}

/// Reads what is left. `false`: it is not over then.
async fn is_read_on(mut body: Body, status: StatusCode) -> bool {
    if body.is_end_stream() {
        return true;
    }
    // There is too much to do already.
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        return false;
    }
    let read = async {
        let mut left = READ_ON;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let length = frame.data_ref().map_or(0, Bytes::len);
            let Some(less) = left.checked_sub(length) else { return false };
            left = less;
        }
        true
    };
    timeout(READ_ON_FOR, read).await == Ok(true)
}

/// Tells that nothing else comes over this connection.
fn close(version: Version, headers: &mut HeaderMap) {
    if version < Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use futures::StreamExt as _;
    use tower::ServiceExt as _;

    use super::*;

    /// What the answer to a body of these pieces says of the connection, and how many pieces were left.
    async fn connection_after(path: &str, pieces: usize, size: usize) -> (bool, usize) {
        let routes = Router::new()
            .route("/ignores", post(async || StatusCode::NOT_FOUND))
            .route("/reads", post(async |body: String| body.len().to_string()))
            .route("/sheds", post(async || StatusCode::SERVICE_UNAVAILABLE));
        let left = Arc::new(std::sync::atomic::AtomicUsize::new(pieces));
        let coming = left.clone();
        let pieces = stream::iter(0..pieces).map(move |_| {
            coming.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, std::io::Error>("x".repeat(size))
        });
        let request = Request::post(path).body(Body::from_stream(pieces)).unwrap();
        let response = routes.layer(from_fn(limit)).oneshot(request).await.unwrap();
        let left = left.load(std::sync::atomic::Ordering::Relaxed);
        (response.headers().contains_key(header::CONNECTION), left)
    }

    #[tokio::test]
    async fn a_body_that_nobody_reads_costs_no_later_request() {
        assert_eq!(connection_after("/reads", 3, 10).await, (false, 0));
        assert_eq!(connection_after("/ignores", 3, 10).await, (false, 0), "the rest is waited for");
        let (is_closed, left) = connection_after("/ignores", 1_000, 1_000).await;
        assert!(is_closed && left > 900, "{left} of 1,000 pieces are not read");
        assert_eq!(connection_after("/sheds", 3, 10).await, (true, 3), "nothing is read");
    }

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
