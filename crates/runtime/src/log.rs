//! Where a session writes what happens.

use std::sync::Mutex;

use futures::future::BoxFuture;
use resonant_domain::AgentId;
use resonant_domain::session::{NewSession, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_domain::waiting::Shortfall;

/// Why the log took nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another worker has the session, or it is over: this one must stop and write nothing more.
    #[error("the session belongs to another worker or is over")]
    Fenced,
    /// Someone else has written since the event that the caller knew of: nothing was appended.
    #[error("the session log has moved on")]
    Moved {
        /// What they wrote.
        events: Vec<SessionEvent>,
        /// What was not appended.
        refused: Vec<EventBody>,
    },
    /// The store does not answer.
    #[error("the session log cannot be written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Other agents that a step calls, and how far they may go.
#[derive(Debug, Clone)]
pub struct AgentsAsked {
    /// The step.
    pub step: u32,
    /// The calls.
    pub calls: Vec<AgentAsked>,
    /// The tokens that each may write: its part of what is left of the caller's own.
    pub most_tokens: u64,
    /// What each may cost, in millionths of a dollar, when the caller has such a limit.
    pub most_micro_usd: Option<u64>,
}

/// One call of another agent.
#[derive(Debug, Clone)]
pub struct AgentAsked {
    /// Joins it to its result.
    pub call_id: String,
    /// The tool's name.
    pub tool: String,
    /// The agent.
    pub agent_id: AgentId,
    /// The session that shall be started.
    pub session: NewSession,
}

/// An append-only log of one session, held by one worker.
pub trait SessionLog: Send + Sync {
    /// Appends all entries in one transaction and adds `usage` to what the session has used; there may be
    /// no entry, where something was used alone. When this returns, they are durable. An entry
    /// [`EventBody::Done`] ends the session, a last entry [`EventBody::Waiting`] takes it from its worker.
    /// `after` is the number of the newest event that the caller knows of.
    ///
    /// # Errors
    /// [`LogError::Fenced`] when this worker no longer holds the session, [`LogError::Moved`] when
    /// `after` is no longer the newest: nothing was written.
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>>;

    /// Sets aside what the next call of a model may use at most, out of the budgets of the agent and
    /// the user. The next append settles it. `Some`: it does not reach, and nothing was set aside.
    ///
    /// # Errors
    /// [`LogError::Unavailable`].
    fn reserve(&self, _most: Usage) -> BoxFuture<'_, Result<Option<Shortfall>, LogError>> {
        Box::pin(async { Ok(None) })
    }

    /// Under which fence the session is held, for what is written elsewhere for it. `None`: nobody else can
    /// come to hold it.
    fn fence(&self) -> Option<i64> {
        None
    }

    /// The messages that people have pinned by now. `None`: those that the session came with.
    ///
    /// # Errors
    /// [`LogError::Unavailable`].
    fn pins(&self) -> BoxFuture<'_, Result<Option<Vec<i64>>, LogError>> {
        Box::pin(async { Ok(None) })
    }

    /// Starts a session for each call of another agent, and takes this one from its worker until the
    /// last of them is over: with the entry [`EventBody::Waiting`], in one transaction. A call that
    /// cannot be made gets its result at once; where none can, nothing is waited for.
    ///
    /// # Errors
    /// Those of [`SessionLog::append`].
    fn call_agents(
        &self,
        after: i64,
        asked: AgentsAsked,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        let step = asked.step;
        let refused = asked.calls.into_iter().map(|call| EventBody::ToolResult {
            step,
            call_id: call.call_id,
            tool: call.tool,
            outcome: ToolOutcome::Error,
            content: "no agent can be called here".to_owned(),
            duration_ms: 0,
        });
        self.append(after, refused.collect(), Usage::default())
    }
}

/// A log in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryLog {
    entries: Mutex<Vec<SessionEvent>>,
}

impl MemoryLog {
    /// A log that already holds `history`.
    #[must_use]
    pub const fn with_history(history: Vec<SessionEvent>) -> Self {
        Self { entries: Mutex::new(history) }
    }

    /// All that was written.
    pub fn events(&self) -> Vec<SessionEvent> {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl SessionLog for MemoryLog {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        _usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        let mut log = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if log.iter().any(|event| matches!(event.body, EventBody::Done { .. })) {
            return Box::pin(async { Err(LogError::Fenced) });
        }
        if log.last().map_or(0, |event| event.sequence) != after {
            let events = log.iter().filter(|event| event.sequence > after).cloned().collect();
            return Box::pin(async { Err(LogError::Moved { events, refused: entries }) });
        }
        let first = log.last().map_or(1, |event| event.sequence + 1);
        let events: Vec<_> = (first..)
            .zip(entries)
            .map(|(sequence, body)| SessionEvent {
                sequence,
                at: jiff::Timestamp::UNIX_EPOCH,
                body,
            })
            .collect();
        log.extend(events.iter().cloned());
        Box::pin(async move { Ok(events) })
    }
}
