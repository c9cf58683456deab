//! The loop: context → model → tool calls in parallel → results → next step.
//!
//! Everything that happens is appended to the session's log before the next thing starts, and the
//! loop's only state is the fold of that log ([`Progress`]). So a session can change its worker at
//! any point: a step that had not yet asked for tools is begun anew, a tool that had not yet answered
//! is called again (unless that could do harm: then a person is asked), and nothing else is.
//!
//! People write into the same log while the loop runs. It notices with its next append, which names
//! the last event that it knows of.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use resonant_domain::agent::AgentSpec;
use resonant_domain::session::{Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_domain::waiting::WaitReason;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::clock::Clock;
use crate::log::{LogError, SessionLog};
use crate::models::{Models, Who};
use crate::progress::{Next, Progress};
use crate::tools::{Hold, Tools, Whose};

/// What is said of a call that was under way when its session ended, and that must not be made twice.
const UNDER_WAY: &str =
    " while this was under way: the outcome is unknown, it may have taken effect";

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
    /// The session waits for a person or other agents: it needs no worker until they have spoken.
    Waiting,
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

    /// The tools that it can call.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.parts.tools
    }

    /// Runs the session until it ends, waits or is handed over.
    ///
    /// # Errors
    /// The log's own: [`LogError::Fenced`] when another worker has taken the session over.
    #[tracing::instrument(
        name = "session.run",
        skip_all,
        fields(
            session.id = %run.session.id,
            agent_id = %run.session.agent_id,
            goal_length = run.session.goal.chars().count(),
            steps,
            tokens_used,
        )
    )]
    pub async fn run(
        &self,
        run: Run,
        log: &dyn SessionLog,
        signals: Signals,
    ) -> Result<Outcome, LogError> {
        let mut progress = Progress::new(&run.history, run.session.usage);
        if let Some(state) = progress.ended {
            return Ok(Outcome::Ended(state));
        }
        if progress.waiting.is_some() {
            return Ok(Outcome::Waiting);
        }
        let now = self.parts.clock.now();
        let limit = Duration::from_secs(run.session.limits.timeout_seconds.into());
        progress.leave_out(&run.session, now);
        let worked = progress.round.worked(now);
        let (owner, agent) = (run.session.owner_id, run.session.agent_id);
        let session = run.session.id;
        let whose = Whose {
            user: run.session.started_by.unwrap_or(owner),
            held: log.fence().map(|fence| Hold { session, fence }),
            ..Whose::own(owner, agent)
        };
        let tools = self.parts.tools.granted_to(whose, &run.agent.tools);
        let mut work = Work {
            models: &self.parts.models,
            tools: &tools,
            clock: self.parts.clock.as_ref(),
            log,
            session: run.session,
            agent: run.agent,
            progress,
            unwritten: Vec::new(),
            unsettled: Usage::default(),
            lost: Vec::new(),
            narrowed: Vec::new(),
            summary_failed: None,
            signals,
            deadline: Instant::now() + limit.saturating_sub(worked),
        };
        let ending = work.go().await?;
        let span = Span::current();
        span.record("steps", work.progress.steps.len());
        let used = work.progress.used;
        span.record("tokens_used", used.total_tokens());
        work.end(ending).await
    }
}

/// How the loop comes to its end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The session ends in this state.
    Over { state: SessionState, reason: Option<String> },
    /// A person must decide.
    Wait(WaitReason),
    /// Other agents are at work; the pause is written down already.
    Called,
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
    pub models: &'a Models,
    pub tools: &'a Tools,
    pub clock: &'a dyn Clock,
    pub log: &'a dyn SessionLog,
    pub session: Session,
    pub agent: AgentSpec,
    pub progress: Progress,
    /// What is written with the next append: it saves the store a transaction.
    pub unwritten: Vec<EventBody>,
    /// What was used and is settled with the end of this run.
    pub unsettled: Usage,
    /// The models that will answer nothing in this run, whatever they are asked.
    pub lost: Vec<Who>,
    /// The models that have said that they take less than was thought, and how much.
    pub narrowed: Vec<(Who, u64)>,
    /// The newest step for which no summary could be made.
    pub summary_failed: Option<u32>,
    pub signals: Signals,
    pub deadline: Instant,
}

impl Work<'_> {
    /// The loop.
    async fn go(&mut self) -> Result<Ending, LogError> {
        // One span for a step's model and its tools.
        let mut begun: Option<(u32, Span)> = None;
        loop {
            if let Some(ending) = self.stopped_already() {
                return Ok(ending);
            }
            let ending = match self.progress.next() {
                Next::Step { number, attempt } => {
                    let span = step_span(&mut begun, number);
                    self.step(number, attempt).instrument(span).await?
                }
                Next::Tools => {
                    let number = self.progress.steps.last().map_or(1, |step| step.number);
                    let span = step_span(&mut begun, number);
                    self.call_tools().instrument(span).await?
                }
                Next::Answered => Some(self.answered()),
                Next::Over(state) => Some(Ending::Over { state, reason: None }),
            };
            match ending {
                // What a person said meanwhile goes before the end that the loop would come to.
                Some(Ending::Over { state: SessionState::Completed, .. })
                    if self.progress.has_unheard() => {}
                Some(ending) => return Ok(ending),
                None => {}
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

    /// Appends what is due, in one transaction, and folds it in, after all that others wrote.
    pub async fn append(&mut self, more: Vec<EventBody>, usage: Usage) -> Result<(), LogError> {
        let mut entries = std::mem::take(&mut self.unwritten);
        entries.extend(more);
        if entries.is_empty() && usage == Usage::default() {
            return Ok(());
        }
        loop {
            let known = self.progress.last_sequence;
            match self.log.append(known, entries, usage).await {
                Ok(written) => {
                    self.take(&written, usage);
                    return Ok(());
                }
                Err(LogError::Moved { events, refused }) => {
                    self.progress.take(&events);
                    entries = refused;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Appends the last entries of a session, unless someone else has written meanwhile. `false`:
    /// nothing was written, and what others wrote is folded in.
    pub async fn append_end(
        &mut self,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> Result<bool, LogError> {
        match self.log.append(self.progress.last_sequence, entries, usage).await {
            Ok(written) => {
                self.take(&written, usage);
                Ok(true)
            }
            Err(LogError::Moved { events, .. }) => {
                self.progress.take(&events);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, written: &[SessionEvent], usage: Usage) {
        self.progress.take(written);
        self.progress.used += usage;
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

    pub fn stopped_already(&self) -> Option<Ending> {
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

    /// Writes the end, the pause, or what is still unwritten when another worker goes on.
    async fn end(mut self, ending: Ending) -> Result<Outcome, LogError> {
        // A call that was broken off is paid, too.
        let usage = std::mem::take(&mut self.unsettled);
        let (state, reason) = match ending {
            Ending::Over { state, reason } => (state, reason),
            Ending::Wait(reason) => {
                tracing::info!(waiting = reason.name(), "the session waits");
                self.append(vec![EventBody::Waiting { reason }], usage).await?;
                return Ok(Outcome::Waiting);
            }
            Ending::Called => return Ok(Outcome::Waiting),
            Ending::HandOver => {
                self.append(Vec::new(), usage).await?;
                return Ok(Outcome::HandedOver);
            }
        };
        if let Some(state) = self.progress.ended {
            return Ok(Outcome::Ended(state));
        }
        let mut entries = Vec::new();
        for call in self.progress.open_calls() {
            let why = match state {
                SessionState::Timeout => "the session ran out of time",
                _ => "the session was stopped",
            };
            // Only what must not be made twice is written down as begun.
            let content = if call.is_begun { format!("{why}{UNDER_WAY}") } else { why.to_owned() };
            entries.push(EventBody::ToolResult {
                step: self.progress.steps.last().map_or(1, |step| step.number),
                call_id: call.call_id,
                tool: call.tool,
                outcome: ToolOutcome::Cancelled,
                content,
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
        entries.push(self.done(state, reason, usage));
        self.append(entries, usage).await?;
        tracing::info!(session.state = state.as_str(), "the session is over");
        Ok(Outcome::Ended(state))
    }

    /// The session's last event. `usage` is what the same append adds.
    pub fn done(&self, state: SessionState, reason: Option<String>, usage: Usage) -> EventBody {
        let mut used = self.progress.used;
        used += usage;
        let round = &self.progress.round;
        EventBody::Done {
            state,
            reason,
            usage: used,
            duration_ms: millis(round.worked(self.clock.now())),
            waited_ms: round.waited_ms,
        }
    }
}

/// The span of a step: the one that has begun, or a new one.
fn step_span(begun: &mut Option<(u32, Span)>, number: u32) -> Span {
    match begun {
        Some((known, span)) if *known == number => span.clone(),
        _ => {
            let span = tracing::debug_span!("step", step = number);
            *begun = Some((number, span.clone()));
            span
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
