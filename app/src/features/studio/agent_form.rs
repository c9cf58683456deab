//! The forms of the studio: field by field as text, the way a browser sends them. Text stays text
//! until `form_rules`, so that a wrong number is a fault of its field.

use leptos::prelude::*;
use resonant_domain::agent::{AgentSpec, ModelPolicy, ToolGrant};
use resonant_domain::money::MicroUsd;
use resonant_domain::variable::Values;
use serde::{Deserialize, Serialize};

use super::variables_editor::VariableForm;
use crate::error::{AppError, field_error};
use crate::language::{tr_text, tr_with};
use crate::refused_form::refused_form;

/// What the form of an agent holds. The inputs are named `form[<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentForm {
    /// The name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The picture's icon.
    pub icon: String,
    /// The picture's hue in degrees.
    pub hue: String,
    /// What the model is told first.
    pub system_prompt: String,
    /// `auto`, `builtin` or `named`.
    pub model: String,
    /// The model's name when `model` is `named`.
    pub model_name: String,
    /// The names of the tools.
    pub tools: Vec<String>,
    /// The ids of the agents that it may call.
    pub agents: Vec<String>,
    /// Turns of the loop.
    pub max_steps: String,
    /// Tokens that the model may write.
    pub max_tokens: String,
    /// Seconds until the end.
    pub timeout_seconds: String,
    /// Dollars; empty for no such limit.
    pub max_cost: String,
    /// Whether the form has a field for it: that of an older page has none, and changes nothing.
    pub has_max_cost: bool,
    /// The variables of the prompt.
    pub variables: Vec<VariableForm>,
}

impl From<&AgentSpec> for AgentForm {
    fn from(spec: &AgentSpec) -> Self {
        let (model, model_name) = match &spec.model_policy {
            ModelPolicy::Auto => ("auto", String::new()),
            ModelPolicy::Builtin => ("builtin", String::new()),
            ModelPolicy::Named { model } => ("named", model.clone()),
        };
        Self {
            name: spec.name.clone(),
            description: spec.description.clone(),
            icon: spec.avatar.icon.clone(),
            hue: spec.avatar.hue.to_string(),
            system_prompt: spec.system_prompt.clone(),
            model: model.to_owned(),
            model_name,
            tools: spec
                .tools
                .iter()
                .filter(|grant| !grant.is_off)
                .map(|grant| grant.name.clone())
                .collect(),
            agents: spec
                .tools
                .iter()
                .filter_map(ToolGrant::agent_id)
                .map(|id| id.to_string())
                .collect(),
            max_steps: spec.limits.max_steps.to_string(),
            max_tokens: spec.limits.max_tokens.to_string(),
            timeout_seconds: spec.limits.timeout_seconds.to_string(),
            max_cost: spec.limits.max_cost_micro_usd.map(dollars).unwrap_or_default(),
            has_max_cost: true,
            variables: spec.variables.iter().map(VariableForm::from).collect(),
        }
    }
}

impl AgentForm {
    /// What the form held when it was refused.
    pub fn refused() -> Option<Self> {
        let refused = refused_form();
        let text = |field: &str| refused.text(&format!("form[{field}]")).unwrap_or_default();
        refused.text("form[name]")?;
        Some(Self {
            name: text("name"),
            description: text("description"),
            icon: text("icon"),
            hue: text("hue"),
            system_prompt: text("system_prompt"),
            model: text("model"),
            model_name: text("model_name"),
            tools: refused.texts("form[tools][]"),
            agents: refused.texts("form[agents][]"),
            max_steps: text("max_steps"),
            max_tokens: text("max_tokens"),
            timeout_seconds: text("timeout_seconds"),
            max_cost: text("max_cost"),
            has_max_cost: true,
            variables: VariableForm::refused(),
        })
    }

    /// Whether it holds no more than a form does to begin with.
    pub fn is_blank(&self) -> bool {
        // The row for the next variable is sent, too.
        let has_variables = self.variables.iter().any(VariableForm::is_named);
        let rest = Self { variables: Vec::new(), ..self.clone() };
        !has_variables && rest == Self::from(&AgentSpec::default())
    }
}

/// Millionths of a dollar as a field holds them: `0.25`.
pub(crate) fn dollars(micro: u64) -> String {
    let cost = MicroUsd(i64::try_from(micro).unwrap_or(i64::MAX)).to_string();
    let mut written = cost.trim_start_matches('$').to_owned();
    // Three digits behind a comma would read as thousands, and are refused.
    if written.split_once('.').is_some_and(|(_, part)| part.len() == 3) {
        written.push('0');
    }
    written
}

/// What the form that starts a session holds. The inputs are named `run[<field>]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunForm {
    /// What the agent shall reach.
    pub goal: String,
    /// Material for it.
    pub context: String,
    /// Which edition runs; empty for the published one.
    pub edition: String,
    /// Turns of the loop; empty for the agent's own.
    pub max_steps: String,
    /// Tokens that the model may write; empty for the agent's own.
    pub max_tokens: String,
    /// Seconds until the end; empty for the agent's own.
    pub timeout_seconds: String,
    /// Dollars; empty for the agent's own.
    pub max_cost: String,
    /// The values of the prompt's variables; an empty one is not given.
    pub variables: Values,
}

/// As [`field_error`], as a sentence beside the field.
pub(crate) fn field_fault(
    error: Signal<Option<AppError>>,
    field: &'static str,
) -> Signal<Option<String>> {
    let reason = field_error(error, field);
    Signal::derive(move || reason.try_get().flatten().map(|reason| sentence(&reason)))
}

/// What is wrong with any tool of the list.
pub(crate) fn tools_fault(error: Signal<Option<AppError>>) -> Signal<Option<String>> {
    Signal::derive(move || {
        error.with(|error| {
            let fields = &error.as_ref()?.fields;
            let fault = fields.iter().find(|fault| fault.field.starts_with("tools"))?;
            let reason = tr_text(fault.reason.clone());
            Some(tr_with("Each tool {reason}", &[("reason", &reason)]))
        })
    })
}

/// The fields of an agent that show their own faults.
pub(crate) const AGENT_FIELDS: &[&str] = &[
    "name",
    "description",
    "avatar.icon",
    "system_prompt",
    "model_policy.model",
    "limits.max_steps",
    "limits.max_tokens",
    "limits.timeout_seconds",
    "limits.max_cost_micro_usd",
];
/// The fields of a run that show their own faults.
pub(crate) const RUN_FIELDS: &[&str] = &[
    "goal",
    "context",
    "limits.max_steps",
    "limits.max_tokens",
    "limits.timeout_seconds",
    "limits.max_cost_micro_usd",
];

/// `must be 1 to 50` becomes `Must be 1 to 50`.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_blank_until_something_is_entered() {
        let blank = AgentForm::from(&AgentSpec::default());
        let sent = AgentForm { variables: vec![VariableForm::default()], ..blank.clone() };
        assert!(blank.is_blank() && sent.is_blank());
        let typed = AgentForm { system_prompt: "You read.".to_owned(), ..sent };
        assert!(!typed.is_blank());
    }
}
