//! The models that answer, behind one trait.

pub mod builtin;
mod model;
mod openai;
mod secret;

use std::fmt;
use std::sync::Arc;

use resonant_domain::agent::ModelPolicy;
use url::Url;

use crate::egress::{Egress, EgressError};

pub use model::{
    CallRequest, FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest, ReplyStream,
    request_chars,
};
pub use openai::OpenAi;
pub use secret::Secret;

/// The models that an installation has.
#[derive(Debug, Clone, Default)]
pub struct ModelSettings {
    /// The language model; without one the built-in planner answers.
    pub openai: Option<OpenAiSettings>,
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

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelSettingsError {
    /// The endpoint's address.
    #[error("the language model's address must begin with http:// or https:// and name a host")]
    Address,
    /// The model's name.
    #[error("the language model's name is empty")]
    Name,
    /// The HTTP client.
    #[error("the client for the language model cannot be built")]
    Client(#[from] EgressError),
}

/// A model that was chosen for a session.
#[derive(Clone)]
pub struct Chosen {
    /// Who answers.
    pub model: Arc<dyn Model>,
    /// The model's name as the provider knows it.
    pub name: String,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.model.provider(), self.name)
    }
}

/// The models to choose from. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    builtin: Chosen,
    language: Option<Chosen>,
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models")
            .field("builtin", &self.builtin)
            .field("language", &self.language)
            .finish()
    }
}

impl Models {
    /// The models of an installation.
    ///
    /// # Errors
    /// [`ModelSettingsError`] when the settings cannot be used.
    pub fn new(settings: &ModelSettings) -> Result<Self, ModelSettingsError> {
        let language = match &settings.openai {
            Some(settings) => Some(Chosen {
                model: Arc::new(OpenAi::new(settings, Egress::operator()?)?),
                name: settings.model.trim().to_owned(),
            }),
            None => None,
        };
        Ok(Self { builtin: builtin(), language })
    }

    /// The built-in planner and this language model, for tests that bring their own.
    pub fn with_language_model(model: Arc<dyn Model>, name: impl Into<String>) -> Self {
        Self { builtin: builtin(), language: Some(Chosen { model, name: name.into() }) }
    }

    /// The model that the policy asks for.
    ///
    /// # Errors
    /// A sentence for a person, when this installation has no such model.
    pub fn choose(&self, policy: &ModelPolicy) -> Result<Chosen, String> {
        match policy {
            ModelPolicy::Builtin => Ok(self.builtin.clone()),
            ModelPolicy::Auto => Ok(self.language.as_ref().unwrap_or(&self.builtin).clone()),
            ModelPolicy::Named { model } => match &self.language {
                Some(chosen) => Ok(Chosen { model: chosen.model.clone(), name: model.clone() }),
                None => Err(format!(
                    "the agent asks for the model “{model}”, but this installation has no language \
                     model configured; choose the built-in planner or configure one"
                )),
            },
        }
    }

    /// The name of the configured language model. `None`: there is only the built-in planner.
    #[must_use]
    pub fn language_model(&self) -> Option<&str> {
        self.language.as_ref().map(|chosen| chosen.name.as_str())
    }
}

fn builtin() -> Chosen {
    Chosen { model: Arc::new(builtin::Planner), name: builtin::NAME.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ModelSettings {
        ModelSettings {
            openai: Some(OpenAiSettings {
                base_url: "http://localhost:11434".parse().unwrap(),
                api_key: Some(Secret::new("key")),
                model: "small".to_owned(),
                input_price: 0,
                output_price: 0,
            }),
        }
    }

    #[test]
    fn the_policy_chooses() {
        let offline = Models::new(&ModelSettings::default()).unwrap();
        let online = Models::new(&settings()).unwrap();
        let named = ModelPolicy::Named { model: "large".to_owned() };
        for (models, policy, expected) in [
            (&offline, &ModelPolicy::Auto, Ok("builtin:planner-1")),
            (&offline, &ModelPolicy::Builtin, Ok("builtin:planner-1")),
            (&offline, &named, Err("no language model configured")),
            (&online, &ModelPolicy::Auto, Ok("openai:small")),
            (&online, &ModelPolicy::Builtin, Ok("builtin:planner-1")),
            (&online, &named, Ok("openai:large")),
        ] {
            match (models.choose(policy), expected) {
                (Ok(chosen), Ok(name)) => assert_eq!(format!("{chosen:?}"), name),
                (Err(sentence), Err(part)) => assert!(sentence.contains(part), "{sentence}"),
                (found, _) => panic!("{policy:?}: {found:?}"),
            }
        }
        assert_eq!(offline.language_model(), None);
        assert_eq!(online.language_model(), Some("small"));
        assert!(!format!("{:?}", settings()).contains("key\""));
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        let mut settings = settings();
        if let Some(openai) = &mut settings.openai {
            openai.base_url = "mailto:me@example.org".parse().unwrap();
        }
        assert!(matches!(Models::new(&settings), Err(ModelSettingsError::Address)));
    }
}
