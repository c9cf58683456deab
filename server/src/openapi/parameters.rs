//! What a request brings: parts of the path, query parameters, headers, the body.

use resonant_domain::listing::TRAITS_MAX;
use resonant_domain::page::{DEFAULT_LIMIT, MAX_LIMIT};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

/// The most ids that one request may name.
const IDS_MAX: usize = resonant_backend::agents::records::BATCH_MAX;

/// The schema of something that is read. It stands where it is used, because what is written of the same
/// type may be another.
pub(super) fn of_request(make: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Schema {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .for_deserialize();
    let mut schema = make(&mut settings.into_generator());
    RecursiveTransform(with_bounds).transform(&mut schema);
    schema
}

/// Says how large a whole number may be: the name of its format is ours, and no tool knows it.
fn with_bounds(schema: &mut Schema) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("uint16") => (json!(0), json!(u16::MAX)),
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("uint64") => (json!(0), json!(u64::MAX)),
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        _ => return,
    };
    for (name, bound) in [("minimum", least), ("maximum", most)] {
        if schema.get(name).is_none() {
            schema.insert(name.to_owned(), bound);
        }
    }
}

/// The parts of a path that differ from thing to thing.
pub(super) fn in_path(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let schema = |name: &str| match name {
        "delivery" | "id" | "owner" | "document" | "memory" => {
            json!({ "type": "string", "format": "uuid" })
        }
        "version" | "step" => json!({ "type": "integer", "minimum": 1, "maximum": i32::MAX }),
        "tool" => json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$" }),
        "token" => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]+$" }),
        "name" => json!({ "type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$" }),
        _ => json!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" }),
    };
    names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": schema(name) }))
        .collect()
}

/// The parameters that are the fields of a struct. `lists` are described apart.
pub(super) fn in_query(
    make: impl FnOnce(&mut SchemaGenerator) -> Schema,
    lists: &[(&'static str, Value)],
) -> Vec<Value> {
    let schema = of_request(make);
    let Some(Value::Object(properties)) = schema.get("properties") else { return vec![] };
    let is_required = |name: &str| {
        let required = schema.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|other| other == name))
    };
    let is_list = |name: &String| lists.iter().any(|(list, _)| list == name);
    let single = properties.iter().filter(|(name, _)| !is_list(name));
    single
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let description =
                schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let schema = match name.as_str() {
                "limit" => json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT,
                                   "default": DEFAULT_LIMIT }),
                _ => without_null(schema),
            };
            let mut parameter = json!({ "name": name, "in": "query", "schema": schema });
            let description = match name.as_str() {
                "cursor" => Some(json!("The `next_cursor` of the page before; opaque")),
                _ => description,
            };
            if is_required(name) {
                parameter["required"] = json!(true);
            }
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameter
        })
        .collect()
}

/// A parameter with several values, parted by commas.
pub(super) fn list((name, items): (&'static str, Value)) -> Value {
    let (description, most) = match name {
        "fields" => ("These fields alone; empty: all of them", json!({})),
        "tags" | "tools" => ("Listings with each of these", json!({ "maxItems": TRAITS_MAX })),
        _ => (
            "These alone, in this order. What narrows, orders or pages a list does nothing beside them",
            json!({ "minItems": 1, "maxItems": IDS_MAX, "uniqueItems": true }),
        ),
    };
    let mut schema = json!({ "type": "array", "items": items });
    if let (Value::Object(schema), Value::Object(most)) = (&mut schema, most) {
        schema.extend(most);
    }
    json!({ "name": name, "in": "query", "description": description, "style": "form",
            "explode": false, "schema": schema })
}

/// A header that changes what a request does.
pub(super) fn header(name: &str) -> Value {
    let (description, pattern) = match name {
        "Idempotency-Key" => (
            "Makes the request count once: sent again within a day, it gets the same answer",
            "^[!-~]{1,255}$",
        ),
        // What is no entity tag names no version, which harms nobody (RFC 9110, 13.1.2). A tag may hold
        // any octet but controls (8.8.3).
        "If-None-Match" => (
            "The versions that the caller has, or in which nothing is to be changed",
            r"^[\t -~\u0080-\u00ff]*$",
        ),
        "webhook-id" => ("The message's name: it is taken once", "^[!-~]{1,200}$"),
        "webhook-timestamp" => ("When it was signed, in seconds since 1970", "^[0-9]{1,12}$"),
        "webhook-signature" => ("`v1,` and the signature in base64", "^v1,[A-Za-z0-9+/=]+"),
        "If-Match" => (
            "The `ETag` of the version that the thing must have; of several, one",
            r#"^(\*|"[!#-~]+"( *, *"[!#-~]+")*)$"#,
        ),
        _ => (
            "The number of the last event that was seen: what comes after it is sent",
            "^[0-9]{1,18}$",
        ),
    };
    json!({ "name": name, "in": "header", "description": description,
            "schema": { "type": "string", "pattern": pattern } })
}

/// A parameter is absent rather than null.
fn without_null(mut schema: Value) -> Value {
    if let Some(Value::Array(kinds)) = schema.get_mut("anyOf") {
        kinds.retain(|kind| kind["type"] != "null");
        if let [only] = kinds.as_slice() {
            return only.clone();
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if schema.get("default").is_some_and(Value::is_null)
        && let Some(schema) = schema.as_object_mut()
    {
        schema.remove("default");
    }
    schema
}
