//! `/api/v1/agents/{id}/versions`, and `/api/v1/agents/{id}/diff`: what differs between two editions.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, agents};
use resonant_domain::agent::Agent;
use resonant_domain::agent_version::{AgentVersion, Edition, NewVersion, VersionSummary};
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Part;
use resonant_domain::spec_diff::SpecDiff;
use resonant_domain::{AgentId, FaultKind};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{EDITION, FieldsQuery, PageQuery, chosen};
use crate::extract::{Body, Path, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of an agent's versions.
pub(crate) fn routes(api: Api) -> Api {
    let list_of =
        Operation::get("/agents/{id}/versions", "Lists an agent's versions, newest first");
    let new = Operation::post("/agents/{id}/versions", "Publishes the draft as a version");
    let one = Operation::get("/agents/{id}/versions/{version}", "Reads a version");
    let back =
        Operation::post("/agents/{id}/versions/{version}/restore", "Makes a version the draft");
    let diff = Operation::get("/agents/{id}/diff", "Tells what differs between two editions");

    let list_of = list_of.scope(Scope::AgentsRead).query::<PageQuery>();
    let new = new.scope(Scope::AgentsWrite).body::<NewVersion>().located();
    let one = one.scope(Scope::AgentsRead).query::<FieldsQuery>().fields::<AgentVersion>();
    let diff = diff.scope(Scope::AgentsRead).query::<DiffQuery>();
    api.add(list_of.answers_page::<VersionSummary>("versions"), list)
        .add(new.answers::<AgentVersion>(201), publish)
        .add(one.answers::<Part<AgentVersion>>(200), get)
        .add(back.scope(Scope::AgentsWrite).answers::<Agent>(200), restore)
        .add(diff.answers::<SpecDiff>(200), compare)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = agents::versions(&ctx, id, query.into()).await?;
    Ok(reply::page("versions", &page))
}

pub(crate) async fn publish(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Body(new): Body<NewVersion>,
) -> Result<Response, Fault> {
    let version = agents::publish(&ctx, id, new, None).await?;
    let path = format!("/api/v1/agents/{id}/versions/{}", version.version);
    Ok(reply::located(reply::json(StatusCode::CREATED, reply::NO_STORE, &version), &path))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    Query(query): Query<FieldsQuery>,
) -> Result<Response, Fault> {
    let (id, number) = named(&names)?;
    let fields = chosen(query.fields.as_deref())?.unwrap_or_default();
    let version = agents::get_version_part(&ctx, id, number, &fields).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &version))
}

pub(crate) async fn restore(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
) -> Result<Response, Fault> {
    let (id, number) = named(&names)?;
    let agent = agents::restore_version(&ctx, id, number, None).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &agent))
}

/// Two editions of an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiffQuery {
    /// `draft`, or the number of a version.
    #[schemars(with = "String", regex(pattern = EDITION))]
    before: Edition,
    /// The same; the draft where it is absent.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = EDITION))]
    after: Edition,
}

pub(crate) async fn compare(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<DiffQuery>,
) -> Result<Response, Fault> {
    let diff = agents::compare(&ctx, id, query.before, query.after).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &diff))
}

/// What is no id and no number names no version.
fn named((id, version): &(String, String)) -> Result<(AgentId, u32), Fault> {
    id.parse()
        .ok()
        .zip(version.parse().ok())
        .ok_or_else(|| Fault::of(FaultKind::NotFound, "there is no such version"))
}
