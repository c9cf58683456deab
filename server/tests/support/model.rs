//! An OpenAI-compatible server that takes its time.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures::{StreamExt as _, stream};
use serde_json::json;
use tokio::net::TcpListener;

/// Answers each request with numbered words, one piece at a time.
pub(crate) struct SlowModel {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl SlowModel {
    pub(crate) async fn start(words: usize, pause: Duration) -> Self {
        let answer = move || async move { answer(words, pause) };
        let router = Router::new().route("/v1/chat/completions", post(answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let task = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, task }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The whole answer.
    pub(crate) fn text(words: usize) -> String {
        let words: Vec<_> = (1..=words).map(|number| format!("word{number} ")).collect();
        words.concat()
    }
}

impl Drop for SlowModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(words: usize, pause: Duration) -> Response {
    let chunk = |delta: serde_json::Value, finish: Option<&str>| {
        let chunk = json!({
            "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        });
        Ok::<_, Infallible>(Bytes::from(format!("data: {chunk}\n\n")))
    };
    let pieces = stream::iter(1..=words).then(move |number| async move {
        tokio::time::sleep(pause).await;
        chunk(json!({ "content": format!("word{number} ") }), None)
    });
    let last =
        stream::iter([chunk(json!({}), Some("stop")), Ok(Bytes::from_static(b"data: [DONE]\n\n"))]);
    ([("content-type", "text/event-stream")], Body::from_stream(pieces.chain(last))).into_response()
}
