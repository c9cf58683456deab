//! One request to a provider's server: how it is sent, and how long the server may be silent.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use tokio::time::timeout;

use super::refusal::unreachable;
use super::{ModelError, Secret};
use crate::trace::{TRACEPARENT, TraceParent};

/// How long a server may be silent before the first byte: a local one may load its model.
pub(super) const FIRST_BYTE: Duration = Duration::from_mins(2);
/// How long it may be silent from then on.
pub(super) const IDLE: Duration = Duration::from_mins(1);
/// The most bytes of an error.
pub(super) const ERROR_MAX_BYTES: usize = 64 * 1024;

/// Sends a request under the key, with its place in the trace, and waits for the head of the answer.
pub(super) async fn send(
    mut request: RequestBuilder,
    api_key: Option<&Secret>,
) -> Result<Response, ModelError> {
    if let Some(place) = TraceParent::current() {
        request = request.header(TRACEPARENT, place.to_string());
    }
    if let Some(key) = api_key {
        request = request.bearer_auth(key.expose());
    }
    match timeout(FIRST_BYTE, request.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(unreachable(&error)),
        Err(_elapsed) => Err(ModelError::silent(FIRST_BYTE)),
    }
}

/// Reads a body up to `most` bytes.
pub(super) async fn read(response: &mut Response, most: usize) -> Result<Vec<u8>, ModelError> {
    let mut body = Vec::new();
    while body.len() < most {
        match timeout(IDLE, response.chunk()).await {
            Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            Ok(Ok(None)) => break,
            Ok(Err(_)) | Err(_) => {
                return Err(ModelError::transient("the connection to the model broke off"));
            }
        }
    }
    body.truncate(most);
    Ok(body)
}
