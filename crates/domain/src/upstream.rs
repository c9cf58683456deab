//! What becomes of a copy of a listing when the listing gets a new version: the owner's own changes
//! and the publisher's come together field by field.

use serde::{Deserialize, Serialize};

use crate::agent::AgentSpec;
use crate::grant::ToolGrant;
use crate::listing::ListingVersion;
use crate::spec_diff::SpecDiff;

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
    /// What would change in the agent.
    pub diff: SpecDiff,
    /// What both sides changed: the owner's stays.
    pub conflicts: Vec<String>,
    /// The tools that it would be granted more of than it has.
    pub widened: Vec<String>,
}

/// Two sides brought together.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// What comes of it.
    pub spec: AgentSpec,
    /// The fields that both sides changed, each its own way: mine stay.
    pub conflicts: Vec<String>,
}

/// Brings together what was changed on two sides since `base`. Each tool is a field of its own.
#[must_use]
pub fn merge(base: &AgentSpec, mine: &AgentSpec, theirs: &AgentSpec) -> Merge {
    let mut conflicts = Vec::new();
    let spec = AgentSpec {
        name: pick("name", (&base.name, &mine.name, &theirs.name), &mut conflicts),
        description: pick(
            "description",
            (&base.description, &mine.description, &theirs.description),
            &mut conflicts,
        ),
        avatar: pick("avatar", (&base.avatar, &mine.avatar, &theirs.avatar), &mut conflicts),
        system_prompt: pick(
            "system_prompt",
            (&base.system_prompt, &mine.system_prompt, &theirs.system_prompt),
            &mut conflicts,
        ),
        model_policy: pick(
            "model_policy",
            (&base.model_policy, &mine.model_policy, &theirs.model_policy),
            &mut conflicts,
        ),
        tools: tools(&base.tools, &mine.tools, &theirs.tools, &mut conflicts),
        limits: pick("limits", (&base.limits, &mine.limits, &theirs.limits), &mut conflicts),
        variables: pick(
            "variables",
            (&base.variables, &mine.variables, &theirs.variables),
            &mut conflicts,
        ),
    };
    Merge { spec, conflicts }
}

/// The side that changed a field; mine where both did.
fn pick<T: Clone + PartialEq>(
    field: &str,
    (base, mine, theirs): (&T, &T, &T),
    conflicts: &mut Vec<String>,
) -> T {
    if mine == base {
        return theirs.clone();
    }
    if theirs != base && theirs != mine {
        conflicts.push(field.to_owned());
    }
    mine.clone()
}

/// The tools in my order, then those that are new on their side.
fn tools(
    base: &[ToolGrant],
    mine: &[ToolGrant],
    theirs: &[ToolGrant],
    conflicts: &mut Vec<String>,
) -> Vec<ToolGrant> {
    let of =
        |grants: &[ToolGrant], name: &str| grants.iter().find(|grant| grant.name == name).cloned();
    let mut names: Vec<&str> = mine.iter().map(|grant| grant.name.as_str()).collect();
    let more = theirs.iter().chain(base).map(|grant| grant.name.as_str());
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .filter_map(|name| {
            let sides = (&of(base, name), &of(mine, name), &of(theirs, name));
            pick(&format!("tools.{name}"), sides, conflicts)
        })
        .collect()
}

/// The tools of which an agent would have more than before: new ones, and those that are set up
/// otherwise, reach other hosts or ask no longer.
#[must_use]
pub fn widened(before: &AgentSpec, after: &AgentSpec) -> Vec<String> {
    let is_wider = |grant: &&ToolGrant| {
        let old = before.tools.iter().find(|old| old.name == grant.name);
        old.is_none_or(|old| {
            old.settings != grant.settings
                || old.hosts != grant.hosts
                || (old.needs_approval && !grant.needs_approval)
        })
    };
    after.tools.iter().filter(is_wider).map(|grant| grant.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(prompt: &str, tools: &[&str]) -> AgentSpec {
        AgentSpec {
            name: "Reader".to_owned(),
            system_prompt: prompt.to_owned(),
            tools: tools.iter().map(|name| ToolGrant::new(*name)).collect(),
            ..AgentSpec::default()
        }
    }

    #[test]
    fn each_side_keeps_what_it_changed() {
        let base = spec("Read.", &["calculator", "datetime"]);
        let mine = AgentSpec { name: "Mine".to_owned(), ..spec("Read.", &["datetime"]) };
        let theirs = spec("Read well.", &["calculator", "datetime", "http_fetch"]);
        let merged = merge(&base, &mine, &theirs);
        assert_eq!(merged.conflicts, Vec::<String>::new());
        assert_eq!(
            (merged.spec.name.as_str(), merged.spec.system_prompt.as_str()),
            ("Mine", "Read well.")
        );
        let tools: Vec<_> = merged.spec.tools.iter().map(|grant| grant.name.as_str()).collect();
        assert_eq!(tools, ["datetime", "http_fetch"], "what I took off stays off");
        assert_eq!(widened(&mine, &merged.spec), ["http_fetch"]);
    }

    #[test]
    fn what_both_changed_stays_mine_and_is_named() {
        let base = spec("Read.", &["calculator"]);
        let mut mine = spec("Read aloud.", &["calculator"]);
        let mut theirs = spec("Read well.", &["calculator"]);
        mine.tools[0].needs_approval = true;
        theirs.tools[0].hosts = vec!["example.org".to_owned()];
        let merged = merge(&base, &mine, &theirs);
        assert_eq!(merged.conflicts, ["system_prompt", "tools.calculator"]);
        assert_eq!(merged.spec, mine);
        let same = merge(&base, &theirs, &theirs);
        assert_eq!((same.conflicts, same.spec), (Vec::new(), theirs));
    }

    #[test]
    fn a_tool_that_asks_no_longer_is_wider() {
        let mut before = spec("Read.", &["calculator"]);
        before.tools[0].needs_approval = true;
        let after = spec("Read.", &["calculator"]);
        assert_eq!(widened(&before, &after), ["calculator"]);
        assert_eq!(widened(&after, &before), Vec::<String>::new());
    }
}
