//! `/reset-password/{token}` and `/confirm-email/{token}`: where the links in letters lead. The token goes into a
//! cookie and out of the address, which browsers keep, tell other sites and show to whoever looks on; the page
//! behind has an address without it. Opening a link does nothing more: programs open the links in mails, too.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::cookie::{Cookie, SameSite};
use http::{HeaderValue, StatusCode, header};
use resonant_domain::member::MAILED_LINK_MINUTES;

use crate::extract::Path;
use crate::fault::Fault;
use crate::reply;
use crate::state::AppState;

/// How long a browser keeps the cookie: no link counts for longer.
const LIFETIME: Duration = Duration::from_mins(MAILED_LINK_MINUTES.unsigned_abs());

/// Leads to the page of a new password.
pub(crate) async fn open_password(
    State(state): State<AppState>,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    opened(&state, app::RESET_PASSWORD, token)
}

/// Leads to the page of a new address.
pub(crate) async fn open_address(
    State(state): State<AppState>,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    opened(&state, app::CONFIRM_EMAIL, token)
}

fn opened(state: &AppState, page: &'static str, token: String) -> Result<Response, Fault> {
    // Nothing else becomes part of the cookie.
    if !token.chars().all(|sign| sign.is_ascii_alphanumeric() || "-_".contains(sign)) {
        return Err(Fault::not_found("link"));
    }
    let mut cookie = Cookie::new(app::LINK_COOKIE, token);
    cookie.set_http_only(true);
    // A browser that is led here by a page with mails brings it along.
    cookie.set_same_site(SameSite::Lax);
    cookie.set_path("/");
    cookie.set_secure(state.site.is_https());
    cookie.set_max_age(LIFETIME.try_into().ok());
    let cookie = HeaderValue::try_from(cookie.to_string());
    let cookie = cookie.map_err(|_| Fault::not_found("link"))?;
    let headers = [
        (header::LOCATION, HeaderValue::from_static(page)),
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, reply::NO_STORE),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
