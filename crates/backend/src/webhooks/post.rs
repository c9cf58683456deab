//! One message by POST: how it is signed, sent, and sent again.

use std::time::Duration;

use jiff::Timestamp;
use resonant_domain::host;
use resonant_domain::http_tool::HttpMethod;
use resonant_domain::webhook::{DeliveryState, wait_seconds};
use resonant_runtime::egress::{HostLimit, Outgoing};

use crate::signature::SigningKey;
use crate::store::webhooks::Attempted;
use crate::{Backend, Result};

/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The headers by which a receiver knows whose message it is (Standard Webhooks).
pub(crate) fn signed(
    key: &SigningKey,
    id: &str,
    now: Timestamp,
    body: &str,
) -> Result<Vec<(String, String)>> {
    let seconds = now.as_second();
    let signature = key.sign(id, seconds, body)?;
    let headers = [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    Ok(headers.map(|(name, value)| (name.to_owned(), value)).into())
}

/// The status of the receiver's answer, or why there is none.
pub(crate) async fn send(
    backend: &Backend,
    whose: &str,
    url: &str,
    mut headers: Vec<(String, String)>,
    body: String,
) -> std::result::Result<u16, String> {
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    let outgoing = Outgoing {
        method: HttpMethod::Post,
        url: url.to_owned(),
        headers,
        body: Some(body.into_bytes()),
        timeout: TIMEOUT,
        limits: vec![HostLimit {
            whose: whose.to_owned(),
            hosts: host::of_url(url).map(str::to_owned).into_iter().collect(),
            is_secret: false,
        }],
        keeps_method: true,
        // What it says beyond the status is not wanted.
        enough: Some(|_| true),
    };
    let answer = backend.egress().send(outgoing).await;
    answer.map(|fetched| fetched.status).map_err(|error| error.to_string())
}

/// What is noted of an attempt, and how long the next one has to wait.
pub(crate) fn attempted(
    answer: std::result::Result<u16, String>,
    attempts: i32,
    now: Timestamp,
) -> Result<Attempted> {
    let (status, error) = match answer {
        Ok(status) => (Some(i32::from(status)), None),
        Err(reason) => (None, Some(reason)),
    };
    let is_taken = status.is_some_and(|status| (200..300).contains(&status));
    let wait = wait_seconds(attempts).filter(|_| !is_taken);
    let state = match (is_taken, wait) {
        (true, _) => DeliveryState::Delivered,
        (false, Some(_)) => DeliveryState::Pending,
        (false, None) => DeliveryState::Failed,
    };
    // Up to a fifth more, by chance, so that those who failed together do not come back together.
    let spread = i64::from(crate::backend::random::<1>()?[0]);
    let wait = wait.map(|seconds| {
        let millis = seconds * 1_000 + seconds * spread * 4 / 5;
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    });
    Ok(Attempted { state, status, error, at: now, wait })
}
