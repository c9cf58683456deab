//! The tools of the agent's own: other agents, requests, tools of servers. They are called when the goal
//! names them; another agent also when it is described as what the goal asks for. What they are told
//! stands in the goal; what the goal does not say is missing, and the answer says so.

mod fill;

use resonant_domain::session::{CONTEXT_MAX, GOAL_MAX};
use resonant_domain::text::shorten;
use resonant_domain::tool::of_ours;
use serde_json::{Map, Value};

use super::intents::{Material, Wish};
use super::round::Round;
use super::words::{find_phrase, plain};
use crate::models::{Message, ModelRequest};

/// Words behind which a name is meant as one, whatever else it could mean.
const ASKS: &[&str] =
    &["ask", "use", "using", "call", "have", "let", "tell", "with", "via", "through", "run"];
/// Words between them and the name, and behind it.
const FILLERS: &[&str] = &["the", "a", "an", "my", "our", "agent", "tool", "please"];
/// Of these, those that stand behind it.
const BEHIND: &[&str] = &["agent", "tool", "please"];
/// Words that lead from a name to what it is asked.
const LEADS: &[&str] = &["to", "that", "for", "of", "in", "on", "with", "about", "at"];
/// Of these, those that are no part of what another agent is asked.
const AGENT_LEADS: &[&str] = &["to", "that"];
/// So many words of a clause must stand in a description for it to fit.
const WORDS_ALIKE: usize = 2;
/// Words of fewer letters tell nothing.
const WORD_LETTERS: usize = 4;

/// A tool of the agent's own.
struct Own<'a> {
    name: &'a str,
    description: &'a str,
    /// The schema of its arguments; absent on the last step, where nothing may be called any more.
    schema: Option<&'a Value>,
    /// With which arguments it was called in this round.
    made: Vec<&'a Value>,
}

/// All of them.
pub(super) struct OwnTools<'a>(Vec<Own<'a>>);

/// Where a clause names a tool.
struct Mention<'a> {
    before: &'a str,
    after: &'a str,
    /// Whether nothing else can be meant.
    is_clear: bool,
}

impl<'a> OwnTools<'a> {
    /// Those that may be called, or were called in this round.
    pub fn of(request: &'a ModelRequest, round: &Round<'a>) -> Self {
        let offered = request.tools.iter().filter(|tool| of_ours(&tool.name).is_none());
        let mut all: Vec<Own<'a>> = offered
            .map(|tool| Own {
                name: &tool.name,
                description: &tool.description,
                schema: Some(&tool.parameters),
                made: Vec::new(),
            })
            .collect();
        let messages: &'a [Message] = round.messages;
        for message in messages {
            let Message::Assistant { calls, .. } = message else { continue };
            for call in calls.iter().filter(|call| of_ours(&call.tool).is_none()) {
                match all.iter_mut().find(|own| own.name == call.tool) {
                    Some(own) => own.made.push(&call.arguments),
                    None => all.push(Own {
                        name: &call.tool,
                        description: "",
                        schema: None,
                        made: vec![&call.arguments],
                    }),
                }
            }
        }
        Self(all)
    }

    /// The call that a clause asks for by a name that can mean nothing else.
    pub fn named(&self, clause: &str, materials: &[Material]) -> Option<Wish> {
        self.mentioned(clause, materials, true)
    }

    /// The call that a clause asks for which nothing else is known of: by a name in it, or because
    /// another agent is described so.
    pub fn fitting(&self, clause: &str, materials: &[Material]) -> Option<Wish> {
        self.mentioned(clause, materials, false).or_else(|| self.described(clause, materials))
    }

    fn mentioned(&self, clause: &str, materials: &[Material], clearly: bool) -> Option<Wish> {
        self.0.iter().find_map(|own| {
            let mention = mention(clause, own.name).filter(|it| it.is_clear || !clearly)?;
            Some(own.wish(clause, &mention, materials))
        })
    }

    fn described(&self, clause: &str, materials: &[Material]) -> Option<Wish> {
        let asked = stems(clause);
        let mut best: Option<(&Own<'_>, usize)> = None;
        let mut is_tied = false;
        for own in self.0.iter().filter(|own| own.is_agent() || own.was_asked(clause)) {
            let told = stems(&format!("{} {}", own.name.replace(['_', '-'], " "), own.description));
            let alike = asked.iter().filter(|word| told.contains(word)).count();
            let is_enough = alike >= WORDS_ALIKE && alike * 2 >= asked.len();
            if !is_enough && !own.was_asked(clause) {
                continue;
            }
            if best.is_none_or(|(_, most)| alike > most) {
                (best, is_tied) = (Some((own, alike)), false);
            } else if best.is_some_and(|(_, most)| alike == most) {
                is_tied = true;
            }
        }
        let (own, _) = best.filter(|_| !is_tied)?;
        Some(own.wish(clause, &Mention { before: clause, after: "", is_clear: false }, materials))
    }
}

impl Own<'_> {
    /// Whether it is another agent: those alone take a goal, and where its material is.
    fn is_agent(&self) -> bool {
        self.schema.is_some_and(|schema| {
            let takes = |name: &str| schema["properties"].get(name).is_some();
            takes("goal") && takes("source") && schema["required"] == serde_json::json!(["goal"])
        })
    }

    /// Whether this clause was its goal in this round.
    fn was_asked(&self, clause: &str) -> bool {
        let goal = shorten(&tidy(clause), GOAL_MAX);
        self.made.iter().any(|arguments| arguments["goal"] == goal.as_str())
    }

    fn wish(&self, clause: &str, mention: &Mention<'_>, materials: &[Material]) -> Wish {
        let tool = self.name.to_owned();
        let Some(schema) = self.schema else {
            // What was called means the same now that nothing may be called.
            let is_of = |arguments: &&&Value| {
                let mut texts = arguments.as_object().into_iter().flat_map(Map::values);
                texts.any(|value| value.as_str().is_some_and(|text| clause.contains(text)))
            };
            let made = self.made.iter().find(is_of).or(self.made.first());
            let arguments = made.map_or_else(|| Value::Object(Map::new()), |made| (*made).clone());
            return Wish::Ask { tool, arguments };
        };
        if self.is_agent() {
            return match ask_agent(mention, materials) {
                Some(arguments) => Wish::Ask { tool, arguments },
                None => Wish::Lacking { tool, missing: vec!["goal".to_owned()] },
            };
        }
        let rest = strip(mention.after, LEADS);
        match fill::arguments(schema, clause, rest) {
            Ok(arguments) => Wish::Ask { tool, arguments },
            Err(missing) => Wish::Lacking { tool, missing },
        }
    }
}

/// What another agent is asked: what stands behind its name, or before it, or the text of the goal.
fn ask_agent(mention: &Mention<'_>, materials: &[Material]) -> Option<Value> {
    let mut arguments = Map::new();
    let behind = tidy(strip(mention.after, AGENT_LEADS));
    let before = tidy(before(mention.before));
    let (goal, materials) = match (behind.is_empty(), before.is_empty(), materials) {
        (false, ..) => (behind, materials),
        (true, false, _) => (before, materials),
        (true, true, [Material::Text(text), rest @ ..]) => (tidy(text), rest),
        (true, true, _) => return None,
    };
    if goal.is_empty() {
        return None;
    }
    arguments.insert("goal".into(), shorten(&goal, GOAL_MAX).into());
    match materials.first() {
        Some(Material::Context) => {
            arguments.insert("source".into(), "context".into());
        }
        Some(Material::Text(text)) => {
            let text: String = text.chars().take(CONTEXT_MAX).collect();
            arguments.insert("context".into(), text.into());
        }
        Some(Material::Page(_)) | None => {}
    }
    Some(Value::Object(arguments))
}

/// Where the clause names the tool, in whatever case, with spaces for underscores too.
fn mention<'c>(clause: &'c str, name: &str) -> Option<Mention<'c>> {
    let lower = clause.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let spoken = name.replace(['_', '-'], " ");
    [name, spoken].into_iter().find_map(|name| {
        let at = find_phrase(&lower, &name)?;
        let (before, after) = (&clause[..at], &clause[at + name.len()..]);
        let is_marked = before.ends_with(['`', '"', '“', '@']);
        let is_clear = is_marked || name.contains([' ', '_', '-']) || is_asked(before);
        Some(Mention { before, after, is_clear })
    })
}

/// Whether what stands before a name asks for who is called so.
fn is_asked(before: &str) -> bool {
    let plain = plain(before);
    let mut words = plain.split(' ').rev().skip_while(|word| FILLERS.contains(word));
    words.next().is_some_and(|word| ASKS.contains(&word))
}

/// What stands before a name, without the words that lead to it.
fn before(text: &str) -> &str {
    let mut rest = text.trim_end_matches(['`', '"', '“', '@', ' ']);
    loop {
        let (head, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
        let last = last.to_ascii_lowercase();
        if !last.is_empty() && (FILLERS.contains(&last.as_str()) || ASKS.contains(&last.as_str())) {
            rest = head.trim_end();
        } else {
            return rest.trim_end_matches(',');
        }
    }
}

/// What stands behind a name, without the words that lead away from it.
fn strip<'t>(text: &'t str, leads: &[&str]) -> &'t str {
    let mut rest = text.trim_start_matches(['`', '"', '”', ':', ',', ' ']);
    loop {
        let (first, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        let first = first.trim_end_matches([':', ',']).to_ascii_lowercase();
        if BEHIND.contains(&first.as_str()) || leads.contains(&first.as_str()) {
            rest = tail.trim_start_matches([':', ',', ' ']);
            if leads.contains(&first.as_str()) {
                return rest;
            }
        } else {
            return rest;
        }
    }
}

fn tidy(text: &str) -> String {
    text.trim().trim_end_matches(['.', '!']).trim_end().to_owned()
}

/// The words of a text that tell something, without their endings.
fn stems(text: &str) -> Vec<String> {
    let mut stems: Vec<String> = Vec::new();
    for word in plain(text).split(' ') {
        let letters: String = word.chars().filter(|letter| letter.is_alphanumeric()).collect();
        if letters.chars().count() < WORD_LETTERS || COMMON.contains(&letters.as_str()) {
            continue;
        }
        let stem = ["ing", "es", "ed", "s", "e"]
            .iter()
            .find_map(|ending| letters.strip_suffix(ending).filter(|stem| stem.len() > 2))
            .unwrap_or(&letters);
        if !stems.iter().any(|known| known == stem) {
            stems.push(stem.to_owned());
        }
    }
    stems
}

/// Words that stand anywhere.
const COMMON: &[&str] = &[
    "about", "agent", "also", "answer", "answers", "does", "from", "give", "gives", "have", "into",
    "make", "makes", "please", "some", "tell", "tells", "that", "their", "them", "then", "there",
    "these", "they", "this", "tool", "using", "what", "when", "where", "which", "will", "with",
    "would", "your",
];

#[cfg(test)]
mod tests;
