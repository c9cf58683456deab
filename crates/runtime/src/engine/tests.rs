//! The loop against models and tools that follow a script.

mod asking;
mod choosing;
mod falling_back;
mod inputs;
mod long_results;
mod many_calls;
mod people;
mod summaries;
mod takeover;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use resonant_domain::agent::{Avatar, Limits, ModelPolicy, ToolGrant};
use resonant_domain::ids::{AgentId, SessionId, UserId};
use resonant_domain::session::Priority;
use resonant_domain::timeline::Timeline;
use serde_json::{Value, json};

use super::*;
use crate::clock::FixedClock;
use crate::models::{
    CallRequest, FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest, ReplyStream,
};
use crate::tools::{Tool, ToolContext, ToolError, ToolFuture};

/// One piece of a scripted reply, and the wait before it.
type Beat = (u64, Result<ModelPiece, ModelError>);

/// Gives the reply that belongs to the number of tool results it is shown.
struct Script {
    replies: Mutex<Vec<VecDeque<Vec<Beat>>>>,
    requests: Mutex<Vec<ModelRequest>>,
    open: Arc<AtomicUsize>,
}

impl Script {
    /// `turns[n]` are the replies of turn n, one for each attempt; the last one is repeated.
    fn new(turns: Vec<Vec<Vec<Beat>>>) -> Arc<Self> {
        Arc::new(Self {
            replies: Mutex::new(turns.into_iter().map(VecDeque::from).collect()),
            requests: Mutex::default(),
            open: Arc::default(),
        })
    }
}

struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Model for Script {
    fn provider(&self) -> &'static str {
        "openai"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        let turn =
            request.messages.iter().filter(|m| matches!(m, Message::Assistant { .. })).count();
        self.requests.lock().unwrap().push(request);
        let mut replies = self.replies.lock().unwrap();
        let turn = turn.min(replies.len() - 1);
        let beats = if replies[turn].len() > 1 {
            replies[turn].pop_front().unwrap()
        } else {
            replies[turn][0].clone()
        };
        self.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(self.open.clone());
        stream::unfold((beats.into_iter(), open), |(mut beats, open)| async move {
            let (wait, piece) = beats.next()?;
            if wait > 0 {
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Some((piece, (beats, open)))
        })
        .boxed()
    }
}

fn output(text: &str) -> Beat {
    (0, Ok(ModelPiece::Output(text.to_owned())))
}

fn usage() -> Usage {
    Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() }
}

fn finish(reason: FinishReason) -> Beat {
    (0, Ok(ModelPiece::Finish { calls: Vec::new(), usage: usage(), reason }))
}

fn calls(calls: &[(&str, Value)]) -> Beat {
    let calls = calls
        .iter()
        .map(|(tool, arguments)| CallRequest {
            // The same id every time, as some servers do.
            call_id: "call_0".to_owned(),
            tool: (*tool).to_owned(),
            arguments: arguments.clone(),
            provider_data: None,
        })
        .collect();
    (0, Ok(ModelPiece::Finish { calls, usage: usage(), reason: FinishReason::ToolCalls }))
}

fn answer(text: &str) -> Vec<Beat> {
    vec![output(text), finish(FinishReason::Stop)]
}

/// What the scripted tool does: `{"do": …}`.
#[derive(Clone, Default)]
struct Effects {
    called: Arc<Mutex<Vec<String>>>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Tool for Effects {
    fn name(&self) -> &'static str {
        "calculator"
    }

    fn description(&self) -> &'static str {
        "follows orders"
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": { "do": { "type": "string" }, "ms": { "type": "integer" } },
            "required": ["do"],
            "additionalProperties": false,
        })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let order = arguments["do"].as_str().unwrap_or_default();
            self.called.lock().unwrap().push(order.to_owned());
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            let _running = Open(self.running.clone());
            tokio::time::sleep(Duration::from_millis(arguments["ms"].as_u64().unwrap_or(0))).await;
            match order {
                "fail" => Err(ToolError::Failed("it broke".to_owned())),
                "panic" => panic!("the tool panics"),
                "sources" => {
                    let mut sources: Vec<_> = context.sources.keys().cloned().collect();
                    sources.sort();
                    Ok(sources.join(","))
                }
                order => Ok(format!("did {order}\0")),
            }
        })
    }
}

/// A log that remembers where each append ended, and can lose its lease.
#[derive(Default)]
struct TestLog {
    events: Mutex<Vec<SessionEvent>>,
    ends: Mutex<Vec<usize>>,
    used: Mutex<Usage>,
    usages: Mutex<Vec<Usage>>,
    fenced_after: Option<usize>,
    /// The step whose answer a person pins as soon as it is there.
    pinned_step: Option<u32>,
    /// What a person writes before each of the next appends.
    said_meanwhile: Mutex<VecDeque<Option<EventBody>>>,
    /// When each append happened, in virtual milliseconds.
    at_ms: Mutex<Vec<u64>>,
    began: Mutex<Option<Instant>>,
}

impl SessionLog for TestLog {
    fn append(
        &self,
        after: i64,
        entries: Vec<EventBody>,
        usage: Usage,
    ) -> BoxFuture<'_, Result<Vec<SessionEvent>, LogError>> {
        let mut ends = self.ends.lock().unwrap();
        if self.fenced_after.is_some_and(|most| ends.len() >= most) {
            return Box::pin(async { Err(LogError::Fenced) });
        }
        assert!(!entries.is_empty() || usage != Usage::default(), "an empty append");
        let began = *self.began.lock().unwrap().get_or_insert_with(Instant::now);
        self.at_ms.lock().unwrap().push(millis(began.elapsed()));
        let mut events = self.events.lock().unwrap();
        let is_over = events.iter().fold(false, |is_over, event| match event.body {
            EventBody::Done { .. } => true,
            EventBody::Message { .. } | EventBody::Retry { .. } => false,
            _ => is_over,
        });
        assert!(!is_over, "written after the end");
        if let Some(Some(said)) = self.said_meanwhile.lock().unwrap().pop_front() {
            let sequence = events.last().map_or(1, |event| event.sequence + 1);
            events.push(SessionEvent { sequence, at: start(), body: said });
        }
        if events.last().map_or(0, |event| event.sequence) != after {
            let moved = events.iter().filter(|event| event.sequence > after).cloned().collect();
            ends.push(events.len());
            return Box::pin(async { Err(LogError::Moved { events: moved, refused: entries }) });
        }
        let first = events.last().map_or(1, |event| event.sequence + 1);
        let new: Vec<_> = (first..)
            .zip(entries)
            .map(|(sequence, body)| SessionEvent { sequence, at: start(), body })
            .collect();
        events.extend(new.iter().cloned());
        ends.push(events.len());
        *self.used.lock().unwrap() += usage;
        self.usages.lock().unwrap().push(*self.used.lock().unwrap());
        Box::pin(async move { Ok(new) })
    }

    fn pins(&self) -> BoxFuture<'_, Result<Option<Vec<i64>>, LogError>> {
        let is_pinned = |event: &SessionEvent| matches!(event.body, EventBody::StepComplete { step, .. } if Some(step) == self.pinned_step);
        let found = self.events().into_iter().find(is_pinned);
        let pins = found.map(|event| vec![event.sequence]);
        Box::pin(async move { Ok(pins) })
    }
}

impl TestLog {
    /// What the next worker finds.
    fn left_behind(&self) -> Self {
        let used = *self.used.lock().unwrap();
        Self { events: Mutex::new(self.events()), used: Mutex::new(used), ..Self::default() }
    }

    fn events(&self) -> Vec<SessionEvent> {
        self.events.lock().unwrap().clone()
    }

    fn names(&self) -> Vec<&'static str> {
        self.events().iter().map(|event| event.body.name()).collect()
    }

    fn timeline(&self) -> Timeline {
        Timeline::from_events(self.events())
    }

    fn reason(&self) -> String {
        self.timeline().end.and_then(|end| end.reason).unwrap_or_default()
    }
}

fn start() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn limits() -> Limits {
    Limits { max_steps: 10, max_tokens: 4_000, timeout_seconds: 120, max_cost_micro_usd: None }
}

fn session(limits: Limits) -> Session {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    Session {
        id: id.parse::<SessionId>().unwrap(),
        owner_id: id.parse::<UserId>().unwrap(),
        agent_id: id.parse::<AgentId>().unwrap(),
        agent_version: None,
        agent_name: "Tester".to_owned(),
        agent_avatar: Avatar::default(),
        goal: "Go".to_owned(),
        context: Some("notes".to_owned()),
        state: SessionState::Running,
        reason: None,
        limits,
        priority: Priority::Normal,
        run_at: None,
        usage: Usage::default(),
        steps: 0,
        model: None,
        waiting: None,
        waited_ms: 0,
        parent: None,
        called_by: None,
        started_by: None,
        thumb: None,
        pins: Vec::new(),
        variables: std::collections::BTreeMap::new(),
        is_test: false,
        last_sequence: 0,
        created_at: start(),
        started_at: Some(start()),
        ended_at: None,
    }
}

fn run_of(limits: Limits, history: Vec<SessionEvent>, usage: Usage) -> Run {
    Run {
        session: Session { usage, ..session(limits) },
        agent: AgentSpec {
            name: "Tester".to_owned(),
            tools: vec![ToolGrant::new("calculator")],
            ..AgentSpec::default()
        },
        history,
    }
}

fn engine(script: &Arc<Script>, effects: &Effects) -> Engine {
    let model: Arc<dyn Model> = script.clone();
    Engine::new(
        Models::with_language_model(model, "scripted"),
        Tools::empty().with(Arc::new(effects.clone())),
        Arc::new(FixedClock::new(start())),
    )
}

async fn run(script: &Arc<Script>, effects: &Effects, limits: Limits) -> (Outcome, TestLog) {
    let log = TestLog::default();
    let run = run_of(limits, Vec::new(), Usage::default());
    let outcome = engine(script, effects).run(run, &log, Signals::default()).await.unwrap();
    (outcome, log)
}

const COMPLETED: Outcome = Outcome::Ended(SessionState::Completed);
const FAILED: Outcome = Outcome::Ended(SessionState::Failed);

#[tokio::test(start_paused = true)]
async fn a_session_goes_from_goal_to_answer() {
    let script = Script::new(vec![
        vec![vec![
            (0, Ok(ModelPiece::Thinking("I need ".to_owned()))),
            (0, Ok(ModelPiece::Thinking("two things".to_owned()))),
            calls(&[
                ("calculator", json!({"do": "slow", "ms": 100})),
                ("calculator", json!({"do": "quick"})),
            ]),
        ]],
        vec![vec![calls(&[("calculator", json!({"do": "sources"}))])]],
        vec![answer("42")],
    ]);
    let (outcome, log) = run(&script, &Effects::default(), limits()).await;
    assert_eq!(outcome, COMPLETED);
    assert_eq!(
        log.names(),
        [
            "session_start",
            "step_start",
            "model_choice",
            "thinking",
            "tool_call",
            "tool_call",
            "tool_result",
            "tool_result",
            "step_complete",
            "step_start",
            "tool_call",
            "tool_result",
            "step_complete",
            "step_start",
            "output",
            "step_complete",
            "done"
        ]
    );
    let timeline = log.timeline();
    assert_eq!(timeline.answer(), Some("42"));
    assert_eq!(timeline.usage(), Usage { input_tokens: 30, output_tokens: 15, ..Usage::default() });
    assert_eq!(timeline.usage(), *log.used.lock().unwrap());
    // Results stand in the order of arrival in the log and in the order of calls in the message.
    assert!(
        matches!(&log.events()[6].body, EventBody::ToolResult { content, .. } if content == "did quick")
    );
    let requests = script.requests.lock().unwrap();
    assert!(
        matches!(&requests[1].messages[2], Message::Tool { content, .. } if content == "did slow")
    );
    assert_eq!(
        timeline.steps[1].calls[0].result.as_ref().unwrap().content,
        "call01001,call01002,context,context_0"
    );
    // Ids are the loop's own: the model used the same one for every call.
    assert_eq!(timeline.steps[1].calls[0].call_id, "call02001");
}

#[tokio::test(start_paused = true)]
async fn tools_run_side_by_side_eight_at_a_time() {
    let many: Vec<_> =
        (0..20).map(|i| ("calculator", json!({"do": i.to_string(), "ms": 100}))).collect();
    let script = Script::new(vec![vec![vec![calls(&many)]], vec![answer("done")]]);
    let effects = Effects::default();
    let began = Instant::now();
    let (outcome, log) = run(&script, &effects, limits()).await;
    assert_eq!(outcome, COMPLETED);
    assert_eq!(effects.most.load(Ordering::SeqCst), 8);
    assert_eq!(log.names().iter().filter(|name| **name == "tool_result").count(), 20);
    // Three rounds of 100 ms.
    assert!(
        began.elapsed() >= Duration::from_millis(300)
            && began.elapsed() < Duration::from_millis(320)
    );
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_in_a_tool_is_a_result() {
    let script = Script::new(vec![
        vec![vec![calls(&[
            ("calculator", json!({"do": "fail"})),
            ("calculator", json!({"do": "panic"})),
            ("calculator", json!({"do": "hang", "ms": 60_000})),
            ("calculator", json!({"wrong": 1})),
            ("calculator", json!("{oops")),
            ("teleport", json!({})),
            ("calculator", json!({"do": "well"})),
        ])]],
        vec![answer("still here")],
    ]);
    let (outcome, log) = run(&script, &Effects::default(), limits()).await;
    assert_eq!(outcome, COMPLETED);
    let timeline = log.timeline();
    let results: Vec<_> =
        timeline.steps[0].calls.iter().map(|call| call.result.clone().unwrap()).collect();
    for (result, (outcome, part)) in results.iter().zip([
        (ToolOutcome::Error, "it broke"),
        (ToolOutcome::Error, "a defect of ours"),
        (ToolOutcome::Error, "no answer within 2 s"),
        (ToolOutcome::Error, ""),
        (ToolOutcome::Error, ""),
        (ToolOutcome::Error, "there is no tool `teleport`; the tools are: calculator"),
        (ToolOutcome::Ok, "did well"),
    ]) {
        assert_eq!(result.outcome, outcome, "{result:?}");
        assert!(result.content.contains(part) && !result.content.is_empty(), "{result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_was_not_granted_is_not_called() {
    let script = Script::new(vec![
        vec![vec![calls(&[("calculator", json!({"do": "x"}))])]],
        vec![answer("ok")],
    ]);
    let effects = Effects::default();
    let log = TestLog::default();
    let mut run = run_of(limits(), Vec::new(), Usage::default());
    run.agent.tools.clear();
    engine(&script, &effects).run(run, &log, Signals::default()).await.unwrap();
    assert!(effects.called.lock().unwrap().is_empty());
    let timeline = log.timeline();
    assert!(
        timeline.steps[0].calls[0].result.as_ref().unwrap().content.contains("was not granted")
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_model_is_written_every_fifty_milliseconds() {
    let mut beats: Vec<Beat> =
        (0..20).map(|i| (20, Ok(ModelPiece::Output(format!("{i} "))))).collect();
    beats.push((
        10_000,
        Ok(ModelPiece::Finish { calls: vec![], usage: usage(), reason: FinishReason::Stop }),
    ));
    let script = Script::new(vec![vec![beats]]);
    let (outcome, log) = run(&script, &Effects::default(), limits()).await;
    assert_eq!(outcome, COMPLETED);
    let at_ms = log.at_ms.lock().unwrap().clone();
    // Start, then 400 ms of text at most every 50 ms, then the end; nothing waits for the silence.
    assert!(at_ms.len() >= 7 && at_ms.len() <= 11, "{at_ms:?}");
    let text: Vec<_> = at_ms[1..at_ms.len() - 1].to_vec();
    assert!(text.windows(2).all(|pair| pair[1] - pair[0] >= 50), "{at_ms:?}");
    assert!(*text.last().unwrap() <= 450, "{at_ms:?}");
}

#[tokio::test(start_paused = true)]
async fn endings_are_honest() {
    let length = |text: &str| vec![output(text), finish(FinishReason::Length)];
    let same = || vec![calls(&[("calculator", json!({"do": "again"}))])];
    let small = Limits { max_steps: 2, ..limits() };
    for (turns, limits, expected, part) in [
        (
            vec![vec![length("")]],
            limits(),
            FAILED,
            "reached its limit of 4000 tokens before it answered",
        ),
        (vec![vec![length("half an answer")]], limits(), COMPLETED, "the answer is cut"),
        (vec![vec![answer(" \n")]], limits(), FAILED, "no answer and asked for no tool"),
        (
            vec![vec![vec![output("x"), finish(FinishReason::Filtered)]]],
            limits(),
            FAILED,
            "held the answer back",
        ),
        (
            vec![vec![same()]],
            limits(),
            FAILED,
            "called `calculator` three times with the same arguments",
        ),
        (vec![vec![same()]], small, FAILED, "reached its limit of 2 steps"),
        (
            vec![vec![vec![(0, Err(ModelError::permanent("no such key")))]]],
            limits(),
            FAILED,
            "no such key",
        ),
    ] {
        let script = Script::new(turns);
        let (outcome, log) = run(&script, &Effects::default(), limits).await;
        assert_eq!(outcome, expected, "{part}");
        assert!(log.reason().contains(part), "{} / {part}", log.reason());
        assert_eq!(log.timeline().usage(), *log.used.lock().unwrap(), "{part}");
    }
}

#[tokio::test(start_paused = true)]
async fn on_the_last_step_no_tool_may_be_called() {
    let script = Script::new(vec![
        vec![vec![calls(&[("calculator", json!({"do": "x"}))])]],
        vec![answer("then this")],
    ]);
    let (outcome, _) = run(&script, &Effects::default(), Limits { max_steps: 2, ..limits() }).await;
    assert_eq!(outcome, COMPLETED);
    {
        let requests = script.requests.lock().unwrap();
        assert!(requests[0].offers_tools());
        // It is told of the tool: some providers refuse calls of tools that they were not told of.
        assert_eq!((requests[1].tools.len(), requests[1].may_call), (1, false));
        assert_eq!(requests[1].max_output_tokens, 3_995);
    }

    let script = Script::new(vec![vec![answer("at once")]]);
    let (outcome, _) = run(&script, &Effects::default(), Limits { max_steps: 1, ..limits() }).await;
    assert_eq!(outcome, COMPLETED);
    assert!(script.requests.lock().unwrap()[0].tools.is_empty(), "nothing was called");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_passes_costs_an_attempt() {
    let broken = || vec![output("half"), (0, Err(ModelError::transient("busy")))];
    let script =
        Script::new(vec![vec![broken(), vec![output("cut off")], broken(), answer("whole")]]);
    let (outcome, log) = run(&script, &Effects::default(), limits()).await;
    assert_eq!(outcome, COMPLETED);
    let timeline = log.timeline();
    assert_eq!(timeline.answer(), Some("whole"));
    assert_eq!(timeline.steps[0].attempt, 4);

    let script = Script::new(vec![vec![broken()]]);
    let began = Instant::now();
    let (outcome, log) = run(&script, &Effects::default(), limits()).await;
    assert_eq!(outcome, FAILED);
    assert_eq!(log.reason(), "the model failed 4 times: busy");
    // 0.5, 1 and 2 seconds, each up to half as long again.
    assert!(
        began.elapsed() >= Duration::from_millis(3_500)
            && began.elapsed() < Duration::from_millis(5_300)
    );
}

#[tokio::test(start_paused = true)]
async fn a_provider_may_ask_to_wait() {
    let error = || ModelError::Transient {
        message: "busy".to_owned(),
        retry_after: Some(Duration::from_secs(7)),
    };
    let script = Script::new(vec![vec![vec![(0, Err(error()))], answer("ok")]]);
    let began = Instant::now();
    let (outcome, _) = run(&script, &Effects::default(), limits()).await;
    assert_eq!(outcome, COMPLETED);
    assert_eq!(began.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn no_model_is_a_reason() {
    let log = TestLog::default();
    let mut run = run_of(limits(), Vec::new(), Usage::default());
    run.agent.model_policy = ModelPolicy::Named { model: "large".to_owned() };
    let models = Models::new(&crate::models::ModelSettings::default()).unwrap();
    let engine = Engine::new(models, Tools::empty(), Arc::new(FixedClock::new(start())));
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), FAILED);
    assert!(log.reason().contains("no language model"));
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_code_panics_fails_the_session_alone() {
    struct Panics;
    impl Model for Panics {
        fn provider(&self) -> &'static str {
            "openai"
        }
        fn reply(&self, _request: ModelRequest) -> ReplyStream {
            stream::once(async { panic!("the model panics") }).boxed()
        }
    }
    let log = TestLog::default();
    let models = Models::with_language_model(Arc::new(Panics), "panics");
    let engine = Engine::new(models, Tools::empty(), Arc::new(FixedClock::new(start())));
    let outcome =
        engine.run(run_of(limits(), Vec::new(), Usage::default()), &log, Signals::default()).await;
    assert_eq!(outcome.unwrap(), FAILED);
    assert!(log.reason().contains("defect of ours"));
}
