//! What a person's agents used: in the month beside their budgets, by agent, by day.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use resonant_domain::AgentId;
use resonant_domain::agent::ModelPolicy;
use resonant_domain::api_key::Scope;
use resonant_domain::usage::{AGENTS_MAX, BudgetUse, DAYS, MONTHS, UsageReport};

use crate::budgets::guests;
use crate::{Ctx, Result, access, store};

/// Reads what the caller's agents used and may use. An agent that is named is told of first, whether it used
/// anything or not.
///
/// # Errors
/// [`crate::Error::Unauthenticated`]; [`crate::Error::MissingScope`]; [`crate::Error::NotFound`] for the
/// agent.
#[tracing::instrument(name = "usage.report", level = "debug", parent = ctx.span(), skip_all)]
pub async fn report(ctx: &Ctx, agent: Option<AgentId>) -> Result<UsageReport> {
    let owner = access::with_scope(ctx, Scope::AgentsRead)?;
    let backend = ctx.backend();
    let now = backend.now();
    let mut conn = backend.read(owner).await?;
    if let Some(agent) = agent
        && store::agents::find(&mut conn, owner, agent).await?.is_none()
    {
        drop(conn);
        return Err(access::not_own(ctx, owner, agent).await);
    }
    let budget = store::budgets::find(&mut conn, owner, None, now).await?;
    let (reserved_tokens, reserved_micro_usd) =
        store::usage::find_reserved(&mut conn, owner).await?;
    let agents = store::usage::list_agents(&mut conn, owner, agent, now, AGENTS_MAX).await?;
    let since = now - SignedDuration::from_hours(24 * DAYS);
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let mut days = store::usage::list_days(&mut conn, owner, since).await?;
    // Of the day that instant lies in there is a part alone.
    days.retain(|day| day.from > date(since));
    let months = store::usage::list_months(&mut conn, owner, MONTHS).await?;
    drop(conn);
    let guest = guests::limits_of(backend, owner).await?;
    let all = BudgetUse { budget, reserved_tokens, reserved_micro_usd };
    let presumed_prices = presumed_prices(ctx, None);
    Ok(UsageReport { today: date(now), all, guest, agents, days, months, presumed_prices })
}

/// The models whose price nobody has told, as `provider:model`: those that the installation names, or those
/// that answer for an agent of this policy.
#[must_use]
pub fn presumed_prices(ctx: &Ctx, policy: Option<&ModelPolicy>) -> Vec<String> {
    ctx.backend().engine().models().presumed_prices(policy)
}

#[cfg(test)]
mod tests;
