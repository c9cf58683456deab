use jiff::Timestamp;
use resonant_domain::agent::{Avatar, Limits};
use resonant_domain::session::Priority;
use resonant_domain::session_event::{EventBody, ToolOutcome};
use resonant_domain::tool::ASK_USER;
use resonant_domain::waiting::{Amount, BudgetScope, Shortfall, WaitReason};
use serde_json::Value;

use super::*;

const AT: &str = "2026-01-02T03:04:05Z";

fn at(seconds: i64) -> Timestamp {
    let base: Timestamp = AT.parse().unwrap();
    Timestamp::from_second(base.as_second() + seconds).unwrap()
}

fn id() -> &'static str {
    "01890a5d-ac96-774b-bcce-b302099a8057"
}

fn budget() -> WaitReason {
    let limit = Amount::Tokens(4_000);
    let scope = BudgetScope::Session;
    let shortfall = Shortfall { scope, caller_agent_id: None, limit, used: 4_000 };
    WaitReason::Budget { shortfall, has_cheaper: false }
}

fn session() -> Session {
    Session {
        id: id().parse().unwrap(),
        owner_id: id().parse().unwrap(),
        agent_id: id().parse().unwrap(),
        agent_version: None,
        agent_name: "Reader".to_owned(),
        agent_avatar: Avatar::default(),
        goal: "Read".to_owned(),
        context: None,
        state: SessionState::Queued,
        reason: None,
        limits: Limits::default(),
        priority: Priority::Normal,
        run_at: None,
        usage: Usage::default(),
        steps: 0,
        model: None,
        waiting: None,
        waited_ms: 0,
        parent: None,
        called_by: None,
        started_by: None,
        origin: None,
        thumb: None,
        pins: Vec::new(),
        variables: std::collections::BTreeMap::new(),
        is_test: false,
        last_sequence: 0,
        created_at: at(0),
        started_at: None,
        ended_at: None,
    }
}

fn live(session: Session) -> LiveSession {
    let timeline = Timeline::default();
    LiveSession::new(SessionSoFar { session, timeline, as_of: at(0) })
}

fn event(sequence: i64, body: EventBody) -> SessionEvent {
    SessionEvent { sequence, at: at(sequence), body }
}

fn start(step: u32, attempt: u32) -> EventBody {
    EventBody::StepStart { step, attempt }
}

fn output(step: u32, delta: &str) -> EventBody {
    EventBody::Output { step, delta: delta.to_owned() }
}

/// A reader of one step's output that counts how often it was asked to read.
fn counter(live: LiveSession, step: LiveStep) -> (Memo<String>, StoredValue<u32>) {
    let count = StoredValue::new(0);
    let memo = Memo::new(move |_| {
        count.update_value(|count| *count += 1);
        live.output(&step)
    });
    (memo, count)
}

#[test]
fn a_piece_of_text_wakes_its_own_step_alone() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        live.hear(event(2, start(2, 1)));
        let steps = live.steps();
        let (first, first_count) = counter(live, steps[0].clone());
        let (second, second_count) = counter(live, steps[1].clone());
        let names = StoredValue::new(0);
        let list = Memo::new(move |_| {
            names.update_value(|count| *count += 1);
            live.steps().len()
        });
        assert_eq!((first.get(), second.get(), list.get()), (String::new(), String::new(), 2));
        live.hear(event(3, output(2, "Hel")));
        live.hear(event(4, output(2, "lo")));
        assert_eq!((first.get(), second.get(), list.get()), (String::new(), "Hello".to_owned(), 2));
        assert_eq!(first_count.get_value(), 1);
        assert_eq!(second_count.get_value(), 2);
        assert_eq!(names.get_value(), 1);
    });
}

#[test]
fn an_event_heard_twice_changes_nothing() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        live.hear(event(2, output(1, "a")));
        live.hear(event(2, output(1, "a")));
        live.hear(event(1, start(1, 1)));
        assert_eq!(live.output(&live.steps()[0]), "a");
        assert_eq!(live.last_sequence(), 2);
    });
}

#[test]
fn a_step_begun_anew_gets_new_signals() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        live.hear(event(2, output(1, "half")));
        let lost = live.steps()[0].clone();
        live.hear(event(3, start(1, 2)));
        live.hear(event(4, output(1, "whole")));
        let steps = live.steps();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].attempt, 2);
        assert_eq!(live.output(&steps[0]), "whole");
        assert_eq!(live.output(&lost), "");
    });
}

#[test]
fn results_find_their_calls() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        for (sequence, call_id) in [(2, "a"), (3, "b")] {
            live.hear(event(
                sequence,
                EventBody::ToolCall {
                    step: 1,
                    call_id: call_id.to_owned(),
                    tool: "calculator".to_owned(),
                    arguments: Value::Null,
                    provider_data: None,
                },
            ));
        }
        let step = live.steps()[0].clone();
        live.hear(event(
            4,
            EventBody::ToolResult {
                step: 1,
                call_id: "b".to_owned(),
                tool: "calculator".to_owned(),
                outcome: ToolOutcome::Ok,
                content: "4".to_owned(),
                duration_ms: 2,
            },
        ));
        assert_eq!(live.calls(&step).len(), 2);
        assert_eq!(live.result(&step, "a"), None);
        assert_eq!(live.result(&step, "b").unwrap().content, "4");
    });
}

#[test]
fn the_state_follows_the_log() {
    Owner::new().with(|| {
        let live = live(session());
        assert_eq!(live.state(), SessionState::Queued);
        live.hear(event(
            1,
            EventBody::SessionStart { provider: "builtin".to_owned(), model: "planner".to_owned() },
        ));
        assert_eq!(live.state(), SessionState::Running);
        live.hear(event(2, EventBody::Waiting { reason: budget() }));
        assert_eq!(live.state(), SessionState::Waiting);
        live.hear(event(3, start(1, 1)));
        assert_eq!(live.state(), SessionState::Running);
        assert!(live.answer().is_none());
        live.hear(event(4, output(1, "42")));
        live.hear(event(
            5,
            EventBody::Done {
                state: SessionState::Completed,
                reason: None,
                usage: Usage::default(),
                duration_ms: 4_000,
                waited_ms: 0,
            },
        ));
        assert_eq!(live.state(), SessionState::Completed);
        assert_eq!(live.elapsed_ms(), 4_000);
        assert_eq!(live.answer().as_deref(), Some("42"));
        assert_eq!(live.ending(), None);
    });
}

#[test]
fn a_record_that_is_over_wins_over_a_silent_log() {
    Owner::new().with(|| {
        let live = live(Session {
            state: SessionState::Failed,
            reason: Some("no worker could take it".to_owned()),
            ..session()
        });
        assert_eq!(live.state(), SessionState::Failed);
        assert_eq!(live.ending().unwrap().reason.as_deref(), Some("no worker could take it"));
        assert_eq!(live.elapsed_ms(), 0);
    });
}

#[test]
fn the_clock_goes_on_between_events_and_never_back() {
    let mut clock = Clock { as_of: at(0), heard_ms: 0.0 };
    clock.hear(at(10), 1_000.0);
    let elapsed_ms = |clock: Clock, now_ms| clock.elapsed_ms(at(10), now_ms);
    assert_eq!(elapsed_ms(clock, 1_000.0), 0);
    assert_eq!(elapsed_ms(clock, 3_500.0), 2_500);
    // Heard late: one second of the log while five went by.
    clock.hear(at(11), 6_000.0);
    assert_eq!(elapsed_ms(clock, 6_000.0), 5_000);
    clock.hear(at(20), 7_000.0);
    assert_eq!(elapsed_ms(clock, 7_000.0), 10_000);
}

fn said(text: &str) -> EventBody {
    EventBody::Message { text: text.to_owned(), context: None }
}

fn done(state: SessionState) -> EventBody {
    let (reason, usage) = (None, Usage::default());
    EventBody::Done { state, reason, usage, duration_ms: 1_000, waited_ms: 0 }
}

#[test]
fn a_record_newer_than_the_log_says_where_the_session_stands() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        live.hear(event(2, done(SessionState::Completed)));
        assert_eq!(live.state(), SessionState::Completed);
        live.renew(Session { state: SessionState::Queued, last_sequence: 3, ..session() });
        assert_eq!(live.state(), SessionState::Queued);
        live.hear(event(3, said("and now?")));
        live.hear(event(4, start(2, 1)));
        assert_eq!(live.state(), SessionState::Running);
        assert_eq!(live.opening(&live.steps()[1]).messages[0].text, "and now?");
        live.hear(event(5, done(SessionState::Completed)));
        assert_eq!(live.state(), SessionState::Completed);
    });
}

#[test]
fn the_time_is_what_was_worked_in_all_rounds() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        live.hear(event(2, done(SessionState::Completed)));
        live.hear(event(3, said("and now?")));
        live.hear(event(4, start(2, 1)));
        live.hear(event(5, done(SessionState::Completed)));
        assert_eq!(live.elapsed_ms(), 2_000);
        // Of what the log has not told yet the record does.
        let (started_at, ended_at) = (Some(at(0)), Some(at(100)));
        let over = Session { state: SessionState::Cancelled, started_at, ended_at, ..session() };
        live.renew(Session { waited_ms: 97_000, last_sequence: 6, ..over });
        assert_eq!(live.elapsed_ms(), 3_000);
    });
}

#[test]
fn who_waits_does_not_work() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        live.hear(event(3, EventBody::Waiting { reason: budget() }));
        live.hear(event(3_603, output(1, "late")));
        assert_eq!(live.elapsed_ms(), 2_000);
    });
}

#[test]
fn answers_about_pins_come_in_any_order() {
    Owner::new().with(|| {
        let live = live(Session { pins: vec![2], ..session() });
        let pinned = Memo::new(move |_| [0, 2, 4].map(|message| live.is_pinned(message)));
        assert_eq!(pinned.get(), [false, true, false]);
        for message in [4, 0, 4] {
            live.set_pin(message, true);
        }
        assert_eq!(pinned.get(), [true, true, true]);
        live.set_pin(2, false);
        assert_eq!(pinned.get(), [true, false, true]);
        live.renew(session());
        assert_eq!(pinned.get(), [false, false, false]);
    });
}

#[test]
fn a_stream_tells_what_was_pinned_elsewhere() {
    Owner::new().with(|| {
        let live = live(Session { pins: vec![2], ..session() });
        let pinned = Memo::new(move |_| [0, 2, 4].map(|message| live.is_pinned(message)));
        assert_eq!(pinned.get(), [false, true, false]);
        live.set_pins(vec![0, 4]);
        assert_eq!(pinned.get(), [true, false, true]);
        // What the viewer has done since is not undone by an event of the log.
        live.set_pin(2, true);
        live.hear(event(1, start(1, 1)));
        assert_eq!(pinned.get(), [true, true, true]);
    });
}

#[test]
fn what_is_tried_again_cannot_be_pinned_any_more() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        let ask = |call_id: &str, tool: &str| EventBody::ToolCall {
            step: 1,
            call_id: call_id.to_owned(),
            tool: tool.to_owned(),
            arguments: Value::Null,
            provider_data: None,
        };
        let answered = |call_id: &str, tool: &str| EventBody::ToolResult {
            step: 1,
            call_id: call_id.to_owned(),
            tool: tool.to_owned(),
            outcome: ToolOutcome::Ok,
            content: "4".to_owned(),
            duration_ms: 1,
        };
        live.hear(event(2, ask("a", ASK_USER)));
        live.hear(event(3, ask("b", "calculator")));
        live.hear(event(4, answered("a", ASK_USER)));
        live.hear(event(5, answered("b", "calculator")));
        live.hear(event(6, output(1, "one")));
        live.hear(event(
            7,
            EventBody::StepComplete { step: 1, usage: Usage::default(), duration_ms: 1 },
        ));
        let step = live.steps()[0].clone();
        let numbers = Memo::new(move |_| {
            (live.reply(&step, "a"), live.reply(&step, "b"), live.close(&step).sequence)
        });
        assert_eq!(numbers.get(), (Some(4), None, Some(7)));
        live.hear(event(8, done(SessionState::Failed)));
        assert_eq!(numbers.get(), (Some(4), None, Some(7)));
        live.hear(event(9, EventBody::Retry { step: 1 }));
        assert_eq!(numbers.get(), (None, None, None));
        // Until it begins anew, it is shown as it was.
        assert_eq!(live.output(&live.steps()[0]), "one");
    });
}

#[test]
fn what_was_said_waits_until_a_step_hears_it() {
    Owner::new().with(|| {
        let live = live(session());
        live.hear(event(1, start(1, 1)));
        let waiting = Memo::new(move |_| live.unheard().len());
        assert_eq!(waiting.get(), 0);
        live.hear(event(2, said("shorter")));
        assert_eq!(waiting.get(), 1);
        live.hear(event(3, start(2, 1)));
        assert_eq!(waiting.get(), 0);
    });
}

#[test]
fn a_bad_end_names_the_step_that_is_tried_again() {
    for (state, expected) in [
        (SessionState::Completed, None),
        (SessionState::Failed, Some(2)),
        (SessionState::Cancelled, Some(2)),
        (SessionState::Timeout, Some(2)),
    ] {
        Owner::new().with(|| {
            let live = live(session());
            live.hear(event(1, start(1, 1)));
            live.hear(event(2, start(2, 1)));
            let failed = Memo::new(move |_| live.failed_step());
            assert_eq!(failed.get(), None, "it is at work");
            live.hear(event(3, done(state)));
            assert_eq!(failed.get(), expected, "{state:?}");
        });
    }
}
