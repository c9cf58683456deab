//! The variables that say which models there are.

use std::collections::BTreeMap;

use resonant_backend::{
    EmbeddingSettings, ModelFacts, ModelName, ModelSettings, OpenAiSettings, Provider,
    ProviderSettings, Secret,
};
use url::Url;

use super::{SettingError, Variables};

/// Where the language model is when nothing else is said.
const DEFAULT: &str = "https://api.openai.com/v1";
/// What the OpenAI-compatible endpoint is called among the providers.
const OPENAI: &str = "openai";

pub(super) fn read(vars: &Variables<'_>) -> Result<ModelSettings, SettingError> {
    let mut others = BTreeMap::new();
    for (provider, base_url, api_key) in [
        (Provider::Anthropic, "ANTHROPIC_BASE_URL", Some("ANTHROPIC_API_KEY")),
        (Provider::Gemini, "GEMINI_BASE_URL", Some("GEMINI_API_KEY")),
        (Provider::Ollama, "OLLAMA_BASE_URL", None),
    ] {
        let url = vars.url(base_url, &["http", "https"], "https://models.example.org")?;
        let api_key = api_key.and_then(|name| vars.text(name)).map(Secret::new);
        if url.is_none() && api_key.is_none() {
            continue;
        }
        let base_url = match url {
            Some(url) => Some(
                url.parse()
                    .map_err(|_| SettingError::new(base_url, "must be an http or https address"))?,
            ),
            None => None,
        };
        others.insert(provider, ProviderSettings { base_url, api_key });
    }
    let openai = openai(vars)?;
    let configured = openai.iter().map(|_| OPENAI);
    let configured: Vec<_> = configured.chain(others.keys().map(|known| known.as_str())).collect();
    let mut tiers: [Vec<ModelName>; 3] = Default::default();
    let names = ["MODELS_SIMPLE", "MODELS_MODERATE", "MODELS_COMPLEX"];
    for (tier, name) in tiers.iter_mut().zip(names) {
        let Some(text) = vars.text(name) else { continue };
        let answers = openai.as_ref().map(|openai| openai.model.trim());
        let read = models(&text, answers, &configured);
        *tier = read.map_err(|rule| SettingError::new(name, rule))?;
    }
    let embeddings = embeddings(vars)?;
    Ok(ModelSettings { openai, others, tiers, facts: facts(vars)?, embeddings })
}

/// Reads the models of a tier. Their names may have colons themselves, so what stands before the first one must
/// be a provider: `llama3:8b` could be a model of any, but for the one that `OPENAI_MODEL` names so.
fn models(
    text: &str,
    answers: Option<&str>,
    configured: &[&str],
) -> Result<Vec<ModelName>, String> {
    let there = match configured {
        [] => "no provider is configured".to_owned(),
        some => format!("configured are {}", some.join(", ")),
    };
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let found: Vec<_> = entries.map(|entry| model(entry, answers)).collect();
    if found.is_empty() || found.contains(&None) {
        let example = "anthropic:claude-haiku-4-5";
        return Err(format!("must name models as provider:model, such as {example}; {there}"));
    }
    let found: Vec<_> = found.into_iter().flatten().collect();
    if let Some(other) = found.iter().find(|model| !configured.contains(&model.provider)) {
        let provider = other.provider;
        return Err(format!("names a model of {provider}, which is not configured; {there}"));
    }
    Ok(found)
}

/// One model; `None`: what stands there is none, or of a provider that nobody knows.
fn model(entry: &str, answers: Option<&str>) -> Option<ModelName> {
    if answers == Some(entry) {
        return Some(ModelName { provider: OPENAI, model: entry.to_owned() });
    }
    let prefix = entry.split_once(':').map(|(prefix, _)| prefix.trim());
    if prefix.is_some_and(|prefix| !providers().any(|known| known == prefix)) {
        return None;
    }
    let name: ModelName = entry.parse().unwrap_or_else(|never| match never {});
    let is_name = |c: char| !c.is_whitespace() && !c.is_control();
    let is_model = !name.model.is_empty() && name.model.chars().all(is_name);
    is_model.then_some(name)
}

/// What the providers are called.
fn providers() -> impl Iterator<Item = &'static str> {
    [OPENAI].into_iter().chain(Provider::ALL.map(Provider::as_str))
}

/// `MODEL_FACTS`: for each model its prices, its window and its longest reply, as
/// `model=input/output/window/reply`. What is left out at the end is known by the model's name.
fn facts(vars: &Variables<'_>) -> Result<BTreeMap<ModelName, ModelFacts>, SettingError> {
    let wrong = || {
        let example = "openai:gpt-4o-mini=0.15/0.60/128000";
        SettingError::new("MODEL_FACTS", format!("must be a list of entries such as {example}"))
    };
    let unknown = || {
        let known: Vec<_> = providers().collect();
        let rule = format!("must name models of {}, as provider:model", known.join(", "));
        SettingError::new("MODEL_FACTS", rule)
    };
    let text = vars.text("MODEL_FACTS").unwrap_or_default();
    let answers = vars.text("OPENAI_MODEL");
    let answers = answers.as_deref().map(str::trim);
    let mut facts = BTreeMap::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (model, rest) = entry.split_once('=').ok_or_else(wrong)?;
        let parts: Vec<_> = rest.split('/').map(str::trim).collect();
        let (input, output, window, reply) = match parts[..] {
            [input, output] => (input, output, None, None),
            [input, output, window] => (input, output, Some(window), None),
            [input, output, window, reply] => (input, output, Some(window), Some(reply)),
            _ => return Err(wrong()),
        };
        let tokens =
            |text: &str| text.parse().ok().filter(|tokens: &u64| *tokens > 0).ok_or_else(wrong);
        let name = self::model(model.trim(), answers).ok_or_else(unknown)?;
        let known = ModelFacts::of(&name);
        let found = ModelFacts {
            input_price: dollars(input).ok_or_else(wrong)?,
            output_price: dollars(output).ok_or_else(wrong)?,
            window: window.map_or(Ok(known.window), tokens)?,
            reply: reply.map(tokens).transpose()?.or(known.reply),
        };
        facts.insert(name, found);
    }
    Ok(facts)
}

/// The model that tells what passages mean, at the same address as the language model.
fn embeddings(vars: &Variables<'_>) -> Result<Option<EmbeddingSettings>, SettingError> {
    let Some(model) = vars.text("OPENAI_EMBEDDING_MODEL") else { return Ok(None) };
    let Some((base_url, api_key)) = endpoint(vars)? else {
        let reason = "needs OPENAI_BASE_URL or OPENAI_API_KEY";
        return Err(SettingError::new("OPENAI_EMBEDDING_MODEL", reason));
    };
    let price = price(vars, "OPENAI_EMBEDDING_PRICE")?;
    Ok(Some(EmbeddingSettings { base_url, api_key, model, price }))
}

/// The language model, when one is configured: by its address, or by a key for the default address.
fn openai(vars: &Variables<'_>) -> Result<Option<OpenAiSettings>, SettingError> {
    let Some((base_url, api_key)) = endpoint(vars)? else { return Ok(None) };
    let answers = vars.text("OPENAI_MODEL");
    // An endpoint may be there for what passages mean alone.
    if answers.is_none() && vars.text("OPENAI_EMBEDDING_MODEL").is_some() {
        return Ok(None);
    }
    let Some(model) = answers else {
        return Err(SettingError::new("OPENAI_MODEL", "must name the model that answers"));
    };
    Ok(Some(OpenAiSettings {
        base_url,
        api_key,
        model,
        input_price: price(vars, "OPENAI_INPUT_PRICE")?,
        output_price: price(vars, "OPENAI_OUTPUT_PRICE")?,
    }))
}

/// The OpenAI-compatible address and its key, where one of the two is set.
fn endpoint(vars: &Variables<'_>) -> Result<Option<(Url, Option<Secret>)>, SettingError> {
    const NAME: &str = "OPENAI_BASE_URL";
    let url = vars.url(NAME, &["http", "https"], "http://localhost:11434/v1")?;
    let api_key = vars.text("OPENAI_API_KEY").map(Secret::new);
    if url.is_none() && api_key.is_none() {
        return Ok(None);
    }
    let url = url.unwrap_or_else(|| DEFAULT.to_owned());
    let url =
        url.parse().map_err(|_| SettingError::new(NAME, "must be an http or https address"))?;
    Ok(Some((url, api_key)))
}

/// US dollars per million tokens, as millionths of a dollar.
fn price(vars: &Variables<'_>, name: &'static str) -> Result<u64, SettingError> {
    let Some(text) = vars.text(name) else {
        return Ok(0);
    };
    dollars(&text).ok_or_else(|| {
        SettingError::new(name, "must be US dollars per million tokens, such as 0.15")
    })
}

fn dollars(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits =
        !whole.is_empty() && whole.len() <= 9 && part.len() <= 6 && digits(whole) && digits(part);
    fits.then(|| format!("{whole}{part:0<6}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_vars(vars: &[(&str, &str)]) -> Result<ModelSettings, String> {
        let look_up = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        read(&Variables { look_up: &look_up }).map_err(|error| error.to_string())
    }

    #[test]
    fn tiers_and_facts_are_lists() {
        let settings = read_vars(&[
            ("ANTHROPIC_API_KEY", "hunter2"),
            ("OLLAMA_BASE_URL", "http://localhost:11434"),
            ("MODELS_SIMPLE", "ollama:llama3:8b, anthropic:claude-haiku-4-5"),
            (
                "MODEL_FACTS",
                "anthropic:claude-haiku-4-5=1/5/150000/9000, ollama:llama3:8b=0/0, gpt-4=30/60",
            ),
        ])
        .unwrap();
        assert_eq!(settings.tiers[0][0].to_string(), "ollama:llama3:8b");
        let haiku = settings.facts[&settings.tiers[0][1]];
        assert_eq!(
            (haiku.input_price, haiku.output_price, haiku.window),
            (1_000_000, 5_000_000, 150_000)
        );
        assert_eq!(haiku.reply, Some(9_000));
        let small = settings.facts[&settings.tiers[0][0]];
        assert_eq!((small.window, small.reply), (8_192, None), "its name says so");
        let old: ModelName = "openai:gpt-4".parse().unwrap();
        let old = settings.facts[&old];
        assert_eq!((old.input_price, old.window), (30_000_000, 8_192));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value) in [
            ("MODELS_COMPLEX", "gemini:gemini-3-pro"),
            ("MODELS_SIMPLE", "hunter2"),
            ("OPENAI_EMBEDDING_MODEL", "small"),
            ("MODEL_FACTS", "small"),
            ("MODEL_FACTS", "small=free/free"),
            ("MODEL_FACTS", "small=1/1/0"),
            ("MODEL_FACTS", "small=1/1/9/0"),
            ("MODEL_FACTS", "small=1/1/9/9/9"),
            ("MODEL_FACTS", "hunter2:small=1/1"),
            ("MODEL_FACTS", "=1/1"),
            ("OLLAMA_BASE_URL", "localhost"),
        ] {
            let error = read_vars(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(name), "{error}");
        }
        let error = read_vars(&[("MODEL_FACTS", "antropic:claude-haiku-4-5=1/5")]).unwrap_err();
        assert!(error.contains("openai, anthropic, gemini, ollama, as provider:model"), "{error}");
    }

    #[test]
    fn facts_of_the_model_that_answers_need_no_provider() {
        let read = |model: &str| {
            let facts = format!("{model}=1/2");
            let vars = [
                ("OPENAI_BASE_URL", "http://localhost:11434/v1"),
                ("OPENAI_MODEL", "llama3:8b"),
                ("MODEL_FACTS", &*facts),
            ];
            let names = read_vars(&vars).map(|settings| settings.facts.into_keys().next());
            names.map(|name| name.map(|name| name.to_string()).unwrap_or_default())
        };
        for (model, name) in [
            ("llama3:8b", "openai:llama3:8b"),
            ("openai:qwen3:14b ", "openai:qwen3:14b"),
            ("ollama:llama3:8b", "ollama:llama3:8b"),
            ("small", "openai:small"),
        ] {
            assert_eq!(read(model).as_deref(), Ok(name), "{model}");
        }
        assert!(read("qwen3:14b").is_err());
    }

    #[test]
    fn a_tier_names_models_of_providers_that_are_there() {
        let read = |value| {
            let vars = [
                ("OPENAI_BASE_URL", "http://localhost:11434/v1"),
                ("OPENAI_MODEL", "llama3:8b"),
                ("OLLAMA_BASE_URL", "http://localhost:11434"),
                ("MODELS_MODERATE", value),
            ];
            read_vars(&vars).map(|settings| {
                let names = settings.tiers[1].iter().map(ToString::to_string);
                names.collect::<Vec<_>>().join(" ")
            })
        };
        for (value, names) in [
            ("ollama:llama3:8b", "ollama:llama3:8b"),
            ("openai:qwen3:14b, openai:org/model@2", "openai:qwen3:14b openai:org/model@2"),
            ("small,", "openai:small"),
            // As the endpoint's own model is called.
            ("llama3:8b", "openai:llama3:8b"),
        ] {
            assert_eq!(read(value).as_deref(), Ok(names), "{value}");
        }
        for value in [",", "hunter2:8b", "ollama:", "ollama: ", ":small", "openai:hunter2 small"] {
            let error = read(value).unwrap_err();
            let rule = "MODELS_MODERATE must name models as provider:model";
            assert!(error.starts_with(rule), "{value}: {error}");
            assert!(error.ends_with("configured are openai, ollama"), "{value}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = read("ollama:tiny, gemini:large").unwrap_err();
        let rule = "MODELS_MODERATE names a model of gemini, which is not configured";
        assert!(error.starts_with(rule), "{error}");
    }
}
