//! Names each request, writes one line about it, and measures it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use opentelemetry::trace::TraceContextExt as _;
use resonant_backend::clock::{Clock as _, SystemClock};
use resonant_backend::metrics::{SlowKind, SlowSample};
use resonant_backend::{Metrics, RequestId, TRACEPARENT, TraceParent, kept_request};
use resonant_domain::metric::Family;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::state::AppState;

/// The header that carries the id, in and out.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What stands for the status where there was nobody left to answer, as proxies write it.
const GIVEN_UP: u16 = 499;

/// An answer that takes longer is kept for people to look into: the target of the SLO page.
const SLOW: Duration = Duration::from_millis(500);

/// Gives the request an id, the caller's own when it is fit, and tells how the request went.
pub async fn name_and_log(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = given(request.headers()).unwrap_or_else(new_id);
    let method = request.method().clone();
    request.extensions_mut().insert(RequestId::new(id.clone()));

    let span = tracing::info_span!(
        "request",
        request.id = id,
        trace.id = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.response.status_code = Empty,
    );
    let place = begin_trace(&span, request.headers());
    let trace_id = place.trace_id();
    let answered = place.around(Some(id.clone()), next.run(request));
    let mut response = answered.instrument(span.clone()).await;

    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    // The pattern, not the path: ids and queries stay out of the log.
    let route = response.extensions_mut().remove::<MatchedPath>();
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    let status = response.status().as_u16();
    let took = began.elapsed();
    end_trace(&span, &method, route, status);
    let _entered = span.entered();
    let named = Named { request_id: &id, trace_id };
    measure(state.backend.metrics(), &method, route, status, took, named);
    let duration_ms = took.as_secs_f64() * 1000.0;
    let method = name_of(&method);
    if is_quiet(route) {
        tracing::debug!(%method, route, status, duration_ms, "answered");
    } else {
        tracing::info!(%method, route, status, duration_ms, "answered");
    }
    response
}

/// Whether nobody wants to read of each request: files, and the questions of load balancers.
fn is_quiet(route: &str) -> bool {
    route.starts_with("/api/v1/health") || route.starts_with("/pkg") || route == "-"
}

/// A request that waits for its answer. Should its caller go away before, the log tells so in place of the
/// answer, and what it took until then counts: who waits too long and gives up is not the fastest.
pub(super) struct Awaited<'a> {
    metrics: Metrics,
    method: &'a Method,
    route: &'a str,
    began: Instant,
    is_answered: bool,
}

impl<'a> Awaited<'a> {
    /// It begins to wait.
    pub(super) fn new(
        metrics: Metrics,
        method: &'a Method,
        route: Option<&'a MatchedPath>,
    ) -> Self {
        let route = route.map_or("-", MatchedPath::as_str);
        Self { metrics, method, route, began: Instant::now(), is_answered: false }
    }

    /// The answer is there.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let (method, route, took) = (self.method, self.route, self.began.elapsed());
        end_trace(&Span::current(), method, route, GIVEN_UP);
        let request_id = kept_request().unwrap_or_default();
        let trace_id = TraceParent::kept().map(|place| place.trace_id()).unwrap_or_default();
        let named = Named { request_id: &request_id, trace_id };
        measure(&self.metrics, method, route, GIVEN_UP, took, named);
        if is_quiet(route) {
            return;
        }
        let (method, duration_ms) = (name_of(method), took.as_secs_f64() * 1000.0);
        let status = GIVEN_UP;
        tracing::info!(%method, route, status, duration_ms, "not answered: the caller went away");
    }
}

/// By what people find a request again.
struct Named<'a> {
    request_id: &'a str,
    trace_id: String,
}

/// Makes the request part of the caller's trace, or the first of one. Where there is no collector the
/// trace is the caller's own, or one that the log and slow samples alone know.
fn begin_trace(span: &Span, headers: &HeaderMap) -> TraceParent {
    let given = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    TraceParent::begin(span, given.and_then(TraceParent::parse))
}

/// Tells the collector what the request was and what came of it.
fn end_trace(span: &Span, method: &Method, route: &str, status: u16) {
    let context = span.context();
    let told = context.span();
    if !told.is_recording() {
        return;
    }
    // The layer gives a span its name when it begins; what the route is called is known by now.
    told.update_name(format!("{} {route}", name_of(method)));
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Notes how long an answer took, or how long somebody waited for it who then went away. Files, streams and the
/// questions of load balancers do not count: they say nothing about how long people and programs wait.
#[inline(never)]
fn measure(
    metrics: &Metrics,
    method: &Method,
    route: &str,
    status: u16,
    took: Duration,
    named: Named<'_>,
) {
    let is_api = route.starts_with("/api/");
    let is_other = route == "-"
        || route == "/metrics"
        // A call lasts as long as its session.
        || route == "/mcp"
        || route == "/api/{*path}"
        || route.starts_with("/pkg")
        || route.starts_with("/api/v1/health")
        || route.ends_with("/stream");
    if is_other {
        return;
    }
    let name = format!("{} {route}", name_of(method));
    metrics.observe(if is_api { Family::ApiLatency } else { Family::PageLatency }, &name, took);
    if status >= 500 {
        metrics.add(if is_api { Family::ApiErrors } else { Family::PageErrors }, &name, 1);
    }
    if took >= SLOW {
        metrics.note_slow(SlowSample {
            at: SystemClock.now(),
            kind: SlowKind::Request,
            name,
            duration_us: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            request_id: Some(named.request_id.to_owned()),
            trace_id: Some(named.trace_id),
        });
    }
}

/// A method by its name. Those that nobody knows have one together: a caller thinks of any number of them, of
/// any length, and would leave no room for the names of others.
fn name_of(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}

/// The caller's id, when it is short and plain enough for a log.
fn given(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ((8..=64).contains(&text.len()) && text.chars().all(plain)).then(|| text.to_owned())
}

/// An id that no other request of this process has, nor likely one of another process.
fn new_id() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:012x}-{count:06x}", *PROCESS >> 16)
}

#[cfg(test)]
mod tests {
    use resonant_domain::metric::Shape;

    use super::*;

    #[test]
    fn a_request_without_a_trace_begins_one() {
        let begin = |headers: &HeaderMap| begin_trace(&Span::none(), headers).trace_id();
        assert_ne!(begin(&HeaderMap::new()), begin(&HeaderMap::new()));
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let name = HeaderName::from_static(TRACEPARENT);
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(given))]);
        assert_eq!(begin(&headers), "0af7651916cd43dd8448eb211c80319c");
    }

    #[test]
    fn what_lasts_as_long_as_a_session_is_not_measured() {
        let metrics = Metrics::default();
        for route in ["/mcp", "/api/v1/hooks/{owner}/{id}", "/api/v1/agents/stream", "/agents"] {
            let named = Named { request_id: "request-1", trace_id: "trace-1".to_owned() };
            measure(&metrics, &Method::POST, route, 200, SLOW, named);
        }
        let all = metrics.counted();
        let all: Vec<_> = all.iter().map(|(family, label, _)| (*family, &**label)).collect();
        let hook = (Family::ApiLatency, "POST /api/v1/hooks/{owner}/{id}");
        assert_eq!(all, [hook, (Family::PageLatency, "POST /agents")]);
    }

    #[test]
    fn pages_that_failed_are_counted_as_programs_requests_are() {
        let metrics = Metrics::default();
        for (route, status) in
            [("/api/v1/agents", 500), ("/agents", 503), ("/agents", 404), ("/agents", 200)]
        {
            let named = Named { request_id: "request-1", trace_id: "trace-1".to_owned() };
            measure(&metrics, &Method::GET, route, status, SLOW / 2, named);
        }
        let all = metrics.counted();
        let errors = all.iter().filter(|(family, ..)| family.shape() == Shape::Count);
        let errors: Vec<_> =
            errors.map(|(family, label, all)| (*family, &**label, all.sum)).collect();
        let of_programs = (Family::ApiErrors, "GET /api/v1/agents", 1);
        assert_eq!(errors, [of_programs, (Family::PageErrors, "GET /agents", 1)]);
    }

    #[test]
    fn methods_that_a_caller_makes_up_have_one_name() {
        let metrics = Metrics::default();
        let long = "BREW".repeat(10_000);
        for method in ["BREW", "WHEN", &long, "PATCH"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let named = Named { request_id: "request-1", trace_id: "trace-1".to_owned() };
            measure(&metrics, &method, "/api/v1/agents", 405, SLOW / 2, named);
        }
        let all = metrics.counted();
        let mut all: Vec<_> = all.iter().map(|(_, label, all)| (&**label, all.count)).collect();
        all.sort_unstable();
        assert_eq!(all, [("PATCH /api/v1/agents", 1), ("other /api/v1/agents", 3)]);
    }

    #[test]
    fn only_a_plain_id_is_taken_over() {
        for (text, fit) in [
            ("01890a5d-ac96-774b-bcce-b302099a8057", true),
            ("short", false),
            ("spaces are not fit", false),
            ("quotes\"are-not", false),
        ] {
            let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_static(text))]);
            assert_eq!(given(&headers).is_some(), fit, "{text}");
        }
        assert_ne!(new_id(), new_id());
    }
}
