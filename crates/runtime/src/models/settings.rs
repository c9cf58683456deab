//! What an operator says of the models.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use resonant_domain::session::Usage;
use resonant_domain::session_event::cost;
use url::Url;

use super::known::known;
use super::{EmbeddingSettings, Secret};
use crate::egress::EgressError;

/// The tokens that a model takes, question and answer together, where nothing is configured and its name
/// says nothing.
pub const DEFAULT_WINDOW: u64 = 32_768;

/// The models that an installation has.
#[derive(Debug, Clone, Default)]
pub struct ModelSettings {
    /// The language model; without one the built-in planner answers.
    pub openai: Option<OpenAiSettings>,
    /// Providers with a protocol of their own.
    pub others: BTreeMap<Provider, ProviderSettings>,
    /// The models for simple, moderate and complex steps, each list in the order in which they are
    /// asked. All empty: one model answers everything.
    pub tiers: [Vec<ModelName>; 3],
    /// What is known of single models.
    pub facts: BTreeMap<ModelName, ModelFacts>,
    /// The model that tells what passages of documents mean, where they are looked up by that too.
    pub embeddings: Option<EmbeddingSettings>,
}

/// An OpenAI-compatible endpoint.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// Where it is, with or without `/v1` and a slash at the end.
    pub base_url: Url,
    /// Its key; many local servers need none.
    pub api_key: Option<Secret>,
    /// The model that answers where an agent names none.
    pub model: String,
    /// Millionths of a dollar per million tokens read.
    pub input_price: u64,
    /// Millionths of a dollar per million tokens written.
    pub output_price: u64,
}

/// A provider with a protocol of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// A local Ollama.
    Ollama,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::Anthropic, Self::Gemini, Self::Ollama];

    /// The provider's name, as events and settings show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }
}

/// How a provider is reached.
#[derive(Debug, Clone, Default)]
pub struct ProviderSettings {
    /// Where it is; the provider's own address where absent.
    pub base_url: Option<Url>,
    /// Its key.
    pub api_key: Option<Secret>,
}

/// A model of a provider: `anthropic:claude-haiku-4-5`, or of the OpenAI-compatible endpoint where no
/// provider is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName {
    /// The provider's name.
    pub provider: &'static str,
    /// The model's name as the provider knows it.
    pub model: String,
}

impl FromStr for ModelName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = ["openai"].into_iter().chain(Provider::ALL.map(Provider::as_str));
        let named = text.split_once(':').and_then(|(prefix, model)| {
            Some((known.into_iter().find(|name| *name == prefix.trim())?, model))
        });
        let (provider, model) = named.unwrap_or(("openai", text));
        Ok(Self { provider, model: model.trim().to_owned() })
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.model)
    }
}

/// What is known of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFacts {
    /// Millionths of a dollar per million tokens read.
    pub input_price: u64,
    /// Millionths of a dollar per million tokens written.
    pub output_price: u64,
    /// The tokens that it takes, question and answer together.
    pub window: u64,
    /// The most tokens of one reply. `None`: what the window leaves.
    pub reply: Option<u64>,
}

impl Default for ModelFacts {
    fn default() -> Self {
        Self { input_price: 0, output_price: 0, window: DEFAULT_WINDOW, reply: None }
    }
}

impl ModelFacts {
    /// What the name alone says: the window and the longest reply, and no prices.
    #[must_use]
    pub fn of(name: &ModelName) -> Self {
        let (window, reply) = known(name.provider, &name.model);
        Self { window, reply, ..Self::default() }
    }

    /// What so many tokens cost.
    #[must_use]
    pub fn priced(self, usage: Usage) -> Usage {
        let (read, wrote) = (usage.input_tokens, usage.output_tokens);
        Usage { cost: cost(read, wrote, self.input_price, self.output_price), ..usage }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelSettingsError {
    /// An endpoint's address.
    #[error("the language model's address must begin with http:// or https:// and name a host")]
    Address,
    /// The model's name.
    #[error("the language model's name is empty")]
    Name,
    /// A tier names a model of a provider that is not configured.
    #[error("{0} is named, but its provider is not configured")]
    Unconfigured(ModelName),
    /// The HTTP client.
    #[error("the client for the language model cannot be built")]
    Client(#[from] EgressError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_with_or_without_its_provider() {
        for (text, provider, model) in [
            ("small", "openai", "small"),
            ("llama3:8b", "openai", "llama3:8b"),
            ("ollama:llama3:8b", "ollama", "llama3:8b"),
            ("anthropic:claude-haiku-4-5", "anthropic", "claude-haiku-4-5"),
            ("openai: gpt-4o", "openai", "gpt-4o"),
        ] {
            let name: ModelName = text.parse().unwrap();
            assert_eq!((name.provider, name.model.as_str()), (provider, model));
        }
    }
}
