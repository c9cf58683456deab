//! Carries spans to the collector that the operator has configured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::Client;
use tokio::runtime::Handle;

use super::{Egress, EgressError};

/// How long a batch may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What of an answer is read: it says at most which spans were refused.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Sends what the exporter hands over. The exporter waits in a thread of its own; the request runs
/// where all others run.
#[derive(Clone, Debug)]
pub struct CollectorClient {
    client: Client,
    runtime: Handle,
    is_away: Arc<AtomicBool>,
}

impl CollectorClient {
    /// A client whose requests run on the present runtime.
    ///
    /// # Errors
    /// [`EgressError::Client`] when it cannot be set up.
    pub fn new() -> Result<Self, EgressError> {
        let (client, runtime) = (Egress::operator()?, Handle::current());
        Ok(Self { client, runtime, is_away: Arc::default() })
    }

    /// Tells once that the collector is away, and once that it is back.
    fn note(&self, fault: Option<&str>) {
        let was_away = self.is_away.swap(fault.is_some(), Ordering::Relaxed);
        match fault {
            Some(error) if !was_away => {
                tracing::warn!(error, "the collector takes no spans; they are dropped meanwhile");
            }
            None if was_away => tracing::info!("the collector takes spans again"),
            _ => {}
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(send(self.client.clone(), request));
        let answer = match sent.await {
            Ok(answer) => answer,
            Err(_gone) => Err("the process ends".to_owned()),
        };
        match &answer {
            Ok(answer) if answer.status().is_success() => self.note(None),
            Ok(answer) => self.note(Some(&format!("status {}", answer.status()))),
            Err(error) => self.note(Some(error)),
        }
        answer.map_err(Into::into)
    }
}

async fn send(client: Client, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let request = reqwest::Request::try_from(request).map_err(|error| super::chain(&error))?;
    let exchange = async {
        let mut answer = client.execute(request).await?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            if body.len() + piece.len() > ANSWER_MAX_BYTES {
                break;
            }
            body.extend_from_slice(&piece);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    };
    match tokio::time::timeout(TIMEOUT, exchange).await {
        Ok(answer) => answer.map_err(|error: reqwest::Error| super::chain(&error)),
        Err(_elapsed) => Err(format!("no answer within {} seconds", TIMEOUT.as_secs())),
    }
}
