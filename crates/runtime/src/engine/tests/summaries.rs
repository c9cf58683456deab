//! Summaries by models that fail, or that take little.

use resonant_domain::breakdown::Breakdown;

use super::choosing::{WIDE, chosen, tiered};
use super::*;
use crate::models::Chosen;

/// Runs a session of many steps, each long enough to need a summary soon.
async fn long_run(simple: Vec<Chosen>, words: impl Fn(usize) -> usize) -> (Outcome, TestLog) {
    let (outcome, log) = longer_run(simple, words).await;
    let used = *log.used.lock().unwrap();
    assert_eq!(log.timeline().usage(), used);
    let parts = Breakdown::of(&log.timeline(), 0, used);
    assert_eq!(parts.rest, Usage::default(), "each summary counts with its step");
    (outcome, log)
}

/// The same of a session that pays for more than its log tells.
async fn longer_run(simple: Vec<Chosen>, words: impl Fn(usize) -> usize) -> (Outcome, TestLog) {
    let step = |number: usize| {
        let arguments = json!({"do": format!("{number} {}", "word ".repeat(words(number)))});
        vec![calls(&[("calculator", arguments)])]
    };
    let replies = (0..9).map(step).chain([answer("42")]).collect();
    let main = chosen("openai", &Script::new(vec![replies]), 6_000);
    let engine = tiered([simple, vec![main.clone()], vec![main]], &Effects::default());
    let log = TestLog::default();
    let mut run = run_of(limits(), Vec::new(), Usage::default());
    run.session.goal = "Compare, analyse and plan this. Prove it, and explain why".to_owned();
    let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
    (outcome, log)
}

/// The first step, the last step, the author and the reason of each summary.
fn summaries(log: &TestLog) -> Vec<(u32, u32, String, String)> {
    let events = log.events().into_iter();
    events
        .filter_map(|event| match event.body {
            EventBody::ContextSummary { from_step, through_step, by, reason, .. } => {
                Some((from_step, through_step, by, reason))
            }
            _ => None,
        })
        .collect()
}

fn notes() -> Arc<Script> {
    Script::new(vec![vec![answer("they counted words")]])
}

#[tokio::test(start_paused = true)]
async fn another_model_tells_shorter_what_the_first_one_does_not() {
    let fails = Script::new(vec![vec![vec![(0, Err(ModelError::transient("HTTP 503")))]]]);
    let simple = vec![chosen("gemini", &fails, WIDE), chosen("anthropic", &notes(), WIDE)];
    let (outcome, log) = long_run(simple, |_| 200).await;
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    let summaries = summaries(&log);
    assert!(summaries.len() > 3, "{summaries:?}");
    assert!(summaries.iter().all(|(_, _, by, _)| by == "anthropic:anthropic-1"), "{summaries:?}");
    let (_, _, _, reason) = &summaries[0];
    assert_eq!(reason, "gemini:gemini-1 failed: HTTP 503; it is the model for simple steps");
    // Three times in a row: it is asked no more, and that is the reason.
    assert_eq!(fails.requests.lock().unwrap().len(), 3);
    assert!(summaries[3].3.ends_with("gemini rests after failures"), "{:?}", summaries[3]);
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_nobody_makes_is_not_asked_for_in_each_step() {
    let fails = Script::new(vec![vec![vec![(0, Err(ModelError::permanent("no such model")))]]]);
    let (outcome, log) = long_run(vec![chosen("gemini", &fails, WIDE)], |_| 200).await;
    assert_eq!(outcome, COMPLETED, "what is too long is cut");
    let tries = fails.requests.lock().unwrap().len();
    assert!((1..=2).contains(&tries), "{tries}");
    let told: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| match event.body {
            EventBody::Error { step: None, message, recoverable: true, .. } => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), tries);
    assert!(told[0].contains("gemini:gemini-1 failed: no such model"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_silent_over_a_summary_does_not_cost_the_session_its_time() {
    let silent = Script::new(vec![vec![vec![(3_600_000, Ok(ModelPiece::Output("late".into())))]]]);
    let began = Instant::now();
    let (outcome, log) = long_run(vec![chosen("gemini", &silent, WIDE)], |_| 200).await;
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    let tries = silent.requests.lock().unwrap().len() as u64;
    assert!((1..=2).contains(&tries), "{tries}");
    assert_eq!(began.elapsed().as_secs(), 30 * tries);
}

#[tokio::test(start_paused = true)]
async fn a_summary_without_end_is_cut_off() {
    let word = "word ".repeat(1_000);
    let endless = (0..100).map(|_| output(&word)).chain([finish(FinishReason::Stop)]).collect();
    let endless = Script::new(vec![vec![endless]]);
    let simple = vec![chosen("gemini", &endless, WIDE), chosen("anthropic", &notes(), WIDE)];
    let (_, log) = longer_run(simple, |_| 200).await;
    let summaries = summaries(&log);
    let (_, _, by, reason) = &summaries[0];
    assert_eq!(by, "anthropic:anthropic-1");
    assert!(reason.starts_with("gemini:gemini-1 failed: it wrote without end"), "{reason}");
    let used = log.used.lock().unwrap().output_tokens;
    assert!(used > 4_000, "what it wrote is paid: {used}");
}

#[tokio::test(start_paused = true)]
async fn what_a_small_model_cannot_be_shown_is_told_shorter_the_next_time() {
    let notes = notes();
    // Small steps, then a large one: several of them are due at once.
    let (outcome, log) =
        long_run(
            vec![chosen("gemini", &notes, 1_800)],
            |number| {
                if number == 6 { 500 } else { 60 }
            },
        )
        .await;
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    let summaries = summaries(&log);
    assert!(summaries.len() > 1, "{summaries:?}");
    let counter = crate::tokens::Counter::of("gemini-1");
    for (request, (from, through, ..)) in notes.requests.lock().unwrap().iter().zip(&summaries) {
        let length = counter.request(request) + u64::from(request.max_output_tokens);
        assert!(length <= 1_800, "{length}");
        let Message::User { text, .. } = &request.messages[0] else { panic!("{request:?}") };
        for step in 1..=10 {
            let is_shown = text.contains(&format!("\nStep {step}\n"));
            assert_eq!(is_shown, (*from..=*through).contains(&step), "step {step} of {text}");
        }
    }
    for pair in summaries.windows(2) {
        assert_eq!(pair[1].0, pair[0].1 + 1, "no step is left out");
    }
}
