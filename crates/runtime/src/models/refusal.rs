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
    let is_out_of_quota = error.get("code").and_then(Value::as_str) == Some("insufficient_quota");
    match code {
        401 | 403 => ModelError::permanent(with("the model's provider refused the key")),
        404 => ModelError::permanent(with(
            "the model's provider does not know the model or the address",
        )),
        402 => ModelError::permanent(with("the model's provider asks to be paid first")),
        429 if is_out_of_quota => {
            ModelError::permanent(with("the account at the model's provider has no quota left"))
        }
        429 => ModelError::Transient {
            message: with("the model's provider is busy"),
            retry_after: retry_after(headers, now),
        },
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
