//! Reads values out of JSON by path, and converts JSON.

mod path;
mod to_csv;

use serde_json::{Value, json};

use super::document::Document;
use super::material::{self, capped, invalid, string};
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use path::Path;

/// Reads values out of JSON.
#[derive(Debug, Clone, Copy)]
pub struct JsonQuery;

impl Tool for JsonQuery {
    fn name(&self) -> &'static str {
        "json_query"
    }

    fn description(&self) -> &'static str {
        "Works on JSON. `operation`: \"get\" (the value at `path`; when absent this one), \"keys\" (the keys of the object \
         there), \"length\" (of the array, object or string there), \"to_csv\" (an array of objects as CSV), \"pretty\", \
         \"minify\", \"validate\". Paths: $ is the whole, $.user.name, $.items[0], $.items[-1], $.items[1:3], $.items[*].price, \
         $..price (at any depth), $['odd key'], and filters such as $.items[?(@.price > 10 && @.name == 'pen')] with == != < \
         <= > >= contains. A path with * .. : or a filter gives an array of what it finds. Also reads JSON lines."
    }

    fn parameters(&self) -> Value {
        let properties = json!({
            "operation": {
                "type": "string", "enum": ["get", "keys", "length", "to_csv", "pretty", "minify", "validate"],
                "description": "What to do; get when absent.",
            },
            "path": { "type": "string", "maxLength": 1000, "description": "Where in the JSON, such as $.items[*].price; the whole when absent." },
        });
        schema::object(&schema::with_text(properties, "the JSON"), &[])
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move { run(arguments, context) })
    }
}

fn run(arguments: &Value, context: &ToolContext) -> Result<String, ToolError> {
    let text = material::text(arguments, context)?;
    let whole = parse(&text)?;
    let path = Path::parse(string(arguments, "path").unwrap_or("$"))?;
    let found = path.find(&whole);
    let value = || -> Result<Document, ToolError> {
        if path.is_many() {
            return Ok(Document::Array(found.iter().map(|value| (*value).clone()).collect()));
        }
        found.first().map(|value| (*value).clone()).ok_or_else(|| path.missing(&whole))
    };
    let result = match string(arguments, "operation").unwrap_or("get") {
        "get" => match value()? {
            Document::String(text) => text,
            value @ (Document::Array(_) | Document::Object(_)) => readable(&value),
            value => value.to_string(),
        },
        "keys" => match value()? {
            Document::Object(members) => {
                let keys: Vec<_> = members.into_iter().map(|(key, _)| key).collect();
                Value::from(keys).to_string()
            }
            Document::Array(list) => {
                Value::from(Document::columns(&list, to_csv::COLUMNS_MAX)).to_string()
            }
            other => return Err(ToolError::Failed(format!("{} has no keys", kind(&other)))),
        },
        "length" => match value()? {
            Document::Object(map) => map.len().to_string(),
            Document::Array(list) => list.len().to_string(),
            Document::String(text) => text.chars().count().to_string(),
            other => return Err(ToolError::Failed(format!("{} has no length", kind(&other)))),
        },
        "to_csv" => to_csv::to_csv(&value()?)?,
        "pretty" => value()?.pretty(),
        "minify" => value()?.to_string(),
        "validate" => format!("valid JSON: {}", kind(&whole)),
        other => return Err(invalid(format!("there is no operation {other:?}"))),
    };
    Ok(capped(result))
}

/// Reads JSON, or one JSON value on each line, or JSON within a Markdown fence.
fn parse(text: &str) -> Result<Document, ToolError> {
    let text = text.trim().trim_start_matches('\u{feff}');
    let text = unfenced(text);
    serde_json::from_str(text).or_else(|error| {
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let is_lines = lines.len() > 1 && lines.iter().all(|line| line.starts_with(['{', '[']));
        let values: Option<Vec<Document>> = is_lines
            .then(|| lines.iter().map(|line| serde_json::from_str(line).ok()).collect())
            .flatten();
        values.map(Document::Array).ok_or_else(|| {
            let near = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            let before: String = near.chars().take(error.column()).collect();
            let from = before.char_indices().rev().nth(30).map_or(0, |(at, _)| at);
            ToolError::Failed(format!("not valid JSON: {error}, after {:?}", &before[from..]))
        })
    })
}

fn unfenced(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("```") else {
        return text;
    };
    let body = rest.split_once('\n').map_or(rest, |(_, body)| body);
    body.rfind("```").map_or(body, |end| &body[..end]).trim()
}

/// Short values on one line, longer ones indented.
fn readable(value: &Document) -> String {
    let short = value.to_string();
    if short.len() <= 120 { short } else { value.pretty() }
}

/// "array of 3 items"
fn kind(value: &Document) -> String {
    let counted = |count: usize, noun: &str| {
        if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
    };
    match value {
        Document::Null => "null".into(),
        Document::Bool(_) => "a boolean".into(),
        Document::Number(_) => "a number".into(),
        Document::String(text) => {
            format!("a string of {}", counted(text.chars().count(), "character"))
        }
        Document::Array(list) => format!("an array of {}", counted(list.len(), "item")),
        Document::Object(map) => format!("an object with {}", counted(map.len(), "key")),
    }
}

#[cfg(test)]
#[rustfmt::skip] // The tables of facts are laid out by hand.
mod tests;
