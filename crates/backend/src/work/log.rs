//! The log of a session that a worker holds: everything that is written goes by the claim's fence.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use resonant_domain::session::{CalledBy, Session, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent};
use resonant_domain::waiting::Shortfall;
use resonant_domain::{AgentId, SessionId, UserId};
use resonant_runtime::Signals;
use resonant_runtime::log::{AgentsAsked, LogError, SessionLog};
use tokio::time::{Instant, sleep};

use super::Claim;
use super::hold::rest_after;
use crate::budgets::Reserved;
use crate::budgets::guests::{self, Purse};
use crate::store::session_events::Appended;
use crate::{Backend, Error, Result, budgets, sessions, store, test_sets};

/// For how long a call waits for what others have set aside of its budget, and how often it looks.
const BUDGET_PATIENCE: Duration = Duration::from_secs(1);
const BUDGET_LOOK: Duration = Duration::from_millis(100);
/// How often a session gives way to others of its budget before a person is asked.
const BUDGET_WAITS: i32 = 8;

/// The log of a session that a worker holds.
pub(super) struct QueueLog<'a> {
    backend: &'a Backend,
    claim: &'a Claim,
    agent_id: AgentId,
    /// The session that waits for its answer.
    called_by: Option<CalledBy>,
    /// Whether it tests the agent.
    is_test: bool,
    signals: Signals,
    /// For how long the session goes back to the queue, when others have set its budget aside.
    gives_way: OnceLock<Duration>,
    /// What its next call may use of what the guests of a network have.
    purse: Purse,
    /// Whether what was just written told that its owner has set no budget.
    is_unbounded: AtomicBool,
}

impl<'a> QueueLog<'a> {
    pub(super) fn new(
        backend: &'a Backend,
        claim: &'a Claim,
        session: &Session,
        signals: Signals,
    ) -> Self {
        let (called_by, is_test) = (session.called_by.clone(), session.is_test);
        let agent_id = session.agent_id;
        let (gives_way, purse) = (OnceLock::new(), Purse::default());
        let is_unbounded = AtomicBool::new(false);
        Self {
            backend,
            claim,
            agent_id,
            called_by,
            is_test,
            signals,
            gives_way,
            purse,
            is_unbounded,
        }
    }

    /// For how long the session rests, when it was given up for others that have set its budget aside.
    pub(super) fn gives_way(&self) -> Option<Duration> {
        self.gives_way.get().copied()
    }

    /// What others have written since `after`, when this worker still holds the session.
    async fn moved(&self, after: i64) -> Result<Option<Vec<SessionEvent>>> {
        let (owner, id, fence) = self.claim.key();
        let mut tx = self.backend.begin(owner).await?;
        let held = store::queue::lock(&mut tx, owner, id).await?;
        if held.is_none_or(|held| held.fence != fence) {
            return Ok(None);
        }
        let events = store::session_events::list(&mut tx, owner, id, after, i64::MAX).await?;
        Ok((!events.is_empty()).then_some(events))
    }

    /// Why nothing was appended.
    async fn refusal(&self, after: i64, refused: Vec<EventBody>) -> LogError {
        match self.moved(after).await {
            Ok(Some(events)) => LogError::Moved { events, refused },
            Ok(None) => {
                self.claim.note_refused();
                LogError::Fenced
            }
            Err(error) => unavailable(error),
        }
    }

    /// What was appended: a session that has done a step is well.
    fn note_appended(&self, events: &[SessionEvent], used: Usage) {
        self.backend.metrics().appended(self.agent_id, events, used);
        let is_well = events.iter().any(|event| {
            matches!(event.body, EventBody::StepComplete { .. } | EventBody::Waiting { .. })
        });
        if is_well {
            self.claim.clear(self.backend);
        }
    }

    /// Gives the guests of the network back what a call did not use. Should this fail it counts as used.
    pub(super) async fn settle(&self, used: Usage) {
        if let Err(error) = self.purse.settle(self.backend, used).await {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(session.id = %self.claim.session_id, error, "a call was not settled");
        }
    }

    /// Waits a while for what others have set aside. `false`: it has waited for long, or shall stop.
    async fn waits_for_others(&self, until: Instant) -> bool {
        tokio::select! {
            () = sleep(BUDGET_LOOK) => Instant::now() < until,
            () = self.signals.cancel.cancelled() => false,
            () = self.signals.hand_over.cancelled() => false,
        }
    }

    /// Appends by one statement, which also tells whether there are budgets.
    async fn write(
        &self,
        key: (UserId, SessionId, i64),
        after: i64,
        (entries, usage, now): (Vec<EventBody>, Usage, Timestamp),
    ) -> Result<Option<Vec<SessionEvent>>> {
        let mut conn = self.backend.write(self.claim.owner_id).await?;
        let (conn_of, after) = (&mut *conn, Some(after));
        let written =
            store::session_events::append_told(conn_of, key, after, entries, usage, now).await?;
        conn.commit().await?;
        let Some(Appended { events, has_budgets }) = written else { return Ok(None) };
        self.is_unbounded.store(!has_budgets, Ordering::Release);
        Ok(Some(events))
    }

    /// Sets aside what the next call may use. Where the entry that was written before it has just told that there
    /// is no budget, none is looked for.
    async fn reserve_once(&self, most: Usage) -> Result<Reserved> {
        let (backend, owner) = (self.backend, self.claim.owner_id);
        let is_unbounded = self.is_unbounded.swap(false, Ordering::AcqRel);
        if is_unbounded && guests::limits_of(backend, owner).await?.is_none() {
            return Ok(Reserved::Enough);
        }
        budgets::reserve(backend, self.claim.key(), self.agent_id, most).await
    }

    fn is_to_stop(&self) -> bool {
        self.signals.cancel.is_cancelled() || self.signals.hand_over.is_cancelled()
    }
}

impl SessionLog for QueueLog<'_> {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        Box::pin(async move {
            let now = self.backend.now();
            let key = self.claim.key();
            let refused = entries.clone();
            let ends = matches!(entries.last(), Some(EventBody::Done { .. }));
            let written = if let (Some(by), true) = (&self.called_by, ends) {
                // Whoever called is answered with the end: in one transaction.
                let end = (after, entries, usage);
                sessions::append_end(self.backend, key, by, end).await.map_err(unavailable)?
            } else {
                self.write(key, after, (entries, usage, now)).await.map_err(unavailable)?
            };
            let Some(events) = written else {
                return Err(self.refusal(after, refused).await);
            };
            self.note_appended(&events, usage);
            if ends || usage.total_tokens() > 0 {
                self.settle(usage).await;
            }
            if ends && self.is_test {
                // Who hears of the end finds the test decided.
                let owner = self.claim.owner_id;
                test_sets::settle_ended(self.backend, owner, self.agent_id).await;
            }
            self.backend.events().publish(self.claim.session_id, &events);
            Ok(events)
        })
    }

    /// Where a budget would reach but for what others have set aside, they are waited for: here for a
    /// moment, then in the queue, and after a while a person is asked.
    fn reserve(&self, most: Usage) -> BoxFuture<'_, Result<Option<Shortfall>, LogError>> {
        Box::pin(async move {
            let until = Instant::now() + BUDGET_PATIENCE;
            loop {
                let reserved = self.reserve_once(most).await;
                let shortfall = match reserved.map_err(unavailable)? {
                    Reserved::Enough => {
                        let (backend, owner) = (self.backend, self.claim.owner_id);
                        return self.purse.take(backend, owner, most).await.map_err(unavailable);
                    }
                    Reserved::Short(shortfall) => return Ok(Some(shortfall)),
                    Reserved::Fenced => {
                        self.claim.note_refused();
                        return Err(LogError::Fenced);
                    }
                    Reserved::Crowded(shortfall) => shortfall,
                };
                if self.claim.budget_waits >= BUDGET_WAITS {
                    return Ok(Some(shortfall));
                }
                if !self.waits_for_others(until).await {
                    let rest = if self.is_to_stop() {
                        Duration::ZERO
                    } else {
                        rest_after(self.claim.budget_waits + 1)
                    };
                    self.gives_way.get_or_init(|| rest);
                    return Err(LogError::Fenced);
                }
            }
        })
    }

    fn fence(&self) -> Option<i64> {
        Some(self.claim.fence)
    }

    fn pins(&self) -> BoxFuture<'_, Result<Option<Vec<i64>>, LogError>> {
        Box::pin(async move {
            let (owner, id) = (self.claim.owner_id, self.claim.session_id);
            let mut conn = self.backend.read_latest(owner).await.map_err(unavailable)?;
            store::sessions::find_pins(&mut conn, owner, id).await.map_err(unavailable)
        })
    }

    fn call_agents(
        &self,
        after: i64,
        asked: AgentsAsked,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        Box::pin(async move {
            let (backend, key) = (self.backend, self.claim.key());
            let called = sessions::call_agents(backend, key, after, asked).await;
            let Some(events) = called.map_err(unavailable)? else {
                return Err(self.refusal(after, Vec::new()).await);
            };
            self.note_appended(&events, Usage::default());
            backend.events().publish(self.claim.session_id, &events);
            Ok(events)
        })
    }
}

/// The log tells one kind of fault; the cause within says whether the database was away.
fn unavailable(error: impl Into<Error>) -> LogError {
    LogError::Unavailable(error.into().into())
}
