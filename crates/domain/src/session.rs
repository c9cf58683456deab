//! Sessions: one execution of an agent on a goal, and the states it passes through.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::{Avatar, LimitChanges, Limits, MODEL_NAME_MAX, ModelPolicy, SYSTEM_PROMPT_MAX};
use crate::fault::FieldFault;
use crate::fields::Choosable;
use crate::ids::{AgentId, SessionId, UserId};
use crate::instant;
use crate::money::MicroUsd;
use crate::origin::{self, Origin};
use crate::text::check_text;
#[cfg(feature = "schema")]
use crate::text::{SHOWN_PATTERN, TEXT_PATTERN};
use crate::thumb::Thumb;
use crate::variable::Values;
use crate::waiting::{Decision, Wait};

/// The longest goal, in characters.
pub const GOAL_MAX: usize = 8_000;
/// The longest context, in characters.
pub const CONTEXT_MAX: usize = 200_000;

/// A session as its owner sees it, without its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    /// Its identity.
    pub id: SessionId,
    /// Whose agent runs: its budgets and secrets are used.
    pub owner_id: UserId,
    /// The agent that runs.
    pub agent_id: AgentId,
    /// The version of the agent that runs; `None` for its draft.
    #[serde(default)]
    pub agent_version: Option<u32>,
    /// The agent's name when the session began.
    pub agent_name: String,
    /// The agent's picture when the session began.
    pub agent_avatar: Avatar,
    /// What the agent shall reach.
    pub goal: String,
    /// Material for it: pasted text, data, notes.
    pub context: Option<String>,
    /// The values of the prompt's variables.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub variables: Values,
    /// Where it stands.
    pub state: SessionState,
    /// Why it ended the way it did, when that needs a word.
    pub reason: Option<String>,
    /// How far it may go.
    pub limits: Limits,
    /// Whether it goes before others of its owner's.
    #[serde(default)]
    pub priority: Priority,
    /// Not before this does it begin, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// What it has used so far.
    pub usage: Usage,
    /// Steps begun so far.
    pub steps: u32,
    /// The model that answers, known once it runs.
    pub model: Option<String>,
    /// What it waits for; there exactly while its state is `waiting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Wait>,
    /// For how long people, other agents and the queue have kept it waiting, in milliseconds; also between an
    /// end and the step that went on after it. Its time limit does not count this.
    #[serde(default)]
    pub waited_ms: u64,
    /// Whether it tests the agent: it counts in none of the agent's numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_test: bool,
    /// The session that it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Lineage>,
    /// The session whose agent called this one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_by: Option<CalledBy>,
    /// Who started it, when that was not the agent's owner but a teammate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<UserId>,
    /// What began it; absent where nobody has written that down.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "origin::read")]
    pub origin: Option<Origin>,
    /// What a person thinks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumb: Option<Thumb>,
    /// The messages that a person has pinned, by the numbers of their events; 0 is the goal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<i64>,
    /// The number of its newest event; 0 before the first.
    pub last_sequence: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its first step began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Session {
    /// For how long it worked, in milliseconds; `None` while it is not over, and where no step began.
    #[must_use]
    pub fn worked_ms(&self) -> Option<u64> {
        worked_ms(self.started_at, self.ended_at, self.waited_ms)
    }

    /// Not before this does it begin, where it has not begun.
    #[must_use]
    pub fn begins_at(&self) -> Option<Timestamp> {
        begins_at(self.state, self.started_at, self.run_at)
    }
}

fn begins_at(
    state: SessionState,
    started_at: Option<Timestamp>,
    run_at: Option<Timestamp>,
) -> Option<Timestamp> {
    run_at.filter(|_| state == SessionState::Queued && started_at.is_none())
}

fn worked_ms(from: Option<Timestamp>, to: Option<Timestamp>, waited_ms: u64) -> Option<u64> {
    let whole = to?.duration_since(from?).as_millis();
    Some(u64::try_from(whole).unwrap_or(0).saturating_sub(waited_ms))
}

impl Choosable for Session {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "owner_id",
        "agent_id",
        "agent_version",
        "agent_name",
        "agent_avatar",
        "goal",
        "context",
        "variables",
        "state",
        "reason",
        "limits",
        "priority",
        "run_at",
        "usage",
        "steps",
        "model",
        "waiting",
        "waited_ms",
        "is_test",
        "parent",
        "called_by",
        "started_by",
        "origin",
        "thumb",
        "pins",
        "last_sequence",
        "created_at",
        "started_at",
        "ended_at",
    ];
}

/// Where a session comes from: it holds a copy of the steps of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lineage {
    /// The session that it was forked from.
    pub session_id: SessionId,
    /// The last step that both share; 0: none.
    pub step: u32,
}

/// Who wants a session's answer: another session, which waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CalledBy {
    /// The session.
    pub session_id: SessionId,
    /// Its tool call that the answer becomes the result of.
    pub call_id: String,
    /// How many sessions stand above this one.
    pub depth: u32,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "each field is the Session field of its name")]
pub struct SessionSummary {
    pub id: SessionId,
    pub agent_id: AgentId,
    pub agent_name: String,
    pub agent_avatar: Avatar,
    /// The goal, shortened to 200 characters.
    pub goal: String,
    pub state: SessionState,
    pub usage: Usage,
    pub steps: u32,
    #[serde(default)]
    pub waited_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "origin::read")]
    pub origin: Option<Origin>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl SessionSummary {
    /// What [`Session::worked_ms`] says.
    #[must_use]
    pub fn worked_ms(&self) -> Option<u64> {
        worked_ms(self.started_at, self.ended_at, self.waited_ms)
    }

    /// What [`Session::begins_at`] says.
    #[must_use]
    pub fn begins_at(&self) -> Option<Timestamp> {
        begins_at(self.state, self.started_at, self.run_at)
    }
}

/// What a caller writes to start a session: the JSON of `POST /api/v1/agents/{id}/execute`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// 1 to [`GOAL_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = GOAL_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub goal: String,
    /// At most [`CONTEXT_MAX`] characters.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = CONTEXT_MAX), regex(pattern = TEXT_PATTERN)))]
    pub context: Option<String>,
    /// The values of the prompt's variables, by their names.
    #[serde(default)]
    pub variables: Values,
    /// Limits for this session alone; the agent's hold elsewhere.
    #[serde(default)]
    pub limits: LimitChanges,
    /// Whether it goes before others of its owner's in the queue.
    #[serde(default)]
    pub priority: Priority,
    /// When it may begin; at once where absent.
    #[serde(default, deserialize_with = "instant::read")]
    pub run_at: Option<Timestamp>,
}

/// Whether a session goes before others of its owner's in the queue. Owners take turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After the others.
    Low,
    /// In the order of arrival.
    #[default]
    Normal,
    /// Before the others.
    High,
}

impl Priority {
    /// The rank in the queue: the higher, the sooner.
    #[must_use]
    pub const fn rank(self) -> i16 {
        match self {
            Self::Low => -1,
            Self::Normal => 0,
            Self::High => 1,
        }
    }

    /// Reads a priority from its rank.
    #[must_use]
    pub const fn from_rank(rank: i16) -> Self {
        match rank {
            ..=-1 => Self::Low,
            0 => Self::Normal,
            1.. => Self::High,
        }
    }
}

impl NewSession {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "goal", &self.goal, 1, GOAL_MAX);
        check_text(&mut faults, "context", self.context.as_deref().unwrap_or(""), 0, CONTEXT_MAX);
        self.limits.over(Limits::default()).check(&mut faults);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A person's word to a session: the JSON of `POST /api/v1/sessions/{id}/messages`.
///
/// A session that runs or waits hears it with its next step; one that is over goes on with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// 1 to [`GOAL_MAX`] characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = GOAL_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub text: String,
    /// Material for it, at most [`CONTEXT_MAX`] characters.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = CONTEXT_MAX), regex(pattern = TEXT_PATTERN)))]
    pub context: Option<String>,
}

impl NewMessage {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "text", &self.text, 1, GOAL_MAX);
        check_text(&mut faults, "context", self.context.as_deref().unwrap_or(""), 0, CONTEXT_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A decision on what a session waits for: the JSON of `POST /api/v1/sessions/{id}/decisions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewDecision {
    /// The number of the `waiting` event that is answered. A session that waits for something else by
    /// now refuses the decision.
    pub waiting: i64,
    /// What is decided.
    #[serde(flatten)]
    pub decision: Decision,
}

/// What a caller writes to fork a session: the JSON of `POST /api/v1/sessions/{id}/fork`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewFork {
    /// The last step that is kept, a complete one; 0 begins at the goal.
    pub step: u32,
    /// Another goal, where it is changed.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = GOAL_MAX), regex(pattern = SHOWN_PATTERN)))]
    pub goal: Option<String>,
    /// Another system prompt, where it is changed.
    #[cfg_attr(feature = "schema", schemars(length(max = SYSTEM_PROMPT_MAX), regex(pattern = TEXT_PATTERN)))]
    pub system_prompt: Option<String>,
    /// Another model, where it is changed.
    pub model_policy: Option<ModelPolicy>,
}

impl NewFork {
    /// Checks every rule and reports all that are broken.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        if let Some(goal) = &self.goal {
            check_text(&mut faults, "goal", goal, 1, GOAL_MAX);
        }
        if let Some(prompt) = &self.system_prompt {
            check_text(&mut faults, "system_prompt", prompt, 0, SYSTEM_PROMPT_MAX);
        }
        if let Some(ModelPolicy::Named { model }) = &self.model_policy {
            check_text(&mut faults, "model_policy.model", model, 1, MODEL_NAME_MAX);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Written down, not yet handed to the workers.
    Created,
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Waits for a person, a budget or another agent.
    Waiting,
    /// Reached its end with an answer.
    Completed,
    /// Ended without an answer; the reason says why.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// Ran out of its time.
    Timeout,
}

impl SessionState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Timeout,
    ];

    /// The state as it stands in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
        }
    }

    /// The state as a person reads it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Queued => "Queued",
            Self::Running => "Running",
            Self::Waiting => "Waiting",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Timeout => "Timed out",
        }
    }

    /// Reads a state from its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing more will happen, unless a person goes on with it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Timeout)
    }

    /// Whether the next state is a legal one. A session that is over is queued again by a message or
    /// a retry alone.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Created => matches!(next, Self::Queued | Self::Cancelled),
            Self::Queued => matches!(next, Self::Running | Self::Cancelled | Self::Failed),
            Self::Running => next.is_terminal() || matches!(next, Self::Waiting | Self::Queued),
            Self::Waiting => {
                matches!(next, Self::Queued | Self::Cancelled | Self::Failed | Self::Timeout)
            }
            Self::Completed | Self::Failed | Self::Cancelled | Self::Timeout => {
                matches!(next, Self::Queued)
            }
        }
    }
}

/// What a session has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Tokens sent to the model.
    pub input_tokens: u64,
    /// Tokens that the model wrote.
    pub output_tokens: u64,
    /// What they cost.
    #[serde(rename = "cost_micro_usd")]
    pub cost: MicroUsd,
}

impl Usage {
    /// Tokens in both directions.
    #[must_use]
    pub const fn total_tokens(self) -> u64 {
        self.input_tokens + self.output_tokens
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost += other.cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_state_is_left_by_way_of_the_queue_alone() {
        for from in SessionState::ALL.into_iter().filter(|state| state.is_terminal()) {
            for to in SessionState::ALL {
                assert_eq!(from.may_become(to), to == SessionState::Queued, "{from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn every_open_state_can_be_cancelled() {
        for from in SessionState::ALL.into_iter().filter(|state| !state.is_terminal()) {
            assert!(from.may_become(SessionState::Cancelled), "{from:?}");
        }
    }

    #[test]
    fn priorities_read_back() {
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            assert_eq!(Priority::from_rank(priority.rank()), priority);
        }
    }

    #[test]
    fn what_has_begun_or_is_over_begins_no_more() {
        let at = Timestamp::UNIX_EPOCH;
        for (state, started_at, begins_at_it) in [
            (SessionState::Queued, None, Some(at)),
            (SessionState::Running, None, None),
            (SessionState::Cancelled, None, None),
            (SessionState::Queued, Some(at), None),
        ] {
            assert_eq!(begins_at(state, started_at, Some(at)), begins_at_it, "{state:?}");
        }
    }

    #[test]
    fn states_read_back() {
        for state in SessionState::ALL {
            assert_eq!(SessionState::parse(state.as_str()), Some(state));
        }
        assert_eq!(SessionState::parse("lost"), None);
    }

    #[test]
    fn what_others_took_is_no_work() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let (from, to) = (at("2026-11-23T09:00:00Z"), at("2026-11-26T09:00:02.5Z"));
        for (from, to, waited_ms, worked) in [
            (from, to, 0, Some(259_202_500)),
            (from, to, 259_200_000, Some(2_500)),
            (from, to, 300_000_000, Some(0)),
            (to, from, 0, Some(0)),
            (from, None, 1, None),
            (None, to, 1, None),
        ] {
            assert_eq!(worked_ms(from, to, waited_ms), worked, "{from:?} {to:?} {waited_ms}");
        }
    }

    #[test]
    fn a_goal_is_needed() {
        let faults = NewSession::default().check().unwrap_err();
        assert_eq!(faults[0].field, "goal");
    }
}
