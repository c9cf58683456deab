//! Teams: people who use agents together, and what each of them may do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::{AgentStatus, Avatar};
use crate::fault::FieldFault;
use crate::ids::{AgentId, TeamInvitationId, UserId};
use crate::text::{self, check_name, check_slug};

/// The shortest slug, in characters.
pub const SLUG_MIN: usize = 3;
/// The longest slug, in characters.
pub const SLUG_MAX: usize = 40;
/// The longest name, in characters.
pub const NAME_MAX: usize = 80;
/// The most teams that somebody may be in.
pub const TEAMS_MAX: usize = 50;
/// The most people in a team, those who are invited among them.
pub const PEOPLE_MAX: usize = 100;
/// The most agents that are shared with a team.
pub const AGENTS_MAX: usize = 200;
/// For how many days an invitation can be taken.
pub const INVITATION_DAYS: i64 = 7;

/// What somebody may do in a team. Each role may do what those before it may.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    /// Reads the team's agents and the sessions that teammates start with them.
    #[default]
    Viewer,
    /// Starts sessions, too, and decides what these wait for.
    Runner,
    /// Changes drafts, tools, knowledge and test sets, too, and publishes versions.
    Editor,
    /// Manages people and what is shared, too.
    Admin,
    /// Everything. Each team has one owner.
    Owner,
}

/// What somebody wants to do with an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentRight {
    /// Read it.
    Read,
    /// Start sessions with it.
    Run,
    /// Change it.
    Edit,
    /// What only its owner does, whatever a team says.
    Own,
}

impl AgentRight {
    /// What somebody is told who may not.
    #[must_use]
    pub const fn refusal(self) -> &'static str {
        match self {
            Self::Read => "Your role in the team does not let you read this agent",
            Self::Run => "Your role in the team does not let you start sessions with this agent",
            Self::Edit => "Your role in the team does not let you change this agent",
            Self::Own => "Only the agent's owner may do this",
        }
    }
}

impl TeamRole {
    /// Every role, the narrowest first.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Runner, Self::Editor, Self::Admin, Self::Owner];
    /// The roles that are given and taken: ownership is handed over.
    pub const GIVEN: [Self; 4] = [Self::Viewer, Self::Runner, Self::Editor, Self::Admin];

    /// The role as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Runner => "runner",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Runner => "Runner",
            Self::Editor => "Editor",
            Self::Admin => "Admin",
            Self::Owner => "Owner",
        }
    }

    /// What it lets somebody do, as a person reads it.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Viewer => "reads agents and the team's sessions",
            Self::Runner => "also starts sessions",
            Self::Editor => "also changes agents and publishes versions",
            Self::Admin => "also manages people and shared agents",
            Self::Owner => "also hands over and deletes the team",
        }
    }

    /// Reads a role from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether somebody of this role may do it with a shared agent.
    #[must_use]
    pub fn may(self, right: AgentRight) -> bool {
        match right {
            AgentRight::Read => true,
            AgentRight::Run => self >= Self::Runner,
            AgentRight::Edit => self >= Self::Editor,
            AgentRight::Own => false,
        }
    }

    /// Whether somebody of this role manages people and shared agents.
    #[must_use]
    pub fn may_manage(self) -> bool {
        self >= Self::Admin
    }
}

/// A team as one of its people sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Team {
    /// Its place in URLs.
    pub slug: String,
    /// What it is called.
    pub name: String,
    /// The role of who asks.
    pub role: TeamRole,
    /// How many people are in it.
    pub members: u32,
    /// How many agents are shared with it.
    pub agents: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a caller writes to make a team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    /// 1 to [`NAME_MAX`] characters, one line.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = NAME_MAX), regex(pattern = text::NAME_PATTERN)))]
    pub name: String,
    /// Small letters, digits and single hyphens, [`SLUG_MIN`] to [`SLUG_MAX`] characters; nobody else's.
    #[cfg_attr(feature = "schema", schemars(length(min = SLUG_MIN, max = SLUG_MAX), regex(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")))]
    pub slug: String,
}

impl NewTeam {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_name(&mut faults, "name", &self.name, 1, NAME_MAX);
        check_slug(&mut faults, "slug", &self.slug, (SLUG_MIN, SLUG_MAX), &RESERVED);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// Stands for a page of its own.
const RESERVED: [&str; 1] = ["join"];

/// Whether there may be a team of this slug.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    text::is_slug(text, SLUG_MIN, SLUG_MAX)
}

/// Somebody in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TeamMember {
    /// Who it is.
    pub user_id: UserId,
    /// What they are called.
    pub name: String,
    /// Their address, for who manages people.
    pub email: Option<String>,
    /// What they may do.
    pub role: TeamRole,
    /// Since when they are in it.
    pub joined_at: Timestamp,
}

/// What a caller writes to give somebody another role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleChange {
    /// The role. `owner`, which only the owner gives, hands the team over.
    pub role: TeamRole,
}

/// An invitation that nobody has taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TeamInvitation {
    /// Its identity.
    pub id: TeamInvitationId,
    /// The role that it gives.
    pub role: TeamRole,
    /// The address of whom it is for; nobody for a link that anyone may take once.
    pub email: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What a caller writes to invite somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The role that it gives; not `owner`.
    pub role: TeamRole,
    /// The address of an account; without one, a link is made that anyone may take once.
    #[serde(default)]
    pub email: Option<String>,
}

/// An invitation that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MadeInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: TeamInvitation,
    /// The token of its link, told this once; none where it is for an account.
    pub token: Option<String>,
}

/// An invitation as the person sees it whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InvitationOffer {
    /// The team's place in URLs.
    pub team_slug: String,
    /// The team's name.
    pub team_name: String,
    /// The role that it gives.
    pub role: TeamRole,
    /// What the person who made it is called; nobody when they are gone.
    pub invited_by: Option<String>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// An agent that is shared with a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SharedAgent {
    /// The agent.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its picture.
    pub avatar: Avatar,
    /// Whether it runs.
    pub status: AgentStatus,
    /// Whose it is.
    pub owner_id: UserId,
    /// What its owner is called.
    pub owner_name: String,
    /// The team's place in URLs.
    pub team_slug: String,
    /// The team's name.
    pub team_name: String,
    /// The role that whoever asks has in the team.
    pub role: TeamRole,
    /// Since when it is shared.
    pub shared_at: Timestamp,
}

/// What somebody may do with an agent that is another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStanding {
    /// What its owner is called.
    pub owner_name: String,
    /// The name of the team that gives most.
    pub team_name: String,
    /// The team's place in URLs.
    pub team_slug: String,
    /// The role in that team.
    pub role: TeamRole,
}

/// What somebody may do with a session that they read, and who started it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStanding {
    /// Whether the agent is theirs, and so the session.
    pub is_own: bool,
    /// Whether they may begin another one with its steps.
    pub may_fork: bool,
    /// Whether they may stop it, decide what it waits for, say something, try again.
    pub may_steer: bool,
    /// What the teammate who started it is called; nobody where the owner did, or they are gone.
    pub starter: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_narrower_ones_may() {
        for (role, run, edit, manage) in [
            (TeamRole::Viewer, false, false, false),
            (TeamRole::Runner, true, false, false),
            (TeamRole::Editor, true, true, false),
            (TeamRole::Admin, true, true, true),
            (TeamRole::Owner, true, true, true),
        ] {
            assert!(role.may(AgentRight::Read));
            assert_eq!(role.may(AgentRight::Run), run, "{role:?}");
            assert_eq!(role.may(AgentRight::Edit), edit, "{role:?}");
            assert!(!role.may(AgentRight::Own));
            assert_eq!(role.may_manage(), manage, "{role:?}");
            assert_eq!(TeamRole::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }

    #[test]
    fn a_team_is_named_and_has_a_plain_slug() {
        for (name, slug, fields) in [
            ("Research", "research", vec![]),
            ("Research", "r-2", vec![]),
            (" ", "research", vec!["name"]),
            ("Two\nlines", "research", vec!["name"]),
            ("Research", "ab", vec!["slug"]),
            ("Research", "Research", vec!["slug"]),
            ("Research", "a--b", vec!["slug"]),
            ("Research", "join", vec!["slug"]),
        ] {
            let new = NewTeam { name: name.to_owned(), slug: slug.to_owned() };
            let faults = new.check().err().unwrap_or_default();
            let found: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(found, fields, "{name:?} {slug:?}");
        }
    }
}
