//! A request that an agent's owner has written down, sent by the guarded client.

mod render;

use std::time::Duration;

use resonant_domain::agent::ToolGrant;
use resonant_domain::http_tool::HttpTool as Written;
use serde_json::{Value, json};

use super::http_fetch::{cut_as_json, is_binary, told};
use super::material::ANSWER_MAX_BYTES;
use super::secrets::BoundSecret;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture};
use crate::egress::{Egress, EgressError, Fetched, HostLimit, Outgoing, is_unanswered};

pub use render::fill_headers;

/// What a server is asked for that gives its answers in several forms.
const ACCEPTED: &str = "application/json, text/*;q=0.9, */*;q=0.5";

/// A custom HTTP tool.
#[derive(Clone)]
pub struct HttpTool {
    name: String,
    written: Written,
    hosts: Vec<String>,
    is_safe_to_repeat: bool,
    egress: Egress,
}

impl HttpTool {
    /// The tool of a grant.
    #[must_use]
    pub fn new(grant: &ToolGrant, written: Written, egress: Egress) -> Self {
        let mut hosts = grant.hosts.clone();
        hosts.extend(written.host().map(str::to_owned));
        Self {
            name: grant.name.clone(),
            written,
            hosts,
            is_safe_to_repeat: !grant.is_unsafe_to_repeat(),
            egress,
        }
    }

    /// Why there is no answer. Of a request that may have arrived and must not be sent twice the model is
    /// told that the outcome is not known.
    fn unsent(&self, error: EgressError) -> ToolError {
        if !self.is_safe_to_repeat && error.may_have_arrived() {
            return ToolError::of_unknown_outcome(error);
        }
        told(error)
    }

    /// The request of one call.
    fn outgoing(&self, arguments: &Value, context: &ToolContext) -> Result<Outgoing, ToolError> {
        let rendered = render::render(&self.written, arguments, &context.secrets)?;
        let mut headers = rendered.headers;
        let has = |name: &str, headers: &[(String, String)]| {
            headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if !has("accept", &headers) {
            headers.push(("accept".to_owned(), ACCEPTED.to_owned()));
        }
        if let Some(content_type) = rendered.content_type
            && !has("content-type", &headers)
        {
            headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        // A call that is made again after a crash is the same call (draft-ietf-httpapi-idempotency-key).
        if !self.written.method.is_idempotent()
            && !context.idempotency_key.is_empty()
            && !has("idempotency-key", &headers)
        {
            headers
                .push(("idempotency-key".to_owned(), format!("\"{}\"", context.idempotency_key)));
        }
        let mut limits: Vec<_> = rendered.used.iter().map(BoundSecret::limit).collect();
        limits.push(HostLimit {
            whose: format!("the tool {}", self.name),
            hosts: self.hosts.clone(),
            is_secret: false,
        });
        Ok(Outgoing {
            method: self.written.method,
            url: rendered.url,
            headers,
            body: rendered.body,
            timeout: Duration::from_secs(self.written.timeout_seconds.into()),
            limits,
            keeps_method: true,
            enough: None,
        })
    }
}

impl Tool for HttpTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.written.description
    }

    fn parameters(&self) -> Value {
        self.written.input_schema.clone()
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.written.timeout_seconds) + 5)
    }

    fn is_safe_to_repeat(&self) -> bool {
        self.is_safe_to_repeat
    }

    fn computes(&self) -> bool {
        false
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let outgoing = self.outgoing(arguments, context)?;
            let fetched = self.egress.send(outgoing).await.map_err(|error| self.unsent(error))?;
            let is_lost = !self.is_safe_to_repeat && is_unanswered(fetched.status);
            answer(&fetched, context).map_err(|error| match error {
                ToolError::Failed(reason) if is_lost => ToolError::of_unknown_outcome(reason),
                error => error,
            })
        })
    }
}

/// What the model is told: the status and the body, JSON as JSON. A status that tells of a failure is
/// one. A body that is longer than is kept is cut, and the note on that stands before it: models are shown the
/// head of what is long.
fn answer(fetched: &Fetched, context: &ToolContext) -> Result<String, ToolError> {
    let media_type = fetched.media_type();
    if is_binary(&media_type, &fetched.body) {
        return Err(ToolError::Failed(format!(
            "it answers {} with {media_type}, which is not text",
            fetched.status
        )));
    }
    // Before the cut: half a secret would not be known for one.
    let mut text = context.secrets.hide_in(fetched.text());
    let status = fetched.status;
    if !(200..300).contains(&status) {
        return Err(ToolError::Failed(format!("it answers {status}: {text}")));
    }
    let is_whole = !fetched.truncated && text.len() <= ANSWER_MAX_BYTES;
    if is_whole && let Ok(body) = serde_json::from_str::<Value>(&text) {
        return Ok(json!({ "status": status, "body": body }).to_string());
    }
    if !(cut_as_json(&mut text, ANSWER_MAX_BYTES) | fetched.truncated) {
        return Ok(json!({ "status": status, "body": text }).to_string());
    }
    let note = format!(
        "The body is longer than is kept. It was cut: this is its beginning, {} bytes.",
        text.len()
    );
    let answer = json!({ "status": status, "truncated": true, "note": note, "body": text });
    Ok(answer.to_string())
}

#[cfg(test)]
mod tests;
