//! What is asked for over and over and is long: written once, and packed once in each way that callers
//! take.

use std::convert::Infallible;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::conditional::{self, Audience};
use crate::middleware::entity_tags::accepted;

/// How hard it is tried for what stays as long as the process runs.
const LEVEL: CompressionLevel = CompressionLevel::Precise(9);

/// A long text, for many callers alike.
pub(crate) struct Packed {
    kind: &'static str,
    audience: Audience,
    level: CompressionLevel,
    text: Bytes,
    version: String,
    ways: [(&'static str, OnceCell<Bytes>); 3],
}

impl Packed {
    /// Keeps a text of this content type, for as long as the process runs.
    pub(crate) fn new(kind: &'static str, text: String) -> Self {
        Self::for_audience(Audience::Public, LEVEL, kind, text)
    }

    /// Keeps a page for a while: it is packed as any answer is, since nobody may ask for it again.
    pub(crate) fn page(html: String) -> Self {
        let (audience, level) = (Audience::Visitors, CompressionLevel::Default);
        Self::for_audience(audience, level, "text/html; charset=utf-8", html)
    }

    fn for_audience(
        audience: Audience,
        level: CompressionLevel,
        kind: &'static str,
        text: String,
    ) -> Self {
        let text = Bytes::from(text);
        let version = conditional::digest(&text);
        // The shortest first.
        let ways = ["br", "zstd", "gzip"].map(|name| (name, OnceCell::new()));
        Self { kind, audience, level, text, version, ways }
    }

    /// How long the text is, in bytes.
    pub(crate) fn length(&self) -> usize {
        self.text.len()
    }

    /// Answers with it as the caller takes it, or with 304 when they have it.
    pub(crate) async fn answer(&self, request: &HeaderMap) -> Response {
        let shared = [
            (header::ETAG, conditional::tag(&self.version)),
            (header::CONTENT_TYPE, HeaderValue::from_static(self.kind)),
        ];
        let keeping = self.audience.headers();
        if conditional::has(request, &self.version) {
            return (StatusCode::NOT_MODIFIED, [shared[0].clone()], keeping).into_response();
        }
        let taken = accepted(request);
        let way = self.ways.iter().find(|(name, _)| taken.contains(name));
        if let Some((name, packed)) = way
            && let Ok(packed) =
                packed.get_or_try_init(|| pack(name, self.level, self.text.clone())).await
        {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static(name))];
            return (shared, encoding, keeping, packed.clone()).into_response();
        }
        (shared, keeping, self.text.clone()).into_response()
    }
}

/// Packs a text by the layer that packs answers, where it holds nobody up.
async fn pack(encoding: &'static str, level: CompressionLevel, text: Bytes) -> Result<Bytes, ()> {
    let packing = async move {
        let whole = service_fn(move |_: Request| {
            let answer = Response::new(Body::from(text.clone()));
            async move { Ok::<_, Infallible>(answer) }
        });
        let request = Request::builder().header(header::ACCEPT_ENCODING, encoding);
        let request = request.body(Body::empty()).map_err(|_| ())?;
        let service = CompressionLayer::new().quality(level).layer(whole);
        let answer = service.oneshot(request).await.map_err(|_| ())?;
        if answer.headers().get(header::CONTENT_ENCODING).is_none_or(|given| given != encoding) {
            return Err(());
        }
        to_bytes(Body::new(answer.into_body()), usize::MAX).await.map_err(|_| ())
    };
    let here = Handle::current();
    spawn_blocking(move || here.block_on(packing)).await.unwrap_or(Err(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(name: &header::HeaderName, value: &HeaderValue) -> HeaderMap {
        HeaderMap::from_iter([(name.clone(), value.clone())])
    }

    #[tokio::test]
    async fn a_text_is_packed_once_and_not_sent_to_whoever_has_it() {
        let text = "All that is said of the interface. ".repeat(100);
        let packed = Packed::new("text/html; charset=utf-8", text.clone());
        let plain = packed.answer(&HeaderMap::new()).await;
        let tag = plain.headers()[header::ETAG].clone();
        assert!(plain.headers().get(header::CONTENT_ENCODING).is_none());
        assert_eq!(to_bytes(plain.into_body(), usize::MAX).await.unwrap(), text);
        for encoding in ["br", "zstd", "gzip"] {
            let takes = asks(&header::ACCEPT_ENCODING, &HeaderValue::from_static(encoding));
            let mut bodies = vec![];
            for _ in 0..2 {
                let answer = packed.answer(&takes).await;
                assert_eq!(answer.headers()[header::CONTENT_ENCODING], encoding);
                assert_eq!(answer.headers()[header::VARY], "accept-encoding");
                bodies.push(to_bytes(answer.into_body(), usize::MAX).await.unwrap());
            }
            assert_eq!(bodies[0].as_ptr(), bodies[1].as_ptr(), "{encoding}: the same bytes");
            assert!(bodies[0].len() < text.len() / 10, "{encoding}");
        }
        let known = packed.answer(&asks(&header::IF_NONE_MATCH, &tag)).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    }
}
