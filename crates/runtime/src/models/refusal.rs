//! What a provider's HTTP error means, and whether it may pass.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use resonant_domain::text::shorten;
use serde_json::Value;

use super::ModelError;

/// The longest wait that a server may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);
/// What providers say when question and answer are more than the model takes.
const TOO_LONG: [&str; 9] = [
    "context length",
    "context window",
    "context size",
    "context limit",
    "prompt is too long",
    "max_tokens is too large",
    "maximum number of tokens",
    "maximum allowed number of output tokens",
    "maximum input length",
];
/// What providers say when the account cannot be billed, or its key is none, in the place of a status.
const OF_ACCOUNT: [&str; 3] = ["credit balance is too low", "api key not valid", "api_key_invalid"];

/// What an HTTP error of the endpoint means.
pub(super) fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: Timestamp,
) -> ModelError {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let error = parsed.get("error").unwrap_or(&parsed);
    let said = error
        .as_str()
        .or_else(|| error.get("message")?.as_str())
        .or_else(|| parsed.get("detail")?.as_str())
        .or_else(|| (parsed.is_null() && !body.trim_start().starts_with('<')).then_some(body));
    let said = said.map(|said| shorten(said, 300)).filter(|said| !said.is_empty());
    let code = status.as_u16();
    let with = |what: &str| match &said {
        Some(said) => format!("{what} (HTTP {code}): {said}"),
        None => format!("{what} (HTTP {code})"),
    };
    let is_of_account = is_of_account(error, said.as_deref().unwrap_or_default());
    match code {
        401 | 403 => ModelError::Account(with("the model's provider refused the key")),
        404 => ModelError::permanent(with(
            "the model's provider does not know the model or the address",
        )),
        402 => ModelError::Account(with("the model's provider asks to be paid first")),
        429 if is_of_account => {
            ModelError::Account(with("the account at the model's provider has no quota left"))
        }
        400..=499 if is_of_account => {
            ModelError::Account(with("the model's provider refused the account"))
        }
        429 => ModelError::Transient {
            message: with("the model's provider is busy"),
            retry_after: retry_after(headers, now),
        },
        413 => ModelError::TooLong(with("the request is longer than the model takes")),
        400 | 422 if is_too_long(error, said.as_deref().unwrap_or_default()) => {
            ModelError::TooLong(with("the request is longer than the model takes"))
        }
        408 | 425 | 500..=599 => ModelError::Transient {
            message: with("the model's provider failed"),
            retry_after: retry_after(headers, now),
        },
        300..=399 => {
            let target = headers.get(LOCATION).and_then(|value| value.to_str().ok());
            ModelError::permanent(format!(
                "the language model's address redirects to {}; configure that one",
                target.unwrap_or("another")
            ))
        }
        _ => ModelError::permanent(with("the model's provider refused the request")),
    }
}

/// Whether an error says that the account is refused, or has nothing left.
pub(super) fn is_of_account(error: &Value, said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    is_called(error, &["insufficient_quota", "billing_error", "invalid_api_key"])
        || OF_ACCOUNT.iter().any(|sign| said.contains(sign))
}

/// Whether an error says that the request is more than the model takes.
pub(super) fn is_too_long(error: &Value, said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    is_called(error, &["context_length_exceeded", "exceed_context_size_error"])
        || TOO_LONG.iter().any(|sign| said.contains(sign))
}

fn is_called(error: &Value, names: &[&str]) -> bool {
    let mut called = ["code", "type"].iter().filter_map(|field| error.get(*field)?.as_str());
    called.any(|name| names.contains(&name))
}

/// Why a request did not get through.
pub(super) fn unreachable(error: &reqwest::Error) -> ModelError {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    ModelError::transient(format!("the language model cannot be reached: {inner}"))
}

/// The wait that a server asks for, in seconds or as a date, up to [`RETRY_AFTER_MAX`].
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse::<f64>() {
        Duration::try_from_secs_f64(seconds).ok()?
    } else {
        let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, body: &str) -> ModelError {
        let status = StatusCode::from_u16(code).unwrap();
        refusal(status, &HeaderMap::new(), body, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_refusal_says_whom_it_is_of() {
        for (code, body) in [
            (401, r#"{"error":{"message":"Incorrect API key provided"}}"#),
            (402, r#"{"error":{"message":"Insufficient Balance"}}"#),
            (429, r#"{"error":{"message":"You exceeded it","type":"insufficient_quota"}}"#),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"API key not valid. Pass a valid one.","status":"INVALID_ARGUMENT"}}"#,
            ),
        ] {
            let error = refused(code, body);
            assert!(matches!(error, ModelError::Account(_)), "{error:?}");
            assert!(error.is_of_provider() && !error.may_pass());
        }
        let unknown = refused(404, r#"{"error":{"message":"no such model"}}"#);
        assert!(matches!(unknown, ModelError::Permanent(_)) && !unknown.is_of_provider());
    }

    #[test]
    fn a_request_that_is_too_long_is_told_apart() {
        for (code, body) in [
            (
                400,
                r#"{"error":{"code":"context_length_exceeded","message":"This model's maximum context length is 8192 tokens."}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"}"#,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 208310 tokens > 200000 maximum"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"too long"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"max_tokens is too large: 32768. This model supports at most 16384 completion tokens"}}"#,
            ),
            (413, "oops"),
        ] {
            let error = refused(code, body);
            assert!(matches!(error, ModelError::TooLong(_)), "{error:?}");
        }
        let other = refused(400, r#"{"error":{"message":"tools: too many"}}"#);
        assert!(matches!(other, ModelError::Permanent(_)), "{other:?}");
    }
}
