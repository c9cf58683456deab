//! The text that a call works on, and the limits of what a tool takes and gives.

use std::borrow::Cow;

use serde_json::Value;

use super::tool::{ToolContext, ToolError};

/// The longest text that a tool takes, in bytes.
pub(super) const TEXT_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The longest result that a tool gives, in bytes.
pub(super) const RESULT_MAX_BYTES: usize = 64 * 1024;
/// How much is kept of an answer from elsewhere, in bytes: it is stored whole up to there, whatever models are
/// shown of it.
pub(super) const ANSWER_MAX_BYTES: usize = 1024 * 1024;

/// The text in `text`, or the one that `source` names.
///
/// # Errors
/// [`ToolError::Invalid`] when there is none, or it is too long.
pub(super) fn text<'a>(
    arguments: &'a Value,
    context: &'a ToolContext,
) -> Result<Cow<'a, str>, ToolError> {
    let from_source = arguments.get("text").and_then(Value::as_str).is_none();
    limited(if from_source {
        readable(context.text(arguments)?)
    } else {
        Cow::Borrowed(context.text(arguments)?)
    })
}

/// The text in `other`, or the one that `other_source` names.
///
/// # Errors
/// [`ToolError::Invalid`] when there is none, or it is too long.
pub(super) fn other<'a>(
    arguments: &'a Value,
    context: &'a ToolContext,
) -> Result<Cow<'a, str>, ToolError> {
    if let Some(other) = arguments.get("other").and_then(Value::as_str) {
        return limited(Cow::Borrowed(other));
    }
    let Some(name) = arguments.get("other_source").and_then(Value::as_str) else {
        return Err(ToolError::Invalid(
            "give the text to compare with in `other`, or name it in `other_source`".into(),
        ));
    };
    match context.sources.get(name) {
        Some(text) => limited(readable(text)),
        None => {
            Err(ToolError::Invalid(format!("`other_source` names {name:?}, which is not there")))
        }
    }
}

fn limited(text: Cow<'_, str>) -> Result<Cow<'_, str>, ToolError> {
    if text.len() > TEXT_MAX_BYTES {
        let limit = TEXT_MAX_BYTES / (1024 * 1024);
        return Err(ToolError::Invalid(format!("the text is longer than {limit} MiB")));
    }
    Ok(text)
}

/// What a fetched page holds, where the text is the result of a fetch; else the text as it is.
fn readable(text: &str) -> Cow<'_, str> {
    if text.starts_with('{')
        && let Ok(Value::Object(mut object)) = serde_json::from_str(text)
        && object.contains_key("status")
        && object.contains_key("url")
        && let Some(Value::String(inner)) = object.remove("text")
    {
        return Cow::Owned(inner);
    }
    Cow::Borrowed(text)
}

/// Cuts a result that is too long, and says so.
pub(super) fn capped(mut result: String) -> String {
    if result.len() > RESULT_MAX_BYTES {
        let whole = result.len();
        result.truncate(floor(&result, RESULT_MAX_BYTES - 200));
        let (shown, whole) = (result.len() / 1024, whole / 1024);
        let note =
            format!("\n[cut here: {shown} of {whole} KiB shown; ask for less, or for a part]");
        result.push_str(&note);
    }
    result
}

/// The last character boundary at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The string argument of that name.
pub(super) fn string<'a>(arguments: &'a Value, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str)
}

/// The yes-or-no argument of that name; absent is no.
pub(super) fn flag(arguments: &Value, name: &str) -> bool {
    arguments.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// The count of that name, or its default.
pub(super) fn count(arguments: &Value, name: &str, default: usize) -> usize {
    // 3.0 is an integer to JSON schema.
    match arguments.get(name) {
        Some(value) => {
            integer(value).and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
        }
        None => default,
    }
}

/// The whole number in a JSON number, also of one written like 3.0.
pub(super) fn integer(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    value.as_i64().or_else(|| {
        value
            .as_f64()
            .filter(|float| float.fract() == 0.0 && float.abs() < 9e15)
            .map(|float| float as i64)
    })
}

/// Makes an [`ToolError::Invalid`].
pub(super) fn invalid(text: impl Into<String>) -> ToolError {
    ToolError::Invalid(text.into())
}
