//! Budgets: how much a person's agents may use in a month. A session that runs into one pauses and asks.

pub(crate) mod guests;

use jiff::SignedDuration;
use resonant_domain::api_key::Scope;
use resonant_domain::audit::Deed;
use resonant_domain::budget::{Budget, BudgetLimits};
use resonant_domain::session::Usage;
use resonant_domain::waiting::{Amount, Shortfall};
use resonant_domain::{AgentId, SessionId, UserId};

use self::guests::Purse;
use crate::audit::{Log, Subject};
use crate::sessions::MonthBudget;
use crate::store::budgets::Drawn;
use crate::{Backend, Ctx, Result, access, audit, seen, sessions, store};

pub use self::guests::{GuestLimits, forget_networks};

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
/// next step, and those that wait for more of it go on where there is.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::NotFound`] for the agent;
/// [`crate::Error::Invalid`].
#[tracing::instrument(name = "budgets.set", level = "debug", parent = ctx.span(), skip_all)]
pub async fn set(ctx: &Ctx, agent: Option<AgentId>, limits: BudgetLimits) -> Result<Budget> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    limits.check()?;
    guests::check(ctx.backend(), owner, limits).await?;
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
    let before = store::budgets::find(&mut tx, owner, agent, now).await?;
    seen::check(ctx, &before)?;
    store::budgets::update(&mut tx, owner, agent, limits, now).await?;
    let budget = store::budgets::find(&mut tx, owner, agent, now).await?;
    let subject = found.as_ref().map(|agent| Subject::agent(agent.id, &agent.spec.name));
    audit::note(ctx, &mut tx, Log::Owner(owner), Deed::BudgetChanged, subject).await?;
    tx.commit().await?;
    if limits.reach_further_than(before.limits) {
        Box::pin(sessions::go_on_with_more(ctx.backend(), owner, MonthBudget { agent })).await;
    }
    Ok(budget)
}

/// How long what no session set aside stays set aside, should nobody settle it: longer than any call takes.
pub(crate) const LAPSE: SignedDuration = SignedDuration::from_mins(30);

/// What came of setting something aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// It is set aside, or no budget is set.
    Enough,
    /// A budget does not reach, whatever becomes of what others have set aside.
    Short(Shortfall),
    /// A budget would reach but for what others have set aside: their calls may use less.
    Crowded(Shortfall),
    /// The session belongs to another worker or is over.
    Fenced,
}

/// Sets aside what the next call of a session may use at most, when it is held under this fence. Nothing is
/// set aside unless all budgets that it draws on reach, with what others have set aside of them.
pub(crate) async fn reserve(
    backend: &Backend,
    (owner, id, fence): (UserId, SessionId, i64),
    agent: AgentId,
    most: Usage,
) -> Result<Reserved> {
    let of_guest = guests::limits_of(backend, owner).await?;
    let mut tx = backend.begin(owner).await?;
    if of_guest.is_some() {
        store::guests::lock(&mut tx, owner).await?;
    }
    let budgets = store::budgets::lock(&mut tx, (owner, id), agent).await?;
    if budgets.is_empty() && of_guest.is_none() {
        return Ok(Reserved::Enough);
    }
    let now = backend.now();
    let mut drawn = store::budgets::list_drawn(&mut tx, (owner, id), &budgets, now).await?;
    if let Some(limits) = of_guest {
        drawn.push(store::guests::find_drawn(&mut tx, (owner, id), limits, now).await?);
    }
    if let Some(reserved) = short(drawn, agent, most) {
        return Ok(reserved);
    }
    let (tokens, micro_usd) = amounts(most);
    let key = (owner, id, fence);
    if !store::budgets::insert_reservation(&mut tx, key, agent, tokens, micro_usd).await? {
        return Ok(Reserved::Fenced);
    }
    tx.commit().await?;
    Ok(Reserved::Enough)
}

/// Why budgets do not reach for a call of an agent that uses so much at most. `None`: they do.
fn short(drawn: Vec<Drawn>, agent: AgentId, most: Usage) -> Option<Reserved> {
    let (tokens, micro_usd) = amounts(most);
    let mut crowded = None;
    for budget in drawn {
        let caller_agent_id = budget.agent.filter(|whose| *whose != agent);
        let costs = budget.max_micro_usd.map(|limit| {
            (Amount::MicroUsd(limit), limit, budget.micro_usd, budget.micro_usd_aside, micro_usd)
        });
        let counted = budget.max_tokens.map(|limit| {
            (Amount::Tokens(limit), limit, budget.tokens, budget.tokens_aside, tokens)
        });
        for (amount, limit, used, aside, wanted) in costs.into_iter().chain(counted) {
            let is_short = |gone: u64| gone >= limit || gone.saturating_add(wanted) > limit;
            let gone = used.saturating_add(aside);
            let scope = budget.scope;
            let shortfall = Shortfall { scope, caller_agent_id, limit: amount, used: gone };
            if is_short(used) {
                return Some(Reserved::Short(shortfall));
            }
            if is_short(gone) {
                crowded.get_or_insert(shortfall);
            }
        }
    }
    crowded.map(Reserved::Crowded)
}

/// Tokens, and millionths of a dollar.
fn amounts(most: Usage) -> (u64, u64) {
    (most.total_tokens(), u64::try_from(most.cost.0).unwrap_or(0))
}

/// What is set aside for a call of a model that no session makes, until it is settled or lapses.
#[derive(Debug)]
pub(crate) struct Aside {
    owner: UserId,
    /// What it is written under. `None`: no budget is set.
    id: Option<SessionId>,
}

impl Aside {
    /// Sets aside what the owner's next call may use at most, out of the budget over all agents and of what a
    /// guest may use. `None`: one does not reach, with what others have set aside.
    pub(crate) async fn take(
        backend: &Backend,
        owner: UserId,
        most: Usage,
    ) -> Result<Option<Self>> {
        // No agent's: what is drawn on is the budget over all of them.
        let nobody = AgentId::from_uuid(store::budgets::ALL_AGENTS);
        let id = SessionId::from_uuid(backend.new_id()?);
        let of_guest = guests::limits_of(backend, owner).await?;
        let mut tx = backend.begin(owner).await?;
        if of_guest.is_some() {
            store::guests::lock(&mut tx, owner).await?;
        }
        let budgets = store::budgets::lock(&mut tx, (owner, id), nobody).await?;
        if budgets.is_empty() && of_guest.is_none() {
            return Ok(Some(Self { owner, id: None }));
        }
        let now = backend.now();
        let mut drawn = store::budgets::list_drawn(&mut tx, (owner, id), &budgets, now).await?;
        if let Some(limits) = of_guest {
            drawn.push(store::guests::find_drawn(&mut tx, (owner, id), limits, now).await?);
        }
        if short(drawn, nobody, most).is_some() {
            return Ok(None);
        }
        store::budgets::insert_aside(&mut tx, (owner, id), amounts(most)).await?;
        tx.commit().await?;
        Ok(Some(Self { owner, id: Some(id) }))
    }

    /// Counts what was used in the place of what was set aside.
    pub(crate) async fn settle(self, backend: &Backend, used: Usage) -> Result<()> {
        let Self { owner, id } = self;
        let is_used = used.total_tokens() > 0 || used.cost.0 > 0;
        if id.is_none() && !is_used {
            return Ok(());
        }
        let mut tx = backend.begin(owner).await?;
        if let Some(id) = id {
            store::budgets::delete_aside(&mut tx, (owner, id)).await?;
        }
        if is_used {
            store::budgets::insert_use(&mut tx, owner, None, used, backend.now()).await?;
        }
        tx.commit().await
    }
}

/// What a call of a model that no session makes may use at most, set aside of the person's own budget and of
/// what guests may use.
#[derive(Debug)]
pub(crate) struct SetAside {
    own: Aside,
    purse: Purse,
}

impl SetAside {
    /// `None`: one of them does not reach, and nothing is set aside.
    pub(crate) async fn take(
        backend: &Backend,
        owner: UserId,
        most: Usage,
    ) -> Result<Option<Self>> {
        let Some(own) = Aside::take(backend, owner, most).await? else { return Ok(None) };
        let purse = Purse::default();
        match purse.take(backend, owner, most).await {
            Ok(None) => Ok(Some(Self { own, purse })),
            short => {
                own.settle(backend, Usage::default()).await?;
                short.map(|_| None)
            }
        }
    }

    /// Counts what was used in the place of it.
    pub(crate) async fn settle(self, backend: &Backend, used: Usage) -> Result<()> {
        let settled = self.purse.settle(backend, used).await;
        self.own.settle(backend, used).await.and(settled)
    }
}

#[cfg(test)]
mod tests;
