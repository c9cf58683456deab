//! `/api/v1/agents/proposals`: a first draft of an agent from a few words.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, proposals};
use resonant_domain::api_key::Scope;
use resonant_domain::proposal::{Proposal, WISH_MAX};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::extract::Body;
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The route of proposals. Nothing is made: what comes is the body of `POST /agents`. It counts once all the
/// same, since a draft is paid for.
pub(crate) fn routes(api: Api) -> Api {
    let draft = Operation::post("/agents/proposals", "Drafts an agent that does what is said");
    let draft = draft.scope(Scope::AgentsWrite).body::<Wish>().asks_model();
    api.add(draft.answers::<Proposal>(200), propose)
}

/// What an agent shall do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// 1 to [`WISH_MAX`] characters.
    #[schemars(length(min = 1, max = WISH_MAX), regex(pattern = r"^[^\x00]*[^\s\x00][^\x00]*$"))]
    wish: String,
}

pub(crate) async fn propose(
    Extension(ctx): Extension<Ctx>,
    Body(body): Body<Wish>,
) -> Result<Response, Fault> {
    let proposal = proposals::propose(&ctx, &body.wish).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &proposal))
}
