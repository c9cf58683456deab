//! The models that answer, behind one trait.

mod breaker;
pub mod builtin;
mod embeddings;
mod exchange;
mod foreign;
mod known;
mod model;
mod ollama;
mod openai;
mod policy;
mod prices;
pub(crate) mod provider_data;
mod refusal;
mod secret;
mod settings;
mod unsent;
mod watch;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use resonant_domain::agent::ModelPolicy;
use resonant_domain::model::{ModelChoice, ModelTier};

use self::breaker::Breakers;
use crate::egress::Egress;

pub use embeddings::{Embedder, EmbeddingError, EmbeddingSettings, Meanings, TEXTS_MAX};
pub use foreign::Foreign;
pub use model::{
    CallRequest, FinishReason, Material, Message, Model, ModelError, ModelPiece, ModelRequest,
    ReplyStream, request_chars,
};
pub use ollama::Ollama;
pub use openai::OpenAi;
pub(crate) use policy::{Failed, Situation, Who};
pub use secret::Secret;
pub use settings::{
    DEFAULT_WINDOW, ModelFacts, ModelName, ModelSettings, ModelSettingsError, OpenAiSettings,
    Provider, ProviderSettings,
};
pub use watch::ModelWatch;

/// A model that was chosen for a session.
#[derive(Clone)]
pub struct Chosen {
    /// Who answers.
    pub model: Arc<dyn Model>,
    /// The model's name as the provider knows it.
    pub name: String,
    /// Its prices and its window. `None`: the model tells its costs itself, and takes any length.
    pub facts: Option<ModelFacts>,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.model.provider(), self.name)
    }
}

impl Chosen {
    /// Its provider and its name.
    pub(crate) fn who(&self) -> (&str, &str) {
        (self.model.provider(), self.name.as_str())
    }
}

/// The models to choose from. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    builtin: Chosen,
    language: Option<Chosen>,
    providers: BTreeMap<&'static str, Arc<dyn Model>>,
    tiers: Option<Arc<[Vec<Chosen>; 3]>>,
    facts: Arc<BTreeMap<ModelName, ModelFacts>>,
    /// What the models of the OpenAI-compatible endpoint cost of which nothing else is said, read and written.
    endpoint_prices: Option<(u64, u64)>,
    breakers: Arc<Breakers>,
    watch: Option<Arc<dyn ModelWatch>>,
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models")
            .field("builtin", &self.builtin)
            .field("language", &self.language)
            .field("tiers", &self.tiers)
            .finish_non_exhaustive()
    }
}

impl Models {
    /// The models of an installation.
    ///
    /// # Errors
    /// [`ModelSettingsError`] when the settings cannot be used.
    pub fn new(settings: &ModelSettings) -> Result<Self, ModelSettingsError> {
        let mut providers: BTreeMap<&'static str, Arc<dyn Model>> = BTreeMap::new();
        let mut facts = settings.facts.clone();
        if let Some(openai) = &settings.openai {
            providers.insert("openai", Arc::new(OpenAi::new(openai, Egress::operator()?)?));
            let name = ModelName { provider: "openai", model: openai.model.trim().to_owned() };
            let known = ModelFacts::of(&name);
            facts.entry(name).or_insert(ModelFacts {
                input_price: openai.input_price,
                output_price: openai.output_price,
                ..known
            });
        }
        for (provider, settings) in &settings.others {
            providers.insert(provider.as_str(), speaker(*provider, settings)?);
        }
        let mut models = Self {
            builtin: builtin(),
            language: None,
            providers,
            tiers: None,
            facts: Arc::new(facts),
            endpoint_prices: settings.openai.as_ref().map(|it| (it.input_price, it.output_price)),
            breakers: Arc::default(),
            watch: None,
        };
        let named = settings
            .openai
            .as_ref()
            .map(|openai| ModelName { provider: "openai", model: openai.model.trim().to_owned() });
        models.language = named.and_then(|name| models.find(name.provider, &name.model));
        models.tiers = models.tiers_of(&settings.tiers)?;
        if models.language.is_none() {
            let moderate = models.tiers.as_ref().map(|tiers| &tiers[ModelTier::Moderate as usize]);
            models.language = moderate.and_then(|tier| tier.first().cloned());
        }
        Ok(models)
    }

    /// The tiers; one without models of its own takes those of the nearest that has some.
    fn tiers_of(
        &self,
        named: &[Vec<ModelName>; 3],
    ) -> Result<Option<Arc<[Vec<Chosen>; 3]>>, ModelSettingsError> {
        let mut tiers: [Vec<Chosen>; 3] = Default::default();
        for (tier, names) in tiers.iter_mut().zip(named) {
            for name in names {
                let chosen = self.find(name.provider, &name.model);
                tier.push(chosen.ok_or_else(|| ModelSettingsError::Unconfigured(name.clone()))?);
            }
        }
        if tiers.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        for index in [1, 0, 2] {
            if tiers[index].is_empty() {
                let nearest = [1, 0, 2].into_iter().find(|other| !tiers[*other].is_empty());
                tiers[index] = match (&self.language, nearest) {
                    (Some(language), _) => vec![language.clone()],
                    (None, Some(nearest)) => tiers[nearest].clone(),
                    (None, None) => Vec::new(),
                };
            }
        }
        Ok(Some(Arc::new(tiers)))
    }

    /// The built-in planner and this language model, for tests that bring their own.
    pub fn with_language_model(model: Arc<dyn Model>, name: impl Into<String>) -> Self {
        let chosen = Chosen { model: model.clone(), name: name.into(), facts: None };
        Self {
            builtin: builtin(),
            providers: [(model.provider(), model)].into(),
            language: Some(chosen),
            tiers: None,
            facts: Arc::default(),
            endpoint_prices: None,
            breakers: Arc::default(),
            watch: None,
        }
    }

    /// The built-in planner and these tiers, for tests that bring their own.
    #[must_use]
    pub fn with_tiers(tiers: [Vec<Chosen>; 3]) -> Self {
        let all = tiers.iter().flatten();
        let providers = all.map(|chosen| (chosen.model.provider(), chosen.model.clone())).collect();
        let facts = tiers.iter().flatten().filter_map(|chosen| {
            let (provider, model) = (chosen.model.provider(), chosen.name.clone());
            Some((ModelName { provider, model }, chosen.facts?))
        });
        Self {
            builtin: builtin(),
            language: tiers[ModelTier::Moderate as usize].first().cloned(),
            providers,
            facts: Arc::new(facts.collect()),
            endpoint_prices: None,
            tiers: Some(Arc::new(tiers)),
            breakers: Arc::default(),
            watch: None,
        }
    }

    /// The same, and someone who hears how they do.
    #[must_use]
    pub fn watched_by(self, watch: Arc<dyn ModelWatch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The model that the policy asks for where there are no tiers.
    ///
    /// # Errors
    /// A sentence for a person, when this installation has no such model.
    pub fn choose(&self, policy: &ModelPolicy) -> Result<Chosen, String> {
        match policy {
            ModelPolicy::Builtin => Ok(self.builtin.clone()),
            ModelPolicy::Auto => Ok(self.language.as_ref().unwrap_or(&self.builtin).clone()),
            ModelPolicy::Named { model } => {
                let Ok(name) = model.parse::<ModelName>();
                let found = self.find(name.provider, &name.model);
                // A test's provider may have a name of its own.
                let language = self.language.as_ref().filter(|_| name.model == *model);
                let other = || {
                    let provider = language?.model.provider();
                    self.find(provider, model)
                };
                found.or_else(other).ok_or_else(|| {
                    format!(
                        "the agent asks for the model “{model}”, but this installation has no \
                         language model configured for it; choose the built-in planner or configure \
                         one"
                    )
                })
            }
        }
    }

    /// The model of a choice that was written down; what was configured then may be gone.
    pub(crate) fn chosen(&self, choice: &ModelChoice) -> Option<Chosen> {
        if choice.provider == self.builtin.model.provider() {
            return Some(self.builtin.clone());
        }
        self.find(&choice.provider, &choice.model)
    }

    fn find(&self, provider: &str, name: &str) -> Option<Chosen> {
        let (provider, model) = self.providers.get_key_value(provider)?;
        let language = self.language.as_ref();
        if let Some(language) = language.filter(|it| it.model.provider() == *provider)
            && language.name == name
        {
            return Some(language.clone());
        }
        let key = ModelName { provider, model: name.to_owned() };
        let facts = self.facts.get(&key).copied().unwrap_or_else(|| self.presumed(&key));
        let facts = Some(facts);
        Some(Chosen { model: model.clone(), name: name.to_owned(), facts })
    }

    /// What is taken for known of a model that no setting names. It costs what its endpoint's does, or its
    /// provider's list says, rather than nothing: whoever names another one is bounded by budgets all the same.
    fn presumed(&self, name: &ModelName) -> ModelFacts {
        let known = ModelFacts::of(name);
        let of_endpoint = self.endpoint_prices.filter(|_| name.provider == "openai");
        let listed = || prices::listed(name.provider, &name.model);
        let prices = of_endpoint.or_else(listed).or_else(|| prices::presumed(name.provider));
        match prices {
            Some((input_price, output_price)) => ModelFacts { input_price, output_price, ..known },
            None => known,
        }
    }

    /// What a model is counted at, read and written, where its price is unknown: it costs something, and neither
    /// a setting nor a list says how much.
    fn guessed_price(&self, chosen: &Chosen) -> Option<(u64, u64)> {
        let (provider, model) = chosen.who();
        let is_set = |name: &ModelName| name.provider == provider && name.model == model;
        if chosen.facts.is_none()
            || self.facts.keys().any(is_set)
            || prices::listed(provider, model).is_some()
        {
            return None;
        }
        prices::presumed(provider)
    }

    /// The models whose price nobody has told, as `provider:model`: those that the installation names, or those
    /// that answer for an agent of this policy.
    #[must_use]
    pub fn presumed_prices(&self, policy: Option<&ModelPolicy>) -> Vec<String> {
        let named = policy.filter(|policy| !matches!(policy, ModelPolicy::Auto));
        let tiers = self.tiers().into_iter().flatten().flatten();
        let all: Vec<Chosen> = match named {
            Some(policy) => self.choose(policy).into_iter().collect(),
            None => self.language.iter().chain(tiers).cloned().collect(),
        };
        let presumed = all.iter().filter(|chosen| self.guessed_price(chosen).is_some());
        let once: BTreeSet<String> = presumed.map(|chosen| format!("{chosen:?}")).collect();
        once.into_iter().collect()
    }

    /// Whether cheaper models can answer for an agent of this policy.
    #[must_use]
    pub fn has_cheaper(&self, policy: &ModelPolicy) -> bool {
        matches!(policy, ModelPolicy::Auto) && self.tiers().is_some()
    }

    fn tiers(&self) -> Option<&[Vec<Chosen>; 3]> {
        self.tiers.as_deref()
    }

    /// Takes note that a model gave a whole reply.
    pub(crate) fn answered(&self, chosen: &Chosen, took: Duration) {
        self.breakers.answered(chosen.model.provider());
        if let Some(watch) = &self.watch {
            watch.replied(&format!("{chosen:?}"), took);
        }
    }

    /// Takes note that a model failed; where that says something of its provider, it may have to rest.
    pub(crate) fn failed(&self, chosen: &Chosen, fault: &ModelError) {
        if fault.is_of_provider() {
            self.breakers.failed(chosen.model.provider());
        }
        if let Some(watch) = &self.watch {
            watch.failed(&format!("{chosen:?}"));
        }
    }

    /// The configured providers, and whether each is not asked for a while.
    pub fn providers(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.providers.keys().map(|name| (*name, self.is_resting(name)))
    }

    fn is_resting(&self, provider: &str) -> bool {
        self.breakers.is_resting(provider)
    }

    /// Whether a model may be asked now, as far as it is known how its provider does. Of those who would ask one
    /// whose rest is over, one is told so.
    pub(crate) fn admits(&self, chosen: &Chosen) -> bool {
        self.breakers.admits(chosen.model.provider())
    }

    /// The name of the configured language model. `None`: there is only the built-in planner.
    #[must_use]
    pub fn language_model(&self) -> Option<&str> {
        self.language.as_ref().map(|chosen| chosen.name.as_str())
    }
}

/// Who speaks a provider's protocol.
fn speaker(
    provider: Provider,
    settings: &ProviderSettings,
) -> Result<Arc<dyn Model>, ModelSettingsError> {
    let client = Egress::operator()?;
    let model: Arc<dyn Model> = match provider {
        Provider::Anthropic => Arc::new(Foreign::anthropic(settings, client)?),
        Provider::Gemini => Arc::new(Foreign::gemini(settings, client)?),
        Provider::Ollama => Arc::new(Ollama::new(settings, client)?),
    };
    Ok(model)
}

fn builtin() -> Chosen {
    Chosen { model: Arc::new(builtin::Planner), name: builtin::NAME.to_owned(), facts: None }
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
            ..ModelSettings::default()
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
    fn a_model_of_which_nothing_is_said_costs_what_its_endpoint_does() {
        let mut settings = settings();
        if let Some(openai) = &mut settings.openai {
            (openai.input_price, openai.output_price) = (150_000, 600_000);
        }
        let free = ModelName { provider: "openai", model: "free".to_owned() };
        settings.facts.insert(free, ModelFacts::default());
        settings.others.insert(Provider::Ollama, ProviderSettings::default());
        let models = Models::new(&settings).unwrap();
        for (model, prices) in [
            ("small", (150_000, 600_000)),
            ("gpt-4", (150_000, 600_000)),
            ("free", (0, 0)),
            ("ollama:llama3", (0, 0)),
        ] {
            let named = ModelPolicy::Named { model: model.to_owned() };
            let facts = models.choose(&named).unwrap().facts.unwrap();
            assert_eq!((facts.input_price, facts.output_price), prices, "{model}");
        }
        let named = ModelPolicy::Named { model: "gpt-4".to_owned() };
        assert_eq!(models.choose(&named).unwrap().facts.unwrap().window, 8_192);
    }

    #[test]
    fn a_model_whose_price_nobody_tells_is_not_free_and_says_so() {
        let mut settings = ModelSettings::default();
        for provider in Provider::ALL {
            settings.others.insert(provider, ProviderSettings::default());
        }
        let set = ModelName { provider: "anthropic", model: "claude-haiku-4-5".to_owned() };
        let facts = ModelFacts { input_price: 7, output_price: 9, ..ModelFacts::of(&set) };
        settings.facts.insert(set, facts);
        let models = Models::new(&settings).unwrap();
        for (model, prices, guessed) in [
            ("anthropic:claude-haiku-4-5", (7, 9), false),
            ("anthropic:claude-sonnet-4-5", (3_000_000, 15_000_000), false),
            ("anthropic:claude-next-9", (15_000_000, 75_000_000), true),
            ("gemini:gemini-2.5-pro", (2_500_000, 15_000_000), false),
            ("gemini:gemini-next", (4_000_000, 18_000_000), true),
            ("ollama:llama3", (0, 0), false),
        ] {
            let named = ModelPolicy::Named { model: model.to_owned() };
            let chosen = models.choose(&named).unwrap();
            let facts = chosen.facts.unwrap();
            assert_eq!((facts.input_price, facts.output_price), prices, "{model}");
            assert_eq!(models.guessed_price(&chosen), guessed.then_some(prices), "{model}");
            let presumed = models.presumed_prices(Some(&named));
            let expected: &[&str] = if guessed { &[model] } else { &[] };
            assert_eq!(presumed, expected, "{model}");
        }
        assert_eq!(models.presumed_prices(None), [""; 0]);
        let name = |model: &str| ModelName { provider: "anthropic", model: model.to_owned() };
        let tier = || vec![name("claude-next-9"), name("claude-sonnet-4-5")];
        settings.tiers = [tier(), tier(), tier()];
        let models = Models::new(&settings).unwrap();
        for policy in [None, Some(&ModelPolicy::Auto)] {
            assert_eq!(models.presumed_prices(policy), ["anthropic:claude-next-9"]);
        }
        assert_eq!(models.presumed_prices(Some(&ModelPolicy::Builtin)), [""; 0]);
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
