//! A tool that is another agent of the same owner.

use serde::{Deserialize, Serialize};

use crate::agent::Agent;
use crate::fault::FieldFault;
use crate::grant::{TOOL_NAME_MAX, ToolGrant, ToolSettings};
use crate::http_tool::TOOL_DESCRIPTION_MAX;
use crate::ids::AgentId;
#[cfg(feature = "schema")]
use crate::text::SHOWN_PATTERN;
use crate::text::{check_text, shorten};

/// How deep agents may call agents, where the installation says nothing else: the called one may call
/// another, which may call a third.
pub const DEPTH_DEFAULT: u32 = 3;

/// Another agent. A call starts a session of it, with the goal that the model gives, and waits for its
/// answer; what it uses counts as used by the session that called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AgentTool {
    /// The agent: one of the same owner. Its published version runs, or its draft where none is.
    pub agent_id: AgentId,
    /// What it is for, for the model.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = TOOL_DESCRIPTION_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub description: String,
}

impl AgentTool {
    /// Reports each broken rule as `<field>.<name>`.
    pub(crate) fn check(&self, faults: &mut Vec<FieldFault>, field: &str) {
        let description = format!("{field}.description");
        check_text(faults, &description, &self.description, 1, TOOL_DESCRIPTION_MAX);
    }
}

/// A grant of this agent as a tool, under a name that none of the others has.
#[must_use]
pub fn grant_of(agent: &Agent, others: &[ToolGrant]) -> ToolGrant {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let words: String = agent.spec.name.chars().map(plain).collect();
    let words: Vec<_> = words.split('_').filter(|word| !word.is_empty()).collect();
    let mut base = format!("agent_{}", words.join("_"));
    base.truncate(TOOL_NAME_MAX - 4);
    let base = base.trim_end_matches('_');
    let is_taken = |name: &str| others.iter().any(|other| other.name == name);
    let name = (1..=others.len() + 1)
        .map(|n| if n == 1 { base.to_owned() } else { format!("{base}_{n}") })
        .find(|name| !is_taken(name))
        .unwrap_or_default();
    let about = shorten(agent.spec.description.trim(), TOOL_DESCRIPTION_MAX - NAME_ROOM);
    let description = if about.is_empty() {
        format!("Hands a task to the agent {}", agent.spec.name)
    } else {
        format!("Hands a task to the agent {}: {about}", agent.spec.name)
    };
    let settings = ToolSettings::Agent(AgentTool { agent_id: agent.id, description });
    ToolGrant { name, settings, ..ToolGrant::default() }
}

/// What the sentence around a description takes, the longest name in it.
const NAME_ROOM: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{AgentSpec, AgentStatus};
    use crate::ids::UserId;

    fn agent(name: &str) -> Agent {
        let id: AgentId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        Agent {
            id,
            owner_id: UserId::from_uuid(id.as_uuid()),
            status: AgentStatus::Active,
            revision: 1,
            listing_id: None,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            spec: AgentSpec {
                name: name.to_owned(),
                description: "x".repeat(crate::agent::DESCRIPTION_MAX),
                ..AgentSpec::default()
            },
        }
    }

    #[test]
    fn every_agent_makes_a_grant_that_passes() {
        for (name, expected) in [
            ("Deep research", "agent_deep_research"),
            ("Übersetzer (neu)", "agent_bersetzer_neu"),
            ("日本語", "agent"),
            (&"long ".repeat(20), "agent_long_long_long_long_long_long_long_long_long_long_long"),
        ] {
            let grant = grant_of(&agent(name), &[]);
            assert_eq!(grant.name, expected);
            let second = grant_of(&agent(name), std::slice::from_ref(&grant));
            assert_eq!(second.name, format!("{expected}_2"));
            let mut faults = Vec::new();
            crate::grant::check_all(&mut faults, &[grant, second]);
            assert_eq!(faults, [], "{name}");
        }
    }
}
