use super::*;
use crate::models::{ModelSettings, Provider, ProviderSettings};

fn situation(goal: &str) -> Situation<'_> {
    Situation {
        policy: &ModelPolicy::Auto,
        goal,
        context_chars: 0,
        tools: 0,
        steps: 0,
        failed_calls: 0,
        current: None,
        is_of_step: false,
        is_cheaper: false,
        lost: &[],
    }
}

#[test]
fn the_score_names_what_it_was_given_for() {
    let long = "word ".repeat(200);
    for (situation, tier, part) in [
        (situation("What is 2 + 2?"), ModelTier::Simple, ""),
        (
            Situation { tools: 5, context_chars: 10_000, ..situation("Read this") },
            ModelTier::Moderate,
            "material of about 2500 tokens",
        ),
        (
            situation("Compare these plans. Analyse the risks. Explain why they fail"),
            ModelTier::Complex,
            "it asks to analyse, compare, explain why, plan",
        ),
        (
            Situation { steps: 9, failed_calls: 3, ..situation(&long) },
            ModelTier::Complex,
            "3 failed calls",
        ),
    ] {
        let parts = score(&situation);
        let total = parts.iter().map(|part| part.points).sum();
        assert_eq!(tier_of(total), tier, "{parts:?}");
        assert!(part.is_empty() || parts.iter().any(|found| found.what == part), "{parts:?}");
    }
}

#[test]
fn a_choice_tells_that_a_price_is_unknown() {
    let mut settings = ModelSettings::default();
    settings.others.insert(Provider::Anthropic, ProviderSettings::default());
    let models = Models::new(&settings).unwrap();
    for (model, reason) in [
        ("anthropic:claude-haiku-4-5", "the agent names it"),
        (
            "anthropic:claude-next-9",
            "the agent names it; price unknown: 15 and 75 dollars per million tokens are counted \
             until MODEL_FACTS names it",
        ),
    ] {
        let policy = ModelPolicy::Named { model: model.to_owned() };
        let decided = models.decide(&Situation { policy: &policy, ..situation("Go") }).unwrap();
        assert_eq!(decided.reason, reason);
        assert_eq!(decided.is_price_presumed, reason.contains("price unknown"));
    }
}
