//! Agents: what one is made of and what a valid one looks like.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::fields::Choosable;
use crate::grant;
use crate::ids::{AgentId, ListingId, UserId};
#[cfg(feature = "schema")]
use crate::text::{NAME_PATTERN, SHOWN_PATTERN, TEXT_PATTERN};
use crate::text::{check_name, check_text};
use crate::variable::{self, Variable};

pub use crate::grant::ToolGrant;

/// The longest name, in characters.
pub const NAME_MAX: usize = 100;
/// The longest description, in characters.
pub const DESCRIPTION_MAX: usize = 1_000;
/// The longest system prompt, in characters.
pub const SYSTEM_PROMPT_MAX: usize = 32_000;
/// The longest model name, in characters.
pub const MODEL_NAME_MAX: usize = 200;

/// An agent as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Agent {
    /// Its identity.
    pub id: AgentId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Whether it may run.
    pub status: AgentStatus,
    /// Counts the changes; the strong `ETag` is made of it.
    pub revision: i64,
    /// The listing that it was installed from.
    pub listing_id: Option<ListingId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What it is made of.
    #[serde(flatten)]
    pub spec: AgentSpec,
}

impl Choosable for Agent {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "owner_id",
        "status",
        "revision",
        "listing_id",
        "created_at",
        "updated_at",
        "name",
        "description",
        "avatar",
        "system_prompt",
        "model_policy",
        "tools",
        "limits",
        "variables",
    ];
}

/// An agent in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentSummary {
    /// Its identity.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its picture.
    pub avatar: Avatar,
    /// Whether it may run.
    pub status: AgentStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Whether an agent may run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// It may run.
    #[default]
    Active,
    /// Its owner has stopped it for now.
    Paused,
    /// Put away; kept for its record.
    Archived,
}

impl AgentStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Archived];

    /// The status as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }

    /// Reads a status from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What an agent is made of: all that its owner writes.
///
/// The JSON of `POST /api/v1/agents`. Everything but the name has a default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    /// 1 to [`NAME_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = NAME_PATTERN)))]
    pub name: String,
    /// At most [`DESCRIPTION_MAX`] characters.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = DESCRIPTION_MAX), regex(pattern = TEXT_PATTERN)))]
    pub description: String,
    /// Its picture.
    #[serde(default)]
    pub avatar: Avatar,
    /// What the model is told first, at most [`SYSTEM_PROMPT_MAX`] characters.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = SYSTEM_PROMPT_MAX), regex(pattern = TEXT_PATTERN)))]
    pub system_prompt: String,
    /// Which model answers.
    #[serde(default)]
    pub model_policy: ModelPolicy,
    /// The tools that it may call.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = grant::TOOLS_MAX)))]
    pub tools: Vec<ToolGrant>,
    /// How far one session may go.
    #[serde(default)]
    pub limits: Limits,
    /// What `{{name}}` in the system prompt stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = variable::VARIABLES_MAX)))]
    pub variables: Vec<Variable>,
}

impl AgentSpec {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_name(&mut faults, "name", &self.name, 1, NAME_MAX);
        check_text(&mut faults, "description", &self.description, 0, DESCRIPTION_MAX);
        check_text(&mut faults, "system_prompt", &self.system_prompt, 0, SYSTEM_PROMPT_MAX);
        self.avatar.check(&mut faults);
        if let ModelPolicy::Named { model } = &self.model_policy {
            check_text(&mut faults, "model_policy.model", model, 1, MODEL_NAME_MAX);
        }
        grant::check_all(&mut faults, &self.tools);
        self.limits.check(&mut faults);
        variable::check_all(&mut faults, &self.variables);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Takes over the changes that were asked for.
    pub fn apply(&mut self, changes: AgentChanges) {
        let AgentChanges {
            name,
            description,
            avatar,
            system_prompt,
            model_policy,
            tools,
            limits,
            variables,
            status: _,
        } = changes;
        set(&mut self.name, name);
        set(&mut self.description, description);
        set(&mut self.avatar, avatar);
        set(&mut self.system_prompt, system_prompt);
        set(&mut self.model_policy, model_policy);
        set(&mut self.tools, tools);
        set(&mut self.variables, variables);
        if let Some(limits) = limits {
            self.limits = limits.over(self.limits);
        }
    }

    /// Whether the agent was granted the tool.
    #[must_use]
    pub fn has_tool(&self, name: &str) -> bool {
        self.tools.iter().any(|grant| grant.name == name)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The changes to an agent that a caller asks for: the JSON of `PATCH /api/v1/agents/{id}`.
/// What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each field is the AgentSpec field of its name")]
pub struct AgentChanges {
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = NAME_PATTERN)))]
    pub name: Option<String>,
    #[cfg_attr(feature = "schema", schemars(length(max = DESCRIPTION_MAX), regex(pattern = TEXT_PATTERN)))]
    pub description: Option<String>,
    pub avatar: Option<Avatar>,
    #[cfg_attr(feature = "schema", schemars(length(max = SYSTEM_PROMPT_MAX), regex(pattern = TEXT_PATTERN)))]
    pub system_prompt: Option<String>,
    pub model_policy: Option<ModelPolicy>,
    #[cfg_attr(feature = "schema", schemars(length(max = grant::TOOLS_MAX)))]
    pub tools: Option<Vec<ToolGrant>>,
    pub limits: Option<LimitChanges>,
    #[cfg_attr(feature = "schema", schemars(length(max = variable::VARIABLES_MAX)))]
    pub variables: Option<Vec<Variable>>,
    pub status: Option<AgentStatus>,
}

/// Which model answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelPolicy {
    /// The configured language model, or the built-in planner where none is configured.
    #[default]
    Auto,
    /// The built-in planner: rules, no language model, nothing leaves the installation.
    Builtin,
    /// One model of the configured provider.
    Named {
        /// The name as the provider knows it.
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MODEL_NAME_MAX), regex(pattern = SHOWN_PATTERN)))]
        model: String,
    },
}

/// How far one session may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Turns of the loop, 1 to 50.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 50)))]
    pub max_steps: u32,
    /// Tokens that the model may write over all steps, 1 to 1,000,000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000)))]
    pub max_tokens: u32,
    /// Seconds from the first step to the end, 1 to 3,600. The time that people take to
    /// decide is not counted, nor that in the queue.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 3_600)))]
    pub timeout_seconds: u32,
    /// Millionths of a dollar that the session may cost, at least 1; `None`: no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = i64::MAX)))]
    pub max_cost_micro_usd: Option<u64>,
}

impl Limits {
    const RANGES: [(&'static str, u32); 3] =
        [("max_steps", 50), ("max_tokens", 1_000_000), ("timeout_seconds", 3_600)];

    /// Reports each limit that is out of range, as `limits.<name>`.
    pub fn check(&self, faults: &mut Vec<FieldFault>) {
        let values = [self.max_steps, self.max_tokens, self.timeout_seconds];
        for ((name, most), value) in Self::RANGES.into_iter().zip(values) {
            if value == 0 || value > most {
                faults.push(FieldFault::new(
                    format!("limits.{name}"),
                    format!("must be 1 to {most}"),
                ));
            }
        }
        if self.max_cost_micro_usd == Some(0) {
            faults.push(FieldFault::new("limits.max_cost_micro_usd", "must be more than 0"));
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_steps: 10, max_tokens: 4_000, timeout_seconds: 120, max_cost_micro_usd: None }
    }
}

/// The limits that a caller asks for; the others stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each field is the Limits field of its name")]
pub struct LimitChanges {
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 50)))]
    pub max_steps: Option<u32>,
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000)))]
    pub max_tokens: Option<u32>,
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 3_600)))]
    pub timeout_seconds: Option<u32>,
    /// Millionths of a dollar; `null`: no such limit.
    #[serde(skip_serializing_if = "LimitChange::is_keep")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<u64>", range(min = 1, max = i64::MAX)))]
    pub max_cost_micro_usd: LimitChange,
}

/// What a caller asks of a limit that need not be there: absent in JSON, `null` or a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u64>", into = "Option<u64>")]
pub enum LimitChange {
    /// Nothing: it stays.
    #[default]
    Keep,
    /// That there is none any more.
    Lift,
    /// That it is so high.
    To(u64),
}

impl LimitChange {
    /// Whether nothing is asked.
    #[must_use]
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The limit after the change, where it was `base`.
    #[must_use]
    pub const fn over(self, base: Option<u64>) -> Option<u64> {
        match self {
            Self::Keep => base,
            Self::Lift => None,
            Self::To(limit) => Some(limit),
        }
    }
}

impl From<Option<u64>> for LimitChange {
    /// A limit as it shall be, or none.
    fn from(limit: Option<u64>) -> Self {
        limit.map_or(Self::Lift, Self::To)
    }
}

impl From<LimitChange> for Option<u64> {
    fn from(change: LimitChange) -> Self {
        change.over(None)
    }
}

impl LimitChanges {
    /// These limits where they are given, `base` elsewhere.
    #[must_use]
    pub fn over(self, base: Limits) -> Limits {
        Limits {
            max_steps: self.max_steps.unwrap_or(base.max_steps),
            max_tokens: self.max_tokens.unwrap_or(base.max_tokens),
            timeout_seconds: self.timeout_seconds.unwrap_or(base.timeout_seconds),
            max_cost_micro_usd: self.max_cost_micro_usd.over(base.max_cost_micro_usd),
        }
    }
}

/// An agent's picture: a drawn icon on a ground of one hue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Avatar {
    /// One of [`AVATAR_ICONS`].
    #[cfg_attr(feature = "schema", schemars(extend("enum" = AVATAR_ICONS)))]
    pub icon: String,
    /// The ground's hue in degrees, 0 to 359.
    #[cfg_attr(feature = "schema", schemars(range(max = 359)))]
    pub hue: u16,
}

impl Avatar {
    fn check(&self, faults: &mut Vec<FieldFault>) {
        if !AVATAR_ICONS.contains(&self.icon.as_str()) {
            faults.push(FieldFault::new(
                "avatar.icon",
                format!("must be one of {}", AVATAR_ICONS.join(", ")),
            ));
        }
        if self.hue > 359 {
            faults.push(FieldFault::new("avatar.hue", "must be 0 to 359"));
        }
    }
}

impl Default for Avatar {
    fn default() -> Self {
        Self { icon: "spark".to_owned(), hue: 250 }
    }
}

/// The icons that an avatar may show. `app/src/ui/avatar.rs` draws them.
pub const AVATAR_ICONS: [&str; 24] = [
    "spark",
    "calculator",
    "calendar",
    "globe",
    "document",
    "quote",
    "table",
    "braces",
    "chart",
    "mail",
    "megaphone",
    "lifebuoy",
    "coin",
    "receipt",
    "scales",
    "ruler",
    "magnifier",
    "book",
    "pen",
    "list",
    "compass",
    "flask",
    "clock",
    "puzzle",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> AgentSpec {
        AgentSpec { name: "Reader".to_owned(), ..AgentSpec::default() }
    }

    #[test]
    fn a_name_is_enough() {
        assert_eq!(spec().check(), Ok(()));
        let parsed: AgentSpec = serde_json::from_str(r#"{"name":"Reader"}"#).unwrap();
        assert_eq!(parsed, spec());
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        type Break = fn(&mut AgentSpec);
        let table: [(&str, Break); 10] = [
            ("variables[0].name", |s| s.variables = vec![Variable::new("no name")]),
            ("name", |s| s.name.clear()),
            ("name", |s| s.name = "x".repeat(101)),
            ("name", |s| s.name = "a\nb".to_owned()),
            ("system_prompt", |s| s.system_prompt = "x".repeat(1 << 20)),
            ("tools[1].name", |s| {
                s.tools = vec![ToolGrant::new("calculator"), ToolGrant::new("rm")];
            }),
            ("tools[1].name", |s| s.tools = vec![ToolGrant::new("extract"); 2]),
            ("limits.max_steps", |s| s.limits.max_steps = 0),
            ("avatar.icon", |s| s.avatar.icon = "skull".to_owned()),
            ("model_policy.model", |s| {
                s.model_policy = ModelPolicy::Named { model: String::new() }
            }),
        ];
        for (field, breaks) in table {
            let mut broken = spec();
            breaks(&mut broken);
            let faults = broken.check().unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, field);
        }
    }

    #[test]
    fn absent_changes_leave_the_rest() {
        let mut changed = spec();
        changed.apply(
            serde_json::from_str(r#"{"description":"Reads","limits":{"max_steps":3}}"#).unwrap(),
        );
        assert_eq!(changed.name, "Reader");
        assert_eq!(changed.description, "Reads");
        assert_eq!(changed.limits, Limits { max_steps: 3, ..Limits::default() });
    }

    #[test]
    fn a_cost_limit_stays_is_set_or_is_lifted() {
        let base = Limits { max_cost_micro_usd: Some(5), ..Limits::default() };
        for (json, cost) in [
            ("{}", Some(5)),
            (r#"{"max_steps":10}"#, Some(5)),
            (r#"{"max_cost_micro_usd":null}"#, None),
            (r#"{"max_cost_micro_usd":7}"#, Some(7)),
        ] {
            let changes: LimitChanges = serde_json::from_str(json).unwrap();
            let limits = Limits { max_cost_micro_usd: cost, ..base };
            assert_eq!(changes.over(base), limits, "{json}");
            // It says the same once more where it is written down.
            let again = serde_json::to_string(&changes).unwrap();
            assert_eq!(serde_json::from_str::<LimitChanges>(&again).unwrap(), changes, "{json}");
        }
    }
}
