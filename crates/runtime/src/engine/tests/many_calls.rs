//! Sessions of many steps, and steps of many calls.

use resonant_domain::waiting::WaitReason;

use super::people::{careful_run, message, people_engine};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_person_is_asked_about_no_more_calls_than_a_step_may_ask_for() {
    let many: Vec<_> = (0..70).map(|i| ("calculator", json!({"do": i.to_string()}))).collect();
    let script = Script::new(vec![vec![vec![calls(&many)]], vec![answer("42")]]);
    let log = TestLog::default();
    let engine = people_engine(&script, Effects::default());
    let outcome = engine.run(careful_run(&log), &log, Signals::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Waiting);
    let WaitReason::Approval { calls, .. } = log.wait().reason else { panic!("{:?}", log.wait()) };
    assert_eq!(calls.len(), 64);
    let refused = log.names().iter().filter(|name| **name == "tool_result").count();
    assert_eq!(refused, 6, "the others have their answer already");
}

#[tokio::test(start_paused = true)]
async fn a_session_of_more_than_a_hundred_steps_calls_tools() {
    let late = vec![calls(&[("calculator", json!({"do": "late"}))])];
    let script = Script::new(vec![vec![answer("first")], vec![late], vec![answer("42")]]);
    let log = TestLog::default();
    let (used, state) = (Usage::default(), SessionState::Completed);
    log.write(vec![
        EventBody::StepStart { step: 100, attempt: 1 },
        EventBody::Output { step: 100, delta: "first".to_owned() },
        EventBody::StepComplete { step: 100, usage: used, duration_ms: 1 },
        EventBody::Done { state, reason: None, usage: used, duration_ms: 1, waited_ms: 0 },
        message("and then?"),
    ]);
    let effects = Effects::default();
    let engine = people_engine(&script, effects.clone());
    let run = run_of(limits(), log.events(), Usage::default());
    assert_eq!(engine.run(run, &log, Signals::default()).await.unwrap(), COMPLETED);
    assert_eq!(*effects.called.lock().unwrap(), ["late"], "{:?}", log.events());
}
