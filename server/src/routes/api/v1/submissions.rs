//! `/api/v1/agents/{id}/submissions`, `/api/v1/agents/{id}/listing`, `/api/v1/submissions`: from an
//! agent to a listing, and what moderators say to it.

use axum::Extension;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use resonant_backend::{Ctx, moderation, publications};
use resonant_domain::listing::{Category, ListingState};
use resonant_domain::publication::{
    CHANGE_LOG_MAX, CaseSummary, ListingTexts, Publication, Submission,
};
use resonant_domain::scan::Finding;
use resonant_domain::{AgentId, FieldFault, SubmissionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extract::{Body, PathId};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of publishing and moderation.
pub(crate) fn routes(api: Api) -> Api {
    let standing =
        Operation::get("/agents/{id}/submissions", "Tells how publishing an agent stands");
    let new = Operation::post("/agents/{id}/submissions", "Saves a submission and hands it in");
    let back = Operation::delete("/agents/{id}/submissions", "Takes back what was handed in");
    let changed = Operation::patch("/agents/{id}/listing", "Pauses a listing, deprecates it, …");
    let gone = Operation::delete(
        "/agents/{id}/listing/versions/{version}",
        "Deletes a version of a listing that has others",
    );
    let queue = Operation::get("/submissions", "Lists what waits for a moderator");
    let case = Operation::get("/submissions/{id}", "Reads what was handed in");
    let decision = Operation::post("/submissions/{id}/decisions", "Approves, or asks for changes");

    let new = new.body::<NewSubmission>().names_something();
    let changed = changed.body::<ListingChanges>().may_conflict();
    let decision = decision.admin().body::<Decision>();
    api.add(standing.answers::<Publication>(200), get)
        .add(new.answers::<Publication>(201), create)
        .add(back.answers_nothing(204), withdraw)
        .add(changed.answers::<Publication>(200), update)
        .add(gone.may_conflict().answers_nothing(204), delete_version)
        .add(queue.admin().answers::<Queue>(200), list)
        .add(case.admin().answers::<Case>(200), read)
        .add(decision.names_something().answers::<Decided>(200), decide)
}

/// What is handed in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSubmission {
    name: String,
    tagline: String,
    category: Category,
    /// Markdown.
    description: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = CHANGE_LOG_MAX))]
    change_log: String,
    /// Whether it waits for a moderator at once, or is kept as a draft.
    #[serde(default = "at_once")]
    submit: bool,
}

const fn at_once() -> bool {
    true
}

/// What changes about a listing. What is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListingChanges {
    /// `published`, `paused` or `unlisted`.
    state: Option<ListingState>,
    /// Whether it is kept up no more.
    is_deprecated: Option<bool>,
    /// The slug of the listing that takes its place, where it is deprecated.
    successor: Option<String>,
}

/// What waits for a moderator.
#[derive(Serialize, JsonSchema)]
struct Queue {
    submissions: Vec<CaseSummary>,
}

/// What was handed in, as moderators judge it.
#[derive(Serialize, JsonSchema)]
struct Case {
    #[serde(flatten)]
    submission: Submission,
    publisher: String,
    findings: Vec<Finding>,
}

/// What a moderator decides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    verdict: Verdict,
    /// What the publisher is told; needed where changes are requested.
    #[serde(default)]
    comment: String,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Approve,
    RequestChanges,
}

/// What became of it.
#[derive(Serialize, JsonSchema)]
struct Decided {
    /// The listing's place in URLs, once it is approved.
    slug: Option<String>,
}

async fn standing(ctx: &Ctx, agent: AgentId, status: StatusCode) -> Result<Response, Fault> {
    let publication = publications::get(ctx, agent).await?;
    Ok(reply::json(status, reply::NO_STORE, &publication))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
) -> Result<Response, Fault> {
    standing(&ctx, agent, StatusCode::OK).await
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
    Body(new): Body<NewSubmission>,
) -> Result<Response, Fault> {
    let NewSubmission { name, tagline, category, description, tags, change_log, submit } = new;
    let texts = ListingTexts { name, tagline, category, description, tags, change_log };
    publications::save(&ctx, agent, texts).await?;
    if submit {
        publications::submit(&ctx, agent).await?;
    }
    standing(&ctx, agent, StatusCode::CREATED).await
}

pub(crate) async fn withdraw(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
) -> Result<Response, Fault> {
    publications::withdraw(&ctx, agent).await?;
    Ok(reply::nothing())
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
    Body(changes): Body<ListingChanges>,
) -> Result<Response, Fault> {
    if changes.successor.is_some() && changes.is_deprecated != Some(true) {
        let fault = FieldFault::new("successor", "takes the place of a listing that is_deprecated");
        return Err(Fault::invalid(vec![fault]));
    }
    if changes.state == Some(ListingState::Removed) {
        let fault = FieldFault::new("state", "must be published, paused or unlisted");
        return Err(Fault::invalid(vec![fault]));
    }
    // First what may be refused for what it names.
    match changes.is_deprecated {
        Some(true) => {
            publications::deprecate(&ctx, agent, changes.successor.as_deref()).await?;
        }
        Some(false) => publications::keep_up(&ctx, agent).await?,
        None => {}
    }
    if let Some(state) = changes.state {
        publications::set_state(&ctx, agent, state).await?;
    }
    standing(&ctx, agent, StatusCode::OK).await
}

pub(crate) async fn delete_version(
    Extension(ctx): Extension<Ctx>,
    Path((agent, version)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let agent = agent.parse().map_err(|_| Fault::not_found("agent"))?;
    let version = version.parse().map_err(|_| Fault::not_found("version"))?;
    publications::delete_version(&ctx, agent, version).await?;
    Ok(reply::nothing())
}

pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<Response, Fault> {
    let queue = Queue { submissions: moderation::queue(&ctx).await?.cases };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &queue))
}

pub(crate) async fn read(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SubmissionId>,
) -> Result<Response, Fault> {
    let case = moderation::case(&ctx, id).await?;
    let case =
        Case { submission: case.submission, publisher: case.publisher, findings: case.findings };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &case))
}

pub(crate) async fn decide(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SubmissionId>,
    Body(decision): Body<Decision>,
) -> Result<Response, Fault> {
    let comment = &decision.comment;
    let slug = match decision.verdict {
        Verdict::Approve => Some(moderation::approve(&ctx, id, comment).await?),
        Verdict::RequestChanges => {
            moderation::request_changes(&ctx, id, comment).await?;
            None
        }
    };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &Decided { slug }))
}
