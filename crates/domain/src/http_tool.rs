//! A tool that is one HTTP request, written down with placeholders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fault::FieldFault;
use crate::host;
use crate::template::{self, Piece};
#[cfg(feature = "schema")]
use crate::text::SHOWN_PATTERN;
use crate::text::check_text;

/// The longest description of a tool, in characters.
pub const TOOL_DESCRIPTION_MAX: usize = 1_024;
/// The longest address, in bytes.
const URL_MAX: usize = 4_096;
/// The most query parameters, and the most headers.
const FIELDS_MAX: usize = 50;
/// The longest JSON text of a body template or an input schema, in bytes.
pub(crate) const JSON_MAX: usize = 32 * 1024;
/// The longest that a request may take, in seconds.
pub const REQUEST_SECONDS_MAX: u32 = 60;

/// A request with placeholders for the values that the model gives.
///
/// In `url` a value is percent-encoded and never leaves its path segment, nor leaves it empty. In `url` and
/// `headers` the items of a list stand with commas in between. In `query` and `headers` an entry whose only
/// placeholder has no value is left out. In `body` a text that is one placeholder
/// and nothing else becomes the value itself with its type, and a member without a value is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HttpTool {
    /// What it does, for the model.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TOOL_DESCRIPTION_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub description: String,
    /// The method.
    #[serde(default)]
    pub method: HttpMethod,
    /// The address. Scheme, host and port stand without placeholders.
    pub url: String,
    /// What is added to the address's query.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// How an entry of the query that is one placeholder writes a list or an object, by its name. Without
    /// one a list gives an entry for each of its items, and an object is JSON.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub styles: BTreeMap<String, QueryStyle>,
    /// The headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, or the fields of a form when `content-type` is
    /// `application/x-www-form-urlencoded`, or text when it is one text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The JSON schema of the input, an object.
    #[serde(default = "no_input")]
    pub input_schema: Value,
    /// How long one request may take, 1 to [`REQUEST_SECONDS_MAX`] seconds.
    #[serde(default = "request_seconds")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = REQUEST_SECONDS_MAX)))]
    pub timeout_seconds: u32,
    /// The operation of an OpenAPI document that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

pub(crate) fn no_input() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

pub(crate) const fn request_seconds() -> u32 {
    15
}

/// How a list or an object stands in a query, as OpenAPI names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QueryStyle {
    /// `a=1&a=2`; the members of an object under their own names.
    Form,
    /// `a=1,2`, an object as `a=name,value`.
    Comma,
    /// The same with blanks.
    Space,
    /// The same with `|`.
    Pipe,
    /// `a[name]=value`.
    DeepObject,
    /// JSON.
    Json,
}

/// A method of HTTP (RFC 9110, section 9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum HttpMethod {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl HttpMethod {
    /// Every method.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The method as requests carry it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether the same request twice means the same as once (RFC 9110, section 9.2.2).
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }
}

/// Headers that belong to the connection, not to a tool.
const OWN_HEADERS: [&str; 12] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "proxy-authorization",
    "proxy-connection",
    "accept-encoding",
    "expect",
];

impl HttpTool {
    /// The schema of a tool that takes no input.
    #[must_use]
    pub fn default_schema() -> Value {
        no_input()
    }

    /// The host that it sends to.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        host::of_url(&self.url)
    }

    /// The names of the secrets in it, some perhaps more than once.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        self.pieces()
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Secret(name) => Some(name),
                _ => None,
            })
            .collect()
    }

    /// All pieces of all its texts, less those of texts that cannot be read.
    fn pieces(&self) -> Vec<Piece<'_>> {
        let mut texts = vec![self.url.as_str()];
        texts.extend(self.query.values().map(String::as_str));
        texts.extend(self.headers.values().map(String::as_str));
        collect_texts(self.body.as_ref(), &mut texts);
        texts.into_iter().filter_map(|text| template::pieces(text).ok()).flatten().collect()
    }

    /// Reports each broken rule as `<field>.<name>`.
    pub(crate) fn check(&self, faults: &mut Vec<FieldFault>, field: &str) {
        let at = |name: &str| format!("{field}.{name}");
        let description = at("description");
        check_text(faults, &description, &self.description, 1, TOOL_DESCRIPTION_MAX);
        self.check_url(faults, &at("url"));
        for (name, map) in [("query", &self.query), ("headers", &self.headers)] {
            if map.len() > FIELDS_MAX {
                let reason = format!("must be at most {FIELDS_MAX} entries");
                faults.push(FieldFault::new(at(name), reason));
            }
            for (key, text) in map {
                self.check_template(faults, &format!("{field}.{name}.{key}"), text);
            }
        }
        for name in self.styles.keys().filter(|name| !self.query.contains_key(*name)) {
            let field = format!("{field}.styles.{name}");
            faults.push(FieldFault::new(field, "must be named in `query`, too"));
        }
        for (name, value) in &self.headers {
            if let Err(reason) = check_header(name, value) {
                faults.push(FieldFault::new(format!("{field}.headers.{name}"), reason));
            }
        }
        let mut texts = Vec::new();
        collect_texts(self.body.as_ref(), &mut texts);
        for text in texts {
            self.check_template(faults, &at("body"), text);
        }
        if self.body.is_some() && matches!(self.method, HttpMethod::Get | HttpMethod::Head) {
            let reason = format!("must be absent with the method {}", self.method.as_str());
            faults.push(FieldFault::new(at("body"), reason));
        }
        for (name, value) in
            [("body", self.body.as_ref()), ("input_schema", Some(&self.input_schema))]
        {
            if value.is_some_and(|value| value.to_string().len() > JSON_MAX) {
                let reason = format!("must be at most {JSON_MAX} bytes of JSON");
                faults.push(FieldFault::new(at(name), reason));
            }
        }
        check_schema(faults, &at("input_schema"), &self.input_schema);
        if self.timeout_seconds == 0 || self.timeout_seconds > REQUEST_SECONDS_MAX {
            let reason = format!("must be 1 to {REQUEST_SECONDS_MAX}");
            faults.push(FieldFault::new(at("timeout_seconds"), reason));
        }
        if let Some(operation) = &self.operation {
            check_text(faults, &at("operation"), operation, 1, 300);
        }
    }

    fn check_url(&self, faults: &mut Vec<FieldFault>, field: &str) {
        let url = &self.url;
        let dots = |segment: &str| matches!(segment, "." | "..");
        let reason = if url.len() > URL_MAX {
            format!("must be at most {URL_MAX} bytes")
        } else if self.host().is_none() {
            "must begin with https:// and a host without placeholders".to_owned()
        } else if url.contains(|c: char| c.is_control() || c == '\\' || c == '#') {
            "must not hold control characters, \\ or #".to_owned()
        } else if url.split('?').next().is_some_and(|path| path.split('/').any(dots)) {
            "must not hold the path segments . and ..".to_owned()
        } else {
            return self.check_template(faults, field, url);
        };
        faults.push(FieldFault::new(field, reason));
    }

    /// Every placeholder must be readable and name something that the input may have.
    fn check_template(&self, faults: &mut Vec<FieldFault>, field: &str, text: &str) {
        let pieces = match template::pieces(text) {
            Ok(pieces) => pieces,
            Err(reason) => return faults.push(FieldFault::new(field, reason)),
        };
        for piece in pieces {
            if let Piece::Input(path) = piece
                && self.input_schema["properties"].get(path[0]).is_none()
            {
                faults.push(FieldFault::new(
                    field,
                    format!("has {{{{{}}}}}, which input_schema does not describe", path.join(".")),
                ));
            }
        }
    }
}

fn collect_texts<'a>(value: Option<&'a Value>, texts: &mut Vec<&'a str>) {
    match value {
        Some(Value::String(text)) => texts.push(text),
        Some(Value::Array(items)) => {
            for item in items {
                collect_texts(Some(item), texts);
            }
        }
        Some(Value::Object(fields)) => {
            for value in fields.values() {
                collect_texts(Some(value), texts);
            }
        }
        _ => {}
    }
}

pub(crate) fn check_header(name: &str, value: &str) -> Result<(), String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(is_token) {
        return Err("must have a name that HTTP allows".to_owned());
    }
    if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err("must not be set: it belongs to the connection".to_owned());
    }
    if value.len() > 4_096 || value.chars().any(char::is_control) {
        return Err("must be one line of at most 4096 bytes".to_owned());
    }
    Ok(())
}

/// The part of the schema's rules that needs no knowledge of JSON schema.
pub(crate) fn check_schema(faults: &mut Vec<FieldFault>, field: &str, schema: &Value) {
    if schema["type"] != "object" {
        faults.push(FieldFault::new(field, "must be a JSON schema with \"type\": \"object\""));
        return;
    }
    match &schema["properties"] {
        Value::Object(properties) if properties.contains_key("secrets") => faults.push(
            FieldFault::new(field, "must not describe `secrets`: the name stands for secrets"),
        ),
        Value::Null | Value::Object(_) => {}
        _ => faults.push(FieldFault::new(field, "must have an object in \"properties\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool() -> HttpTool {
        serde_json::from_value(json!({
            "description": "Files a ticket",
            "method": "POST",
            "url": "https://api.example.org/projects/{{project}}/tickets",
            "headers": { "authorization": "Bearer {{secrets.TICKETS}}" },
            "body": { "title": "{{title}}", "tags": ["agent", "{{tag}}"] },
            "input_schema": {
                "type": "object",
                "properties": { "project": {}, "title": {}, "tag": {} },
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_tool_that_keeps_every_rule_passes() {
        let mut faults = Vec::new();
        tool().check(&mut faults, "s");
        assert_eq!(faults, []);
        assert_eq!(tool().secrets(), ["TICKETS"]);
        assert_eq!(tool().host(), Some("api.example.org"));
        assert!(!tool().method.is_idempotent());
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        type Break = fn(&mut HttpTool);
        let table: [(&str, Break); 19] = [
            ("s.description", |t| t.description.clear()),
            ("s.url", |t| t.url = "https://{{host}}/".to_owned()),
            ("s.url", |t| t.url = "https://a@b.org/".to_owned()),
            ("s.url", |t| t.url = "file:///etc/passwd".to_owned()),
            ("s.url", |t| t.url = "https://a.org/x/../{{title}}".to_owned()),
            ("s.url", |t| t.url = "https://a.org/{{nothing}}".to_owned()),
            ("s.url", |t| t.url = "https://a.org/{{title".to_owned()),
            ("s.query.q", |t| drop(t.query.insert("q".to_owned(), "{{x}}".to_owned()))),
            ("s.styles.q", |t| {
                t.styles.insert("q".to_owned(), QueryStyle::Comma);
            }),
            ("s.headers.host", |t| drop(t.headers.insert("host".to_owned(), "b.org".to_owned()))),
            ("s.headers.a b", |t| drop(t.headers.insert("a b".to_owned(), String::new()))),
            ("s.headers.x", |t| drop(t.headers.insert("x".to_owned(), "a\r\nb: c".to_owned()))),
            ("s.body", |t| t.body = Some(json!({ "a": ["{{b}}"] }))),
            ("s.body", |t| t.method = HttpMethod::Get),
            ("s.body", |t| t.body = Some("x".repeat(JSON_MAX).into())),
            ("s.input_schema", |t| t.input_schema["properties"]["secrets"] = json!({})),
            ("s.timeout_seconds", |t| t.timeout_seconds = 0),
            ("s.timeout_seconds", |t| t.timeout_seconds = 61),
            ("s.operation", |t| t.operation = Some(String::new())),
        ];
        for (field, breaks) in table {
            let mut broken = tool();
            breaks(&mut broken);
            let mut faults = Vec::new();
            broken.check(&mut faults, "s");
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
        }
    }
}
