//! `/api/v1/agents/{id}/listing/showcase`: the recorded session on the page of a listing.

use axum::Extension;
use axum::response::Response;
use resonant_backend::Ctx;
use resonant_backend::publications::{self, Consent};
use resonant_domain::{AgentId, SessionId};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of recorded sessions.
pub(crate) fn routes(api: Api) -> Api {
    let path = "/agents/{id}/listing/showcase";
    let on = Operation::put(path, "Shows a recorded session on the page of a listing");
    let off = Operation::delete(path, "Shows none there any more; the link to it stays");
    api.add(on.body::<NewShowcase>().may_conflict().answers_nothing(204), show)
        .add(off.answers_nothing(204), hide)
}

/// What is shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewShowcase {
    /// One of the caller's own that ran the version in the marketplace and reached its answer. When somebody
    /// goes on with it, or its link is taken back, it is shown no more.
    session: SessionId,
    /// That anyone reads the session as a whole: its goal, its material, its variables, every tool call and
    /// the answer.
    consent: bool,
}

pub(crate) async fn show(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
    Body(NewShowcase { session, consent }): Body<NewShowcase>,
) -> Result<Response, Fault> {
    let consent = if consent { Consent::Given } else { Consent::Refused };
    publications::show(&ctx, agent, session, consent).await?;
    Ok(reply::nothing())
}

pub(crate) async fn hide(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
) -> Result<Response, Fault> {
    publications::hide(&ctx, agent).await?;
    Ok(reply::nothing())
}
