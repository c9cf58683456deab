//! A tool that is another agent. It is never called here: the loop has whoever keeps the log start a
//! session of that agent, and takes the session's answer for the result.

use std::collections::HashMap;

use resonant_domain::agent::ToolGrant;
use resonant_domain::agent_tool::AgentTool as Written;
use resonant_domain::session::{CONTEXT_MAX, GOAL_MAX, NewSession};
use serde_json::{Value, json};

use super::material::string;
use super::schema;
use super::tool::{Tool, ToolContext, ToolError, ToolFuture, source};

/// Another agent, as a model is told of it.
#[derive(Clone)]
pub(super) struct AgentTool {
    name: String,
    written: Written,
}

impl AgentTool {
    /// The tool of a grant.
    pub(super) fn new(grant: &ToolGrant, written: Written) -> Self {
        Self { name: grant.name.clone(), written }
    }
}

impl Tool for AgentTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.written.description
    }

    fn parameters(&self) -> Value {
        let properties = json!({
            "goal": { "type": "string", "minLength": 1, "maxLength": GOAL_MAX, "pattern": "\\S", "description": "What the agent shall do. It knows nothing of this conversation: say all that it needs to know." },
            "context": { "type": "string", "maxLength": CONTEXT_MAX, "description": "Material that it works on. Leave it out when `source` is given." },
            "source": { "type": "string", "description": "Instead of `context`: where the material already is. \"context\" for the newest material that a person gave, the source that is named before it for another one, or the call id of an earlier tool call for its result." },
        });
        schema::object(&properties, &["goal"])
    }

    fn call<'a>(&'a self, _arguments: &'a Value, _context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async { Err(ToolError::Failed("no agent can be called here".to_owned())) })
    }
}

/// The session that a call asks for. The arguments have passed the schema.
///
/// # Errors
/// [`ToolError::Invalid`] when the source is not there.
pub(crate) fn asked_session(
    arguments: &Value,
    sources: &HashMap<String, String>,
) -> Result<NewSession, ToolError> {
    let goal = string(arguments, "goal").unwrap_or_default().trim().to_owned();
    let context = match (string(arguments, "context"), string(arguments, "source")) {
        (Some(context), _) => Some(context.to_owned()),
        (None, Some(name)) => Some(source(sources, name)?.to_owned()),
        (None, None) => None,
    };
    let context = context.map(|text| text.chars().take(CONTEXT_MAX).collect());
    Ok(NewSession { goal, context, ..NewSession::default() })
}
