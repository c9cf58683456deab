//! From a written request and the values of a call to the request that is sent.

use std::collections::BTreeMap;

use resonant_domain::http_tool::{HttpTool, QueryStyle};
use resonant_domain::template::{self, Piece};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded;

use crate::tools::secrets::{BoundSecret, Secrets};
use crate::tools::tool::ToolError;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain; charset=utf-8";

/// A request with every placeholder filled in.
pub(super) struct Rendered {
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    /// The type of the body, unless a header says it.
    pub(super) content_type: Option<&'static str>,
    /// The secrets in it.
    pub(super) used: Vec<BoundSecret>,
}

/// Fills in the placeholders.
///
/// # Errors
/// [`ToolError::Invalid`] when a value is missing or does not fit its place, [`ToolError::Failed`]
/// when there is no secret of a name.
pub(super) fn render(
    tool: &HttpTool,
    input: &Value,
    secrets: &Secrets,
) -> Result<Rendered, ToolError> {
    let mut filler = Filler { input, secrets, used: Vec::new() };
    let mut url = filler.url(&tool.url)?;
    let mut query = url.query().unwrap_or_default().to_owned();
    for (name, text) in &tool.query {
        for pair in filler.pairs(name, text, tool.styles.get(name).copied())? {
            query.push_str(if query.is_empty() { "" } else { "&" });
            query.push_str(&pair);
        }
    }
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    let mut headers = Vec::new();
    for (name, text) in &tool.headers {
        let Some(value) = filler.text_of(text, with_commas)? else { continue };
        if value.chars().any(char::is_control) {
            return Err(ToolError::Invalid(format!("the header {name} must be one line")));
        }
        headers.push((name.clone(), value));
    }
    let is_form = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().starts_with(FORM)
    });
    let sent = match &tool.body {
        Some(body) => filler.json(body)?,
        None => None,
    };
    let (body, content_type) = match sent {
        None => (None, None),
        Some(Value::Object(fields)) if is_form => (Some(form(&fields).into_bytes()), Some(FORM)),
        // A template that is one text is sent as text; one that is one placeholder as what it gives.
        Some(Value::String(text)) => (Some(text.into_bytes()), Some(TEXT)),
        Some(value) => (Some(value.to_string().into_bytes()), Some(JSON)),
    };
    Ok(Rendered { url: url.into(), headers, body, content_type, used: filler.used })
}

/// Fills secrets into headers that have no other placeholders. Answers the headers and the secrets.
///
/// # Errors
/// [`ToolError::Failed`] when there is no secret of a name.
pub fn fill_headers(
    headers: &BTreeMap<String, String>,
    secrets: &Secrets,
) -> Result<(BTreeMap<String, String>, Vec<BoundSecret>), ToolError> {
    let mut filler = Filler { input: &Value::Null, secrets, used: Vec::new() };
    let mut whole = BTreeMap::new();
    for (name, text) in headers {
        if let Some(value) = filler.text(text)? {
            whole.insert(name.clone(), value);
        }
    }
    Ok((whole, filler.used))
}

struct Filler<'a> {
    input: &'a Value,
    secrets: &'a Secrets,
    used: Vec<BoundSecret>,
}

impl<'a> Filler<'a> {
    /// The input's value at a path; `None` when there is none or it is null.
    fn value(&self, path: &[&str]) -> Option<&'a Value> {
        let found = path.iter().try_fold(self.input, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            value => value.get(part),
        });
        found.filter(|value| !value.is_null())
    }

    fn secret(&mut self, name: &str) -> Result<String, ToolError> {
        let secret = self.secrets.get(name).ok_or_else(|| {
            ToolError::Failed(format!(
                "there is no secret {name}; its owner adds it to the secrets of the account"
            ))
        })?;
        if !self.used.iter().any(|known| known.name == name) {
            self.used.push(secret.clone());
        }
        Ok(secret.value.expose().to_owned())
    }

    /// A text with its values; `None` when one of them is missing.
    fn text(&mut self, template: &str) -> Result<Option<String>, ToolError> {
        self.text_of(template, as_text)
    }

    /// The same with the values written so.
    fn text_of(
        &mut self,
        template: &str,
        write: fn(&Value) -> String,
    ) -> Result<Option<String>, ToolError> {
        let mut text = String::new();
        for piece in pieces(template)? {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Secret(name) => text.push_str(&self.secret(name)?),
                Piece::Input(path) => match self.value(&path) {
                    Some(value) => text.push_str(&write(value)),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(text))
    }

    /// An entry of the query, as one or more pairs; none when its value is missing.
    fn pairs(
        &mut self,
        name: &str,
        template: &str,
        style: Option<QueryStyle>,
    ) -> Result<Vec<String>, ToolError> {
        if let [Piece::Input(path)] = pieces(template)?.as_slice() {
            return Ok(self.value(path).map_or_else(Vec::new, |value| written(name, value, style)));
        }
        Ok(self.text(template)?.map(|text| pair(name, &text)).into_iter().collect())
    }

    /// The address. A value stays within its segment of the path or its part of the query, whatever
    /// it holds, and a segment stays one.
    fn url(&mut self, template: &str) -> Result<Url, ToolError> {
        let (mut text, mut segment) = (String::new(), Segment::default());
        for piece in pieces(template)? {
            let values = match piece {
                Piece::Text(part) => {
                    text.push_str(part);
                    segment.go_on(part)?;
                    continue;
                }
                Piece::Secret(name) => vec![self.secret(name)?],
                Piece::Input(path) => self.value(&path).map(items).ok_or_else(|| {
                    ToolError::Invalid(format!("`{}` is missing", path.join(".")))
                })?,
            };
            segment.fill(&values.join(","));
            for (index, value) in values.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                text.extend(form_urlencoded::byte_serialize(value.as_bytes()).map(plus_as_percent));
            }
        }
        segment.check()?;
        let url = Url::parse(&text).map_err(|error| ToolError::Failed(error.to_string()))?;
        // The parser takes `.` and `..` out of a path, also when they are percent-encoded.
        let path = text.split('?').next().unwrap_or_default();
        let written = path.splitn(4, '/').nth(3).map_or(1, |path| path.split('/').count());
        if url.path().split('/').count() != written + 1 {
            return Err(other_path());
        }
        Ok(url)
    }

    /// A body; `None` when it is one placeholder without a value.
    fn json(&mut self, template: &Value) -> Result<Option<Value>, ToolError> {
        Ok(match template {
            Value::String(text) => match pieces(text)?.as_slice() {
                [Piece::Input(path)] => self.value(path).cloned(),
                _ => self.text(text)?.map(Value::String),
            },
            Value::Array(items) => {
                let mut filled = Vec::new();
                for item in items {
                    filled.extend(self.json(item)?);
                }
                Some(Value::Array(filled))
            }
            Value::Object(fields) => {
                let mut filled = Map::new();
                for (name, value) in fields {
                    if let Some(value) = self.json(value)? {
                        filled.insert(name.clone(), value);
                    }
                }
                Some(Value::Object(filled))
            }
            other => Some(other.clone()),
        })
    }
}

/// A segment of the path as it is filled in.
#[derive(Default)]
struct Segment {
    text: String,
    has_value: bool,
    /// The path is over.
    is_query: bool,
}

impl Segment {
    /// Goes on with what is written in the address.
    fn go_on(&mut self, written: &str) -> Result<(), ToolError> {
        if self.is_query {
            return Ok(());
        }
        let (path, query) = match written.split_once('?') {
            Some((path, _)) => (path, true),
            None => (written, false),
        };
        for (index, part) in path.split('/').enumerate() {
            if index > 0 {
                self.check()?;
                *self = Self::default();
            }
            self.text.push_str(part);
        }
        if query {
            self.check()?;
            *self = Self { is_query: true, ..Self::default() };
        }
        Ok(())
    }

    fn fill(&mut self, value: &str) {
        self.text.push_str(value);
        self.has_value = true;
    }

    /// Without a name it would be the address of what holds the thing, or of what is beside it. Some
    /// servers read a path once more after they have decoded it.
    fn check(&self) -> Result<(), ToolError> {
        if self.is_query || !self.has_value {
            return Ok(());
        }
        let mut text = self.text.clone();
        for _ in 0..DECODINGS {
            let mut parts = text.split(['/', '\\']);
            if text.trim().is_empty() || parts.any(|part| matches!(part.trim(), "." | "..")) {
                return Err(other_path());
            }
            let decoded = ENCODED.iter().fold(text.clone(), |text, (encoded, plain)| {
                text.replace(encoded, plain).replace(&encoded.to_ascii_uppercase(), plain)
            });
            if decoded == text {
                break;
            }
            text = decoded;
        }
        Ok(())
    }
}

/// How often a value is looked at: as it is, and as a server reads it that decodes it once and twice.
const DECODINGS: usize = 3;
/// What a path is changed by, percent-encoded.
const ENCODED: [(&str, &str); 5] =
    [("%25", "%"), ("%2e", "."), ("%2f", "/"), ("%5c", "\\"), ("%20", " ")];

fn other_path() -> ToolError {
    ToolError::Invalid("a value must not change the path of the address".into())
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn pair(name: &str, value: &str) -> String {
    format!("{}={}", encoded(name), encoded(value))
}

/// A value in the query.
fn written(name: &str, value: &Value, style: Option<QueryStyle>) -> Vec<String> {
    let between = match style {
        Some(QueryStyle::Comma) => ",",
        Some(QueryStyle::Space) => "%20",
        Some(QueryStyle::Pipe) => "%7C",
        Some(QueryStyle::Json) => return vec![pair(name, &value.to_string())],
        None | Some(QueryStyle::Form | QueryStyle::DeepObject) => "",
    };
    match value {
        Value::Array(_) | Value::Object(_) if !between.is_empty() => {
            let items: Vec<_> = members(value).iter().map(|item| encoded(item)).collect();
            if items.is_empty() {
                return Vec::new();
            }
            vec![format!("{}={}", encoded(name), items.join(between))]
        }
        Value::Array(items) => items.iter().map(|item| pair(name, &as_text(item))).collect(),
        Value::Object(fields) if style == Some(QueryStyle::DeepObject) => fields
            .iter()
            .flat_map(|(field, value)| written(&format!("{name}[{field}]"), value, style))
            .collect(),
        Value::Object(fields) if style == Some(QueryStyle::Form) => {
            fields.iter().flat_map(|(field, value)| written(field, value, None)).collect()
        }
        Value::Null => Vec::new(),
        value => vec![pair(name, &as_text(value))],
    }
}

/// The items of a list; any other value is its only one.
fn items(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(as_text).collect(),
        value => vec![as_text(value)],
    }
}

/// The same, and of an object its names and values in turn.
fn members(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let both = |(name, value): (&String, &Value)| [name.clone(), as_text(value)];
            fields.iter().flat_map(both).collect()
        }
        value => items(value),
    }
}

fn with_commas(value: &Value) -> String {
    items(value).join(",")
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, ToolError> {
    template::pieces(template)
        .map_err(|reason| ToolError::Failed(format!("the tool is set up wrongly: it {reason}")))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A blank is `+` in a form but `%20` in a path.
fn plus_as_percent(part: &str) -> &str {
    if part == "+" { "%20" } else { part }
}

fn form(fields: &Map<String, Value>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            Value::Array(items) => {
                for item in items {
                    form.append_pair(name, &as_text(item));
                }
            }
            value => {
                form.append_pair(name, &as_text(value));
            }
        }
    }
    form.finish()
}
