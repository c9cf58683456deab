//! What texts mean, as a model tells it: any endpoint that speaks OpenAI's embeddings.

use std::time::Duration;

use reqwest::Client;
use resonant_domain::money::MicroUsd;
use resonant_domain::session::Usage;
use serde_json::{Value, json};
use tokio::time::timeout;
use url::Url;

use super::{ModelSettingsError, Secret};
use crate::egress::Egress;
use crate::tokens::Counter;

/// The most texts of one request.
pub const TEXTS_MAX: usize = 64;
/// The longest text that is sent, in characters: what small models read.
const TEXT_CHARS: usize = 2_000;
/// How long one request may take. A local server may load its model first.
const PATIENCE: Duration = Duration::from_mins(1);
/// The most bytes of an answer.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most numbers of one meaning.
const NUMBERS_MAX: usize = 8_192;

/// Which model tells what texts mean.
#[derive(Debug, Clone)]
pub struct EmbeddingSettings {
    /// Where it is, with or without `/v1` and a slash at the end.
    pub base_url: Url,
    /// Its key; many local servers need none.
    pub api_key: Option<Secret>,
    /// Its name.
    pub model: String,
    /// Millionths of a dollar for a million tokens.
    pub price: u64,
}

/// What texts mean, in their order, and what it took to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Meanings {
    /// One for each text.
    pub meanings: Vec<Vec<f32>>,
    /// What the endpoint says that it took; where it says nothing, what it took at most.
    pub usage: Usage,
}

/// Why there is no answer. The text names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the embedding model {reason}")]
pub struct EmbeddingError {
    reason: String,
    /// What it took all the same. A refusal costs nothing; a model that was sent the texts and did not answer may
    /// well have read them.
    pub used: Usage,
}

impl EmbeddingError {
    fn new(reason: impl Into<String>, used: Usage) -> Self {
        Self { reason: reason.into(), used }
    }
}

/// A model that tells what texts mean.
#[derive(Debug, Clone)]
pub struct Embedder {
    client: Client,
    url: Url,
    api_key: Option<Secret>,
    model: String,
    price: u64,
}

impl Embedder {
    /// The model of these settings.
    ///
    /// # Errors
    /// [`ModelSettingsError`] when the address or the model's name cannot be used.
    pub fn new(settings: &EmbeddingSettings) -> Result<Self, ModelSettingsError> {
        if settings.model.trim().is_empty() {
            return Err(ModelSettingsError::Name);
        }
        let mut url = super::openai::endpoint(&settings.base_url)?;
        let path = url.path().trim_end_matches("/chat/completions").to_owned();
        url.set_path(&format!("{path}/embeddings"));
        let (api_key, model) = (settings.api_key.clone(), settings.model.trim().to_owned());
        Ok(Self { client: Egress::operator()?, url, api_key, model, price: settings.price })
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What it takes at most to tell what these texts mean.
    #[must_use]
    pub fn most(&self, texts: &[String]) -> Usage {
        let counter = Counter::of(&self.model);
        self.usage(texts.iter().map(|text| counter.text(&sent(text))).sum())
    }

    fn usage(&self, tokens: u64) -> Usage {
        let cost = (u128::from(tokens) * u128::from(self.price)).div_ceil(1_000_000);
        let cost = MicroUsd(i64::try_from(cost).unwrap_or(i64::MAX));
        Usage { input_tokens: tokens, output_tokens: 0, cost }
    }

    /// What each of these texts means, in their order. At most [`TEXTS_MAX`] of them.
    ///
    /// # Errors
    /// [`EmbeddingError`] when the model does not answer as it should.
    pub async fn embed(&self, texts: &[String]) -> Result<Meanings, EmbeddingError> {
        let most = self.most(texts);
        let silent = |_elapsed| EmbeddingError::new("gives no answer", most);
        let answer = timeout(PATIENCE, self.ask(texts, most)).await.map_err(silent)??;
        let usage = tokens(&answer).map_or(most, |tokens| self.usage(tokens));
        let meanings = read(&answer, texts.len());
        let meanings = meanings.map_err(|reason| EmbeddingError::new(reason, usage))?;
        Ok(Meanings { meanings, usage })
    }

    /// The answer of the endpoint, which takes so much at most.
    async fn ask(&self, texts: &[String], most: Usage) -> Result<Value, EmbeddingError> {
        let input: Vec<String> = texts.iter().map(|text| sent(text)).collect();
        let body = json!({ "model": self.model, "input": input, "encoding_format": "float" });
        let mut request = self.client.post(self.url.clone()).json(&body);
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key.expose());
        }
        let mut response = request.send().await.map_err(|error| {
            if error.is_connect() {
                EmbeddingError::new("cannot be reached", Usage::default())
            } else {
                EmbeddingError::new("broke off", most)
            }
        })?;
        let status = response.status();
        if !status.is_success() {
            let reason = format!("answers {}", status.as_u16());
            return Err(EmbeddingError::new(reason, Usage::default()));
        }
        let mut bytes = Vec::new();
        let broken = |_| EmbeddingError::new("broke off", most);
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > ANSWER_MAX_BYTES {
                return Err(EmbeddingError::new("says too much", most));
            }
        }
        serde_json::from_slice(&bytes)
            .map_err(|_| EmbeddingError::new("does not answer in JSON", most))
    }
}

/// What is sent of a text.
fn sent(text: &str) -> String {
    text.chars().take(TEXT_CHARS).collect()
}

/// The tokens that an answer says it took, where it says so.
fn tokens(answer: &Value) -> Option<u64> {
    let usage = &answer["usage"];
    usage["prompt_tokens"].as_u64().or_else(|| usage["total_tokens"].as_u64())
}

/// The meanings in an answer, by their index, or what is wrong with it.
fn read(answer: &Value, count: usize) -> Result<Vec<Vec<f32>>, &'static str> {
    const WRONG: &str = "does not answer with a list of numbers for each text";
    let data = answer["data"].as_array().filter(|data| data.len() == count).ok_or(WRONG)?;
    let mut meanings = vec![Vec::new(); count];
    for (place, item) in data.iter().enumerate() {
        let index = item["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let numbers = item["embedding"].as_array().ok_or(WRONG)?;
        if numbers.is_empty() || numbers.len() > NUMBERS_MAX {
            return Err(WRONG);
        }
        #[expect(clippy::cast_possible_truncation, reason = "single precision is what is kept")]
        let meaning: Option<Vec<f32>> =
            numbers.iter().map(|number| number.as_f64().map(|number| number as f32)).collect();
        let meaning = meaning.filter(|all| all.iter().all(|number| number.is_finite()));
        *meanings.get_mut(index.unwrap_or(place)).ok_or(WRONG)? = meaning.ok_or(WRONG)?;
    }
    if meanings.iter().any(Vec::is_empty) {
        return Err(WRONG);
    }
    Ok(meanings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_come_back_in_the_order_of_their_texts() {
        let answer = json!({ "data": [
            { "index": 1, "embedding": [3, 4.5] },
            { "index": 0, "embedding": [1, 2] },
        ] });
        assert_eq!(read(&answer, 2).unwrap(), [vec![1.0, 2.0], vec![3.0, 4.5]]);
        let unnumbered = json!({ "data": [{ "embedding": [1] }, { "embedding": [2] }] });
        assert_eq!(read(&unnumbered, 2).unwrap(), [vec![1.0], vec![2.0]]);
    }

    #[test]
    fn what_it_takes_is_told_or_reckoned() {
        let settings = EmbeddingSettings {
            base_url: "http://a.b".parse().unwrap(),
            api_key: None,
            model: "small".to_owned(),
            price: 20_000,
        };
        let embedder = Embedder::new(&settings).unwrap();
        let usage =
            |tokens, cost| Usage { input_tokens: tokens, output_tokens: 0, cost: MicroUsd(cost) };
        assert_eq!(embedder.usage(100), usage(100, 2));
        assert_eq!(embedder.usage(1), usage(1, 1), "nothing is not what it costs");
        assert_eq!(embedder.most(&["a".repeat(9_000)]), embedder.most(&["a".repeat(2_000)]));
        assert!(embedder.most(&["How many days?".to_owned()]).input_tokens > 2);
        for (answer, told) in [
            (json!({ "usage": { "prompt_tokens": 3, "total_tokens": 4 } }), Some(3)),
            (json!({ "usage": { "total_tokens": 4 } }), Some(4)),
            (json!({ "usage": { "prompt_tokens": -1 } }), None),
            (json!({}), None),
        ] {
            assert_eq!(tokens(&answer), told, "{answer}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in [
            json!({}),
            json!({ "data": [] }),
            json!({ "data": [{ "index": 0, "embedding": [] }] }),
            json!({ "data": [{ "index": 0, "embedding": ["x"] }] }),
            json!({ "data": [{ "index": 7, "embedding": [1] }] }),
            json!({ "data": [{ "index": 0, "embedding": [1e300] }] }),
            json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 0, "embedding": [1] }] }),
        ] {
            let count = answer["data"].as_array().map_or(1, |data| data.len().max(1));
            assert!(read(&answer, count).is_err(), "{answer}");
        }
    }

    #[test]
    fn the_address_is_that_of_the_models() {
        for (base, url) in [
            ("http://a.b/v1", "http://a.b/v1/embeddings"),
            ("http://a.b", "http://a.b/v1/embeddings"),
            ("http://a.b/openai/v2/", "http://a.b/openai/v2/embeddings"),
        ] {
            let model = "small".to_owned();
            let base_url = base.parse().unwrap();
            let settings = EmbeddingSettings { base_url, api_key: None, model, price: 0 };
            assert_eq!(Embedder::new(&settings).unwrap().url.as_str(), url);
        }
    }
}
