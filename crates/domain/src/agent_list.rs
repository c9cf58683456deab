//! The list of a person's agents: which of them, in which order, and one window of it.

use serde::{Deserialize, Serialize};

use crate::agent::{AgentStatus, AgentSummary};
use crate::fault::FieldFault;
use crate::ids::AgentId;
use crate::text::check_text;

/// The longest text that names are searched for, in characters.
pub const TEXT_MAX: usize = 100;
/// The most agents that one action changes.
pub const BULK_MAX: usize = 200;
/// For how many days a deleted agent can be brought back.
pub const TRASH_DAYS: i64 = 30;

/// What a list is sorted by. Agents that are alike in it are sorted by age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentSort {
    /// The one that changed last first.
    #[default]
    Updated,
    /// By name, letter case aside.
    Name,
    /// The one that ran most often first.
    Runs,
    /// The one first whose sessions were liked most: thumbs up less thumbs down.
    Rating,
}

impl AgentSort {
    /// Every order.
    pub const ALL: [Self; 4] = [Self::Updated, Self::Name, Self::Runs, Self::Rating];

    /// The order as it stands in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Name => "name",
            Self::Runs => "runs",
            Self::Rating => "rating",
        }
    }

    /// Reads an order from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text)
    }

    /// Whether an agent stands elsewhere once it has changed so. How it is rated is not known of it.
    #[must_use]
    pub fn moves(self, before: &AgentLine, now: &AgentLine) -> bool {
        match self {
            Self::Updated => before.summary.updated_at != now.summary.updated_at,
            Self::Name => before.summary.name != now.summary.name,
            Self::Runs => before.runs != now.runs,
            Self::Rating => false,
        }
    }
}

/// Which agents a list holds, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentQuery {
    /// Of this status alone.
    pub status: Option<AgentStatus>,
    /// Whose name holds this text, letter case aside; at most [`TEXT_MAX`] characters.
    pub text: Option<String>,
    /// The order.
    pub sort: AgentSort,
}

impl AgentQuery {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "text", self.text.as_deref().unwrap_or(""), 0, TEXT_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Whether it holds an agent, as far as that agent's status and name tell.
    #[must_use]
    pub fn holds(&self, agent: &AgentSummary) -> bool {
        let is_named = |text: &str| agent.name.to_lowercase().contains(&text.trim().to_lowercase());
        self.status.is_none_or(|status| status == agent.status)
            && self.text.as_deref().is_none_or(is_named)
    }

    /// Whether it holds every agent.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.status.is_none() && self.text.is_none()
    }
}

/// An agent in a list, with what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentLine {
    /// The agent.
    #[serde(flatten)]
    pub summary: AgentSummary,
    /// How many sessions of it were ever started.
    pub runs: u64,
    /// How many of them are not over yet.
    pub open: u32,
}

/// Agents that came to their owner's list or left it, as live streams tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListNews {
    /// Those that were made or brought back.
    pub came: Vec<AgentId>,
    /// Those that were deleted.
    pub gone: Vec<AgentId>,
}

impl ListNews {
    /// What the event is called in a stream.
    pub const EVENT: &str = "list";

    /// Whether none came or left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.came.is_empty() && self.gone.is_empty()
    }
}

/// A change to many agents at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// They may run.
    Resume,
    /// They keep everything but do not run.
    Pause,
    /// They are put away.
    Archive,
    /// They go to the trash; their open sessions are cancelled.
    Delete,
    /// They come back from the trash.
    Restore,
}

impl BulkAction {
    /// The status that it gives, if it gives one.
    #[must_use]
    pub const fn status(self) -> Option<AgentStatus> {
        match self {
            Self::Resume => Some(AgentStatus::Active),
            Self::Pause => Some(AgentStatus::Paused),
            Self::Archive => Some(AgentStatus::Archived),
            Self::Delete | Self::Restore => None,
        }
    }
}

/// Checks the agents that an action names.
pub fn check_bulk(ids: &[AgentId]) -> Result<(), FieldFault> {
    if (1..=BULK_MAX).contains(&ids.len()) {
        Ok(())
    } else {
        Err(FieldFault::new("ids", format!("must name 1 to {BULK_MAX} agents")))
    }
}

/// An agent in the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrashedAgent {
    /// The agent.
    #[serde(flatten)]
    pub summary: AgentSummary,
    /// When it was deleted; it goes for good [`TRASH_DAYS`] days later.
    pub deleted_at: jiff::Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Avatar;

    #[test]
    fn orders_read_back() {
        for sort in AgentSort::ALL {
            assert_eq!(AgentSort::parse(sort.as_str()), Some(sort));
        }
        assert_eq!(AgentSort::parse("age"), None);
    }

    #[test]
    fn a_text_that_no_name_can_hold_is_refused() {
        for (text, ok) in [("reader", true), ("", true), ("a\0", false), (&*"x".repeat(101), false)]
        {
            let query = AgentQuery { text: Some(text.to_owned()), ..AgentQuery::default() };
            assert_eq!(query.check().is_ok(), ok, "{text:?}");
        }
    }

    fn otter() -> AgentSummary {
        let at = jiff::Timestamp::UNIX_EPOCH;
        AgentSummary {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            name: "Sea Otter".to_owned(),
            description: String::new(),
            avatar: Avatar::default(),
            status: AgentStatus::Paused,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn an_agent_moves_by_what_its_list_is_sorted_by() {
        let before = AgentLine { summary: otter(), runs: 1, open: 0 };
        let mut renamed = before.clone();
        renamed.summary.name = "Seal".to_owned();
        let mut changed = before.clone();
        changed.summary.updated_at = jiff::Timestamp::MAX;
        for (now, moving) in [
            (AgentLine { open: 1, ..before.clone() }, None),
            (AgentLine { runs: 2, ..before.clone() }, Some(AgentSort::Runs)),
            (renamed, Some(AgentSort::Name)),
            (changed, Some(AgentSort::Updated)),
        ] {
            for sort in AgentSort::ALL {
                assert_eq!(sort.moves(&before, &now), moving == Some(sort), "{sort:?} {now:?}");
            }
        }
    }

    #[test]
    fn a_list_holds_agents_of_its_status_and_text() {
        let agent = otter();
        for (status, text, is_held) in [
            (None, None, true),
            (Some(AgentStatus::Paused), Some(" oTTer "), true),
            (Some(AgentStatus::Active), None, false),
            (None, Some("seal"), false),
            (None, Some("  "), true),
        ] {
            let text = text.map(str::to_owned);
            let query = AgentQuery { status, text, ..AgentQuery::default() };
            assert_eq!(query.holds(&agent), is_held, "{query:?}");
        }
    }

    #[test]
    fn an_action_names_some_agents_but_not_too_many() {
        let id: AgentId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        for (count, ok) in [(0, false), (1, true), (BULK_MAX, true), (BULK_MAX + 1, false)] {
            assert_eq!(check_bulk(&vec![id; count]).is_ok(), ok, "{count}");
        }
    }
}
