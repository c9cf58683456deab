mod rounds;

use futures::TryStreamExt as _;
use resonant_domain::agent_list::BulkAction;
use resonant_domain::form::Form;
use resonant_domain::page::PageRequest;
use resonant_domain::session::Usage;
use resonant_domain::waiting::{AskingTool, WaitReason};
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{agents, sample, sessions, webhooks, work};

/// Appends to the log of a session that no worker has.
async fn write(ctx: &Ctx, id: SessionId, entries: Vec<EventBody>) {
    let (backend, owner) = (ctx.backend(), access::user(ctx).unwrap());
    let mut conn = backend.conn().await.unwrap();
    let held = store::queue::lock(&mut conn, owner, id).await.unwrap().unwrap();
    let (key, used, now) = ((owner, id, held.fence), Usage::default(), backend.now());
    let written = store::session_events::append(&mut conn, key, None, entries, used, now).await;
    written.unwrap().unwrap();
}

fn call(call_id: &str) -> EventBody {
    EventBody::ToolCall {
        step: 1,
        call_id: call_id.to_owned(),
        tool: "calculator".to_owned(),
        arguments: serde_json::Value::Null,
        provider_data: None,
    }
}

fn result(call_id: &str) -> EventBody {
    EventBody::ToolResult {
        step: 1,
        call_id: call_id.to_owned(),
        tool: "calculator".to_owned(),
        outcome: ToolOutcome::Ok,
        content: "2".to_owned(),
        duration_ms: 1,
    }
}

/// Nothing that one cancellation does is missing where there are many: more than end by one statement.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn agents_take_all_that_they_have_open_with_them(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let hook = webhooks::create(&ctx, sample::webhook()).await.unwrap().made.id;
    let mut made = Vec::new();
    for name in ["One", "Two", "Other"] {
        made.push(agents::create(&ctx, sample::spec(name)).await.unwrap().id);
    }
    let [one, two, other] = made[..] else { panic!("three agents") };
    let start = async |agent| sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap().id;
    let leased = start(one).await;
    let mut idle = Vec::new();
    for number in 0..=AT_ONCE + 1 {
        idle.push(start(if number % 2 == 0 { one } else { two }).await);
    }
    let left = start(other).await;
    let waits = idle[3];
    let asked = [call("first"), call("second"), call("third"), result("third"), call("fourth")];
    let begun = |call_id: &str| EventBody::ToolStart { step: 1, call_id: call_id.to_owned() };
    // A tool that asks a person has done nothing.
    let question = WaitReason::Question {
        step: 1,
        call_id: "fourth".to_owned(),
        question: "Which one?".to_owned(),
        form: Form::free_answer(),
        by: Some(AskingTool { tool: "calculator".to_owned(), resume: serde_json::Value::Null }),
    };
    let mut entries = vec![EventBody::StepStart { step: 1, attempt: 1 }];
    entries.extend(asked);
    entries.extend([begun("first"), begun("fourth"), EventBody::Waiting { reason: question }]);
    write(&ctx, waits, entries).await;
    let columns = "owner_id, session_id, agent_id";
    let aside = format!(
        "INSERT INTO budget_reservations ({columns}, tokens, micro_usd)
         SELECT {columns}, 10, 0 FROM session_queue"
    );
    sqlx::raw_sql(AssertSqlSafe(aside)).execute(&pool).await.unwrap();
    let mut watched = sessions::stream(&ctx, idle[5], 0).await.unwrap();
    let claim = work::claim(&backend.system(), "worker").await.unwrap().unwrap();
    assert_eq!(claim.session_id(), leased);

    agents::change_many(&ctx, &[one, two], BulkAction::Delete).await.unwrap();

    // What a worker has ends by it.
    let state = async || sessions::get(&ctx, leased).await.unwrap().state;
    assert_eq!(state().await, SessionState::Running);
    work::run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
    assert_eq!(state().await, SessionState::Cancelled);
    for id in &idle {
        let over = sessions::get(&ctx, *id).await.unwrap();
        assert_eq!((over.state, over.reason, over.waiting), (SessionState::Cancelled, None, None));
        let log = sessions::events(&ctx, *id, 0).await.unwrap();
        let numbers: Vec<_> = log.iter().map(|event| event.sequence).collect();
        assert_eq!(numbers, (1..=over.last_sequence).collect::<Vec<_>>());
        let last = &log.last().unwrap().body;
        assert!(matches!(last, EventBody::Done { state: SessionState::Cancelled, .. }), "{last:?}");
    }
    let log = sessions::events(&ctx, waits, 0).await.unwrap();
    let stopped: Vec<_> = log
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ToolResult { call_id, content, outcome: ToolOutcome::Cancelled, .. } => {
                Some((call_id.as_str(), content.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(stopped, [("first", STOPPED_AT_WORK), ("second", STOPPED), ("fourth", STOPPED)]);
    while watched.try_next().await.unwrap().is_some() {}

    // Each end is told once, and nothing is set aside any more but for what is not over.
    let told = webhooks::deliveries(&ctx, hook, PageRequest::largest()).await.unwrap().items;
    let mut told: Vec<_> = told.into_iter().map(|delivery| delivery.session_id).collect();
    told.sort_unstable();
    assert_eq!((told[0], &told[1..]), (leased, &idle[..]));
    let aside = sqlx::query_scalar!("SELECT session_id FROM budget_reservations");
    assert_eq!(aside.fetch_all(&pool).await.unwrap(), [left.as_uuid()]);
    let next = work::claim(&backend.system(), "worker").await.unwrap().unwrap();
    assert_eq!(next.session_id(), left);
    assert!(work::claim(&backend.system(), "worker").await.unwrap().is_none());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_over_or_held_under_another_fence_is_left_as_it_is(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let owner = access::user(&ctx).unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let start = async || sessions::start(&ctx, agent, sample::goal("Go")).await.unwrap().id;
    let (over, held, open) = (start().await, start().await, start().await);
    let over = sessions::cancel(&ctx, over).await.unwrap();
    let mut tx = backend.begin(owner).await.unwrap();
    let locked = store::queue::lock_many(&mut tx, owner, &[open, held, over.id]).await.unwrap();
    let [(first, one), (second, other)] = locked[..] else { panic!("{locked:?}") };
    assert_eq!((first, second), (held, open), "in the order of their making");
    let keys = [(held, one.fence + 1), (open, other.fence), (over.id, 1)];
    let how = (SessionState::Failed, Some("broken".to_owned()));
    let ended = end_these(&backend, &mut tx, owner, &keys, how).await.unwrap();
    tx.commit().await.unwrap();
    let written = ended.iter().filter(|ended| !ended.events.is_empty());
    assert_eq!(written.map(|ended| ended.session.id).collect::<Vec<_>>(), [open]);
    assert_eq!(sessions::get(&ctx, over.id).await.unwrap(), over);
    assert_eq!(sessions::get(&ctx, held).await.unwrap().state, SessionState::Queued);
    let failed = sessions::get(&ctx, open).await.unwrap();
    assert_eq!((failed.state, failed.reason.as_deref()), (SessionState::Failed, Some("broken")));
}
