//! From the schemas of OpenAPI 3.0 to JSON schema of draft 2020-12, which 3.1 uses as it is.

use serde_json::{Map, Value, json};

/// What stands in OpenAPI's schemas for other readers and only makes a model's request longer.
const DROPPED: [&str; 7] =
    ["xml", "externalDocs", "discriminator", "example", "examples", "deprecated", "nullable"];

/// The schema in the draft that tools are checked with.
pub(super) fn modern(schema: Value) -> Value {
    let Value::Object(fields) = schema else { return schema };
    let is_nullable = fields.get("nullable") == Some(&Value::Bool(true));
    let mut modern = Map::new();
    for (name, value) in fields {
        if DROPPED.contains(&name.as_str()) || name.starts_with("x-") {
            continue;
        }
        let value = match name.as_str() {
            // Names of properties, not keywords.
            "properties" | "patternProperties" | "$defs" => match value {
                Value::Object(inner) => {
                    inner.into_iter().map(|(name, schema)| (name, self::modern(schema))).collect()
                }
                other => other,
            },
            "items" | "additionalProperties" | "not" => self::modern(value),
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => match value {
                Value::Array(items) => items.into_iter().map(self::modern).collect(),
                other => other,
            },
            _ => value,
        };
        modern.insert(name, value);
    }
    for (limit, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if let Some(Value::Bool(is_exclusive)) = modern.get(exclusive).cloned() {
            modern.remove(exclusive);
            if is_exclusive && let Some(value) = modern.remove(limit) {
                modern.insert(exclusive.to_owned(), value);
            }
        }
    }
    if is_nullable {
        if let Some(Value::String(kind)) = modern.get("type").cloned() {
            modern.insert("type".to_owned(), json!([kind, "null"]));
        }
        if let Some(Value::Array(options)) = modern.get_mut("enum")
            && !options.contains(&Value::Null)
        {
            options.push(Value::Null);
        }
    }
    Value::Object(modern)
}
