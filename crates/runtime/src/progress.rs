//! Where a session stands, folded from its log.
//!
//! The loop keeps no other state: what it appends it folds in again, so that a session that another
//! worker takes over stands exactly where it stood.

mod records;
mod results;
mod round;

use jiff::Timestamp;
use resonant_domain::model::ModelChoice;
use resonant_domain::session::{Session, SessionState, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_domain::waiting::{
    BudgetChoice, BudgetScope, Decision, OutcomeChoice, Verdict, Wait, WaitReason,
};

use crate::engine::{elapsed, millis};
use crate::models::Material;
use crate::tools::Answered;

pub(crate) use records::{CallRecord, Packed, Said, StepRecord};
use records::{Fault, SummaryRecord};
pub(crate) use results::RESULTS_MAX_BYTES;
pub(crate) use round::Round;

/// Where a session stands.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The number of the newest event.
    pub last_sequence: i64,
    /// Whether its first event was written.
    pub is_started: bool,
    /// The steps begun so far.
    pub steps: Vec<StepRecord>,
    /// What the session has used so far.
    pub used: Usage,
    /// The stretch from a person's word to the end that answers it.
    pub round: Round,
    /// What it waits for.
    pub waiting: Option<Wait>,
    /// The model that answers, and the step since which it does.
    pub choice: Option<(u32, ModelChoice)>,
    /// A person wants cheaper models.
    pub is_cheaper: bool,
    /// What stands for the middle of the conversation.
    pub summary: Option<SummaryRecord>,
    /// How it ended.
    pub ended: Option<SessionState>,
    /// What it had used when it was over last.
    used_at_end: Usage,
    /// For how long it had worked by then, without what was done before it was forked.
    worked_at_end_ms: u64,
    /// What people said that no step has heard yet.
    unheard: Vec<Said>,
    /// How often people gave material with what they said.
    materials: i64,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A step begins, for the first time or anew.
    Step { number: u32, attempt: u32 },
    /// The last step asked for tools, and some or all have not answered.
    Tools,
    /// The last step asked for nothing: the session has its answer.
    Answered,
    /// The session is over.
    Over(SessionState),
}

impl Progress {
    /// Folds what is written so far. `used` is what the session's row says.
    pub fn new(history: &[SessionEvent], used: Usage) -> Self {
        let mut progress = Self::default();
        progress.take(history);
        let mut sum = Usage::default();
        for step in &progress.steps {
            sum += step.usage;
            for fault in step.faults.iter().filter(|_| !step.is_complete) {
                sum += fault.usage;
            }
        }
        // The row counts the model's reply from the moment it is written, the log only once the
        // step is complete.
        progress.used = if used.total_tokens() >= sum.total_tokens() { used } else { sum };
        progress
    }

    /// Folds in the next events.
    pub fn take(&mut self, events: &[SessionEvent]) {
        for event in events {
            self.last_sequence = event.sequence;
            self.take_one(event);
        }
    }

    #[expect(clippy::too_many_lines, reason = "an arm for each kind of event")]
    fn take_one(&mut self, event: &SessionEvent) {
        match &event.body {
            EventBody::SessionStart { .. } => self.is_started = true,
            EventBody::StepStart { step, attempt } => self.start(*step, *attempt, event.at),
            EventBody::ModelChoice { step, choice } => self.choice = Some((*step, choice.clone())),
            EventBody::ContextSummary { through_step, text, .. } => {
                let (through_step, text) = (*through_step, text.clone());
                self.summary = Some(SummaryRecord { through_step, text });
            }
            EventBody::Message { text, context } => {
                self.open_round();
                let material = context.as_ref().map(|context| {
                    self.materials += 1;
                    Material::new(self.materials, context)
                });
                let (sequence, text) = (event.sequence, text.clone());
                self.unheard.push(Said { sequence, text, material });
            }
            EventBody::Retry { step } => {
                self.open_round();
                self.void(*step);
            }
            EventBody::Fork { .. } => {
                self.worked_at_end_ms = 0;
                self.ended = Some(SessionState::Completed);
                self.open_round();
            }
            EventBody::Output { delta, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.output.push_str(delta);
                }
            }
            EventBody::ToolCall { call_id, tool, arguments, provider_data, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.calls.push(CallRecord {
                        call_id: call_id.clone(),
                        tool: tool.clone(),
                        arguments: arguments.into(),
                        provider_data: provider_data.as_ref().map(Packed::from),
                        attempt: step.attempt,
                        is_approved: false,
                        is_begun: false,
                        answer: None,
                        result: None,
                        answered: None,
                    });
                }
            }
            EventBody::ToolStart { call_id, .. } => {
                if let Some(call) = self.call(call_id) {
                    call.is_begun = true;
                }
            }
            EventBody::ToolResult { call_id, outcome, content, .. } => {
                if let Some(call) = self.call(call_id) {
                    call.result = Some((*outcome, content.clone()));
                    call.answered = Some(event.sequence);
                }
                let has_result = |id: &str| {
                    let mut calls = self.steps.iter().flat_map(|step| &step.calls);
                    calls.any(|call| call.call_id == id && call.result.is_some())
                };
                if self.waiting.as_ref().is_some_and(|wait| wait.reason.is_answered(has_result)) {
                    self.end_wait(event.at);
                }
            }
            EventBody::StepComplete { usage, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.usage = *usage;
                    step.is_complete = true;
                    step.completed = Some(event.sequence);
                }
            }
            EventBody::Waiting { reason } => {
                // A tool that asks has done nothing.
                if let WaitReason::Question { call_id, by: Some(_), .. } = reason
                    && let Some(call) = self.call(call_id)
                {
                    call.is_begun = false;
                }
                let (sequence, since) = (event.sequence, event.at);
                self.waiting = Some(Wait { sequence, since, reason: reason.clone() });
            }
            EventBody::Decision { decision, .. } => {
                let decided = self.waiting.as_ref().map(|wait| wait.reason.clone());
                self.end_wait(event.at);
                self.decide(decision, decided.as_ref());
            }
            EventBody::Error { step: Some(_), recoverable: true, message, usage } => {
                let who = self.choice.as_ref();
                let who = who.map(|(_, who)| (who.provider.clone(), who.model.clone()));
                if let Some(step) = self.steps.last_mut() {
                    let (who, message) = (who.unwrap_or_default(), message.clone());
                    step.faults.push(Fault { who, message, usage: usage.unwrap_or_default() });
                }
            }
            EventBody::Done { state, usage, duration_ms, .. } => {
                self.end_wait(event.at);
                self.ended = Some(*state);
                self.used_at_end = *usage;
                self.worked_at_end_ms += duration_ms;
            }
            EventBody::Thinking { .. } | EventBody::Error { .. } => {}
        }
    }

    fn start(&mut self, number: u32, attempt: u32, at: Timestamp) {
        self.round.began_at.get_or_insert(at);
        let (faults, mut heard) = match self.steps.pop_if(|last| last.number == number) {
            Some(last) => (last.faults, last.heard),
            None => (Vec::new(), Vec::new()),
        };
        heard.append(&mut self.unheard);
        self.steps.push(StepRecord {
            number,
            attempt,
            faults,
            heard,
            began_at: at,
            output: String::new(),
            calls: Vec::new(),
            usage: Usage::default(),
            is_complete: false,
            completed: None,
        });
    }

    /// A person goes on with a session that was over.
    fn open_round(&mut self) {
        if self.ended.take().is_some() {
            let first_step = self.steps.last().map_or(1, |step| step.number + 1);
            self.round = Round::begin(first_step, self.used_at_end);
        }
    }

    /// The step is begun anew, whatever it had come to.
    fn void(&mut self, number: u32) {
        if let Some(step) = self.steps.pop_if(|last| last.number == number) {
            self.round.first_step = number;
            self.steps.push(StepRecord {
                faults: Vec::new(),
                output: String::new(),
                calls: Vec::new(),
                is_complete: false,
                completed: None,
                ..step
            });
        }
    }

    fn end_wait(&mut self, at: Timestamp) {
        if let Some(wait) = self.waiting.take() {
            self.round.waited_ms += wait.ended_after_ms(at);
        }
    }

    /// Leaves out of the round what the session's row counts as no work and the log does not tell: the time in
    /// the queue.
    pub fn leave_out(&mut self, session: &Session, now: Timestamp) {
        let (Some(started_at), Some(began_at)) = (session.started_at, self.round.began_at) else {
            return;
        };
        let before = session.waited_ms.saturating_add(self.worked_at_end_ms);
        let worked = millis(elapsed(started_at, now)).saturating_sub(before);
        let waited_ms = millis(elapsed(began_at, now)).saturating_sub(worked);
        self.round.waited_ms = self.round.waited_ms.max(waited_ms);
    }

    /// `reason` is what was waited for.
    fn decide(&mut self, decision: &Decision, reason: Option<&WaitReason>) {
        match decision {
            Decision::Calls { verdicts } => {
                for verdict in verdicts.iter().filter(|word| word.verdict == Verdict::Approve) {
                    if let Some(call) = self.call(&verdict.call_id) {
                        call.is_approved = true;
                        if let Some(arguments) = &verdict.arguments {
                            call.arguments = arguments.into();
                        }
                    }
                }
            }
            Decision::Answer { values } => {
                if let Some(WaitReason::Question { call_id, by: Some(by), .. }) = reason
                    && let Some(call) = self.call(call_id)
                {
                    let resume = by.resume.clone();
                    call.answer = Some(Box::new(Answered { resume, values: values.clone() }));
                }
            }
            Decision::Outcome { choice: OutcomeChoice::Repeat } => {
                // The one that was asked about: of each other one a person decides apart.
                if let Some(WaitReason::UnknownOutcome { call, .. }) = reason
                    && let Some(call) = self.call(&call.call_id)
                {
                    call.is_begun = false;
                }
            }
            Decision::Budget { choice: BudgetChoice::Raise { by, unit } } => {
                // The budgets of the month are kept by the store; the session's own limit is here.
                let is_own = matches!(
                    reason,
                    Some(WaitReason::Budget { shortfall, .. })
                        if shortfall.scope == BudgetScope::Session
                );
                if is_own {
                    self.round.raise(*by, *unit);
                }
            }
            Decision::Budget { choice: BudgetChoice::Cheaper } => self.is_cheaper = true,
            Decision::Budget { choice: BudgetChoice::GoOn | BudgetChoice::End }
            | Decision::Outcome { .. } => {}
        }
    }

    /// The newest call of that id.
    fn call(&mut self, call_id: &str) -> Option<&mut CallRecord> {
        let calls = self.steps.iter_mut().rev().flat_map(|step| &mut step.calls);
        calls.into_iter().find(|call| call.call_id == call_id)
    }

    /// What comes next.
    pub fn next(&self) -> Next {
        if let Some(state) = self.ended {
            return Next::Over(state);
        }
        match self.steps.last() {
            None => Next::Step { number: 1, attempt: 1 },
            Some(step) if step.is_complete && step.calls.is_empty() && !self.has_unheard() => {
                Next::Answered
            }
            Some(step) if step.is_complete => Next::Step { number: step.number + 1, attempt: 1 },
            Some(step) if !step.calls.is_empty() => Next::Tools,
            Some(step) => Next::Step { number: step.number, attempt: step.attempt + 1 },
        }
    }

    /// Whether people said something that no step has heard yet.
    pub fn has_unheard(&self) -> bool {
        !self.unheard.is_empty()
    }

    /// What the open step has used: all that no complete step has.
    pub fn open_usage(&self) -> Usage {
        let mut open = self.used;
        for step in self.steps.iter().filter(|step| step.is_complete) {
            open.input_tokens = open.input_tokens.saturating_sub(step.usage.input_tokens);
            open.output_tokens = open.output_tokens.saturating_sub(step.usage.output_tokens);
            open.cost.0 = open.cost.0.saturating_sub(step.usage.cost.0).max(0);
        }
        open
    }

    /// The calls of the open step that have no result.
    pub fn open_calls(&self) -> Vec<CallRecord> {
        match self.steps.last() {
            Some(step) if !step.is_complete => {
                step.calls.iter().filter(|call| call.result.is_none()).cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The text of a message that a person can pin. `None`: the number is that of something else.
    pub fn message(&self, number: i64) -> Option<&str> {
        let unheard = self.unheard.iter().map(Said::numbered);
        let mut messages = self.steps.iter().flat_map(StepRecord::messages).chain(unheard);
        messages.find(|(known, _)| *known == number).map(|(_, text)| text)
    }

    /// What the person said last that began or steered the round. `None`: the goal began it.
    pub fn newest_word(&self) -> Option<&Said> {
        let heard = self.round_steps().flat_map(|step| &step.heard);
        heard.chain(&self.unheard).last()
    }

    /// Tool calls of the round that failed.
    pub fn failed_calls(&self) -> usize {
        let calls = self.round_steps().flat_map(|step| &step.calls);
        calls.filter(|call| matches!(call.result, Some((ToolOutcome::Error, _)))).count()
    }

    /// The steps of the round.
    pub fn round_steps(&self) -> impl Iterator<Item = &StepRecord> {
        self.steps.iter().filter(|step| step.number >= self.round.first_step)
    }
}

#[cfg(test)]
mod tests;
