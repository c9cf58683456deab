//! One operation as a custom HTTP tool.

use std::collections::BTreeMap;

use resonant_domain::http_tool::{HttpMethod, HttpTool, QueryStyle, TOOL_DESCRIPTION_MAX};
use resonant_domain::template::{self, Piece};
use resonant_domain::text::shorten;
use serde_json::{Map, Value, json};
use url::Url;

use super::references::References;
use super::schema::modern;

const FORM: &str = "application/x-www-form-urlencoded";
/// The most parameters of one operation, those of its path included.
const PARAMETERS_MAX: usize = 200;

/// Where an operation stands.
pub(super) struct Place<'a> {
    pub(super) document: &'a Value,
    pub(super) references: &'a References<'a>,
    pub(super) base: Option<&'a Url>,
    pub(super) item: &'a Value,
    pub(super) path: &'a str,
}

/// The tool's parts as they are gathered.
struct Parts {
    path: String,
    query: BTreeMap<String, String>,
    styles: BTreeMap<String, QueryStyle>,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    properties: Map<String, Value>,
    required: Vec<String>,
}

/// The tool that makes the operation's request.
///
/// # Errors
/// Why none can be made.
pub(super) fn written(
    place: &Place<'_>,
    method: HttpMethod,
    operation: &Map<String, Value>,
) -> Result<HttpTool, String> {
    if place.path.contains("{{") {
        return Err("its path has {{".to_owned());
    }
    let mut parts = Parts {
        path: place.path.to_owned(),
        query: BTreeMap::new(),
        styles: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: None,
        properties: Map::new(),
        required: Vec::new(),
    };
    for parameter in parameters(place, operation)? {
        add_parameter(place, &mut parts, parameter)?;
    }
    if let Some(variable) = open_variable(&parts.path) {
        return Err(format!("its path has {variable}, which no parameter describes"));
    }
    if let Some(body) = operation.get("requestBody") {
        let body = place.references.follow(body).ok_or("its body refers to nothing")?;
        add_body(place, &mut parts, body)?;
    }
    add_credentials(place, operation, &mut parts);
    if let Some(accepted) = accepted(place, operation) {
        parts.headers.insert("accept".to_owned(), accepted);
    }
    let label = format!("{} {}", method.as_str(), place.path);
    Ok(HttpTool {
        description: description(operation, &label),
        method,
        url: format!("{}{}", server(place, operation)?, parts.path),
        query: parts.query,
        styles: parts.styles,
        headers: parts.headers,
        body: parts.body,
        input_schema: json!({
            "type": "object",
            "properties": parts.properties,
            "required": parts.required,
            "additionalProperties": false,
        }),
        timeout_seconds: 15,
        operation: Some(shorten(&label, 300)),
    })
}

fn description(operation: &Map<String, Value>, label: &str) -> String {
    let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    let (summary, more) = (text("summary"), text("description"));
    let both = match (summary.is_empty(), more.is_empty()) {
        (true, true) => label.to_owned(),
        (false, true) => summary.to_owned(),
        (true, false) => more.to_owned(),
        (false, false) if more.starts_with(summary) => more.to_owned(),
        (false, false) => format!("{}. {more}", summary.trim_end_matches('.')),
    };
    shorten(&both, TOOL_DESCRIPTION_MAX)
}

/// The parameters of the path and of the operation; the latter go before those of the same name.
fn parameters<'a>(
    place: &Place<'a>,
    operation: &'a Map<String, Value>,
) -> Result<Vec<&'a Value>, String> {
    let lists = [place.item.get("parameters"), operation.get("parameters")];
    let lists = lists.into_iter().flatten().filter_map(Value::as_array);
    if lists.clone().map(Vec::len).sum::<usize>() > PARAMETERS_MAX {
        return Err(format!("it has more than {PARAMETERS_MAX} parameters"));
    }
    let mut found: Vec<&Value> = Vec::new();
    for parameter in lists.flatten() {
        let parameter =
            place.references.follow(parameter).ok_or("a parameter of it refers to nothing")?;
        found.retain(|other| other["name"] != parameter["name"] || other["in"] != parameter["in"]);
        found.push(parameter);
    }
    Ok(found)
}

fn add_parameter(place: &Place<'_>, parts: &mut Parts, parameter: &Value) -> Result<(), String> {
    let name = parameter["name"].as_str().ok_or("a parameter of it has no name")?;
    let within = parameter["in"].as_str().unwrap_or_default();
    let is_required = parameter["required"] == true || within == "path";
    // These the request has anyway.
    let is_own = within == "header"
        && ["accept", "content-type", "authorization"]
            .contains(&name.to_ascii_lowercase().as_str());
    if is_own {
        return Ok(());
    }
    if !["path", "query", "header"].contains(&within) {
        let needed = format!("it needs {name} in its {within}");
        return if is_required { Err(needed) } else { Ok(()) };
    }
    let content = parameter["content"].as_object().and_then(|content| content.iter().next());
    let schema = parameter.get("schema").or_else(|| content?.1.get("schema"));
    let mut schema = modern(place.references.put_in(schema.unwrap_or(&json!({})))?);
    let kind = content.map(|(kind, _)| kind.as_str());
    let style = match within {
        "query" => query_style(parameter, kind, &schema)?,
        _ => match simple(parameter, kind, &schema) {
            Err(_) if !is_required => return Ok(()),
            is_simple => is_simple.map(|()| None)?,
        },
    };
    let input = input_name(&parts.properties, name);
    let placeholder = format!("{{{{{input}}}}}");
    match within {
        "path" => {
            let variable = format!("{{{name}}}");
            if !parts.path.contains(&variable) {
                return Err(format!("its path has no {variable}"));
            }
            parts.path = parts.path.replace(&variable, &placeholder);
        }
        "query" => {
            parts.query.insert(name.to_owned(), placeholder);
            parts.styles.extend(style.map(|style| (name.to_owned(), style)));
        }
        _ => drop(parts.headers.insert(name.to_ascii_lowercase(), placeholder)),
    }
    if let (Some(fields), Some(text)) = (schema.as_object_mut(), parameter["description"].as_str())
    {
        fields.entry("description").or_insert_with(|| text.into());
    }
    parts.properties.insert(input.clone(), schema);
    if is_required {
        parts.required.push(input);
    }
    Ok(())
}

/// What the path still leaves open once its parameters are put in.
fn open_variable(path: &str) -> Option<&str> {
    template::pieces(path).ok()?.into_iter().find_map(|piece| {
        let Piece::Text(text) = piece else { return None };
        let start = text.find('{')?;
        let end = start + text[start..].find('}')?;
        text.get(start..=end)
    })
}

/// How a parameter of the query writes a list or an object, where that is not as it is written anyway.
///
/// # Errors
/// It is written in a way that no tool can.
fn query_style(
    parameter: &Value,
    kind: Option<&str>,
    schema: &Value,
) -> Result<Option<QueryStyle>, String> {
    if let Some(kind) = kind {
        return if is_json(kind) { Ok(Some(QueryStyle::Json)) } else { Err(odd(parameter, kind)) };
    }
    let style = parameter["style"].as_str().unwrap_or("form");
    let is_apart = parameter["explode"].as_bool().unwrap_or(style == "form");
    Ok(match style {
        "deepObject" => Some(QueryStyle::DeepObject),
        "form" | "spaceDelimited" | "pipeDelimited" if is_apart => {
            may_be_object(schema).then_some(QueryStyle::Form)
        }
        "form" => Some(QueryStyle::Comma),
        "spaceDelimited" => Some(QueryStyle::Space),
        "pipeDelimited" => Some(QueryStyle::Pipe),
        other => return Err(odd(parameter, other)),
    })
}

/// Lets pass what stands in a path or a header as a value or as a list with commas.
fn simple(parameter: &Value, kind: Option<&str>, schema: &Value) -> Result<(), String> {
    let style = kind.or_else(|| parameter["style"].as_str()).unwrap_or("simple");
    if style != "simple" {
        return Err(odd(parameter, style));
    }
    let is_object = schema["type"] == "object" || schema.get("properties").is_some();
    if is_object { Err(odd(parameter, "object")) } else { Ok(()) }
}

fn odd(parameter: &Value, style: &str) -> String {
    let text = |name: &str| parameter[name].as_str().unwrap_or_default().to_owned();
    format!("it writes {} as {style} in its {}", text("name"), text("in"))
}

/// Whether a value of the schema may be an object: it says so, or does not say what it is.
fn may_be_object(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == "object",
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
        _ => schema.get("enum").is_none(),
    }
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || kind.ends_with("+json")
}

/// What to ask for where the answers are something else than what every tool asks for first.
fn accepted(place: &Place<'_>, operation: &Map<String, Value>) -> Option<String> {
    const KINDS_MAX: usize = 5;
    let responses = operation.get("responses")?.as_object()?;
    let mut kinds: Vec<String> = Vec::new();
    for (_, response) in responses.iter().filter(|(status, _)| status.starts_with('2')) {
        let Some(response) = place.references.follow(response) else { continue };
        for kind in response["content"].as_object().into_iter().flat_map(Map::keys) {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            if kind == "application/json" || kind.contains('*') {
                return None;
            }
            if !kinds.iter().any(|known| known == kind) && kinds.len() < KINDS_MAX {
                kinds.push(kind.to_owned());
            }
        }
    }
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

fn add_body(place: &Place<'_>, parts: &mut Parts, body: &Value) -> Result<(), String> {
    let content = body["content"].as_object().ok_or("its body has no content")?;
    let essence =
        |kind: &str| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json =
        |kind: &str| kind == "application/json" || kind.ends_with("+json") || kind == "*/*";
    let of =
        |wanted: &dyn Fn(&str) -> bool| content.iter().find(|(kind, _)| wanted(&essence(kind)));
    let (kind, media) = of(&is_json)
        .or_else(|| of(&|kind| kind == FORM))
        .or_else(|| of(&|kind| kind.starts_with("text/")))
        .ok_or("its body is neither JSON, a form nor text")?;
    let kind = essence(kind);
    let schema = place.references.put_in(media.get("schema").unwrap_or(&json!({})))?;
    let schema = modern(schema);
    let input = input_name(&parts.properties, "body");
    if kind == FORM {
        let fields = schema["properties"].as_object().ok_or("its form has no fields")?;
        let template = fields
            .keys()
            .map(|name| {
                let is_plain =
                    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
                let value = Value::from(format!("{{{{{input}.{name}}}}}"));
                is_plain.then(|| (name.clone(), value)).ok_or_else(|| {
                    format!("its form has the field {name:?}, which no placeholder can name")
                })
            })
            .collect::<Result<Map<_, _>, _>>()?;
        parts.body = Some(Value::Object(template));
    } else {
        parts.body = Some(format!("{{{{{input}}}}}").into());
    }
    if kind != "*/*" {
        parts.headers.insert("content-type".to_owned(), kind);
    }
    parts.properties.insert(input.clone(), schema);
    if body["required"] == true {
        parts.required.push(input);
    }
    Ok(())
}

/// A name that a placeholder may have and no other input has.
fn input_name(properties: &Map<String, Value>, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let mut free: String = name.chars().map(plain).collect();
    while free.is_empty() || free == "secrets" || properties.contains_key(&free) {
        free.push('_');
    }
    free
}

/// Where the operation is sent, without a slash at the end.
fn server(place: &Place<'_>, operation: &Map<String, Value>) -> Result<String, String> {
    let lists =
        [operation.get("servers"), place.item.get("servers"), place.document.get("servers")];
    let server = lists.into_iter().flatten().find_map(|list| list.get(0));
    let mut url = server.and_then(|server| server["url"].as_str()).unwrap_or("/").to_owned();
    let variables = server.and_then(|server| server["variables"].as_object());
    for (name, variable) in variables.into_iter().flatten() {
        url = url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default());
    }
    let url = match (Url::parse(&url), place.base) {
        (Ok(url), _) => url,
        (Err(_), Some(base)) => base.join(&url).map_err(|error| error.to_string())?,
        (Err(_), None) => return Err("its server is named without a host".to_owned()),
    };
    if url.query().is_some() || url.fragment().is_some() {
        return Err("its server has a query".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// What the operation is secured with, as headers and query that send a secret. Of several ways the
/// first that is possible; what no header or query can do is left to the tool's owner.
fn add_credentials(place: &Place<'_>, operation: &Map<String, Value>, parts: &mut Parts) {
    let wanted = operation.get("security").or_else(|| place.document.get("security"));
    let Some(ways) = wanted.and_then(Value::as_array) else { return };
    let title = place.document["info"]["title"].as_str().unwrap_or_default();
    for way in ways.iter().filter_map(Value::as_object) {
        let schemes: Option<Vec<_>> = way
            .keys()
            .map(|name| {
                let scheme = &place.document["components"]["securitySchemes"][name.as_str()];
                credential(place.references.follow(scheme)?, &secret_name(title, name))
            })
            .collect();
        let Some(schemes) = schemes else { continue };
        for (is_header, name, value) in schemes {
            let map = if is_header { &mut parts.headers } else { &mut parts.query };
            map.insert(name, value);
        }
        return;
    }
}

/// Whether it is a header, its name and its value.
fn credential(scheme: &Value, secret: &str) -> Option<(bool, String, String)> {
    let placeholder = format!("{{{{secrets.{secret}}}}}");
    let kind = scheme["type"].as_str()?;
    let how = scheme["scheme"].as_str().unwrap_or_default().to_ascii_lowercase();
    match (kind, how.as_str(), scheme["in"].as_str().unwrap_or_default()) {
        ("http", "basic", _) => {
            Some((true, "authorization".to_owned(), format!("Basic {placeholder}")))
        }
        ("http", "bearer", _) | ("oauth2" | "openIdConnect", _, _) => {
            Some((true, "authorization".to_owned(), format!("Bearer {placeholder}")))
        }
        ("apiKey", _, "header") => {
            Some((true, scheme["name"].as_str()?.to_ascii_lowercase(), placeholder))
        }
        ("apiKey", _, "query") => Some((false, scheme["name"].as_str()?.to_owned(), placeholder)),
        _ => None,
    }
}

/// `PETSTORE_API_KEY` of the document “Petstore” and the scheme `api_key`.
fn secret_name(title: &str, scheme: &str) -> String {
    let mut name = String::new();
    for c in format!("{title}_{scheme}").to_ascii_uppercase().chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || !(name.is_empty() || name.ends_with('_')) {
            name.push(c);
        }
    }
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        name.insert_str(0, "KEY_");
    }
    name.truncate(64);
    name.trim_end_matches('_').to_owned()
}
