//! Proposals: a first draft of an agent from a few words.

use std::time::Duration;

use resonant_domain::SessionId;
use resonant_domain::UserId;
use resonant_domain::api_key::Scope;
use resonant_domain::proposal::{self, Proposal};
use resonant_domain::session::Usage;
use resonant_runtime::propose::Proposed;
use uuid::Uuid;

use crate::budgets::guests::{self, Purse};
use crate::rate_limits::{self, Sharer};
use crate::{Ctx, Error, RateLimit, Result, access, store};

/// How often one person may have a model draft.
const LIMIT: RateLimit =
    RateLimit { name: "propose", requests: 20, window: Duration::from_mins(10) };

/// Proposes a draft of an agent that does what was said: by the language model, within the person's
/// budget of the month, or by rules where there is none or it gave no draft that can be used. Makes
/// nothing.
///
/// # Errors
/// [`Error::Unauthenticated`]; [`Error::Invalid`] for what was said; [`Error::TooMany`].
#[tracing::instrument(name = "proposals.propose", level = "debug", parent = ctx.span(), skip_all)]
pub async fn propose(ctx: &Ctx, wish: &str) -> Result<Proposal> {
    let owner = access::with_scope(ctx, Scope::AgentsWrite)?;
    proposal::check(wish)?;
    let by_rules = |refusal| Proposal { spec: proposal::by_rules(wish), model: None, refusal };
    let backend = ctx.backend();
    let models = backend.engine().models();
    let Some(most) = models.proposal_limit(wish) else {
        return Ok(by_rules(None));
    };
    let standing = rate_limits::count(ctx, &LIMIT, &Sharer::owner(owner)).await;
    if let Some(retry_after) = standing.retry_after {
        return Err(Error::TooMany { retry_after });
    }
    let purse = Purse::default();
    if !has_room(ctx, owner, most).await? || purse.take(backend, owner, most).await?.is_some() {
        let refusal = "Your budget of the month does not reach for asking the model";
        return Ok(by_rules(Some(refusal.to_owned())));
    }
    let Some(Proposed { spec, usage, model }) = models.propose(wish, backend.now()).await else {
        purse.settle(backend, Usage::default()).await?;
        return Ok(by_rules(None));
    };
    purse.settle(backend, usage).await?;
    let mut tx = backend.begin(owner).await?;
    store::budgets::insert_use(&mut tx, owner, None, usage, backend.now()).await?;
    tx.commit().await?;
    tracing::info!(owner.id = %owner, model, is_usable = spec.is_ok(), "draft proposed");
    Ok(match spec {
        Ok(spec) => Proposal { spec, model: Some(model), refusal: None },
        Err(reason) => by_rules(Some(format!("The model {model} gave no draft: {reason}"))),
    })
}

/// Whether the person's own budget of the month reaches for so much, and what guests may use for a guest.
async fn has_room(ctx: &Ctx, owner: UserId, most: Usage) -> Result<bool> {
    let of_guest = guests::limits_of(ctx.backend(), owner).await?;
    let mut conn = ctx.backend().read_latest(owner).await?;
    // Neither an agent's nor a session's: what is drawn on is the budget over all agents.
    let nobody = (owner, SessionId::from_uuid(Uuid::nil()));
    let now = ctx.backend().now();
    let all = [store::budgets::ALL_AGENTS];
    let mut drawn = store::budgets::list_drawn(&mut conn, nobody, &all, now).await?;
    if let Some(limits) = of_guest {
        drawn.push(store::guests::find_drawn(&mut conn, nobody, limits, now).await?);
    }
    let reaches = |limit: Option<u64>, used: u64, aside: u64, wanted: u64| {
        limit.is_none_or(|limit| used.saturating_add(aside).saturating_add(wanted) <= limit)
    };
    let micro_usd = u64::try_from(most.cost.0).unwrap_or(0);
    Ok(drawn.iter().all(|budget| {
        reaches(budget.max_tokens, budget.tokens, budget.tokens_aside, most.total_tokens())
            && reaches(budget.max_micro_usd, budget.micro_usd, budget.micro_usd_aside, micro_usd)
    }))
}

#[cfg(test)]
mod tests {
    use resonant_domain::FaultKind;
    use resonant_domain::budget::BudgetLimits;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, budgets, sample};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn without_a_language_model_rules_propose(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let proposal = propose(&ctx, "Summarise web pages").await.unwrap();
        assert_eq!((proposal.model, proposal.refusal), (None, None));
        assert!(proposal.spec.has_tool("summarise"));
        let error = propose(&ctx, " ").await.unwrap_err();
        assert_eq!(error.fields()[0].field, "wish");
        let error = propose(&backend.anonymous(), "x").await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::Unauthenticated);
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_model_that_gives_no_draft_is_paid_and_rules_propose(pool: PgPool) {
        // It repeats what it is told, which is no draft.
        let backend = sample::with_parrot(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let proposal = propose(&ctx, "Summarise web pages").await.unwrap();
        assert_eq!(proposal.model, None);
        assert!(proposal.refusal.unwrap().contains("parrot-1"));
        let used = budgets::get(&ctx, None).await.unwrap();
        assert_eq!((used.used_tokens, used.used_micro_usd), (10, 14), "two tries");
        let limits = BudgetLimits { max_tokens: Some(11), max_micro_usd: None };
        budgets::set(&ctx, None, limits).await.unwrap();
        let proposal = propose(&ctx, "Summarise web pages").await.unwrap();
        assert!(proposal.refusal.unwrap().contains("budget"));
        assert_eq!(budgets::get(&ctx, None).await.unwrap().used_tokens, 10, "nobody was asked");
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_model_is_not_asked_without_end(pool: PgPool) {
        let backend = sample::with_parrot(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        for _ in 0..LIMIT.requests {
            propose(&ctx, "Read").await.unwrap();
        }
        let error = propose(&ctx, "Read").await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::TooMany);
    }
}
