use std::time::Duration;

use futures::TryStreamExt as _;
use resonant_domain::FaultKind;
use resonant_domain::agent::Agent;
use resonant_domain::agent::{AgentChanges, LimitChanges};
use resonant_domain::pin::NewPin;
use resonant_domain::session::Priority;
use resonant_domain::session_event::{EventBody, ToolOutcome};
use resonant_domain::tool::ASK_USER;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::Semaphore;

use super::*;
use crate::store::lock_waits::until_waiting;
use crate::store::queue::Terms;
use crate::{Settings, agents, sample, work};

async fn agent(ctx: &Ctx) -> Agent {
    agents::create(ctx, sample::spec("Reader")).await.unwrap()
}

fn piece(number: usize) -> EventBody {
    EventBody::Output { step: 1, delta: number.to_string() }
}

fn done() -> EventBody {
    ended(SessionState::Completed)
}

fn ended(state: SessionState) -> EventBody {
    EventBody::Done { state, reason: None, usage: Usage::default(), duration_ms: 1, waited_ms: 0 }
}

/// A session that a worker holds, and what it writes under.
async fn claimed(backend: &Backend, ctx: &Ctx) -> (UserId, SessionId, i64) {
    let agent = agent(ctx).await;
    let session = start(ctx, agent.id, sample::goal("Read")).await.unwrap();
    let mut conn = backend.conn().await.unwrap();
    let terms = Terms::new(backend.slots(), backend.owners());
    let claimed = store::queue::claim_one(&mut conn, "worker", Duration::from_mins(1), &terms)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(claimed.session_id, session.id);
    (claimed.owner_id, claimed.session_id, claimed.fence)
}

async fn write(
    backend: &Backend,
    key: (UserId, SessionId, i64),
    entries: Vec<EventBody>,
) -> Option<Vec<SessionEvent>> {
    let mut conn = backend.conn().await.unwrap();
    let now = backend.now();
    store::session_events::append(&mut conn, key, None, entries, Usage::default(), now)
        .await
        .unwrap()
}

fn numbers(events: &[SessionEvent]) -> Vec<i64> {
    events.iter().map(|event| event.sequence).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_keeps_the_agent_as_it_was(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agent(&ctx).await;
    let new = NewSession {
        goal: " Read this ".to_owned(),
        context: Some("A text".to_owned()),
        limits: LimitChanges { max_steps: Some(2), ..LimitChanges::default() },
        ..NewSession::default()
    };
    let started = start(&ctx, agent.id, new).await.unwrap();
    assert_eq!((started.goal.as_str(), started.state), ("Read this", SessionState::Queued));
    assert_eq!(started.limits.max_steps, 2);
    assert_eq!(started.limits.max_tokens, agent.spec.limits.max_tokens);
    let rename = AgentChanges { name: Some("Other".to_owned()), ..AgentChanges::default() };
    agents::update(&ctx, agent.id, rename, None).await.unwrap();
    assert_eq!(get(&ctx, started.id).await.unwrap(), started);
    assert_eq!(started.agent_name, "Reader");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn only_an_active_agent_runs_and_only_on_a_goal(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agent(&ctx).await;
    let error = start(&ctx, agent.id, sample::goal("  ")).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "goal");
    for status in [AgentStatus::Paused, AgentStatus::Archived] {
        let changes = AgentChanges { status: Some(status), ..AgentChanges::default() };
        agents::update(&ctx, agent.id, changes, None).await.unwrap();
        let error = start(&ctx, agent.id, sample::goal("Read")).await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::Conflict);
    }
    assert_eq!(list(&ctx, SessionFilter::default()).await.unwrap(), Page::empty());
    assert!(work::claim(&backend.system(), "worker").await.unwrap().is_none());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn sessions_are_listed_newest_first(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let (one, two) = (agent(&ctx).await, agent(&ctx).await);
    let mut started = Vec::new();
    for number in 0..5 {
        let agent = if number % 2 == 0 { &one } else { &two };
        let goal = sample::goal(&format!("Goal {number} {}", "word ".repeat(100)));
        started.push(start(&ctx, agent.id, goal).await.unwrap().id);
    }
    started.reverse();
    let filter =
        |agent_id, cursor| SessionFilter { agent_id, page: PageRequest { cursor, limit: Some(2) } };
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = list(&ctx, filter(None, cursor)).await.unwrap();
        assert!(page.items.iter().all(|session| session.goal.chars().count() <= 200));
        seen.extend(page.items.iter().map(|session| session.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, started);
    let of_two = list(&ctx, filter(Some(two.id), None)).await.unwrap();
    assert_eq!(
        of_two.items.iter().map(|session| session.id).collect::<Vec<_>>(),
        [started[1], started[3]]
    );
    assert_eq!(of_two.next_cursor, None);
    let cursor = list(&ctx, filter(None, None)).await.unwrap().next_cursor;
    let error = list(&ctx, filter(Some(one.id), cursor)).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "cursor");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn cancelling_a_queued_session_ends_it_at_once(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agent(&ctx).await;
    let session = start(&ctx, agent.id, sample::goal("Read")).await.unwrap();
    let ended = cancel(&ctx, session.id).await.unwrap();
    assert_eq!(ended.state, SessionState::Cancelled);
    assert!(ended.ended_at.is_some());
    let events = events(&ctx, session.id, 0).await.unwrap();
    assert!(matches!(
        &events[..],
        [SessionEvent {
            sequence: 1,
            body: EventBody::Done { state: SessionState::Cancelled, .. },
            ..
        }]
    ));
    assert_eq!(cancel(&ctx, session.id).await.unwrap(), ended);
    assert!(work::claim(&backend.system(), "worker").await.unwrap().is_none());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_append_folds_into_the_session(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    let begin = vec![
        EventBody::SessionStart { provider: "builtin".into(), model: "planner".into() },
        EventBody::StepStart { step: 1, attempt: 1 },
    ];
    assert_eq!(numbers(&write(&backend, key, begin).await.unwrap()), [1, 2]);
    let used =
        Usage { input_tokens: 5, output_tokens: 7, cost: resonant_domain::money::MicroUsd(11) };
    for _ in 0..2 {
        let mut conn = backend.conn().await.unwrap();
        let now = backend.now();
        store::session_events::append(&mut conn, key, None, vec![piece(1)], used, now)
            .await
            .unwrap();
    }
    let running = get(&ctx, key.1).await.unwrap();
    assert_eq!(running.state, SessionState::Running);
    assert_eq!((running.steps, running.model.as_deref()), (1, Some("planner")));
    assert_eq!((running.usage.input_tokens, running.usage.output_tokens), (10, 14));
    assert_eq!(running.usage.cost.0, 22);
    assert!(running.started_at.is_some() && running.ended_at.is_none());

    write(&backend, key, vec![done()]).await.unwrap();
    let over = get(&ctx, key.1).await.unwrap();
    assert_eq!((over.state, over.last_sequence), (SessionState::Completed, 5));
    assert_eq!(over.started_at, running.started_at);
    assert!(over.ended_at.is_some());
    assert_eq!(write(&backend, key, vec![piece(9)]).await, None, "nothing follows the end");
    assert_eq!(events(&ctx, key.1, 0).await.unwrap().len(), 5);
    assert_eq!(numbers(&events(&ctx, key.1, 3).await.unwrap()), [4, 5]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_nul_from_outside_does_not_break_the_log(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    let call = EventBody::ToolCall {
        step: 1,
        call_id: "1".into(),
        tool: "extract".into(),
        arguments: json!({"te\0xt": ["a\0b"]}),
        provider_data: Some(json!({ "by": "openai:m", "reasoning_content": "a\0b" })),
    };
    let text = EventBody::Output { step: 1, delta: "x\0y".into() };
    let written = write(&backend, key, vec![call, text]).await.unwrap();
    assert!(matches!(&written[1].body, EventBody::Output { delta, .. } if delta == "x\u{fffd}y"));
    assert_eq!(events(&ctx, key.1, 0).await.unwrap(), written);
    // What the model's provider wants back is kept for it, and told to nobody else.
    let mut conn = backend.conn().await.unwrap();
    let log = store::session_events::list(&mut conn, key.0, key.1, 0, 10).await.unwrap();
    let kept = matches!(
        &log[0].body,
        EventBody::ToolCall { provider_data: Some(data), .. }
            if data["reasoning_content"] == "a\u{fffd}b"
    );
    assert!(kept, "{log:?}");
    assert!(!serde_json::to_string(&log).unwrap().contains("reasoning_content"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn parallel_appends_are_numbered_without_gaps(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    let appends = (0..20).map(|number| write(&backend, key, vec![piece(number), piece(number)]));
    let written = futures::future::join_all(appends).await;
    assert!(written.iter().flatten().all(|events| numbers(events)[1] == numbers(events)[0] + 1));
    let log = events(&ctx, key.1, 0).await.unwrap();
    assert_eq!(numbers(&log), (1..=40).collect::<Vec<_>>());
    assert_eq!(get(&ctx, key.1).await.unwrap().last_sequence, 40);
}

/// All that comes, to the end.
async fn heard(stream: EventStream) -> Vec<SessionEvent> {
    let batches: Vec<Batch> = stream.try_collect().await.unwrap();
    batches.iter().flat_map(|batch| batch.to_vec()).collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn those_who_come_at_once_share_one_read(pool: PgPool) {
    const FOLLOWERS: usize = 200;
    let backend = Backend::for_tests(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    write(&backend, key, (0..5).map(piece).collect()).await.unwrap();
    // One stays, so that what it reads is shared with those who come.
    let first = stream(&ctx, key.1, 0).await.unwrap();
    let opened = futures::future::join_all((0..FOLLOWERS).map(|_| stream(&ctx, key.1, 2))).await;
    let mut streams: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
    for follower in &mut streams {
        // Who comes back may take for pinned what is not any more.
        let pins = follower.try_next().await.unwrap().unwrap();
        assert_eq!((pins.pins(), pins.len()), (Some(&[][..]), 0));
        let batch = follower.try_next().await.unwrap().unwrap();
        assert_eq!(numbers(&batch), [3, 4, 5]);
    }
    let connections = sample::connections_asked(&backend);
    assert!(connections < 100, "{connections} connections for {FOLLOWERS} followers");
    // What comes is made once, and everybody hears it to the end.
    let events = write(&backend, key, vec![piece(6)]).await.unwrap();
    backend.events().publish(key.1, &events);
    let mut one: Option<*const SessionEvent> = None;
    for follower in &mut streams {
        let batch = follower.try_next().await.unwrap().unwrap();
        assert_eq!(numbers(&batch), [6]);
        assert_eq!(*one.get_or_insert(batch.as_ptr()), batch.as_ptr(), "it is the same for all");
    }
    let events = write(&backend, key, vec![done()]).await.unwrap();
    backend.events().publish(key.1, &events);
    for follower in streams {
        assert_eq!(numbers(&heard(follower).await), [7]);
    }
    assert_eq!(numbers(&heard(first).await), (1..=7).collect::<Vec<_>>());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_stream_has_no_gap_and_no_repeat(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    write(&backend, key, (0..5).map(piece).collect()).await.unwrap();

    let begun = Semaphore::new(0);
    let writer = {
        let (backend, begun) = (backend.clone(), &begun);
        async move {
            for number in 0..300 {
                let events =
                    write(&backend, key, vec![piece(number); number % 3 + 1]).await.unwrap();
                // Some never reach the bus, some come late or twice: the log mends it.
                if number % 7 != 0 {
                    backend.events().publish(key.1, &events);
                }
                if number % 11 == 0 {
                    backend.events().publish(key.1, &events);
                }
                if number % 20 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            // Whoever comes after the end and asks for what is not there sees nothing.
            begun.acquire_many(4).await.unwrap().forget();
            let events = write(&backend, key, vec![done()]).await.unwrap();
            backend.events().publish(key.1, &events);
        }
    };
    let watchers = [0, 3, 5, 1_000].map(|after| {
        let (ctx, begun) = (ctx.clone(), &begun);
        async move {
            let stream = stream(&ctx, key.1, after).await.unwrap();
            begun.add_permits(1);
            (after.min(5), heard(stream).await)
        }
    });
    let ((), seen) = tokio::join!(writer, futures::future::join_all(watchers));
    let last = get(&ctx, key.1).await.unwrap().last_sequence;
    for (after, events) in seen {
        let first = numbers(&events)[0];
        // A number from the future begins with what comes next.
        assert!(first == after + 1 || after == 5, "{first} after {after}");
        assert_eq!(numbers(&events), (first..=last).collect::<Vec<_>>());
        assert!(matches!(events.last().unwrap().body, EventBody::Done { .. }));
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_stream_of_a_session_that_is_over_ends(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    write(&backend, key, vec![piece(1), piece(2), done()]).await.unwrap();
    for (after, expected) in
        [(0, vec![1, 2, 3]), (2, vec![3]), (3, vec![]), (99, vec![]), (-1, vec![1, 2, 3])]
    {
        let events = heard(stream(&ctx, key.1, after).await.unwrap()).await;
        assert_eq!(numbers(&events), expected, "after {after}");
    }
}

/// What a step that writes something leaves in the log, from its beginning to its end.
fn step(step: u32) -> [EventBody; 3] {
    [
        EventBody::StepStart { step, attempt: 1 },
        EventBody::Output { step, delta: "An answer".to_owned() },
        EventBody::StepComplete { step, usage: Usage::default(), duration_ms: 1 },
    ]
}

/// Pins a message, or lets it go; the pins after that.
async fn set_pin(ctx: &Ctx, id: SessionId, message: i64, is_pinned: bool) -> Result<Vec<i64>> {
    Ok(pin(ctx, id, NewPin { message, is_pinned }).await?.pins)
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_another_try_voids_is_pinned_no_more(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    let (call_id, tool) = ("q".to_owned(), ASK_USER.to_owned());
    let question = EventBody::ToolCall {
        step: 2,
        call_id: call_id.clone(),
        tool: tool.clone(),
        arguments: json!({ "question": "Which?" }),
        provider_data: None,
    };
    let reply = EventBody::ToolResult {
        step: 2,
        call_id,
        tool,
        outcome: ToolOutcome::Ok,
        content: "This one".to_owned(),
        duration_ms: 1,
    };
    let [start, output, complete] = step(2);
    let mut log = step(1).to_vec();
    log.push(EventBody::Message { text: "And now?".to_owned(), context: None });
    log.extend([start, output, question, reply, complete, ended(SessionState::Failed)]);
    write(&backend, key, log).await.unwrap();
    // The goal, the first answer, the message, the reply, the second answer.
    for message in [0, 3, 4, 8, 9] {
        set_pin(&ctx, key.1, message, true).await.unwrap();
    }
    assert_eq!(get(&ctx, key.1).await.unwrap().pins, [0, 3, 4, 8, 9]);
    let again = retry(&ctx, key.1).await.unwrap();
    assert_eq!((again.pins, again.state), (vec![0, 3, 4], SessionState::Queued));
    assert_eq!(get(&ctx, key.1).await.unwrap().pins, [0, 3, 4]);
    for void in [8, 9] {
        let refused = set_pin(&ctx, key.1, void, true).await.unwrap_err();
        assert_eq!(refused.fields()[0].field, "message", "{void}");
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_is_not_held_while_its_log_is_read_for_a_pin(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let (owner, id, _) = claimed(&backend, &ctx).await;
    let mut held = backend.begin(owner).await.unwrap();
    // As if the log took very long to read.
    let hold = sqlx::raw_sql("LOCK TABLE session_events IN ACCESS EXCLUSIVE MODE");
    hold.execute(&mut *held).await.unwrap();
    let others = async {
        until_waiting(&mut held, 1).await;
        let mut other = backend.begin(owner).await.unwrap();
        let lock = store::sessions::lock(&mut other, owner, id);
        let locked = tokio::time::timeout(Duration::from_secs(5), lock).await;
        assert!(locked.expect("nobody holds the session").unwrap().is_some());
        other.commit().await.unwrap();
        held.commit().await.unwrap();
    };
    let (pinned, ()) = tokio::join!(Box::pin(set_pin(&ctx, id, 0, true)), others);
    assert_eq!(pinned.unwrap(), [0]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_pin_that_another_try_overtakes_is_refused(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    let (owner, id, _) = key;
    let mut log = step(1).to_vec();
    log.push(ended(SessionState::Failed));
    write(&backend, key, log).await.unwrap();
    let mut held = backend.begin(owner).await.unwrap();
    store::sessions::lock(&mut held, owner, id).await.unwrap().unwrap();
    let is_retrying = Semaphore::new(0);
    // It reads the log as it was, and waits behind the other try for the session.
    let pinned = async {
        is_retrying.acquire().await.unwrap().forget();
        set_pin(&ctx, id, 3, true).await
    };
    let others = async {
        until_waiting(&mut held, 1).await;
        is_retrying.add_permits(1);
        until_waiting(&mut held, 2).await;
        held.commit().await.unwrap();
    };
    let (again, pinned, ()) = tokio::join!(Box::pin(retry(&ctx, id)), Box::pin(pinned), others);
    assert_eq!(again.unwrap().pins, [0_i64; 0]);
    assert_eq!(pinned.unwrap_err().fields()[0].field, "message");
    assert_eq!(get(&ctx, id).await.unwrap().pins, [0_i64; 0]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_follows_a_session_is_told_what_is_pinned(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    let id = key.1;
    write(&backend, key, vec![piece(1)]).await.unwrap();
    let mut tab = stream(&ctx, id, 0).await.unwrap();
    assert_eq!(numbers(&tab.try_next().await.unwrap().unwrap()), [1]);

    set_pin(&ctx, id, 0, true).await.unwrap();
    let told = tab.try_next().await.unwrap().unwrap();
    assert_eq!((told.pins(), told.len()), (Some(&[0][..]), 0));
    // Who comes back is told, and nobody is told the same twice.
    let mut other = stream(&ctx, id, 1).await.unwrap();
    assert_eq!(other.try_next().await.unwrap().unwrap().pins(), Some(&[0][..]));
    let token = share(&ctx, id).await.unwrap();
    let by_link = stream_shared(&backend.anonymous(), &token, 0).await.unwrap();
    backend.events().stir(id);
    set_pin(&ctx, id, 0, false).await.unwrap();
    for tab in [&mut tab, &mut other] {
        assert_eq!(tab.try_next().await.unwrap().unwrap().pins(), Some(&[][..]));
    }

    let events = write(&backend, key, vec![done()]).await.unwrap();
    backend.events().publish(id, &events);
    for tab in [tab, other] {
        assert_eq!(numbers(&heard(tab).await), [2]);
    }
    let batches: Vec<Batch> = by_link.try_collect().await.unwrap();
    assert!(batches.iter().all(|batch| batch.pins().is_none()), "it is not for everybody");
    let events: Vec<_> = batches.iter().flat_map(|batch| batch.to_vec()).collect();
    assert_eq!(numbers(&events), [1, 2]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_pin_that_nobody_was_told_of_is_found_by_who_looks(pool: PgPool) {
    // Nothing answers there. Whoever follows knows that the bus is deaf, and looks each second.
    let redis_url = Some("redis://127.0.0.1:1/".to_owned());
    let settings = Settings { redis_url, ..sample::settings() };
    let backend = Backend::for_tests_with(pool.clone(), &settings);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    write(&backend, key, vec![piece(1)]).await.unwrap();
    let mut tabs = [stream(&ctx, key.1, 0).await.unwrap(), stream(&ctx, key.1, 0).await.unwrap()];
    for tab in &mut tabs {
        assert_eq!(numbers(&tab.try_next().await.unwrap().unwrap()), [1]);
    }
    for pins in [&[0][..], &[]] {
        let mut conn = pool.acquire().await.unwrap();
        store::sessions::update_pins(&mut conn, key.0, key.1, pins).await.unwrap();
        for tab in &mut tabs {
            assert_eq!(tab.try_next().await.unwrap().unwrap().pins(), Some(pins));
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_watcher_who_leaves_is_forgotten(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let key = claimed(&backend, &ctx).await;
    let streams = [stream(&ctx, key.1, 0).await.unwrap(), stream(&ctx, key.1, 0).await.unwrap()];
    assert_eq!(backend.events().watched_count(), 1);
    drop(streams);
    assert_eq!(backend.events().watched_count(), 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_tells_when_it_begins_and_how_urgent_it_is(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agent(&ctx).await;
    let run_at = Some("2126-11-24T12:00:00Z".parse().unwrap());
    let new = NewSession { priority: Priority::Low, run_at, ..sample::goal("Read") };
    let started = start(&ctx, agent.id, new).await.unwrap();
    assert_eq!((started.priority, started.begins_at()), (Priority::Low, run_at));
    assert_eq!(get(&ctx, started.id).await.unwrap(), started);
    let listed = list(&ctx, SessionFilter::default()).await.unwrap();
    assert_eq!(listed.items[0].begins_at(), run_at);
    let of_agent = SessionFilter { agent_id: Some(agent.id), ..SessionFilter::default() };
    assert_eq!(list(&ctx, of_agent).await.unwrap().items[0].begins_at(), run_at);

    // One that was asked for a time that is over begins at once.
    let new = NewSession { run_at: Some(Timestamp::UNIX_EPOCH), ..sample::goal("Read") };
    assert_eq!(start(&ctx, agent.id, new).await.unwrap().run_at, None);
}
