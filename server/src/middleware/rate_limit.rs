//! How often a caller may ask, told with every answer (draft-ietf-httpapi-ratelimit-headers).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue};
use resonant_backend::rate_limits::{self, Known, Sharer};
use resonant_backend::{Ctx, Error, RateLimit, Standing};

use crate::fault::Fault;
use crate::state::AppState;

/// The header that tells where the caller stands.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header that tells the limit.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Where a proxy tells whom it asks for.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Counts a request of a program or a form, and refuses it when it is one too many. Pages are free.
pub async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let ctx = request.extensions().get::<Ctx>().filter(|_| is_counted(request.uri().path()));
    let Some(ctx) = ctx.cloned() else {
        return next.run(request).await;
    };
    let address = client(&state, &request);
    let limits = &state.limits.rate;
    let (sharer, known) = Sharer::caller(&ctx, address);
    let mine = match known {
        Known::Caller => &limits.caller,
        Known::Address => &limits.address,
    };
    // Passwords are guessed from one place: whoever signs in is counted there too.
    let sign_in = limits.sign_in.as_ref().filter(|_| signs_in(request.uri().path()));
    let both = [(mine.as_ref(), sharer), (sign_in, Sharer::address(address))];

    let mut told = None;
    for (limit, sharer) in both {
        let Some(limit) = limit else { continue };
        let standing = rate_limits::count(&ctx, limit, &sharer).await;
        told = Some((limit, standing));
        if let Some(retry_after) = standing.retry_after {
            let mut response = Fault::from(Error::TooMany { retry_after }).into_response();
            tell(response.headers_mut(), limit, standing);
            return response;
        }
    }
    let mut response = next.run(request).await;
    if let Some((limit, standing)) = told {
        tell(response.headers_mut(), limit, standing);
    }
    response
}

fn is_counted(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Whether the address takes a password.
fn signs_in(path: &str) -> bool {
    matches!(path, "/api/fn/account/sign_in" | "/api/fn/account/sign_up")
}

fn tell(headers: &mut HeaderMap, limit: &RateLimit, standing: Standing) {
    let name = limit.name;
    let policy = format!("\"{name}\";q={};w={}", limit.requests, limit.window.as_secs());
    let reset = standing.reset_after.as_secs_f64().ceil();
    let now = format!("\"{name}\";r={};t={reset}", standing.remaining);
    for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, now)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Where the request comes from: the peer, or whom proxies that are trusted name.
fn client(state: &AppState, request: &Request) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(state.limits.proxies.client(peer.ip(), forwarded(request.headers())))
}

/// The addresses that proxies noted, the nearest one first.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = IpAddr> {
    let values = headers.get_all(X_FORWARDED_FOR).iter().rev();
    values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.rsplit(',')).map_while(
        |part| {
            let part = part.trim();
            part.parse().ok().or_else(|| Some(part.parse::<SocketAddr>().ok()?.ip()))
        },
    )
}
