//! What the studio asks the server.

use leptos::prelude::*;
use resonant_domain::FieldFault;
use resonant_domain::agent::{Agent, AgentSpec, AgentStatus};
use resonant_domain::agent_list::{AgentLine, AgentQuery, BulkAction, TrashedAgent};
use resonant_domain::agent_numbers::VersionNumbers;
use resonant_domain::agent_version::AgentVersion;
use resonant_domain::draft_weight::DraftWeight;
use resonant_domain::ids::{AgentId, SessionId};
use resonant_domain::listing::ListingSummary;
use resonant_domain::page::{Page, Place, Window};
use resonant_domain::proposal::Proposal;
use resonant_domain::team::AgentStanding;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::features::studio::agent_form::{AgentForm, RunForm};
#[cfg(feature = "ssr")]
use crate::{features::studio::form_rules::invalid, paths, ssr};
#[cfg(feature = "ssr")]
use resonant_domain::page::PageRequest;

/// How many agents the server draws: as many as the list fetches at once.
pub(super) const WINDOW: u32 = 50;
/// How many agents are found by their names.
#[cfg(feature = "ssr")]
const FOUND: u32 = 8;

/// An agent beside what its editor says about models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditedAgent {
    /// The agent: its draft.
    pub agent: Agent,
    /// The version that sessions run; `None` when they run the draft.
    pub published: Option<AgentVersion>,
    /// What sessions of the edition that runs took and cost, or of the newest one that has some.
    pub typical: Option<VersionNumbers>,
    /// The language model that `Auto` means; `None` where the built-in planner answers.
    pub language_model: Option<String>,
    /// The agents that it may be let call.
    pub callable: Vec<Callable>,
    /// The newest version of its listing, when it is a copy of an older one.
    pub update: Option<i32>,
    /// What its prompt weighs; `None` where its model is not here.
    pub weight: Option<DraftWeight>,
    /// Whether versions need its test sets to pass.
    pub requires_tests: bool,
    /// What the draft lacks to be published, as far as tests are concerned; nothing where they are not
    /// required.
    pub lacking_tests: Vec<FieldFault>,
    /// Whether it is a copy that was paid for, which stays where it is.
    pub is_paid_for: bool,
    /// What the viewer may do with it, where it is another's.
    pub standing: Option<AgentStanding>,
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
    /// The agents that it may be let call.
    pub callable: Vec<Callable>,
    /// What its prompt weighs; `None` where its model is not here.
    pub weight: Option<DraftWeight>,
    /// What was proposed to a form without a script.
    pub proposal: Option<Proposal>,
}

/// An agent that another may be let call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callable {
    /// Its identity.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// The beginning of a list of agents, or of its part from a rank on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListPart {
    /// How many agents the list holds.
    pub count: u64,
    /// The rank of the first agent of the window.
    pub from: u64,
    /// The agents.
    pub window: Window<AgentLine>,
}

/// A list of the viewer's agents: how long it is, and the window in which a rank lies, or the last one.
#[server(prefix = "/api/fn", endpoint = "studio/open_list")]
pub async fn open_list(query: AgentQuery, from: u64) -> Result<ListPart, AppError> {
    use resonant_backend::agents;

    let ctx = ssr::ctx()?;
    let count = agents::count(&ctx, &query).await.map_err(ssr::fail)?;
    let last = count.saturating_sub(1);
    let from = from.min(last) / u64::from(WINDOW) * u64::from(WINDOW);
    let place = Place::FromStart(from);
    let window = agents::window(&ctx, &query, place, WINDOW).await.map_err(ssr::fail)?;
    Ok(ListPart { count, from, window })
}

/// A window of a list of the viewer's agents.
#[server(prefix = "/api/fn", endpoint = "studio/read_list")]
pub async fn read_list(
    query: AgentQuery,
    place: Place,
    limit: u32,
) -> Result<Window<AgentLine>, AppError> {
    resonant_backend::agents::window(&ssr::ctx()?, &query, place, limit).await.map_err(ssr::fail)
}

/// An agent that was found by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAgent {
    /// Its identity.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// Whether it is another's, who shares it with a team of the viewer's.
    pub is_shared: bool,
}

/// The agents that the viewer reaches and whose name holds a text, letter case aside: the first few, their own
/// before those of others.
#[server(prefix = "/api/fn", endpoint = "studio/search_agents")]
pub async fn search_agents(text: String) -> Result<Vec<FoundAgent>, AppError> {
    use resonant_backend::{agents, teams};

    let ctx = ssr::ctx()?;
    let query = AgentQuery { text: Some(text.clone()), ..AgentQuery::default() };
    let own = agents::window(&ctx, &query, Place::FromStart(0), FOUND).await.map_err(ssr::fail)?;
    let room = (FOUND as usize).saturating_sub(own.items.len());
    let shared = match room {
        0 => Vec::new(),
        // One's own are there although those of others cannot be read now.
        _ => match teams::find_shared(&ctx, &text, room).await {
            Err(error) if own.items.is_empty() => return Err(ssr::fail(error)),
            found => found.unwrap_or_default(),
        },
    };
    let found = |id, name, is_shared| FoundAgent { id, name, is_shared };
    let own = own.items.into_iter().map(|line| found(line.summary.id, line.summary.name, false));
    let shared = shared.into_iter().map(|agent| found(agent.id, agent.name, true));
    Ok(own.chain(shared).take(FOUND as usize).collect())
}

/// The rank of the first agent of a list whose name begins with these letters.
#[server(prefix = "/api/fn", endpoint = "studio/find_agent")]
pub async fn find_agent(query: AgentQuery, prefix: String) -> Result<Option<u64>, AppError> {
    resonant_backend::agents::rank_of_prefix(&ssr::ctx()?, &query, &prefix).await.map_err(ssr::fail)
}

/// Does the same to many agents; answers those that it changed.
#[server(prefix = "/api/fn", endpoint = "studio/change_agents")]
pub async fn change_agents(
    #[server(default)] ids: Vec<AgentId>,
    action: BulkAction,
) -> Result<Vec<AgentId>, AppError> {
    resonant_backend::agents::change_many(&ssr::ctx()?, &ids, action).await.map_err(ssr::fail)
}

/// A page of the viewer's deleted agents, the one deleted last first.
#[server(prefix = "/api/fn", endpoint = "studio/list_trash")]
pub async fn list_trash(cursor: Option<String>) -> Result<Page<TrashedAgent>, AppError> {
    let page = PageRequest { cursor, limit: None };
    resonant_backend::agents::trash(&ssr::ctx()?, page).await.map_err(ssr::fail)
}

/// Takes an agent of the trash away for good.
#[server(prefix = "/api/fn", endpoint = "studio/delete_for_good")]
pub async fn delete_for_good(id: AgentId) -> Result<(), AppError> {
    resonant_backend::agents::delete_for_good(&ssr::ctx()?, id).await.map_err(ssr::fail)
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
    use resonant_backend::{agents, listings};

    let ctx = ssr::ctx()?;
    let language_model = ctx.backend().language_model();
    // Someone who is not known yet has no agents.
    let is_known = ctx.actor() != resonant_backend::Actor::Anonymous;
    let callable = if is_known { callable(&ctx, None).await? } else { Vec::new() };
    let templates = list_templates().await?;
    let Some(slug) = template else {
        let proposal = super::propose_api::take_proposal();
        let spec = proposal.as_ref().map(|proposal| proposal.spec.clone()).unwrap_or_default();
        let (template, weight) = (None, None);
        return Ok(Blueprint {
            spec,
            template,
            templates,
            language_model,
            callable,
            weight,
            proposal,
        });
    };
    let listing = listings::get(&ctx, &slug).await.map_err(ssr::fail)?;
    let (spec, template) = (listing.agent, Some(listing.summary));
    let weight = agents::weigh(&ctx, None, &spec.system_prompt, &spec.model_policy).await.ok();
    let proposal = None;
    Ok(Blueprint { spec, template, templates, language_model, callable, weight, proposal })
}

/// One agent of the viewer.
#[server(prefix = "/api/fn", endpoint = "studio/get_agent")]
pub async fn get_agent(id: AgentId) -> Result<EditedAgent, AppError> {
    use resonant_backend::{Error, listings};
    use resonant_domain::agent_version::Edition;

    let ctx = ssr::ctx()?;
    let agent = resonant_backend::agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let published = resonant_backend::agents::published(&ctx, id).await.map_err(ssr::fail)?;
    let numbers = resonant_backend::agents::numbers(&ctx, id).await.map_err(ssr::fail)?;
    let runs = published.as_ref().map(|published| published.version);
    let typical = numbers.typical(runs).cloned();
    let (prompt, policy) = (&agent.spec.system_prompt, &agent.spec.model_policy);
    // A model that is not here says so where it is chosen.
    let weight = resonant_backend::agents::weigh(&ctx, Some(id), prompt, policy).await.ok();
    let policy = resonant_backend::test_sets::policy(&ctx, id).await.map_err(ssr::fail)?;
    let lacking_tests = if policy.requires_tests {
        super::bench_api::lacking_tests(&ctx, id).await?
    } else {
        Vec::new()
    };
    let standing = standing(&ctx, &agent).await?;
    let update = match agent.listing_id {
        Some(_) if standing.is_none() => match listings::updates::find(&ctx, id).await {
            // It is for sale, and the viewer has not paid: that is no fault of the editor's.
            Err(Error::Conflict(_)) => None,
            found => found.map_err(ssr::fail)?,
        },
        _ => None,
    };
    let is_paid_for = match agent.listing_id {
        Some(_) => match resonant_backend::agents::export(&ctx, id, Edition::Draft).await {
            Err(Error::NotAllowed(_)) => true,
            exported => exported.map(|_| false).map_err(ssr::fail)?,
        },
        None => false,
    };
    // Only its owner lets it call others.
    let callable =
        if standing.is_none() { callable(&ctx, Some(&agent)).await? } else { Vec::new() };
    Ok(EditedAgent {
        agent,
        published,
        typical,
        language_model: ctx.backend().language_model(),
        callable,
        update: update.map(|update| update.to),
        weight,
        requires_tests: policy.requires_tests,
        lacking_tests,
        is_paid_for,
        standing,
    })
}

/// Whether an agent is the viewer's own.
#[cfg(feature = "ssr")]
fn is_own(ctx: &resonant_backend::Ctx, agent: &Agent) -> bool {
    matches!(ctx.actor(), resonant_backend::Actor::User { id, .. } if id == agent.owner_id)
}

/// What the viewer may do with an agent that is another's; `None` for one of their own.
#[cfg(feature = "ssr")]
pub(super) async fn standing(
    ctx: &resonant_backend::Ctx,
    agent: &Agent,
) -> Result<Option<AgentStanding>, AppError> {
    if is_own(ctx, agent) {
        return Ok(None);
    }
    resonant_backend::teams::standing(ctx, agent.id).await.map(Some).map_err(ssr::fail)
}

/// The agents that an agent may be let call: not itself, unless it does so already.
#[cfg(feature = "ssr")]
async fn callable(
    ctx: &resonant_backend::Ctx,
    caller: Option<&Agent>,
) -> Result<Vec<Callable>, AppError> {
    let tools = caller.into_iter().flat_map(|agent| &agent.spec.tools);
    let chosen: Vec<_> = tools.filter_map(resonant_domain::agent::ToolGrant::agent_id).collect();
    let found = resonant_backend::agents::callable(ctx, &chosen).await.map_err(ssr::fail)?;
    let is_self = |id: AgentId| caller.is_some_and(|caller| caller.id == id);
    let others = found.into_iter().filter(|agent| !is_self(agent.id) || chosen.contains(&agent.id));
    Ok(others
        .map(|agent| Callable { id: agent.id, name: agent.name, description: agent.description })
        .collect())
}

/// Makes an agent and goes to its editor. Somebody who is not known yet becomes a guest.
#[server(prefix = "/api/fn", endpoint = "studio/create_agent")]
pub async fn create_agent(#[server(default)] form: AgentForm) -> Result<(), AppError> {
    use resonant_backend::{agents, members};

    let mut spec = form.spec().map_err(invalid)?;
    let called = form.called().map_err(invalid)?;
    let ctx = ssr::ctx()?;
    members::begin_guest(&ctx).await.map_err(ssr::fail)?;
    spec.tools = agents::tools_for(&ctx, &called, spec.tools).await.map_err(ssr::fail)?;
    let agent = agents::create(&ctx, spec).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::agent(agent.id));
    Ok(())
}

/// Changes an agent unless it has changed since `revision`; `overwrite` changes it all the same. One that
/// is as the form says already is what an earlier try has made of it, whose answer was lost.
#[server(prefix = "/api/fn", endpoint = "studio/update_agent")]
pub async fn update_agent(
    id: AgentId,
    revision: i64,
    #[server(default)] overwrite: bool,
    #[server(default)] form: AgentForm,
) -> Result<Agent, AppError> {
    use resonant_backend::{Error, agents};
    use resonant_domain::grant;

    let mut changes = form.changes().map_err(invalid)?;
    let ctx = ssr::ctx()?;
    let before = agents::get(&ctx, id).await.map_err(ssr::fail)?;
    // The form ticks built-in tools and knows of no others.
    let mut tools = grant::ticked(changes.tools.unwrap_or_default(), &before.spec.tools);
    if is_own(&ctx, &before) {
        let called = form.called().map_err(invalid)?;
        tools = agents::tools_for(&ctx, &called, tools).await.map_err(ssr::fail)?;
    }
    changes.tools = Some(tools);
    let expected = (!overwrite).then_some(revision);
    let updated = agents::update(&ctx, id, changes.clone(), expected).await;
    if matches!(updated, Err(Error::Changed(_))) {
        let now = agents::get(&ctx, id).await.map_err(ssr::fail)?;
        let mut wanted = now.spec.clone();
        wanted.apply(changes);
        if wanted == now.spec {
            return Ok(now);
        }
    }
    updated.map_err(ssr::fail)
}

/// Gives an agent another name.
#[server(prefix = "/api/fn", endpoint = "studio/rename_agent")]
pub async fn rename_agent(id: AgentId, name: String) -> Result<(), AppError> {
    use resonant_domain::agent::AgentChanges;

    let changes = AgentChanges { name: Some(name), ..AgentChanges::default() };
    resonant_backend::agents::update(&ssr::ctx()?, id, changes, None).await.map_err(ssr::fail)?;
    Ok(())
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
    resonant_backend::agents::delete(&ssr::ctx()?, id, None).await.map_err(ssr::fail)?;
    ssr::redirect(paths::STUDIO);
    Ok(())
}

/// Sets an agent on a goal. A plain form is led to the session's page.
#[server(prefix = "/api/fn", endpoint = "studio/run_agent")]
pub async fn run_agent(
    id: AgentId,
    #[server(default)] run: RunForm,
    #[server(default)] intent: String,
) -> Result<SessionId, AppError> {
    use resonant_backend::sessions;

    let new = run.new_session().map_err(invalid)?;
    let edition = run.edition().map_err(invalid)?;
    let act = move |ctx| async move {
        match edition {
            None => sessions::start(&ctx, id, new).await,
            Some(edition) => sessions::try_edition(&ctx, id, new, edition).await,
        }
    };
    let said = (id, run);
    let session = ssr::once(&ssr::ctx()?, "studio/run_agent", &intent, &said, act).await?;
    ssr::redirect_form(&paths::session(session.id));
    Ok(session.id)
}
