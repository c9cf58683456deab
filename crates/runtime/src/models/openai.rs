//! Any endpoint that speaks OpenAI's chat completions: streaming, with tool calls.
//!
//! Servers differ in what they send; [`reply`] takes what is meant. Dropping the stream closes the
//! connection.

mod reply;
mod request;
mod sse;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response};
use resonant_domain::session::Usage;
use resonant_domain::session_event::cost;
use resonant_domain::text::shorten;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

pub(super) use self::request::{endpoint, tool};

use self::reply::Reply;
use self::request::Dialect;
use self::sse::SseParser;
use super::exchange::{ERROR_MAX_BYTES, IDLE, read, send};
use super::model::request_chars;
use super::refusal::refusal;
use super::{
    Model, ModelError, ModelPiece, ModelRequest, ModelSettingsError, OpenAiSettings, ReplyStream,
    Secret,
};

/// How long to wait for the token counts once the model has said that it is done.
const COUNTS: Duration = Duration::from_secs(2);
/// How much of a server's own words is told, in characters.
const SAID_MAX: usize = 350;
/// The most bytes of a reply that is not streamed.
const WHOLE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// What events call it.
const PROVIDER: &str = "openai";

/// An OpenAI-compatible endpoint.
#[derive(Clone)]
pub struct OpenAi {
    endpoint: Arc<Endpoint>,
}

struct Endpoint {
    client: Client,
    url: Url,
    api_key: Option<Secret>,
    input_price: u64,
    output_price: u64,
    dialect: Mutex<Dialect>,
}

impl OpenAi {
    /// An endpoint by its settings.
    ///
    /// # Errors
    /// [`ModelSettingsError`] when the address or the model's name cannot be used.
    pub fn new(settings: &OpenAiSettings, client: Client) -> Result<Self, ModelSettingsError> {
        if settings.model.trim().is_empty() {
            return Err(ModelSettingsError::Name);
        }
        Ok(Self {
            endpoint: Arc::new(Endpoint {
                client,
                url: request::endpoint(&settings.base_url)?,
                api_key: settings.api_key.clone(),
                input_price: settings.input_price,
                output_price: settings.output_price,
                dialect: Mutex::default(),
            }),
        })
    }
}

impl Model for OpenAi {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let reader = Reader {
            endpoint: self.endpoint.clone(),
            phase: Phase::Unsent(Box::new(request)),
            ready: VecDeque::new(),
        };
        stream::unfold(reader, |mut reader| async move {
            let piece = reader.next().await?;
            Some((piece, reader))
        })
        .boxed()
    }
}

/// A reply on its way.
struct Reader {
    endpoint: Arc<Endpoint>,
    phase: Phase,
    ready: VecDeque<Result<ModelPiece, ModelError>>,
}

enum Phase {
    Unsent(Box<ModelRequest>),
    Streaming(Box<Streaming>),
    Over,
}

struct Streaming {
    response: Response,
    parser: SseParser,
    reply: Reply,
    request_chars: usize,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<ModelPiece, ModelError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                if piece.is_err() {
                    self.phase = Phase::Over;
                    self.ready.clear();
                }
                return Some(piece);
            }
            match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Over => return None,
                Phase::Unsent(request) => match self.endpoint.send(&request).await {
                    Ok(response) => self.open(response, &request).await,
                    Err(error) => return Some(Err(error)),
                },
                Phase::Streaming(streaming) => self.listen(*streaming).await,
            }
        }
    }

    /// Looks at what kind of reply it is.
    async fn open(&mut self, mut response: Response, request: &ModelRequest) {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or("text/event-stream").to_ascii_lowercase();
        let request_chars = request_chars(request);
        if kind.starts_with("application/json") {
            // The server does not stream: the whole reply is one chunk.
            let mut reply = Reply::whole(&request.model);
            let whole = match read(&mut response, WHOLE_MAX_BYTES).await {
                Ok(whole) => reply.take(&String::from_utf8_lossy(&whole)),
                Err(error) => Err(error),
            };
            match whole {
                Ok(pieces) => self.finish(pieces, reply, request_chars),
                Err(error) => self.ready.push_back(Err(self.endpoint.hide_key(error))),
            }
        } else if kind.starts_with("text/html") {
            self.ready.push_back(Err(ModelError::permanent(
                "the language model's address answers with a web page, not as an OpenAI-compatible \
                 endpoint",
            )));
        } else {
            let parser = SseParser::default();
            let reply = Reply::of(&request.model);
            let streaming = Streaming { response, parser, reply, request_chars };
            self.phase = Phase::Streaming(Box::new(streaming));
        }
    }

    /// Takes the next bytes of the stream.
    async fn listen(&mut self, mut streaming: Streaming) {
        let patience = if streaming.reply.is_finished() { COUNTS } else { IDLE };
        let (events, is_over) = match timeout(patience, streaming.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                let Ok(events) = streaming.parser.push(&bytes) else {
                    let error = ModelError::permanent("the model's reply has a line without end");
                    self.ready.push_back(Err(error));
                    return;
                };
                (events, false)
            }
            Ok(Ok(None)) => (streaming.parser.finish().into_iter().collect(), true),
            Ok(Err(_)) | Err(_) if streaming.reply.is_finished() => (Vec::new(), true),
            Ok(Err(_)) => {
                let error = ModelError::transient("the connection to the model broke off");
                self.ready.push_back(Err(error));
                return;
            }
            Err(_elapsed) => {
                self.ready.push_back(Err(ModelError::silent(IDLE)));
                return;
            }
        };
        for mut lines in events {
            // What stands before the end mark of the same event counts, too.
            let end = lines.iter().position(|line| line.trim() == "[DONE]");
            lines.truncate(end.unwrap_or(lines.len()));
            let whole = lines.join("\n");
            // Some servers forget the blank line between two events.
            let parts = if lines.len() > 1 && serde_json::from_str::<Value>(&whole).is_err() {
                lines
            } else {
                vec![whole]
            };
            for part in parts.iter().filter(|part| !part.trim().is_empty()) {
                match streaming.reply.take(part) {
                    Ok(pieces) => self.ready.extend(pieces.into_iter().map(Ok)),
                    Err(error) => {
                        self.ready.push_back(Err(self.endpoint.hide_key(error)));
                        return;
                    }
                }
            }
            if end.is_some() {
                self.finish(Vec::new(), streaming.reply, streaming.request_chars);
                return;
            }
        }
        if !is_over {
            self.phase = Phase::Streaming(Box::new(streaming));
        } else if streaming.reply.is_finished() {
            self.finish(Vec::new(), streaming.reply, streaming.request_chars);
        } else {
            self.ready.push_back(Err(ModelError::transient("the model's reply broke off")));
        }
    }

    fn finish(&mut self, pieces: Vec<ModelPiece>, reply: Reply, request_chars: usize) {
        let last = reply.finish(request_chars, |read, wrote| self.endpoint.usage(read, wrote));
        self.ready.extend(pieces.into_iter().chain(last).map(Ok));
    }
}

impl Endpoint {
    /// Sends the request, once more where the endpoint says that it speaks a little differently.
    async fn send(&self, request: &ModelRequest) -> Result<Response, ModelError> {
        loop {
            let dialect = *self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
            let sending = self
                .client
                .post(self.url.clone())
                .header(ACCEPT, "text/event-stream, application/json")
                .json(&request::body(request, dialect));
            let mut response = send(sending, self.api_key.as_ref()).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let headers = response.headers().clone();
            let body = read(&mut response, ERROR_MAX_BYTES).await.unwrap_or_default();
            let body = String::from_utf8_lossy(&body);
            if status.is_client_error()
                && let Some(learnt) = dialect.learn(&body)
            {
                *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = learnt;
                continue;
            }
            // A key that was cut would no longer be known.
            return Err(refusal(status, &headers, &self.without_key(&body), request.now));
        }
    }

    /// An error in the server's own words, without the key and no longer than a person reads.
    fn hide_key(&self, error: ModelError) -> ModelError {
        error.map(|message| shorten(&self.without_key(&message), SAID_MAX))
    }

    fn without_key(&self, text: &str) -> String {
        self.api_key.as_ref().map_or_else(|| text.to_owned(), |key| key.hide_in(text))
    }

    fn usage(&self, input_tokens: u64, output_tokens: u64) -> Usage {
        let cost = cost(input_tokens, output_tokens, self.input_price, self.output_price);
        Usage { input_tokens, output_tokens, cost }
    }
}

#[cfg(test)]
mod tests;
