//! `/api/v1/tools`

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, tools};
use resonant_domain::mcp_tool::McpServer;
use resonant_domain::openapi::OpenApiSource;
use resonant_domain::tool::BUILT_IN_TOOLS;
use serde::Deserialize;
use serde_json::json;

use super::chosen;
use crate::extract::{Body, Query};
use crate::fault::Fault;
use crate::reply;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    fields: Option<String>,
}

pub(crate) async fn list(Query(query): Query<ListQuery>) -> Result<Response, Fault> {
    let fields = chosen(query.fields.as_deref())?.unwrap_or_default();
    let tools = BUILT_IN_TOOLS.map(|tool| fields.of(tool));
    Ok(reply::json(StatusCode::OK, reply::PUBLIC, &json!({ "tools": tools })))
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
