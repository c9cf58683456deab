//! Nobody writes for a session that is no longer theirs, anywhere; and what a session was at when it broke
//! off is told.

use std::sync::Arc;

use resonant_domain::budget::BudgetLimits;
use resonant_domain::memory::NewMemory;
use resonant_domain::waiting::Shortfall;
use resonant_runtime::Engine;
use resonant_runtime::clock::SystemClock;
use resonant_runtime::models::Models;
use resonant_runtime::tools::{Hold, Tools, Whose};

use super::*;
use crate::database::Database;
use crate::{Settings, budgets, memories};

/// A session that one worker has lost and another one has.
async fn taken_over(backend: &Backend, ctx: &Ctx, pool: &PgPool) -> (Session, Claim, Claim) {
    let session = queued(ctx, "Hello").await;
    let lost = take(backend).await;
    lose_workers(pool).await;
    let next = take(backend).await;
    assert_eq!((lost.session_id(), next.session_id()), (session.id, session.id));
    (session, lost, next)
}

async fn limit(ctx: &Ctx, max_tokens: u64) {
    let limits = BudgetLimits { max_tokens: Some(max_tokens), max_micro_usd: None };
    budgets::set(ctx, None, limits).await.unwrap();
}

fn tokens(count: u64) -> Usage {
    Usage { output_tokens: count, ..Usage::default() }
}

async fn set_aside(pool: &PgPool) -> Vec<i64> {
    let all = sqlx::query_scalar!("SELECT tokens FROM budget_reservations ORDER BY tokens");
    all.fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_worker_that_lost_its_session_keeps_no_fact(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let (session, lost, next) = taken_over(&backend, &ctx, &pool).await;
    let whose = |claim: &Claim| {
        let held = Some(Hold { session: session.id, fence: claim.fence });
        Whose { held, ..Whose::own(session.owner_id, session.agent_id) }
    };
    let fact = || NewMemory { key: "tea".to_owned(), text: "green".to_owned() };
    let refused = memories::remember(&backend, whose(&lost), fact()).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(_)), "{refused:?}");
    assert_eq!(memories::recall(&backend, whose(&next)).await.unwrap(), []);
    memories::remember(&backend, whose(&next), fact()).await.unwrap();
    assert_eq!(memories::recall(&backend, whose(&next)).await.unwrap().len(), 1);
    // That is how the tool is told.
    assert_eq!(log_of(&backend, &lost, &session).fence(), Some(lost.fence));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_worker_that_lost_its_session_sets_nothing_aside(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    limit(&ctx, 100_000).await;
    let (session, lost, next) = taken_over(&backend, &ctx, &pool).await;
    let late = log_of(&backend, &lost, &session);
    assert!(matches!(late.reserve(tokens(10)).await, Err(LogError::Fenced)));
    assert_eq!(set_aside(&pool).await, [0_i64; 0]);
    let log = log_of(&backend, &next, &session);
    assert_eq!(log.reserve(tokens(20)).await.unwrap(), None);
    assert!(matches!(late.reserve(tokens(10)).await, Err(LogError::Fenced)));
    assert_eq!(set_aside(&pool).await, [20]);
    run(&backend.system(), next.clone(), CancellationToken::new()).await.unwrap();
    assert_eq!(sessions::get(&ctx, session.id).await.unwrap().state, SessionState::Completed);
    // Nor does one whose session is over.
    assert!(matches!(log.reserve(tokens(20)).await, Err(LogError::Fenced)));
    assert_eq!(set_aside(&pool).await, [0_i64; 0]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_others_have_set_aside_is_waited_for_without_a_person(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    limit(&ctx, 6_000).await;
    let first = queued(&ctx, "Hello").await;
    let claim_of_first = take(&backend).await;
    let log = log_of(&backend, &claim_of_first, &first);
    assert_eq!(log.reserve(tokens(4_000)).await.unwrap(), None);

    // Its call may use 4,000 tokens too: the budget would reach for either of them.
    let second = queued(&ctx, "Hello").await;
    let claim = take(&backend).await;
    run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
    let waits = sessions::get(&ctx, second.id).await.unwrap();
    assert_eq!((waits.state, waits.waiting), (SessionState::Queued, None));
    let entry = sqlx::query!(
        r#"
        SELECT attempts, budget_waits, run_at > now() AS "is_later!"
        FROM session_queue WHERE lease_until IS NULL
        "#
    );
    let entry = entry.fetch_one(&pool).await.unwrap();
    assert_eq!((entry.attempts, entry.budget_waits, entry.is_later), (0, 1, true));
    assert_eq!(set_aside(&pool).await, [4_000]);

    // The first one uses little, and then there is enough.
    run(&backend.system(), claim_of_first, CancellationToken::new()).await.unwrap();
    sqlx::raw_sql("UPDATE session_queue SET run_at = now()").execute(&pool).await.unwrap();
    let claim = take(&backend).await;
    run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
    assert_eq!(sessions::get(&ctx, second.id).await.unwrap().state, SessionState::Completed);

    // Who has given way for long asks.
    let third = queued(&ctx, "Hello").await;
    let claim_of_third = take(&backend).await;
    let log = log_of(&backend, &claim_of_third, &third);
    assert_eq!(log.reserve(tokens(4_000)).await.unwrap(), None);
    let last = queued(&ctx, "Hello").await;
    let often = "UPDATE session_queue SET budget_waits = 8 WHERE lease_until IS NULL";
    sqlx::raw_sql(often).execute(&pool).await.unwrap();
    let claim = take(&backend).await;
    let answer = log_of(&backend, &claim, &last).reserve(tokens(4_000)).await.unwrap();
    let Some(Shortfall { used, .. }) = answer else { panic!("it does not reach") };
    assert_eq!(used, 4_000 + 10, "with what is set aside");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn who_gives_way_hears_that_it_shall_end(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    limit(&ctx, 6_000).await;
    let first = queued(&ctx, "Hello").await;
    let claim_of_first = take(&backend).await;
    let log = log_of(&backend, &claim_of_first, &first);
    assert_eq!(log.reserve(tokens(4_000)).await.unwrap(), None);
    let second = queued(&ctx, "Hello").await;
    let claim = take(&backend).await;
    let system = backend.system();
    let cancel = async {
        let mut stream = sessions::stream(&ctx, second.id, 0).await.unwrap();
        stream.try_next().await.unwrap();
        sessions::cancel(&ctx, second.id).await.unwrap();
    };
    let (ran, ()) = tokio::join!(run(&system, claim, CancellationToken::new()), cancel);
    ran.unwrap();
    assert_eq!(sessions::get(&ctx, second.id).await.unwrap().state, SessionState::Cancelled);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_run_whose_lease_cannot_be_renewed_stops(pool: PgPool) {
    let clock = Arc::new(SystemClock);
    let models = Models::with_language_model(Arc::new(sample::Parrot), "parrot-1");
    let engine = Engine::new(models, Tools::empty(), clock.clone());
    let settings = Settings { lease: Duration::from_secs(1), ..sample::settings() };
    let database = Database::of(pool.clone());
    let backend = Backend::with_engine(database, &settings, clock, engine).unwrap();
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "wait").await;
    let claim = take(&backend).await;
    let system = backend.system();
    let hold = async {
        until_it_writes(&ctx, session.id).await;
        // Whoever renews waits from here on, as for a database that does not answer.
        let mut tx = pool.begin().await.unwrap();
        let lock = "SELECT FROM session_queue FOR UPDATE";
        sqlx::raw_sql(lock).execute(&mut *tx).await.unwrap();
        tx
    };
    let both = async { tokio::join!(run(&system, claim, CancellationToken::new()), hold) };
    let both = tokio::time::timeout(Duration::from_secs(30), Box::pin(both)).await;
    let (ran, tx) = both.expect("the run does not go on without its lease");
    assert!(matches!(ran, Err(Error::Unavailable(_))), "{ran:?}");
    drop(tx);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_breaks_off_says_why(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    let spoil = "INSERT INTO session_events (owner_id, session_id, sequence, at, kind, body)
                 SELECT owner_id, session_id, 1000, now(), 'x', '{\"type\": \"sk-secret\"}' FROM sessions";
    sqlx::raw_sql(spoil).execute(&pool).await.unwrap();
    sqlx::raw_sql("UPDATE sessions SET last_sequence = 1000").execute(&pool).await.unwrap();
    for _ in 0..MAX_ATTEMPTS {
        let claim = take(&backend).await;
        let broken = run(&backend.system(), claim, CancellationToken::new()).await;
        assert!(matches!(broken, Err(Error::Internal(_))), "{broken:?}");
        sqlx::raw_sql("UPDATE session_queue SET run_at = now()").execute(&pool).await.unwrap();
    }
    // It is set aside although its log cannot be read, and holds nobody up.
    let next = queued(&ctx, "Hello").await;
    assert_eq!(take(&backend).await.session_id(), next.id);
    let over = sessions::get(&ctx, session.id).await.unwrap();
    assert_eq!(over.state, SessionState::Failed);
    let reason = "It broke off 3 times: what is kept of it cannot be read";
    assert_eq!(over.reason.as_deref(), Some(reason));
}

/// A session that has asked for two calls, of which one was begun that must not be made twice.
async fn at_its_calls(backend: &Backend, ctx: &Ctx, begins: bool) -> (Session, Claim) {
    let session = queued(ctx, "Hello").await;
    let claim = take(backend).await;
    let call = |call_id: &str| EventBody::ToolCall {
        step: 1,
        call_id: call_id.to_owned(),
        tool: "calculator".to_owned(),
        arguments: serde_json::Value::Null,
        provider_data: None,
    };
    let mut entries = vec![
        EventBody::SessionStart { provider: "parrot".into(), model: "parrot-1".into() },
        EventBody::StepStart { step: 1, attempt: 1 },
        call("call01001"),
        call("call01002"),
    ];
    if begins {
        entries.push(EventBody::ToolStart { step: 1, call_id: "call01001".to_owned() });
    }
    log_of(backend, &claim, &session).append(0, entries, Usage::default()).await.unwrap();
    (session, claim)
}

fn results(events: &[SessionEvent]) -> Vec<(&str, &str)> {
    let results = events.iter().filter_map(|event| match &event.body {
        EventBody::ToolResult { call_id, content, .. } => {
            Some((call_id.as_str(), content.as_str()))
        }
        _ => None,
    });
    results.collect()
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn of_a_call_that_was_begun_the_outcome_is_unknown(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let (session, _lost) = at_its_calls(&backend, &ctx, true).await;
    lose_workers(&pool).await;
    sessions::cancel(&ctx, session.id).await.unwrap();
    let events = sessions::events(&ctx, session.id, 0).await.unwrap();
    let [(first, unknown), (second, stopped)] = results(&events)[..] else { panic!("{events:?}") };
    assert_eq!((first, second), ("call01001", "call01002"));
    assert!(unknown.contains("the outcome is unknown"), "{unknown}");
    assert_eq!(stopped, "the session was stopped");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn another_try_makes_no_call_twice_that_must_not_be(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    for begins in [true, false] {
        let (session, claim) = at_its_calls(&backend, &ctx, begins).await;
        let result = EventBody::ToolResult {
            step: 1,
            call_id: "call01001".to_owned(),
            tool: "calculator".to_owned(),
            outcome: ToolOutcome::Ok,
            content: "paid".to_owned(),
            duration_ms: 1,
        };
        let known = sessions::get(&ctx, session.id).await.unwrap().last_sequence;
        let log = log_of(&backend, &claim, &session);
        log.append(known, vec![result], Usage::default()).await.unwrap();
        lose_workers(&pool).await;
        sessions::cancel(&ctx, session.id).await.unwrap();
        sessions::retry(&ctx, session.id).await.unwrap();
        let claim = take(&backend).await;
        run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
        let over = sessions::get(&ctx, session.id).await.unwrap();
        assert_eq!(over.state, SessionState::Completed, "{over:?}");
        let events = sessions::events(&ctx, session.id, 0).await.unwrap();
        let again = events.iter().find_map(|event| match event.body {
            EventBody::Retry { step } => Some(step),
            _ => None,
        });
        // What was done is kept: the session goes on behind it. Otherwise the step begins anew.
        assert_eq!((again, over.steps), if begins { (Some(2), 2) } else { (Some(1), 1) });
        let is_complete =
            |event: &SessionEvent| matches!(event.body, EventBody::StepComplete { step: 1, .. });
        assert!(events.iter().any(is_complete), "{events:?}");
    }
}
