//! The tools of an agent one by one: what is switched on, what each takes, what a call gave.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::ToolGrant;
use crate::grant::ToolSettings;
use crate::ids::{AgentId, UserId};

/// The longest text of arguments with which a tool is tried, in bytes.
pub const TRIAL_ARGUMENTS_MAX: usize = 64 * 1024;

/// All tools that an agent has, and the built-in ones that it could have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentTools {
    /// The agent.
    pub agent_id: AgentId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Its name.
    pub agent_name: String,
    /// The built-in tools in their own order, then the agent's own.
    pub tools: Vec<DescribedTool>,
    /// The names of the secrets that its owner has.
    pub secrets: Vec<String>,
}

/// A tool with what a model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DescribedTool {
    /// The tool as the agent has it, or would.
    pub grant: ToolGrant,
    /// Whether its sessions have it.
    pub is_on: bool,
    /// Names the grant as it is, for whoever replaces it and nothing newer.
    pub version: String,
    /// What it does, for a model.
    pub description: String,
    /// The JSON schema of its input.
    pub input_schema: Value,
}

impl DescribedTool {
    /// Arguments to begin with: every required property of the schema, empty.
    #[must_use]
    pub fn sample_arguments(&self) -> Value {
        let schema = &self.input_schema;
        let required = schema["required"].as_array().into_iter().flatten();
        let fields = required.filter_map(Value::as_str).map(|name| {
            let property = &schema["properties"][name];
            (name.to_owned(), sample(property))
        });
        Value::Object(fields.collect())
    }

    /// Where it comes from, for people.
    #[must_use]
    pub const fn origin(&self) -> &'static str {
        match &self.grant.settings {
            ToolSettings::BuiltIn => "Built-in",
            ToolSettings::Http(tool) if tool.operation.is_some() => "OpenAPI",
            ToolSettings::Http(_) => "HTTP",
            ToolSettings::Mcp(_) => "MCP",
            ToolSettings::Agent(_) => "Agent",
        }
    }
}

/// A value that fits a property as far as its schema tells one.
fn sample(property: &Value) -> Value {
    if let Some(given) = property.get("default").or_else(|| property["enum"].get(0)) {
        return given.clone();
    }
    match property["type"].as_str() {
        Some("integer" | "number") => property.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => false.into(),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(serde_json::Map::new()),
        _ => "".into(),
    }
}

/// What came of trying a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolTrial {
    /// The tool.
    pub name: String,
    /// Whether it answered.
    pub is_ok: bool,
    /// Its answer, or why there is none.
    pub content: String,
    /// How long it took.
    pub duration_ms: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sample_arguments_hold_what_is_required() {
        let tool = DescribedTool {
            grant: ToolGrant::new("weather"),
            is_on: true,
            version: String::new(),
            description: String::new(),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "city": { "type": "string" },
                    "days": { "type": "integer", "minimum": 3 },
                    "unit": { "enum": ["c", "f"] },
                    "other": { "type": "string" },
                },
                "required": ["city", "days", "unit"],
            }),
        };
        assert_eq!(tool.sample_arguments(), json!({ "city": "", "days": 3, "unit": "c" }));
        assert_eq!(tool.origin(), "Built-in");
    }
}
