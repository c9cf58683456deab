//! How many tokens a text is: counted by the model's own vocabulary where it is known, estimated, and
//! said to be, where it is not.
//!
//! | family | counted by |
//! | --- | --- |
//! | GPT, gpt-oss | `o200k_base`, `cl100k_base` |
//! | Llama 3 | `llama3` |
//! | Qwen | `qwen2` |
//! | Mistral, Mixtral, Codestral, Ministral | `mistral_v3` |
//! | `DeepSeek` | `deepseek_v3`, which its fourth generation shares |
//! | Kimi | `kimi_k2`, which its third generation shares |
//! | GLM 4, GLM 5 | `glm4`, `glm5` |
//! | `MiniMax` | `minimax_m2` |
//! | Claude, Gemini, Gemma and all others | the estimate: their vocabularies are not published, or not in a form that is at hand |
//!
//! A vocabulary is unpacked when it is first counted by; packed, all of them are five megabytes of the
//! server.
//!
//! The estimate errs on the safe side, so that no request is above a window: languages of many scripts,
//! code, data and letters that are no language have at least as many tokens by it as by the vocabularies
//! which the tests hold it against, and those of Claude and Gemini are no smaller than these. Where it says
//! too many, a long conversation is told shorter a little earlier than it would have to be.

use crate::models::{Message, ModelRequest, provider_data};
use crate::tools::ToolSchema;

/// What a message costs beside its text, in tokens: roles and separators.
const MESSAGE_OVERHEAD: u64 = 8;

/// The most consonants that follow each other in a word of a language.
const CONSONANTS_MAX: usize = 4;

/// Model names by the vocabulary that their family uses. The first that a name holds counts.
const FAMILIES: [(&str, &str); 31] = [
    // Small models that were taught by a large one keep the vocabulary of their own family.
    ("distill-llama", "llama3"),
    ("distill-qwen", "qwen2"),
    ("deepseek-r1:671b", "deepseek_v3"),
    ("deepseek-r1:70b", "llama3"),
    ("deepseek-r1:", "qwen2"),
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
    ("pixtral", "mistral_v3"),
    ("devstral", "mistral_v3"),
    ("llama-4", "llama3"),
    ("llama4", "llama3"),
    ("deepseek", "deepseek_v3"),
    ("kimi", "kimi_k2"),
    ("glm-5", "glm5"),
    ("glm5", "glm5"),
    ("glm-4", "glm4"),
    ("glm4", "glm4"),
    ("minimax", "minimax_m2"),
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
            Self::Estimate => {
                "an estimate that is rather too high: one token for three bytes, a digit or a mark"
            }
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
                let context = context.as_ref().map_or(0, |context| {
                    self.text(&context.text) + self.text(&context.source) + 2 * MESSAGE_OVERHEAD
                });
                self.text(text) + context
            }
            Message::Assistant { text, calls } => {
                let calls = calls.iter().map(|call| {
                    let arguments = self.text(&call.arguments.to_string());
                    let given = call.provider_data.iter().flat_map(provider_data::texts);
                    let given: u64 = given.map(|text| self.text(text)).sum();
                    let named = self.text(&call.tool) + self.text(&call.call_id);
                    arguments + given + named + MESSAGE_OVERHEAD
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

/// One token for each digit and each mark, which many vocabularies keep apart, and for three bytes of the
/// letters between them. A capital begins a word, as in names of code, and in what is no language at all.
/// Of more consonants in a row than words have each counts by itself, as do letters of other scripts.
fn estimate(text: &str) -> usize {
    let (mut tokens, mut run_bytes) = (0, 0_usize);
    let mut consonants = 0;
    for letter in text.chars() {
        let is_consonant = letter.is_ascii_lowercase() && !"aeiouy".contains(letter);
        consonants = if is_consonant { consonants + 1 } else { 0 };
        if consonants > CONSONANTS_MAX {
            tokens += 1;
            continue;
        }
        let alone = match letter as u32 {
            // Latin with accents, Greek, Cyrillic.
            0x80..=0x24f | 0x370..=0x52f => 0,
            // Hebrew, Arabic.
            0x590..=0x6ff => 1,
            0..=0x7f => usize::from(letter.is_ascii_digit() || letter.is_ascii_punctuation()),
            // Signs that are made of several, and what is rarely written.
            0x200b..=0x200f | 0x2028..=0x206f | 0x1_0000.. => letter.len_utf8(),
            _ => 2,
        };
        if alone > 0 || letter.is_ascii_uppercase() {
            tokens += run_bytes.div_ceil(3) + alone;
            run_bytes = 0;
        }
        if alone == 0 {
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
            ("deepseek-chat", "deepseek_v3"),
            ("deepseek-ai/DeepSeek-V3.1", "deepseek_v3"),
            ("deepseek-r1:8b", "qwen2"),
            ("DeepSeek-R1-Distill-Llama-70B", "llama3"),
            ("moonshotai/kimi-k2-instruct", "kimi_k2"),
            ("glm-4.5", "glm4"),
            ("GLM-5", "glm5"),
            ("MiniMax-M2", "minimax_m2"),
            ("chatglm3-6b", Counter::Estimate.name()),
            ("gemma3:4b", Counter::Estimate.name()),
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
        for (text, tokens) in
            [("", 0), ("1234", 4), ("a1b", 3), ("abcd", 2), ("-1.5;", 5), ("bcdfghjk", 6)]
        {
            assert_eq!(Counter::Estimate.text(text), tokens, "{text}");
        }
    }

    #[test]
    fn an_estimate_is_not_below_any_vocabulary() {
        let texts = [
            "The quick brown fox jumps over the lazy dog, and nobody minds. It was a bright cold day in April.",
            "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller staatlichen Gewalt.",
            "Tous les êtres humains naissent libres et égaux en dignité et en droits, doués de raison et de conscience.",
            "Все люди рождаются свободными и равными в своём достоинстве и правах, наделены разумом и совестью.",
            "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
            "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
            "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
            "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا",
            "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
            "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
            "🎉🚀👩‍🔬 done ✅ — “as agreed” … 🇩🇪",
            "pub(crate) fn findAgent(ownerId: Uuid) -> Result<Option<Agent>, Error> {\n    let row = self.pool.fetch(ownerId)?;\n}\n",
            r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","items":[{"name":"Desk","revenue":2988.00,"isOpen":true}]}"#,
            "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==",
        ];
        for text in texts {
            let estimated = Counter::of("claude-sonnet-4-5").text(text);
            assert_eq!(Counter::of("gemini-2.5-pro").text(text), estimated);
            for name in ["cl100k_base", "o200k_base", "llama3", "qwen2", "mistral_v3"] {
                let counted = Counter::Vocabulary(name, tiktoken::get_encoding(name).unwrap());
                let counted = counted.text(text);
                assert!(estimated >= counted, "{name}: {estimated} < {counted} for {text}");
            }
        }
    }
}
