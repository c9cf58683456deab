//! Tables of cases.

use serde_json::Value;

use super::results::RESULT_MIN_BYTES;
use super::*;
use crate::models::Message;

fn events(bodies: Vec<EventBody>) -> Vec<SessionEvent> {
    (1..)
        .zip(bodies)
        .map(|(sequence, body)| SessionEvent { sequence, at: Timestamp::UNIX_EPOCH, body })
        .collect()
}

fn call(step: u32, id: &str) -> EventBody {
    EventBody::ToolCall {
        step,
        call_id: id.to_owned(),
        tool: "calculator".to_owned(),
        arguments: Value::Null,
        provider_data: None,
    }
}

fn result(step: u32, id: &str, content: &str) -> EventBody {
    EventBody::ToolResult {
        step,
        call_id: id.to_owned(),
        tool: "calculator".to_owned(),
        outcome: ToolOutcome::Ok,
        content: content.to_owned(),
        duration_ms: 1,
    }
}

fn complete(step: u32) -> EventBody {
    EventBody::StepComplete {
        step,
        usage: Usage { input_tokens: 5, output_tokens: 2, ..Usage::default() },
        duration_ms: 1,
    }
}

#[test]
fn what_comes_next_follows_from_the_log() {
    let start = EventBody::StepStart { step: 1, attempt: 1 };
    let output = EventBody::Output { step: 1, delta: "half".to_owned() };
    for (log, next) in [
        (vec![], Next::Step { number: 1, attempt: 1 }),
        (vec![start.clone()], Next::Step { number: 1, attempt: 2 }),
        (vec![start.clone(), output.clone()], Next::Step { number: 1, attempt: 2 }),
        (vec![start.clone(), call(1, "a")], Next::Tools),
        (vec![start.clone(), call(1, "a"), result(1, "a", "4")], Next::Tools),
        (
            vec![start.clone(), call(1, "a"), result(1, "a", "4"), complete(1)],
            Next::Step { number: 2, attempt: 1 },
        ),
        (vec![start, output, complete(1)], Next::Answered),
    ] {
        assert_eq!(Progress::new(&events(log.clone()), Usage::default()).next(), next, "{log:?}");
    }
}

#[test]
fn messages_keep_the_order_of_the_calls() {
    let progress = Progress::new(
        &events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            call(1, "a"),
            call(1, "b"),
            result(1, "b", "second"),
            result(1, "a", &"x".repeat(crate::context::RESULT_SHOWN_MAX + 1)),
            complete(1),
        ]),
        Usage::default(),
    );
    let messages = crate::context::messages(&progress, "goal", None, &[]);
    assert_eq!(messages.len(), 4);
    let Message::Tool { call_id, content, .. } = &messages[2] else { panic!("{messages:?}") };
    assert_eq!(call_id, "a");
    assert!(content.ends_with("all of it.]") && content.contains("source `a`"));
    assert!(content.contains("`read_result` from `offset` 16000"), "{content}");
    assert!(progress.has_long_result());
    assert_eq!(progress.sources(Some("c")).len(), 4);
    assert_eq!(progress.sources(None)["a"].len(), crate::context::RESULT_SHOWN_MAX + 1);
}

#[test]
fn the_results_of_a_session_are_bounded_together() {
    const MIB: usize = 1024 * 1024;
    let log = |sizes: &[usize]| {
        let mut bodies = vec![EventBody::StepStart { step: 1, attempt: 1 }];
        for (at, size) in sizes.iter().enumerate() {
            let id = format!("call01{at:03}");
            bodies.push(call(1, &id));
            bodies.push(result(1, &id, &"x".repeat(*size)));
        }
        Progress::new(&events(bodies), Usage::default())
    };
    assert_eq!(log(&[]).room_for_results(1), RESULTS_MAX_BYTES);
    assert_eq!(log(&[MIB, 3 * MIB]).room_for_results(4), MIB);
    assert_eq!(log(&[5 * MIB, 4 * MIB]).room_for_results(1), RESULT_MIN_BYTES);
    assert!(!log(&[crate::context::RESULT_SHOWN_MAX]).has_long_result());
}

#[test]
fn the_open_step_used_what_no_complete_one_did() {
    let used = Usage { input_tokens: 12, output_tokens: 3, ..Usage::default() };
    let progress = Progress::new(
        &events(vec![
            EventBody::StepStart { step: 1, attempt: 1 },
            call(1, "a"),
            result(1, "a", "4"),
            complete(1),
            EventBody::StepStart { step: 2, attempt: 1 },
            call(2, "b"),
        ]),
        used,
    );
    assert_eq!(progress.open_usage().input_tokens, 7);
    assert_eq!(progress.open_calls().len(), 1);
}

#[test]
fn a_fork_calls_each_material_as_its_parent_does() {
    let said = |context: Option<&str>| EventBody::Message {
        text: "Now this".to_owned(),
        context: context.map(str::to_owned),
    };
    let log = events(vec![
        said(Some("one")),
        EventBody::StepStart { step: 1, attempt: 1 },
        complete(1),
        said(None),
        said(Some("two")),
        EventBody::StepStart { step: 2, attempt: 1 },
    ]);
    let parent = Progress::new(&log, Usage::default()).sources(Some("zero"));
    for (source, text) in
        [("context_0", "zero"), ("context_1", "one"), ("context_2", "two"), ("context", "two")]
    {
        assert_eq!(parent.get(source).map(String::as_str), Some(text), "{source}");
    }
    // What is the parent's alone is not in its log, so that all else has other numbers there.
    let numbered = |event: SessionEvent| SessionEvent { sequence: event.sequence + 8, ..event };
    let fork: Vec<_> = log.into_iter().map(numbered).collect();
    assert_eq!(Progress::new(&fork, Usage::default()).sources(Some("zero")), parent);
}
