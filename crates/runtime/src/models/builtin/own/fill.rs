//! Arguments out of a goal's own words. Nothing is made up.

use serde_json::{Map, Number, Value};

use super::super::words::phrases;

/// The arguments that a schema asks for, as far as the clause says them: by name (`city: Berlin`), by a
/// word that the schema names, or as what stands behind the tool's name when one thing alone is asked.
///
/// # Errors
/// The names of those that must be given and are not.
pub(super) fn arguments(schema: &Value, clause: &str, rest: &str) -> Result<Value, Vec<String>> {
    let mut given = Map::new();
    let mut rest = rest;
    let mut is_named = false;
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        if let Some(value) = named(clause, name).and_then(|text| typed(property, text)) {
            is_named = true;
            given.insert(name.clone(), value);
        } else if let Some((word, value)) = chosen(property, clause) {
            rest = without(rest, &word);
            given.insert(name.clone(), value);
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let open: Vec<&str> = required.filter(|name| !given.contains_key(*name)).collect();
    let kind = |name: &str| properties.and_then(|all| all.get(name)).map_or("", kind_of);
    let texts: Vec<_> = open.iter().filter(|name| ["string", ""].contains(&kind(name))).collect();
    let numbers: Vec<_> =
        open.iter().filter(|name| ["number", "integer"].contains(&kind(name))).collect();
    // What is named is no part of what is not.
    if !is_named && let ([name], Some(text)) = (&texts[..], one_text(rest)) {
        given.insert((**name).to_owned(), text.into());
    }
    if let ([name], Some(number)) = (&numbers[..], one_number(clause))
        && let Some(value) = properties.and_then(|all| typed(all.get(**name)?, number))
    {
        given.insert((**name).to_owned(), value);
    }
    let missing: Vec<_> =
        open.into_iter().filter(|name| !given.contains_key(*name)).map(str::to_owned).collect();
    if missing.is_empty() { Ok(Value::Object(given)) } else { Err(missing) }
}

fn kind_of(property: &Value) -> &str {
    property["type"].as_str().unwrap_or_default()
}

/// The value behind a name: `city: Berlin`, `city=Berlin`, `city "Berlin"`.
fn named<'c>(clause: &'c str, name: &str) -> Option<&'c str> {
    let lower = clause.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    for name in [name.clone(), name.replace('_', " ")] {
        for at in phrases(&lower, &name) {
            let behind = clause[at + name.len()..].trim_start();
            let value = match behind.strip_prefix([':', '=']) {
                Some(value) => value.trim_start(),
                None if behind.starts_with(['"', '“', '`']) => behind,
                None => continue,
            };
            if let Some(quoted) = quoted(value) {
                return Some(quoted);
            }
            let ends = [", ", "; ", " and "].iter().filter_map(|end| value.find(end));
            let end = ends.min().unwrap_or(value.len());
            return Some(value[..end].trim().trim_end_matches([',', ';', '.', '?', '!']));
        }
    }
    None
}

/// The text between the quotes with which a text begins.
fn quoted(text: &str) -> Option<&str> {
    let opening = text.chars().next()?;
    let closing = match opening {
        '"' | '`' => opening,
        '“' => '”',
        _ => return None,
    };
    let inner = &text[opening.len_utf8()..];
    Some(&inner[..inner.find(closing)?])
}

/// A text as the schema wants it.
fn typed(property: &Value, text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    match kind_of(property) {
        "integer" => text.parse::<i64>().ok().map(Value::from),
        "number" => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
        "boolean" => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true.into()),
            "false" | "no" | "off" => Some(false.into()),
            _ => None,
        },
        "array" | "object" => serde_json::from_str(text).ok(),
        _ => Some(text.into()),
    }
}

/// The one word of those that the schema names which stands in the clause, and what it means.
fn chosen(property: &Value, clause: &str) -> Option<(String, Value)> {
    let lower = clause.to_lowercase();
    let words: Vec<_> = lower.split(|letter: char| !letter.is_alphanumeric()).collect();
    let mut said = property["enum"].as_array()?.iter().filter_map(|value| {
        let word = value.as_str()?.to_lowercase();
        words.contains(&word.as_str()).then_some((word, value))
    });
    let (word, value) = said.next()?;
    said.next().is_none().then(|| (word, value.clone()))
}

/// A text up to a word, and without what leads to the word.
fn without<'t>(text: &'t str, word: &str) -> &'t str {
    let Some(at) = text.to_ascii_lowercase().find(word) else { return text };
    let mut before = text[..at].trim_end();
    while let Some((head, last)) = before.rsplit_once(' ')
        && ["in", "as", "with", "and", "the"].contains(&last)
    {
        before = head.trim_end();
    }
    before
}

/// What stands behind a tool's name: what is quoted there, or all of it.
fn one_text(rest: &str) -> Option<&str> {
    let rest = rest.trim();
    let from = rest.find(['"', '“', '`']);
    let text = from.and_then(|at| quoted(&rest[at..])).unwrap_or(rest);
    let text = text.trim().trim_end_matches(['.', '?', '!']).trim_end();
    (!text.is_empty()).then_some(text)
}

/// The number of a clause, when there is one alone.
fn one_number(clause: &str) -> Option<&str> {
    let words =
        clause.split_whitespace().map(|word| word.trim_matches(['.', ',', '?', '!', '(', ')']));
    let mut numbers = words.filter(|word| word.parse::<f64>().is_ok_and(f64::is_finite));
    let one = numbers.next()?;
    numbers.next().is_none().then_some(one)
}
