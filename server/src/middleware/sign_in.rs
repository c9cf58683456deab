//! Knows the caller by an API key or by the cookie, and turns sign-ins and sign-outs into cookies.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderMap, HeaderValue, header};
use resonant_backend::{Actor, Backend, Ctx, RequestId, Result, SignInChange, api_keys, members};

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
    let ctx = match caller(&state, request.headers(), &id).await {
        Ok(Some(ctx)) => ctx,
        Ok(None) => {
            request.extensions_mut().insert(UnknownKey);
            state.backend.ctx(Actor::Anonymous, id)
        }
        Err(error) => return Fault::from(error).into_response(),
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

/// Who asks: by the key in `Authorization`, else by the cookie. `None`: by a key that stands for nobody.
async fn caller(state: &AppState, headers: &HeaderMap, id: &RequestId) -> Result<Option<Ctx>> {
    let backend = &state.backend;
    match bearer(headers) {
        Some(key) => {
            let actor = api_keys::authenticate(backend, key).await?;
            Ok(actor.map(|actor| backend.ctx(actor, id.clone())))
        }
        None => by_cookie(backend, &state.site, headers, id.clone()).await.map(Some),
    }
}

/// The key of `Authorization: Bearer …` (RFC 6750); the scheme is written in any case. Another scheme is
/// not meant for us: a proxy may ask for a password of its own.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Marks a request whose key stands for nobody.
#[derive(Clone, Copy, Debug)]
struct UnknownKey;

/// Refuses a request whose key stands for nobody, once it was counted.
pub async fn refuse_unknown_key(request: Request, next: Next) -> Response {
    if request.extensions().get::<UnknownKey>().is_some() {
        return Fault::unknown_key().into_response();
    }
    next.run(request).await
}

async fn by_cookie(
    backend: &Backend,
    site: &Site,
    headers: &HeaderMap,
    id: RequestId,
) -> Result<Ctx> {
    let jar = CookieJar::from_headers(headers);
    let Some(token) = jar.get(cookie_name(site)).map(Cookie::value) else {
        return Ok(backend.ctx(Actor::Anonymous, id));
    };
    Ok(match members::authenticate(backend, token).await? {
        Some(actor) => backend.ctx_signed_in(actor, id, token),
        None => backend.ctx(Actor::Anonymous, id),
    })
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
