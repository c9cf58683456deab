//! What differs between two editions of an agent: the prompt by words, the settings by field.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::AgentSpec;

/// Beyond so many differing words two texts count as different altogether.
const WORDS_MAX: usize = 1_500;

/// What differs between two editions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SpecDiff {
    /// The settings that differ.
    pub fields: Vec<FieldChange>,
    /// The system prompt piece by piece; empty when it is the same.
    pub prompt: Vec<Piece>,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldChange {
    /// The field's name in JSON, such as `limits.max_steps`.
    pub field: String,
    /// Its value before; `None` when there was none.
    pub before: Option<String>,
    /// Its value after; `None` when there is none.
    pub after: Option<String>,
}

/// A piece of a text that was compared with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Piece {
    /// Which of the two texts has it.
    pub kind: PieceKind,
    /// The words and the blanks between them.
    pub text: String,
}

/// Which of two texts has a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PieceKind {
    /// Both.
    Same,
    /// The one before alone.
    Removed,
    /// The one after alone.
    Added,
}

impl SpecDiff {
    /// Compares two editions.
    #[must_use]
    pub fn of(before: &AgentSpec, after: &AgentSpec) -> Self {
        let prompt = if before.system_prompt == after.system_prompt {
            Vec::new()
        } else {
            words(&before.system_prompt, &after.system_prompt)
        };
        Self { fields: fields(before, after), prompt }
    }

    /// Whether nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.prompt.is_empty()
    }
}

/// The settings that differ, in the order of their names. Each tool is a field of its own, and so is each
/// of its settings. Where nothing but their order differs, that is told.
fn fields(before: &AgentSpec, after: &AgentSpec) -> Vec<FieldChange> {
    let tools = |spec: &AgentSpec| -> Vec<String> {
        spec.tools.iter().map(|grant| grant.name.clone()).collect()
    };
    let variables = |spec: &AgentSpec| -> Vec<String> {
        spec.variables.iter().map(|variable| variable.name.clone()).collect()
    };
    let orders = [
        order("tools", &tools(before), &tools(after)),
        order("variables", &variables(before), &variables(after)),
    ];
    let (before, after) = (settings(before), settings(after));
    let names: BTreeSet<_> = before.iter().chain(&after).map(|(name, _)| name).collect();
    let value = |settings: &[(String, String)], name: &str| {
        settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let differing = names.into_iter().filter_map(|name| {
        let (before, after) = (value(&before, name), value(&after, name));
        (before != after).then(|| FieldChange { field: name.clone(), before, after })
    });
    let mut changes: Vec<_> = differing.chain(orders.into_iter().flatten()).collect();
    changes.sort_by(|one, other| one.field.cmp(&other.field));
    changes
}

/// The change of a list that holds the same in another order.
fn order(field: &str, before: &[String], after: &[String]) -> Option<FieldChange> {
    let is_other = before != after
        && before.iter().collect::<BTreeSet<_>>() == after.iter().collect::<BTreeSet<_>>();
    is_other.then(|| FieldChange {
        field: field.to_owned(),
        before: Some(before.join(", ")),
        after: Some(after.join(", ")),
    })
}

/// Everything but the prompt, laid out flat. An agent that cannot be written as JSON has no settings;
/// there is none.
fn settings(spec: &AgentSpec) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    let Ok(Value::Object(mut settings)) = serde_json::to_value(spec) else { return flat };
    settings.remove("system_prompt");
    if let Some(Value::Array(tools)) = settings.remove("tools") {
        for tool in tools {
            let Value::Object(mut grant) = tool else { continue };
            let name = grant.remove("name").as_ref().and_then(Value::as_str).map(str::to_owned);
            let path = format!("tools.{}", name.unwrap_or_default());
            let is_off = grant.remove("is_off").is_some();
            flat.push((path.clone(), if is_off { "off" } else { "on" }.to_owned()));
            lay_flat(&mut flat, &path, &Value::Object(grant));
        }
    }
    if let Some(Value::Array(variables)) = settings.remove("variables") {
        for variable in variables {
            let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
            lay_flat(&mut flat, &format!("variables.{name}"), &variable);
        }
    }
    lay_flat(&mut flat, "", &Value::Object(settings));
    flat
}

fn lay_flat(flat: &mut Vec<(String, String)>, path: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                lay_flat(flat, &path, value);
            }
        }
        Value::String(text) => flat.push((path.to_owned(), text.clone())),
        Value::Null => {}
        other => flat.push((path.to_owned(), other.to_string())),
    }
}

/// Compares two texts word by word; blanks count as words of their own.
///
/// Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), on what is left when the common
/// beginning and end are taken off.
#[must_use]
pub fn words(before: &str, after: &str) -> Vec<Piece> {
    words_within(before, after, WORDS_MAX)
}

/// As [`words`], for texts of which there are many: with more than `most` differing words they count as
/// different altogether.
#[must_use]
pub fn words_within(before: &str, after: &str, most: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (kind, word) in compare_within(&split(before), &split(after), most) {
        push(&mut pieces, kind, word);
    }
    pieces
}

/// What is the same in two lists of words, and what one of them has alone, in their order.
pub(crate) fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(PieceKind, &'a str)> {
    compare_within(old, new, WORDS_MAX)
}

fn compare_within<'a>(old: &[&'a str], new: &[&'a str], most: usize) -> Vec<(PieceKind, &'a str)> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tail.take_while(|(old, new)| old == new).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);

    let mut found: Vec<_> = old[..head].iter().map(|word| (PieceKind::Same, *word)).collect();
    let (old_rest, new_rest) = (&old[head..old_end], &new[head..new_end]);
    found.extend(edits(old_rest, new_rest, most).unwrap_or_else(|| {
        let removed = old_rest.iter().map(|word| (PieceKind::Removed, *word));
        removed.chain(new_rest.iter().map(|word| (PieceKind::Added, *word))).collect()
    }));
    found.extend(old[old_end..].iter().map(|word| (PieceKind::Same, *word)));
    found
}

/// Words and the blanks between them.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut was_blank = None;
    for (at, letter) in text.char_indices() {
        let is_blank = letter.is_whitespace();
        if was_blank.is_some_and(|was_blank| was_blank != is_blank) || letter == '\n' {
            words.push(&text[start..at]);
            start = at;
        }
        was_blank = Some(is_blank);
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

fn push(pieces: &mut Vec<Piece>, kind: PieceKind, word: &str) {
    match pieces.last_mut() {
        Some(last) if last.kind == kind => last.text.push_str(word),
        _ => pieces.push(Piece { kind, text: word.to_owned() }),
    }
}

/// The shortest way from one list of words to the other; `None` when it has more than `most` steps.
fn edits<'a>(old: &[&'a str], new: &[&'a str], most: usize) -> Option<Vec<(PieceKind, &'a str)>> {
    let (old_length, new_length) = (old.len().cast_signed(), new.len().cast_signed());
    let most = (old.len() + new.len()).min(most).cast_signed();
    let index = |diagonal: isize| (diagonal + most + 1).unsigned_abs();
    // The farthest place in the old words on each diagonal, after so many edits.
    let mut reach = vec![0_isize; (2 * most + 3).unsigned_abs()];
    let mut trace = Vec::new();
    for distance in 0..=most {
        trace.push(reach.clone());
        for diagonal in (-distance..=distance).step_by(2) {
            let goes_down = diagonal == -distance
                || (diagonal != distance
                    && reach[index(diagonal - 1)] < reach[index(diagonal + 1)]);
            let mut x =
                if goes_down { reach[index(diagonal + 1)] } else { reach[index(diagonal - 1)] + 1 };
            let mut y = x - diagonal;
            while x < old_length && y < new_length && old[x.unsigned_abs()] == new[y.unsigned_abs()]
            {
                (x, y) = (x + 1, y + 1);
            }
            reach[index(diagonal)] = x;
            if x >= old_length && y >= new_length {
                return Some(walk_back(old, new, &trace, index));
            }
        }
    }
    None
}

fn walk_back<'a>(
    old: &[&'a str],
    new: &[&'a str],
    trace: &[Vec<isize>],
    index: impl Fn(isize) -> usize,
) -> Vec<(PieceKind, &'a str)> {
    let (mut x, mut y) = (old.len().cast_signed(), new.len().cast_signed());
    let mut edits = Vec::new();
    for (distance, reach) in trace.iter().enumerate().rev() {
        let distance = distance.cast_signed();
        let diagonal = x - y;
        let goes_down = diagonal == -distance
            || (diagonal != distance && reach[index(diagonal - 1)] < reach[index(diagonal + 1)]);
        let from = if goes_down { diagonal + 1 } else { diagonal - 1 };
        let (from_x, from_y) =
            if distance == 0 { (0, 0) } else { (reach[index(from)], reach[index(from)] - from) };
        while x > from_x && y > from_y {
            (x, y) = (x - 1, y - 1);
            edits.push((PieceKind::Same, old[x.unsigned_abs()]));
        }
        if distance > 0 {
            if goes_down {
                y -= 1;
                edits.push((PieceKind::Added, new[y.unsigned_abs()]));
            } else {
                x -= 1;
                edits.push((PieceKind::Removed, old[x.unsigned_abs()]));
            }
        }
    }
    edits.reverse();
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Limits, ModelPolicy, ToolGrant};
    use crate::variable::Variable;

    fn marked(before: &str, after: &str) -> String {
        words(before, after)
            .into_iter()
            .map(|Piece { kind, text }| match kind {
                PieceKind::Same => text,
                PieceKind::Removed => format!("[-{text}-]"),
                PieceKind::Added => format!("[+{text}+]"),
            })
            .collect()
    }

    #[test]
    fn texts_are_compared_by_words() {
        for (before, after, expected) in [
            ("", "", ""),
            ("", "Read.", "[+Read.+]"),
            ("Read.", "", "[-Read.-]"),
            ("You read well.", "You write well.", "You [-read-][+write+] well."),
            ("a b c", "a c", "a [-b -]c"),
            ("a c", "a b c", "a [+b +]c"),
            ("one\ntwo\nthree", "one\nthree", "one\n[-two\n-]three"),
            ("größer ist besser", "kleiner ist besser", "[-größer-][+kleiner+] ist besser"),
        ] {
            assert_eq!(marked(before, after), expected);
        }
    }

    #[test]
    fn both_texts_can_be_read_from_their_pieces() {
        // A walk over many pairs of short texts of few words, where every kind of overlap occurs.
        let text = |mut seed: u32| {
            let mut text = String::new();
            while seed > 0 {
                text.push_str(["a", " ", "bb", "\n"][seed as usize % 4]);
                seed /= 4;
            }
            text
        };
        for seed in 0..4_000_u32 {
            let (before, after) = (text(seed), text(seed.wrapping_mul(2_654_435_761) >> 18));
            let pieces = words(&before, &after);
            let side = |not: PieceKind| {
                let kept = pieces.iter().filter(|piece| piece.kind != not);
                kept.map(|piece| piece.text.as_str()).collect::<String>()
            };
            assert_eq!(side(PieceKind::Added), before);
            assert_eq!(side(PieceKind::Removed), after);
        }
    }

    #[test]
    fn texts_without_a_word_in_common_are_not_searched_for_long() {
        let before = "a ".repeat(8_000);
        let after = "b\n".repeat(8_000);
        assert_eq!(words(&before, &after).len(), 2);
        let (few, more) = ("a b c d e f", "a B c D e F");
        assert_eq!(words_within(few, more, 5).len(), 3, "five edits do not lead there");
        assert_eq!(words_within(few, more, 6), words(few, more));
    }

    #[test]
    fn the_settings_of_a_tool_are_compared_field_by_field() {
        let with = |tools: serde_json::Value| AgentSpec {
            tools: serde_json::from_value(tools).unwrap(),
            ..AgentSpec::default()
        };
        let weather = serde_json::json!({
            "name": "weather",
            "settings": {
                "kind": "http",
                "description": "The weather of a city",
                "url": "https://api.example.org/weather",
                "query": { "city": "{{city}}" },
                "input_schema": { "type": "object", "properties": { "city": { "type": "string" } } },
            },
        });
        let mut other = weather.clone();
        other["settings"]["url"] = "https://api.example.org/now".into();
        other["settings"]["query"]["unit"] = "c".into();
        other["hosts"] = serde_json::json!(["api.example.org"]);
        other["needs_approval"] = true.into();
        let calculator = serde_json::json!({ "name": "calculator" });
        let asked = serde_json::json!({ "name": "calculator", "is_off": true });
        let before = with(serde_json::json!([calculator, weather]));
        let after = with(serde_json::json!([asked, other]));
        let diff = SpecDiff::of(&before, &after);
        let changes: Vec<_> = diff
            .fields
            .iter()
            .map(|change| {
                (change.field.as_str(), change.before.as_deref(), change.after.as_deref())
            })
            .collect();
        let url = "https://api.example.org/weather";
        assert_eq!(
            changes,
            [
                ("tools.calculator", Some("on"), Some("off")),
                ("tools.weather.hosts", None, Some("[\"api.example.org\"]")),
                ("tools.weather.needs_approval", None, Some("true")),
                ("tools.weather.settings.query.unit", None, Some("c")),
                ("tools.weather.settings.url", Some(url), Some("https://api.example.org/now")),
            ]
        );
        let gone = SpecDiff::of(&before, &with(serde_json::json!([{ "name": "calculator" }])));
        assert!(gone.fields.iter().all(|change| change.field.starts_with("tools.weather")));
        assert_eq!(gone.fields[0].field, "tools.weather");
        assert_eq!(gone.fields[0].before.as_deref(), Some("on"));
    }

    #[test]
    fn what_differs_in_its_order_alone_is_not_the_same() {
        let spec = |tools: &[&str], variables: &[&str]| AgentSpec {
            tools: tools.iter().copied().map(ToolGrant::new).collect(),
            variables: variables.iter().copied().map(Variable::new).collect(),
            ..AgentSpec::default()
        };
        let before = spec(&["extract", "calculator"], &["city", "tone"]);
        let after = spec(&["calculator", "extract"], &["tone", "city"]);
        let fields = SpecDiff::of(&before, &after).fields;
        let told: Vec<_> = fields
            .iter()
            .map(|change| (change.field.as_str(), change.after.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(told, [("tools", "calculator, extract"), ("variables", "tone, city")]);
        // What comes or goes says so itself.
        let more = spec(&["calculator", "datetime", "extract"], &["city", "tone"]);
        let fields = SpecDiff::of(&before, &more).fields;
        assert_eq!(fields.len(), 1, "{fields:?}");
        assert_eq!(fields[0].field, "tools.datetime");
    }

    #[test]
    fn settings_are_compared_field_by_field() {
        let before = AgentSpec {
            name: "Reader".to_owned(),
            tools: vec![ToolGrant::new("calculator"), ToolGrant::new("extract")],
            ..AgentSpec::default()
        };
        let after = AgentSpec {
            model_policy: ModelPolicy::Named { model: "llama3".to_owned() },
            tools: vec![ToolGrant::new("extract"), ToolGrant::new("datetime")],
            limits: Limits { max_steps: 3, ..Limits::default() },
            ..before.clone()
        };
        let diff = SpecDiff::of(&before, &after);
        let changes: Vec<_> = diff
            .fields
            .iter()
            .map(|change| {
                (change.field.as_str(), change.before.as_deref(), change.after.as_deref())
            })
            .collect();
        assert_eq!(
            changes,
            [
                ("limits.max_steps", Some("10"), Some("3")),
                ("model_policy.mode", Some("auto"), Some("named")),
                ("model_policy.model", None, Some("llama3")),
                ("tools.calculator", Some("on"), None),
                ("tools.datetime", None, Some("on")),
            ]
        );
        assert!(SpecDiff::of(&after, &after).is_empty());
    }
}
