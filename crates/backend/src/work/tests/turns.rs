//! Whose turn it is, and who is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use resonant_domain::agent::Agent;
use resonant_domain::origin::{Origin, OriginKind};
use resonant_domain::session::{NewFork, NewMessage, NewSession, Priority};
use resonant_runtime::clock::FixedClock;

use super::*;
use crate::Settings;
use crate::sessions::Start;

/// As many sessions of the agent as are asked for, by one transaction.
async fn queue_at_once(backend: &Backend, agent: &Agent, count: usize) {
    let mut tx = backend.begin(agent.owner_id).await.unwrap();
    for _ in 0..count {
        let start = Start {
            id: SessionId::from_uuid(backend.new_id().unwrap()),
            owner: agent.owner_id,
            agent_id: agent.id,
            agent_version: None,
            spec: agent.spec.clone(),
            called_by: None,
            started_by: None,
            origin: Origin::of(OriginKind::Person),
            is_test: false,
        };
        sessions::enqueue(backend, &mut tx, start, sample::goal("Hello")).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Whoever waits for a worker does not work.
#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn the_time_in_the_queue_is_no_work(pool: PgPool) {
    let clock = Arc::new(FixedClock::new("2026-11-23T09:00:00Z".parse().unwrap()));
    let backend = Backend::for_tests_at(pool.clone(), clock.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let session = queued(&ctx, "What is 6 times 7?").await;
    let stay = async |seconds: i64| {
        clock.advance(SignedDuration::from_secs(seconds));
        let statement =
            format!("UPDATE session_queue SET run_at = run_at - INTERVAL '{seconds} s'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    };
    let waited = async || {
        let mut conn = backend.conn().await.unwrap();
        let read = store::sessions::find(&mut conn, session.owner_id, session.id).await;
        read.unwrap().unwrap().waited_ms
    };
    stay(180).await;
    let first = take(&backend).await;
    assert_eq!(waited().await, 0, "before the first step nothing is counted");
    let step = vec![EventBody::StepStart { step: 1, attempt: 1 }];
    log_of(&backend, &first, &session).append(0, step, Usage::default()).await.unwrap();

    // It gives way to others for half a minute, and stands behind them for three.
    let mut conn = backend.conn().await.unwrap();
    let (attempt, rest) = (Attempt::Crowded, Duration::from_secs(30));
    assert!(store::queue::release(&mut conn, first.key(), attempt, rest).await.unwrap());
    drop(conn);
    stay(210).await;
    take(&backend).await;
    let in_all = waited().await;
    assert!((210_000..230_000).contains(&in_all), "{in_all}");
    // What passes until a worker is known to be lost may have been work.
    lose_workers(&pool).await;
    let last = take(&backend).await;
    assert_eq!(waited().await, in_all);

    run(&backend.system(), last, CancellationToken::new()).await.unwrap();
    let over = sessions::get(&ctx, session.id).await.unwrap();
    assert_eq!(over.state, SessionState::Completed, "{:?}", over.reason);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn one_transaction_wakes_as_many_workers_as_it_queues_sessions(pool: PgPool) {
    const WORKERS: usize = 4;
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    // The first wait ends as soon as the ear is open.
    wait(&backend, Duration::from_secs(20)).await;
    let (turn, found_nothing) = (tokio::sync::Mutex::new(()), AtomicUsize::new(0));
    let worker = async || {
        loop {
            let claimed = {
                let _turn = turn.lock().await;
                claim(&backend.system(), "worker").await.unwrap()
            };
            if let Some(claim) = claimed {
                return claim.session_id();
            }
            found_nothing.fetch_add(1, Ordering::SeqCst);
            // By itself nobody wakes up in the time of this test.
            wait(&backend, Duration::from_mins(10)).await;
        }
    };
    let queue = async {
        while found_nothing.load(Ordering::SeqCst) < WORKERS {
            tokio::task::yield_now().await;
        }
        queue_at_once(&backend, &agent, WORKERS).await;
    };
    let workers = futures::future::join_all((0..WORKERS).map(|_| worker()));
    let both = async { tokio::join!(workers, queue) };
    let both = tokio::time::timeout(Duration::from_secs(20), Box::pin(both)).await;
    let (claimed, ()) = both.expect("all of them wake up");
    let claimed: HashSet<_> = claimed.into_iter().collect();
    assert_eq!(claimed.len(), WORKERS);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn those_that_lost_their_worker_together_are_not_taken_together(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let (one, two) = (queued(&ctx, "Hello").await, queued(&ctx, "Hello").await);
    for _ in 0..2 {
        take(&backend).await;
    }
    lose_workers(&pool).await;
    let fresh = queued(&ctx, "Hello").await;
    // One of the two may be what their worker was lost to.
    let first = take(&backend).await;
    assert_eq!(first.session_id(), one.id);
    assert_eq!(take(&backend).await.session_id(), fresh.id);
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none());
    // Nor do its workers look for the other again and again.
    assert!(next_due(&backend).await > Some(LOOK_AGAIN));
    // Once it has done a step it is above suspicion.
    let step = vec![
        EventBody::SessionStart { provider: "parrot".into(), model: "parrot-1".into() },
        EventBody::StepStart { step: 1, attempt: 1 },
        EventBody::StepComplete { step: 1, usage: Usage::default(), duration_ms: 1 },
    ];
    let log = log_of(&backend, &first, &one);
    log.append(0, step, Usage::default()).await.unwrap();
    let second = take(&backend).await;
    assert_eq!(second.session_id(), two.id);
    // Whoever is done with one takes the next.
    lose_workers(&pool).await;
    drop(second);
    take(&backend).await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn owners_take_turns_and_what_is_urgent_is_so_among_its_owners_own(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let mut owners = Vec::new();
    // The first has a backlog of what is urgent, and was there before the others.
    for count in [8, 2, 2] {
        let ctx = sample::guest(&backend).await.unwrap();
        let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
        for number in 0..count {
            let is_urgent = owners.is_empty() || number == 1;
            let priority = if is_urgent { Priority::High } else { Priority::Normal };
            let new = NewSession { priority, ..sample::goal(&number.to_string()) };
            sessions::start(&ctx, agent.id, new).await.unwrap();
        }
        owners.push((agent.owner_id, ctx));
    }
    let [(ada, _), (bob, of_bob), (eve, _)] = &owners[..] else { panic!("three of them") };
    let mut served = Vec::new();
    // One worker, which has nobody's at work when it looks for the next one.
    for _ in 0..6 {
        let claim = take(&backend).await;
        served.push(claim.owner_id);
        if claim.owner_id == *bob {
            let goal = sessions::get(of_bob, claim.session_id).await.unwrap().goal;
            let is_first = served.iter().filter(|owner| *owner == bob).count() == 1;
            assert_eq!(goal, if is_first { "1" } else { "0" }, "the urgent one first");
        }
        run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
    }
    assert_eq!(served, [*ada, *bob, *eve, *ada, *bob, *eve]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn whoever_has_fewer_at_work_goes_first(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ada = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ada, sample::spec("Reader")).await.unwrap();
    queue_at_once(&backend, &agent, 4).await;
    for _ in 0..2 {
        take(&backend).await;
    }
    let bob = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&bob, sample::spec("Reader")).await.unwrap();
    queue_at_once(&backend, &agent, 3).await;
    // Another process, which has served nobody.
    let other = sample::with_parrot(pool);
    let mut served = Vec::new();
    for _ in 0..3 {
        served.push(take(&other).await.owner_id == agent.owner_id);
    }
    assert_eq!(served, [true, true, false]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn behind_a_backlog_that_has_to_wait_another_is_found(pool: PgPool) {
    let mut settings: Settings = sample::settings();
    settings.queue.per_user = 2;
    settings.queue.per_agent = 1;
    let backend = Backend::for_tests_with(pool, &settings);
    let ada = sample::guest(&backend).await.unwrap();
    let busy = agents::create(&ada, sample::spec("Busy")).await.unwrap();
    // More than a claim looks at.
    queue_at_once(&backend, &busy, 250).await;
    take(&backend).await;
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none(), "one of the agent");
    assert!(next_due(&backend).await > Some(LOOK_AGAIN), "nobody looks again and again");
    // Another agent of the same owner.
    let idle = agents::create(&ada, sample::spec("Idle")).await.unwrap();
    queue_at_once(&backend, &idle, 2).await;
    assert_eq!(next_due(&backend).await, Some(LOOK_AGAIN), "it could be had");
    take(&backend).await;
    assert!(claim(&backend.system(), "worker").await.unwrap().is_none(), "two of the owner");
    // And another owner.
    let bob = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&bob, sample::spec("Reader")).await.unwrap();
    queue_at_once(&backend, &agent, 1).await;
    assert_eq!(take(&backend).await.owner_id, agent.owner_id);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn nobody_queues_without_end(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let many = format!(
        "INSERT INTO session_queue (owner_id, session_id, agent_id, run_at, is_parked)
         SELECT '{}', gen_random_uuid(), '{}', now() + INTERVAL '1 day', n > 9999
         FROM generate_series(1, 10050) AS n",
        agent.owner_id, agent.id
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(many)).execute(&pool).await.unwrap();
    let last = sessions::start(&ctx, agent.id, sample::goal("The last one")).await.unwrap();
    let refused = sessions::start(&ctx, agent.id, sample::goal("One more")).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "10000 of your sessions wait or run already. Start more when some of them are over"
    );
    let mut conn = backend.conn().await.unwrap();
    assert!(sessions::is_queue_full(&mut conn, agent.owner_id).await.unwrap());
    drop(conn);
    sessions::cancel(&ctx, last.id).await.unwrap();
    sessions::start(&ctx, agent.id, sample::goal("Another")).await.unwrap();
    let word = NewMessage { text: "Go on".to_owned(), context: None };
    let refused = sessions::say(&ctx, last.id, word).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(_)), "{refused:?}");
    // Others are not held up.
    let bob = sample::guest(&backend).await.unwrap();
    queued(&bob, "Hello").await;
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_was_urgent_stays_so(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap();
    let urgent = NewSession { priority: Priority::High, ..sample::goal("Hello") };
    let session = sessions::start(&ctx, agent.id, urgent).await.unwrap();
    let priorities = async || {
        let all = sqlx::query_scalar!("SELECT priority FROM session_queue");
        all.fetch_all(&pool).await.unwrap()
    };
    let end = async || {
        let claim = take(&backend).await;
        run(&backend.system(), claim, CancellationToken::new()).await.unwrap();
        assert_eq!(priorities().await, [0_i16; 0]);
    };
    end().await;
    let word = NewMessage { text: "And now?".to_owned(), context: None };
    sessions::say(&ctx, session.id, word).await.unwrap();
    assert_eq!(priorities().await, [1]);
    sessions::cancel(&ctx, session.id).await.unwrap();
    sessions::retry(&ctx, session.id).await.unwrap();
    assert_eq!(priorities().await, [1]);
    end().await;
    sessions::fork(&ctx, session.id, NewFork::default()).await.unwrap();
    assert_eq!(priorities().await, [1]);
    sqlx::raw_sql("DELETE FROM session_queue").execute(&pool).await.unwrap();
    assert_eq!(reap(&backend.system()).await.unwrap(), 1);
    assert_eq!(priorities().await, [1], "also when it was lost");
}
