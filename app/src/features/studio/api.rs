//! What the studio asks the server.

use leptos::prelude::*;
use resonant_domain::agent::{Agent, AgentSpec, AgentStatus, AgentSummary};
use resonant_domain::ids::AgentId;
use resonant_domain::listing::ListingSummary;
use resonant_domain::page::Page;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::features::studio::agent_form::{AgentForm, RunForm};
#[cfg(feature = "ssr")]
use crate::{features::studio::form_rules::invalid, paths, ssr};

/// An agent beside what its editor says about models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditedAgent {
    /// The agent.
    pub agent: Agent,
    /// The language model that `Auto` means; `None` where the built-in planner answers.
    pub language_model: Option<String>,
}

/// What a new agent starts from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    /// The template that was chosen; blank without one.
    pub spec: AgentSpec,
    /// The chosen template.
    pub template: Option<ListingSummary>,
    /// Every template.
    pub templates: Vec<ListingSummary>,
    /// The language model that `Auto` means; `None` where the built-in planner answers.
    pub language_model: Option<String>,
}

/// A page of the viewer's agents, newest change first.
#[server(prefix = "/api/fn", endpoint = "studio/list_agents")]
pub async fn list_agents(
    status: Option<AgentStatus>,
    cursor: Option<String>,
) -> Result<Page<AgentSummary>, AppError> {
    use resonant_backend::agents::{self, AgentFilter};
    use resonant_domain::page::PageRequest;

    let page = PageRequest { cursor, limit: None };
    agents::list(&ssr::ctx()?, AgentFilter { status, page }).await.map_err(ssr::fail)
}

/// The templates that a first agent may start from.
#[server(prefix = "/api/fn", endpoint = "studio/list_templates")]
pub async fn list_templates() -> Result<Vec<ListingSummary>, AppError> {
    let templates = resonant_backend::listings::templates(&ssr::ctx()?).await.map_err(ssr::fail)?;
    Ok(templates.into_iter().map(|listing| listing.summary).collect())
}

/// What a new agent starts from: the named template or a blank sheet.
#[server(prefix = "/api/fn", endpoint = "studio/get_blueprint")]
pub async fn get_blueprint(template: Option<String>) -> Result<Blueprint, AppError> {
    use resonant_backend::listings;

    let ctx = ssr::ctx()?;
    let language_model = ctx.backend().language_model();
    let templates = list_templates().await?;
    let Some(slug) = template else {
        return Ok(Blueprint {
            spec: AgentSpec::default(),
            template: None,
            templates,
            language_model,
        });
    };
    let listing = listings::get(&ctx, &slug).await.map_err(ssr::fail)?;
    let (spec, template) = (listing.agent, Some(listing.summary));
    Ok(Blueprint { spec, template, templates, language_model })
}

/// One agent of the viewer.
#[server(prefix = "/api/fn", endpoint = "studio/get_agent")]
pub async fn get_agent(id: AgentId) -> Result<EditedAgent, AppError> {
    let ctx = ssr::ctx()?;
    let agent = resonant_backend::agents::get(&ctx, id).await.map_err(ssr::fail)?;
    Ok(EditedAgent { agent, language_model: ctx.backend().language_model() })
}

/// Makes an agent and goes to its editor. Somebody who is not known yet becomes a guest.
#[server(prefix = "/api/fn", endpoint = "studio/create_agent")]
pub async fn create_agent(#[server(default)] form: AgentForm) -> Result<(), AppError> {
    use resonant_backend::{agents, members};

    let spec = form.spec().map_err(invalid)?;
    let ctx = ssr::ctx()?;
    members::begin_guest(&ctx).await.map_err(ssr::fail)?;
    let agent = agents::create(&ctx, spec).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::agent(agent.id));
    Ok(())
}

/// Changes an agent unless it has changed since `revision`; `overwrite` changes it all the same.
#[server(prefix = "/api/fn", endpoint = "studio/update_agent")]
pub async fn update_agent(
    id: AgentId,
    revision: i64,
    #[server(default)] overwrite: bool,
    #[server(default)] form: AgentForm,
) -> Result<Agent, AppError> {
    use resonant_domain::grant;

    let mut changes = form.changes().map_err(invalid)?;
    let before = resonant_backend::agents::get(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    // The form ticks built-in tools and knows of no others.
    changes.tools = changes.tools.map(|tools| grant::ticked(tools, &before.spec.tools));
    let expected = (!overwrite).then_some(revision);
    resonant_backend::agents::update(&ssr::ctx()?, id, changes, expected).await.map_err(ssr::fail)
}

/// Pauses an agent, lets it run again, or puts it away.
#[server(prefix = "/api/fn", endpoint = "studio/set_status")]
pub async fn set_status(id: AgentId, status: AgentStatus) -> Result<Agent, AppError> {
    use resonant_domain::agent::AgentChanges;

    let changes = AgentChanges { status: Some(status), ..AgentChanges::default() };
    resonant_backend::agents::update(&ssr::ctx()?, id, changes, None).await.map_err(ssr::fail)
}

/// Deletes an agent and goes back to the list.
#[server(prefix = "/api/fn", endpoint = "studio/delete_agent")]
pub async fn delete_agent(id: AgentId) -> Result<(), AppError> {
    resonant_backend::agents::delete(&ssr::ctx()?, id).await.map_err(ssr::fail)?;
    ssr::redirect(paths::STUDIO);
    Ok(())
}

/// Sets an agent on a goal and goes to the session.
#[server(prefix = "/api/fn", endpoint = "studio/run_agent")]
pub async fn run_agent(id: AgentId, #[server(default)] run: RunForm) -> Result<(), AppError> {
    let new = run.new_session().map_err(invalid)?;
    let session =
        resonant_backend::sessions::start(&ssr::ctx()?, id, new).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::session(session.id));
    Ok(())
}
