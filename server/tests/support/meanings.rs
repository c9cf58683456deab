//! An OpenAI-compatible server that tells what texts mean: how much of each they speak of leave, of
//! travel and of tea.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Words of the same topic mean the same.
const TOPICS: [&[&str]; 3] =
    [&["leave", "vacation", "holiday"], &["train", "taxi", "journey"], &["tea", "beverage"]];

/// The server; it answers while it is not told to be ill.
pub(crate) struct Meanings {
    url: String,
    is_ill: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Meanings {
    pub(crate) async fn start() -> Self {
        let is_ill = Arc::new(AtomicBool::new(false));
        let router = Router::new().route("/v1/embeddings", post(answer)).with_state(is_ill.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let task = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, is_ill, task }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn be_ill(&self, is_ill: bool) {
        self.is_ill.store(is_ill, Ordering::SeqCst);
    }
}

impl Drop for Meanings {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(is_ill): State<Arc<AtomicBool>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if is_ill.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let asked: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(headers["authorization"], "Bearer sk-meanings");
    assert_eq!(asked["model"], "topics");
    let texts = asked["input"].as_array().unwrap();
    let data: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let text = text.as_str().unwrap().to_lowercase();
            let of = |topic: &[&str]| topic.iter().filter(|word| text.contains(**word)).count();
            let mut meaning: Vec<_> = TOPICS.iter().map(|topic| of(topic)).collect();
            // What speaks of nothing else has a direction of its own.
            meaning.push(usize::from(meaning.iter().all(|part| *part == 0)));
            json!({ "object": "embedding", "index": index, "embedding": meaning })
        })
        .collect();
    let answer = json!({ "object": "list", "model": "topics", "data": data }).to_string();
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}
