//! What a caller is told when something went wrong: problem documents (RFC 9457).
//!
//! A [`Fault`] becomes a response without a body that carries a [`Problem`]; the middleware
//! [`problem`](crate::middleware::problem) writes the document, because it alone knows the request.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use resonant_backend::{Error, whole_seconds};
use resonant_domain::{FaultKind, FieldFault};

/// The kind of a fault by a key that stands for nobody.
const UNKNOWN_KEY: &str = "unknown_key";
/// The kind of a fault by a body that is packed.
const PACKED_BODY: &str = "packed_body";

/// When a caller who holds as many event streams as one may is to ask again.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);

/// All that a problem document says, less what the request adds.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The response's status.
    pub status: StatusCode,
    /// The last part of the problem's type.
    pub kind: &'static str,
    /// The same for every problem of the kind.
    pub title: &'static str,
    /// What happened this time.
    pub detail: String,
    /// The fields that break a rule.
    pub errors: Vec<FieldFault>,
    /// The hidden cause, for the log alone.
    pub source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// A failed request.
#[derive(Debug)]
pub struct Fault {
    problem: Problem,
    retry_after: Option<Duration>,
}

impl Fault {
    /// A fault of a kind that use cases know.
    #[must_use]
    pub fn of(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            kind.as_str(),
            kind.title(),
            detail,
        )
    }

    /// Fields that break a rule.
    #[must_use]
    pub fn invalid(errors: Vec<FieldFault>) -> Self {
        let detail = match errors.as_slice() {
            [only] => only.to_string(),
            several => format!("{} fields break a rule", several.len()),
        };
        let mut fault = Self::of(FaultKind::Invalid, detail);
        fault.problem.errors = errors;
        fault
    }

    /// One field that breaks a rule.
    #[must_use]
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::invalid(vec![FieldFault::new(field, reason)])
    }

    /// The bearer's key stands for nobody.
    #[must_use]
    pub fn unknown_key() -> Self {
        let detail = "the API key is not known, has expired or was revoked";
        let title = "The key is not taken";
        Self::new(StatusCode::UNAUTHORIZED, UNKNOWN_KEY, title, detail)
    }

    /// The body is packed, and nobody here unpacks it.
    #[must_use]
    pub fn packed_body() -> Self {
        let detail = "the body must be sent as it is, without Content-Encoding";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, PACKED_BODY, "The body is packed", detail)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(thing: &str) -> Self {
        Self::of(FaultKind::NotFound, format!("there is no such {thing}"))
    }

    /// The thing is not in the version that `If-Match` named, or is there where `If-None-Match` wants none.
    #[must_use]
    pub fn precondition_failed() -> Self {
        Self::status(
            StatusCode::PRECONDITION_FAILED,
            "it is not as If-Match or If-None-Match says; read it again",
        )
    }

    /// The same request is being answered at this moment.
    #[must_use]
    pub fn in_flight() -> Self {
        let detail = "a request with the same Idempotency-Key is being answered; ask again";
        let mut fault = Self::of(FaultKind::Conflict, detail);
        fault.retry_after = Some(Duration::from_secs(1));
        fault
    }

    /// The caller holds as many event streams, and answers that wait for a session, as one may.
    #[must_use]
    pub fn too_many_streams(most: usize) -> Self {
        let detail = format!(
            "{most} event streams, or calls that wait for a session, are open already, and no caller \
             has more at a time"
        );
        let mut fault = Self::of(FaultKind::TooMany, detail);
        fault.retry_after = Some(STREAM_PATIENCE);
        fault
    }

    /// A part that the answer needs does not respond.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::of(FaultKind::Unavailable, detail)
    }

    /// A fault that only HTTP knows: a wrong method, a body that is too large.
    #[must_use]
    pub fn status(status: StatusCode, detail: impl Into<String>) -> Self {
        let (kind, title) = match status {
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "The method does not fit"),
            StatusCode::PRECONDITION_FAILED => {
                ("precondition_failed", "This has changed in the meantime")
            }
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "The body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("unsupported_media_type", "The content type does not fit")
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                ("other_request", "The key belongs to another request")
            }
            StatusCode::NOT_ACCEPTABLE => ("not_acceptable", "No acceptable form of this"),
            other => {
                let kind = kind_of(other);
                (kind.as_str(), kind.title())
            }
        };
        Self::new(status, kind, title, detail)
    }

    /// Adds a field that the fault is about.
    #[must_use]
    pub fn with_field(mut self, field: FieldFault) -> Self {
        self.problem.errors.push(field);
        self
    }

    /// Gives the fields of the fault other names.
    #[must_use]
    pub fn rename_fields(mut self, rename: impl Fn(&str) -> Option<String>) -> Self {
        for error in &mut self.problem.errors {
            if let Some(name) = rename(&error.field) {
                error.field = name;
            }
        }
        if let [only] = self.problem.errors.as_slice() {
            self.problem.detail = only.to_string();
        }
        self
    }

    /// The document that the fault becomes.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        self.problem
    }

    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let problem =
            Problem { status, kind, title, detail: detail.into(), errors: vec![], source: None };
        Self { problem, retry_after: None }
    }
}

/// The kind that comes nearest to a bare status.
fn kind_of(status: StatusCode) -> FaultKind {
    match status.as_u16() {
        401 => FaultKind::Unauthenticated,
        403 => FaultKind::Forbidden,
        404 => FaultKind::NotFound,
        409 => FaultKind::Conflict,
        429 => FaultKind::TooMany,
        503 => FaultKind::Unavailable,
        400..500 => FaultKind::Invalid,
        _ => FaultKind::Internal,
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Changed(_)) {
            return Self::precondition_failed();
        }
        let kind = error.kind();
        let mut fault = if kind == FaultKind::Invalid && !error.fields().is_empty() {
            Self::invalid(error.fields().to_vec())
        } else {
            let mut fault = Self::of(kind, error.message());
            fault.problem.errors = error.fields().to_vec();
            fault
        };
        if let Error::TooMany { retry_after } = &error {
            fault.retry_after = Some(*retry_after);
        }
        if matches!(kind, FaultKind::Internal | FaultKind::Unavailable) {
            fault.problem.source = Some(Arc::new(error));
        }
        fault
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.problem.status.into_response();
        let wait = self
            .retry_after
            .map(whole_seconds)
            .or_else(|| (self.problem.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.problem.status == StatusCode::UNAUTHORIZED {
            // How a program may show who it is (RFC 6750).
            let challenge = HeaderValue::from_static(match self.problem.kind {
                UNKNOWN_KEY => "Bearer error=\"invalid_token\"",
                _ => "Bearer",
            });
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.problem.kind == PACKED_BODY {
            // What is taken in its place (RFC 9110, 15.5.16).
            let plain = HeaderValue::from_static("identity");
            response.headers_mut().insert(header::ACCEPT_ENCODING, plain);
        }
        response.extensions_mut().insert(self.problem);
        response
    }
}
