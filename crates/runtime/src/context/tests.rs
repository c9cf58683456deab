//! Whatever a session holds, what a model is shown fits its window.

use jiff::Timestamp;
use proptest::prelude::*;
use resonant_domain::session::Usage;
use resonant_domain::session_event::{EventBody, SessionEvent};
use serde_json::json;

use super::*;

/// A session of such steps: the lengths of what the model wrote, of arguments and of results, in
/// characters, and of what the person said before.
fn session(steps: &[(usize, usize, usize, usize)]) -> Progress {
    let mut bodies = Vec::new();
    for (number, (wrote, asked, answered, said)) in (1..).zip(steps) {
        if *said > 0 {
            bodies.push(EventBody::Message { text: "wort ".repeat(said / 5), context: None });
        }
        bodies.push(EventBody::StepStart { step: number, attempt: 1 });
        bodies.push(EventBody::Output { step: number, delta: "text ".repeat(wrote / 5) });
        let (call_id, tool) = (format!("call{number:02}001"), "extract".to_owned());
        bodies.push(EventBody::ToolCall {
            step: number,
            call_id: call_id.clone(),
            tool: tool.clone(),
            arguments: json!({ "text": "ä".repeat(*asked) }),
            provider_data: None,
        });
        bodies.push(EventBody::ToolResult {
            step: number,
            call_id,
            tool,
            outcome: ToolOutcome::Ok,
            content: "{\"a\": 1}\n".repeat(answered / 9),
            duration_ms: 1,
        });
        let usage = Usage::default();
        bodies.push(EventBody::StepComplete { step: number, usage, duration_ms: 1 });
    }
    let at = Timestamp::UNIX_EPOCH;
    let events: Vec<_> =
        (1..).zip(bodies).map(|(sequence, body)| SessionEvent { sequence, at, body }).collect();
    Progress::new(&events, Usage::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_longer_than_its_room(
        steps in prop::collection::vec((0..3_000_usize, 0..3_000_usize, 0..20_000_usize, 0..800_usize), 0..7),
        goal in 1..6_000_usize,
        material in 0..40_000_usize,
        room in 0..12_000_u64,
        pins in prop::collection::vec(0..40_i64, 0..6),
        model in prop::sample::select(vec!["gpt-4o", "claude-sonnet-4-5", "llama3"]),
    ) {
        let progress = session(&steps);
        let counter = Counter::of(model);
        let (goal, material) = ("goal ".repeat(goal / 5 + 1), "zeile\n".repeat(material / 6));
        match fit(&progress, &goal, Some(&material), &pins, counter, room, false) {
            Fit::Whole(messages) => {
                let tokens: u64 = messages.iter().map(|message| counter.message(message)).sum();
                prop_assert!(tokens <= room, "{tokens} > {room}");
                let results = messages.iter().filter(|it| matches!(it, Message::Tool { .. })).count();
                prop_assert_eq!(results, steps.len(), "nothing is left out");
            }
            Fit::Never => {
                // Every message is as short as it gets by then.
                prop_assert!(room < 400 * (2 + 4 * steps.len() as u64));
            }
            Fit::Shorter(_) => prop_assert!(false, "it was not allowed to"),
        }
    }
}

#[test]
fn what_is_cut_says_where_the_whole_is() {
    let progress = session(&[(10, 10, 9_000, 0)]);
    let Fit::Whole(messages) = fit(&progress, "go", None, &[], Counter::Estimate, 600, false)
    else {
        panic!("it fits when it is cut")
    };
    let Message::Tool { content, .. } = &messages[2] else { panic!("{messages:?}") };
    assert!(
        content.ends_with("[Cut to fit: the whole text is the source `call01001`.]"),
        "{content}"
    );
}

#[test]
fn each_material_is_a_source_of_its_own() {
    let (first, second) = ("first\n".repeat(400), "second\n".repeat(400));
    let bodies = vec![
        EventBody::Message { text: "Now this".to_owned(), context: Some(second.clone()) },
        EventBody::StepStart { step: 1, attempt: 1 },
    ];
    let at = Timestamp::UNIX_EPOCH;
    let events: Vec<_> =
        (7..).zip(bodies).map(|(sequence, body)| SessionEvent { sequence, at, body }).collect();
    let progress = Progress::new(&events, Usage::default());
    let sources = progress.sources(Some(&first));
    let source = |name: &str| sources.get(name).map(String::as_str);
    assert_eq!(source("context_0"), Some(first.as_str()));
    assert_eq!(source("context_1"), Some(second.as_str()));
    assert_eq!(source("context"), Some(second.as_str()), "the newest");
    let fit = fit(&progress, "Go", Some(&first), &[], Counter::Estimate, 600, false);
    let Fit::Whole(messages) = fit else { panic!("it fits when it is cut") };
    for (message, name) in messages.iter().zip(["context_0", "context_1"]) {
        let text = message.user_text(true);
        assert!(text.contains(&format!("(tools read it whole as the source `{name}`)")), "{text}");
        let mark = format!("[Cut to fit: the whole text is the source `{name}`.]");
        assert!(text.contains(&mark), "{text}");
    }
}

/// Six steps, of which the person said something before each: message 6n-5, answer 6n.
fn steered() -> Progress {
    session(&[(600, 50, 900, 100); 6])
}

#[test]
fn what_is_pinned_stays_word_for_word() {
    let mut progress = steered();
    let body = EventBody::ContextSummary {
        step: 7,
        from_step: 1,
        through_step: 3,
        text: "They talked".to_owned(),
        by: "openai:small".to_owned(),
        reason: String::new(),
        tokens_before: 1,
        tokens_after: 1,
        pinned: 1,
        usage: Usage::default(),
    };
    progress.take(&[SessionEvent { sequence: 37, at: Timestamp::UNIX_EPOCH, body }]);
    let written = "text ".repeat(120);
    let has_whole = |pins: &[i64], room| {
        let fit = fit(&progress, "go", None, pins, Counter::Estimate, room, false);
        let Fit::Whole(messages) = fit else { panic!("it fits when it is cut") };
        let is_whole = |message: &&Message| matches!(message, Message::Assistant { text, calls } if *text == written && calls.is_empty());
        messages.iter().filter(is_whole).count()
    };
    assert_eq!(has_whole(&[], 2_400), 0, "what is not pinned is told shorter");
    assert_eq!(has_whole(&[12], 2_400), 1);
    assert_eq!(has_whole(&[6, 12], 100_000), 2);
}

#[test]
fn a_summary_stands_for_what_people_said_before_its_steps_too() {
    // Message 6n-5, each as long as is never cut.
    let mut progress = session(&[(20, 10, 9, 200); 200]);
    let before = fit(&progress, "go", None, &[], Counter::Estimate, 3_000, true);
    let Fit::Shorter(due) = before else { panic!("it is too long: {before:?}") };
    let words = Counter::Estimate.text(&"wort ".repeat(40));
    assert!(due.through_step == 197 && due.tokens > 197 * words, "{due:?}");
    let body = EventBody::ContextSummary {
        step: 201,
        from_step: 1,
        through_step: 197,
        text: "They talked".to_owned(),
        by: "openai:small".to_owned(),
        reason: String::new(),
        tokens_before: 1,
        tokens_after: 1,
        pinned: 0,
        usage: Usage::default(),
    };
    progress.take(&[SessionEvent { sequence: 1_201, at: Timestamp::UNIX_EPOCH, body }]);
    for (pins, said) in [(Vec::new(), 3), (vec![7], 4)] {
        let fit = fit(&progress, "go", None, &pins, Counter::Estimate, 3_000, false);
        let Fit::Whole(messages) = fit else { panic!("the summary stands for them") };
        let is_said = |message: &&Message| matches!(message, Message::User { text, .. } if text.starts_with("wort"));
        assert_eq!(messages.iter().filter(is_said).count(), said);
    }
}

#[test]
fn a_summary_tells_how_much_of_its_steps_is_pinned() {
    let pins = [7, 12, 36];
    let Fit::Shorter(due) = fit(&steered(), "go", None, &pins, Counter::Estimate, 800, true) else {
        panic!("it is too long")
    };
    assert_eq!((due.through_step, due.pinned), (3, 2));
}

#[test]
fn the_middle_is_due_for_a_summary_and_the_last_steps_are_not() {
    let progress = session(&[(50, 50, 500, 0); 6]);
    let Fit::Shorter(due) = fit(&progress, "go", None, &[], Counter::Estimate, 800, true) else {
        panic!("it is too long")
    };
    assert_eq!((due.from_step, due.through_step), (1, 3));
    let (text, through) = transcript(&progress, "go", due, Counter::Estimate, 100_000);
    assert!(text.contains("Step 3") && !text.contains("Step 4"));
    assert_eq!(through, 3);
}

#[test]
fn a_summary_stands_for_no_step_that_was_not_shown() {
    let progress = session(&[(50, 50, 3_000, 0); 9]);
    let due = Summarise::due(&progress, &[], 3, Counter::Estimate).unwrap();
    assert_eq!((due.from_step, due.through_step), (1, 6));
    let tokens =
        Counter::Estimate.text(&transcript(&progress, "go", due, Counter::Estimate, u64::MAX).0);
    let mut seen = Vec::new();
    for part in 1..=7 {
        let room = tokens * part / 6;
        let (text, through) = transcript(&progress, "go", due, Counter::Estimate, room);
        for step in 1..=9 {
            let is_shown = text.contains(&format!("\nStep {step}\n"));
            assert_eq!(is_shown, step <= through, "{step} of {through}");
        }
        assert!(Counter::Estimate.text(&text) <= room.max(500) + 30, "{through}");
        let shorter = due.up_to(through, &progress, &[], Counter::Estimate);
        assert_eq!((shorter.from_step, shorter.through_step), (1, through));
        assert_eq!(shorter.tokens < due.tokens, through < 6);
        seen.push(through);
    }
    assert!(seen.is_sorted() && seen.contains(&3) && seen.ends_with(&[6]), "{seen:?}");

    // Not even one step has room: it is there, and says that it is cut.
    let (text, through) = transcript(&progress, "go", due, Counter::Estimate, 10);
    assert_eq!(through, 1);
    assert!(text.ends_with("[Cut: the rest of the step was too long]\n"), "{text}");
}

#[test]
fn neither_the_goal_nor_the_summary_leaves_a_step_without_room() {
    let mut progress = session(&[(50, 50, 90, 0); 9]);
    let body = EventBody::ContextSummary {
        step: 8,
        from_step: 1,
        through_step: 2,
        text: "note ".repeat(400),
        by: "openai:small".to_owned(),
        reason: String::new(),
        tokens_before: 1,
        tokens_after: 1,
        pinned: 0,
        usage: Usage::default(),
    };
    progress.take(&[SessionEvent { sequence: 100, at: Timestamp::UNIX_EPOCH, body }]);
    let due = Summarise::due(&progress, &[], 3, Counter::Estimate).unwrap();
    assert_eq!((due.from_step, due.through_step), (3, 6));
    let goal = "goal ".repeat(400);
    for room in [1_200, 2_000, 100_000] {
        let (text, through) = transcript(&progress, &goal, due, Counter::Estimate, room);
        let tokens = Counter::Estimate.text(&text);
        assert!(tokens <= room, "{tokens} > {room}");
        assert!(through >= 3 && text.contains("Step 3") && text.contains("note note"), "{text}");
    }
}

#[test]
fn a_step_that_came_to_nothing_is_left_out_and_what_came_with_a_call_is_kept() {
    let given = json!({ "by": "openai:m", "reasoning_content": "so" });
    let bodies = vec![
        EventBody::StepStart { step: 1, attempt: 1 },
        EventBody::ToolCall {
            step: 1,
            call_id: "call01001".to_owned(),
            tool: "calculator".to_owned(),
            arguments: json!({}),
            provider_data: Some(given.clone()),
        },
        EventBody::ToolResult {
            step: 1,
            call_id: "call01001".to_owned(),
            tool: "calculator".to_owned(),
            outcome: ToolOutcome::Ok,
            content: "4".to_owned(),
            duration_ms: 1,
        },
        EventBody::StepComplete { step: 1, usage: Usage::default(), duration_ms: 1 },
        EventBody::StepStart { step: 2, attempt: 1 },
        EventBody::Output { step: 2, delta: " \n".to_owned() },
        EventBody::StepComplete { step: 2, usage: Usage::default(), duration_ms: 1 },
    ];
    let at = Timestamp::UNIX_EPOCH;
    let events: Vec<_> =
        (1..).zip(bodies).map(|(sequence, body)| SessionEvent { sequence, at, body }).collect();
    let progress = Progress::new(&events, Usage::default());
    let told = messages(&progress, "Go", None, &[]);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|message| !message.is_blank()));
    let kept = matches!(
        &told[1],
        Message::Assistant { calls, .. } if calls[0].provider_data.as_ref() == Some(&given)
    );
    assert!(kept, "{told:?}");
}
