//! What the pages of an agent's tools ask the server.

use leptos::prelude::*;
use resonant_domain::agent_tools::{AgentTools, ToolTrial};
use resonant_domain::ids::AgentId;
use resonant_domain::team::AgentStanding;
use serde::{Deserialize, Serialize};

use super::tool_form::ToolForm;
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{features::studio::form_rules::invalid, paths, ssr};
#[cfg(feature = "ssr")]
use resonant_domain::agent::ToolGrant;

/// All tools of an agent, for somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolsPage {
    /// The tools.
    pub tools: AgentTools,
    /// What the viewer may do with the agent, where it is another's.
    pub standing: Option<AgentStanding>,
}

/// Tools to choose from: what a document or a server offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedTools {
    /// What the document or the server calls itself.
    pub title: String,
    /// The tools.
    pub tools: Vec<OfferedTool>,
    /// The secrets that the tools send and the viewer does not have.
    pub secrets: Vec<String>,
    /// What no tool could be made of, with the reason.
    pub skipped: Vec<String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedTool {
    /// Its name as a grant.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON schema of its input.
    pub input_schema: String,
}

/// All tools of an agent, and those that it could have.
#[server(prefix = "/api/fn", endpoint = "studio/get_tools")]
pub async fn get_tools(id: AgentId) -> Result<AgentTools, AppError> {
    resonant_backend::agents::tools(&ssr::ctx()?, id).await.map_err(ssr::fail)
}

/// The same for the page of them all.
#[server(prefix = "/api/fn", endpoint = "studio/get_tools_page")]
pub async fn get_tools_page(id: AgentId) -> Result<ToolsPage, AppError> {
    use resonant_backend::{Actor, agents, teams};

    let ctx = ssr::ctx()?;
    let tools = agents::tools(&ctx, id).await.map_err(ssr::fail)?;
    let is_own = matches!(ctx.actor(), Actor::User { id, .. } if id == tools.owner_id);
    let standing =
        if is_own { None } else { Some(teams::standing(&ctx, id).await.map_err(ssr::fail)?) };
    Ok(ToolsPage { tools, standing })
}

/// Switches a tool on or off.
#[server(prefix = "/api/fn", endpoint = "studio/switch_tool")]
pub async fn switch_tool(id: AgentId, name: String, on: bool) -> Result<(), AppError> {
    let ctx = ssr::ctx()?;
    resonant_backend::agents::switch_tool(&ctx, id, &name, on).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::tools(id));
    Ok(())
}

/// Says whether a person must approve each call of a tool.
#[server(prefix = "/api/fn", endpoint = "studio/set_approval")]
pub async fn set_approval(id: AgentId, name: String, needed: bool) -> Result<(), AppError> {
    let ctx = ssr::ctx()?;
    resonant_backend::agents::set_approval(&ctx, id, &name, needed).await.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::tools(id));
    Ok(())
}

/// A tool that was taken from an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedTool {
    /// The agent.
    pub agent_id: AgentId,
    /// What the tool was called.
    pub name: String,
    /// The whole tool as JSON, for [`restore_tool`].
    pub grant: String,
}

/// Takes a tool from an agent. Answers the tool, for who wants it back.
#[server(prefix = "/api/fn", endpoint = "studio/remove_tool")]
pub async fn remove_tool(id: AgentId, name: String) -> Result<RemovedTool, AppError> {
    let ctx = ssr::ctx()?;
    let removed = resonant_backend::agents::remove_tool(&ctx, id, &name).await;
    let removed = removed.map_err(ssr::fail)?;
    ssr::redirect_form(&paths::tools(id));
    // A tool can be written as JSON: that is how it is kept.
    let grant = serde_json::to_string(&removed).unwrap_or_default();
    Ok(RemovedTool { agent_id: id, name, grant })
}

/// Puts a tool back that was taken from an agent, unless there is another one of its name by now.
#[server(prefix = "/api/fn", endpoint = "studio/restore_tool")]
pub async fn restore_tool(id: AgentId, grant: String) -> Result<(), AppError> {
    let grant: ToolGrant = serde_json::from_str(&grant)
        .map_err(|_| ssr::invalid("grant", "must be a tool as JSON"))?;
    let ctx = ssr::ctx()?;
    let agent = resonant_backend::agents::get(&ctx, id).await.map_err(ssr::fail)?;
    if agent.spec.tools.iter().any(|other| other.name == grant.name) {
        return Err(ssr::invalid("name", "must be a name that no other tool of the agent has"));
    }
    let restored = resonant_backend::agents::put_tools(&ctx, id, vec![grant]).await;
    restored.map(drop).map_err(ssr::fail)
}

/// Adds a tool, or changes the one that is called `replaces` unless it is no longer in the version that was
/// `seen`; `overwrite` changes it all the same.
#[server(prefix = "/api/fn", endpoint = "studio/save_tool")]
pub async fn save_tool(
    id: AgentId,
    #[server(default)] replaces: String,
    #[server(default)] seen: String,
    #[server(default)] overwrite: bool,
    #[server(default)] tool: ToolForm,
) -> Result<(), AppError> {
    use resonant_backend::{Seen, agents};

    let mut ctx = ssr::ctx()?;
    if !overwrite && !seen.is_empty() {
        ctx = ctx.expecting(Seen::at(seen));
    }
    let tools = agents::get(&ctx, id).await.map_err(ssr::fail)?.spec.tools;
    let before = tools.iter().find(|grant| grant.name == replaces);
    let grant = tool.grant(before).map_err(invalid)?;
    // An earlier try has made it what the form says, and its answer was lost.
    if (replaces.is_empty() || replaces == grant.name) && tools.contains(&grant) {
        ssr::redirect(&paths::tools(id));
        return Ok(());
    }
    let is_taken = |name: &str| name != replaces && tools.iter().any(|other| other.name == name);
    if is_taken(&grant.name) {
        return Err(ssr::invalid("name", "must be a name that no other tool of the agent has"));
    }
    let saved = if replaces.is_empty() {
        agents::put_tools(&ctx, id, vec![grant]).await
    } else {
        agents::replace_tool(&ctx, id, &replaces, grant).await
    };
    saved.map_err(ssr::fail)?;
    ssr::redirect(&paths::tools(id));
    Ok(())
}

/// Calls a tool once with these arguments, outside any session.
#[server(prefix = "/api/fn", endpoint = "studio/try_tool")]
pub async fn try_tool(
    id: AgentId,
    name: String,
    #[server(default)] arguments: String,
) -> Result<ToolTrial, AppError> {
    let ctx = ssr::ctx()?;
    resonant_backend::agents::try_tool(&ctx, id, &name, &arguments).await.map_err(ssr::fail)
}

/// Reads which tools an OpenAPI document offers, or with `add` puts those that are ticked into the
/// agent; none ticked: all of them.
#[server(prefix = "/api/fn", endpoint = "studio/import_openapi")]
pub async fn import_openapi(
    id: AgentId,
    #[server(default)] document: String,
    #[server(default)] url: String,
    #[server(default)] add: bool,
    #[server(default)] names: Vec<String>,
) -> Result<OfferedTools, AppError> {
    use resonant_domain::openapi::OpenApiSource;

    let ctx = ssr::ctx()?;
    let given = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    let source =
        OpenApiSource { document: given(document), url: given(url), ..OpenApiSource::default() };
    resonant_backend::agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let found = resonant_backend::tools::read_openapi(&ctx, source).await.map_err(ssr::fail)?;
    let skipped = found.skipped.into_iter();
    let offered = OfferedTools {
        title: found.title,
        tools: found.tools.iter().map(OfferedTool::of).collect(),
        secrets: lacking(&ctx, found.secrets).await?,
        skipped: skipped
            .map(|skipped| format!("{}: {}", skipped.operation, skipped.reason))
            .collect(),
    };
    take(&ctx, id, add, names, found.tools).await?;
    Ok(offered)
}

/// Reads which tools an MCP server offers, or with `add` puts those that are ticked into the agent;
/// none ticked: all of them.
#[server(prefix = "/api/fn", endpoint = "studio/import_mcp")]
pub async fn import_mcp(
    id: AgentId,
    server: String,
    #[server(default)] headers: String,
    #[server(default)] add: bool,
    #[server(default)] names: Vec<String>,
) -> Result<OfferedTools, AppError> {
    use resonant_domain::mcp_tool::McpServer;

    let ctx = ssr::ctx()?;
    let mut faults = Vec::new();
    let headers = super::tool_rules::read_lines(&mut faults, "headers", &headers, ':');
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    let asked = McpServer { server: server.trim().to_owned(), headers };
    let wanted = asked.secrets().into_iter().map(str::to_owned).collect();
    resonant_backend::agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let found = resonant_backend::tools::read_mcp(&ctx, asked).await.map_err(ssr::fail)?;
    let offered = OfferedTools {
        title: found.title,
        tools: found.tools.iter().map(OfferedTool::of).collect(),
        secrets: lacking(&ctx, wanted).await?,
        skipped: found.skipped,
    };
    take(&ctx, id, add, names, found.tools).await?;
    Ok(offered)
}

#[cfg(feature = "ssr")]
impl OfferedTool {
    fn of(grant: &ToolGrant) -> Self {
        use resonant_domain::grant::ToolSettings;

        use super::tool_form::pretty;

        let (description, schema) = if let ToolSettings::Http(tool) = &grant.settings {
            (tool.description.clone(), pretty(&tool.input_schema))
        } else if let ToolSettings::Mcp(tool) = &grant.settings {
            (tool.description.clone(), pretty(&tool.input_schema))
        } else {
            Default::default()
        };
        Self { name: grant.name.clone(), description, input_schema: schema }
    }
}

/// Those of the secrets that the viewer does not have.
#[cfg(feature = "ssr")]
async fn lacking(
    ctx: &resonant_backend::Ctx,
    mut names: Vec<String>,
) -> Result<Vec<String>, AppError> {
    use resonant_domain::page::PageRequest;

    let has = resonant_backend::secrets::list(ctx, PageRequest::largest()).await;
    let has = has.map_err(ssr::fail)?.items;
    names.retain(|name| !has.iter().any(|secret| secret.name == *name));
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Puts the chosen tools into the agent and goes to its list of them.
#[cfg(feature = "ssr")]
async fn take(
    ctx: &resonant_backend::Ctx,
    id: AgentId,
    add: bool,
    names: Vec<String>,
    mut grants: Vec<ToolGrant>,
) -> Result<(), AppError> {
    if !add {
        return Ok(());
    }
    if !names.is_empty() {
        grants.retain(|grant| names.contains(&grant.name));
    }
    resonant_backend::agents::put_tools(ctx, id, grants).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::tools(id));
    Ok(())
}
