//! A request on an agent's behalf, and what it may reach.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};
use resonant_domain::host;
use resonant_domain::http_tool::HttpMethod;
use url::Url;

use super::{EgressError, TOTAL_TIMEOUT};
use crate::trace::{TRACEPARENT, TraceParent};

const ACCEPTED: &str =
    "text/html,application/xhtml+xml,application/json;q=0.9,text/*;q=0.9,*/*;q=0.5";

/// A request on an agent's behalf.
#[derive(Clone)]
pub struct Outgoing {
    /// The method.
    pub method: HttpMethod,
    /// The whole address.
    pub url: String,
    /// Names and values. None of them is ever shown.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// How long it may take from its start to its last byte.
    pub timeout: Duration,
    /// Every host on its way must be within each of these.
    pub limits: Vec<HostLimit>,
    /// Whether it fails at a redirect that is followed with GET, which would bring nothing of what it says.
    pub keeps_method: bool,
    /// Ends the reading of the body early, when what has come is enough.
    pub enough: Option<fn(&[u8]) -> bool>,
}

/// The hosts that a part of a request may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLimit {
    /// What is limited, as a sentence part: `the tool weather`.
    pub whose: String,
    /// Patterns as [`host::matches`] reads them.
    pub hosts: Vec<String>,
    /// Whether it must not be sent in the clear.
    pub is_secret: bool,
}

impl Outgoing {
    /// A request that reads an address and may reach every public host.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: HttpMethod::Get,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: TOTAL_TIMEOUT,
            limits: Vec::new(),
            keeps_method: false,
            enough: None,
        }
    }

    /// Refuses an address that one of the limits leaves out.
    pub(super) fn check(&self, url: &Url, must_encrypt: bool) -> Result<(), EgressError> {
        let name = url.host_str().unwrap_or_default();
        for limit in &self.limits {
            if !limit.hosts.iter().any(|pattern| host::matches(pattern, name)) {
                let whose = limit.whose.clone();
                return Err(EgressError::Elsewhere { whose, host: name.to_owned() });
            }
            if limit.is_secret && must_encrypt && url.scheme() != "https" {
                return Err(EgressError::Unencrypted(name.to_owned()));
            }
        }
        Ok(())
    }

    /// What is left of it after a redirect (RFC 9110, 15.4): a 303, and a 301 or 302 that answers a
    /// POST, are followed with GET.
    pub(super) fn redirected(&mut self, status: u16, to: &str) -> Result<(), EgressError> {
        let becomes_get = match status {
            303 => self.method != HttpMethod::Head,
            301 | 302 => self.method == HttpMethod::Post,
            _ => false,
        };
        if becomes_get && self.keeps_method && self.method != HttpMethod::Get {
            return Err(EgressError::Redirected { to: to.to_owned(), status });
        }
        if becomes_get {
            self.method = HttpMethod::Get;
            self.body = None;
            self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()));
        }
        Ok(())
    }

    pub(super) fn to_request(
        &self,
        client: &Client,
        url: Url,
    ) -> Result<RequestBuilder, EgressError> {
        let method = match self.method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Head => Method::HEAD,
            HttpMethod::Post => Method::POST,
            HttpMethod::Put => Method::PUT,
            HttpMethod::Patch => Method::PATCH,
            HttpMethod::Delete => Method::DELETE,
        };
        let mut request = client.request(method, url).timeout(self.timeout);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(ACCEPT.as_str())) {
            request = request.header(ACCEPT, ACCEPTED);
        }
        // The trace goes on where a tool's request arrives.
        if let Some(place) = TraceParent::current()
            && !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT))
        {
            request = request.header(TRACEPARENT, place.to_string());
        }
        for (name, value) in &self.headers {
            let wrong = || EgressError::Header(name.clone());
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
            // Keeps it out of the client's own log lines.
            value.set_sensitive(true);
            request = request.header(header, value);
        }
        Ok(match &self.body {
            Some(body) => request.body(body.clone()),
            None => request,
        })
    }
}
