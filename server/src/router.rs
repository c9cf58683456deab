//! Every route of the process, grouped by who calls it.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, header};
use leptos::context::{provide_context, use_context};
use leptos::nonce::Nonce;
use leptos_axum::{LeptosRoutes as _, generate_route_list};
use resonant_domain::FaultKind;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_http::services::ServeDir;
use tower_http::timeout::{RequestBodyDeadlineLayer, TimeoutLayer};

use crate::fault::Fault;
use crate::middleware::load_shed::Places;
use crate::middleware::{
    body_limit, callers, entity_tags, late_chunks, load_shed, problem, public_pages, rate_limit,
    refused_form, request_id, security_headers, sign_in, static_cache,
};
use crate::routes::api::v1;
use crate::routes::{
    account_file, audit_file, cards, crawlers, images, languages, mailed_link, mcp, picture_form,
    session_result,
};
use crate::state::AppState;

/// How long a program, or whoever asks for a picture, waits for an answer at most.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How long a person waits at most until an answer begins, and a program for a model's: it has a minute for
/// the first draft of an agent. A page that has begun may go on for longer.
const PAGE_TIME: Duration = Duration::from_secs(90);
/// Smaller answers gain nothing by compression.
pub(crate) const COMPRESS_ABOVE: u64 = 1_000;

/// Everything that this process answers.
pub fn router(state: AppState) -> Router {
    let places = Places::new(state.limits.in_flight);
    let api = v1::routes().into_routers();
    let programs = for_programs(api.answers, api.drafts, &state);
    let routes = Router::new()
        .merge(for_operators(api.probes, &state))
        .merge(programs.layer(from_fn_with_state(places.clone(), load_shed::shed)))
        .merge(for_followers(api.streams, &state))
        .merge(for_crawlers(&state).layer(from_fn_with_state(places.clone(), load_shed::shed)))
        .merge(for_people(&state).layer(from_fn_with_state(places.clone(), load_shed::shed)))
        .merge(files(&state, places));
    around(routes, state)
}

/// What happens around every request. It stands around the router as a whole: a layer within is copied
/// with all that is below it, for each request. The outermost layer stands first.
fn around(routes: Router<AppState>, state: AppState) -> Router {
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), request_id::name_and_log))
        .layer(from_fn_with_state(state.clone(), security_headers::set))
        .layer(from_fn(problem::write));
    // What is refused here is known by its route already.
    let inner = ServiceBuilder::new()
        .layer(from_fn_with_state(state.backend.metrics().clone(), problem::answer))
        // Refuses by the announced length, before anything is read.
        .layer(from_fn(body_limit::limit))
        .layer(same_site(&state));
    let routes = routes.layer(inner).with_state::<()>(state);
    Router::new().fallback_service(layers.service(routes))
}

/// What a process answers that only runs sessions.
pub fn router_of_worker(state: AppState) -> Router {
    let routes = for_operators(v1::routes().into_routers().probes, &state).fallback(nothing);
    around(routes, state)
}

/// Load balancers, and those who look after the installation.
fn for_operators(probes: Router<AppState>, state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/metrics", get(v1::metrics::scrape))
        .layer(from_fn_with_state(state.clone(), sign_in::recognise))
        .merge(probes)
}

/// The REST interface.
fn for_programs(
    answers: Router<AppState>,
    drafts: Router<AppState>,
    state: &AppState,
) -> Router<AppState> {
    let within = |time, routes: Router<AppState>| {
        let layers = ServiceBuilder::new()
            .layer(from_fn(entity_tags::translate))
            .layer(compression())
            .layer(from_fn_with_state(state.clone(), callers::know))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, time));
        routes.layer(layers)
    };
    let all = within(ANSWER_TIME, answers).merge(within(PAGE_TIME, drafts));
    all.route("/api", any(nothing)).route("/api/{*path}", any(nothing))
}

/// Those who wait for a session while it runs: answers without an end, which are not timed; what `/mcp`
/// answers whole is compressed.
fn for_followers(streams: Router<AppState>, state: &AppState) -> Router<AppState> {
    // What is asked has to come in time all the same, and nothing begins for whoever takes no answer.
    let layers = ServiceBuilder::new()
        .layer(from_fn(entity_tags::translate))
        .layer(RequestBodyDeadlineLayer::new(ANSWER_TIME))
        .layer(compression());
    let routes = streams.route("/mcp", post(mcp::post).layer(layers));
    routes.layer(from_fn_with_state(state.clone(), callers::know))
}

/// Search engines, sites that links are shared on, and pictures: whoever asks is not asked who they are.
fn for_crawlers(state: &AppState) -> Router<AppState> {
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), rate_limit::count_by_address))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIME));
    Router::new()
        .route("/robots.txt", get(crawlers::robots))
        .route("/sitemap.xml", get(crawlers::sitemap))
        .route("/sitemap-pages.xml", get(crawlers::pages))
        .route("/sitemap-listings.xml", get(crawlers::listings))
        .layer(compression())
        .route("/languages/{file}", get(languages::get))
        .route("/images/{id}/{file}", get(images::get))
        .route("/og/default.png", get(cards::get_of_the_site))
        .route("/og/{kind}/{file}", get(cards::get))
        .layer(layers)
}

/// The pages and the server functions that they call.
fn for_people(state: &AppState) -> Router<AppState> {
    let options = state.leptos.clone();
    let shell = move || app::shell(options.clone());
    let render = leptos_axum::render_app_async_with_context(page_context, shell.clone());
    let routes = Router::new()
        .leptos_routes_with_context(state, generate_route_list(app::App), page_context, shell)
        .route(app::ACCOUNT_FILE, get(account_file::get))
        .route(picture_form::PATH, post(picture_form::post))
        .route(app::AUDIT_FILE, get(audit_file::get_own))
        .route(app::ALL_AUDIT_FILE, get(audit_file::get_all))
        .route(app::SESSION_RESULT, get(session_result::get_own))
        .route(app::SHARED_RESULT, get(session_result::get_shared))
        .route(app::PASSWORD_LINK, get(mailed_link::open_password))
        .route(app::EMAIL_LINK, get(mailed_link::open_address))
        .layer(from_fn(move |request, next| refused_form::answer(render.clone(), request, next)))
        .layer(from_fn(late_chunks::name));
    let layers = ServiceBuilder::new()
        .layer(from_fn(entity_tags::translate))
        .layer(compression())
        .layer(from_fn_with_state(state.clone(), security_headers::set_for_page))
        .layer(from_fn_with_state(state.clone(), public_pages::keep))
        .layer(from_fn_with_state(state.clone(), callers::know))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PAGE_TIME));
    routes.layer(layers)
}

/// Files, and the page for what is none. Files do not ask who the caller is, and take no place: the page does
/// both.
fn files(state: &AppState, places: Places) -> Router<AppState> {
    let root = Path::new(&*state.leptos.site_root);
    let options = state.leptos.clone();
    let no_page = leptos_axum::render_app_async_with_context(page_context, move || {
        app::shell(options.clone())
    });
    let no_page = Router::new()
        .fallback(move |request: Request| {
            let elsewhere = without_slash(request.uri());
            let rendered = no_page(request);
            async move {
                if let Some(elsewhere) = elsewhere {
                    return Redirect::permanent(&elsewhere).into_response();
                }
                let mut response = rendered.await;
                if response.status().is_success() {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                response
            }
        })
        .layer(from_fn(late_chunks::name))
        .layer(from_fn_with_state(state.clone(), sign_in::recognise))
        .layer(from_fn_with_state(state.clone(), security_headers::set_for_page))
        .layer(from_fn_with_state(places, load_shed::shed))
        .with_state::<()>(state.clone());
    let public = ServeDir::new(root)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip()
        .fallback(no_page);
    let public = ServiceExt::<Request>::map_response(public, |response| {
        static_cache::public(response.map(Body::new))
    });
    let built = ServeDir::new(root.join(&*state.leptos.site_pkg_dir))
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    let pkg = format!("/{}", state.leptos.site_pkg_dir.trim_matches('/'));
    Router::new()
        .nest_service(&pkg, built)
        .layer(from_fn(static_cache::built))
        .fallback_service(public)
}

/// Where a page stands that was asked for with a slash behind its address. `None` where that would lead to
/// another site, or nowhere.
fn without_slash(address: &Uri) -> Option<String> {
    let path = address.path().strip_suffix('/')?;
    let is_own = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    if !is_own || path.ends_with('/') {
        return None;
    }
    Some(address.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

/// Hands a page its nonce.
fn page_context() {
    if let Some(parts) = use_context::<http::request::Parts>()
        && let Some(nonce) = parts.extensions.get::<Nonce>()
    {
        provide_context(nonce.clone());
    }
}

async fn nothing() -> Fault {
    Fault::of(FaultKind::NotFound, "there is nothing at this address")
}

/// Refuses what another site's page makes a browser send. Programs send neither `Origin` nor
/// `Sec-Fetch-Site` and pass.
fn same_site(
    state: &AppState,
) -> CsrfLayer<impl FnMut(ProtectionError) -> Response + Clone + use<>> {
    let layer = CsrfLayer::new();
    let layer = match state.site.public_origin() {
        // Behind a proxy that rewrites `Host`, the origin is known by this setting alone.
        Some(origin) => layer.add_trusted_origin(origin).unwrap_or_default(),
        None => layer,
    };
    layer.with_rejection_response(|_: ProtectionError| {
        Fault::of(FaultKind::Forbidden, "the request comes from a page of another site")
            .into_response()
    })
}

/// Compresses what is written whole; event streams must not wait in an encoder.
fn compression() -> CompressionLayer<impl Predicate> {
    const WHOLE: [&[u8]; 4] =
        [b"application/json", b"application/problem+json", b"application/xml", b"text/html"];
    let whole = |_: StatusCode, _: Version, headers: &HeaderMap, _: &http::Extensions| {
        let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        kind.is_some_and(|kind| WHOLE.iter().any(|whole| kind.starts_with(whole)))
    };
    CompressionLayer::new().compress_when(SizeAbove::new(COMPRESS_ABOVE).and(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_behind_an_address_leads_to_the_page_and_nowhere_else() {
        for (address, place) in [
            ("/marketplace/unit-converter/", Some("/marketplace/unit-converter")),
            ("/marketplace/?q=a%2F&sort=new", Some("/marketplace?q=a%2F&sort=new")),
            ("/", None),
            ("/marketplace", None),
            ("/marketplace//", None),
            ("//evil.example/", None),
        ] {
            let address = address.parse::<Uri>().unwrap();
            assert_eq!(without_slash(&address).as_deref(), place, "{address}");
        }
    }
}
