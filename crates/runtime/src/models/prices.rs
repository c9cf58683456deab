//! What models of Anthropic and Google cost, by how their names begin: as their lists said in October 2026
//! (platform.claude.com/docs/en/about-claude/pricing, ai.google.dev/gemini-api/docs/pricing). `MODEL_FACTS` goes
//! before all of this. What costs more after a date, or where much is read, is in the list at the higher price:
//! a budget may bind too early, and must not bind too late.

/// How names begin, and millionths of a dollar per million tokens, read and written. The first that fits counts.
const LISTED: [(&str, u64, u64); 33] = [
    ("claude-fable-5-2", 8_000_000, 40_000_000),
    ("claude-fable-5", 10_000_000, 50_000_000),
    ("claude-mythos-5", 10_000_000, 50_000_000),
    ("claude-opus-5-5", 4_000_000, 20_000_000),
    ("claude-opus-5", 5_000_000, 25_000_000),
    ("claude-opus-4-5", 5_000_000, 25_000_000),
    ("claude-opus-4-6", 5_000_000, 25_000_000),
    ("claude-opus-4-7", 5_000_000, 25_000_000),
    ("claude-opus-4-8", 5_000_000, 25_000_000),
    ("claude-opus-4-0", 15_000_000, 75_000_000),
    ("claude-opus-4-1", 15_000_000, 75_000_000),
    ("claude-opus-4-2", 15_000_000, 75_000_000),
    ("claude-3-opus", 15_000_000, 75_000_000),
    ("claude-sonnet-5", 2_000_000, 10_000_000),
    ("claude-sonnet-4", 3_000_000, 15_000_000),
    ("claude-3-7-sonnet", 3_000_000, 15_000_000),
    ("claude-3-5-sonnet", 3_000_000, 15_000_000),
    ("claude-3-sonnet", 3_000_000, 15_000_000),
    ("claude-haiku-5-5", 500_000, 2_500_000),
    ("claude-haiku-4-5", 1_000_000, 5_000_000),
    ("claude-3-5-haiku", 800_000, 4_000_000),
    ("claude-3-haiku", 250_000, 1_250_000),
    ("gemini-3.8-flash", 1_500_000, 7_500_000),
    ("gemini-3.5-flash", 1_500_000, 9_000_000),
    ("gemini-3.1-pro", 4_000_000, 18_000_000),
    ("gemini-2.5-pro", 2_500_000, 15_000_000),
    ("gemini-2.5-flash-lite", 100_000, 400_000),
    ("gemini-2.5-flash", 300_000, 2_500_000),
    ("gemini-2.0-flash-lite", 75_000, 300_000),
    ("gemini-2.0-flash", 100_000, 400_000),
    ("gemini-1.5-flash-8b", 75_000, 300_000),
    ("gemini-1.5-flash", 150_000, 600_000),
    ("gemini-1.5-pro", 2_500_000, 10_000_000),
];

/// What a model is counted at that is in no list: what the dearest of its provider's costs that is.
const PRESUMED: [(&str, u64, u64); 2] =
    [("anthropic", 15_000_000, 75_000_000), ("gemini", 4_000_000, 18_000_000)];

/// Relatives that have prices of their own: they draw and speak.
const OTHERS: [&str; 5] = ["audio", "image", "live", "robotics", "tts"];

/// What a model costs, read and written, as its provider lists it. `None`: it is in no list that is known.
pub(super) fn listed(provider: &str, model: &str) -> Option<(u64, u64)> {
    presumed(provider)?;
    let name = model.to_ascii_lowercase();
    let bare = name.rsplit('/').next().unwrap_or(&name);
    if OTHERS.iter().any(|other| bare.contains(other)) {
        return None;
    }
    let found = LISTED.iter().find(|(prefix, ..)| bare.starts_with(prefix));
    found.map(|(_, input, output)| (*input, *output))
}

/// What a model is counted at whose price nobody has told. `None`: its provider takes no money.
pub(super) fn presumed(provider: &str) -> Option<(u64, u64)> {
    let found = PRESUMED.iter().find(|(name, ..)| *name == provider);
    found.map(|(_, input, output)| (*input, *output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_its_model_costs() {
        for (provider, model, expected) in [
            ("anthropic", "claude-haiku-4-5", Some((1_000_000, 5_000_000))),
            ("anthropic", "claude-opus-4-20250514", Some((15_000_000, 75_000_000))),
            ("anthropic", "claude-opus-4-8", Some((5_000_000, 25_000_000))),
            ("anthropic", "claude-next-9", None),
            ("gemini", "models/gemini-2.5-flash-lite", Some((100_000, 400_000))),
            ("gemini", "gemini-2.5-flash", Some((300_000, 2_500_000))),
            ("gemini", "gemini-2.5-flash-image", None),
            // What is served under such a name elsewhere has a price of its own.
            ("openai", "claude-haiku-4-5", None),
            ("ollama", "claude-haiku-4-5", None),
        ] {
            assert_eq!(listed(provider, model), expected, "{provider}:{model}");
        }
    }

    #[test]
    fn no_name_stands_behind_one_that_it_begins_with() {
        for (at, (name, ..)) in LISTED.iter().enumerate() {
            let hides = LISTED[..at].iter().find(|(earlier, ..)| name.starts_with(earlier));
            assert_eq!(hides, None, "{name} is never reached");
        }
    }

    #[test]
    fn what_is_in_no_list_is_counted_at_the_dearest_of_its_provider() {
        for (provider, family) in [("anthropic", "claude"), ("gemini", "gemini")] {
            let of_it = LISTED.iter().filter(|(name, ..)| name.starts_with(family));
            let dearest = of_it.map(|(_, input, output)| (*input, *output)).max();
            assert_eq!(presumed(provider), dearest);
        }
        assert_eq!(presumed("ollama"), None);
    }
}
