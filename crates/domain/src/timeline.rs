//! A session as people look at it: its events folded into steps, the same on the server, in the
//! browser and in a replay.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::SessionId;
use crate::model::ModelChoice;
use crate::session::{SessionState, Usage};
use crate::session_event::{EventBody, SessionEvent, ToolOutcome, head_of};
use crate::waiting::{Decision, Wait, WaitReason};

/// The steps of a session so far, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// The steps in order.
    pub steps: Vec<TimelineStep>,
    /// The model that answers.
    pub model: Option<String>,
    /// Who answers: `builtin` or `openai`.
    pub provider: Option<String>,
    /// Whether a model was chosen whose price nobody has told: what all of it costs is an estimate then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cost_presumed: bool,
    /// Faults that belong to no step.
    pub errors: Vec<String>,
    /// What the session waits for.
    pub waiting: Option<Wait>,
    /// What a person decided last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    /// For how long it has waited in the round under way, in milliseconds.
    pub waited_ms: u64,
    /// For how long people have kept it waiting, in all rounds, in milliseconds.
    #[serde(default)]
    pub people_ms: u64,
    /// What people said that no step has heard yet.
    pub unheard: Vec<TimelineMessage>,
    /// When the round under way began: by its first step, or by what opened it again.
    #[serde(default)]
    pub began_at: Option<Timestamp>,
    /// For how long it worked in the rounds before, in milliseconds.
    #[serde(default)]
    pub worked_before_ms: u64,
    /// How it ended.
    pub end: Option<TimelineEnd>,
    /// The number of the newest event taken in.
    pub last_sequence: i64,
}

/// A decision, and the pause that it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// The number of the event that began the pause.
    pub waiting: i64,
    /// What was decided.
    pub decision: Decision,
}

/// One turn of the loop.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TimelineStep {
    /// Its number, from 1.
    pub step: u32,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// What people said before it.
    pub messages: Vec<TimelineMessage>,
    /// The model that answers from here on, when it is another than before.
    pub model: Option<ModelChoice>,
    /// What the model is told in the place of earlier steps, when that was made here.
    pub summary: Option<TimelineSummary>,
    /// The model's reasoning so far.
    pub thinking: String,
    /// The tool calls, in the order in which they were asked for.
    pub calls: Vec<TimelineCall>,
    /// The model's answer so far.
    pub output: String,
    /// Faults within the step.
    pub errors: Vec<String>,
    /// What it used, once it is over.
    pub usage: Option<Usage>,
    /// How long it took, once it is over, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The number of the event that ended it.
    #[serde(default)]
    pub sequence: Option<i64>,
    /// Whether a person wants it tried again: until it begins anew, it shows what it had come to, which is
    /// part of the conversation no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_void: bool,
}

impl TimelineStep {
    /// Whether the step is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.duration_ms.is_some()
    }
}

/// A person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineMessage {
    /// The number of its event.
    #[serde(default)]
    pub sequence: i64,
    /// The text.
    pub text: String,
    /// Material for it.
    pub context: Option<String>,
}

/// The middle of the conversation, told shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineSummary {
    /// The first step that it stands for.
    pub from_step: u32,
    /// The last step that it stands for.
    pub through_step: u32,
    /// The summary.
    pub text: String,
    /// Who wrote it, as `provider:model`.
    pub by: String,
    /// Why it was this model; empty in older sessions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The tokens of what it stands for.
    pub tokens_before: u64,
    /// Its own tokens.
    pub tokens_after: u64,
    /// How many messages of these steps stay word for word, because a person pinned them.
    #[serde(default)]
    pub pinned: u32,
}

/// A tool call and, when it is there, its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineCall {
    /// Joins call and result.
    pub call_id: String,
    /// The tool's name.
    pub tool: String,
    /// What it was called with: a person may have changed what the model asked for.
    pub arguments: Value,
    /// Whether a person changed the arguments.
    #[serde(default)]
    pub is_edited: bool,
    /// The session that it started, when it called another agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What it answered.
    pub result: Option<TimelineResult>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineResult {
    /// The number of its event.
    #[serde(default)]
    pub sequence: i64,
    /// How it went.
    pub outcome: ToolOutcome,
    /// The answer's text, or the head of one that is too long to be shown whole.
    pub content: String,
    /// How many characters the whole has, where this is its head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<u64>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEnd {
    /// The final state.
    pub state: SessionState,
    /// Why, when the state alone does not say.
    pub reason: Option<String>,
    /// What the whole session used.
    pub usage: Usage,
    /// The time of work since the round began, in milliseconds.
    pub duration_ms: u64,
    /// The time of the round that people took to decide, in milliseconds.
    pub waited_ms: u64,
}

impl Timeline {
    /// Folds a whole log.
    pub fn from_events(events: impl IntoIterator<Item = SessionEvent>) -> Self {
        let mut timeline = Self::default();
        for event in events {
            timeline.apply(event);
        }
        timeline
    }

    /// Takes in the next event. An event that was taken in before changes nothing, so a stream may
    /// overlap what is already there.
    pub fn apply(&mut self, event: SessionEvent) {
        if event.sequence <= self.last_sequence {
            return;
        }
        self.last_sequence = event.sequence;
        match event.body {
            EventBody::SessionStart { provider, model } => {
                self.provider = Some(provider);
                self.model = Some(model);
            }
            EventBody::StepStart { step, attempt } => {
                self.end_wait(event.at);
                self.began_at.get_or_insert(event.at);
                self.start(step, attempt);
            }
            EventBody::ModelChoice { step, choice } => {
                self.provider = Some(choice.provider.clone());
                self.model = Some(choice.model.clone());
                self.is_cost_presumed |= choice.is_price_presumed;
                self.step(step).model = Some(choice);
            }
            EventBody::ContextSummary {
                step,
                from_step,
                through_step,
                text,
                by,
                reason,
                tokens_before,
                tokens_after,
                pinned,
                usage: _,
            } => {
                self.step(step).summary = Some(TimelineSummary {
                    from_step,
                    through_step,
                    text,
                    by,
                    reason,
                    tokens_before,
                    tokens_after,
                    pinned,
                });
            }
            EventBody::Message { text, context } => {
                self.open_round(event.at);
                self.unheard.push(TimelineMessage { sequence: event.sequence, text, context });
            }
            EventBody::Retry { step } => {
                self.open_round(event.at);
                if let Some(last) = self.steps.last_mut().filter(|last| last.step == step) {
                    last.is_void = true;
                }
            }
            // The steps before it happened in another session, at another time.
            EventBody::Fork { .. } => (self.end, self.began_at) = (None, None),
            EventBody::Thinking { step, delta } => self.step(step).thinking.push_str(&delta),
            EventBody::Output { step, delta } => self.step(step).output.push_str(&delta),
            EventBody::ToolCall { step, call_id, tool, arguments, .. } => {
                let (is_edited, session, result) = (false, None, None);
                let call = TimelineCall { call_id, tool, arguments, is_edited, session, result };
                self.step(step).calls.push(call);
            }
            EventBody::ToolStart { .. } => {}
            EventBody::ToolResult { step, call_id, outcome, content, duration_ms, .. } => {
                let (content, whole) = match head_of(&content) {
                    Some((head, whole)) => (head.to_owned(), Some(whole)),
                    None => (content, None),
                };
                let sequence = event.sequence;
                let result = TimelineResult { sequence, outcome, content, whole, duration_ms };
                self.take_result(step, &call_id, result, event.at);
            }
            EventBody::StepComplete { step, usage, duration_ms } => {
                let step = self.step(step);
                step.usage = Some(usage);
                step.duration_ms = Some(duration_ms);
                step.sequence = Some(event.sequence);
            }
            EventBody::Waiting { reason } => {
                self.link_calls(&reason);
                self.waiting = Some(Wait { sequence: event.sequence, since: event.at, reason });
            }
            EventBody::Decision { waiting, decision } => {
                self.end_wait(event.at);
                self.edit_calls(&decision);
                self.settled = Some(Settled { waiting, decision });
            }
            EventBody::Error { step: Some(step), message, .. } => {
                self.step(step).errors.push(message);
            }
            EventBody::Error { step: None, message, .. } => self.errors.push(message),
            EventBody::Done { state, reason, usage, duration_ms, waited_ms } => {
                self.end_wait(event.at);
                self.end = Some(TimelineEnd { state, reason, usage, duration_ms, waited_ms });
            }
        }
    }

    /// Gives a call its result, and ends the wait for it.
    fn take_result(&mut self, step: u32, call_id: &str, result: TimelineResult, at: Timestamp) {
        let calls = &mut self.step(step).calls;
        if let Some(call) = calls.iter_mut().find(|call| call.call_id == call_id) {
            call.result = Some(result);
        }
        let has_result = |id: &str| {
            let mut calls = self.steps.iter().flat_map(|step| &step.calls);
            calls.any(|call| call.call_id == id && call.result.is_some())
        };
        if self.waiting.as_ref().is_some_and(|wait| wait.reason.is_answered(has_result)) {
            self.end_wait(at);
        }
    }

    /// What the finished steps have used, or the whole session once it is over.
    #[must_use]
    pub fn usage(&self) -> Usage {
        if let Some(end) = &self.end {
            return end.usage;
        }
        let mut sum = Usage::default();
        for usage in self.steps.iter().filter_map(|step| step.usage) {
            sum += usage;
        }
        sum
    }

    /// The answer: the output of the last step that wrote one.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        let step = self.steps.iter().rev().find(|step| !step.output.is_empty())?;
        Some(&step.output)
    }

    /// The answer to the goal alone, and all of it: none where people said more, where it is cut, and where the
    /// session came to no good end.
    #[must_use]
    pub fn answer_to_goal(&self) -> Option<&str> {
        let end = self.end.as_ref()?;
        let is_whole = end.state == SessionState::Completed && end.reason.is_none();
        let is_told_more = self.steps.iter().any(|step| !step.messages.is_empty());
        self.answer().filter(|_| is_whole && !is_told_more)
    }

    /// A step begins, for the first time or anew: what people said meanwhile reaches it.
    fn start(&mut self, step: u32, attempt: u32) {
        let mut fresh = TimelineStep { step, attempt, ..TimelineStep::default() };
        let known = self.steps.iter_mut().find(|known| known.step == step);
        if let Some(known) = &known {
            fresh.messages.clone_from(&known.messages);
            fresh.model.clone_from(&known.model);
            fresh.summary.clone_from(&known.summary);
        }
        fresh.messages.append(&mut self.unheard);
        match known {
            Some(known) => *known = fresh,
            None => self.steps.push(fresh),
        }
    }

    /// A session that was over goes on.
    fn open_round(&mut self, at: Timestamp) {
        if let Some(end) = self.end.take() {
            self.worked_before_ms += end.duration_ms;
            self.began_at = Some(at);
            self.waited_ms = 0;
        }
    }

    fn end_wait(&mut self, at: Timestamp) {
        if let Some(wait) = self.waiting.take() {
            let waited_ms = wait.ended_after_ms(at);
            self.waited_ms += waited_ms;
            if wait.reason.needs_person() {
                self.people_ms += waited_ms;
            }
        }
    }

    /// Notes which sessions the calls of other agents have started.
    fn link_calls(&mut self, reason: &WaitReason) {
        let WaitReason::Agents { step, calls: started } = reason else { return };
        for call in &mut self.step(*step).calls {
            let found = started.iter().find(|started| started.call_id == call.call_id);
            call.session = found.map(|started| started.session_id).or(call.session);
        }
    }

    fn edit_calls(&mut self, decision: &Decision) {
        let Decision::Calls { verdicts } = decision else { return };
        for verdict in verdicts {
            let calls = self.steps.iter_mut().flat_map(|step| &mut step.calls);
            if let Some(arguments) = &verdict.arguments
                && let Some(call) = calls.into_iter().find(|call| call.call_id == verdict.call_id)
            {
                call.arguments = arguments.clone();
                call.is_edited = true;
            }
        }
    }

    fn step(&mut self, step: u32) -> &mut TimelineStep {
        let known = self.steps.iter().position(|known| known.step == step);
        let at = known.unwrap_or_else(|| {
            self.steps.push(TimelineStep { step, attempt: 1, ..TimelineStep::default() });
            self.steps.len() - 1
        });
        &mut self.steps[at]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Span;

    use super::*;
    use crate::form::Form;

    fn events(bodies: Vec<EventBody>) -> Vec<SessionEvent> {
        (1..)
            .zip(bodies)
            .map(|(sequence, body)| SessionEvent {
                sequence,
                at: "2026-01-02T03:04:00Z".parse::<Timestamp>().unwrap()
                    + Span::new().seconds(sequence),
                body,
            })
            .collect()
    }

    fn output(step: u32, delta: &str) -> EventBody {
        EventBody::Output { step, delta: delta.to_owned() }
    }

    #[test]
    fn an_event_heard_twice_counts_once() {
        let log = events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            output(1, "a"),
            output(1, "b"),
        ]);
        let once = Timeline::from_events(log.clone());
        let mut twice = Timeline::from_events(log.clone());
        for event in log {
            twice.apply(event);
        }
        assert_eq!(once, twice);
        assert_eq!(once.answer(), Some("ab"));
    }

    #[test]
    fn what_was_decided_last_is_known_by_its_pause() {
        let question = || WaitReason::Question {
            step: 1,
            call_id: "call01001".to_owned(),
            question: "Where to?".to_owned(),
            form: Form::default(),
            by: None,
        };
        let decision = Decision::Answer { values: None };
        let timeline = Timeline::from_events(events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            EventBody::Waiting { reason: question() },
            EventBody::Decision { waiting: 2, decision: decision.clone() },
            EventBody::Waiting { reason: question() },
        ]));
        assert_eq!(timeline.settled, Some(Settled { waiting: 2, decision }));
        assert_eq!(timeline.waiting.map(|wait| wait.sequence), Some(4));
    }

    #[test]
    fn what_people_took_is_counted_apart_from_what_agents_did_and_in_all_rounds() {
        let question = WaitReason::Question {
            step: 1,
            call_id: "call01001".to_owned(),
            question: "Where to?".to_owned(),
            form: Form::default(),
            by: None,
        };
        let agents = WaitReason::Agents { step: 1, calls: Vec::new() };
        let done = EventBody::Done {
            state: SessionState::Completed,
            reason: None,
            usage: Usage::default(),
            duration_ms: 1,
            waited_ms: 1,
        };
        let message = EventBody::Message { text: "And now?".to_owned(), context: None };
        let timeline = Timeline::from_events(events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            EventBody::Waiting { reason: question },
            EventBody::Decision { waiting: 2, decision: Decision::Answer { values: None } },
            EventBody::Waiting { reason: agents },
            EventBody::StepStart { step: 2, attempt: 1 },
            done,
            message,
        ]));
        assert_eq!((timeline.waited_ms, timeline.people_ms), (0, 1_000));
    }

    #[test]
    fn what_was_paid_at_a_price_that_nobody_told_stays_an_estimate() {
        let choice = |is_price_presumed| ModelChoice {
            tier: None,
            provider: "anthropic".to_owned(),
            model: "claude-next-9".to_owned(),
            reason: "the agent names it".to_owned(),
            score: Vec::new(),
            is_price_presumed,
        };
        let chosen = |is_presumed| EventBody::ModelChoice { step: 1, choice: choice(is_presumed) };
        let begun = EventBody::StepStart { step: 1, attempt: 1 };
        let log = |choices: Vec<EventBody>| {
            let timeline = Timeline::from_events(events([vec![begun.clone()], choices].concat()));
            timeline.is_cost_presumed
        };
        assert!(!log(vec![chosen(false)]));
        assert!(log(vec![chosen(false), chosen(true), chosen(false)]));
    }

    #[test]
    fn a_step_begun_anew_forgets_its_first_attempt() {
        let timeline = Timeline::from_events(events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            output(1, "half an ans"),
            EventBody::StepStart { step: 1, attempt: 2 },
            output(1, "an answer"),
        ]));
        assert_eq!(timeline.steps.len(), 1);
        assert_eq!(timeline.answer(), Some("an answer"));
        assert_eq!(timeline.steps[0].attempt, 2);
    }

    #[test]
    fn a_word_stands_before_the_step_that_hears_it_and_opens_a_new_round() {
        let message = |text: &str| EventBody::Message { text: text.to_owned(), context: None };
        let done = EventBody::Done {
            state: SessionState::Completed,
            reason: None,
            usage: Usage::default(),
            duration_ms: 1,
            waited_ms: 0,
        };
        let mut log = vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            message("shorter"),
            output(1, "an answer"),
            EventBody::StepStart { step: 2, attempt: 1 },
            done,
            message("and now?"),
        ];
        let timeline = Timeline::from_events(events(log.clone()));
        assert_eq!(timeline.steps[1].messages[0].text, "shorter");
        assert_eq!((timeline.end, timeline.unheard.len()), (None, 1));
        assert_eq!(timeline.worked_before_ms, 1);
        assert_eq!(timeline.began_at, Some("2026-01-02T03:04:06Z".parse().unwrap()));
        log.push(EventBody::StepStart { step: 3, attempt: 1 });
        log.push(EventBody::StepStart { step: 3, attempt: 2 });
        let timeline = Timeline::from_events(events(log));
        assert_eq!(timeline.steps[2].messages[0].text, "and now?");
        assert!(timeline.unheard.is_empty());
    }

    #[test]
    fn the_answer_to_the_goal_is_whole_and_to_nothing_else() {
        let done = |state, reason: Option<&str>| EventBody::Done {
            state,
            reason: reason.map(str::to_owned),
            usage: Usage::default(),
            duration_ms: 1,
            waited_ms: 0,
        };
        let well = || done(SessionState::Completed, None);
        let cut = done(SessionState::Completed, Some("the answer is cut"));
        let said = EventBody::Message { text: "And 2 + 2?".to_owned(), context: None };
        let step = |step, text| [EventBody::StepStart { step, attempt: 1 }, output(step, text)];
        let once = |end: Option<EventBody>| -> Vec<EventBody> {
            step(1, "4").into_iter().chain(end).collect()
        };
        let twice = [well(), said.clone()].into_iter().chain(step(2, "5")).chain([well()]);
        let told: Vec<EventBody> = step(1, "4").into_iter().chain([well(), said]).collect();
        for (log, answer) in [
            (once(Some(well())), Some("4")),
            (once(None), None),
            (once(Some(cut)), None),
            (once(Some(done(SessionState::Failed, None))), None),
            (told, None),
            (step(1, "4").into_iter().chain(twice).collect(), None),
        ] {
            let timeline = Timeline::from_events(events(log));
            assert_eq!(timeline.answer_to_goal(), answer, "{timeline:?}");
        }
    }

    #[test]
    fn a_step_that_is_tried_again_is_void_until_it_begins_anew() {
        let complete =
            |step| EventBody::StepComplete { step, usage: Usage::default(), duration_ms: 1 };
        let mut log = vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            output(1, "one"),
            complete(1),
            EventBody::StepStart { step: 2, attempt: 1 },
            output(2, "two"),
            complete(2),
            EventBody::Done {
                state: SessionState::Failed,
                reason: None,
                usage: Usage::default(),
                duration_ms: 1,
                waited_ms: 0,
            },
            EventBody::Retry { step: 2 },
        ];
        let void = |log: &[EventBody]| {
            let steps = Timeline::from_events(events(log.to_vec())).steps;
            steps.iter().map(|step| step.is_void).collect::<Vec<_>>()
        };
        assert_eq!(void(&log[..7]), [false, false]);
        assert_eq!(void(&log), [false, true]);
        log.push(EventBody::StepStart { step: 2, attempt: 2 });
        assert_eq!(void(&log), [false, false]);
    }

    #[test]
    fn results_find_their_calls() {
        let call = |id: &str| EventBody::ToolCall {
            step: 1,
            call_id: id.to_owned(),
            tool: "calculator".to_owned(),
            arguments: Value::Null,
            provider_data: None,
        };
        let timeline = Timeline::from_events(events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            call("a"),
            call("b"),
            EventBody::ToolResult {
                step: 1,
                call_id: "b".to_owned(),
                tool: "calculator".to_owned(),
                outcome: ToolOutcome::Ok,
                content: "4".to_owned(),
                duration_ms: 1,
            },
        ]));
        let calls = &timeline.steps[0].calls;
        assert!(calls[0].result.is_none());
        assert_eq!(calls[1].result.as_ref().unwrap().content, "4");
    }
}
