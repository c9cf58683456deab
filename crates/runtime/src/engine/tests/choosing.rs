//! Choosing models: tiers, escalation, fallback, and windows.

use resonant_domain::model::{ModelChoice, ModelTier};
use resonant_domain::waiting::{BudgetChoice, Decision, WaitReason};

use super::*;
use crate::models::{Chosen, ModelFacts};

/// A scripted model under a name of its own.
struct Named(&'static str, Arc<Script>);

impl Model for Named {
    fn provider(&self) -> &'static str {
        self.0
    }
    fn reply(&self, request: ModelRequest) -> ReplyStream {
        self.1.reply(request)
    }
}

pub(super) fn chosen(provider: &'static str, script: &Arc<Script>, window: u64) -> Chosen {
    let (input_price, output_price) = (1_000_000, 2_000_000);
    let facts = ModelFacts { window, input_price, output_price, reply: None };
    Chosen {
        model: Arc::new(Named(provider, script.clone())),
        name: format!("{provider}-1"),
        facts: Some(facts),
    }
}

pub(super) fn tiered(tiers: [Vec<Chosen>; 3], effects: &Effects) -> Engine {
    let tools = Tools::empty().with(Arc::new(effects.clone()));
    Engine::new(Models::with_tiers(tiers), tools, Arc::new(FixedClock::new(start())))
}

pub(super) fn choices(log: &TestLog) -> Vec<ModelChoice> {
    let events = log.events().into_iter();
    events
        .filter_map(|event| match event.body {
            EventBody::ModelChoice { choice, .. } => Some(choice),
            _ => None,
        })
        .collect()
}

pub(super) async fn run_tiers(engine: &Engine) -> (Outcome, TestLog) {
    let log = TestLog::default();
    let run = run_of(limits(), Vec::new(), Usage::default());
    let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
    (outcome, log)
}

pub(super) const WIDE: u64 = 100_000;

#[tokio::test(start_paused = true)]
async fn a_model_that_is_busy_is_stood_in_for_at_once() {
    let busy = Script::new(vec![vec![vec![(0, Err(ModelError::transient("HTTP 429")))]]]);
    let well = Script::new(vec![vec![answer("42")]]);
    let tier = vec![chosen("openai", &busy, WIDE), chosen("anthropic", &well, WIDE)];
    let engine = tiered([tier.clone(), tier.clone(), tier], &Effects::default());
    let began = Instant::now();
    let (outcome, log) = run_tiers(&engine).await;
    assert_eq!(outcome, COMPLETED);
    assert_eq!(began.elapsed(), Duration::ZERO, "nothing waits when another model is there");
    let choices = choices(&log);
    assert_eq!(
        (choices[0].provider.as_str(), choices[0].tier),
        ("openai", Some(ModelTier::Simple))
    );
    assert_eq!(choices[0].reason, "the step is simple (2 points)");
    assert_eq!(choices[1].provider, "anthropic");
    assert_eq!(choices[1].reason, "openai openai-1 failed: HTTP 429");
    // Ten tokens read and five written, at one and two dollars per million.
    assert_eq!(log.timeline().usage().cost.0, 20);

    // After three faults in a row the provider rests, and is passed over with the reason.
    run_tiers(&engine).await;
    run_tiers(&engine).await;
    let (_, log) = run_tiers(&engine).await;
    let choices = self::choices(&log);
    assert_eq!((choices.len(), choices[0].provider.as_str()), (1, "anthropic"));
    assert!(choices[0].reason.ends_with("openai rests after failures"), "{}", choices[0].reason);
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_comes_to_nothing_or_loops_gives_way_to_the_next() {
    let same = || vec![calls(&[("calculator", json!({"do": "again"}))])];
    for (weak, why) in [
        (vec![vec![answer("")]], "it gave no answer"),
        (vec![vec![vec![(0, Err(ModelError::permanent("no such model")))]]], "no such model"),
        (vec![vec![same()]], "three times with the same arguments"),
    ] {
        let weak = Script::new(weak);
        let strong = Script::new(vec![vec![answer("42")]]);
        let strong = chosen("anthropic", &strong, WIDE);
        let tiers = [vec![chosen("openai", &weak, WIDE)], vec![strong.clone()], vec![strong]];
        let (outcome, log) = run_tiers(&tiered(tiers, &Effects::default())).await;
        assert_eq!(outcome, COMPLETED, "{why}");
        let choices = choices(&log);
        assert_eq!(choices[1].tier, Some(ModelTier::Moderate), "{why}");
        assert!(choices[1].reason.contains(why), "{}", choices[1].reason);
    }
}

#[tokio::test(start_paused = true)]
async fn cheaper_models_are_offered_while_they_do_not_answer_yet() {
    let model = chosen("openai", &Script::new(vec![vec![answer("42")]]), WIDE);
    let tier = vec![model];
    let engine = tiered([tier.clone(), tier.clone(), tier], &Effects::default());
    // A millionth of a dollar: one token that is read.
    let poor = Limits { max_cost_micro_usd: Some(1), ..limits() };
    let log = TestLog::default();
    let offered = async || {
        let run = run_of(poor, log.events(), Usage::default());
        let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
        assert_eq!(outcome, Outcome::Waiting);
        let wait = log.timeline().waiting.expect("the session waits");
        let WaitReason::Budget { has_cheaper, .. } = wait.reason else { panic!("{wait:?}") };
        (wait.sequence, has_cheaper)
    };
    let (waiting, has_cheaper) = offered().await;
    assert!(has_cheaper);
    let decision = Decision::Budget { choice: BudgetChoice::Cheaper };
    let body = EventBody::Decision { waiting, decision };
    let decided = SessionEvent { sequence: waiting + 1, at: start(), body };
    log.events.lock().unwrap().push(decided);
    assert!(!offered().await.1);
}

#[tokio::test(start_paused = true)]
async fn a_long_conversation_is_told_shorter_once() {
    let step = |order: &str| {
        let arguments = json!({"do": format!("{order} {}", "word ".repeat(200))});
        vec![calls(&[("calculator", arguments)])]
    };
    // One after the other, however few messages a summary leaves.
    let replies = (0..8).map(|turn| step(&turn.to_string())).chain([answer("42")]).collect();
    let script = Script::new(vec![replies]);
    let notes = Script::new(vec![vec![answer("they counted words")]]);
    let cheap = chosen("gemini", &notes, WIDE);
    let main = chosen("openai", &script, 6_000);
    let tiers = [vec![cheap], vec![main.clone()], vec![main]];
    let engine = tiered(tiers, &Effects::default());
    let log = TestLog::default();
    let mut run = run_of(limits(), Vec::new(), Usage::default());
    run.session.goal = "Compare, analyse and plan this. Prove it, and explain why".to_owned();
    let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    let summaries: Vec<_> = log
        .events()
        .into_iter()
        .filter_map(|event| match event.body {
            EventBody::ContextSummary { from_step, through_step, by, .. } => {
                Some((from_step, through_step, by))
            }
            _ => None,
        })
        .collect();
    assert!(!summaries.is_empty());
    assert_eq!((summaries[0].0, summaries[0].2.as_str()), (1, "gemini:gemini-1"));
    for pair in summaries.windows(2) {
        assert_eq!(pair[1].0, pair[0].1 + 1, "each step is told shorter once");
    }
    let counter = crate::tokens::Counter::of("openai-1");
    for request in script.requests.lock().unwrap().iter() {
        let tokens = counter.request(request) + u64::from(request.max_output_tokens);
        assert!(tokens <= 6_000, "{tokens}");
    }
    assert_eq!(log.timeline().usage(), *log.used.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_a_person_pinned_outlives_the_summary() {
    let step = |number: u32| {
        let arguments = json!({"do": format!("{number} {}", "word ".repeat(200))});
        vec![output(&format!("note {number}")), calls(&[("calculator", arguments)])]
    };
    let replies = (0..8).map(step).chain([answer("42")]).collect();
    let script = Script::new(vec![replies]);
    let notes = Script::new(vec![vec![answer("they counted words")]]);
    let main = chosen("openai", &script, 6_000);
    let tiers = [vec![chosen("gemini", &notes, WIDE)], vec![main.clone()], vec![main]];
    let engine = tiered(tiers, &Effects::default());
    let log = TestLog { pinned_step: Some(1), ..TestLog::default() };
    let mut run = run_of(limits(), Vec::new(), Usage::default());
    run.session.goal = "Compare, analyse and plan this. Prove it, and explain why".to_owned();
    let outcome = engine.run(run, &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, COMPLETED, "{}", log.reason());
    let pinned: Vec<_> = log
        .events()
        .iter()
        .filter_map(|event| match event.body {
            EventBody::ContextSummary { pinned, .. } => Some(pinned),
            _ => None,
        })
        .collect();
    assert!(pinned.len() > 1, "{pinned:?}");
    assert_eq!(pinned[0], 1, "the first summary stands for the first step");
    assert!(pinned[1..].iter().all(|pinned| *pinned == 0), "{pinned:?}");
    let requests = script.requests.lock().unwrap();
    let last = requests.last().unwrap();
    let has = |wanted: &str| {
        let is_it = |message: &Message| matches!(message, Message::Assistant { text, .. } if text == wanted);
        last.messages.iter().any(is_it)
    };
    assert!(has("note 0"), "{:?}", last.messages);
    assert!(!has("note 1"), "{:?}", last.messages);
}
