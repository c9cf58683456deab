//! Budgets: how much a person's agents may use in a month. A session that runs into one pauses and asks.

use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::budget::{Budget, BudgetLimits};
use resonant_domain::session::Usage;
use resonant_domain::waiting::{Amount, Shortfall};
use resonant_domain::{AgentId, SessionId, UserId};

use crate::audit::{Log, Subject};
use crate::{Backend, Ctx, Result, access, audit, seen, store};

/// Reads the budget of the month: that of an agent, or the caller's own for all agents together.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`] for the agent.
#[tracing::instrument(name = "budgets.get", level = "debug", parent = ctx.span(), skip_all)]
pub async fn get(ctx: &Ctx, agent: Option<AgentId>) -> Result<Budget> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let mut conn = ctx.backend().read(owner).await?;
    if let Some(agent) = agent
        && store::agents::find(&mut conn, owner, agent).await?.is_none()
    {
        drop(conn);
        return Err(access::not_own(ctx, owner, agent).await);
    }
    Ok(store::budgets::find(&mut conn, owner, agent, ctx.backend().now()).await?)
}

/// Sets the limits of a budget; those that are absent fall away. Sessions under way feel it with their
/// next step.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`] for the agent;
/// [`crate::Error::Invalid`].
#[tracing::instrument(name = "budgets.set", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set(ctx: &Ctx, agent: Option<AgentId>, limits: BudgetLimits) -> Result<Budget> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    limits.check()?;
    let now = ctx.backend().now();
    let mut tx = ctx.backend().begin(owner).await?;
    let found = match agent {
        Some(id) => store::agents::find(&mut tx, owner, id).await?,
        None => None,
    };
    if let (Some(id), None) = (agent, &found) {
        drop(tx);
        return Err(access::not_own(ctx, owner, id).await);
    }
    // Whoever changes one is waited for.
    store::budgets::lock_limits(&mut tx, owner, agent).await?;
    seen::check(ctx, &store::budgets::find(&mut tx, owner, agent, now).await?)?;
    store::budgets::update(&mut tx, owner, agent, limits, now).await?;
    let budget = store::budgets::find(&mut tx, owner, agent, now).await?;
    let subject = found.as_ref().map(|agent| Subject::agent(agent.id, &agent.spec.name));
    audit::note(ctx, &mut tx, Log::Owner(owner), Deed::BudgetChanged, subject).await?;
    tx.commit().await?;
    Ok(budget)
}

/// Sets aside what the session's next call may use at most. `Some`: a budget does not reach, and
/// nothing was set aside.
pub(crate) async fn reserve(
    backend: &Backend,
    (owner, id): (UserId, SessionId),
    agent: AgentId,
    most: Usage,
) -> Result<Option<Shortfall>> {
    let mut tx = backend.begin(owner).await?;
    let budgets = store::budgets::lock(&mut tx, (owner, id), agent).await?;
    if budgets.is_empty() {
        return Ok(None);
    }
    let tokens = most.total_tokens();
    let micro_usd = u64::try_from(most.cost.0).unwrap_or(0);
    let drawn = store::budgets::list_drawn(&mut tx, (owner, id), &budgets, backend.now()).await?;
    for budget in drawn {
        let short = |limit: Option<u64>, used: u64, wanted: u64| {
            limit.filter(|limit| used >= *limit || used.saturating_add(wanted) > *limit)
        };
        let scope = budget.scope;
        let caller_agent_id = budget.agent.filter(|whose| *whose != agent);
        if let Some(limit) = short(budget.max_micro_usd, budget.micro_usd, micro_usd) {
            let limit = Amount::MicroUsd(limit);
            return Ok(Some(Shortfall { scope, caller_agent_id, limit, used: budget.micro_usd }));
        }
        if let Some(limit) = short(budget.max_tokens, budget.tokens, tokens) {
            let limit = Amount::Tokens(limit);
            return Ok(Some(Shortfall { scope, caller_agent_id, limit, used: budget.tokens }));
        }
    }
    store::budgets::insert_reservation(&mut tx, (owner, id), agent, tokens, micro_usd).await?;
    tx.commit().await?;
    Ok(None)
}
