//! Schedules: an agent that is set on a goal again and again, at times that a crontab line names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::FieldFault;
use crate::fields::Choosable;
use crate::ids::{AgentId, ScheduleId, SessionId};
use crate::session::{CONTEXT_MAX, GOAL_MAX};
use crate::text::check_text;
use crate::variable::Values;

/// The most schedules of one owner.
pub const SCHEDULES_MAX: usize = 100;
/// The longest crontab line, in characters.
pub const CRON_MAX: usize = 100;

/// A schedule as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Schedule {
    /// Its identity.
    pub id: ScheduleId,
    /// The agent.
    pub agent_id: AgentId,
    /// The agent's name when it was fixed.
    pub agent_name: String,
    /// The published version that runs; `None`: the draft as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<u32>,
    /// The agent's revision that runs, whatever becomes of the agent later.
    pub agent_revision: i64,
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// The IANA time zone in which `cron` is read.
    pub time_zone: String,
    /// What each session shall reach.
    pub goal: String,
    /// Material for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The values of the prompt's variables.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub variables: Values,
    /// Whether it runs.
    pub is_enabled: bool,
    /// When it runs next; `None` while it is not enabled.
    pub next_run_at: Option<Timestamp>,
    /// When it ran last.
    pub last_run_at: Option<Timestamp>,
    /// The session that it started last.
    pub last_session_id: Option<SessionId>,
    /// Why the last time started no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Choosable for Schedule {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "agent_id",
        "agent_name",
        "agent_version",
        "agent_revision",
        "cron",
        "time_zone",
        "goal",
        "context",
        "variables",
        "is_enabled",
        "next_run_at",
        "last_run_at",
        "last_session_id",
        "last_error",
        "created_at",
    ];
}

/// What a caller writes to make a schedule: the JSON of `POST /api/v1/schedules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    /// The agent, fixed as it is now.
    pub agent_id: AgentId,
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// An IANA time zone.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// 1 to [`GOAL_MAX`] characters.
    pub goal: String,
    /// At most [`CONTEXT_MAX`] characters.
    #[serde(default)]
    pub context: Option<String>,
    /// The values of the prompt's variables, by their names.
    #[serde(default)]
    pub variables: Values,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl NewSchedule {
    /// Checks the rules of the texts; whether `cron` and `time_zone` mean a time is for those to say
    /// who know the calendar.
    pub fn check(&self) -> Result<(), Vec<FieldFault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "cron", &self.cron, 1, CRON_MAX);
        check_text(&mut faults, "time_zone", &self.time_zone, 1, CRON_MAX);
        check_text(&mut faults, "goal", &self.goal, 1, GOAL_MAX);
        let context = self.context.as_deref().unwrap_or_default();
        check_text(&mut faults, "context", context, 0, CONTEXT_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// The changes to a schedule: the JSON of `PATCH /api/v1/schedules/{id}`. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each field is the Schedule field of its name")]
pub struct ScheduleChanges {
    pub cron: Option<String>,
    pub time_zone: Option<String>,
    pub goal: Option<String>,
    /// An empty text takes it away.
    pub context: Option<String>,
    pub variables: Option<Values>,
    pub is_enabled: Option<bool>,
    /// Fixes the agent anew, as it is now.
    pub refresh_agent: bool,
}
