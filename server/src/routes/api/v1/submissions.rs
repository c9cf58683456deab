//! `/api/v1/agents/{id}/submissions`, `/api/v1/agents/{id}/listing`, `/api/v1/submissions`: from an
//! agent to a listing, and what moderators say to it.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::moderation::{self, Ruling};
use resonant_backend::publications::{self, Upkeep, pictures as chosen};
use resonant_backend::{Ctx, Error};
use resonant_domain::image::PictureChoice;
use resonant_domain::listing::{Category, Example, ForkedFrom, ListingState};
use resonant_domain::page::PageRequest;
use resonant_domain::price::Price;
use resonant_domain::publication::{
    CHANGE_LOG_MAX, COMMENT_MAX, CaseSummary, DESCRIPTION_MAX, EXAMPLE_CONTEXT_MAX,
    EXAMPLE_GOAL_MAX, EXAMPLES_MAX, ListingTexts, NAME_MAX, Publication, PublishedListing,
    Submission, TAG_MAX, TAGLINE_MAX, TAGS_MAX,
};
use resonant_domain::scan::Finding;
use resonant_domain::{AgentId, FieldFault, SubmissionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::PageQuery;
use crate::conditional;
use crate::extract::{Body, Path, PathId, Query, named};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// A text that can be kept.
const TEXT: &str = r"^[^\x00]*$";
/// The same, not blank.
const SHOWN: &str = r"^[^\x00]*[^\s\x00][^\x00]*$";
/// One line of characters that are seen.
const LINE: &str = resonant_domain::text::NAME_PATTERN;
/// The longest name of what was handed in, in characters.
const SEEN_MAX: usize = 64;
/// Letters, digits and hyphens, of any script.
const TAG: &str = r"^[^\s\x00-\x2c\x2e\x2f\x3a-\x40\x5b-\x60\x7b-\x9f]+$";

/// The routes of publishing and moderation.
pub(crate) fn routes(api: Api) -> Api {
    let standing = Operation::get(
        "/agents/{id}/submissions",
        "Tells how publishing an agent stands, with what was handed in, the newest first",
    );
    let new = Operation::post("/agents/{id}/submissions", "Saves a submission and hands it in");
    let back = Operation::delete("/agents/{id}/submissions", "Takes back what was handed in");
    let listing =
        Operation::get("/agents/{id}/listing", "Reads the listing that an agent is published as");
    let changed = Operation::patch("/agents/{id}/listing", "Pauses a listing, deprecates it, …");
    let gone = Operation::delete(
        "/agents/{id}/listing/versions/{version}",
        "Deletes a version of a listing that has others",
    );
    let queue = Operation::get("/submissions", "Lists what waits for a moderator");
    let case = Operation::get("/submissions/{id}", "Reads what was handed in");
    let decision = Operation::post("/submissions/{id}/decisions", "Approves, or asks for changes");

    let standing = standing.query::<PageQuery>();
    let new = new.body::<NewSubmission>().names_something();
    let changed = changed.body::<ListingChanges>().conditional();
    let queue = queue.admin().query::<PageQuery>();
    let decision = decision.admin().body::<Decision>();
    api.add(standing.answers::<Publication>(200), get)
        .add(new.answers::<Publication>(201), create)
        .add(back.answers_nothing(204), withdraw)
        .add(listing.tagged().answers::<PublishedListing>(200), get_listing)
        .add(changed.answers::<Publication>(200), update)
        .add(gone.conditional().answers_nothing(204), delete_version)
        .add(queue.answers_page::<CaseSummary>("submissions"), list)
        .add(case.admin().answers::<Case>(200), read)
        .add(decision.names_something().answers::<Decided>(200), decide)
}

/// What is handed in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSubmission {
    #[schemars(length(min = 1, max = NAME_MAX), regex(pattern = LINE))]
    name: String,
    #[schemars(length(min = 1, max = TAGLINE_MAX), regex(pattern = LINE))]
    tagline: String,
    category: Category,
    /// Markdown.
    #[schemars(length(min = 1, max = DESCRIPTION_MAX), regex(pattern = SHOWN))]
    description: String,
    /// Letters, digits and hyphens.
    #[serde(default)]
    #[schemars(length(max = TAGS_MAX), inner(length(min = 1, max = TAG_MAX), regex(pattern = TAG)))]
    tags: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = CHANGE_LOG_MAX), regex(pattern = TEXT))]
    change_log: String,
    /// What it costs; free without it. Others are refused where nothing can be bought.
    #[serde(default)]
    price: Price,
    /// Goals to try it with.
    #[serde(default)]
    #[schemars(length(max = EXAMPLES_MAX))]
    examples: Vec<NewExample>,
    /// The pictures that the listing is to have, of those that were uploaded. Absent: those it has.
    #[serde(default)]
    pictures: Option<PictureChoice>,
    /// Whether it waits for a moderator at once, or is kept as a draft.
    #[serde(default = "at_once")]
    submit: bool,
}

/// A goal to try a listing with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewExample {
    #[schemars(length(min = 1, max = EXAMPLE_GOAL_MAX), regex(pattern = SHOWN))]
    goal: String,
    /// Material for it.
    #[serde(default)]
    #[schemars(length(max = EXAMPLE_CONTEXT_MAX), regex(pattern = TEXT))]
    context: Option<String>,
}

impl From<NewExample> for Example {
    fn from(NewExample { goal, context }: NewExample) -> Self {
        Self { goal, context }
    }
}

const fn at_once() -> bool {
    true
}

/// What changes about a listing. What is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("if" = names_a_successor(), "then" = is_not_kept_up()))]
pub(crate) struct ListingChanges {
    state: Option<StateChange>,
    /// Whether it is kept up no more.
    is_deprecated: Option<bool>,
    /// The slug of the listing that takes its place, which deprecates it.
    successor: Option<String>,
}

/// The states that a publisher gives.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StateChange {
    Published,
    Paused,
    Unlisted,
}

impl From<StateChange> for ListingState {
    fn from(state: StateChange) -> Self {
        match state {
            StateChange::Published => Self::Published,
            StateChange::Paused => Self::Paused,
            StateChange::Unlisted => Self::Unlisted,
        }
    }
}

fn names_a_successor() -> Value {
    json!({ "required": ["successor"], "properties": { "successor": { "type": "string" } } })
}

fn is_not_kept_up() -> Value {
    json!({ "properties": { "is_deprecated": { "enum": [true, null] } } })
}

/// What was handed in, as moderators judge it.
#[derive(Serialize, JsonSchema)]
struct Case {
    #[serde(flatten)]
    submission: Submission,
    /// Names what was handed in: whoever decides says by it what they have read.
    seen: String,
    publisher: String,
    /// What its agent was copied from.
    forked_from: Option<ForkedFrom>,
    findings: Vec<Finding>,
}

/// What a moderator decides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    verdict: Verdict,
    /// What was read, as the submission names it. `409` where its publisher has handed something else in
    /// since.
    #[schemars(length(max = SEEN_MAX), regex(pattern = TEXT))]
    seen: String,
    /// What the publisher is told; needed where changes are requested.
    #[serde(default)]
    #[schemars(length(max = COMMENT_MAX), regex(pattern = TEXT))]
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

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let publication = publications::get(&ctx, agent, query.into()).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &publication))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
    Body(new): Body<NewSubmission>,
) -> Result<Response, Fault> {
    let NewSubmission {
        name,
        tagline,
        category,
        description,
        tags,
        change_log,
        price,
        examples,
        pictures,
        submit,
    } = new;
    let examples = examples.into_iter().map(Example::from).collect();
    let texts =
        ListingTexts { name, tagline, category, description, tags, change_log, price, examples };
    // Before anything is kept of it.
    if let Some(pictures) = &pictures {
        pictures.check().map_err(|faults| Fault::from(of_pictures(Error::Invalid(faults))))?;
    }
    publications::save(&ctx, agent, texts).await?;
    if let Some(pictures) = pictures {
        chosen::set(&ctx, agent, pictures).await.map_err(of_pictures)?;
    }
    if submit {
        publications::submit(&ctx, agent).await?;
    }
    let publication = publications::get(&ctx, agent, PageRequest::default()).await?;
    Ok(reply::json(StatusCode::CREATED, reply::NO_STORE, &publication))
}

/// The same error where what was chosen is a part of what was sent.
fn of_pictures(error: Error) -> Error {
    match error {
        Error::Invalid(faults) => {
            let within = |FieldFault { field, reason }: FieldFault| {
                FieldFault::new(format!("pictures.{field}"), reason)
            };
            Error::Invalid(faults.into_iter().map(within).collect())
        }
        other => other,
    }
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
    headers: HeaderMap,
    Body(changes): Body<ListingChanges>,
) -> Result<Response, Fault> {
    let upkeep = match (changes.is_deprecated, changes.successor) {
        (Some(false), Some(_)) => {
            let reason = "takes the place of a listing that is_deprecated";
            return Err(Fault::field("successor", reason));
        }
        (Some(false), None) => Some(Upkeep::KeptUp),
        (Some(true), successor) => Some(Upkeep::Deprecated(successor)),
        (None, Some(successor)) => Some(Upkeep::Deprecated(Some(successor))),
        (None, None) => None,
    };
    let changes =
        publications::ListingChanges { state: changes.state.map(ListingState::from), upkeep };
    let expecting = conditional::expecting(&ctx, &headers);
    publications::change(&expecting, agent, changes).await?;
    let publication = publications::get(&ctx, agent, PageRequest::default()).await?;
    Ok(match &publication.listing {
        Some(listing) => conditional::changed(StatusCode::OK, listing, &publication),
        None => reply::json(StatusCode::OK, reply::NO_STORE, &publication),
    })
}

pub(crate) async fn get_listing(
    Extension(ctx): Extension<Ctx>,
    PathId(agent): PathId<AgentId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let listing = publications::listing(&ctx, agent).await?;
    Ok(conditional::answer_changeable(&headers, &listing))
}

pub(crate) async fn delete_version(
    Extension(ctx): Extension<Ctx>,
    Path((agent, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let agent = named(&agent)?;
    let version = version.parse().map_err(|_| Fault::not_found("version"))?;
    let ctx = conditional::expecting(&ctx, &headers);
    publications::delete_version(&ctx, agent, version).await?;
    Ok(reply::nothing())
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = moderation::cases(&ctx, query.into()).await?;
    Ok(reply::page("submissions", &page))
}

pub(crate) async fn read(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SubmissionId>,
) -> Result<Response, Fault> {
    let case = moderation::case(&ctx, id).await?;
    let case = Case {
        submission: case.submission,
        seen: case.seen,
        publisher: case.publisher,
        forked_from: case.forked_from,
        findings: case.findings,
    };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &case))
}

pub(crate) async fn decide(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<SubmissionId>,
    Body(decision): Body<Decision>,
) -> Result<Response, Fault> {
    let ruling = Ruling { seen: &decision.seen, comment: &decision.comment };
    let slug = match decision.verdict {
        Verdict::Approve => Some(moderation::approve(&ctx, id, ruling).await?),
        Verdict::RequestChanges => {
            moderation::request_changes(&ctx, id, ruling).await?;
            None
        }
    };
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &Decided { slug }))
}
