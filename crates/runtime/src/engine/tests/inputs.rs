//! What a model was given is made anew as it was.

use resonant_domain::step_input::{Given, InputDoubt};

use super::*;
use crate::models::{Chosen, ModelFacts};

/// Tells steps shorter, and is none of those that are compared.
struct Notes(Arc<Script>);

impl Model for Notes {
    fn provider(&self) -> &'static str {
        "gemini"
    }

    fn reply(&self, request: ModelRequest) -> ReplyStream {
        self.0.reply(request)
    }
}

/// A model with such a window, and one that tells long conversations shorter.
fn narrow(script: &Arc<Script>, window: u64) -> Engine {
    let facts = |window| Some(ModelFacts { window, ..ModelFacts::default() });
    let notes = Script::new(vec![vec![answer("they counted words")]]);
    let notes =
        Chosen { model: Arc::new(Notes(notes)), name: "notes".to_owned(), facts: facts(100_000) };
    let main = Chosen { model: script.clone(), name: "small".to_owned(), facts: facts(window) };
    let tiers = [vec![notes], vec![main.clone()], vec![main]];
    let tools = Tools::empty().with(Arc::new(Effects::default()));
    Engine::new(Models::with_tiers(tiers), tools, Arc::new(FixedClock::new(start())))
}

/// Plays a run; answers it with the log that it has left.
async fn played(engine: &Engine, limits: Limits, goal: &str, log: &TestLog) -> Run {
    let mut run = run_of(limits, Vec::new(), Usage::default());
    run.session.goal = goal.to_owned();
    run.agent.system_prompt = "Count.".to_owned();
    engine.run(run.clone(), log, Signals::default()).await.unwrap();
    Run { history: log.events(), ..run }
}

fn assert_same(engine: &Engine, run: &Run, step: u32, sent: &ModelRequest) {
    let anew = engine.anew(run, step).expect("the step has begun").request;
    assert_eq!(anew.messages, sent.messages, "step {step}");
    assert_eq!(anew.system_with_date(), sent.system_with_date(), "step {step}");
    assert_eq!(anew.max_output_tokens, sent.max_output_tokens, "step {step}");
    assert_eq!((anew.model, anew.tools.len()), (sent.model.clone(), sent.tools.len()));
}

#[tokio::test(start_paused = true)]
async fn a_long_conversation_is_made_anew_as_it_was_cut_and_told_shorter() {
    let step = |number: usize| {
        let arguments = json!({"do": format!("{number} {}", "word ".repeat(200))});
        vec![output("A note"), calls(&[("calculator", arguments)])]
    };
    let replies = (0..8).map(step).chain([answer("42")]).collect();
    let script = Script::new(vec![replies]);
    let engine = narrow(&script, 6_000);
    let goal = "Compare, analyse and plan this. Prove it, and explain why";
    let run = played(&engine, limits(), goal, &TestLog::default()).await;
    let sent = script.requests.lock().unwrap();
    assert_eq!(sent.len(), 9);
    for (step, sent) in (1..).zip(sent.iter()) {
        assert_same(&engine, &run, step, sent);
    }
    let first = engine.step_input(&run, 1).unwrap();
    assert_eq!((first.provider.as_str(), first.doubts.len()), ("openai", 0));
    assert!(matches!(&first.messages[..], [Given::Goal { text }] if text.contains("notes")));
    let last = engine.step_input(&run, 9).unwrap();
    assert!(matches!(&last.messages[1], Given::Summary { text } if text.contains("they counted")));
    assert_eq!(last.doubts, [InputDoubt::Shortened]);
    assert_eq!(engine.step_input(&run, 10), None);
}

#[tokio::test(start_paused = true)]
async fn the_newest_attempt_and_the_last_step_are_made_anew() {
    let broken = || vec![output("half"), (0, Err(ModelError::transient("busy")))];
    let order = || vec![calls(&[("calculator", json!({"do": "x"}))])];
    let script = Script::new(vec![vec![broken(), order()], vec![answer("42")]]);
    let engine = engine(&script, &Effects::default());
    let said = |text: &str| EventBody::Message { text: text.to_owned(), context: None };
    let said = VecDeque::from([None, None, Some(said("Hurry")), None, Some(said("Well?"))]);
    let log = TestLog { said_meanwhile: Mutex::new(said), ..TestLog::default() };
    let few = Limits { max_steps: 2, ..limits() };
    let run = played(&engine, few, "Go", &log).await;
    let sent = script.requests.lock().unwrap();
    assert!(sent.len() >= 3, "two attempts, and the last step");
    assert_same(&engine, &run, 1, &sent[1]);
    assert_same(&engine, &run, 2, &sent[2]);
    assert_eq!(engine.step_input(&run, 1).unwrap().attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_gone_is_told_and_nothing_is_cut() {
    let script = Script::new(vec![vec![answer("42")]]);
    let run = played(&narrow(&script, 6_000), limits(), "Go", &TestLog::default()).await;
    let gone = Models::new(&crate::models::ModelSettings::default()).unwrap();
    let engine = Engine::new(gone, Tools::empty(), Arc::new(FixedClock::new(start())));
    let input = engine.step_input(&run, 1).unwrap();
    assert_eq!(input.doubts, [InputDoubt::ModelGone]);
    assert_eq!(input.messages.len(), 1);
}
