//! The form of one tool of an agent's own, field by field as text.

use leptos::prelude::*;
use resonant_domain::agent::ToolGrant;
use resonant_domain::grant::ToolSettings;
use resonant_domain::http_tool::HttpTool;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::language::tr_text;
use crate::refused_form::refused_form;

/// What the form of a tool holds. The inputs are named `tool[<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolForm {
    /// What the model calls it.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The method of HTTP.
    pub method: String,
    /// The address: of the request, or of the MCP server.
    pub url: String,
    /// What is added to the address's query, `name=value` on each line.
    pub query: String,
    /// The headers, `Name: value` on each line.
    pub headers: String,
    /// The body: JSON or text with placeholders.
    pub body: String,
    /// The JSON schema of the input.
    pub input_schema: String,
    /// How long one call may take.
    pub timeout_seconds: String,
    /// The hosts that it may reach beside its own, parted by blanks or commas.
    pub hosts: String,
    /// `true` when a person must approve each call.
    pub needs_approval: String,
}

impl ToolForm {
    /// What the form of a new tool starts with.
    pub fn blank() -> Self {
        let schema = concat!(
            "{\n  \"type\": \"object\",\n  \"properties\": {\n    \"city\": { \"type\": \"string\" }\n  },\n",
            "  \"required\": [\"city\"],\n  \"additionalProperties\": false\n}"
        );
        Self {
            method: "GET".to_owned(),
            input_schema: schema.to_owned(),
            timeout_seconds: "15".to_owned(),
            ..Self::default()
        }
    }

    /// What the form held when it was refused.
    pub fn refused() -> Option<Self> {
        let refused = refused_form();
        let text = |field: &str| refused.text(&format!("tool[{field}]")).unwrap_or_default();
        refused.text("tool[name]")?;
        Some(Self {
            name: text("name"),
            description: text("description"),
            method: text("method"),
            url: text("url"),
            query: text("query"),
            headers: text("headers"),
            body: text("body"),
            input_schema: text("input_schema"),
            timeout_seconds: text("timeout_seconds"),
            hosts: text("hosts"),
            needs_approval: text("needs_approval"),
        })
    }
}

impl From<&ToolGrant> for ToolForm {
    fn from(grant: &ToolGrant) -> Self {
        let base = Self {
            name: grant.name.clone(),
            hosts: grant.hosts.join(" "),
            needs_approval: if grant.needs_approval { "true".to_owned() } else { String::new() },
            ..Self::default()
        };
        if let ToolSettings::Http(tool) = &grant.settings {
            return Self {
                description: tool.description.clone(),
                method: tool.method.as_str().to_owned(),
                url: tool.url.clone(),
                query: lines_of(&tool.query, "="),
                headers: lines_of(&tool.headers, ": "),
                body: body_of(tool),
                input_schema: pretty(&tool.input_schema),
                timeout_seconds: tool.timeout_seconds.to_string(),
                ..base
            };
        }
        if let ToolSettings::Mcp(tool) = &grant.settings {
            return Self {
                description: tool.description.clone(),
                url: tool.server.clone(),
                headers: lines_of(&tool.headers, ": "),
                input_schema: pretty(&tool.input_schema),
                timeout_seconds: tool.timeout_seconds.to_string(),
                ..base
            };
        }
        base
    }
}

fn lines_of(map: &std::collections::BTreeMap<String, String>, between: &str) -> String {
    let lines = map.iter().map(|(name, value)| format!("{name}{between}{value}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A text as it is, everything else as JSON. A text that could be read as JSON is written as JSON.
fn body_of(tool: &HttpTool) -> String {
    match &tool.body {
        None => String::new(),
        Some(serde_json::Value::String(text))
            if serde_json::from_str::<serde_json::Value>(text).is_err() =>
        {
            text.clone()
        }
        Some(body) => pretty(body),
    }
}

/// JSON with a member on each line.
pub(super) fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// What is wrong with a field or with a part of it, as a sentence beside it.
pub(crate) fn fault_within(
    error: Signal<Option<AppError>>,
    field: &'static str,
) -> Signal<Option<String>> {
    Signal::derive(move || {
        error
            .try_with(|error| {
                let faults = &error.as_ref()?.fields;
                let of = |name: &str| {
                    let rest = name.strip_prefix(field)?;
                    let part = rest.trim_start_matches(['.', '[']).trim_end_matches(']');
                    (rest.is_empty() || rest.starts_with(['.', '['])).then(|| part.to_owned())
                };
                faults.iter().find_map(|fault| {
                    let part = of(&fault.field)?;
                    let reason = tr_text(fault.reason.clone());
                    // A number would only say which of several it is.
                    let is_named = part.starts_with(|letter: char| !letter.is_ascii_digit());
                    Some(if is_named { format!("{part} {reason}") } else { reason })
                })
            })
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_within_a_field_is_told_beside_it() {
        let owner = Owner::new();
        owner.with(|| {
            let error = AppError::invalid("settings.headers.x", "must be one line");
            let error: Signal<_> = Signal::stored(Some(error));
            let told = |field| fault_within(error, field).get_untracked();
            assert_eq!(told("settings.headers").as_deref(), Some("x must be one line"));
            assert_eq!(told("settings.header"), None);
            assert_eq!(told("name"), None);
            let error = AppError::invalid("hosts[0]", "must be a host");
            let error: Signal<_> = Signal::stored(Some(error));
            assert_eq!(
                fault_within(error, "hosts").get_untracked().as_deref(),
                Some("must be a host")
            );
        });
    }
}
