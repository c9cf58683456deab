//! `/api/v1/usage` and `/api/v1/agents/{id}/numbers`: what agents used, and what they did.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, agents, usage};
use resonant_domain::AgentId;
use resonant_domain::agent_numbers::AgentNumbers;
use resonant_domain::api_key::Scope;
use resonant_domain::usage::UsageReport;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::{PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of usage and numbers.
pub(crate) fn routes(api: Api) -> Api {
    let used = Operation::get(
        "/usage",
        "Reads what the caller's agents used: in this month by agent, by day, and by month",
    );
    let did = Operation::get(
        "/agents/{id}/numbers",
        "Reads what an agent did lately: by version, by day, and what failed last",
    );
    let used = used.scope(Scope::AgentsRead).query::<UsageQuery>().names_something();
    api.add(used.answers::<UsageReport>(200), report)
        .add(did.scope(Scope::AgentsRead).answers::<AgentNumbers>(200), numbers)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    /// The agent that is told of first, whether it used anything or not.
    agent_id: Option<AgentId>,
}

pub(crate) async fn report(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<UsageQuery>,
) -> Result<Response, Fault> {
    let report = usage::report(&ctx, query.agent_id).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &report))
}

pub(crate) async fn numbers(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
) -> Result<Response, Fault> {
    let numbers = agents::numbers(&ctx, id).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &numbers))
}
