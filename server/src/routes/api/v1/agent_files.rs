//! `/api/v1/agents/import`, `/api/v1/agents/{id}/import` and `/export`: agents as files.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, agents};
use resonant_domain::AgentId;
use resonant_domain::FaultKind;
use resonant_domain::agent_file::{AgentFile, Imported};
use resonant_domain::agent_version::Edition;
use resonant_domain::api_key::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::EDITION;
use crate::conditional;
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of agents as files.
pub(crate) fn routes(api: Api) -> Api {
    let file = Operation::get("/agents/{id}/export", "Writes an agent as a file");
    let new = Operation::post("/agents/import", "Makes an agent from a file");
    let again = Operation::put("/agents/{id}/import", "Makes an agent what a file says");

    let file = file.scope(Scope::AgentsRead).query::<ExportQuery>();
    let new = new.scope(Scope::AgentsWrite).query::<ImportQuery>().body::<AgentFile>();
    let again = again.scope(Scope::AgentsWrite).query::<ImportQuery>().body::<AgentFile>();
    api.add(file.answers::<AgentFile>(200), export)
        .add(new.answers::<Imported>(200), import_new)
        .add(again.conditional().answers::<Imported>(200), import)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// `draft`, or the number of a version.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = EDITION))]
    edition: Edition,
}

/// The agent as a file to keep: its draft, or the version that `edition` names.
pub(crate) async fn export(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Fault> {
    let spec = agents::export(&ctx, id, query.edition).await?;
    let text = AgentFile::from(spec).write().map_err(|error| {
        tracing::error!(%error, "an agent could not be written as a file");
        Fault::of(FaultKind::Internal, "the file could not be written")
    })?;
    Ok(reply::file("application/json", "agent.json", text))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Whether to tell alone what the file would change.
    #[serde(default)]
    dry_run: bool,
}

/// Makes an agent from a file, or tells what it would have beyond a blank one.
pub(crate) async fn import_new(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<ImportQuery>,
    Body(file): Body<AgentFile>,
) -> Result<Response, Fault> {
    let spec = file.into_spec().map_err(|fault| Fault::invalid(vec![fault]))?;
    let changes = agents::preview_new(&ctx, &spec).await?;
    let agent = if query.dry_run { None } else { Some(agents::create(&ctx, spec).await?) };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &Imported { agent, changes }))
}

/// Makes an agent's draft what a file says, or tells what that would change.
pub(crate) async fn import(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    Body(file): Body<AgentFile>,
) -> Result<Response, Fault> {
    let spec = file.into_spec().map_err(|fault| Fault::invalid(vec![fault]))?;
    let seen = conditional::seen(&headers);
    let (agent, changes) = if query.dry_run {
        (None, agents::preview_draft(&ctx.expecting(seen), id, &spec).await?)
    } else {
        let changes = agents::preview_draft(&ctx, id, &spec).await?;
        (Some(agents::replace_draft(&ctx, id, spec, seen).await?), changes)
    };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &Imported { agent, changes }))
}
