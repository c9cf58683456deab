//! What an agent is granted: a tool, how it is set up, and how far it may go.

use serde::{Deserialize, Serialize};

use crate::agent_tool::AgentTool;
use crate::fault::FieldFault;
use crate::host;
use crate::http_tool::HttpTool;
use crate::ids::AgentId;
use crate::mcp_tool::McpTool;
use crate::text::has_nul;
use crate::tool::{BUILT_IN_TOOLS, built_in, of_ours};

/// The most tools that one agent may have.
pub const TOOLS_MAX: usize = 64;
/// The longest name of a tool, in characters: what model providers take.
pub const TOOL_NAME_MAX: usize = 64;

/// A tool that an agent may call.
///
/// `{"name": "calculator"}` grants a built-in tool. Any other tool is named by the grant and says in
/// `settings` what it is: `{"name": "weather", "settings": {"kind": "http", …}}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ToolGrant {
    /// What the model calls it.
    pub name: String,
    /// What it is and how it is set up.
    #[serde(default, skip_serializing_if = "ToolSettings::is_built_in")]
    pub settings: ToolSettings,
    /// The hosts that it may reach, such as `api.example.org` or `*.example.org`. Empty: those that
    /// its settings name, and for a tool that is given its addresses every public host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = host::HOSTS_MAX), inner(regex(pattern = host::PATTERN))))]
    pub hosts: Vec<String>,
    /// Whether a person must approve each call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
    /// Whether a second call with the same arguments may do harm. Absent: as its settings suggest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsafe_to_repeat: Option<bool>,
    /// Whether it is switched off: it keeps its settings, and no session has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_off: bool,
}

/// What a granted tool is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToolSettings {
    /// The built-in tool of the grant's name.
    #[default]
    BuiltIn,
    /// A request that the agent's owner has written down, or that was read from an OpenAPI document.
    Http(HttpTool),
    /// A tool of an MCP server.
    Mcp(McpTool),
    /// Another agent of the same owner.
    Agent(AgentTool),
}

impl ToolSettings {
    /// Whether the tool is one of [`BUILT_IN_TOOLS`].
    #[must_use]
    pub const fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn)
    }
}

impl ToolGrant {
    /// The agent that it calls.
    #[must_use]
    pub const fn agent_id(&self) -> Option<AgentId> {
        match &self.settings {
            ToolSettings::Agent(tool) => Some(tool.agent_id),
            ToolSettings::BuiltIn | ToolSettings::Http(_) | ToolSettings::Mcp(_) => None,
        }
    }

    /// A grant of the named built-in tool.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The same grant, each call of which a person must approve.
    #[must_use]
    pub fn with_approval(self) -> Self {
        Self { needs_approval: true, ..self }
    }

    /// Whether a call whose outcome is not known must not be made again.
    #[must_use]
    pub fn is_unsafe_to_repeat(&self) -> bool {
        self.unsafe_to_repeat.unwrap_or(match &self.settings {
            // A call starts one session, whatever becomes of the worker.
            ToolSettings::BuiltIn | ToolSettings::Agent(_) => false,
            ToolSettings::Http(tool) => !tool.method.is_idempotent(),
            // What another server's tool does is not known.
            ToolSettings::Mcp(_) => true,
        })
    }

    /// What people read about it.
    #[must_use]
    pub fn title(&self) -> &str {
        built_in(&self.name).map_or(&self.name, |tool| tool.title)
    }

    /// The secrets that its settings name, each once.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        let mut names = match &self.settings {
            ToolSettings::BuiltIn | ToolSettings::Agent(_) => Vec::new(),
            ToolSettings::Http(tool) => tool.secrets(),
            ToolSettings::Mcp(tool) => tool.secrets(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    fn check(&self, faults: &mut Vec<FieldFault>, field: &str) {
        let name = format!("{field}.name");
        if self.settings.is_built_in() {
            if built_in(&self.name).is_none() {
                let known = BUILT_IN_TOOLS.map(|tool| tool.name).join(", ");
                faults.push(FieldFault::new(name, format!("must be one of {known}")));
            }
        } else if of_ours(&self.name).is_some() {
            faults.push(FieldFault::new(name, "must not be the name of a built-in tool"));
        } else if !is_tool_name(&self.name) {
            faults.push(FieldFault::new(
                name,
                format!(
                    "must be a letter and then letters, digits, - and _, at most {TOOL_NAME_MAX}"
                ),
            ));
        }
        host::check_list(faults, &format!("{field}.hosts"), &self.hosts, 0);
        let before = faults.len();
        match &self.settings {
            ToolSettings::BuiltIn => {}
            ToolSettings::Http(tool) => tool.check(faults, &format!("{field}.settings")),
            ToolSettings::Mcp(tool) => tool.check(faults, &format!("{field}.settings")),
            ToolSettings::Agent(tool) => tool.check(faults, &format!("{field}.settings")),
        }
        // Schemas and bodies may hold any JSON, but for this.
        let holds_nul = || serde_json::to_value(&self.settings).is_ok_and(|all| has_nul(&all));
        if faults.len() == before && holds_nul() {
            let reason = "must not contain the NUL character";
            faults.push(FieldFault::new(format!("{field}.settings"), reason));
        }
    }
}

/// Reports every rule that a list of grants breaks, as `tools[<index>].…`.
pub fn check_all(faults: &mut Vec<FieldFault>, grants: &[ToolGrant]) {
    if grants.len() > TOOLS_MAX {
        faults.push(FieldFault::new("tools", format!("must be at most {TOOLS_MAX} tools")));
        return;
    }
    for (index, grant) in grants.iter().enumerate() {
        let field = format!("tools[{index}]");
        let before = faults.len();
        grant.check(faults, &field);
        if faults.len() == before && grants[..index].iter().any(|other| other.name == grant.name) {
            faults.push(FieldFault::new(format!("{field}.name"), "must be named once"));
        }
    }
}

/// The grants after a form that knows no more than which built-in tools are ticked: those that stay
/// keep their settings and are on, and what is no built-in tool, or was switched off, stays as it was.
#[must_use]
pub fn ticked(ticked: Vec<ToolGrant>, before: &[ToolGrant]) -> Vec<ToolGrant> {
    let kept = |grant: ToolGrant| {
        let known = before.iter().find(|other| other.name == grant.name).cloned();
        ToolGrant { is_off: false, ..known.unwrap_or(grant) }
    };
    let mut grants: Vec<_> = ticked.into_iter().map(kept).collect();
    let stays = |grant: &&ToolGrant| !grant.settings.is_built_in() || grant.is_off;
    for grant in before.iter().filter(stays) {
        if !grants.iter().any(|other| other.name == grant.name) {
            grants.push(grant.clone());
        }
    }
    grants
}

fn is_tool_name(text: &str) -> bool {
    text.len() <= TOOL_NAME_MAX
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(grants: serde_json::Value) -> Vec<String> {
        let grants: Vec<ToolGrant> = serde_json::from_value(grants).unwrap();
        let mut faults = Vec::new();
        check_all(&mut faults, &grants);
        faults.into_iter().map(|fault| fault.field).collect()
    }

    fn weather() -> serde_json::Value {
        json!({
            "name": "weather",
            "settings": {
                "kind": "http",
                "description": "The weather of a city",
                "url": "https://api.example.org/weather",
                "query": { "city": "{{city}}" },
                "headers": { "authorization": "Bearer {{secrets.WEATHER_KEY}}" },
                "input_schema": {
                    "type": "object",
                    "properties": { "city": { "type": "string" } },
                    "required": ["city"],
                },
            },
        })
    }

    #[test]
    fn a_grant_of_old_reads_and_writes_as_it_did() {
        let old = json!([{ "name": "calculator" }, { "name": "http_fetch" }]);
        let grants: Vec<ToolGrant> = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(grants, [ToolGrant::new("calculator"), ToolGrant::new("http_fetch")]);
        assert_eq!(serde_json::to_value(&grants).unwrap(), old);
    }

    #[test]
    fn a_typed_grant_comes_back_as_it_was_written() {
        let mut grant: ToolGrant = serde_json::from_value(weather()).unwrap();
        let again: ToolGrant =
            serde_json::from_value(serde_json::to_value(&grant).unwrap()).unwrap();
        assert_eq!(again, grant);
        assert_eq!(grant.secrets(), ["WEATHER_KEY"]);
        assert!(!grant.is_unsafe_to_repeat());
        grant.unsafe_to_repeat = Some(true);
        assert!(grant.is_unsafe_to_repeat());
        assert!(serde_json::from_value::<ToolGrant>(json!({ "name": "x", "sudo": 1 })).is_err());
        assert!(
            serde_json::from_value::<ToolGrant>(
                json!({ "name": "x", "settings": { "kind": "shell" } })
            )
            .is_err()
        );
    }

    #[test]
    fn settings_hold_no_nul_wherever_it_stands() {
        assert_eq!(faults(json!([weather()])), Vec::<String>::new());
        for place in ["/query/city", "/input_schema/title", "/input_schema/properties/city/enum"] {
            let mut grant = weather();
            let (parent, name) = place.rsplit_once('/').unwrap();
            let parent = grant["settings"].pointer_mut(parent).unwrap();
            parent[name] = json!("a\0b");
            assert_eq!(faults(json!([grant])), ["tools[0].settings"], "{place}");
        }
        let mut grant = weather();
        grant["settings"]["query"]["ci\0ty"] = json!("Oslo");
        assert_eq!(faults(json!([grant])), ["tools[0].settings"]);
    }

    #[test]
    fn a_form_of_ticks_loses_no_settings() {
        let weather: ToolGrant = serde_json::from_value(weather()).unwrap();
        let before = [
            ToolGrant::new("calculator").with_approval(),
            weather.clone(),
            ToolGrant::new("extract"),
        ];
        let after = ticked(vec![ToolGrant::new("datetime"), ToolGrant::new("calculator")], &before);
        let expected = [
            ToolGrant::new("datetime"),
            ToolGrant::new("calculator").with_approval(),
            weather.clone(),
        ];
        assert_eq!(after, expected);

        // What is switched off stays so until it is ticked.
        let off = |grant: ToolGrant| ToolGrant { is_off: true, ..grant };
        let before = [off(ToolGrant::new("calculator").with_approval()), off(weather.clone())];
        assert_eq!(ticked(Vec::new(), &before), before);
        let after = ticked(vec![ToolGrant::new("calculator")], &before);
        assert_eq!(after, [ToolGrant::new("calculator").with_approval(), off(weather)]);
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        assert_eq!(faults(json!([weather(), { "name": "calculator", "hosts": ["a.b"] }])), [""; 0]);
        assert_eq!(faults(json!([{ "name": "rm" }])), ["tools[0].name"]);
        assert_eq!(faults(json!([weather(), weather()])), ["tools[1].name"]);
        assert_eq!(
            faults(json!([{ "name": "http_fetch", "hosts": ["https://a.b"] }])),
            ["tools[0].hosts[0]"]
        );
        assert_eq!(faults(json!([{ "name": "read_result" }])), ["tools[0].name"]);
        for name in ["calculator", "read_result", "", "a b", "1a"] {
            let mut grant = weather();
            grant["name"] = name.into();
            assert_eq!(faults(json!([grant])), ["tools[0].name"], "{name}");
        }
        let many = vec![json!({ "name": "calculator" }); TOOLS_MAX + 1];
        assert_eq!(faults(many.into()), ["tools"]);
    }
}
