//! The texts that a goal gives to work on, and what can be told of them at a glance.

use serde_json::Value;

use crate::models::builtin::tables::Table;

/// A text to work on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::models::builtin) enum Material {
    /// The session's context.
    Context,
    /// A text that stands in the goal, or a part of a text.
    Text(String),
    /// A page to fetch.
    Page(String),
}

/// The text of a material, as far as the request holds it.
pub(in crate::models::builtin) fn text_of<'a>(
    material: &'a Material,
    context: Option<&'a str>,
) -> Option<&'a str> {
    match material {
        Material::Context => context,
        Material::Text(text) => Some(text),
        Material::Page(_) => None,
    }
}

/// Whether a text is JSON: an object or a list.
pub(in crate::models::builtin) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<Value>(text).is_ok()
}

/// The parts that a text to compare falls into: by a line of dashes, or by the headings A and B.
fn parts(text: &str) -> Option<(String, String)> {
    let lines: Vec<_> = text.lines().collect();
    let rule = lines.iter().position(|line| {
        let line = line.trim();
        line.len() >= 3 && (line.chars().all(|c| c == '-') || line.chars().all(|c| c == '='))
    });
    if let Some(at) = rule.filter(|at| *at > 0 && *at + 1 < lines.len()) {
        return Some((lines[..at].join("\n"), lines[at + 1..].join("\n")));
    }
    for (first, second) in [
        ("A:", "B:"),
        ("Text A:", "Text B:"),
        ("Version 1:", "Version 2:"),
        ("Before:", "After:"),
        ("Old:", "New:"),
        ("1:", "2:"),
    ] {
        let starts = |line: &str, head: &str| {
            line.trim_start()
                .get(..head.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(head))
        };
        let (Some(left), Some(right)) = (
            lines.iter().position(|line| starts(line, first)),
            lines.iter().position(|line| starts(line, second)),
        ) else {
            continue;
        };
        if left < right {
            let strip =
                |line: &str, head: &str| line.trim_start()[head.len()..].trim_start().to_owned();
            let body = |from: usize, to: usize, head: &str| {
                let mut body = vec![strip(lines[from], head)];
                body.extend(lines[from + 1..to].iter().map(|line| (*line).to_owned()));
                body.join("\n").trim().to_owned()
            };
            return Some((body(left, right, first), body(right, lines.len(), second)));
        }
    }
    None
}

/// The two texts that are there to compare.
pub(super) fn pair(materials: &[Material], context: Option<&str>) -> Option<(Material, Material)> {
    for material in materials {
        if let Some((left, right)) = text_of(material, context).and_then(parts) {
            return Some((Material::Text(left), Material::Text(right)));
        }
    }
    match materials {
        [left, right, ..] => Some((left.clone(), right.clone())),
        _ => None,
    }
}

/// The paths such as `$.lines[1].amount` in a clause.
pub(super) fn json_paths(clause: &str) -> Vec<String> {
    clause
        .split(|c: char| c.is_whitespace() || c == ',')
        .map(|word| {
            word.trim_matches(|c: char| matches!(c, '`' | '"' | '\'' | '?' | ';' | '“' | '”' | '('))
        })
        .map(|word| word.trim_end_matches(['.', '?']))
        .filter(|word| word.starts_with("$.") || word.starts_with("$["))
        .map(str::to_owned)
        .collect()
}

/// The list of objects in a JSON text, by its path, and the table that it makes.
pub(in crate::models::builtin) fn json_table(text: &str) -> Option<(String, Table)> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let (path, list) = match &value {
        Value::Array(list) => ("$".to_owned(), list),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let list = value.as_array()?;
            let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            (is_plain && list.len() >= 2 && list.iter().all(Value::is_object))
                .then(|| (format!("$.{name}"), list))
        })?,
        _ => return None,
    };
    let mut columns: Vec<String> = Vec::new();
    for object in list {
        for name in object.as_object()?.keys() {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    }
    let cell = |object: &Value, name: &String| match object.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let rows = list
        .iter()
        .take(200)
        .map(|object| columns.iter().map(|name| cell(object, name)).collect())
        .collect();
    (!columns.is_empty()).then_some((path, Table { columns, rows }))
}
