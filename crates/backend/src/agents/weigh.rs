//! What a draft weighs: the tokens of its prompt, and what a session of it is likely to cost.

use resonant_domain::agent::{ModelPolicy, SYSTEM_PROMPT_MAX};
use resonant_domain::api_key::Scope;
use resonant_domain::draft_weight::DraftWeight;
use resonant_domain::session::Usage;
use resonant_domain::team::AgentRight;
use resonant_domain::text::check_text;
use resonant_domain::{AgentId, FieldFault};

use crate::{Ctx, Error, Result, access, store};

/// Counts the tokens of a prompt by the vocabulary of its model and, for an agent that ran before,
/// prices the tokens of a typical session. Keeps nothing.
///
/// # Errors
/// [`Error::Unauthenticated`] and [`Error::NotFound`] for the agent; [`Error::Invalid`] for a prompt
/// that is too long and for a model that is not here.
#[tracing::instrument(name = "agents.weigh", level = "debug", parent = ctx.span(), skip_all)]
pub async fn weigh(
    ctx: &Ctx,
    agent: Option<AgentId>,
    prompt: &str,
    policy: &ModelPolicy,
) -> Result<DraftWeight> {
    let mut faults: Vec<FieldFault> = Vec::new();
    check_text(&mut faults, "system_prompt", prompt, 0, SYSTEM_PROMPT_MAX);
    let models = ctx.backend().engine().models();
    let weigh = |faults: Vec<FieldFault>| {
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let weight = models.weigh(policy, prompt);
        weight.map_err(|reason| Error::field("model_policy.model", reason))
    };
    let Some(id) = agent else { return weigh(faults) };
    let (_, reached, mut conn) =
        access::agent(ctx, Scope::AgentsRead, id, AgentRight::Read).await?;
    let owner = reached.owner;
    let mut weight = weigh(faults)?;
    weight.past = store::agent_numbers::find_typical(&mut conn, owner, id).await?;
    if let Some(past) = &mut weight.past {
        let (input_tokens, output_tokens) = (past.input_tokens, past.output_tokens);
        past.cost = models.price(policy, Usage { input_tokens, output_tokens, ..Usage::default() });
    }
    Ok(weight)
}

#[cfg(test)]
mod tests {
    use resonant_domain::FaultKind;
    use sqlx::PgPool;

    use super::*;
    use crate::{Backend, agents, sample, sessions};

    #[sqlx::test(migrator = "crate::store::MIGRATOR")]
    async fn a_draft_is_weighed_with_what_its_sessions_took(pool: PgPool) {
        let backend = Backend::for_tests(pool);
        let ctx = sample::guest(&backend).await.unwrap();
        let id = agents::create(&ctx, sample::spec("Reader")).await.unwrap().id;
        let planner = ModelPolicy::Builtin;
        let fresh = weigh(&ctx, Some(id), "Read.", &planner).await.unwrap();
        assert_eq!((fresh.tokens, fresh.past), (3, None));
        sessions::start(&ctx, id, sample::goal("What is 1 + 1?")).await.unwrap();
        sample::work_off(&backend).await;
        let past = weigh(&ctx, Some(id), "Read.", &planner).await.unwrap().past.unwrap();
        assert_eq!((past.sessions, past.cost), (1, None));
        assert!(past.output_tokens > 0, "{past:?}");

        let stranger = sample::guest(&backend).await.unwrap();
        let error = weigh(&stranger, Some(id), "Read.", &planner).await.unwrap_err();
        assert_eq!(error.kind(), FaultKind::NotFound);
        let other = ModelPolicy::Named { model: "large".to_owned() };
        let error = weigh(&ctx, None, "Read.", &other).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "model_policy.model");
        let error = weigh(&ctx, None, &"x".repeat(40_000), &planner).await.unwrap_err();
        assert_eq!(error.fields()[0].field, "system_prompt");
    }
}
