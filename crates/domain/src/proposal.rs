//! A first draft of an agent from a few words on what it should do.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentSpec, DESCRIPTION_MAX, Limits, NAME_MAX, ToolGrant};
use crate::fault::FieldFault;
use crate::text::{check_text, shorten};

/// The longest text that says what an agent should do, in characters.
pub const WISH_MAX: usize = 2_000;
/// The longest prompt that is proposed, in characters.
pub const PROPOSED_PROMPT_MAX: usize = 2_000;

/// A draft to look at and to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Proposal {
    /// The draft.
    pub spec: AgentSpec,
    /// The model that wrote it; `None`: it was made by rules.
    pub model: Option<String>,
    /// Why a model that is there did not write it.
    pub refusal: Option<String>,
}

/// Checks the text that says what an agent should do.
pub fn check(wish: &str) -> Result<(), Vec<FieldFault>> {
    let mut faults = Vec::new();
    check_text(&mut faults, "wish", wish, 1, WISH_MAX);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Beginnings of words, and the tool that they ask for. In the order in which forms show the tools.
const WORDS: [(&str, &[&str]); 13] = [
    (
        "calculator",
        &[
            "calculat", "percent", "%", "add up", "total", "tax", "price", "budget", "convert",
            "cost",
        ],
    ),
    ("datetime", &["date", "deadline", "calendar", "days", "weeks", "time", "birthday", "due"]),
    (
        "http_fetch",
        &["web", "website", "url", "link", "http", "news", "fetch", "online", "internet", "page"],
    ),
    ("html_to_text", &["web", "website", "html", "online", "internet"]),
    ("summarise", &["summar", "shorten", "digest", "tl;dr", "recap", "condense"]),
    (
        "extract",
        &["extract", "e-mail", "email", "find", "counts", "keyword", "action", "names", "amount"],
    ),
    ("json_query", &["json"]),
    ("csv_table", &["csv", "table", "spreadsheet", "rows", "column", "excel"]),
    ("code", &["code", "program", "script", "algorithm", "simulat"]),
    ("ask_user", &["ask", "clarif", "confirm", "question me"]),
    ("knowledge", &["document", "handbook", "knowledge", "faq", "manual", "polic", "wiki"]),
    ("remember", &["remember", "preference", "memor"]),
    ("recall", &["remember", "recall", "preference", "memor"]),
];

/// How people begin to say what an agent should do.
const OPENINGS: [&str; 16] = [
    "please",
    "i want",
    "i need",
    "i would like",
    "make me",
    "build me",
    "create",
    "build",
    "make",
    "it should",
    "it shall",
    "an agent",
    "a bot",
    "an assistant",
    "that",
    "which",
];

/// A draft by rules: tools by the words that ask for them, a prompt around what was said.
#[must_use]
pub fn by_rules(wish: &str) -> AgentSpec {
    let wish = wish.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = without_openings(&wish);
    let tools = tools(&wish);
    let reaches_out = tools.iter().any(|grant| grant.name == "http_fetch");
    let base = Limits::default();
    AgentSpec {
        name: name(said),
        description: shorten(&capital(said), DESCRIPTION_MAX.min(200)),
        system_prompt: prompt(said, &tools),
        limits: Limits {
            max_steps: if tools.len() > 2 { 15 } else { base.max_steps },
            timeout_seconds: if reaches_out { 180 } else { base.timeout_seconds },
            ..base
        },
        tools,
        ..AgentSpec::default()
    }
}

fn tools(wish: &str) -> Vec<ToolGrant> {
    let lower = wish.to_lowercase();
    let words: Vec<_> =
        lower.split(|c: char| c.is_whitespace() || ",.!?;()\"".contains(c)).collect();
    let is_named = |part: &&str| {
        if part.contains(' ') {
            lower.contains(part)
        } else {
            words.iter().any(|word| word.starts_with(part))
        }
    };
    let named = WORDS.iter().filter(|(_, parts)| parts.iter().any(is_named));
    named.map(|(tool, _)| ToolGrant::new(*tool)).collect()
}

/// What is wanted, without how it was begun.
fn without_openings(wish: &str) -> &str {
    let mut rest = wish;
    loop {
        let opening = OPENINGS.iter().find_map(|opening| {
            let head = rest.get(..opening.len())?;
            let tail = &rest[opening.len()..];
            let ends = tail.is_empty() || tail.starts_with([' ', ',', ':']);
            (head.eq_ignore_ascii_case(opening) && ends).then_some(tail)
        });
        let Some(tail) = opening else { break };
        let tail = tail.trim_start_matches([' ', ',', ':']);
        if tail.is_empty() {
            break;
        }
        rest = tail;
    }
    rest
}

/// The first words, as a name.
fn name(said: &str) -> String {
    let clause = said.split([',', '.', ';', ':', '!', '?']).next().unwrap_or(said);
    let words: Vec<_> = clause.split_whitespace().take(5).collect();
    let name: String = words.join(" ").chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
    let name = capital(name.trim());
    if name.is_empty() { "New agent".to_owned() } else { name }
}

fn prompt(said: &str, tools: &[ToolGrant]) -> String {
    let mut prompt = format!("Your task: {}", shorten(&capital(said), WISH_MAX / 2));
    if !prompt.ends_with(['.', '!', '?', '…']) {
        prompt.push('.');
    }
    prompt.push_str("\n\nHow you work:\n");
    if !tools.is_empty() {
        let titles: Vec<_> = tools.iter().map(ToolGrant::title).collect();
        prompt.push_str("- Use your tools rather than your memory: ");
        prompt.push_str(&titles.join(", "));
        prompt.push_str(".\n");
    }
    prompt.push_str(
        "- Keep to what you are given and to what your tools answer. Say what you do not know.\n\
         - Begin with the result. Then the reasons, as short as they can be.",
    );
    prompt
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_becomes_a_draft() {
        for (wish, name, tools) in [
            (
                "I want an agent that reads web pages and summarises them, please",
                "Reads web pages and summarises",
                &["http_fetch", "html_to_text", "summarise"][..],
            ),
            ("Add up the prices in a CSV", "Add up the prices in", &["calculator", "csv_table"]),
            ("please", "Please", &[]),
            ("Übersetze Texte", "Übersetze Texte", &[]),
            (
                "It should remember my birthday",
                "Remember my birthday",
                &["datetime", "remember", "recall"],
            ),
        ] {
            let spec = by_rules(wish);
            assert_eq!(spec.name, name, "{wish}");
            let granted: Vec<_> = spec.tools.iter().map(|grant| grant.name.as_str()).collect();
            assert_eq!(granted, tools, "{wish}");
            assert_eq!(spec.check(), Ok(()), "{wish}");
            assert!(!spec.system_prompt.is_empty() && !spec.description.is_empty());
        }
    }

    #[test]
    fn whatever_is_said_makes_a_valid_draft() {
        for wish in ["!", "\u{7}", "a\u{0}b", &"x".repeat(WISH_MAX), &"ß ".repeat(900), "{{x}}"] {
            if check(wish).is_ok() {
                assert_eq!(by_rules(wish).check(), Ok(()), "{wish}");
            }
        }
        assert!(check(" ").is_err());
        assert!(check(&"x".repeat(WISH_MAX + 1)).is_err());
    }
}
