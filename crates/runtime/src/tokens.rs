//! How many tokens a text is: counted by the model's own vocabulary where it is known, estimated, and
//! said to be, where it is not.

use crate::models::{Message, ModelRequest};
use crate::tools::ToolSchema;

/// What a message costs beside its text, in tokens: roles and separators.
const MESSAGE_OVERHEAD: u64 = 8;

/// Model names by the vocabulary that their family uses. The first that a name holds counts.
const FAMILIES: [(&str, &str); 15] = [
    ("gpt-oss", "o200k_base"),
    ("gpt-5", "o200k_base"),
    ("gpt-4o", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4.5", "o200k_base"),
    ("gpt-4", "cl100k_base"),
    ("gpt-3.5", "cl100k_base"),
    ("llama-3", "llama3"),
    ("llama3", "llama3"),
    ("qwen", "qwen2"),
    ("qwq", "qwen2"),
    ("mixtral", "mistral_v3"),
    ("mistral", "mistral_v3"),
    ("codestral", "mistral_v3"),
    ("ministral", "mistral_v3"),
];

/// Counts the tokens of one model.
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    /// By the vocabulary of the model's family.
    Vocabulary(&'static str, &'static tiktoken::CoreBpe),
    /// By the length of the text. On the safe side: most texts have fewer.
    Estimate,
}

impl Counter {
    /// What counts for the model of that name.
    pub fn of(model: &str) -> Self {
        let name = model.to_ascii_lowercase();
        let by_family = FAMILIES.iter().find(|(part, _)| name.contains(part));
        let vocabulary = by_family
            .map(|(_, vocabulary)| *vocabulary)
            .or_else(|| tiktoken::model_to_encoding(&name));
        vocabulary
            .and_then(|name| Some(Self::Vocabulary(name, tiktoken::get_encoding(name)?)))
            .unwrap_or(Self::Estimate)
    }

    /// How it counts, for a person.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vocabulary(name, _) => name,
            Self::Estimate => "an estimate of one token for three bytes, a digit or a mark",
        }
    }

    /// The tokens of a text.
    pub fn text(self, text: &str) -> u64 {
        let count = match self {
            Self::Vocabulary(_, vocabulary) => vocabulary.count(text),
            Self::Estimate => estimate(text),
        };
        count as u64
    }

    /// The tokens of a message.
    pub fn message(self, message: &Message) -> u64 {
        let text = match message {
            Message::User { text, context } => {
                self.text(text)
                    + context
                        .as_ref()
                        .map_or(0, |context| self.text(context) + 2 * MESSAGE_OVERHEAD)
            }
            Message::Assistant { text, calls } => {
                let calls = calls.iter().map(|call| {
                    let arguments = self.text(&call.arguments.to_string());
                    arguments + self.text(&call.tool) + self.text(&call.call_id) + MESSAGE_OVERHEAD
                });
                self.text(text) + calls.sum::<u64>()
            }
            Message::Tool { content, call_id, .. } => self.text(content) + self.text(call_id),
        };
        text + MESSAGE_OVERHEAD
    }

    /// The tokens of what the model is told of a tool.
    fn tool(self, tool: &ToolSchema) -> u64 {
        let parameters = self.text(&tool.parameters.to_string());
        self.text(&tool.name) + self.text(&tool.description) + parameters + MESSAGE_OVERHEAD
    }

    /// The tokens of a request without its messages: the system prompt, the date, the tools.
    pub fn frame(self, request: &ModelRequest) -> u64 {
        let tools = request.tools.iter().map(|tool| self.tool(tool));
        self.text(&request.system) + 4 * MESSAGE_OVERHEAD + tools.sum::<u64>()
    }

    /// The tokens of a whole request.
    pub fn request(self, request: &ModelRequest) -> u64 {
        let messages = request.messages.iter().map(|message| self.message(message));
        self.frame(request) + messages.sum::<u64>()
    }
}

/// One token for each digit and each mark, which many vocabularies keep apart, and for three bytes of
/// what stands between them.
fn estimate(text: &str) -> usize {
    let (mut tokens, mut run_bytes) = (0, 0_usize);
    for letter in text.chars() {
        if letter.is_ascii_digit() || letter.is_ascii_punctuation() {
            tokens += run_bytes.div_ceil(3) + 1;
            run_bytes = 0;
        } else {
            run_bytes += letter.len_utf8();
        }
    }
    tokens + run_bytes.div_ceil(3)
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_their_vocabulary() {
        for (model, name) in [
            ("gpt-4o-mini", "o200k_base"),
            ("gpt-4-turbo", "cl100k_base"),
            ("gpt-4.5-preview", "o200k_base"),
            ("llama3.2:3b", "llama3"),
            ("Meta-Llama-3.1-8B-Instruct", "llama3"),
            ("qwen2.5-coder", "qwen2"),
            ("mistral-small", "mistral_v3"),
            ("claude-sonnet-4-5", Counter::Estimate.name()),
        ] {
            assert_eq!(Counter::of(model).name(), name, "{model}");
        }
        assert_eq!(Counter::of("gpt-4o").text("hello world"), 2);
        assert_eq!(Counter::of("claude-sonnet-4-5").text("hello world"), 4);
    }

    #[test]
    fn an_estimate_of_numbers_is_not_below_any_vocabulary() {
        let rows = (0..200).map(|row| {
            format!(
                "2026-01-{:02},{}.{:02},{}\n",
                row % 28 + 1,
                row * 7_919,
                row % 100,
                row * 104_729
            )
        });
        let table = format!("date,amount,change,reference\n{}", rows.collect::<String>());
        let estimated = Counter::Estimate.text(&table);
        assert!(estimated > table.len().div_ceil(3) as u64, "{estimated}");
        for name in ["cl100k_base", "o200k_base", "llama3", "qwen2"] {
            let counted = Counter::Vocabulary(name, tiktoken::get_encoding(name).unwrap());
            let counted = counted.text(&table);
            assert!(estimated >= counted, "{name}: {estimated} < {counted}");
        }
        for (text, tokens) in [("", 0), ("1234", 4), ("a1b", 3), ("abcd", 2), ("-1.5;", 5)] {
            assert_eq!(Counter::Estimate.text(text), tokens, "{text}");
        }
    }
}
