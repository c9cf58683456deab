use resonant_domain::FaultKind;
use resonant_domain::budget::BudgetLimits;
use resonant_domain::money::MicroUsd;
use sqlx::PgPool;

use super::*;
use crate::{Backend, agents, budgets, sample, sessions};

/// Runs a session of a parrot, which uses five tokens for seven millionths of a dollar.
async fn run(backend: &Backend, ctx: &Ctx, agent: AgentId) -> resonant_domain::SessionId {
    let id = sessions::start(ctx, agent, sample::goal("Polly")).await.unwrap().id;
    sample::work_off(backend).await;
    id
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_agents_used_is_told_by_agent_by_day_and_by_month(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let polly = agents::create(&ctx, sample::spec("Polly")).await.unwrap().id;
    let other = agents::create(&ctx, sample::spec("Other")).await.unwrap().id;
    let nothing = report(&ctx, None).await.unwrap();
    assert_eq!((nothing.all, nothing.agents.len()), (BudgetUse::default(), 0));
    assert_eq!((nothing.days.len(), nothing.months.len()), (0, 0));

    run(&backend, &ctx, polly).await;
    run(&backend, &ctx, polly).await;
    run(&backend, &ctx, other).await;
    let limits = BudgetLimits { max_tokens: Some(500), ..BudgetLimits::default() };
    budgets::set(&ctx, Some(other), limits).await.unwrap();
    let found = report(&ctx, None).await.unwrap();
    let all = found.all.budget;
    assert_eq!((all.used_tokens, all.used_micro_usd), (15, 21));
    assert_eq!((found.all.reserved_tokens, found.all.reserved_micro_usd), (0, 0));
    let of_agents: Vec<_> = found
        .agents
        .iter()
        .map(|agent| (agent.name.as_deref(), agent.used.budget.used_tokens))
        .collect();
    assert_eq!(of_agents, [(Some("Polly"), 10), (Some("Other"), 5)]);
    assert_eq!(found.agents[1].used.budget.limits, limits);
    let days: u64 = found.days.iter().map(|day| day.tokens).sum();
    let cost: MicroUsd = found.days.iter().map(|day| day.cost).sum();
    assert_eq!((days, cost), (15, MicroUsd(21)));
    assert_eq!(found.days.last().unwrap().from, found.today);
    assert_eq!(found.months.iter().map(|month| month.tokens).collect::<Vec<_>>(), [15]);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn an_agent_that_is_named_comes_first_and_a_deleted_one_has_no_name(pool: PgPool) {
    let backend = sample::with_parrot(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    let polly = agents::create(&ctx, sample::spec("Polly")).await.unwrap().id;
    let idle = agents::create(&ctx, sample::spec("Idle")).await.unwrap().id;
    run(&backend, &ctx, polly).await;
    let names = async |agent: Option<AgentId>| -> Vec<Option<String>> {
        let found = report(&ctx, agent).await.unwrap();
        found.agents.into_iter().map(|agent| agent.name).collect()
    };
    let told = |name: &str| Some(name.to_owned());
    assert_eq!(names(None).await, [told("Polly")]);
    assert_eq!(names(Some(idle)).await, [told("Idle"), told("Polly")]);
    agents::delete(&ctx, polly, None).await.unwrap();
    assert_eq!(names(Some(idle)).await, [told("Idle"), None]);

    let stranger = sample::guest(&backend).await.unwrap();
    let error = report(&stranger, Some(idle)).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::NotFound);
    assert_eq!(report(&stranger, None).await.unwrap().agents, []);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_a_called_session_used_is_counted_once(pool: PgPool) {
    let backend = sample::with_parrot(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let agent = agents::create(&ctx, sample::spec("Polly")).await.unwrap().id;
    let above = run(&backend, &ctx, agent).await;
    let below = run(&backend, &ctx, agent).await;
    sqlx::query!(
        "UPDATE sessions SET caller_session_id = $1, caller_call_id = 'call', depth = 1
         WHERE session_id = $2",
        above.as_uuid(),
        below.as_uuid(),
    )
    .execute(&pool)
    .await
    .unwrap();
    let days = report(&ctx, None).await.unwrap().days;
    assert_eq!(days.iter().map(|day| day.tokens).sum::<u64>(), 5);
}
