//! How often a caller may ask, told with every answer (draft-ietf-httpapi-ratelimit-headers).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use resonant_backend::rate_limits::{self, Known, Sharer};
use resonant_backend::{Actor, Ctx, Error, RateLimit, Standing};

use super::sign_in;
use crate::fault::Fault;
use crate::routes::picture_form;
use crate::state::AppState;

/// The header that tells where the caller stands.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header that tells the limit.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// Where a proxy tells whom it asks for.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where the caller stands after a request: with the limit that was looked at last.
pub(super) struct Admission<'a>(Option<(&'a RateLimit, Standing)>);

impl Admission<'_> {
    /// Why the request is one too many, when it is.
    pub(super) fn refusal(&self) -> Option<Fault> {
        let retry_after = self.0.as_ref()?.1.retry_after?;
        Some(Fault::from(Error::TooMany { retry_after }))
    }

    /// Tells it in the headers of the answer, unless caches may keep that for others: those must not take it
    /// for their own.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let Some((limit, standing)) = &self.0 else { return };
        let kept = headers.get(header::CACHE_CONTROL).map(HeaderValue::as_bytes);
        if kept.is_some_and(|kept| kept.starts_with(b"public")) {
            return;
        }
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
}

/// Counts a request of a program or a form. Pages are free.
pub(super) async fn count<'a>(
    state: &'a AppState,
    path: &str,
    address: Option<IpAddr>,
    ctx: &Ctx,
) -> Admission<'a> {
    if !is_counted(path) {
        return Admission(None);
    }
    let limits = &state.limits.rate;
    let (sharer, known) = Sharer::caller(ctx, address);
    let mine = match known {
        Known::Caller => &limits.caller,
        Known::Address => &limits.address,
    };
    // Passwords are guessed from one place: whoever signs in, or has forgotten one, is counted there too.
    let sign_in = limits.sign_in.as_ref().filter(|_| signs_in(path));
    let both = [(mine.as_ref(), sharer), (sign_in, Sharer::address(address))];

    let mut told = None;
    for (limit, sharer) in both {
        let Some(limit) = limit else { continue };
        let standing = rate_limits::count(ctx, limit, &sharer).await;
        told = Some((limit, standing));
        if standing.retry_after.is_some() {
            break;
        }
    }
    Admission(told)
}

/// Counts a request for what everybody sees alike with those of all strangers of the address, whoever
/// asks. Such answers are kept by caches for others: where somebody stands is told by refusals alone.
pub async fn count_by_address(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let address = client(&state, &request);
    let ctx = state.backend.ctx(Actor::Anonymous, sign_in::id_of(&request));
    let limit = state.limits.rate.address.as_ref();
    let told = match limit {
        Some(limit) => {
            let sharer = Sharer::address(address);
            Some((limit, rate_limits::count(&ctx, limit, &sharer).await))
        }
        None => None,
    };
    let admission = Admission(told);
    let Some(fault) = admission.refusal() else {
        return next.run(request).await;
    };
    let mut response = fault.into_response();
    admission.tell(response.headers_mut());
    response
}

fn is_counted(path: &str) -> bool {
    // What reads pictures takes a core, by whichever way they come.
    path.starts_with("/api/") || path == "/mcp" || picture_form::is_at(path)
}

/// Whether the address takes a password of whoever is not known yet, or has a link mailed for another one.
fn signs_in(path: &str) -> bool {
    matches!(
        path.strip_prefix("/api/fn/account/"),
        Some("sign_in" | "sign_up" | "ask_for_password" | "set_forgotten")
    )
}

/// Where the request comes from: the peer, or whom proxies that are trusted name.
pub(super) fn client(state: &AppState, request: &Request) -> Option<IpAddr> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_free_and_what_programs_and_forms_send_is_counted() {
        for (path, is) in [
            ("/api/v1/images", true),
            ("/api/fn/account/sign_in", true),
            ("/mcp", true),
            ("/studio/agents/x/pictures", true),
            ("/studio/agents/x/publish", false),
            ("/", false),
        ] {
            assert_eq!(is_counted(path), is, "{path}");
        }
    }
}
