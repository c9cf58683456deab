//! Knows the caller by the cookie, and turns sign-ins and sign-outs into cookies.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderValue, header};
use resonant_backend::{Actor, RequestId, SignInChange, members};

use crate::fault::Fault;
use crate::settings::Site;
use crate::state::AppState;

/// How long a browser keeps the cookie.
const LIFETIME: Duration = Duration::from_hours(30 * 24);

/// Puts a `Ctx` into the request.
pub async fn recognise(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or_else(|| RequestId::new("unnamed"));
    let jar = CookieJar::from_headers(request.headers());
    let token = jar.get(cookie_name(&state.site)).map(|cookie| cookie.value().to_owned());
    let ctx = match token {
        None => state.backend.ctx(Actor::Anonymous, id),
        Some(token) => match members::authenticate(&state.backend, &token).await {
            Ok(Some(actor)) => state.backend.ctx_signed_in(actor, id, &token),
            Ok(None) => state.backend.ctx(Actor::Anonymous, id),
            Err(error) => return Fault::from(error).into_response(),
        },
    };
    request.extensions_mut().insert(ctx.clone());

    let mut response = next.run(request).await;

    let cookie = match ctx.sign_in_change() {
        None => return response,
        Some(SignInChange::Issued(token)) => set(&state.site, token.as_str().to_owned()),
        Some(SignInChange::Ended) => end(&state.site),
    };
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
        // An answer with a cookie is one person's alone.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The cookie's name. With `__Host-` a browser takes it only from this very host over https.
#[must_use]
pub const fn cookie_name(site: &Site) -> &'static str {
    if site.is_https() { "__Host-resonant_sign_in" } else { "resonant_sign_in" }
}

fn set(site: &Site, token: String) -> Cookie<'static> {
    let mut cookie = Cookie::new(cookie_name(site), token);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    cookie.set_secure(site.is_https());
    cookie.set_max_age(LIFETIME.try_into().ok());
    cookie
}

fn end(site: &Site) -> Cookie<'static> {
    let mut cookie = set(site, String::new());
    cookie.make_removal();
    cookie
}
