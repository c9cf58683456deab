//! One request and its answer.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt as _;

use super::Visitor;

/// A request that is being put together; awaiting it sends it.
pub(crate) struct Call {
    router: Router,
    builder: http::request::Builder,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(router: Router, method: Method, path: &str) -> Self {
        let builder =
            Request::builder().method(method).uri(path).header(header::HOST, "resonant.test");
        Self { router, builder, body: vec![] }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// What the connection would have told.
    pub(crate) fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.builder = self.builder.extension(value);
        self
    }

    pub(crate) fn by(self, visitor: &Visitor) -> Self {
        match &visitor.token {
            Some(token) => self.header("cookie", &format!("other=1; resonant_sign_in={token}")),
            None => self,
        }
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Self {
        let text = serde_json::to_vec(body).unwrap();
        self.raw("application/json", text)
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.raw("application/x-www-form-urlencoded", body)
    }

    pub(crate) fn raw(self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        let mut call = self.header("content-type", kind).header("content-length", &length);
        call.body = body;
        call
    }

    /// Sends the request and leaves the body to be read piece by piece.
    pub(crate) async fn open(self) -> http::Response<Body> {
        let request = self.builder.body(Body::from(self.body)).unwrap();
        self.router.oneshot(request).await.unwrap()
    }
}

impl Call {
    /// Sends the request, tells when its body is being read, and never comes to the body's end.
    pub(crate) async fn open_without_end(
        self,
        is_read: tokio::sync::oneshot::Sender<()>,
    ) -> http::Response<Body> {
        let never = futures::stream::once(async move {
            is_read.send(()).unwrap();
            std::future::pending::<Result<Vec<u8>, std::io::Error>>().await
        });
        let request = self.builder.body(Body::from_stream(never)).unwrap();
        self.router.oneshot(request).await.unwrap()
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async {
            let (parts, body) = self.open().await.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            Answer { status: parts.status.as_u16(), headers: parts.headers, body }
        })
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.text())
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem document in full, and gives its `status` and fields.
    pub(crate) fn problem(&self) -> (u16, Vec<String>) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        let problem = self.value();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{self:?}");
        assert!(problem["type"].as_str().unwrap().starts_with("/problems/"), "{self:?}");
        for text in ["title", "detail", "instance"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        let fields = problem["errors"].as_array().unwrap().iter();
        let fields = fields.map(|error| {
            assert!(error["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{self:?}");
            error["field"].as_str().unwrap().to_owned()
        });
        (self.status, fields.collect())
    }
}
