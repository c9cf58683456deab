mod asking;
mod fences;
mod handed;
mod pausing;
mod turns;

use std::collections::HashSet;
use std::time::Instant;

use futures::TryStreamExt as _;
use resonant_domain::session::{Session, Usage};
use resonant_domain::session_event::{EventBody, SessionEvent, ToolOutcome};
use resonant_runtime::log::SessionLog as _;
use sqlx::PgPool;

use super::*;
use crate::{agents, sample};

async fn queued(ctx: &Ctx, goal: &str) -> Session {
    let agent = agents::create(ctx, sample::spec("Reader")).await.unwrap();
    sessions::start(ctx, agent.id, sample::goal(goal)).await.unwrap()
}

async fn take(backend: &Backend) -> Claim {
    claim(&backend.system(), "worker").await.unwrap().expect("a session waits")
}

fn log_of<'a>(backend: &'a Backend, claim: &'a Claim, session: &Session) -> QueueLog<'a> {
    QueueLog::new(backend, claim, session, Signals::default())
}

/// What happens to a lease when its worker is lost and time goes by.
async fn lose_workers(pool: &PgPool) {
    sqlx::query!(
        "UPDATE session_queue SET lease_until = now() - INTERVAL '1 second' WHERE lease_until IS NOT NULL"
    )
    .execute(pool)
    .await
    .unwrap();
}

fn text(events: &[SessionEvent]) -> String {
    let pieces = events.iter().filter_map(|event| match &event.body {
        EventBody::Output { delta, .. } => Some(delta.as_str()),
        _ => None,
    });
    pieces.collect()
}

/// Waits until the running session has written an answer's first piece.
async fn until_it_writes(ctx: &Ctx, id: SessionId) {
    let mut stream = sessions::stream(ctx, id, 0).await.unwrap();
    while let Some(events) = stream.try_next().await.unwrap() {
        if !text(&events).is_empty() {
            return;
        }
    }
    panic!("the session ended without a word");
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_runs_to_its_end(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    let claim = take(&backend).await;
    assert_eq!(claim.session_id(), session.id);
    assert_eq!(sessions::get(&ctx, session.id).await.unwrap().state, SessionState::Running);
    run(&backend.system(), claim, CancellationToken::new()).await.unwrap();

    let over = sessions::get(&ctx, session.id).await.unwrap();
    assert_eq!((over.state, over.steps), (SessionState::Completed, 1));
    assert_eq!((over.model.as_deref(), over.usage.cost.0), (Some("parrot-1"), 7));
    let events = sessions::events(&ctx, session.id, 0).await.unwrap();
    assert_eq!(text(&events), "Hello");
    assert!(matches!(events.first().unwrap().body, EventBody::SessionStart { .. }));
    assert!(matches!(events.last().unwrap().body, EventBody::Done { .. }));
    assert!(super::claim(&backend.system(), "worker").await.unwrap().is_none());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn each_session_is_claimed_by_one_worker(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    for _ in 0..6 {
        queued(&ctx, "Hello").await;
    }
    let system = backend.system();
    let claims = futures::future::join_all((0..12).map(|_| claim(&system, "worker"))).await;
    let claims: Vec<_> = claims.into_iter().filter_map(Result::unwrap).collect();
    let ids: HashSet<_> = claims.iter().map(Claim::session_id).collect();
    assert_eq!((claims.len(), ids.len()), (6, 6));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_next_worker_goes_on_and_the_lost_one_writes_nothing(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    let lost = take(&backend).await;
    let lost_log = log_of(&backend, &lost, &session);
    let begin = vec![
        EventBody::SessionStart { provider: "parrot".into(), model: "parrot-1".into() },
        EventBody::StepStart { step: 1, attempt: 1 },
        EventBody::Output { step: 1, delta: "Hel".into() },
    ];
    lost_log.append(0, begin, Usage::default()).await.unwrap();
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none(), "the lease holds");

    lose_workers(&pool).await;
    let next = take(&backend).await;
    assert!(next.fence > lost.fence);
    let late = vec![EventBody::Output { step: 1, delta: "lo".into() }];
    let refused = lost_log.append(3, late, Usage::default()).await;
    assert!(matches!(refused, Err(LogError::Fenced)));
    run(&backend.system(), lost, CancellationToken::new()).await.unwrap();
    run(&backend.system(), next, CancellationToken::new()).await.unwrap();

    let events = sessions::events(&ctx, session.id, 0).await.unwrap();
    assert_eq!(
        events.iter().map(|event| event.sequence).collect::<Vec<_>>(),
        (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>()
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event.body, EventBody::StepStart { step: 1, attempt: 2 }))
    );
    assert_eq!(
        events.iter().filter(|event| matches!(event.body, EventBody::SessionStart { .. })).count(),
        1
    );
    assert_eq!(sessions::get(&ctx, session.id).await.unwrap().state, SessionState::Completed);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_loses_three_workers_fails_with_the_reason(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    for lost in 0..MAX_ATTEMPTS {
        let claim = take(&backend).await;
        let log = log_of(&backend, &claim, &session);
        let call = EventBody::ToolCall {
            step: 1,
            call_id: claim.fence.to_string(),
            tool: "calculator".into(),
            arguments: serde_json::Value::Null,
            provider_data: None,
        };
        log.append(i64::from(lost), vec![call], Usage::default()).await.unwrap();
        lose_workers(&pool).await;
    }
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none());
    let over = sessions::get(&ctx, session.id).await.unwrap();
    assert_eq!(over.state, SessionState::Failed);
    assert_eq!(over.reason.as_deref(), Some("Its worker was lost 3 times"));
    let events = sessions::events(&ctx, session.id, 0).await.unwrap();
    let stopped = events.iter().filter(|event| {
        matches!(event.body, EventBody::ToolResult { outcome: ToolOutcome::Cancelled, .. })
    });
    assert_eq!(stopped.count(), 3, "no call stays open");
    assert!(matches!(
        events.last().unwrap().body,
        EventBody::Done { state: SessionState::Failed, .. }
    ));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_whose_end_is_refused_holds_up_no_other(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    for _ in 0..MAX_ATTEMPTS {
        take(&backend).await;
        lose_workers(&pool).await;
    }
    let refuse = "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS
                  $$ BEGIN RAISE EXCEPTION 'no'; END $$;
                  CREATE TRIGGER refuse BEFORE UPDATE ON sessions FOR EACH ROW
                  WHEN (NEW.state = 'failed') EXECUTE FUNCTION refuse();";
    sqlx::raw_sql(refuse).execute(&pool).await.unwrap();
    let other = queued(&ctx, "Hello").await;
    let next = tokio::time::timeout(Duration::from_secs(10), take(&backend)).await.unwrap();
    assert_eq!(next.session_id, other.id);
    // The claim of the first one holds, so that it is looked at again when its lease is over.
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none());
    assert!(!sessions::get(&ctx, session.id).await.unwrap().state.is_terminal());
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_worker_that_stops_hands_over_without_a_mark(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "wait").await;
    for _ in 0..MAX_ATTEMPTS + 2 {
        let claim = take(&backend).await;
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        run(&backend.system(), claim, shutdown).await.unwrap();
        assert_eq!(sessions::get(&ctx, session.id).await.unwrap().state, SessionState::Queued);
    }
    let attempts =
        sqlx::query_scalar!("SELECT attempts FROM session_queue").fetch_one(&pool).await.unwrap();
    assert_eq!(attempts, 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_running_session_is_cancelled_by_its_worker(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "wait").await;
    let claim = take(&backend).await;
    let system = backend.system();
    let person = async {
        until_it_writes(&ctx, session.id).await;
        let asked_at = Instant::now();
        let answer = sessions::cancel(&ctx, session.id).await.unwrap();
        assert_eq!(answer.state, SessionState::Running);
        let mut stream = sessions::stream(&ctx, session.id, answer.last_sequence).await.unwrap();
        while stream.try_next().await.unwrap().is_some() {}
        asked_at.elapsed()
    };
    let (ran, took) = tokio::join!(run(&system, claim, CancellationToken::new()), person);
    ran.unwrap();
    // The heartbeat would notice it after 333 ms; the notice of the database comes long before.
    assert!(took < Duration::from_millis(300), "{took:?}");
    let over = sessions::get(&ctx, session.id).await.unwrap();
    assert_eq!(over.state, SessionState::Cancelled);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_cancellation_outlives_the_worker_that_was_to_hear_it(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "wait").await;
    take(&backend).await;
    let answer = sessions::cancel(&ctx, session.id).await.unwrap();
    assert_eq!(answer.state, SessionState::Running);
    lose_workers(&pool).await;
    let next = take(&backend).await;
    run(&backend.system(), next, CancellationToken::new()).await.unwrap();
    assert_eq!(sessions::get(&ctx, session.id).await.unwrap().state, SessionState::Cancelled);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn cancelling_a_session_of_a_lost_worker_ends_it_at_once(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "wait").await;
    let lost = take(&backend).await;
    lose_workers(&pool).await;
    let answer = sessions::cancel(&ctx, session.id).await.unwrap();
    assert_eq!(answer.state, SessionState::Cancelled);
    let log = log_of(&backend, &lost, &session);
    let late = vec![EventBody::Output { step: 1, delta: "late".into() }];
    assert!(matches!(log.append(0, late, Usage::default()).await, Err(LogError::Fenced)));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_cancellation_and_an_end_at_once_leave_one_end(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let system = backend.system();
    for _ in 0..10 {
        let session = queued(&ctx, "Hello").await;
        let claim = take(&backend).await;
        let (ran, cancelled) = tokio::join!(
            run(&system, claim, CancellationToken::new()),
            sessions::cancel(&ctx, session.id),
        );
        ran.unwrap();
        cancelled.unwrap();
        let events = sessions::events(&ctx, session.id, 0).await.unwrap();
        let ends = events.iter().filter(|event| matches!(event.body, EventBody::Done { .. }));
        assert_eq!(ends.count(), 1);
        assert!(sessions::get(&ctx, session.id).await.unwrap().state.is_terminal());
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_lease_is_renewed_while_a_session_runs(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "wait").await;
    let claim = take(&backend).await;
    let system = backend.system();
    let lease = async || {
        sqlx::query_scalar!(r#"SELECT lease_until AS "lease_until!" FROM session_queue"#)
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    let person = async {
        until_it_writes(&ctx, session.id).await;
        let before = lease().await;
        let renewed = tokio::time::timeout(Duration::from_secs(5), async {
            while lease().await <= before {
                tokio::task::yield_now().await;
            }
        });
        renewed.await.expect("the lease is renewed");
        sessions::cancel(&ctx, session.id).await.unwrap();
    };
    let (ran, ()) = tokio::join!(run(&system, claim, CancellationToken::new()), person);
    ran.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_new_session_wakes_a_worker(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    // The first wait ends as soon as the ear is open.
    wait(&backend, Duration::from_secs(20)).await;
    let began_at = Instant::now();
    let (session, ()) =
        tokio::join!(queued(&ctx, "Hello"), wait(&backend, Duration::from_secs(20)));
    assert!(began_at.elapsed() < Duration::from_secs(10));
    assert_eq!(take(&backend).await.session_id(), session.id);
    wait(&backend, Duration::from_millis(1)).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_left_the_queue_comes_back(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "Hello").await;
    assert_eq!(reap(&backend.system()).await.unwrap(), 0);
    sqlx::raw_sql("DELETE FROM session_queue").execute(&pool).await.unwrap();
    assert_eq!(reap(&backend.system()).await.unwrap(), 1);
    assert_eq!(take(&backend).await.session_id(), session.id);
}

/// Leaves entries of sessions that are over or gone in the queue.
async fn leave_entries(ctx: &Ctx, pool: &PgPool) {
    let (over, gone) = (queued(ctx, "Hello").await, queued(ctx, "Hello").await);
    let keep = "CREATE TABLE kept AS SELECT * FROM session_queue WHERE lease_until IS NULL";
    sqlx::raw_sql(keep).execute(pool).await.unwrap();
    for session in [&over, &gone] {
        sessions::cancel(ctx, session.id).await.unwrap();
    }
    let left = format!(
        "DELETE FROM sessions WHERE session_id = '{}';
         INSERT INTO session_queue SELECT * FROM kept;
         DROP TABLE kept",
        gone.id
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(left)).execute(pool).await.unwrap();
    assert_eq!(sessions::get(ctx, over.id).await.unwrap().state, SessionState::Cancelled);
}

/// What is left when a node of a cluster breaks down while a session ends, or a retention takes it away.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn entries_of_sessions_that_are_over_hold_nobody_up(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    for owners in [Owners::All, Owners::Spread] {
        leave_entries(&ctx, &pool).await;
        let next = queued(&ctx, "Hello").await;
        let mut found = Vec::new();
        for _ in 0..2 {
            let terms = Terms::new(backend.slots(), owners);
            let claimed =
                store::queue::claim_one(&mut conn, "worker", backend.lease(), &terms).await;
            found.extend(claimed.unwrap().map(|claimed| claimed.session_id));
        }
        assert_eq!(found, [next.id], "{owners:?}");
        assert_eq!(sessions::get(&ctx, next.id).await.unwrap().state, SessionState::Running);
    }
    // A worker commits what it drops, also where it finds nothing else.
    leave_entries(&ctx, &pool).await;
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none());
    let left = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM session_queue WHERE lease_until IS NULL"#
    );
    assert_eq!(left.fetch_one(&pool).await.unwrap(), 0);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn entries_and_reservations_without_a_session_are_found_by_the_reaper(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    leave_entries(&ctx, &pool).await;
    let open = queued(&ctx, "Hello").await;
    // They wait for a person, so that no worker comes upon them.
    let park = "
        UPDATE session_queue SET is_parked = TRUE, run_at = now() - INTERVAL '1 hour';
        INSERT INTO budget_reservations (owner_id, session_id, agent_id, tokens, micro_usd)
        SELECT owner_id, session_id, agent_id, 5, 5 FROM session_queue";
    sqlx::raw_sql(park).execute(&pool).await.unwrap();
    assert_eq!(reap(&backend.system()).await.unwrap(), 0);
    let queued = sqlx::query_scalar!("SELECT session_id FROM session_queue");
    assert_eq!(queued.fetch_all(&pool).await.unwrap(), [open.id.as_uuid()]);
    let aside = sqlx::query_scalar!("SELECT session_id FROM budget_reservations");
    assert_eq!(aside.fetch_all(&pool).await.unwrap(), [open.id.as_uuid()]);
}
