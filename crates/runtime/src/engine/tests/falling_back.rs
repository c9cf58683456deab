//! Other models in the place of one that refuses, is silent, or takes less than was thought.

use resonant_domain::breakdown::Breakdown;

use super::choosing::{WIDE, choices, chosen, run_tiers, tiered};
use super::*;
use crate::models::Chosen;

fn failing(error: ModelError) -> Arc<Script> {
    Script::new(vec![vec![vec![(0, Err(error))]]])
}

fn well() -> Arc<Script> {
    Script::new(vec![vec![answer("42")]])
}

fn three_of(tier: Vec<Chosen>) -> [Vec<Chosen>; 3] {
    [tier.clone(), tier.clone(), tier]
}

fn asked(script: &Arc<Script>) -> usize {
    script.requests.lock().unwrap().len()
}

/// Long enough for every limit to pass.
const FOR_EVER_MS: u64 = 24 * 60 * 60 * 1_000;

fn silence() -> Beat {
    (FOR_EVER_MS, Ok(ModelPiece::Output("late".to_owned())))
}

#[tokio::test(start_paused = true)]
async fn a_model_that_refuses_for_good_is_stood_in_for() {
    for (error, is_of_provider) in [
        (ModelError::Account("no quota left".to_owned()), true),
        (ModelError::permanent("no such model"), false),
        (ModelError::TooLong("no end of it".to_owned()), false),
    ] {
        let refuses = failing(error.clone());
        // It takes any length: there is nothing to shorten.
        let refusing = Chosen { facts: None, ..chosen("openai", &refuses, WIDE) };
        let tier = vec![refusing, chosen("anthropic", &well(), WIDE)];
        let engine = tiered(three_of(tier), &Effects::default());
        let began = Instant::now();
        let (outcome, log) = run_tiers(&engine).await;
        assert_eq!(outcome, COMPLETED, "{error}: {}", log.reason());
        assert_eq!(began.elapsed(), Duration::ZERO, "{error}");
        assert_eq!(asked(&refuses), 1, "{error}: it is not asked in each tier");
        let reason = &choices(&log)[1].reason;
        assert_eq!(*reason, format!("openai openai-1 failed: {error}"));

        // What is said of the provider counts: after three times it is asked no more for a while.
        run_tiers(&engine).await;
        run_tiers(&engine).await;
        let (_, log) = run_tiers(&engine).await;
        assert_eq!(choices(&log).len() == 1, is_of_provider, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_fails_when_nobody_is_left_and_tells_what_came_first() {
    let (first, last) = (
        failing(ModelError::Account("no quota left".to_owned())),
        failing(ModelError::permanent("no such model")),
    );
    let tier = vec![chosen("openai", &first, WIDE), chosen("anthropic", &last, WIDE)];
    let (outcome, log) = run_tiers(&tiered(three_of(tier), &Effects::default())).await;
    assert_eq!(outcome, FAILED);
    assert_eq!(
        log.reason(),
        "no model answered; openai:openai-1 failed first: no quota left; anthropic:anthropic-1 failed \
         last: no such model"
    );
    assert_eq!((asked(&first), asked(&last)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_busy_is_asked_again_where_the_other_refuses() {
    let busy = || vec![(0, Err(ModelError::transient("busy")))];
    let busy = Script::new(vec![vec![busy(), answer("42")]]);
    let refuses = failing(ModelError::Account("no quota left".to_owned()));
    let tier = vec![chosen("openai", &busy, WIDE), chosen("anthropic", &refuses, WIDE)];
    let (outcome, log) = run_tiers(&tiered(three_of(tier), &Effects::default())).await;
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    assert_eq!((asked(&busy), asked(&refuses)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_the_request_and_is_silent_gives_way_in_time() {
    let mute = || Script::new(vec![vec![vec![silence()]]]);
    let stalled = || Script::new(vec![vec![vec![output("half"), silence()]]]);
    for script in [mute(), stalled()] {
        let (silent, others) =
            (chosen("openai", &script, WIDE), chosen("anthropic", &well(), WIDE));
        for tiers in [
            three_of(vec![silent.clone(), others.clone()]),
            // The other one stands a tier above.
            [vec![silent.clone()], vec![others.clone()], vec![others.clone()]],
        ] {
            let began = Instant::now();
            let (outcome, log) = run_tiers(&tiered(tiers, &Effects::default())).await;
            assert_eq!(outcome, COMPLETED, "{}", log.reason());
            // Half of the time that the session has.
            assert_eq!(began.elapsed().as_secs(), 60);
            let reason = &choices(&log)[1].reason;
            assert!(reason.contains("silent for 60 seconds"), "{reason}");
            assert_eq!(log.timeline().answer(), Some("42"));
            // It may well have read the question.
            assert!(log.timeline().usage().input_tokens > usage().input_tokens);
        }
    }
    // Alone it has all the time that there is.
    let alone = tiered(three_of(vec![chosen("openai", &mute(), WIDE)]), &Effects::default());
    let began = Instant::now();
    let (outcome, _) = run_tiers(&alone).await;
    assert_eq!(outcome, Outcome::Ended(SessionState::Timeout));
    assert_eq!(began.elapsed().as_secs(), 120);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_writes_a_long_call_is_not_taken_for_silent() {
    // Nothing to show for two times as long as it may be silent, but signs of life.
    let written = || (40_000, Ok(ModelPiece::Output(String::new())));
    let late = vec![written(), written(), calls(&[("calculator", json!({"do": "late"}))])];
    let busy = Script::new(vec![vec![late], vec![answer("42")]]);
    let others = well();
    let tier = vec![chosen("openai", &busy, WIDE), chosen("anthropic", &others, WIDE)];
    let (outcome, log) = run_tiers(&tiered(three_of(tier), &Effects::default())).await;
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    assert_eq!((asked(&busy), asked(&others)), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_takes_too_little_is_never_asked_and_another_takes_over() {
    let (small, large) = (well(), well());
    let little = chosen("openai", &small, 1_000);
    let much = chosen("anthropic", &large, WIDE);
    for tiers in [
        three_of(vec![little.clone(), much.clone()]),
        // The other one stands a tier above.
        [vec![little.clone()], vec![much.clone()], vec![much]],
    ] {
        let engine = tiered(tiers, &Effects::default());
        let log = TestLog::default();
        let mut run = run_of(limits(), Vec::new(), Usage::default());
        run.agent.system_prompt = "Be thorough. ".repeat(1_000);
        let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
        assert_eq!(outcome, COMPLETED, "{}", log.reason());
        let reason = &choices(&log)[1].reason;
        assert!(reason.contains("more than the 1000 tokens that openai-1"), "{reason}");
    }
    assert_eq!((asked(&small), asked(&large)), (0, 2));

    let engine = tiered(three_of(vec![little]), &Effects::default());
    let log = TestLog::default();
    let mut run = run_of(limits(), Vec::new(), Usage::default());
    run.agent.system_prompt = "Be thorough. ".repeat(1_000);
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), FAILED);
    assert!(log.reason().contains("more than the 1000 tokens"), "{}", log.reason());
    assert_eq!(asked(&small), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_long_is_made_shorter_once() {
    let refusal = "This model's maximum context length is 2000 tokens";
    let too_long = || vec![(0, Err(ModelError::TooLong(refusal.to_owned())))];
    let order = vec![calls(&[("calculator", json!({"do": "x"}))])];
    let script = Script::new(vec![vec![too_long(), order], vec![answer("42")]]);
    let engine = tiered(three_of(vec![chosen("openai", &script, WIDE)]), &Effects::default());
    let (outcome, log) = run_tiers(&engine).await;
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    assert_eq!(log.timeline().steps[0].attempt, 1);
    let counter = crate::tokens::Counter::of("openai-1");
    let length =
        |request: &ModelRequest| counter.request(request) + u64::from(request.max_output_tokens);
    let lengths: Vec<_> = script.requests.lock().unwrap().iter().map(length).collect();
    assert_eq!(lengths.len(), 3);
    assert!(lengths[0] > 2_000, "{lengths:?}");
    assert!(lengths[1..].iter().all(|length| *length <= 2_000), "it is remembered: {lengths:?}");

    let never = failing(ModelError::TooLong(refusal.to_owned()));
    let engine = tiered(three_of(vec![chosen("openai", &never, WIDE)]), &Effects::default());
    let (outcome, log) = run_tiers(&engine).await;
    assert_eq!((outcome, asked(&never)), (FAILED, 2));
    assert_eq!(log.reason(), refusal);
}

#[tokio::test(start_paused = true)]
async fn what_a_reply_that_broke_off_has_used_is_counted() {
    let lost = |log: &TestLog| {
        log.events().iter().find_map(|event| match event.body {
            EventBody::Error { usage, .. } => usage,
            _ => None,
        })
    };
    let broken = vec![output("half an answer"), (0, Err(ModelError::transient("busy")))];
    let script = Script::new(vec![vec![broken, answer("42")]]);
    let (outcome, log) = run(&script, &Effects::default(), limits()).await;
    assert_eq!(outcome, COMPLETED);
    let estimate = lost(&log).expect("the log tells what was lost");
    let text = crate::tokens::Counter::of("scripted").text("half an answer");
    assert_eq!(estimate.output_tokens, text);
    assert!(estimate.input_tokens > 0);
    let mut whole = usage();
    whole += estimate;
    assert_eq!((log.timeline().usage(), *log.used.lock().unwrap()), (whole, whole));
    assert_eq!(log.timeline().steps[0].usage, Some(whole));
    let parts = Breakdown::of(&log.timeline(), 0, whole);
    assert_eq!((parts.models.len(), parts.rest, parts.has_more), (1, Usage::default(), true));

    // What broke off in the middle of a call is paid, though nothing of it is shown.
    let broken = vec![output(""), (0, Err(ModelError::transient("busy")))];
    let script = Script::new(vec![vec![broken, answer("42")]]);
    let (_, log) = run(&script, &Effects::default(), limits()).await;
    assert!(lost(&log).is_some_and(|lost| lost.input_tokens > 0), "{:?}", log.events());

    // A refusal costs nothing.
    let refused = vec![(0, Err(ModelError::transient("busy")))];
    let script = Script::new(vec![vec![refused, answer("42")]]);
    let (_, log) = run(&script, &Effects::default(), limits()).await;
    assert_eq!((lost(&log), log.timeline().usage()), (None, usage()));
}

#[tokio::test(start_paused = true)]
async fn what_a_reply_that_was_stopped_has_used_is_counted() {
    let slow = || Script::new(vec![vec![vec![output("half"), silence()]]]);
    for is_cancelled in [true, false] {
        let (signals, log) = (Signals::default(), TestLog::default());
        let stop = if is_cancelled { signals.cancel.clone() } else { signals.hand_over.clone() };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        });
        let engine = tiered(three_of(vec![chosen("openai", &slow(), WIDE)]), &Effects::default());
        let run = run_of(limits(), Vec::new(), Usage::default());
        engine.run(run, &log, signals).await.unwrap();
        let used = *log.used.lock().unwrap();
        let text = crate::tokens::Counter::of("openai-1").text("half");
        assert!(used.input_tokens > 0 && used.output_tokens == text, "{used:?}");
        // At one and two dollars a million.
        let cost = i64::try_from(used.input_tokens + 2 * used.output_tokens).unwrap();
        assert_eq!(used.cost.0, cost);
        if is_cancelled {
            assert_eq!(log.timeline().usage(), used);
        } else {
            assert!(!log.names().contains(&"done"));
        }
    }
}

fn busy() -> Vec<Beat> {
    vec![(0, Err(ModelError::transient("busy")))]
}

#[tokio::test(start_paused = true)]
async fn one_session_tries_a_provider_after_its_rest_and_the_others_go_elsewhere() {
    let slow = (1_000, Ok(ModelPiece::Output("42".to_owned())));
    let slow = vec![slow, finish(FinishReason::Stop)];
    let rested = Script::new(vec![vec![busy(), busy(), busy(), slow]]);
    let tier = vec![chosen("openai", &rested, WIDE), chosen("anthropic", &well(), WIDE)];
    let engine = tiered(three_of(tier), &Effects::default());
    for _ in 0..3 {
        run_tiers(&engine).await;
    }
    tokio::time::advance(Duration::from_secs(30)).await;
    let sessions = futures::future::join_all((0..5).map(|_| run_tiers(&engine))).await;
    let mut providers = Vec::new();
    for (outcome, log) in &sessions {
        assert_eq!(*outcome, COMPLETED, "{}", log.reason());
        assert_eq!(choices(log).len(), 1);
        providers.push(choices(log)[0].provider.clone());
    }
    assert_eq!(providers, ["openai", "anthropic", "anthropic", "anthropic", "anthropic"]);
    assert_eq!(asked(&rested), 4);
    // It has answered: everybody asks it again.
    let sessions = futures::future::join_all((0..5).map(|_| run_tiers(&engine))).await;
    assert!(sessions.iter().all(|(_, log)| choices(log)[0].provider == "openai"));
}

#[tokio::test(start_paused = true)]
async fn a_session_under_way_does_not_ask_a_provider_that_rests() {
    let order = vec![calls(&[("calculator", json!({"do": "slow", "ms": 1_000}))])];
    let failing = Script::new(vec![vec![order, busy()], vec![busy()]]);
    let tier = vec![chosen("openai", &failing, WIDE), chosen("anthropic", &well(), WIDE)];
    let engine = tiered(three_of(tier), &Effects::default());
    let others = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..3 {
            run_tiers(&engine).await;
        }
    };
    let ((outcome, log), ()) = tokio::join!(run_tiers(&engine), others);
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    assert_eq!(asked(&failing), 4, "once by the session under way");
    let choices = choices(&log);
    assert_eq!((choices.len(), choices[1].provider.as_str()), (2, "anthropic"));
    let reason = &choices[1].reason;
    assert!(reason.starts_with("openai openai-1 is not asked for now"), "{reason}");
    assert!(!log.names().contains(&"error"), "nothing has failed in it");
}
