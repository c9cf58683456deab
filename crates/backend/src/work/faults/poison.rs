//! Sessions that kill their workers.

use resonant_domain::AgentId;

use super::*;

/// A session that kills each worker that takes it.
async fn poison(ctx: &Ctx) -> Session {
    queue(ctx, &["calculator"], &["poison"]).await.remove(0)
}

async fn lose_workers(pool: &PgPool) {
    let lost = "UPDATE session_queue SET lease_until = now() - INTERVAL '1 second'
                WHERE lease_until IS NOT NULL";
    sqlx::raw_sql(lost).execute(pool).await.unwrap();
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_kills_its_workers_is_set_aside_after_three(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let poison = poison(&ctx).await;
    let (began, mut crashes) = (Instant::now(), 0);
    let over = loop {
        // No lease runs out by itself: however slow the machine is, a worker is lost when it dies.
        let mut worker = Worker::spawn_with(&pool, &[(LEASE, "600")]);
        let died = loop {
            let session = sessions::get(&ctx, poison.id).await.unwrap();
            if session.state.is_terminal() {
                break Err(session);
            }
            if let Some(status) = worker.0.try_wait().unwrap() {
                break Ok(status);
            }
            assert!(began.elapsed() < Duration::from_mins(2), "{session:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        match died {
            Ok(status) => assert!(!status.success(), "{status}"),
            Err(over) => break over,
        }
        crashes += 1;
        lose_workers(&pool).await;
    };
    assert_eq!(over.state, SessionState::Failed);
    assert_eq!(over.reason.as_deref(), Some("Its worker was lost 3 times"));
    assert_eq!((crashes, effects(&pool, poison.id, "poison").await), (3, 3));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_session_that_kills_its_workers_takes_no_other_along(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let poison = poison(&ctx).await;
    // The same process has them, and their model thinks for longer than it takes to kill that.
    let beside = queue(&ctx, &["calculator"], &["think"; 3]).await;
    let mut workers = [Worker::spawn(&pool)];
    let all = beside.iter().chain([&poison]).map(|session| session.id).collect();
    until_over(&pool, &ctx, &mut workers, all).await;
    let poison = sessions::get(&ctx, poison.id).await.unwrap();
    assert_eq!(poison.reason.as_deref(), Some("Its worker was lost 3 times"));
    for session in beside {
        let session = sessions::get(&ctx, session.id).await.unwrap();
        assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
    }
}

/// How many sessions of an agent are over.
#[expect(clippy::disallowed_methods, reason = "a count of these tests alone")]
async fn ended(pool: &PgPool, agent: AgentId) -> u32 {
    let count = "SELECT count(*) FROM sessions WHERE agent_id = $1 AND ended_at IS NOT NULL";
    let count = sqlx::query_scalar(count).bind(agent.as_uuid());
    let count: i64 = count.fetch_one(pool).await.unwrap();
    u32::try_from(count).unwrap()
}

/// How many sessions that are well four workers end in a second, as long as one that kills its workers is
/// with them, or for so long; and how long that was.
async fn rate(
    pool: &PgPool,
    ctx: &Ctx,
    count: u32,
    most: Result<SessionId, Duration>,
) -> (f64, Duration) {
    let goals = vec!["go"; usize::try_from(count).unwrap()];
    let well = queue(ctx, &["calculator"], &goals).await;
    let agent = well[0].agent_id;
    let mut workers: Vec<_> = (0..4).map(|_| Worker::spawn(pool)).collect();
    // A process takes its time to start.
    while ended(pool, agent).await == 0 {
        revive(pool, &mut workers);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (began, before) = (Instant::now(), ended(pool, agent).await);
    loop {
        revive(pool, &mut workers);
        let is_over = match most {
            Ok(poison) => sessions::get(ctx, poison).await.unwrap().state.is_terminal(),
            Err(longest) => began.elapsed() >= longest,
        };
        let (now, took) = (ended(pool, agent).await, began.elapsed());
        if is_over || now == count {
            let all = well.iter().map(|session| session.id).collect();
            until_over(pool, ctx, &mut workers, all).await;
            for session in well {
                let session = sessions::get(ctx, session.id).await.unwrap();
                assert_eq!(session.state, SessionState::Completed, "{:?}", session.reason);
            }
            if let Ok(poison) = most {
                until_over(pool, ctx, &mut workers, vec![poison]).await;
            }
            return (f64::from(now - before) / took.as_secs_f64(), took);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn others_go_on_beside_a_session_that_kills_its_workers(pool: PgPool) {
    make_table(&pool).await;
    let backend = backend(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let count = if is_full() { 6_000 } else { 40 };
    let poison = poison(&ctx).await;
    let (beside, took) = rate(&pool, &ctx, count, Ok(poison.id)).await;
    let poison = sessions::get(&ctx, poison.id).await.unwrap();
    assert_eq!(poison.reason.as_deref(), Some("Its worker was lost 3 times"));
    let (alone, _) = rate(&pool, &ctx, count, Err(took)).await;
    let part = beside / alone;
    tell_part(beside, part, took);
    // A short run is over before much of it is measured: it says nothing.
    assert!(!is_full() || part >= 0.9, "{part:.2} of the throughput is left");
}

#[expect(clippy::print_stderr, reason = "the figures of a long run are for whoever ran it")]
fn tell_part(beside: f64, part: f64, took: Duration) {
    let took = took.as_secs_f64();
    eprintln!("{beside:.0} sessions/s, {part:.2} of those without a poisoned one, in {took:.1} s");
}
