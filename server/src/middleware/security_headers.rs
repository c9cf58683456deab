//! What a browser may do with our answers.

use app::SiteOrigin;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use leptos::nonce::Nonce;

use crate::reply;
use crate::state::AppState;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Sets the headers of every answer.
pub async fn set(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "strict-origin-when-cross-origin");
    put(
        PERMISSIONS_POLICY,
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
    put(OPENER_POLICY, "same-origin");
    put(RESOURCE_POLICY, "same-origin");
    // What is no page needs nothing at all.
    put(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if state.site.is_https() {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Gives a page its nonce, the policy that names it, and the site's own address.
///
/// They wait in the request's extensions; the pages' context hands the nonce to Leptos. What
/// [`public_pages`](super::public_pages) makes of a page has a policy of its own and no nonce.
pub async fn set_for_page(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let nonce = Nonce::new();
    request.extensions_mut().insert(nonce.clone());
    let origin = SiteOrigin(state.site.origin(request.headers()));
    request.extensions_mut().insert(origin);
    let mut response = next.run(request).await;
    if is_html(response.headers()) {
        let headers = response.headers_mut();
        if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
            let source = format!("'nonce-{nonce}'");
            let policy = policy(&source, &source, state.site.is_watched());
            if let Ok(policy) = HeaderValue::from_str(&policy) {
                headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
        // A page may show what is the caller's alone, and its nonce counts once.
        headers.entry(header::CACHE_CONTROL).or_insert(reply::PRIVATE);
    }
    response
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// The policy of a page that is the same whenever it is sent: the scripts that stand in it are known by
/// these hashes (CSP Level 3), those that it names by where they are. No style sheet stands in it.
pub(super) fn policy_by_hash(hashes: &[String]) -> Option<HeaderValue> {
    HeaderValue::try_from(policy(&hashes.join(" "), "", false)).ok()
}

/// Scripts and styles come from here, or are those that are named beside. Style attributes are allowed
/// because measured numbers (an avatar's hue, a bar's width) are written as such.
fn policy(scripts: &str, styles: &str, watched: bool) -> String {
    // `cargo leptos watch` reloads the page over a socket on a port of its own.
    let sockets = if watched { " ws: wss:" } else { "" };
    format!(
        "default-src 'self'; script-src 'self' {scripts} 'wasm-unsafe-eval'; \
         style-src 'self' {styles}; style-src-attr 'unsafe-inline'; \
         img-src 'self' data:; connect-src 'self'{sockets}; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}
