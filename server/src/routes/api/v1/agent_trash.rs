//! `/api/v1/agents/trash`: deleted agents, brought back or taken away for good, and `/api/v1/agents/changes`:
//! the same done to many agents at once.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, agents};
use resonant_domain::AgentId;
use resonant_domain::agent::Agent;
use resonant_domain::agent_list::{BULK_MAX, BulkAction, TrashedAgent};
use resonant_domain::api_key::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PageQuery;
use super::agents::tagged;
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of deleted agents, and of many at once.
pub(crate) fn routes(api: Api) -> Api {
    let list_of =
        Operation::get("/agents/trash", "Lists the caller's deleted agents, newest first");
    let back = Operation::post("/agents/{id}/restore", "Takes an agent out of the trash");
    let gone = Operation::delete("/agents/trash/{id}", "Takes a deleted agent away for good");
    let many = Operation::post("/agents/changes", "Does the same to up to 200 agents at once");

    let list_of = list_of.scope(Scope::AgentsRead).query::<PageQuery>();
    let back = back.scope(Scope::AgentsWrite).versioned();
    let many = many.scope(Scope::AgentsWrite).body::<ManyChanges>();
    api.add(list_of.answers_page::<TrashedAgent>("agents"), list)
        .add(back.answers::<Agent>(200), restore)
        .add(gone.scope(Scope::AgentsWrite).answers_nothing(204), erase)
        .add(many.answers::<Changed>(200), change_many)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = agents::trash(&ctx, query.into()).await?;
    Ok(reply::page("agents", &page))
}

pub(crate) async fn restore(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
) -> Result<Response, Fault> {
    let agent = agents::restore(&ctx, id).await?;
    Ok(tagged(StatusCode::OK, &agent))
}

pub(crate) async fn erase(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
) -> Result<Response, Fault> {
    agents::delete_for_good(&ctx, id).await?;
    Ok(reply::nothing())
}

/// What is done to agents of the caller.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManyChanges {
    /// 1 to [`BULK_MAX`].
    #[schemars(length(min = 1, max = BULK_MAX))]
    ids: Vec<AgentId>,
    action: BulkAction,
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
struct Changed {
    /// The agents that are other now. Those that are not the caller's, and those that were so already, are
    /// passed over.
    changed: Vec<AgentId>,
}

pub(crate) async fn change_many(
    Extension(ctx): Extension<Ctx>,
    Body(wanted): Body<ManyChanges>,
) -> Result<Response, Fault> {
    let changed = agents::change_many(&ctx, &wanted.ids, wanted.action).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &Changed { changed }))
}
