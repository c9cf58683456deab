//! `Idempotency-Key`: a POST that is sent again is answered again and counts once.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use resonant_backend::idempotency::{self, Claim, Reply, Verdict};
use resonant_backend::{Actor, Ctx, apart};
use resonant_domain::api_key::Scope;

use super::body_limit;
use crate::extract::unread;
use crate::fault::Fault;
use crate::middleware::problem::chain;

/// The header by which a caller names a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that tells an answer that was given before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The headers of an answer that are kept with it.
const KEPT: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CACHE_CONTROL, header::ETAG, header::LOCATION];
/// The longest key, in characters.
const KEY_MAX: usize = 255;

/// What is kept of an answer in place of its body, where the body tells a secret.
#[derive(Clone, Debug)]
pub struct KeptBody(pub Vec<u8>);

/// Which API keys may ask for what is answered.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// None.
    Never,
    /// Those with this scope.
    With(Scope),
    /// The use case knows.
    Some,
}

impl Keys {
    /// Whether whoever asks may hear what was answered to the same person before.
    fn admit(self, actor: Actor) -> bool {
        match (self, actor) {
            (Self::Never, Actor::Key { .. }) => false,
            (Self::With(scope), Actor::Key { scopes, .. }) => scopes.has(scope),
            _ => true,
        }
    }
}

/// Runs a POST that names itself once, and answers each further one of the same name by what was
/// answered first.
pub async fn once(State(keys): State<Keys>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let Some(ctx) = request.extensions().get::<Ctx>().cloned() else {
        return next.run(request).await;
    };
    match key(request.headers()) {
        // A key that may not ask is told so by the use case, and not what others were answered.
        Ok(Some(_)) if !keys.admit(ctx.actor()) => next.run(request).await,
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => claim(ctx, key, request, next).await.unwrap_or_else(Fault::into_response),
        Err(fault) => fault.into_response(),
    }
}

/// The caller's name for the request.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let wrong = || {
        let reason = format!("must be one key of 1 to {KEY_MAX} visible ASCII characters");
        Fault::field("Idempotency-Key", reason)
    };
    let bytes = value.as_bytes();
    let fits = (1..=KEY_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    if !fits || values.next().is_some() {
        return Err(wrong());
    }
    value.to_str().map(|text| Some(text.to_owned())).map_err(|_| wrong())
}

async fn claim(ctx: Ctx, key: String, request: Request, next: Next) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    // The answer may hang on all three.
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    // How much may be read stands in the extensions.
    let mut whole = Request::new(body);
    *whole.extensions_mut() = parts.extensions.clone();
    let most = body_limit::most_of(parts.uri.path());
    let body = Bytes::from_request(whole, &()).await;
    let body = body.map_err(|rejection| unread(rejection, most))?;
    let route = format!("{} {}", parts.method, parts.uri.path());
    let named = idempotency::Request::new(route, key, &[target.as_bytes(), kind, &body]);
    match idempotency::claim(&ctx, named).await? {
        // Nobody known has no keys of their own.
        None => Ok(next.run(Request::from_parts(parts, Body::from(body))).await),
        Some(Verdict::Run(claim)) => {
            let mut request = Request::from_parts(parts, Body::from(body));
            request.extensions_mut().insert(claim.ctx(&ctx));
            run(ctx, claim, request, next).await
        }
        Some(Verdict::Answered(reply)) => Ok(replay(reply)),
        Some(Verdict::InFlight) => Err(Fault::in_flight()),
        Some(Verdict::OtherRequest) => Err(Fault::status(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the Idempotency-Key was used for a request with another body",
        )),
    }
}

/// Runs the request in a task of its own: a caller who hangs up does not stop what has begun, and
/// finds the answer when it asks again.
async fn run(ctx: Ctx, claim: Claim, request: Request, next: Next) -> Result<Response, Fault> {
    let work = async move {
        let response = claim.hold(ctx.backend(), next.run(request)).await;
        finish(&ctx, claim, response).await
    };
    // Without an answer the claim runs out, since nobody knows what was done.
    apart(work).await.ok_or_else(|| Fault::unavailable("this process is about to stop"))
}

/// Keeps a success, and frees the key after a failure.
async fn finish(ctx: &Ctx, claim: Claim, response: Response) -> Response {
    let status = response.status();
    let (response, told) = if status.is_success() {
        match keep(response).await {
            Ok((response, reply)) => (response, claim.succeeded(ctx.backend(), reply).await),
            Err(response) => (response, claim.broke_off(ctx.backend()).await),
        }
    } else if status.is_client_error() {
        (response, claim.refused(ctx.backend()).await)
    } else {
        (response, claim.broke_off(ctx.backend()).await)
    };
    if let Err(error) = told {
        tracing::warn!(error = chain(&error), "how a claimed request went could not be kept");
    }
    response
}

/// Reads an answer to its end, to be sent and to be kept.
async fn keep(response: Response) -> Result<(Response, Reply), Response> {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Err(Fault::unavailable("the answer broke off").into_response());
    };
    let headers = KEPT.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let headers = headers.collect();
    let kept = parts.extensions.remove::<KeptBody>().map_or_else(|| body.to_vec(), |kept| kept.0);
    let reply = Reply { status: parts.status.as_u16(), headers, body: kept };
    Ok((Response::from_parts(parts, Body::from(body)), reply))
}

fn replay(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        let long = "k".repeat(256);
        for (text, fits) in [
            ("a", true),
            ("8e03978e-40d5-43e8-bc93-6894a57f9324", true),
            (&long[..255], true),
            (&long, false),
            ("", false),
            ("two words", false),
            ("caf\u{e9}", false),
        ] {
            let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, value)]);
            assert_eq!(key(&headers).is_ok(), fits, "{text}");
        }
        assert!(key(&HeaderMap::new()).unwrap().is_none());
    }
}
