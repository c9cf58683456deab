//! Pages that look alike to everybody: rendered once, kept for a minute, and told apart by their tags.
//!
//! A page with a nonce is another one each time, and the answer to one visitor alone. For a visitor whom
//! nobody knows, a public page is made one without ([`inline_scripts`]): its bytes depend on what the
//! catalogue holds and on what is written into its [`Subject`], and on nothing else. So it has an entity
//! tag, may be kept by every cache, and is kept here, packed as callers take it.
//!
//! What is kept was rendered in an edition of the catalogue and counts in that alone: who has heard of a
//! write asks for another one ([`Backend::public_edition`](resonant_backend::Backend::public_edition)).
//! What no write tells of, such as what was measured, is a minute older at most. One request renders a
//! page, whoever asks for the same meanwhile waits for it. All else is answered as if this layer were not
//! there: people who are known, what is not found, what sets a cookie or says itself how it is kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::{Alike, Look, SiteOrigin};
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use leptos::nonce::Nonce;
use moka::future::Cache;
use resonant_backend::PageCounters;
use resonant_domain::FaultKind;

use super::{security_headers, sign_in};
use crate::fault::Fault;
use crate::inline_scripts;
use crate::packed::Packed;
use crate::settings::Site;
use crate::state::AppState;

/// The pages that anyone may see, by their routes.
const PUBLIC: [&str; 5] = [
    "/",
    "/marketplace",
    "/marketplace/{slug}",
    "/marketplace/collections/{slug}",
    "/publishers/{handle}",
];
/// The most that a process keeps, in bytes.
const CAPACITY: u64 = 32 << 20;
/// For how long a page is kept that no write outdates.
const LIFETIME: Duration = Duration::from_mins(1);
/// What a page costs beside its texts, in bytes.
const OVERHEAD: usize = 1_024;

/// Answers for a page that is kept, or keeps what is rendered.
pub async fn keep(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Some(subject) = Subject::of(&state.site, &request) else {
        return next.run(request).await;
    };
    request.extensions_mut().insert(Alike);
    let Some(edition) = state.backend.public_edition() else {
        // Without word of writes nothing is kept; those who ask may keep it all the same.
        let asked = request.headers().clone();
        return match render(request, next).await {
            Ok(page) => page.answer(&asked).await,
            Err(other) => *other,
        };
    };
    let pages = state.pages();
    pages.enter(edition);
    let key = (edition, subject);
    if let Some(page) = pages.kept.get(&key).await {
        pages.counters.hit();
        let (asked, _) = request.into_parts();
        return page.answer(&asked.headers).await;
    }

    let asked = request.headers().clone();
    let mut own = Some((request, next));
    let weight = key.1.weight();
    let rendering = async {
        let (request, next) = own.take().ok_or_else(Other::default)?;
        let page = render(request, next).await.map_err(|other| Other::from(*other))?;
        let page = Arc::new(Page { weight: page.weight.saturating_add(weight), ..page });
        pages.counters.kept(page.weight.into());
        Ok::<_, Other>(page)
    };
    let rendered = pages.kept.try_get_with(key, rendering).await;
    match (rendered, own) {
        (Ok(page), Some(_)) => {
            pages.counters.hit();
            page.answer(&asked).await
        }
        (Ok(page), None) => {
            pages.counters.miss();
            page.answer(&asked).await
        }
        // Somebody else's answer is not for everybody: this one has to be rendered for itself.
        (Err(_), Some((request, next))) => next.run(request).await,
        (Err(other), None) => other.take(),
    }
}

/// All that the bytes of a page depend on, beside the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Subject {
    look: Look,
    /// Canonical addresses and cards begin with it.
    origin: String,
    /// The path with the query as it was written: links of the page repeat it.
    address: String,
}

impl Subject {
    /// What a request for a public page asks for; `None` for any other, and for whoever may be known.
    fn of(site: &Site, request: &Request) -> Option<Self> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let route = request.extensions().get::<MatchedPath>()?;
        // While it is being worked on, a page is reloaded by a script that no hash fits.
        if !is_read || !PUBLIC.contains(&route.as_str()) || site.is_watched() {
            return None;
        }
        let address = request.uri().path_and_query()?.as_str();
        // The latter is server_fn's mark of a refused form.
        if sign_in::is_named(site, request.headers()) || address.contains("__err=") {
            return None;
        }
        let SiteOrigin(origin) = request.extensions().get::<SiteOrigin>()?;
        Some(Self {
            look: Look::of(request.headers())?,
            origin: origin.clone(),
            address: address.to_owned(),
        })
    }

    fn weight(&self) -> u32 {
        weight(self.origin.len() + self.address.len())
    }
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// A page for everybody.
struct Page {
    packed: Packed,
    policy: HeaderValue,
    weight: u32,
}

impl Page {
    /// Makes one of a page with a nonce. `None` when something stands in it that is not expected.
    fn of(html: &[u8], nonce: &str) -> Option<Self> {
        let html = std::str::from_utf8(html).ok()?;
        let page = inline_scripts::without_nonce(html, nonce)?;
        let policy = security_headers::policy_by_hash(&page.hashes)?;
        let packed = Packed::page(page.html);
        // Packed three times it is shorter than once as it is.
        let weight = weight(packed.length() * 2 + OVERHEAD);
        Some(Self { packed, policy, weight })
    }

    /// Answers with it, or that the caller has it. The policy goes along with both: a browser replaces the
    /// headers that it has by those of an answer without the page.
    async fn answer(&self, asked: &HeaderMap) -> Response {
        let mut response = self.packed.answer(asked).await;
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

/// Renders a page and makes it one for everybody; gives back what is none.
async fn render(request: Request, next: Next) -> Result<Page, Box<Response>> {
    let nonce = request.extensions().get::<Nonce>().cloned();
    let response = next.run(request).await;
    let nonce = match nonce {
        Some(nonce) if is_for_everybody(&response) => nonce,
        _ => return Err(Box::new(response)),
    };
    let (parts, body) = response.into_parts();
    let Ok(html) = to_bytes(body, usize::MAX).await else {
        let fault = Fault::of(FaultKind::Internal, "the page broke off");
        return Err(Box::new(fault.into_response()));
    };
    Page::of(&html, &nonce).ok_or_else(|| {
        tracing::warn!("something stands in a public page that is not expected: it is not kept");
        Box::new(Response::from_parts(parts, Body::from(html)))
    })
}

/// Whether an answer is a page and nothing beside: a cookie is for one visitor, and whoever says how it is
/// kept means it.
fn is_for_everybody(response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    response.status() == StatusCode::OK
        && kind.is_some_and(|kind| kind.starts_with(b"text/html"))
        && headers
            .keys()
            .all(|name| *name == header::CONTENT_TYPE || *name == header::CONTENT_LENGTH)
}

/// An answer that is not for everybody, for the one who had it rendered.
#[derive(Default)]
struct Other(Mutex<Option<Response>>);

impl From<Response> for Other {
    fn from(response: Response) -> Self {
        Self(Mutex::new(Some(response)))
    }
}

impl Other {
    fn take(&self) -> Response {
        let response = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        response.unwrap_or_else(|| {
            Fault::of(FaultKind::Internal, "the page was not rendered").into_response()
        })
    }
}

/// The pages that a process keeps.
pub(crate) struct Pages {
    kept: Cache<(u64, Subject), Arc<Page>>,
    counters: PageCounters,
    edition: AtomicU64,
}

impl Pages {
    /// An empty store, whose pages are counted there.
    pub(crate) fn new(counters: PageCounters) -> Self {
        let gone = counters.clone();
        let kept = Cache::builder()
            .max_capacity(CAPACITY)
            .weigher(|_: &(u64, Subject), page: &Arc<Page>| page.weight)
            .time_to_live(LIFETIME)
            .eviction_listener(move |_, page: Arc<Page>, _| gone.gone(page.weight.into()))
            .build();
        Self { kept, counters, edition: AtomicU64::default() }
    }

    /// Gives up what an earlier edition made: nobody asks for it any more.
    fn enter(&self, edition: u64) {
        if self.edition.fetch_max(edition, Ordering::SeqCst) < edition {
            self.kept.invalidate_all();
        }
    }
}
