//! What the prompt's field asks the server while it is written.

use leptos::prelude::*;
use resonant_domain::draft_weight::DraftWeight;
use resonant_domain::ids::AgentId;

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{features::studio::form_rules::invalid, ssr};

/// What a prompt weighs with a model; for an agent that ran before also what a session is likely to
/// cost.
#[server(prefix = "/api/fn", endpoint = "studio/weigh_draft")]
pub async fn weigh_draft(
    id: Option<AgentId>,
    #[server(default)] prompt: String,
    #[server(default)] model: String,
    #[server(default)] model_name: String,
) -> Result<DraftWeight, AppError> {
    let ctx = ssr::ctx()?;
    let form = super::agent_form::AgentForm { model, model_name, ..Default::default() };
    let mut faults = Vec::new();
    let policy = form.model_policy(&mut faults);
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    resonant_backend::agents::weigh(&ctx, id, &prompt, &policy).await.map_err(ssr::fail)
}
