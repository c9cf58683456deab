mod waiting;

use sqlx::PgPool;

use super::*;
use crate::store::queue::Terms;
use crate::{agents, sample, sessions};

type Key = (UserId, SessionId, i64);

/// A session that a worker holds.
async fn held(backend: &Backend, ctx: &Ctx, agent: AgentId) -> Key {
    let session = sessions::start(ctx, agent, sample::goal("Go")).await.unwrap();
    let mut conn = backend.conn().await.unwrap();
    let terms = Terms::new(backend.slots(), backend.owners());
    let claimed = store::queue::claim_one(&mut conn, "worker", backend.lease(), &terms);
    let claimed = claimed.await.unwrap().unwrap();
    assert_eq!(claimed.session_id, session.id);
    (claimed.owner_id, claimed.session_id, claimed.fence)
}

async fn aside(pool: &PgPool) -> i64 {
    let sum = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(tokens), 0)::BIGINT AS "sum!" FROM budget_reservations"#
    );
    sum.fetch_one(pool).await.unwrap()
}

fn tokens(count: u64) -> Usage {
    Usage { output_tokens: count, ..Usage::default() }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn two_sessions_never_set_aside_more_than_there_is(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    set(&ctx, None, BudgetLimits { max_tokens: Some(100), max_micro_usd: None }).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let one = held(&backend, &ctx, agent).await;
    let two = held(&backend, &ctx, agent).await;
    for _ in 0..20 {
        let both = tokio::join!(
            reserve(&backend, one, agent, tokens(60)),
            reserve(&backend, two, agent, tokens(60)),
        );
        let answers = [both.0.unwrap(), both.1.unwrap()];
        let enough = answers.iter().filter(|answer| **answer == Reserved::Enough);
        assert_eq!(enough.count(), 1, "{answers:?}");
        let crowded = answers.iter().find_map(|answer| match answer {
            Reserved::Crowded(shortfall) => Some(shortfall.used),
            _ => None,
        });
        assert_eq!(crowded, Some(60), "{answers:?}");
        assert_eq!(aside(&pool).await, 60, "never above the limit");
        sqlx::raw_sql("DELETE FROM budget_reservations").execute(&pool).await.unwrap();
    }

    // What one has used is gone for the other, however long it waits.
    assert_eq!(reserve(&backend, one, agent, tokens(60)).await.unwrap(), Reserved::Enough);
    let mut conn = backend.conn().await.unwrap();
    let (used, now) = (tokens(60), backend.now());
    let settled = store::session_events::append(&mut conn, one, None, Vec::new(), used, now);
    settled.await.unwrap().unwrap();
    drop(conn);
    assert_eq!(aside(&pool).await, 0);
    let answer = reserve(&backend, two, agent, tokens(60)).await.unwrap();
    assert!(matches!(answer, Reserved::Short(Shortfall { used: 60, .. })), "{answer:?}");
    assert_eq!(reserve(&backend, two, agent, tokens(40)).await.unwrap(), Reserved::Enough);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_is_given_back_frees_what_it_had_set_aside(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    set(&ctx, None, BudgetLimits { max_tokens: Some(100), max_micro_usd: None }).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
    let key = held(&backend, &ctx, agent).await;
    assert_eq!(reserve(&backend, key, agent, tokens(60)).await.unwrap(), Reserved::Enough);
    let mut conn = backend.conn().await.unwrap();
    let (attempt, rest) = (store::queue::Attempt::Forgiven, std::time::Duration::ZERO);
    assert!(store::queue::release(&mut conn, key, attempt, rest).await.unwrap());
    drop(conn);
    assert_eq!(aside(&pool).await, 0);
}
