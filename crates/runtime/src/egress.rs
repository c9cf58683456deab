//! The one way out to other hosts.
//!
//! Agents fetch under the public policy: `http` and `https` only, no credentials, and no address that
//! is not on the public Internet. A name is resolved once, by the guard in `resolver`, and what the
//! guard let through is what is dialled, so a name whose answer changes cannot get around the check.
//! Redirects are followed by hand: each target passes the same checks as the first address.
//!
//! No other module builds an HTTP client.

mod address;
mod body;
mod collector;
mod outgoing;
mod resolver;

use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use url::{Host, Url};

pub use address::{is_public, is_public_v4, is_public_v6};
pub use collector::CollectorClient;
pub use outgoing::{HostLimit, Outgoing};
use resolver::{Guard, Lookup, Refusal, SystemLookup};

/// The most bytes of a body that are read, after decompression.
pub const BODY_MAX_BYTES: usize = 2 * 1024 * 1024;
/// How many redirects are followed.
pub const REDIRECTS_MAX: usize = 5;
/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a fetch may take from its start to its last byte.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest address that is accepted, in bytes.
pub const URL_MAX_BYTES: usize = 4096;

const USER_AGENT: &str = concat!("Resonant/", env!("CARGO_PKG_VERSION"));

/// The guarded HTTP client.
#[derive(Clone)]
pub struct Egress {
    /// A client that could not be built is reported by every fetch, never by a panic at the start.
    client: Result<Client, String>,
    reach: Reach,
}

/// Which addresses a client may dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    Any,
}

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The address after all redirects.
    pub final_url: Url,
    /// The HTTP status.
    pub status: u16,
    /// The `content-type` header, as sent.
    pub content_type: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Vec<u8>,
    /// Whether the body was longer than [`BODY_MAX_BYTES`].
    pub truncated: bool,
}

impl Fetched {
    /// The body as text, by its byte order mark, its `content-type` or its HTML `meta` element, and
    /// as UTF-8 where none of them says.
    #[must_use]
    pub fn text(&self) -> String {
        body::decode(&self.body, self.content_type.as_deref())
    }

    /// The media type without its parameters, in lower case; empty when the server sent none.
    #[must_use]
    pub fn media_type(&self) -> String {
        let full = self.content_type.as_deref().unwrap_or_default();
        full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// Why nothing was fetched. The text may be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The address is not one that can be fetched.
    #[error("this address cannot be fetched: {0}")]
    Url(String),
    /// The address leads to a network that agents may not reach.
    #[error("this address is refused: {0} is not on the public Internet")]
    Refused(String),
    /// The address is outside of what this request may reach.
    #[error("{whose} may not go to {host}")]
    Elsewhere {
        /// What is limited, as a sentence part: `the tool weather`.
        whose: String,
        /// The host.
        host: String,
    },
    /// A secret would have been sent in the clear.
    #[error("a secret goes over https alone, not to http://{0}")]
    Unencrypted(String),
    /// A header that HTTP does not allow.
    #[error("the header {0} holds characters that HTTP does not allow")]
    Header(String),
    /// A redirect that would turn the request into one that reads, and lose what it says.
    #[error("it redirects to {to}; name that address")]
    Redirected {
        /// Where to.
        to: String,
        /// The HTTP status.
        status: u16,
    },
    /// Too many redirects.
    #[error("the address redirects more than {REDIRECTS_MAX} times")]
    Redirects,
    /// The host did not answer in time.
    #[error("the host did not answer within {0} seconds")]
    Timeout(u64),
    /// The host could not be reached.
    #[error("the host could not be reached: {0}")]
    Network(String),
    /// The connection broke before the answer was there.
    #[error("the host broke off: {0}")]
    BrokenOff(String),
    /// The client could not be set up.
    #[error("the HTTP client could not be set up: {0}")]
    Client(String),
}

impl EgressError {
    /// Whether the request, or a part of it, may have arrived: nobody knows what became of it. A 302 or 303 is
    /// also how servers answer what they have done; a 301 says that it has to go elsewhere.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        matches!(
            self,
            Self::Timeout(_) | Self::BrokenOff(_) | Self::Redirected { status: 302 | 303, .. }
        )
    }
}

/// Whether a gateway answers so for a host behind it that did not: Bad Gateway, Gateway Timeout.
pub(crate) const fn is_unanswered(status: u16) -> bool {
    matches!(status, 502 | 504)
}

impl Egress {
    /// The client for agents: only addresses on the public Internet.
    #[must_use]
    pub fn public() -> Self {
        Self::guarded(Arc::new(SystemLookup), Reach::Public)
    }

    /// The client for agents without the address guard, for tests that serve their own pages.
    /// Every other rule of the public policy holds.
    #[must_use]
    pub fn public_allowing_private() -> Self {
        Self::guarded(Arc::new(SystemLookup), Reach::Any)
    }

    /// A client for an endpoint that the operator has configured. It may lie in a private network,
    /// and its replies stream, so only the connection and the pause between two pieces are timed.
    ///
    /// # Errors
    /// [`EgressError::Client`] when the client cannot be set up.
    pub fn operator() -> Result<Client, EgressError> {
        build(|| {
            builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(Duration::from_mins(5))
                .redirect(Policy::none())
        })
        .map_err(EgressError::Client)
    }

    fn guarded(lookup: Arc<dyn Lookup>, reach: Reach) -> Self {
        Self::with_resolver(&Arc::new(Guard::new(lookup, reach == Reach::Any)), reach)
    }

    fn with_resolver<R: Resolve + 'static>(resolver: &Arc<R>, reach: Reach) -> Self {
        let client = build(|| {
            builder()
                .dns_resolver(resolver.clone())
                .no_proxy()
                .redirect(Policy::none())
                .referer(false)
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(TOTAL_TIMEOUT)
                // A kept connection would be used again without a look at its address.
                .pool_max_idle_per_host(0)
        });
        Self { client, reach }
    }

    /// Fetches an address with `GET`, following redirects.
    ///
    /// # Errors
    /// [`EgressError`]; an HTTP error status is not one of them.
    pub async fn fetch(&self, url: &str) -> Result<Fetched, EgressError> {
        self.send(Outgoing::get(url)).await
    }

    /// Sends a request, following redirects as far as its limits let it.
    ///
    /// # Errors
    /// [`EgressError`]; an HTTP error status is not one of them.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Fetched, EgressError> {
        let enough = outgoing.enough;
        self.send_until(outgoing, &|body| enough.is_some_and(|enough| enough(body))).await
    }

    /// Sends a request and looks at the body each time that some of it has come, until `enough` has.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn send_until(
        &self,
        outgoing: Outgoing,
        enough: &(dyn Fn(&[u8]) -> bool + Send + Sync),
    ) -> Result<Fetched, EgressError> {
        let client = self.client.as_ref().map_err(|error| EgressError::Client(error.clone()))?;
        let url = self.check(&outgoing.url)?;
        let timeout = outgoing.timeout;
        tokio::time::timeout(timeout, self.follow(client, outgoing, url, enough))
            .await
            .unwrap_or(Err(EgressError::Timeout(timeout.as_secs())))
    }

    async fn follow(
        &self,
        client: &Client,
        mut outgoing: Outgoing,
        mut url: Url,
        enough: &(dyn Fn(&[u8]) -> bool + Send + Sync),
    ) -> Result<Fetched, EgressError> {
        for at in 0..=REDIRECTS_MAX {
            let is_redirected = at > 0;
            outgoing.check(&url, self.reach == Reach::Public)?;
            let request = outgoing.to_request(client, url.clone())?;
            let sent = request.send().await;
            let response = sent.map_err(|error| match network(&error, outgoing.timeout) {
                // The request before arrived, and may have done all that it should.
                EgressError::Network(reason) if is_redirected => EgressError::BrokenOff(reason),
                error => error,
            })?;
            let Some(target) = redirect(&response) else {
                return read(url, response, outgoing.timeout, enough).await;
            };
            let joined = url.join(&target);
            // First: what is lost is lost wherever it leads, and the server may have done all that it should.
            let to = joined.as_ref().map_or(target.as_str(), Url::as_str);
            outgoing.redirected(response.status().as_u16(), to)?;
            let joined = joined.map_err(|error| {
                EgressError::Url(format!("it redirects to {target:?}, {error}"))
            })?;
            url = self.check_url(joined)?;
        }
        Err(EgressError::Redirects)
    }

    /// Reads an address and refuses it when no connection may be opened to it.
    fn check(&self, text: &str) -> Result<Url, EgressError> {
        let text = text.trim();
        if text.len() > URL_MAX_BYTES {
            return Err(EgressError::Url(format!("it is longer than {URL_MAX_BYTES} bytes")));
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => {
                EgressError::Url("give it whole, beginning with https://".into())
            }
            error => EgressError::Url(error.to_string()),
        })?;
        self.check_url(url)
    }

    fn check_url(&self, mut url: Url) -> Result<Url, EgressError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EgressError::Url(format!(
                "only http and https are supported, not {}",
                url.scheme()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Url("it must not hold a user name or password".into()));
        }
        url.set_fragment(None);
        // The URL parser has read decimal, octal, hexadecimal and shortened IPv4 forms by now.
        let refused = match url.host() {
            None => return Err(EgressError::Url("it has no host".into())),
            Some(Host::Domain(name)) => address::is_reserved_name(name),
            Some(Host::Ipv4(address)) => !is_public_v4(address),
            Some(Host::Ipv6(address)) => !is_public_v6(address),
        };
        if refused && self.reach == Reach::Public {
            return Err(EgressError::Refused(url.host_str().unwrap_or_default().to_owned()));
        }
        Ok(url)
    }
}

/// Builds a client, without the machine's trusted certificates where it has none: plain `http` still
/// works then, and `https` fails with a reason.
fn build(settings: impl Fn() -> ClientBuilder) -> Result<Client, String> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error means that the process has chosen a provider already.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    });
    settings().build().or_else(|error| {
        tracing::warn!(%error, "no trusted certificates were found; https addresses cannot be fetched");
        settings().tls_certs_only([]).build().map_err(|error| chain(&error))
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that builds clients")]
fn builder() -> ClientBuilder {
    Client::builder().user_agent(USER_AGENT)
}

/// Where a response redirects to.
fn redirect(response: &Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

async fn read(
    final_url: Url,
    mut response: Response,
    timeout: Duration,
    enough: &(dyn Fn(&[u8]) -> bool + Send + Sync),
) -> Result<Fetched, EgressError> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut body = Vec::new();
    let mut truncated = false;
    while let Some(piece) = response.chunk().await.map_err(|error| network(&error, timeout))? {
        let room = BODY_MAX_BYTES - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            truncated = true;
            break;
        }
        if enough(&body) {
            break;
        }
    }
    Ok(Fetched { final_url, status, content_type, headers, body, truncated })
}

/// Finds out what lies beneath a client's error.
fn network(error: &reqwest::Error, timeout: Duration) -> EgressError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = source {
        if let Some(Refusal(host)) = inner.downcast_ref() {
            return EgressError::Refused(host.clone());
        }
        source = inner.source();
    }
    if error.is_timeout() {
        return EgressError::Timeout(timeout.as_secs());
    }
    let reason = chain(error);
    if error.is_connect() { EgressError::Network(reason) } else { EgressError::BrokenOff(reason) }
}

/// The innermost reason: the outer ones only repeat the address.
fn chain(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
