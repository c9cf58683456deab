//! The tools of a step: side by side where they can be called, one question at a time where a person
//! must be asked.

use std::cell::LazyCell;
use std::pin::pin;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use resonant_domain::session::Usage;
use resonant_domain::session_event::{EventBody, ToolOutcome};
use resonant_domain::tool::READ_RESULT;
use resonant_domain::waiting::{AskingTool, PendingCall, WaitReason};
use tokio_util::sync::CancellationToken;

use super::call::{Called, call_tool};
use super::call_id::is_too_many;
use crate::engine::{Ending, Signals, Work};
use crate::log::{AgentAsked, AgentsAsked, LogError};
use crate::progress::CallRecord;
use crate::tools::{Asked, Asking, Question, ToolContext, asked_session};

/// Tools of one step that run at the same time.
const PARALLEL_CALLS: usize = 8;

/// The open calls of a step, by what must happen to them.
#[derive(Debug, Default)]
struct Sorted {
    /// They can be made now.
    ready: Vec<CallRecord>,
    /// The results of those that name material which is not there.
    misled: Vec<EventBody>,
    /// They go to other agents.
    for_agents: Vec<AgentAsked>,
    /// They need a person's word.
    for_approval: Vec<PendingCall>,
    /// What a person is asked.
    question: Option<WaitReason>,
    /// It was begun, must not be made twice, and nobody knows what became of it.
    unknown: Option<PendingCall>,
}

impl Work<'_> {
    /// Calls the tools that have not answered yet. `None`: the session goes on.
    pub async fn call_tools(&mut self) -> Result<Option<Ending>, LogError> {
        let step = self.progress.steps.last().map_or(1, |step| step.number);
        let Sorted { ready, misled, for_agents, for_approval, question, unknown } =
            self.sort_calls(step);
        let waits = if let Some(call) = unknown {
            Some(WaitReason::UnknownOutcome { step, call })
        } else if for_approval.is_empty() {
            question
        } else {
            Some(WaitReason::Approval { step, calls: for_approval })
        };
        self.append(misled, Usage::default()).await?;
        let keeps_last = waits.is_none() && for_agents.is_empty();
        let unwritten = match self.make_ready_calls(step, ready, keeps_last).await? {
            Ok(unwritten) => unwritten,
            Err(ending) => return Ok(Some(ending)),
        };
        if let Some(reason) = waits {
            return Ok(Some(Ending::Wait(reason)));
        }
        if !for_agents.is_empty() {
            self.call_agents(step, for_agents).await?;
            if self.progress.waiting.is_some() {
                return Ok(Some(Ending::Called));
            }
        }
        let mut entries = unwritten;
        entries.push(self.step_complete(step, Usage::default()));
        let found =
            self.append(entries, Usage::default()).await.map(|()| self.progress.loop_found())?;
        // A person who has said something meanwhile may have shown the way out.
        let found = found.filter(|_| !self.progress.has_unheard());
        let Some(found) = found else { return Ok(None) };
        // A model of a higher tier may find the way out.
        match self.escalation(&self.faults(), &found) {
            Some(choice) => {
                let next = EventBody::ModelChoice { step: step + 1, choice };
                self.append(vec![next], Usage::default()).await?;
                Ok(None)
            }
            None => Ok(Some(Ending::failed(found))),
        }
    }

    /// Makes the calls. Of those that must not be made twice no more are written down as begun than are
    /// made at the same time: after a crash nobody knows what became of these, and of no others.
    async fn make_ready_calls(
        &mut self,
        step: u32,
        mut ready: Vec<CallRecord>,
        keeps_last: bool,
    ) -> Result<Result<Vec<EventBody>, Ending>, LogError> {
        while ready.len() > PARALLEL_CALLS && ready.iter().any(|call| self.is_once(call)) {
            let later = ready.split_off(PARALLEL_CALLS);
            if let Err(ending) = self.make_calls(step, ready, false).await? {
                return Ok(Err(ending));
            }
            if let Some(ending) = self.stopped_already() {
                return Ok(Err(ending));
            }
            ready = later;
        }
        self.make_calls(step, ready, keeps_last).await
    }

    /// Makes the calls. Gives what is still unwritten at the end: the last result, when it is to be
    /// written together with the end of the step. Where one asks a person for more, that is waited for once the
    /// others have answered.
    async fn make_calls(
        &mut self,
        step: u32,
        calls: Vec<CallRecord>,
        keeps_last: bool,
    ) -> Result<Result<Vec<EventBody>, Ending>, LogError> {
        let once = calls.iter().filter(|call| self.is_once(call));
        let begins = once.map(|call| EventBody::ToolStart { step, call_id: call.call_id.clone() });
        let begins: Vec<_> = begins.collect();
        // A call that must not be made twice is let come to its end.
        let is_patient = !begins.is_empty();
        self.append(begins, Usage::default()).await?;
        let sources = self.progress.sources(self.session.context.as_deref());
        let now = self.clock.now();
        let mut left = calls.len();
        let mut entries = Vec::new();
        let mut waits = None;
        let (tools, session) = (self.tools, self.session.id);
        let room = self.progress.room_for_results(left);
        let context = self.session.context.as_deref();
        let can_read_on = self.progress.can_be_read_on(&self.agent, context);
        let reader = can_read_on.then(|| READ_RESULT.to_owned());
        let granted = self.agent.tools.iter().map(|grant| grant.name.clone());
        let granted: Arc<[String]> = granted.chain(reader).collect();
        let signals = if is_patient {
            Signals { hand_over: CancellationToken::new(), ..self.signals.clone() }
        } else {
            self.signals.clone()
        };
        let mut stopped = pin!(Self::stopped(&signals, self.deadline));
        let calls = calls.into_iter().map(|call| {
            let context = ToolContext {
                now,
                sources: sources.clone(),
                idempotency_key: format!("{session}/{}/{}", call.call_id, call.attempt),
                asking: Asking { may_ask: true, answer: call.answer.as_deref().cloned() },
                ..ToolContext::default()
            };
            let granted = granted.clone();
            async move { call_tool(tools, &granted, step, call, (context, room)).await }
        });
        let mut running = stream::iter(calls).buffer_unordered(PARALLEL_CALLS);
        while left > 0 {
            let called = tokio::select! {
                biased;
                ending = &mut stopped => return Ok(Err(ending)),
                called = running.next() => called,
            };
            left -= 1;
            entries.extend(match called {
                Some(Called::Asks(call, asked)) if waits.is_none() => {
                    waits = Some(asks(step, call, *asked));
                    None
                }
                Some(Called::Asks(call, _)) => Some(asks_too(step, call)),
                Some(Called::Answered(result)) => Some(result),
                None => None,
            });
            if left > 0 || !keeps_last {
                self.append(std::mem::take(&mut entries), Usage::default()).await?;
            }
        }
        let Some(reason) = waits else { return Ok(Ok(entries)) };
        self.unwritten.append(&mut entries);
        Ok(Err(Ending::Wait(reason)))
    }

    /// Has sessions of other agents started. Each may use an even part of what is left of this one's
    /// own limits, so that all of them together stay within.
    async fn call_agents(&mut self, step: u32, calls: Vec<AgentAsked>) -> Result<(), LogError> {
        let (limits, used) = (self.session.limits, self.progress.used);
        let parts = calls.len().max(1) as u64;
        let round = &self.progress.round;
        let asked = AgentsAsked {
            step,
            calls,
            most_tokens: round.tokens_left(limits, used) / parts,
            most_micro_usd: round.micro_usd_left(limits, used).map(|left| left / parts),
        };
        loop {
            match self.log.call_agents(self.progress.last_sequence, asked.clone()).await {
                Ok(written) => {
                    self.progress.take(&written);
                    return Ok(());
                }
                Err(LogError::Moved { events, .. }) => self.progress.take(&events),
                Err(error) => return Err(error),
            }
        }
    }

    fn sort_calls(&self, step: u32) -> Sorted {
        let mut sorted = Sorted::default();
        // Every text of the session: only a call of another agent looks into them here.
        let sources = LazyCell::new(|| self.progress.sources(self.session.context.as_deref()));
        for call in self.progress.open_calls() {
            let grant = self.agent.tools.iter().find(|grant| grant.name == call.tool);
            let tool = self.tools.get(&call.tool).filter(|_| grant.is_some());
            // A call that cannot be made has a result all the same: why it cannot.
            let can_be_made = !is_too_many(&call.call_id)
                && self.tools.check(&call.tool, &call.arguments.value()).is_ok();
            let (Some(grant), Some(tool), true) = (grant, tool, can_be_made) else {
                sorted.ready.push(call);
                continue;
            };
            if call.is_begun {
                sorted.unknown.get_or_insert(pending(call));
            } else if let Ok(Some(question)) = tool.question(&call.arguments.value()) {
                sorted.question.get_or_insert(WaitReason::Question {
                    step,
                    call_id: call.call_id,
                    question: question.text,
                    form: question.form,
                    by: None,
                });
            } else if grant.needs_approval && !call.is_approved {
                sorted.for_approval.push(pending(call));
            } else if let Some(agent_id) = grant.agent_id() {
                let CallRecord { call_id, tool, arguments, .. } = call;
                match asked_session(&arguments.value(), &sources) {
                    Ok(session) => {
                        sorted.for_agents.push(AgentAsked { call_id, tool, agent_id, session });
                    }
                    Err(error) => sorted.misled.push(EventBody::ToolResult {
                        step,
                        call_id,
                        tool,
                        outcome: ToolOutcome::Error,
                        content: error.to_string(),
                        duration_ms: 0,
                    }),
                }
            } else {
                sorted.ready.push(call);
            }
        }
        sorted
    }

    fn is_once(&self, call: &CallRecord) -> bool {
        self.tools.get(&call.tool).is_some_and(|tool| !tool.is_safe_to_repeat())
    }
}

/// What a tool asks a person: its call goes on with the answer.
fn asks(step: u32, call: CallRecord, asked: Asked) -> WaitReason {
    let Asked { question: Question { text: question, form }, resume } = asked;
    let by = Some(AskingTool { tool: call.tool, resume });
    WaitReason::Question { step, call_id: call.call_id, question, form, by }
}

/// The result of a call that asks a person while another one does: one question is asked at a time.
fn asks_too(step: u32, call: CallRecord) -> EventBody {
    let content = "it asks a person for more, as another call of this step does: call it again";
    EventBody::ToolResult {
        step,
        call_id: call.call_id,
        tool: call.tool,
        outcome: ToolOutcome::Error,
        content: content.to_owned(),
        duration_ms: 0,
    }
}

fn pending(call: CallRecord) -> PendingCall {
    PendingCall { call_id: call.call_id, tool: call.tool, arguments: call.arguments.value() }
}
