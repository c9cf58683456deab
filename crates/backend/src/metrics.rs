//! What the processes measure, and who may read it.
//!
//! Each process counts in memory ([`Metrics`]) and writes what it counted, every few seconds, into
//! its own rows of the present minute ([`Keeper`]). One process makes hours of closed minutes and
//! days of closed hours ([`roll_up`]). A question is answered from the coarsest rows that lie
//! within its period ([`read`]), across all processes.
//!
//! A process that dies takes its last seconds of measurements with it; nothing else is lost.

mod board;
mod keep;
mod labelled;
mod prometheus;
mod read;
mod registry;
mod roll_up;
mod slow;

pub(crate) use board::{Board, Wanted, families};
pub use keep::{Keeper, keep_queue};
pub use labelled::read_label;
pub use prometheus::prometheus;
pub(crate) use read::look;
pub use read::{Answer, Courses, Point, Question, courses, may_read, read, series, worst};
pub use registry::{Metrics, Raised};
pub use roll_up::roll_up;
pub(crate) use slow::slowest;
pub use slow::{SlowKind, SlowSample, list_slow};

use std::time::Duration;

use jiff::Timestamp;
use resonant_domain::AgentId;
use resonant_domain::metric::Family;
use resonant_domain::session::Usage;
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_runtime::models::ModelWatch;

/// How long a row's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Minute,
    Hour,
    Day,
}

impl Step {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    pub(crate) const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// The begin of the step that holds the instant. Days are those of UTC.
    pub(crate) fn floor(self, at: Timestamp) -> Timestamp {
        let second = at.as_second();
        Timestamp::from_second(second - second.rem_euclid(self.seconds())).unwrap_or(at)
    }

    /// The first begin of a step at the instant or after it.
    pub(crate) fn ceil(self, at: Timestamp) -> Timestamp {
        let floor = self.floor(at);
        if floor == at { at } else { self.after(floor) }
    }

    /// One step later.
    pub(crate) fn after(self, at: Timestamp) -> Timestamp {
        Timestamp::from_second(at.as_second() + self.seconds()).unwrap_or(at)
    }
}

impl Metrics {
    /// Notes what an append to a session's log says about time, tokens and money.
    pub(crate) fn appended(&self, agent: AgentId, events: &[SessionEvent], used: Usage) {
        if used.total_tokens() > 0 {
            self.add(Family::Tokens, "", used.total_tokens());
            self.add(Family::Cost, "", u64::try_from(used.cost.0).unwrap_or(0));
        }
        for event in events {
            match &event.body {
                EventBody::ToolResult { tool, duration_ms, .. } => {
                    self.observe(Family::ToolDuration, tool, Duration::from_millis(*duration_ms));
                }
                EventBody::Done { state, duration_ms, .. } => {
                    let duration = Duration::from_millis(*duration_ms);
                    self.observe(Family::AgentExecution, &agent.to_string(), duration);
                    self.add(Family::SessionsEnded, state.as_str(), 1);
                }
                _ => {}
            }
        }
    }

    /// Notes the end of a session that no worker had. One that never began says nothing about how long
    /// agents take, nor do calls that were broken off with it about tools.
    pub(crate) fn ended_idle(&self, agent: AgentId, is_begun: bool, events: &[SessionEvent]) {
        for event in events {
            if let EventBody::Done { state, duration_ms, .. } = &event.body {
                self.add(Family::SessionsEnded, state.as_str(), 1);
                if is_begun {
                    let duration = Duration::from_millis(*duration_ms);
                    self.observe(Family::AgentExecution, &agent.to_string(), duration);
                }
            }
        }
    }
}

impl ModelWatch for Metrics {
    fn replied(&self, model: &str, took: Duration) {
        self.observe(Family::ModelDuration, model, took);
    }

    fn failed(&self, model: &str) {
        self.add(Family::ModelErrors, model, 1);
    }
}

#[cfg(test)]
mod tests;
