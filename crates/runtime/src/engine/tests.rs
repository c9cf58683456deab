//! The loop against models and tools that follow a script.

mod asking;
mod choosing;
mod effects;
mod falling_back;
mod inputs;
mod long_results;
mod many_calls;
mod people;
mod script;
mod summaries;
mod takeover;
mod test_log;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use futures::stream;
use resonant_domain::agent::{Limits, ModelPolicy, ToolGrant};
use serde_json::{Value, json};

use self::effects::Effects;
use self::script::{Beat, Script, answer, calls, finish, output, usage};
use self::test_log::TestLog;
use super::*;
use crate::clock::FixedClock;
use crate::models::{
    FinishReason, Message, Model, ModelError, ModelPiece, ModelRequest, ReplyStream,
};
use crate::sample;
use crate::tools::{Tool, ToolContext, ToolError, ToolFuture};

fn start() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn limits() -> Limits {
    Limits { max_steps: 10, max_tokens: 4_000, timeout_seconds: 120, max_cost_micro_usd: None }
}

fn run_of(limits: Limits, history: Vec<SessionEvent>, usage: Usage) -> Run {
    Run {
        session: Session { usage, ..sample::session(limits, start()) },
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
