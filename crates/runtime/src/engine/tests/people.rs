//! People within a session: approvals, questions, words on the way, another round.

use resonant_domain::session_event::ToolOutcome;
use resonant_domain::waiting::{Decision, Wait, WaitReason};

use super::*;
use crate::tools::AskUser;

/// The scripted tool, which must not be called twice.
#[derive(Clone)]
struct Once(Effects);

impl Tool for Once {
    fn name(&self) -> &'static str {
        "calculator"
    }
    fn description(&self) -> &str {
        self.0.description()
    }
    fn parameters(&self) -> Value {
        self.0.parameters()
    }
    fn timeout(&self) -> Duration {
        self.0.timeout()
    }
    fn is_safe_to_repeat(&self) -> bool {
        false
    }
    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        self.0.call(arguments, context)
    }
}

pub(super) fn people_engine(script: &Arc<Script>, tool: impl Tool + 'static) -> Engine {
    let model: Arc<dyn Model> = script.clone();
    Engine::new(
        Models::with_language_model(model, "scripted"),
        Tools::empty().with(Arc::new(tool)).with(Arc::new(AskUser)),
        Arc::new(FixedClock::new(start())),
    )
}

pub(super) fn careful_run(log: &TestLog) -> Run {
    let mut run = run_of(limits(), log.events(), *log.used.lock().unwrap());
    run.agent.tools =
        vec![ToolGrant::new("calculator").with_approval(), ToolGrant::new("ask_user")];
    run
}

impl TestLog {
    pub(super) fn wait(&self) -> Wait {
        self.timeline().waiting.expect("the session waits")
    }

    /// Writes what a use case would.
    pub(super) fn write(&self, entries: Vec<EventBody>) {
        let mut events = self.events.lock().unwrap();
        for body in entries {
            let sequence = events.last().map_or(1, |event| event.sequence + 1);
            events.push(SessionEvent { sequence, at: start(), body });
        }
    }

    fn decide(&self, decision: Value) {
        let decision: Decision = serde_json::from_value(decision).unwrap();
        let wait = self.wait();
        decision.check(&wait.reason).unwrap();
        self.write(decision.into_entries(&wait));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_needs_approval_waits_and_the_others_do_not() {
    let script = Script::new(vec![
        vec![vec![calls(&[
            ("calculator", json!({"do": "a"})),
            ("calculator", json!({"do": "b"})),
            ("calculator", json!({"wrong": true})),
        ])]],
        vec![answer("42")],
    ]);
    let effects = Effects::default();
    let log = TestLog::default();
    let engine = people_engine(&script, effects.clone());
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Waiting);
    assert!(effects.called.lock().unwrap().is_empty());
    let WaitReason::Approval { step: 1, calls } = log.wait().reason else {
        panic!("{:?}", log.wait())
    };
    assert_eq!(calls.len(), 2, "the one with wrong arguments has its answer already");
    // A session that waits is left alone.
    let written = log.events().len();
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!((outcome, log.events().len()), (Outcome::Waiting, written));

    log.decide(json!({"kind": "calls", "verdicts": [
        {"call_id": "call01001", "verdict": "approve", "arguments": {"do": "changed"}},
        {"call_id": "call01002", "verdict": "refuse", "note": "not today"},
    ]}));
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED);
    assert_eq!(*effects.called.lock().unwrap(), ["changed"]);
    let requests = script.requests.lock().unwrap();
    let told: Vec<_> = requests[1]
        .messages
        .iter()
        .filter_map(|message| match message {
            Message::Tool { content, .. } => Some(content.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(told[..2], ["did changed", "a person refused this: not today"]);
    assert!(log.timeline().steps[0].calls[0].is_edited);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_question_is_the_result_of_its_call() {
    let script = Script::new(vec![
        vec![vec![calls(&[("ask_user", json!({"question": "Which city?"}))])]],
        vec![answer("42")],
    ]);
    let log = TestLog::default();
    let engine = people_engine(&script, Effects::default());
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Waiting);
    assert_eq!(log.wait().reason.to_string(), "it asks: Which city?");
    log.decide(json!({"kind": "answer", "values": {"answer": "Oslo"}}));
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED);
    let timeline = log.timeline();
    let result = timeline.steps[0].calls[0].result.as_ref().unwrap();
    assert_eq!(
        (result.outcome, result.content.as_str()),
        (ToolOutcome::Ok, r#"{"answer":"Oslo"}"#)
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_must_not_be_made_twice_is_asked_about() {
    let script = || {
        Script::new(vec![
            vec![vec![calls(&[("calculator", json!({"do": "pay"}))])]],
            vec![answer("42")],
        ])
    };
    let granted = |log: &TestLog| run_of(limits(), log.events(), *log.used.lock().unwrap());
    for (choice, called, told) in [
        (json!({"do": "repeat"}), vec!["pay"], "did pay"),
        (json!({"do": "done", "content": "receipt 7"}), vec![], "receipt 7"),
        (json!({"do": "failed"}), vec![], "it was not done"),
    ] {
        // The worker dies after the call has begun and before its result is written.
        let log = TestLog { fenced_after: Some(3), ..TestLog::default() };
        let engine = people_engine(&script(), Once(Effects::default()));
        let died = engine.run(granted(&log), &log, Signals::default()).await;
        assert!(matches!(died, Err(LogError::Fenced)));
        assert_eq!(*log.names().last().unwrap(), "tool_start");

        let log = log.left_behind();
        let effects = Effects::default();
        let script = script();
        let engine = people_engine(&script, Once(effects.clone()));
        let outcome = engine.run(granted(&log), &log, Signals::default()).await.unwrap();
        assert_eq!(outcome, Outcome::Waiting);
        assert_eq!(log.wait().reason.name(), "unknown_outcome");
        assert!(effects.called.lock().unwrap().is_empty(), "not repeated");
        log.decide(json!({"kind": "outcome", "choice": choice}));
        let outcome = engine.run(granted(&log), &log, Signals::default()).await.unwrap();
        assert_eq!(outcome, COMPLETED, "{choice}");
        assert_eq!(*effects.called.lock().unwrap(), called, "{choice}");
        let result = log.timeline().steps[0].calls[0].result.clone().unwrap();
        assert_eq!(result.content, told, "{choice}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_on_one_unknown_outcome_says_nothing_of_another() {
    let two = [("calculator", json!({"do": "pay"})), ("calculator", json!({"do": "ship"}))];
    let script = || Script::new(vec![vec![vec![calls(&two)]], vec![answer("42")]]);
    let granted = |log: &TestLog| run_of(limits(), log.events(), *log.used.lock().unwrap());
    // The worker dies with both under way.
    let log = TestLog { fenced_after: Some(3), ..TestLog::default() };
    let engine = people_engine(&script(), Once(Effects::default()));
    let died = engine.run(granted(&log), &log, Signals::default()).await;
    assert!(matches!(died, Err(LogError::Fenced)));
    assert!(log.names().ends_with(&["tool_start", "tool_start"]), "{:?}", log.names());

    let log = log.left_behind();
    let effects = Effects::default();
    let script = script();
    let engine = people_engine(&script, Once(effects.clone()));
    for (asked, choice, called) in [
        ("call01001", json!({"do": "repeat"}), vec![]),
        ("call01002", json!({"do": "failed"}), vec!["pay"]),
    ] {
        let outcome = engine.run(granted(&log), &log, Signals::default()).await.unwrap();
        assert_eq!(outcome, Outcome::Waiting, "{asked}");
        let WaitReason::UnknownOutcome { call, .. } = log.wait().reason else {
            panic!("{:?}", log.wait())
        };
        assert_eq!(call.call_id, asked);
        assert_eq!(*effects.called.lock().unwrap(), called, "{asked}");
        log.decide(json!({"kind": "outcome", "choice": choice}));
    }
    let outcome = engine.run(granted(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED);
    assert_eq!(*effects.called.lock().unwrap(), ["pay"], "the other was not repeated unasked");
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_begun_than_are_made_at_the_same_time() {
    let many: Vec<_> =
        (0..20).map(|i| ("calculator", json!({"do": i.to_string(), "ms": 100}))).collect();
    let script = Script::new(vec![vec![vec![calls(&many)]], vec![answer("done")]]);
    let effects = Effects::default();
    let log = TestLog::default();
    let engine = people_engine(&script, Once(effects.clone()));
    let run = run_of(limits(), Vec::new(), Usage::default());
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), COMPLETED);
    assert_eq!(effects.called.lock().unwrap().len(), 20);
    // What a crash would leave unknown, wherever it came.
    let (mut unknown, mut most) = (0, 0);
    for name in log.names() {
        match name {
            "tool_start" => unknown += 1,
            "tool_result" => unknown -= 1,
            _ => {}
        }
        most = most.max(unknown);
    }
    assert_eq!((unknown, most), (0, 8));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_may_have_taken_effect() {
    let one = [("calculator", json!({"do": "pay", "ms": 60_000}))];
    let script = || Script::new(vec![vec![vec![calls(&one)]], vec![answer("42")]]);
    for is_once in [false, true] {
        let script = script();
        let engine = if is_once {
            people_engine(&script, Once(Effects::default()))
        } else {
            people_engine(&script, Effects::default())
        };
        let log = TestLog::default();
        let run = run_of(limits(), Vec::new(), Usage::default());
        assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), COMPLETED);
        let result = log.timeline().steps[0].calls[0].result.clone().unwrap();
        assert_eq!(result.outcome, ToolOutcome::Error);
        assert!(result.content.contains("gave no answer within"), "{}", result.content);
        let is_said = result.content.contains("it may have taken effect");
        assert_eq!(is_said, is_once, "{}", result.content);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_under_way_when_the_session_ended_may_have_taken_effect() {
    let one = [("calculator", json!({"do": "pay", "ms": 1_500}))];
    let script = || Script::new(vec![vec![vec![calls(&one)]], vec![answer("42")]]);
    for (is_once, is_cancelled) in [(true, true), (true, false), (false, true), (false, false)] {
        let engine = if is_once {
            people_engine(&script(), Once(Effects::default()))
        } else {
            people_engine(&script(), Effects::default())
        };
        let (log, signals) = (TestLog::default(), Signals::default());
        if is_cancelled {
            let cancel = signals.cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                cancel.cancel();
            });
        }
        let run = run_of(Limits { timeout_seconds: 1, ..limits() }, Vec::new(), Usage::default());
        engine.run(run, &log, signals).await.unwrap();
        let result = log.timeline().steps[0].calls[0].result.clone().unwrap();
        assert_eq!(result.outcome, ToolOutcome::Cancelled);
        let why = if is_cancelled { "was stopped" } else { "ran out of time" };
        assert!(result.content.contains(why), "{}", result.content);
        let is_said = result.content.contains("the outcome is unknown");
        assert_eq!(is_said, is_once, "{}", result.content);
    }
}

pub(super) fn message(text: &str) -> EventBody {
    EventBody::Message { text: text.to_owned(), context: None }
}

#[tokio::test(start_paused = true)]
async fn a_word_on_the_way_reaches_the_next_step_and_holds_up_the_end() {
    let script = Script::new(vec![vec![answer("41")], vec![answer("42")]]);
    let engine = people_engine(&script, Effects::default());
    // The first append is the start of the step; it is written by the second, with what was said. The
    // third is the end of the session.
    let run = run_of(limits(), Vec::new(), Usage::default());
    let waits = TestLog {
        said_meanwhile: Mutex::new(
            [Some(message("before the start")), None, Some(message("before the end"))].into(),
        ),
        ..TestLog::default()
    };
    let outcome = engine.run(run, &waits, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED);
    let timeline = waits.timeline();
    assert_eq!(timeline.answer(), Some("42"));
    assert_eq!(timeline.steps[0].messages[0].text, "before the start");
    assert_eq!(timeline.steps[1].messages[0].text, "before the end");
    let requests = script.requests.lock().unwrap();
    assert_eq!(requests[0].messages.len(), 2);
    assert_eq!(requests[1].messages.len(), 4, "the goal, a word, the answer, a word");
    let dones = waits.names().iter().filter(|name| **name == "done").count();
    assert_eq!(dones, 1);
}

#[tokio::test(start_paused = true)]
async fn a_word_on_the_way_is_heard_before_a_loop_ends_the_session() {
    let same = || vec![vec![calls(&[("calculator", json!({"do": "again"}))])]];
    let script = Script::new(vec![same(), same(), same(), vec![answer("42")]]);
    let engine = people_engine(&script, Effects::default());
    // Each step is three appends: that it begins, its call, and the result with its end. The last of the
    // third step finds the word.
    let said = (0..8).map(|_| None).chain([Some(message("not again"))]);
    let log = TestLog { said_meanwhile: Mutex::new(said.collect()), ..TestLog::default() };
    let run = run_of(limits(), Vec::new(), Usage::default());
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), COMPLETED);
    let timeline = log.timeline();
    assert_eq!((timeline.answer(), timeline.steps.len()), (Some("42"), 4));
    assert_eq!(timeline.steps[3].messages[0].text, "not again");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_goes_on_with_its_history_and_fresh_limits() {
    let script = Script::new(vec![vec![answer("first")], vec![answer("second")]]);
    let one_step = Limits { max_steps: 1, ..limits() };
    let log = TestLog::default();
    let engine = people_engine(&script, Effects::default());
    let run = run_of(one_step, Vec::new(), Usage::default());
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), COMPLETED);
    log.write(vec![message("and then?")]);
    let run = run_of(one_step, log.events(), *log.used.lock().unwrap());
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), COMPLETED);
    let timeline = log.timeline();
    assert_eq!((timeline.answer(), timeline.steps.len()), (Some("second"), 2));
    assert_eq!(timeline.usage(), *log.used.lock().unwrap());
    let requests = script.requests.lock().unwrap();
    assert_eq!(requests[1].messages.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_failed_is_tried_again() {
    let broken = vec![(0, Err(ModelError::permanent("no such key")))];
    let script = Script::new(vec![vec![broken, answer("42")]]);
    let log = TestLog::default();
    let engine = people_engine(&script, Effects::default());
    let run = run_of(limits(), Vec::new(), Usage::default());
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), FAILED);
    log.write(vec![EventBody::Retry { step: 1 }]);
    let run = run_of(limits(), log.events(), *log.used.lock().unwrap());
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), COMPLETED);
    assert_eq!(log.timeline().answer(), Some("42"));
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_tokens_pauses_and_can_be_raised() {
    let script = Script::new(vec![
        vec![vec![calls(&[("calculator", json!({"do": "a"}))])]],
        vec![answer("42")],
    ]);
    let small = Limits { max_tokens: 5, ..limits() };
    let log = TestLog::default();
    let engine = people_engine(&script, Effects::default());
    let run = || run_of(small, log.events(), *log.used.lock().unwrap());
    assert_eq!(engine.run(run(), &log, Signals::default()).await.unwrap(), Outcome::Waiting);
    assert_eq!(
        log.wait().reason.to_string(),
        "the session's limit of 5 tokens does not reach for the next step"
    );
    let WaitReason::Budget { has_cheaper, .. } = log.wait().reason else { panic!("a budget") };
    assert!(!has_cheaper, "another model needs as many tokens");
    log.decide(json!({"kind": "budget", "choice": {"do": "raise", "by": 100, "unit": "tokens"}}));
    assert_eq!(engine.run(run(), &log, Signals::default()).await.unwrap(), COMPLETED);
    assert_eq!(script.requests.lock().unwrap()[1].max_output_tokens, 100);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_people_take_is_not_the_sessions() {
    let script = Script::new(vec![
        vec![vec![calls(&[("ask_user", json!({"question": "Which city?"}))])]],
        vec![answer("42")],
    ]);
    let log = TestLog::default();
    let clock = Arc::new(FixedClock::new(start()));
    let model: Arc<dyn Model> = script.clone();
    let tools = Tools::empty().with(Arc::new(AskUser));
    let engine = Engine::new(Models::with_language_model(model, "scripted"), tools, clock.clone());
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Waiting);
    let day = jiff::SignedDuration::from_hours(24);
    clock.advance(day);
    log.decide(json!({"kind": "answer"}));
    // The decision came a day later.
    for event in log.events.lock().unwrap().iter_mut().rev().take(2) {
        event.at = start() + day;
    }
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED);
    let end = log.timeline().end.unwrap();
    assert_eq!((end.duration_ms, end.waited_ms), (0, 86_400_000));
}
