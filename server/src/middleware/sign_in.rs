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

/// Puts a `Ctx` into the request, without counting it. A key that stands for nobody counts as none.
pub async fn recognise(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = id_of(&request);
    let ctx = match caller(&state, request.headers(), &id).await {
        Ok(Some(ctx)) => ctx,
        Ok(None) => state.backend.ctx(Actor::Anonymous, id),
        Err(error) => return Fault::from(error).into_response(),
    };
    request.extensions_mut().insert(ctx.clone());
    let mut response = next.run(request).await;
    tell(&state, &ctx, response.headers_mut());
    response
}

/// Turns a sign-in, or its end, into a cookie.
pub(super) fn tell(state: &AppState, ctx: &Ctx, headers: &mut HeaderMap) {
    let cookie = match ctx.sign_in_change() {
        None => return,
        Some(SignInChange::Issued(token)) => set(&state.site, token.as_str().to_owned()),
        Some(SignInChange::Ended) => end(&state.site),
    };
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        headers.append(header::SET_COOKIE, value);
        // An answer with a cookie is one person's alone.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The name that the request has been given.
pub(super) fn id_of(request: &Request) -> RequestId {
    let named = request.extensions().get::<RequestId>().cloned();
    named.unwrap_or_else(|| RequestId::new("unnamed"))
}

/// Who asks: by the key in `Authorization`, else by the cookie. `None`: by a key that stands for nobody.
pub(super) async fn caller(
    state: &AppState,
    headers: &HeaderMap,
    id: &RequestId,
) -> Result<Option<Ctx>> {
    let (backend, id) = (&state.backend, id.clone());
    match bearer(headers) {
        Some(key) => {
            let actor = api_keys::authenticate(backend, key).await?;
            Ok(actor.map(|actor| backend.ctx(actor, id).by_key(key)))
        }
        None => by_cookie(backend, &state.site, headers, id).await.map(Some),
    }
}

/// Whether the request says who asks, be it somebody whom nobody knows any more.
pub(super) fn is_named(site: &Site, headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
        || CookieJar::from_headers(headers).get(cookie_name(site)).is_some()
}

/// The key of `Authorization: Bearer …` (RFC 6750); the scheme is written in any case. Another scheme is
/// not meant for us: a proxy may ask for a password of its own.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
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
