//! What becomes of a copy of a listing when the listing gets a new version: the owner's own changes
//! and the publisher's come together, each setting by itself and the prompt sentence by sentence. Where
//! both changed the same, the owner's stays unless they choose the other one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::{AgentSpec, Limits, ModelPolicy};
use crate::grant::ToolGrant;
use crate::listing::ListingVersion;
use crate::spec_diff::{FieldChange, SpecDiff};
use crate::text_merge::{self, Part};
use crate::variable::Variable;

/// A newer version of the listing that an agent was copied from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingUpdate {
    /// The listing's place in URLs.
    pub slug: String,
    /// The listing's name.
    pub name: String,
    /// The version that the agent is a copy of.
    pub from: i32,
    /// The newest version.
    pub to: i32,
    /// The agent's revision that all this is about.
    pub revision: i64,
    /// What was new since, the newest first.
    pub news: Vec<ListingVersion>,
    /// What would change in the agent while the owner's side of every conflict stays.
    pub diff: SpecDiff,
    /// What both sides changed.
    pub conflicts: Vec<Conflict>,
    /// Of what the agent would get more than it has, whichever sides are taken.
    pub widened: Widening,
    /// Of what else where the publisher's sides are taken.
    pub widened_by_choice: Widening,
}

/// What both sides changed, each in its own way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The name of the setting, such as `limits.max_steps`; a place in the prompt is `system_prompt.1`.
    pub field: String,
    /// What the owner has there; `None` for nothing.
    pub mine: Option<String>,
    /// What the publisher has there; `None` for nothing.
    pub theirs: Option<String>,
}

/// Whose side of a conflict is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The owner's.
    #[default]
    Mine,
    /// The publisher's.
    Theirs,
}

impl Side {
    /// The side as it stands in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Theirs => "theirs",
        }
    }

    /// Reads a side from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Mine, Self::Theirs].into_iter().find(|side| side.as_str() == text)
    }
}

/// The sides that were chosen, by the fields of the conflicts. Where nothing is said, the owner's stays.
pub type Choices = BTreeMap<String, Side>;

/// Two sides brought together.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// What comes of it.
    pub spec: AgentSpec,
    /// What both sides changed, each in its own way.
    pub conflicts: Vec<Conflict>,
}

impl Merge {
    /// The choices that take the publisher's side of every conflict.
    #[must_use]
    pub fn all_theirs(&self) -> Choices {
        self.conflicts.iter().map(|conflict| (conflict.field.clone(), Side::Theirs)).collect()
    }
}

/// Brings together what was changed on two sides since `base`. Each tool, each variable and each limit is a
/// setting of its own.
#[must_use]
pub fn merge(base: &AgentSpec, mine: &AgentSpec, theirs: &AgentSpec, choices: &Choices) -> Merge {
    let mut merging = Merging { choices, conflicts: Vec::new() };
    let spec = AgentSpec {
        name: merging.pick("name", (&base.name, &mine.name, &theirs.name)),
        description: merging
            .pick("description", (&base.description, &mine.description, &theirs.description)),
        avatar: merging.pick("avatar", (&base.avatar, &mine.avatar, &theirs.avatar)),
        system_prompt: merging.text(
            "system_prompt",
            (&base.system_prompt, &mine.system_prompt, &theirs.system_prompt),
        ),
        model_policy: merging
            .pick("model_policy", (&base.model_policy, &mine.model_policy, &theirs.model_policy)),
        tools: merging.named("tools", (&base.tools, &mine.tools, &theirs.tools), tool_name),
        limits: merging.limits((base.limits, mine.limits, theirs.limits)),
        variables: merging.named(
            "variables",
            (&base.variables, &mine.variables, &theirs.variables),
            variable_name,
        ),
    };
    Merge { spec, conflicts: merging.conflicts }
}

fn tool_name(grant: &ToolGrant) -> &str {
    &grant.name
}

fn variable_name(variable: &Variable) -> &str {
    &variable.name
}

/// A value as people read it; `None` for nothing.
fn written<T: Serialize>(value: &T) -> Option<String> {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => Some(text).filter(|text| !text.is_empty()),
        Ok(Value::Null) | Err(_) => None,
        Ok(other) => Some(other.to_string()),
    }
}

/// What was found so far.
struct Merging<'a> {
    choices: &'a Choices,
    conflicts: Vec<Conflict>,
}

impl Merging<'_> {
    /// Keeps a conflict and answers whether the publisher's side of it was chosen.
    fn dispute(&mut self, field: &str, mine: Option<String>, theirs: Option<String>) -> bool {
        self.conflicts.push(Conflict { field: field.to_owned(), mine, theirs });
        self.choices.get(field) == Some(&Side::Theirs)
    }

    /// The side that changed a setting; where both did, the one that was chosen.
    fn pick<T>(&mut self, field: &str, (base, mine, theirs): (&T, &T, &T)) -> T
    where
        T: Clone + PartialEq + Serialize,
    {
        if mine == base || mine == theirs {
            return theirs.clone();
        }
        let takes_theirs = theirs != base && self.dispute(field, written(mine), written(theirs));
        if takes_theirs { theirs.clone() } else { mine.clone() }
    }

    /// A text that both sides may have changed at other places.
    fn text(&mut self, field: &str, (base, mine, theirs): (&str, &str, &str)) -> String {
        if mine == base || mine == theirs {
            return theirs.to_owned();
        }
        if theirs == base {
            return mine.to_owned();
        }
        let (mut text, mut number) = (String::new(), 0);
        for part in text_merge::merge(base, mine, theirs) {
            match part {
                Part::Settled(settled) => text.push_str(&settled),
                Part::Disputed { mine, theirs } => {
                    number += 1;
                    let place = format!("{field}.{number}");
                    let takes_theirs = self.dispute(&place, written(&mine), written(&theirs));
                    text.push_str(if takes_theirs { &theirs } else { &mine });
                }
            }
        }
        text
    }

    /// Things with names: in my order, then those that are new on their side.
    fn named<T>(
        &mut self,
        field: &str,
        (base, mine, theirs): (&[T], &[T], &[T]),
        name: fn(&T) -> &str,
    ) -> Vec<T>
    where
        T: Clone + PartialEq + Serialize,
    {
        let of =
            |things: &[T], wanted: &str| things.iter().find(|thing| name(thing) == wanted).cloned();
        let mut names: Vec<&str> = mine.iter().map(name).collect();
        for thing in theirs.iter().chain(base) {
            if !names.contains(&name(thing)) {
                names.push(name(thing));
            }
        }
        names
            .into_iter()
            .filter_map(|wanted| {
                let sides = (&of(base, wanted), &of(mine, wanted), &of(theirs, wanted));
                self.pick(&format!("{field}.{wanted}"), sides)
            })
            .collect()
    }

    fn limits(&mut self, (base, mine, theirs): (Limits, Limits, Limits)) -> Limits {
        Limits {
            max_steps: self
                .pick("limits.max_steps", (&base.max_steps, &mine.max_steps, &theirs.max_steps)),
            max_tokens: self.pick(
                "limits.max_tokens",
                (&base.max_tokens, &mine.max_tokens, &theirs.max_tokens),
            ),
            timeout_seconds: self.pick(
                "limits.timeout_seconds",
                (&base.timeout_seconds, &mine.timeout_seconds, &theirs.timeout_seconds),
            ),
            max_cost_micro_usd: self.pick(
                "limits.max_cost_micro_usd",
                (&base.max_cost_micro_usd, &mine.max_cost_micro_usd, &theirs.max_cost_micro_usd),
            ),
        }
    }
}

/// Of what an agent would have more than before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// Tools that are new, are set up otherwise, reach other hosts or ask no longer.
    pub tools: Vec<String>,
    /// What lets a session spend more: limits that grow or fall away, another model.
    pub spend: Vec<FieldChange>,
}

impl Widening {
    /// What is wider in `after` than in `before`. What a model costs is for an installation to say, so that
    /// any other model may cost more; but the built-in planner costs nothing.
    #[must_use]
    pub fn between(before: &AgentSpec, after: &AgentSpec) -> Self {
        let is_wider = |grant: &&ToolGrant| {
            let old = before.tools.iter().find(|old| old.name == grant.name);
            old.is_none_or(|old| {
                old.settings != grant.settings
                    || old.hosts != grant.hosts
                    || (old.needs_approval && !grant.needs_approval)
                    || old.is_off
            })
        };
        let used = after.tools.iter().filter(|grant| !grant.is_off);
        let tools = used.filter(is_wider).map(|grant| grant.name.clone()).collect();
        let mut spend = Vec::new();
        let (old, new) = (&before.limits, &after.limits);
        for (field, old, new) in [
            ("limits.max_steps", old.max_steps, new.max_steps),
            ("limits.max_tokens", old.max_tokens, new.max_tokens),
            ("limits.timeout_seconds", old.timeout_seconds, new.timeout_seconds),
        ] {
            if new > old {
                spend.push(change(field, &old, &new));
            }
        }
        let (old, new) = (old.max_cost_micro_usd, new.max_cost_micro_usd);
        if old.is_some_and(|old| new.is_none_or(|new| new > old)) {
            spend.push(change("limits.max_cost_micro_usd", &old, &new));
        }
        let (old, new) = (&before.model_policy, &after.model_policy);
        if old != new && *new != ModelPolicy::Builtin {
            spend.push(change("model_policy", old, new));
        }
        Self { tools, spend }
    }

    /// Whether nothing is wider.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.tools.is_empty() && self.spend.is_empty()
    }

    /// What of this is not in the other one.
    #[must_use]
    pub fn without(self, other: &Self) -> Self {
        let Self { mut tools, mut spend } = self;
        tools.retain(|tool| !other.tools.contains(tool));
        spend.retain(|change| !other.spend.contains(change));
        Self { tools, spend }
    }
}

fn change<T: Serialize>(field: &str, before: &T, after: &T) -> FieldChange {
    FieldChange { field: field.to_owned(), before: written(before), after: written(after) }
}

#[cfg(test)]
mod tests;
