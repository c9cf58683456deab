//! A tool of an MCP server (Model Context Protocol), as the server described it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::ToolGrant;
use crate::fault::FieldFault;
use crate::host;
use crate::http_tool::{
    JSON_MAX, REQUEST_SECONDS_MAX, TOOL_DESCRIPTION_MAX, check_header, check_schema, no_input,
    request_seconds,
};
use crate::template::{self, Piece};
#[cfg(feature = "schema")]
use crate::text::SHOWN_PATTERN;
use crate::text::check_text;

/// The longest address of a server, in characters.
const SERVER_MAX: usize = 2_000;
/// The most headers.
const HEADERS_MAX: usize = 20;

/// A tool of an MCP server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct McpTool {
    /// The server's address (streamable HTTP), or `stdio:` and the name of a command that the
    /// installation allows.
    pub server: String,
    /// The tool's name there.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 200), regex(pattern = SHOWN_PATTERN)))]
    pub tool: String,
    /// What it does, for the model.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TOOL_DESCRIPTION_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub description: String,
    /// The JSON schema of the input, an object.
    #[serde(default = "no_input")]
    pub input_schema: Value,
    /// Headers of every request; they may send secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How long one call may take, 1 to [`REQUEST_SECONDS_MAX`] seconds.
    #[serde(default = "request_seconds")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = REQUEST_SECONDS_MAX)))]
    pub timeout_seconds: u32,
}

impl McpTool {
    /// The host that it sends to.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        host::of_url(&self.server)
    }

    /// The name of the command that it speaks to, when it is one of the installation.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        command_of(&self.server)
    }

    /// The names of the secrets in it, some perhaps more than once.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        secrets_in(&self.headers)
    }

    /// Reports each broken rule as `<field>.<name>`.
    pub(crate) fn check(&self, faults: &mut Vec<FieldFault>, field: &str) {
        let at = |name: &str| format!("{field}.{name}");
        check_server(faults, field, &self.server, &self.headers);
        check_text(faults, &at("tool"), &self.tool, 1, 200);
        check_text(faults, &at("description"), &self.description, 1, TOOL_DESCRIPTION_MAX);
        if self.input_schema.to_string().len() > JSON_MAX {
            let reason = format!("must be at most {JSON_MAX} bytes of JSON");
            faults.push(FieldFault::new(at("input_schema"), reason));
        }
        check_schema(faults, &at("input_schema"), &self.input_schema);
        if self.timeout_seconds == 0 || self.timeout_seconds > REQUEST_SECONDS_MAX {
            let reason = format!("must be 1 to {REQUEST_SECONDS_MAX}");
            faults.push(FieldFault::new(at("timeout_seconds"), reason));
        }
    }
}

/// Where a server is: the JSON of `POST /api/v1/tools/mcp`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// Its address, or `stdio:` and the name of a command that the installation allows.
    pub server: String,
    /// Headers of every request; they may send secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl McpServer {
    /// The name of the command that it is, when it is one of the installation.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        command_of(&self.server)
    }

    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_server(&mut faults, "", &self.server, &self.headers);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The names of the secrets in it, some perhaps more than once.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        secrets_in(&self.headers)
    }
}

/// What a server offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct McpTools {
    /// What the server calls itself.
    pub title: String,
    /// A grant for each of its tools, ready to be put into an agent.
    pub tools: Vec<ToolGrant>,
    /// The tools that no grant could be made of, with the reason.
    pub skipped: Vec<String>,
}

/// The name in `stdio:<name>`.
#[must_use]
pub fn command_of(server: &str) -> Option<&str> {
    server.strip_prefix("stdio:").filter(|name| is_command_name(name))
}

/// Whether a command may have this name.
#[must_use]
pub fn is_command_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn secrets_in(headers: &BTreeMap<String, String>) -> Vec<&str> {
    let pieces = headers.values().filter_map(|text| template::pieces(text).ok()).flatten();
    pieces
        .filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name),
            _ => None,
        })
        .collect()
}

fn check_server(
    faults: &mut Vec<FieldFault>,
    parent: &str,
    server: &str,
    headers: &BTreeMap<String, String>,
) {
    let at = |name: &str| match parent {
        "" => name.to_owned(),
        parent => format!("{parent}.{name}"),
    };
    if command_of(server).is_some() {
        if !headers.is_empty() {
            faults.push(FieldFault::new(at("headers"), "must be absent: a command takes none"));
        }
        return;
    }
    let is_plain = !server.contains(|c: char| c.is_control() || "{}\\# ".contains(c));
    if server.chars().count() > SERVER_MAX || host::of_url(server).is_none() || !is_plain {
        faults.push(FieldFault::new(at("server"), "must be an https address without placeholders"));
    }
    if headers.len() > HEADERS_MAX {
        let reason = format!("must be at most {HEADERS_MAX} entries");
        faults.push(FieldFault::new(at("headers"), reason));
    }
    for (name, value) in headers {
        let field = at(&format!("headers.{name}"));
        match template::pieces(value) {
            Err(reason) => faults.push(FieldFault::new(field, reason)),
            Ok(pieces) if pieces.iter().any(|piece| matches!(piece, Piece::Input(_))) => {
                faults.push(FieldFault::new(field, "may have placeholders for secrets alone"));
            }
            Ok(_) => {
                if let Err(reason) = check_header(name, value) {
                    faults.push(FieldFault::new(field, reason));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_broken_rule_names_its_field() {
        let good = json!({
            "server": "https://mcp.example.org/mcp",
            "tool": "search",
            "description": "Searches",
            "headers": { "authorization": "Bearer {{secrets.KEY}}" },
            "input_schema": { "type": "object" },
        });
        let check = |value: Value| {
            let tool: McpTool = serde_json::from_value(value).unwrap();
            let mut faults = Vec::new();
            tool.check(&mut faults, "s");
            faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
        };
        assert_eq!(check(good.clone()), [""; 0]);
        for (name, value, field) in [
            // A command takes no headers, and its name is no path.
            ("server", json!("stdio:shelf"), "s.headers"),
            ("server", json!("stdio:/bin/sh"), "s.server"),
            ("server", json!("https://{{host}}/"), "s.server"),
            ("server", json!("https://a@b.org/"), "s.server"),
            ("tool", json!(""), "s.tool"),
            ("description", json!(""), "s.description"),
            ("headers", json!({ "x": "{{input}}" }), "s.headers.x"),
            ("headers", json!({ "host": "a" }), "s.headers.host"),
            ("input_schema", json!([]), "s.input_schema"),
            ("timeout_seconds", json!(0), "s.timeout_seconds"),
        ] {
            let mut broken = good.clone();
            broken[name] = value;
            assert_eq!(check(broken), [field], "{name}");
        }
    }
}
