//! Pieces of the tools' JSON schemas, and what a model is told when it breaks one.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use resonant_domain::text::shorten;
use serde_json::{Value, json};

/// An object with these properties and no others.
///
/// `anyOf` and its like never stand at the top: several endpoints refuse a tool that has them there.
pub(super) fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The properties `text` and `source`, of which a call gives one.
pub(super) fn with_text(mut properties: Value, what: &str) -> Value {
    let itself = format!("{what} itself. Leave it out when `source` is given.");
    let elsewhere = format!(
        "Instead of `text`: where {what} already is. \"context\" for the newest material that a \
         person gave, the source that is named before it for another one, or the call id of an \
         earlier tool call for its result."
    );
    if let Some(map) = properties.as_object_mut() {
        map.insert("text".into(), json!({ "type": "string", "description": itself }));
        map.insert("source".into(), json!({ "type": "string", "description": elsewhere }));
    }
    properties
}

/// One broken rule, as a sentence that begins with the field.
pub(super) fn explain(error: &ValidationError<'_>) -> String {
    let field = field(error.instance_path().as_str());
    let at = if field.is_empty() { "the arguments" } else { &field };
    let got = || shorten(&error.instance().to_string(), 60);
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let names: Vec<_> =
                unexpected.iter().map(|name| format!("`{}`", join(&field, name))).collect();
            format!("there is no field {}", names.join(", "))
        }
        Kind::Required { property } => {
            format!("`{}` is missing", join(&field, property.as_str().unwrap_or_default()))
        }
        Kind::Enum { options } => {
            let options: Vec<_> =
                options.as_array().into_iter().flatten().map(ToString::to_string).collect();
            format!("`{at}` must be one of {}, not {}", options.join(", "), got())
        }
        _ if field.is_empty() => format!("the arguments must be a JSON object: {error}"),
        Kind::Minimum { limit } => format!("`{at}` must be at least {limit}, not {}", got()),
        Kind::Maximum { limit } => format!("`{at}` must be at most {limit}, not {}", got()),
        Kind::MinLength { limit: 1 } => format!("`{at}` must not be empty"),
        Kind::MaxLength { limit } => format!("`{at}` must be at most {limit} characters"),
        Kind::MinItems { limit } => format!("`{at}` must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("`{at}` must have at most {limit} items"),
        Kind::Type { .. } => {
            let rule = error.to_string();
            let rule = rule.rsplit_once(" is not of ").map_or("another type", |(_, types)| types);
            format!("`{at}` must be of {rule}, not {}", got())
        }
        _ => format!("`{at}`: {}", shorten(&error.to_string(), 200)),
    }
}

/// `/filters/0/op` as `filters[0].op`.
fn field(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            path.extend(["[", part, "]"]);
        } else {
            path = join(&path, &part.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
