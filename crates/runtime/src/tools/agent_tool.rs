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
/// [`ToolError::Invalid`] when the source is not there, or is more than a session takes: an agent that is given a
/// part of its material would take it for all.
pub(crate) fn asked_session(
    arguments: &Value,
    sources: &HashMap<String, String>,
) -> Result<NewSession, ToolError> {
    let goal = string(arguments, "goal").unwrap_or_default().trim().to_owned();
    let context = match (string(arguments, "context"), string(arguments, "source")) {
        (Some(context), _) => Some(context.to_owned()),
        (None, Some(name)) => {
            let text = source(sources, name)?;
            let chars = text.chars().count();
            if chars > CONTEXT_MAX {
                return Err(ToolError::Invalid(format!(
                    "`source` must hold at most {CONTEXT_MAX} characters for another agent, and `{name}` \
                     holds {chars}: give what it needs of that in `context`"
                )));
            }
            Some(text.to_owned())
        }
        (None, None) => None,
    };
    Ok(NewSession { goal, context, ..NewSession::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn material_that_is_too_much_is_not_cut_in_silence() {
        let sources = HashMap::from([
            ("context_0".to_owned(), "ä".repeat(CONTEXT_MAX)),
            ("call01001".to_owned(), "ä".repeat(CONTEXT_MAX + 1)),
        ]);
        let asked = |source: &str| {
            let arguments = json!({ "goal": "Count", "source": source });
            asked_session(&arguments, &sources)
        };
        assert_eq!(asked("context_0").unwrap().context.as_ref(), sources.get("context_0"));
        let refused = asked("call01001").unwrap_err().to_string();
        assert!(refused.contains("at most 200000 characters"), "{refused}");
        assert!(refused.contains("`call01001` holds 200001"), "{refused}");
    }
}
