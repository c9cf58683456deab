//! Tools that are read from an OpenAPI document.

use serde::{Deserialize, Serialize};

use crate::agent::ToolGrant;
use crate::fault::FieldFault;

/// The longest document, in bytes.
pub const DOCUMENT_MAX_BYTES: usize = 2 * 1024 * 1024;

/// Where the document is: the JSON of `POST /api/v1/tools/openapi`. One of the two is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OpenApiSource {
    /// The document itself, JSON or YAML.
    pub document: Option<String>,
    /// The public address that it is read from.
    pub url: Option<String>,
    /// The operations that are wanted, by `operationId` or as `GET /path`; empty: all of them.
    pub operations: Vec<String>,
}

impl OpenApiSource {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let is_given = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.trim().is_empty());
        let reason = match (is_given(&self.document), is_given(&self.url)) {
            (false, false) => "must be given, or `url`".to_owned(),
            (true, true) => "must be absent when `url` is given".to_owned(),
            (true, false)
                if self.document.as_ref().is_some_and(|t| t.len() > DOCUMENT_MAX_BYTES) =>
            {
                format!("must be at most {DOCUMENT_MAX_BYTES} bytes")
            }
            _ => return Ok(()),
        };
        Err(vec![FieldFault::new("document", reason)])
    }
}

/// What a document offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenApiTools {
    /// The document's title.
    pub title: String,
    /// A grant for each operation, ready to be put into an agent.
    pub tools: Vec<ToolGrant>,
    /// The secrets that the tools send, which their owner must have.
    pub secrets: Vec<String>,
    /// The operations that no tool was made of.
    pub skipped: Vec<SkippedOperation>,
}

/// An operation that no tool was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SkippedOperation {
    /// The operation, as `GET /path`.
    pub operation: String,
    /// Why.
    pub reason: String,
}
