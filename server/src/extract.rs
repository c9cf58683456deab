//! Extractors that answer with a problem document which names the field.

mod path;

pub(crate) use self::path::named;
pub use self::path::{Named, Path, PathId, SecretName, Slug};

use std::error::Error as _;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::IntoResponse as _;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use resonant_domain::FieldFault;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use url::form_urlencoded;

use crate::fault::Fault;

/// The largest body that a request may have, in bytes.
pub const BODY_MAX: usize = 2 * 1024 * 1024;

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        parse(&read(request, state).await?).map(Self)
    }
}

/// The bytes of a JSON body, for whoever tells in their own words what is wrong with it.
#[derive(Debug)]
pub(crate) struct JsonBytes(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        read(request, state).await.map(Self)
    }
}

/// A body that is text, whatever it is announced as.
#[derive(Debug)]
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let bytes = read_any(request, state).await?;
        let text = String::from_utf8(bytes.into());
        text.map(Self).map_err(|_| Fault::field("body", "must be text in UTF-8"))
    }
}

/// The bytes of a body that is announced as JSON.
async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Fault> {
    if !is_json(&request) {
        return Err(Fault::status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be application/json",
        ));
    }
    read_any(request, state).await
}

async fn read_any<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Fault> {
    check_unpacked(request.headers())?;
    Bytes::from_request(request, state).await.map_err(|rejection| unread(rejection, BODY_MAX))
}

/// Refuses a body that is packed. Nobody unpacks one here: it would be told as something that is no JSON, or
/// no picture.
pub(crate) fn check_unpacked(headers: &HeaderMap) -> Result<(), Fault> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let is_plain = codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_plain { Ok(()) } else { Err(Fault::packed_body()) }
}

fn is_json(request: &Request) -> bool {
    let kind = content_kind(request.headers());
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// What a body is announced as, in lower case and without what follows; empty where nothing is said.
pub(crate) fn content_kind(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let value = value.unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Why a body that may have so many bytes was not read.
pub(crate) fn unread(rejection: BytesRejection, most: usize) -> Fault {
    match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => larger_than(most),
        _ => Fault::field("body", "could not be read to its end"),
    }
}

pub(crate) fn too_large() -> Fault {
    larger_than(BODY_MAX)
}

/// A body that is larger than it may be.
pub(crate) fn larger_than(most: usize) -> Fault {
    let reason = format!("must be at most {most} bytes");
    Fault::status(StatusCode::PAYLOAD_TOO_LARGE, format!("the body {reason}"))
        .with_field(FieldFault::new("body", reason))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    // serde would take a list for a struct, its fields in order: no caller means that.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Fault::field("body", "must be an object"));
    }
    parse_any(bytes)
}

fn parse_any<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().clone();
        let inner = error.into_inner();
        if inner.is_data() {
            // The message ends in " at line 1 column 2", which the field says better.
            let text = inner.to_string();
            let message =
                text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            field_fault(&path.to_string(), message)
        } else {
            serde_json::from_slice(bytes)
                .map_or_else(|_| malformed(&inner), |document| no_word::<T>(document, &path))
        }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// What is told of a document that holds no text where one of some words must stand: serde takes that for a
/// fault of the JSON itself. Which words there are, it tells of a text that is none of them.
fn no_word<T: DeserializeOwned>(mut document: Value, path: &serde_path_to_error::Path) -> Fault {
    let field = path.to_string();
    let mut at = Some(&mut document);
    for segment in path {
        at = match segment {
            Segment::Seq { index } => at.and_then(|at| at.get_mut(*index)),
            Segment::Map { key } => at.and_then(|at| at.get_mut(key.as_str())),
            Segment::Enum { .. } | Segment::Unknown => None,
        };
    }
    if let Some(at) = at {
        *at = Value::String(String::new());
    }
    match serde_path_to_error::deserialize::<_, T>(document) {
        Err(error) if error.path().to_string() == field => {
            field_fault(&field, &error.into_inner().to_string())
        }
        _ => Fault::field(field, "must be text"),
    }
}

fn malformed(error: &serde_json::Error) -> Fault {
    Fault::field("body", format!("must be one JSON document: {error}"))
}

/// Query parameters. One without a value is refused where it is no text: it would count as absent.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// The parameters that are texts, or lists of them, and may be empty.
const MAY_BE_EMPTY: [&str; 7] = ["cursor", "fields", "metrics", "period", "query", "tags", "tools"];

/// The first parameter that has no value and should have one.
fn find_empty(query: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (name, _) =
        pairs.find(|(name, value)| value.is_empty() && !MAY_BE_EMPTY.contains(&name.as_ref()))?;
    Some(name.into_owned())
}

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        type Located = serde_path_to_error::Error<serde::de::value::Error>;
        match axum_extra::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum_extra::extract::Query(value)) => match parts.uri.query().and_then(find_empty) {
                Some(name) => Err(Fault::field(name, "must have a value")),
                None => Ok(Self(value)),
            },
            Err(rejection) => {
                let mut cause = rejection.source();
                while let Some(error) = cause {
                    if let Some(located) = error.downcast_ref::<Located>() {
                        return Err(field_fault(
                            &located.path().to_string(),
                            &located.inner().to_string(),
                        ));
                    }
                    cause = error.source();
                }
                Err(Fault::field("query", "must be name=value pairs"))
            }
        }
    }
}

/// Puts serde's words into ours: the field that is meant, and what its value must be.
fn field_fault(path: &str, message: &str) -> Fault {
    let parent = if path == "." { "" } else { path };
    if let Some(name) = quoted_after(message, "missing field `") {
        return Fault::field(join(parent, name), "is required");
    }
    if let Some(name) = quoted_after(message, "unknown field `") {
        // The path already ends in the field where the format tells its keys one by one.
        let field = if parent == name || parent.ends_with(&format!(".{name}")) {
            parent.to_owned()
        } else {
            join(parent, name)
        };
        let known = names(message);
        return Fault::field(
            field,
            if known.is_empty() {
                "is not known here".to_owned()
            } else {
                format!("is not known here; known are {}", known.join(", "))
            },
        );
    }
    if let Some(name) = quoted_after(message, "duplicate field `") {
        let field = if parent.ends_with(name) { parent.to_owned() } else { join(parent, name) };
        return Fault::field(field, "must be given once");
    }
    let field = if parent.is_empty() { "body" } else { parent };
    if message.starts_with("unknown variant `") {
        return Fault::field(field, format!("must be one of {}", names(message).join(", ")));
    }
    if let Some((_, expected)) = message.rsplit_once(", expected ") {
        return Fault::field(field, format!("must be {}", in_words(expected)));
    }
    let reason = match message {
        "invalid digit found in string"
        | "cannot parse integer from empty string"
        | "number too large to fit in target type"
        | "number too small to fit in target type" => "must be a whole number in range",
        "provided string was not `true` or `false`" => "must be true or false",
        other => other,
    };
    Fault::field(field, reason)
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start).and_then(|rest| rest.split('`').next())
}

/// The names that serde lists after "expected".
fn names(message: &str) -> Vec<&str> {
    let Some((_, list)) = message.split_once(", expected ") else {
        return vec![];
    };
    list.split('`').skip(1).step_by(2).collect()
}

fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "i64" | "usize" => "a whole number in range",
        "a sequence" => "a list",
        "a map" => "an object",
        "string or map" | "variant identifier" => "text",
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum") => {
            "an object"
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::{AgentChanges, AgentSpec};
    use resonant_domain::alert::NewAlert;
    use resonant_domain::api_key::NewApiKey;
    use resonant_domain::session::NewSession;

    use super::*;

    fn told<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> (u16, String) {
        let response = parse::<T>(json.as_bytes()).unwrap_err().into_response();
        let problem = response.extensions().get::<crate::fault::Problem>().unwrap();
        assert_eq!(problem.errors.len(), 1);
        (response.status().as_u16(), problem.errors[0].to_string())
    }

    #[test]
    fn each_fault_of_a_body_names_its_field() {
        for (json, reason) in [
            ("{}", "name is required"),
            (r#"{"name":5}"#, "name must be a string"),
            (r#"{"name":"a","tools":{}}"#, "tools must be a list"),
            (
                r#"{"name":"a","tools":[{"name":"x"},{"nam":"x"}]}"#,
                "tools[1].nam is not known here; known are name, settings, hosts, needs_approval, \
                 unsafe_to_repeat, is_off",
            ),
            (
                r#"{"name":"a","limits":{"max_steps":-1}}"#,
                "limits.max_steps must be a whole number in range",
            ),
            (r#"{"name":"a","limits":7}"#, "limits must be an object"),
            (r#"{"name":"a","name":"b"}"#, "name must be given once"),
            ("[]", "body must be an object"),
            ("[\"a\"]", "body must be an object"),
            ("7", "body must be an object"),
        ] {
            assert_eq!(told::<AgentSpec>(json), (400, reason.to_owned()), "{json}");
        }
        let (_, reason) = told::<AgentSpec>(r#"{"name":"a","nmae":"b"}"#);
        assert!(
            reason.starts_with("nmae is not known here; known are name, description"),
            "{reason}"
        );
        assert_eq!(
            told::<AgentChanges>(r#"{"status":"asleep"}"#).1,
            "status must be one of active, paused, archived"
        );
        assert_eq!(told::<NewSession>(r#"{"goal":null}"#).1, "goal must be a string");
    }

    #[test]
    fn what_is_no_text_where_a_word_must_stand_names_its_field() {
        let status = "status must be one of active, paused, archived";
        for wrong in ["5", "true", "[]", "{}", "1.5"] {
            let json = format!(r#"{{"name":"a","status":{wrong}}}"#);
            assert_eq!(told::<AgentChanges>(&json), (400, status.to_owned()), "{json}");
        }
        let scopes = told::<NewApiKey>(r#"{"name":"CI","scopes":["agents:read",null]}"#).1;
        assert!(scopes.starts_with("scopes[1] must be one of agents:read, "), "{scopes}");
        let condition = r#"{"operator":"gt","value":1,"period":"5m"}"#;
        let alert = |kind: &str, severity: &str| {
            told::<NewAlert>(&format!(
                r#"{{"name":"a","type":{kind},"severity":{severity},"condition":{condition}}}"#
            ))
        };
        let (_, kind) = alert("5", r#""warning""#);
        assert!(kind.starts_with("type must be one of threshold, "), "{kind}");
        let (_, severity) = alert(r#""threshold""#, "null");
        assert!(severity.starts_with("severity must be one of "), "{severity}");
        // Where another field is wrong, too, which words there are may stay unsaid.
        let (_, several) = told::<AgentChanges>(r#"{"status":5,"name":7}"#);
        assert!(several.starts_with("status must be "), "{several}");
    }

    #[test]
    fn what_is_not_json_is_told_as_such() {
        for json in ["", "{", "{\"name\":\"a\"} {}", "name=a", "{\"name\":\"a\",\"status\":5"] {
            let (status, reason) = told::<AgentChanges>(json);
            assert_eq!(status, 400);
            assert!(reason.starts_with("body must be one JSON document"), "{reason}");
        }
    }
}
