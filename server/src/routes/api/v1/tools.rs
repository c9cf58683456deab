//! `/api/v1/tools`, and `/api/v1/agents/{id}/tools/{tool}/try`: a tool of an agent called once.

use std::sync::LazyLock;

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, agents, tools};
use resonant_domain::AgentId;
use resonant_domain::agent_tools::ToolTrial;
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Part;
use resonant_domain::mcp_tool::{McpServer, McpTools};
use resonant_domain::openapi::{OpenApiSource, OpenApiTools};
use resonant_domain::page::{Page, PageRequest};
use resonant_domain::tool::{BUILT_IN_TOOLS, BuiltInTool};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{chosen, page};
use crate::conditional::{self, Constant};
use crate::extract::{Body, Path, Query, named};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The built-in tools with all their fields, which are fewer than a page has room for.
static BUILT_IN: LazyLock<Constant> = LazyLock::new(|| {
    let all = Page { items: BUILT_IN_TOOLS.to_vec(), next_cursor: None };
    Constant::new(&reply::told("tools", &all))
});

/// The routes of tools.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/tools", "Lists the built-in tools");
    let openapi = Operation::ask("/tools/openapi", "Reads the tools of an OpenAPI document");
    let mcp = Operation::ask("/tools/mcp", "Asks an MCP server for its tools");
    let trial = Operation::post("/agents/{id}/tools/{tool}/try", "Calls a tool of an agent once");

    let list_of = list_of.open().query::<ListQuery>().fields::<BuiltInTool>().tagged();
    let openapi = openapi.body::<OpenApiSource>();
    let trial = trial.scope(Scope::SessionsRun).body::<Trial>();
    api.add(list_of.answers_page::<Part<BuiltInTool>>("tools"), list)
        .add(openapi.answers::<OpenApiTools>(200), read_openapi)
        .add(mcp.body::<McpServer>().answers::<McpTools>(200), read_mcp)
        .add(trial.answers::<ToolTrial>(200), try_tool)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    fields: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let fields = chosen::<BuiltInTool>(query.fields.as_deref())?;
    let page = page(query.cursor, query.limit);
    if fields.is_none() && page == PageRequest::default() {
        return Ok(conditional::answer_constant(&headers, &BUILT_IN));
    }
    let fields = fields.unwrap_or_default();
    let tools = tools::built_in(&ctx, page).await?.map(|tool| fields.of(tool));
    Ok(reply::public_page("tools", &tools))
}

/// Reads an OpenAPI document; the tools that it gives are put into an agent by changing the agent.
pub(crate) async fn read_openapi(
    Extension(ctx): Extension<Ctx>,
    Body(source): Body<OpenApiSource>,
) -> Result<Response, Fault> {
    let found = tools::read_openapi(&ctx, source).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &found))
}

/// Asks an MCP server for its tools, which are put into an agent in the same way.
pub(crate) async fn read_mcp(
    Extension(ctx): Extension<Ctx>,
    Body(server): Body<McpServer>,
) -> Result<Response, Fault> {
    let found = tools::read_mcp(&ctx, server).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &found))
}

/// What a tool is tried with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// Calls a tool outside any session, with the owner's secrets. A call that fails is an answer, too.
pub(crate) async fn try_tool(
    Extension(ctx): Extension<Ctx>,
    Path((id, tool)): Path<(String, String)>,
    Body(trial): Body<Trial>,
) -> Result<Response, Fault> {
    let id = named::<AgentId>(&id)?;
    let arguments = Value::Object(trial.arguments).to_string();
    let told = agents::try_tool(&ctx, id, &tool, &arguments).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &told))
}
