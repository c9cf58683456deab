//! Windows and longest replies of models that many use, by how their names begin: a request above them is
//! refused, or cut by the server without a word. `MODEL_FACTS` goes before all of this.

use super::settings::DEFAULT_WINDOW;

/// What a local Ollama is told to hold, where its model can: what fits beside a model of eight billion
/// weights into eight gigabytes. Left alone it holds 4,096.
const OLLAMA_WINDOW: u64 = 16_384;
/// What an Ollama holds that is reached as an OpenAI-compatible endpoint: there it cannot be told.
const OLLAMA_UNTOLD: u64 = 4_096;
/// Families that an Ollama calls by a single word: `llama3.2`, where others say `llama-3.2-3b`.
const OLLAMA_FAMILIES: [&str; 6] = ["gemma", "llama", "mistral", "mixtral", "phi", "qwen"];

/// How names begin, the window, and the most tokens of a reply where it is less than half of that. The
/// first that fits counts. Where a provider limits the question alone, the window is that limit.
const KNOWN: [(&str, u64, Option<u64>); 83] = [
    ("gpt-3.5-turbo-instruct", 4_096, None),
    ("gpt-3.5", 16_385, Some(4_096)),
    ("gpt-35", 16_385, Some(4_096)),
    ("gpt-4-32k", 32_768, Some(4_096)),
    ("gpt-4-turbo", 128_000, Some(4_096)),
    ("gpt-4-1106", 128_000, Some(4_096)),
    ("gpt-4-0125", 128_000, Some(4_096)),
    ("gpt-4-vision", 128_000, Some(4_096)),
    ("gpt-4o-2024-05-13", 128_000, Some(4_096)),
    ("gpt-4o", 128_000, Some(16_384)),
    ("chatgpt-4o", 128_000, Some(16_384)),
    ("gpt-4.1", 1_047_576, Some(32_768)),
    ("gpt-4.5", 128_000, Some(16_384)),
    ("gpt-4", 8_192, None),
    ("gpt-5-chat", 128_000, Some(16_384)),
    ("gpt-5", 272_000, Some(128_000)),
    ("gpt-oss", 131_072, Some(32_768)),
    ("o1-mini", 128_000, Some(65_536)),
    ("o1-preview", 128_000, Some(32_768)),
    ("o1", 200_000, Some(100_000)),
    ("o3", 200_000, Some(100_000)),
    ("o4", 200_000, Some(100_000)),
    ("claude-2", 100_000, Some(4_096)),
    ("claude-instant", 100_000, Some(4_096)),
    ("claude-3-5", 200_000, Some(8_192)),
    ("claude-3-7", 200_000, Some(64_000)),
    ("claude-3", 200_000, Some(4_096)),
    ("claude-opus-4-0", 200_000, Some(32_000)),
    ("claude-opus-4-1", 200_000, Some(32_000)),
    ("claude-opus-4-2", 200_000, Some(32_000)),
    ("claude-opus-4@", 200_000, Some(32_000)),
    ("claude", 200_000, Some(64_000)),
    ("gemini-1.0", 32_768, Some(2_048)),
    ("gemini-pro", 32_768, Some(2_048)),
    ("gemini-1.5", 1_048_576, Some(8_192)),
    ("gemini-2.0", 1_048_576, Some(8_192)),
    ("gemini", 1_048_576, Some(65_535)),
    ("gemma-3-1b", 32_768, Some(8_192)),
    ("gemma3:1b", 32_768, Some(8_192)),
    ("gemma-3n", 32_768, Some(8_192)),
    ("gemma3n", 32_768, Some(8_192)),
    ("gemma-3", 131_072, Some(8_192)),
    ("gemma3", 131_072, Some(8_192)),
    ("gemma", 8_192, None),
    ("llama-4", 131_072, Some(8_192)),
    ("llama4", 131_072, Some(8_192)),
    ("llama-3.", 131_072, Some(8_192)),
    ("llama3.", 131_072, Some(8_192)),
    ("llama-3", 8_192, None),
    ("llama3", 8_192, None),
    ("llama", 4_096, None),
    ("codellama", 16_384, None),
    ("tinyllama", 2_048, None),
    ("mistral-large", 131_072, Some(8_192)),
    ("mistral-medium", 131_072, Some(8_192)),
    ("mistral-nemo", 131_072, Some(8_192)),
    ("ministral", 131_072, Some(8_192)),
    ("mixtral-8x22b", 65_536, Some(8_192)),
    ("mixtral:8x22b", 65_536, Some(8_192)),
    ("mixtral", 32_768, Some(8_192)),
    ("mistral", 32_768, Some(8_192)),
    ("codestral", 32_768, Some(8_192)),
    ("qwen3-coder", 131_072, Some(32_768)),
    ("qwen-turbo", 131_072, Some(8_192)),
    ("qwen-plus", 131_072, Some(8_192)),
    ("qwen", 32_768, Some(8_192)),
    ("qwq", 32_768, Some(8_192)),
    ("deepseek-coder", 16_384, Some(4_096)),
    ("deepseek", 65_536, Some(8_192)),
    ("kimi", 131_072, Some(32_768)),
    ("glm-4-", 131_072, Some(4_095)),
    ("glm", 131_072, Some(32_768)),
    ("minimax", 131_072, Some(32_768)),
    ("command", 131_072, Some(4_000)),
    ("grok", 131_072, Some(32_768)),
    ("phi-3-mini-4k", 4_096, None),
    ("phi-3-medium-4k", 4_096, None),
    ("phi-3", 131_072, Some(4_096)),
    ("phi3", 131_072, Some(4_096)),
    ("phi4-mini", 131_072, Some(4_096)),
    ("phi-4-mini", 131_072, Some(4_096)),
    ("phi4", 16_384, None),
    ("phi-4", 16_384, None),
];

/// The window of a model, and its longest reply where that is known.
pub(super) fn known(provider: &str, model: &str) -> (u64, Option<u64>) {
    let name = model.to_ascii_lowercase();
    let name = name.strip_prefix("ft:").unwrap_or(&name);
    // Routers and gateways put the vendor before the name.
    let bare = name.rsplit('/').next().unwrap_or(name);
    let bare = bare.strip_prefix("meta-").unwrap_or(bare);
    let found = KNOWN.iter().find(|(prefix, ..)| bare.starts_with(prefix));
    let (window, reply) =
        found.map_or((DEFAULT_WINDOW, None), |(_, window, reply)| (*window, *reply));
    match provider {
        "ollama" => (window.min(OLLAMA_WINDOW), reply),
        "openai" if is_of_ollama(model) => (window.min(OLLAMA_UNTOLD), reply),
        _ => (window, reply),
    }
}

/// Whether a name is written as Ollama does: with a tag and no vendor, or as a single word.
fn is_of_ollama(model: &str) -> bool {
    let is_word = |name: &str| OLLAMA_FAMILIES.iter().any(|family| name.starts_with(family));
    if model.contains('/') || model.starts_with("ft:") {
        false
    } else {
        model.contains(':') || (!model.contains('-') && is_word(model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_its_model_takes() {
        for (provider, model, window, reply) in [
            ("openai", "gpt-4", 8_192, None),
            ("openai", "gpt-4-0613", 8_192, None),
            ("openai", "gpt-4-turbo-2024-04-09", 128_000, Some(4_096)),
            ("openai", "gpt-4o-mini", 128_000, Some(16_384)),
            ("openai", "gpt-3.5-turbo", 16_385, Some(4_096)),
            ("openai", "ft:gpt-4o-mini:acme::abc", 128_000, Some(16_384)),
            ("openai", "o3-mini", 200_000, Some(100_000)),
            ("openai", "meta-llama/Llama-3.1-8B-Instruct", 131_072, Some(8_192)),
            ("openai", "meta-llama/llama-3-8b-instruct:free", 8_192, None),
            ("openai", "Meta-Llama-3-8B", 8_192, None),
            ("openai", "llama3.2:3b", OLLAMA_UNTOLD, Some(8_192)),
            ("openai", "llama3.2", OLLAMA_UNTOLD, Some(8_192)),
            ("openai", "llama-3.2-3b", 131_072, Some(8_192)),
            ("openai", "mistral-small", 32_768, Some(8_192)),
            ("openai", "something-new", DEFAULT_WINDOW, None),
            ("anthropic", "claude-3-haiku-20240307", 200_000, Some(4_096)),
            ("anthropic", "claude-3-5-sonnet-latest", 200_000, Some(8_192)),
            ("anthropic", "claude-opus-4-20250514", 200_000, Some(32_000)),
            ("anthropic", "claude-opus-4-5", 200_000, Some(64_000)),
            ("anthropic", "claude-haiku-4-5", 200_000, Some(64_000)),
            ("gemini", "gemini-2.5-pro", 1_048_576, Some(65_535)),
            ("gemini", "models/gemini-2.0-flash", 1_048_576, Some(8_192)),
            ("ollama", "llama3.2:3b", OLLAMA_WINDOW, Some(8_192)),
            ("ollama", "llama3:8b", 8_192, None),
            ("ollama", "tinyllama", 2_048, None),
            ("ollama", "something-new", OLLAMA_WINDOW, None),
        ] {
            assert_eq!(known(provider, model), (window, reply), "{provider}:{model}");
        }
    }

    #[test]
    fn no_name_stands_behind_one_that_it_begins_with() {
        for (at, (name, ..)) in KNOWN.iter().enumerate() {
            let hides = KNOWN[..at].iter().find(|(earlier, ..)| name.starts_with(earlier));
            assert_eq!(hides, None, "{name} is never reached");
        }
    }
}
