//! What a text weighs with the model that a policy asks for.

use resonant_domain::agent::ModelPolicy;
use resonant_domain::draft_weight::DraftWeight;
use resonant_domain::money::MicroUsd;
use resonant_domain::session::Usage;

use super::Models;
use crate::tokens::Counter;

impl Models {
    /// The tokens of a prompt with the model of the policy.
    ///
    /// # Errors
    /// A sentence for a person, when this installation has no such model.
    pub fn weigh(&self, policy: &ModelPolicy, prompt: &str) -> Result<DraftWeight, String> {
        let chosen = self.choose(policy)?;
        let counter = Counter::of(&chosen.name);
        Ok(DraftWeight {
            model: format!("{chosen:?}"),
            tokens: counter.text(prompt),
            counted_by: counter.name().to_owned(),
            window: chosen.facts.map(|facts| facts.window),
            past: None,
        })
    }

    /// What so many tokens cost with the model of the policy. `None`: it costs nothing, or is not
    /// there.
    #[must_use]
    pub fn price(&self, policy: &ModelPolicy, usage: Usage) -> Option<MicroUsd> {
        let cost = self.choose(policy).ok()?.facts?.priced(usage).cost;
        (cost.0 > 0).then_some(cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{ModelSettings, OpenAiSettings};

    #[test]
    fn a_prompt_is_counted_by_the_model_s_own_vocabulary_and_priced() {
        let settings = ModelSettings {
            openai: Some(OpenAiSettings {
                base_url: "http://localhost:1".parse().unwrap(),
                api_key: None,
                model: "gpt-4o".to_owned(),
                input_price: 2_000_000,
                output_price: 8_000_000,
            }),
            ..ModelSettings::default()
        };
        let models = Models::new(&settings).unwrap();
        let weight = models.weigh(&ModelPolicy::Auto, "hello world").unwrap();
        assert_eq!((weight.tokens, weight.counted_by.as_str()), (2, "o200k_base"));
        assert_eq!(weight.window, Some(128_000));
        let usage = Usage { input_tokens: 1_000, output_tokens: 500, ..Usage::default() };
        assert_eq!(models.price(&ModelPolicy::Auto, usage), Some(MicroUsd(6_000)));
        assert_eq!(models.price(&ModelPolicy::Builtin, usage), None);
        let planner = models.weigh(&ModelPolicy::Builtin, "hello world").unwrap();
        assert_eq!((planner.tokens, planner.window), (4, None));
    }
}
