//! The loop: context → model → tool calls in parallel → results → next step.
//!
//! Everything that happens is appended to the session's log before the next thing starts, and the
//! loop's only state is the fold of that log ([`Progress`]). So a session can change its worker at
//! any point: a step that had not yet asked for tools is begun anew, a tool that had not yet answered
//! is called again, and nothing else is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use resonant_domain::agent::AgentSpec;
use resonant_domain::session::{Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::context::{Next, Progress};
use crate::log::{LogError, SessionLog};
use crate::models::{Chosen, Models};
use crate::tools::Tools;

/// A session to run: what it is, what it runs, and what happened before.
#[derive(Debug, Clone)]
pub struct Run {
    /// The session.
    pub session: Session,
    /// The agent as it was when the session was started.
    pub agent: AgentSpec,
    /// All that the log holds already; empty for a fresh session.
    pub history: Vec<SessionEvent>,
}

/// How others reach into a running session.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// A person wants the session to end now.
    pub cancel: CancellationToken,
    /// This worker stops; another one shall go on.
    pub hand_over: CancellationToken,
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The session is over, in this state.
    Ended(SessionState),
    /// Nothing terminal was written: another worker goes on from the log.
    HandedOver,
}

/// Runs sessions. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    parts: Arc<Parts>,
}

struct Parts {
    models: Models,
    tools: Tools,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over these models and tools.
    pub fn new(models: Models, tools: Tools, clock: Arc<dyn Clock>) -> Self {
        Self { parts: Arc::new(Parts { models, tools, clock }) }
    }

    /// The models that it can choose from.
    #[must_use]
    pub fn models(&self) -> &Models {
        &self.parts.models
    }

    /// Runs the session until it ends or is handed over.
    ///
    /// # Errors
    /// The log's own: [`LogError::Fenced`] when another worker has taken the session over.
    #[tracing::instrument(name = "session.run", skip_all, fields(session.id = %run.session.id))]
    pub async fn run(
        &self,
        run: Run,
        log: &dyn SessionLog,
        signals: Signals,
    ) -> Result<Outcome, LogError> {
        let progress = Progress::new(&run.history, run.session.usage);
        if let Some(state) = progress.ended {
            return Ok(Outcome::Ended(state));
        }
        let now = self.parts.clock.now();
        let began_at = run.session.started_at.or(progress.began_at).unwrap_or(now);
        let limit = Duration::from_secs(run.session.limits.timeout_seconds.into());
        let left = limit.saturating_sub(elapsed(began_at, now));
        let is_fresh = run.history.is_empty();
        let chosen = self.parts.models.choose(&run.agent.model_policy);
        let tools = self.parts.tools.granted(run.session.owner_id, &run.agent.tools);
        let mut work = Work {
            tools: &tools,
            clock: self.parts.clock.as_ref(),
            log,
            session: run.session,
            agent: run.agent,
            progress,
            unwritten: Vec::new(),
            signals,
            began_at,
            deadline: Instant::now() + left,
        };
        let ending = match chosen {
            Ok(chosen) => {
                if is_fresh {
                    work.unwritten.push(EventBody::SessionStart {
                        provider: chosen.model.provider().to_owned(),
                        model: chosen.name.clone(),
                    });
                }
                work.go(&chosen).await?
            }
            Err(reason) => Ending::failed(reason),
        };
        work.end(ending).await
    }
}

/// How the loop comes to its end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The session ends in this state.
    Over { state: SessionState, reason: Option<String> },
    /// Another worker goes on.
    HandOver,
}

impl Ending {
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Over { state: SessionState::Failed, reason: Some(reason.into()) }
    }

    pub fn completed(reason: Option<String>) -> Self {
        Self::Over { state: SessionState::Completed, reason }
    }
}

/// A session at work.
pub(crate) struct Work<'a> {
    pub tools: &'a Tools,
    pub clock: &'a dyn Clock,
    pub log: &'a dyn SessionLog,
    pub session: Session,
    pub agent: AgentSpec,
    pub progress: Progress,
    /// What is written with the next append: it saves the store a transaction.
    pub unwritten: Vec<EventBody>,
    pub signals: Signals,
    pub began_at: Timestamp,
    pub deadline: Instant,
}

impl Work<'_> {
    /// The loop.
    async fn go(&mut self, chosen: &Chosen) -> Result<Ending, LogError> {
        loop {
            if let Some(ending) = self.stopped_already() {
                return Ok(ending);
            }
            let ending = match self.progress.next() {
                Next::Step { number, attempt } => self.step(chosen, number, attempt).await?,
                Next::Tools => self.call_tools().await?,
                Next::Answered => Some(self.answered()),
                Next::Over(state) => Some(Ending::Over { state, reason: None }),
            };
            if let Some(ending) = ending {
                return Ok(ending);
            }
        }
    }

    /// A session whose last step asked for nothing, but whose end was not written.
    fn answered(&self) -> Ending {
        match self.progress.steps.last() {
            Some(step) if !step.output.trim().is_empty() => Ending::completed(None),
            _ => Ending::failed("the model gave no answer"),
        }
    }

    /// Appends what is due, in one transaction, and folds it in.
    pub async fn append(&mut self, more: Vec<EventBody>, usage: Usage) -> Result<(), LogError> {
        let mut entries = std::mem::take(&mut self.unwritten);
        entries.extend(more);
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.log.append(entries, usage).await?;
        self.progress.take(&written);
        self.progress.used += usage;
        Ok(())
    }

    /// Waits until the session must stop where it stands. Cancelling goes before everything else.
    pub async fn stopped(signals: &Signals, deadline: Instant) -> Ending {
        tokio::select! {
            biased;
            () = signals.cancel.cancelled() => {
                Ending::Over { state: SessionState::Cancelled, reason: None }
            }
            () = tokio::time::sleep_until(deadline) => {
                Ending::Over { state: SessionState::Timeout, reason: None }
            }
            () = signals.hand_over.cancelled() => Ending::HandOver,
        }
    }

    fn stopped_already(&self) -> Option<Ending> {
        if self.signals.cancel.is_cancelled() {
            Some(Ending::Over { state: SessionState::Cancelled, reason: None })
        } else if Instant::now() >= self.deadline {
            Some(Ending::Over { state: SessionState::Timeout, reason: None })
        } else if self.signals.hand_over.is_cancelled() {
            Some(Ending::HandOver)
        } else {
            None
        }
    }

    /// Writes the end, or what is still unwritten when another worker goes on.
    async fn end(mut self, ending: Ending) -> Result<Outcome, LogError> {
        let Ending::Over { state, reason } = ending else {
            self.append(Vec::new(), Usage::default()).await?;
            return Ok(Outcome::HandedOver);
        };
        if let Some(state) = self.progress.ended {
            return Ok(Outcome::Ended(state));
        }
        let mut entries = Vec::new();
        for call in self.progress.open_calls() {
            entries.push(EventBody::ToolResult {
                step: self.progress.steps.last().map_or(1, |step| step.number),
                call_id: call.call_id,
                tool: call.tool,
                outcome: ToolOutcome::Cancelled,
                content: match state {
                    SessionState::Timeout => "the session ran out of time".to_owned(),
                    _ => "the session was stopped".to_owned(),
                },
                duration_ms: 0,
            });
        }
        let reason = reason.or_else(|| match state {
            SessionState::Timeout => {
                let seconds = self.session.limits.timeout_seconds;
                Some(format!("reached its limit of {seconds} {}", plural(seconds, "second")))
            }
            _ => None,
        });
        entries.push(self.done(state, reason, Usage::default()));
        self.append(entries, Usage::default()).await?;
        tracing::info!(session.state = state.as_str(), "the session is over");
        Ok(Outcome::Ended(state))
    }

    /// The session's last event. `usage` is what the same append adds.
    pub fn done(&self, state: SessionState, reason: Option<String>, usage: Usage) -> EventBody {
        let mut used = self.progress.used;
        used += usage;
        EventBody::Done {
            state,
            reason,
            usage: used,
            duration_ms: millis(elapsed(self.began_at, self.clock.now())),
            waited_ms: 0,
        }
    }
}

/// The time from one instant to a later one; nothing when the clock was set back.
pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `step` or `steps`.
pub(crate) fn plural(count: u32, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests;
