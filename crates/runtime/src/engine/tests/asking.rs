//! Tools that ask a person before they answer.

use resonant_domain::form::Form;
use resonant_domain::waiting::{Decision, WaitReason};

use super::*;
use crate::tools::{Answered, Asked, Asking, Question};

/// Asks where it is told to, and answers with what it was told.
#[derive(Clone, Default)]
struct Asker {
    is_once: bool,
    calls: Arc<Mutex<Vec<Asking>>>,
}

impl Tool for Asker {
    fn name(&self) -> &'static str {
        "calculator"
    }

    fn description(&self) -> &'static str {
        "asks"
    }

    fn parameters(&self) -> Value {
        json!({ "type": "object" })
    }

    fn is_safe_to_repeat(&self) -> bool {
        !self.is_once
    }

    fn call<'a>(&'a self, arguments: &'a Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let Some(text) = arguments["ask"].as_str() else { return Ok("plain".to_owned()) };
            self.calls.lock().unwrap().push(context.asking.clone());
            if let Some(answer) = &context.asking.answer {
                return Ok(format!("{text} {:?}", answer.values));
            }
            let question = Question { text: text.to_owned(), form: Form::free_answer() };
            let resume = json!({ "state": text });
            Err(ToolError::Asks(Box::new(Asked { question, resume })))
        })
    }
}

/// A model that makes these calls in its first step, and then answers.
fn engine_of(asker: &Asker, asks: &[(&str, Value)]) -> Engine {
    let script = Script::new(vec![vec![vec![calls(asks)]], vec![answer("42")]]);
    let tools = Tools::empty().with(Arc::new(asker.clone()));
    let models = Models::with_language_model(script, "scripted");
    Engine::new(models, tools, Arc::new(FixedClock::new(start())))
}

/// Whichever worker takes the session next.
async fn go_on(engine: &Engine, log: &TestLog) -> Outcome {
    let used = *log.used.lock().unwrap();
    let run = run_of(limits(), log.events(), used);
    engine.run(run, log, Signals::default()).await.unwrap()
}

/// A person answers what the session waits for. Gives the question.
fn decide(log: &TestLog, values: Option<Value>) -> String {
    let wait = log.timeline().waiting.expect("the session waits");
    let WaitReason::Question { question, .. } = wait.reason.clone() else { panic!("{wait:?}") };
    let entries = Decision::Answer { values }.into_entries(&wait);
    let decided = (wait.sequence + 1..).zip(entries);
    let decided = decided.map(|(sequence, body)| SessionEvent { sequence, at: start(), body });
    log.events.lock().unwrap().extend(decided);
    question
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_asks_is_called_again_with_the_answer() {
    let asks = [("calculator", json!({ "ask": "Who?" })), ("calculator", json!({}))];
    let ada = || Some(json!({ "answer": "Ada" }));
    for (is_once, values) in [(false, ada()), (true, ada()), (true, None)] {
        let asker = Asker { is_once, ..Asker::default() };
        let engine = engine_of(&asker, &asks);
        let log = TestLog::default();
        assert_eq!(go_on(&engine, &log).await, Outcome::Waiting);
        let timeline = log.timeline();
        let calls = &timeline.steps[0].calls;
        assert!(calls[0].result.is_none() && calls[1].result.is_some(), "{calls:?}");
        assert_eq!(go_on(&engine, &log).await, Outcome::Waiting, "it goes on with an answer alone");

        assert_eq!(decide(&log, values.clone()), "Who?");
        assert_eq!(go_on(&engine, &log).await, COMPLETED, "{}", log.reason());
        let answer = Answered { resume: json!({ "state": "Who?" }), values };
        let expected = [None, Some(answer)].map(|answer| Asking { may_ask: true, answer }).to_vec();
        assert_eq!(*asker.calls.lock().unwrap(), expected);
        let begun = log.names().iter().filter(|name| **name == "tool_start").count();
        assert_eq!(begun, if is_once { 3 } else { 0 }, "nobody is asked what became of it");
    }
}

#[tokio::test(start_paused = true)]
async fn one_question_is_asked_at_a_time() {
    let asks = ["One?", "Two?"].map(|text| ("calculator", json!({ "ask": text })));
    let asker = Asker { is_once: true, ..Asker::default() };
    let engine = engine_of(&asker, &asks);
    let log = TestLog::default();
    assert_eq!(go_on(&engine, &log).await, Outcome::Waiting);
    assert_eq!(decide(&log, None), "One?");
    assert_eq!(go_on(&engine, &log).await, COMPLETED, "{}", log.reason());
    let results = log.timeline();
    let results = &results.steps[0].calls;
    let told = |at: usize| results[at].result.as_ref().unwrap().content.clone();
    assert_eq!(told(0), "One? None");
    assert!(told(1).contains("call it again"), "{}", told(1));
}
