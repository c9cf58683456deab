//! An agent as one readable file: JSON with the prompt line by line, so that people read it and
//! version control compares it.

use serde::{Deserialize, Serialize};

use crate::agent::{Agent, AgentSpec, Avatar, Limits, ModelPolicy, ToolGrant};
#[cfg(feature = "schema")]
use crate::agent::{DESCRIPTION_MAX, NAME_MAX, SYSTEM_PROMPT_MAX};
use crate::fault::FieldFault;
#[cfg(feature = "schema")]
use crate::grant::TOOLS_MAX;
use crate::spec_diff::SpecDiff;
#[cfg(feature = "schema")]
use crate::text::{NAME_PATTERN, TEXT_PATTERN};
#[cfg(feature = "schema")]
use crate::variable::VARIABLES_MAX;
use crate::variable::Variable;

/// The format that this version writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// The file. It holds no id, no owner and no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the AgentSpec field of its name")]
pub struct AgentFile {
    /// The file's format: [`FORMAT`].
    #[cfg_attr(feature = "schema", schemars(extend("const" = FORMAT)))]
    pub resonant_agent: u32,
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = NAME_PATTERN)))]
    pub name: String,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = DESCRIPTION_MAX), regex(pattern = TEXT_PATTERN)))]
    pub description: String,
    #[serde(default)]
    pub avatar: Avatar,
    #[serde(default)]
    pub model_policy: ModelPolicy,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = TOOLS_MAX)))]
    pub tools: Vec<ToolGrant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = VARIABLES_MAX)))]
    pub variables: Vec<Variable>,
    /// Line by line; all lines together are no longer than a prompt may be.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(inner(length(max = SYSTEM_PROMPT_MAX), regex(pattern = TEXT_PATTERN))))]
    pub system_prompt: Vec<String>,
}

/// What came of a file, or would come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Imported {
    /// The agent as it is now; none after a dry run.
    pub agent: Option<Agent>,
    /// What the file changes in the agent before it, or in a blank one.
    pub changes: SpecDiff,
}

impl AgentFile {
    /// Reads a file. What cannot be read is a fault of the field `file`.
    pub fn parse(text: &str) -> Result<AgentSpec, FieldFault> {
        let fault = |reason: String| FieldFault::new("file", reason);
        if text.trim().is_empty() {
            return Err(fault("must not be empty: choose a file or paste one".to_owned()));
        }
        let file: Self = serde_json::from_str(text).map_err(|error| {
            let line = error.line();
            fault(if error.is_data() {
                format!("must be an exported agent: what stands up to line {line} is not as in one")
            } else {
                format!(
                    "must be an exported agent: it is no JSON from line {line} on. Paste all of \
                     the file"
                )
            })
        })?;
        file.into_spec().map_err(|FieldFault { field, reason }| fault(format!("{field} {reason}")))
    }

    /// The agent that the file describes. Another format is a fault of the field `resonant_agent`.
    pub fn into_spec(self) -> Result<AgentSpec, FieldFault> {
        if self.resonant_agent == FORMAT {
            Ok(self.into())
        } else {
            Err(FieldFault::new("resonant_agent", format!("must be {FORMAT}")))
        }
    }

    /// The text of the file.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

impl From<AgentSpec> for AgentFile {
    fn from(spec: AgentSpec) -> Self {
        let AgentSpec {
            name,
            description,
            avatar,
            system_prompt,
            model_policy,
            tools,
            limits,
            variables,
        } = spec;
        let system_prompt = if system_prompt.is_empty() {
            Vec::new()
        } else {
            system_prompt.split('\n').map(str::to_owned).collect()
        };
        Self {
            resonant_agent: FORMAT,
            name,
            description,
            avatar,
            model_policy,
            limits,
            tools,
            variables,
            system_prompt,
        }
    }
}

impl From<AgentFile> for AgentSpec {
    fn from(file: AgentFile) -> Self {
        Self {
            name: file.name,
            description: file.description,
            avatar: file.avatar,
            system_prompt: file.system_prompt.join("\n"),
            model_policy: file.model_policy,
            tools: file.tools,
            limits: file.limits,
            variables: file.variables,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_survives_its_file() {
        for prompt in ["", "You read.", "You read.\n\n- slowly\n- twice\n"] {
            let spec = AgentSpec {
                name: "Reader".to_owned(),
                system_prompt: prompt.to_owned(),
                tools: vec![ToolGrant::new("calculator")],
                variables: vec![Variable::new("city")],
                model_policy: ModelPolicy::Named { model: "llama3".to_owned() },
                ..AgentSpec::default()
            };
            let text = AgentFile::from(spec.clone()).write().unwrap();
            assert_eq!(AgentFile::parse(&text), Ok(spec));
        }
    }

    #[test]
    fn a_prompt_has_a_line_of_its_own_for_each_line() {
        let spec = AgentSpec {
            name: "R".to_owned(),
            system_prompt: "a\nb".to_owned(),
            ..AgentSpec::default()
        };
        let text = AgentFile::from(spec).write().unwrap();
        assert!(text.contains("\n    \"a\",\n    \"b\"\n"), "{text}");
    }

    #[test]
    fn what_is_no_agent_is_refused() {
        for text in [
            "",
            "name: Reader",
            r#"{"name":"Reader"}"#,
            r#"{"resonant_agent":2,"name":"Reader"}"#,
            r#"{"resonant_agent":1,"name":"Reader","owner_id":"x"}"#,
        ] {
            assert_eq!(AgentFile::parse(text).unwrap_err().field, "file", "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_in_words_of_our_own() {
        for (text, told) in [
            (" \n", "must not be empty: choose a file or paste one"),
            (
                "{\n\"name\":",
                "must be an exported agent: it is no JSON from line 2 on. Paste all of the file",
            ),
            (
                r#"{"name":"Reader"}"#,
                "must be an exported agent: what stands up to line 1 is not as in one",
            ),
        ] {
            assert_eq!(AgentFile::parse(text).unwrap_err().reason, told, "{text}");
        }
    }
}
