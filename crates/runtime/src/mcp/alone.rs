//! Requests that stand alone (2026-07-28): there are no sessions, and each request says itself which version it
//! speaks and what its caller can do. Over HTTP its headers repeat what it is about.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{McpError, VERSIONS, asking, client, title_in};

/// The version.
pub(super) const ALONE: &str = "2026-07-28";
/// Asks which versions a server speaks, and what it calls itself.
pub(super) const DISCOVER: &str = "server/discover";
/// The headers that repeat what is asked for, and of which tool.
pub(super) const METHOD: &str = "mcp-method";
pub(super) const NAME: &str = "mcp-name";

/// Where the schema of a tool says that an argument is repeated in a header, and how the header's name begins.
const ANNOTATION: &str = "x-mcp-header";
const PARAM: &str = "mcp-param-";
/// The integers that a header may hold: those that every reader of JSON tells apart.
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Errors of this version and those after it. No other version has numbers for them.
const OTHER_HEADERS: i64 = -32_020;
const NO_CAPABILITY: i64 = -32_021;
const NO_VERSION: i64 = -32_022;

/// How a server is spoken to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// By requests that stand alone. What it calls itself.
    Alone(String),
    /// In a session.
    Session,
}

/// What a server's answer to [`DISCOVER`] says. Whatever is no word of this version is one of a server that does
/// not know it.
pub(super) fn spoken(answer: &Value) -> Result<Spoken, McpError> {
    let (result, error) = (&answer["result"], &answer["error"]);
    let versions = match error["code"].as_i64() {
        Some(NO_VERSION) => &error["data"]["supported"],
        Some(OTHER_HEADERS | NO_CAPABILITY) => {
            let reason = error["message"].as_str().unwrap_or("without a reason");
            return Err(McpError::Refused(reason.chars().take(1_000).collect()));
        }
        _ => &result["supportedVersions"],
    };
    let Some(versions) = versions.as_array() else { return Ok(Spoken::Session) };
    let speaks = |version: &str| versions.iter().any(|spoken| spoken == version);
    if error.is_null() && speaks(ALONE) {
        let named = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
        let named = if named.is_null() { &result["serverInfo"] } else { named };
        return Ok(Spoken::Alone(title_in(named)));
    }
    if VERSIONS.into_iter().any(speaks) {
        return Ok(Spoken::Session);
    }
    let named = versions.iter().find_map(Value::as_str).unwrap_or("none");
    let named: String = named.chars().take(40).collect();
    Err(McpError::Refused(format!("it goes by version {named} of the protocol alone")))
}

/// The parameters of a request, with what it says of itself. Whoever is called may ask a person for more, or not.
pub(super) fn told(params: &Value, may_ask: bool) -> Value {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": ALONE,
        "io.modelcontextprotocol/clientInfo": client(),
        "io.modelcontextprotocol/clientCapabilities": asking::capabilities(may_ask),
    });
    params
}

/// A result, when it is all that there is.
pub(super) fn whole(result: Value) -> Result<Value, McpError> {
    let kind = &result["resultType"];
    if kind.is_null() || kind == "complete" {
        return Ok(result);
    }
    if kind == "input_required" {
        return Err(asking::asked(&result));
    }
    Err(McpError::Protocol("its result is of a kind that nobody knows".to_owned()))
}

/// Whether a request was refused since its headers are not those that the server asks for.
pub(super) fn is_misread(error: &Value) -> bool {
    error["code"] == OTHER_HEADERS
}

/// The headers of a request, where `schema` describes the arguments of the tool that it calls.
pub(super) fn headers(request: &Value, schema: &Value) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), encoded(value)));
    let params = &request["params"];
    add(METHOD, request["method"].as_str().unwrap_or_default());
    if let Some(name) = params["name"].as_str() {
        add(NAME, name);
    }
    let repeated = if is_call(request) { repeated(schema) } else { None };
    for (path, name) in repeated.unwrap_or_default() {
        let found = path.iter().try_fold(&params["arguments"], |at, key| at.get(key));
        let value = match found {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Number(number)) if is_safe(number) => number.to_string(),
            _ => continue,
        };
        add(&format!("{PARAM}{name}"), &value);
    }
    headers
}

fn is_call(request: &Value) -> bool {
    request["method"] == "tools/call"
}

fn is_safe(number: &serde_json::Number) -> bool {
    let size = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64());
    size.is_some_and(|size| size <= INTEGER_MAX)
}

/// A value as a header holds it.
fn encoded(value: &str) -> String {
    let is_plain = value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
        && value.trim_matches([' ', '\t']) == value;
    let is_like_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
    if is_plain && !is_like_encoded {
        return value.to_owned();
    }
    format!("=?base64?{}?=", BASE64_STANDARD.encode(value))
}

/// Whether the headers that a tool's schema asks for can be sent. One whose cannot is no tool.
pub(super) fn is_callable(schema: &Value) -> bool {
    repeated(schema).is_some()
}

/// An argument's place, and the name of its header.
type Repeated<'a> = (Vec<&'a str>, &'a str);

/// The arguments that are repeated in headers. `None`: the schema breaks the rules for them.
fn repeated(schema: &Value) -> Option<Vec<Repeated<'_>>> {
    let mut found = Vec::new();
    collect(schema, &mut Vec::new(), &mut found)?;
    let names: BTreeSet<_> = found.iter().map(|(_, name)| name.to_ascii_lowercase()).collect();
    // One that is somewhere else than at an argument has no place that could be read.
    let is_right = names.len() == found.len() && count(schema) == found.len();
    is_right.then_some(found)
}

fn collect<'a>(
    schema: &'a Value,
    path: &mut Vec<&'a str>,
    found: &mut Vec<Repeated<'a>>,
) -> Option<()> {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        path.push(key);
        if let Some(name) = property.get(ANNOTATION) {
            let name = name.as_str().filter(|name| is_token(name))?;
            let kind = property["type"].as_str()?;
            matches!(kind, "boolean" | "integer" | "string").then_some(())?;
            found.push((path.clone(), name));
        }
        collect(property, path, found)?;
        path.pop();
    }
    Some(())
}

/// How often the annotation stands in a schema.
fn count(schema: &Value) -> usize {
    match schema {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => {
            let of_field = |(key, value): (&String, &Value)| match key.as_str() {
                ANNOTATION => 1,
                // Their names are those of arguments.
                "properties" => {
                    let all = value.as_object().into_iter().flatten();
                    all.map(|(_, property)| count(property)).sum::<usize>()
                }
                _ => count(value),
            };
            fields.iter().map(of_field).sum()
        }
        _ => 0,
    }
}

/// Whether a text may be part of a header's name (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_how_it_is_spoken_to() {
        let info =
            json!({ "io.modelcontextprotocol/serverInfo": { "name": "shelf", "title": "Shelf" } });
        let alone =
            json!({ "result": { "supportedVersions": [ALONE, "2025-11-25"], "_meta": info } });
        assert_eq!(spoken(&alone), Ok(Spoken::Alone("Shelf".to_owned())));
        let named = json!({ "name": "shelf" });
        let older = json!({ "result": { "supportedVersions": [ALONE], "serverInfo": named } });
        assert_eq!(spoken(&older), Ok(Spoken::Alone("shelf".to_owned())));
        let unsupported = |versions: Value| json!({ "error": { "code": NO_VERSION, "message": "no", "data": { "supported": versions } } });
        for answer in [
            Value::Null,
            json!({ "result": {} }),
            json!({ "result": { "content": [] } }),
            json!({ "error": { "code": -32_601, "message": "Method not found" } }),
            json!({ "error": { "code": -32_000, "message": "Not initialized" } }),
            json!({ "result": { "supportedVersions": ["2025-06-18"] } }),
            unsupported(json!(["2030-01-01", "2025-03-26"])),
        ] {
            assert_eq!(spoken(&answer), Ok(Spoken::Session), "{answer}");
        }
        let other = spoken(&unsupported(json!(["2030-01-01"]))).unwrap_err();
        assert!(other.to_string().contains("version 2030-01-01"), "{other}");
        let error = json!({ "error": { "code": NO_CAPABILITY, "message": "needs roots" } });
        assert_eq!(spoken(&error), Err(McpError::Refused("needs roots".to_owned())));
    }

    #[test]
    fn headers_repeat_what_a_call_is_about() {
        let schema = json!({
            "type": "object",
            "properties": {
                "region": { "type": "string", "x-mcp-header": "Region" },
                "deep": { "type": "object", "properties": { "n": { "type": "integer", "x-mcp-header": "N" } } },
                "sure": { "type": "boolean", "x-mcp-header": "Sure" },
                "absent": { "type": "string", "x-mcp-header": "Absent" },
                // An argument of this name.
                "x-mcp-header": { "type": "string" },
            },
        });
        let arguments =
            json!({ "region": "Bergen ø", "deep": { "n": -7 }, "sure": true, "absent": null });
        let params = json!({ "name": "find", "arguments": arguments });
        let call = json!({ "method": "tools/call", "params": params });
        let told = headers(&call, &schema);
        let told: Vec<_> = told.iter().map(|(name, value)| (&**name, &**value)).collect();
        let expected = [
            ("mcp-method", "tools/call"),
            ("mcp-name", "find"),
            ("mcp-param-Region", "=?base64?QmVyZ2VuIMO4?="),
            ("mcp-param-N", "-7"),
            ("mcp-param-Sure", "true"),
        ];
        assert_eq!(told.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
        let list = json!({ "method": "tools/list", "params": {} });
        let expected = [("mcp-method".to_owned(), "tools/list".to_owned())];
        assert_eq!(headers(&list, &Value::Null), expected);
    }

    #[test]
    fn a_value_that_a_header_cannot_hold_is_encoded() {
        for (value, expected) in [
            ("us-west1", "us-west1"),
            ("two words", "two words"),
            ("", ""),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(encoded(value), expected, "{value:?}");
        }
    }

    #[test]
    fn a_tool_whose_headers_break_the_rules_is_none() {
        let with = |property: Value| json!({ "type": "object", "properties": { "a": property } });
        let header = |kind: &str, name: &str| json!({ "type": kind, "x-mcp-header": name });
        for schema in [Value::Null, json!({}), with(json!({})), with(header("string", "A-b"))] {
            assert!(is_callable(&schema), "{schema}");
        }
        for schema in [
            with(header("number", "A")),
            with(header("object", "A")),
            with(json!({ "x-mcp-header": "A" })),
            with(header("string", "")),
            with(header("string", "a b")),
            with(header("string", "a\r\nb")),
            with(json!({ "type": "string", "x-mcp-header": 1 })),
            with(json!({ "type": "array", "items": header("string", "A") })),
            with(json!({ "anyOf": [header("string", "A")] })),
            json!({ "x-mcp-header": "A" }),
            json!({ "properties": { "a": header("string", "A"), "b": header("string", "a") } }),
        ] {
            assert!(!is_callable(&schema), "{schema}");
        }
    }

    #[test]
    fn a_result_that_is_not_all_is_none() {
        for kind in [Value::Null, json!("complete")] {
            assert!(whole(json!({ "resultType": kind, "content": [] })).is_ok());
        }
        let asks = whole(json!({ "resultType": "input_required", "requestState": "s" }));
        assert_eq!(asks, Err(McpError::Again("s".to_owned())));
        for kind in [json!("task"), json!(1)] {
            let other = whole(json!({ "resultType": kind }));
            assert!(matches!(other, Err(McpError::Protocol(_))), "{other:?}");
        }
    }
}
