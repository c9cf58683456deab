//! Being stopped, running out of time, and being gone on with by another worker.

use std::sync::atomic::AtomicBool;

use super::*;

/// A session in which every kind of wait occurs: a slow model, slow tools, a pause after a fault.
fn long_script() -> Arc<Script> {
    Script::new(vec![
        vec![
            vec![(300, Err(ModelError::transient("busy")))],
            vec![
                (200, Ok(ModelPiece::Thinking("hm".to_owned()))),
                (
                    200,
                    calls(&[
                        ("calculator", json!({"do": "a", "ms": 300})),
                        ("calculator", json!({"do": "b", "ms": 600})),
                    ])
                    .1,
                ),
            ],
        ],
        vec![vec![
            (200, Ok(ModelPiece::Output("4".to_owned()))),
            (200, Ok(ModelPiece::Output("2".to_owned()))),
            finish(FinishReason::Stop),
        ]],
    ])
}

#[tokio::test(start_paused = true)]
async fn cancel_ends_the_session_within_a_tenth_of_a_second_anywhere() {
    for at_ms in (0..2_600).step_by(50) {
        let script = long_script();
        let signals = Signals::default();
        let log = TestLog::default();
        let engine = engine(&script, &Effects::default());
        let run = run_of(limits(), Vec::new(), Usage::default());
        let cancel = signals.cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(at_ms)).await;
            cancel.cancel();
        });
        let began = Instant::now();
        let outcome = engine.run(run, &log, signals).await.unwrap();
        if outcome == COMPLETED {
            assert!(at_ms > 1_500, "{at_ms}");
            continue;
        }
        assert_eq!(outcome, Outcome::Ended(SessionState::Cancelled), "{at_ms}");
        assert!(
            began.elapsed() <= Duration::from_millis(at_ms + 100),
            "{at_ms}: {:?}",
            began.elapsed()
        );
        let timeline = log.timeline();
        assert!(
            timeline.steps.iter().flat_map(|step| &step.calls).all(|call| call.result.is_some()),
            "{at_ms}"
        );
        tokio::task::yield_now().await;
        assert_eq!(script.open.load(Ordering::SeqCst), 0, "the model's stream is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn time_runs_out_anywhere() {
    for seconds in 1..=2 {
        let script = long_script();
        let (outcome, log) =
            run(&script, &Effects::default(), Limits { timeout_seconds: seconds, ..limits() })
                .await;
        assert_eq!(outcome, Outcome::Ended(SessionState::Timeout));
        assert!(log.reason().starts_with(&format!("reached its limit of {seconds} second")));
    }
    // The time that passed before this worker took over counts.
    let script = long_script();
    let log = TestLog::default();
    let earlier = SessionEvent {
        sequence: 1,
        at: start() - jiff::SignedDuration::from_secs(121),
        body: EventBody::StepStart { step: 1, attempt: 1 },
    };
    log.events.lock().unwrap().push(earlier.clone());
    let mut late = run_of(limits(), vec![earlier.clone()], Usage::default());
    late.session.started_at = Some(earlier.at);
    let mut queued = late.clone();
    let engine = engine(&script, &Effects::default());
    let outcome = engine.run(late, &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Ended(SessionState::Timeout));
    // That in the queue does not: its row says how long it was.
    let log = TestLog { events: Mutex::new(vec![earlier]), ..TestLog::default() };
    queued.session.waited_ms = 120_000;
    let outcome = engine.run(queued, &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    let end = log.timeline().end.unwrap();
    assert_eq!((end.duration_ms, end.waited_ms), (1_000, 120_000));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_handed_over_goes_on_and_ends_the_same() {
    for at_ms in (0..2_600).step_by(50) {
        let effects = Effects::default();
        let script = long_script();
        let first = TestLog::default();
        let signals = Signals::default();
        let hand_over = signals.hand_over.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(at_ms)).await;
            hand_over.cancel();
        });
        let engine = engine(&script, &effects);
        let outcome = engine
            .run(run_of(limits(), Vec::new(), Usage::default()), &first, signals)
            .await
            .unwrap();
        if outcome == COMPLETED {
            continue;
        }
        assert_eq!(outcome, Outcome::HandedOver, "{at_ms}");
        let history = first.events();
        assert!(!first.names().contains(&"done"));
        let used = *first.used.lock().unwrap();
        goes_on(&script, &effects, history, used, &format!("handed over at {at_ms} ms")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_worker_dies_goes_on_and_ends_the_same() {
    let (_, whole) = run(&long_script(), &Effects::default(), limits()).await;
    let ends = whole.ends.lock().unwrap().clone();
    let usages = whole.usages.lock().unwrap().clone();
    assert!(ends.len() > 6);
    for (end, used) in ends.iter().zip(usages) {
        let effects = Effects::default();
        let script = long_script();
        let history = whole.events()[..*end].to_vec();
        if history.iter().any(|event| matches!(event.body, EventBody::Done { .. })) {
            let log = TestLog::default();
            let outcome = engine(&script, &effects)
                .run(run_of(limits(), history, used), &log, Signals::default())
                .await;
            assert_eq!(outcome.unwrap(), COMPLETED);
            assert!(log.events().is_empty(), "a session that is over is left alone");
            continue;
        }
        goes_on(&script, &effects, history, used, &format!("died after event {end}")).await;
    }
}

/// Lets another worker go on from `history`, and checks the end.
async fn goes_on(
    script: &Arc<Script>,
    effects: &Effects,
    history: Vec<SessionEvent>,
    used: Usage,
    when: &str,
) {
    // What replies that broke off have used stays counted.
    let has_called = history.iter().any(|event| matches!(event.body, EventBody::ToolCall { .. }));
    let whole = if has_called { usage() } else { Usage::default() };
    let mut expected = Usage { input_tokens: 20, output_tokens: 10, ..Usage::default() };
    expected.input_tokens += used.input_tokens - whole.input_tokens;
    expected.output_tokens += used.output_tokens - whole.output_tokens;
    let log = TestLog {
        events: Mutex::new(history.clone()),
        used: Mutex::new(used),
        ..TestLog::default()
    };
    let outcome = engine(script, effects)
        .run(run_of(limits(), history, used), &log, Signals::default())
        .await
        .unwrap();
    assert_eq!(outcome, COMPLETED, "{when}");
    let timeline = log.timeline();
    assert_eq!(timeline.answer(), Some("42"), "{when}");
    assert_eq!(timeline.usage(), *log.used.lock().unwrap(), "{when}");
    assert_eq!(timeline.usage(), expected, "{when}");
    let mut sum = Usage::default();
    for step in timeline.steps.iter().filter_map(|step| step.usage) {
        sum += step;
    }
    assert_eq!(sum, timeline.usage(), "{when}");
    for id in ["call01001", "call01002"] {
        let results = log.events().iter().filter(|event| matches!(&event.body, EventBody::ToolResult { call_id, .. } if call_id == id)).count();
        assert_eq!(results, 1, "{when}: {id}");
    }
    let numbers: Vec<_> = log.events().iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>(), "{when}");
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_answered_is_not_called_again() {
    let (_, whole) = run(&long_script(), &Effects::default(), limits()).await;
    let first_result = whole.names().iter().position(|name| *name == "tool_result").unwrap();
    let history = whole.events()[..=first_result].to_vec();
    let effects = Effects::default();
    let script = long_script();
    goes_on(&script, &effects, history, usage(), "one tool answered").await;
    assert_eq!(*effects.called.lock().unwrap(), ["b"]);
    // The first turn was not asked of the model again.
    assert_eq!(script.requests.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_its_lease_writes_nothing_more() {
    for most in 0..8 {
        let log = TestLog { fenced_after: Some(most), ..TestLog::default() };
        let run = run_of(limits(), Vec::new(), Usage::default());
        let outcome =
            engine(&long_script(), &Effects::default()).run(run, &log, Signals::default()).await;
        assert!(matches!(outcome, Err(LogError::Fenced)), "{most}");
        assert_eq!(log.ends.lock().unwrap().len(), most);
    }
}

/// Computes until it may end, as a tool with a defect would.
#[derive(Clone, Default)]
struct Spinning {
    is_at_work: Arc<AtomicBool>,
    may_end: Arc<AtomicBool>,
}

impl Tool for Spinning {
    fn name(&self) -> &'static str {
        "calculator"
    }
    fn description(&self) -> &'static str {
        "computes"
    }
    fn parameters(&self) -> Value {
        json!({ "type": "object" })
    }
    fn call<'a>(&'a self, _: &'a Value, _: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            self.is_at_work.store(true, Ordering::SeqCst);
            let began = std::time::Instant::now();
            while !self.may_end.load(Ordering::SeqCst) && began.elapsed() < Duration::from_secs(20)
            {
                std::thread::yield_now();
            }
            self.is_at_work.store(false, Ordering::SeqCst);
            Ok("done".to_owned())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tool_that_computes_holds_up_neither_a_cancel_nor_anything_else() {
    let script =
        Script::new(vec![vec![vec![calls(&[("calculator", json!({}))])]], vec![answer("42")]]);
    let model: Arc<dyn Model> = script.clone();
    let tool = Spinning::default();
    let tools = Tools::empty().with(Arc::new(tool.clone()));
    let clock = Arc::new(FixedClock::new(start()));
    let engine = Engine::new(Models::with_language_model(model, "scripted"), tools, clock);
    let signals = Signals::default();
    let cancel = signals.cancel.clone();
    // Session, tool and whoever cancels share the only thread that there is.
    let session = tokio::spawn(async move {
        let log = TestLog::default();
        let run = run_of(limits(), Vec::new(), Usage::default());
        engine.run(run, &log, signals).await.unwrap()
    });
    let is_at_work = tool.is_at_work.clone();
    let person = tokio::spawn(async move {
        while !is_at_work.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    });
    person.await.unwrap();
    let outcome = session.await.unwrap();
    let is_at_work = tool.is_at_work.load(Ordering::SeqCst);
    tool.may_end.store(true, Ordering::SeqCst);
    assert_eq!(outcome, Outcome::Ended(SessionState::Cancelled));
    assert!(is_at_work, "nobody has waited for the tool");
}
