//! Proposals: a first draft of an agent from a few words.

use std::time::Duration;

use resonant_domain::UserId;
use resonant_domain::agent::AgentSpec;
use resonant_domain::api_key::Scope;
use resonant_domain::proposal::{self, Proposal};
use resonant_domain::session::Usage;
use resonant_runtime::propose::Proposed;

use crate::budgets::SetAside;
use crate::rate_limits::{self, Sharer};
use crate::{Backend, Ctx, Error, RateLimit, Result, access, apart};

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
    let Some(aside) = SetAside::take(backend, owner, most).await? else {
        let refusal = "Your budget of the month does not reach for asking the model";
        return Ok(by_rules(Some(refusal.to_owned())));
    };
    // Who does not wait for the answer has asked all the same, and it is counted.
    let asked = apart(ask(backend.clone(), owner, wish.to_owned(), aside)).await;
    let asked = asked.ok_or_else(|| Error::internal("the process stopped while a model was asked"));
    let Some((spec, model)) = asked?? else {
        return Ok(by_rules(None));
    };
    Ok(match spec {
        Ok(spec) => Proposal { spec, model: Some(model), refusal: None },
        Err(reason) => by_rules(Some(format!("The model {model} gave no draft: {reason}"))),
    })
}

/// Asks the language model, and counts what that used. `None`: there is none. Else its draft, or why there is
/// none that can be used, and who was asked.
async fn ask(
    backend: Backend,
    owner: UserId,
    wish: String,
    aside: SetAside,
) -> Result<Option<(Result<AgentSpec, String>, String)>> {
    let proposed = backend.engine().models().propose(&wish, backend.now()).await;
    let Some(Proposed { spec, usage, model }) = proposed else {
        aside.settle(&backend, Usage::default()).await?;
        return Ok(None);
    };
    aside.settle(&backend, usage).await?;
    tracing::info!(owner.id = %owner, model, is_usable = spec.is_ok(), "draft proposed");
    Ok(Some((spec, model)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::{StreamExt as _, stream};
    use resonant_domain::FaultKind;
    use resonant_domain::budget::BudgetLimits;
    use resonant_runtime::Engine;
    use resonant_runtime::clock::SystemClock;
    use resonant_runtime::models::{
        FinishReason, Model, ModelPiece, ModelRequest, Models, ReplyStream,
    };
    use resonant_runtime::tools::Tools;
    use sqlx::PgPool;
    use tokio::sync::{Notify, Semaphore};
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::budgets::Aside;
    use crate::{budgets, sample};

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

    /// Tells that it was asked, and answers once the gate is closed.
    struct Slow {
        asked: Arc<Notify>,
        gate: Arc<Semaphore>,
    }

    impl Model for Slow {
        fn provider(&self) -> &'static str {
            "slow"
        }

        fn reply(&self, _: ModelRequest) -> ReplyStream {
            let (asked, gate) = (self.asked.clone(), self.gate.clone());
            let reply = async move {
                asked.notify_one();
                let _ = gate.acquire().await;
                let usage = Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() };
                let (calls, reason) = (Vec::new(), FinishReason::Stop);
                Ok(ModelPiece::Finish { calls, usage, reason })
            };
            stream::once(reply).boxed()
        }
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn who_hangs_up_has_asked_all_the_same(pool: PgPool) {
        let (asked, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let slow = Slow { asked: asked.clone(), gate: gate.clone() };
        let models = Models::with_language_model(Arc::new(slow), "slow-1");
        let clock = Arc::new(SystemClock);
        let engine = Engine::new(models, Tools::empty(), clock.clone());
        let backend = Backend::for_tests_with_engine(pool, clock, engine);
        let ctx = sample::guest(&backend).await.unwrap();
        let mut proposal = Box::pin(propose(&ctx, "Read"));
        tokio::select! {
            _ = &mut proposal => panic!("nobody has answered"),
            () = asked.notified() => {}
        }
        drop(proposal);
        gate.close();
        let counted = async {
            loop {
                let used = budgets::get(&ctx, None).await.unwrap().used_tokens;
                if used > 0 {
                    return used;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let used = timeout(Duration::from_secs(10), counted).await.expect("it is counted");
        assert_eq!(used, 10, "two tries");
    }

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn two_drafts_side_by_side_do_not_draw_on_the_same_budget(pool: PgPool) {
        let (asked, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let slow = Slow { asked: asked.clone(), gate: gate.clone() };
        let models = Models::with_language_model(Arc::new(slow), "slow-1");
        let most = models.proposal_limit("Read").unwrap().total_tokens();
        let clock = Arc::new(SystemClock);
        let engine = Engine::new(models, Tools::empty(), clock.clone());
        let backend = Backend::for_tests_with_engine(pool.clone(), clock, engine);
        let ctx = sample::guest(&backend).await.unwrap();
        // Enough for one, and not for two.
        let limits = BudgetLimits { max_tokens: Some(most + most / 2), max_micro_usd: None };
        budgets::set(&ctx, None, limits).await.unwrap();
        let mut first = Box::pin(propose(&ctx, "Read"));
        tokio::select! {
            _ = &mut first => panic!("nobody has answered"),
            () = asked.notified() => {}
        }
        // What is set aside for a call under way is not taken for left over.
        crate::work::reap(&backend.system()).await.unwrap();
        let second = propose(&ctx, "Read").await.unwrap();
        assert!(second.refusal.unwrap().contains("budget"));
        gate.close();
        assert!(first.await.unwrap().refusal.unwrap().contains("slow-1"));
        assert_eq!(budgets::get(&ctx, None).await.unwrap().used_tokens, 10, "of the first alone");
        let aside = sqlx::query_scalar!("SELECT session_id FROM budget_reservations");
        assert!(aside.fetch_all(&pool).await.unwrap().is_empty(), "it is settled");
        // There is room again, and what was never settled lapses.
        let owner = access::user(&ctx).unwrap();
        let usage = Usage { output_tokens: most, ..Usage::default() };
        assert!(Aside::take(&backend, owner, usage).await.unwrap().is_some());
        let old =
            "UPDATE budget_reservations SET session_id = '01890a5d-ac96-774b-bcce-b302099a8057'";
        sqlx::raw_sql(old).execute(&pool).await.unwrap();
        crate::work::reap(&backend.system()).await.unwrap();
        let aside = sqlx::query_scalar!("SELECT session_id FROM budget_reservations");
        assert!(aside.fetch_all(&pool).await.unwrap().is_empty());
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
