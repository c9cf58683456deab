//! `/api/v1/agents`

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use resonant_backend::agents::records::{
    self, AgentOrder, BATCH_MAX, OFFSET_MAX, RecordQuery, Wanted,
};
use resonant_backend::agents::{self, AgentFilter};
use resonant_backend::{Ctx, sessions};
use resonant_domain::agent::{Agent, AgentChanges, AgentSpec, AgentStatus, LimitChanges};
use resonant_domain::agent_list::TEXT_MAX;
use resonant_domain::agent_record::{AgentBatch, AgentRecord};
use resonant_domain::agent_version::Edition;
use resonant_domain::api_key::Scope;
use resonant_domain::instant::Instant;
use resonant_domain::session::{CONTEXT_MAX, GOAL_MAX, NewSession, Priority, Session};
use resonant_domain::variable::Values;
use resonant_domain::{AgentId, FieldFault};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{EDITION, chosen, page};
use crate::conditional::{self, Audience};
use crate::extract::{Body, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of agents.
pub(crate) fn routes(api: Api) -> Api {
    let list_of =
        Operation::get("/agents", "Lists the caller's agents, or reads those that ids names");
    let new = Operation::post("/agents", "Makes an agent");
    let many = Operation::ask("/agents/batch", "Reads up to 100 agents at once");
    let one = Operation::get("/agents/{id}", "Reads an agent");
    let changed = Operation::patch("/agents/{id}", "Changes what is given and leaves the rest");
    let gone = Operation::delete("/agents/{id}", "Puts an agent into the trash");
    let run = Operation::post("/agents/{id}/execute", "Starts a session of an agent");

    let list_of =
        list_of.scope(Scope::AgentsRead).query::<ListQuery>().fields::<Agent>().ids().tagged();
    let new = new.scope(Scope::AgentsWrite).body::<AgentSpec>().answers::<Agent>(201).located();
    let many = many.scope(Scope::AgentsRead).query::<ReadQuery>().fields::<Agent>();
    let one = one.scope(Scope::AgentsRead).query::<ReadQuery>().fields::<Agent>().tagged();
    let changed = changed.scope(Scope::AgentsWrite).body::<AgentChanges>().conditional();
    let gone = gone.scope(Scope::AgentsWrite).conditional().answers_nothing(204);
    let run = run.scope(Scope::SessionsRun).body::<Execute>().answers::<Session>(202).located();
    api.add(list_of.answers::<AgentsFound>(200), list)
        .add(new, create)
        .add(many.body::<Batch>().answers::<AgentBatch>(200), batch)
        .add(one.answers::<AgentRecord>(200), get)
        .add(changed.answers::<Agent>(200), update)
        .add(gone, delete)
        .add(run, execute)
}

/// Agents of a list, which has more where it says so, or those that were named.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes what two writers answer")]
enum AgentsFound {
    /// A page of the list.
    Page { agents: Vec<AgentRecord>, has_more: bool, next_cursor: Option<String> },
    /// Those that were named.
    Named(AgentBatch),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    status: Option<AgentStatus>,
    /// Agents whose name holds this, letter case aside.
    #[schemars(length(min = 1, max = TEXT_MAX), regex(pattern = r"^[^\x00]*$"))]
    name: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
    /// How many agents to pass over, in place of a cursor.
    #[schemars(range(max = OFFSET_MAX))]
    offset: Option<u32>,
    /// `created_at`, `updated_at`, `name`, `runs` (sessions that were ever started) or `rating` (thumbs up less
    /// thumbs down), followed by `ASC` or `DESC`.
    #[schemars(regex(
        pattern = "^(created_at|updated_at|name|runs|rating)( (ASC|DESC|asc|desc))?$"
    ))]
    order_by: Option<String>,
    ids: Option<String>,
    fields: Option<String>,
    include: Option<Include>,
}

/// What may come with an agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Include {
    Sessions,
}

fn wanted(fields: Option<&str>, include: Option<&Include>) -> Result<Wanted, Fault> {
    Ok(Wanted { fields: chosen(fields)?.unwrap_or_default(), sessions: include.is_some() })
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let is_plain = query.fields.is_none() && query.include.is_none() && query.name.is_none();
    if let Some(ids) = &query.ids {
        let ids: Vec<_> = ids.split(',').map(str::trim).collect();
        return find(&ctx, &ids, query.fields.as_deref(), query.include.as_ref()).await;
    }
    if !(is_plain && query.offset.is_none() && query.order_by.is_none()) {
        let order = query.order_by.as_deref().map(AgentOrder::parse).transpose();
        let wanted = RecordQuery {
            status: query.status,
            name: query.name,
            order: order.map_err(|fault| Fault::invalid(vec![fault]))?.unwrap_or_default(),
            page: page(query.cursor, query.limit),
            offset: query.offset,
            wanted: wanted(query.fields.as_deref(), query.include.as_ref())?,
        };
        return Ok(reply::page("agents", &records::list(&ctx, wanted).await?));
    }
    let filter = AgentFilter { status: query.status, page: page(None, query.limit) };
    if let Some(cursor) = query.cursor.filter(|cursor| !cursor.is_empty()) {
        let page = agents::page_after(&ctx, &filter, &cursor).await?;
        return Ok(reply::json(StatusCode::OK, reply::NO_STORE, &page));
    }
    let page = agents::first_page(&ctx, &filter).await?;
    Ok(conditional::answer(&headers, Audience::Owner, &page))
}

/// The agents that a caller names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    /// 1 to 100, each once.
    #[schemars(with = "Vec<AgentId>", length(min = 1, max = BATCH_MAX), extend("uniqueItems" = true))]
    ids: Vec<String>,
}

/// What is wanted of each agent that is read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadQuery {
    fields: Option<String>,
    include: Option<Include>,
}

pub(crate) async fn batch(
    Extension(ctx): Extension<Ctx>,
    Query(query): Query<ReadQuery>,
    Body(batch): Body<Batch>,
) -> Result<Response, Fault> {
    find(&ctx, &batch.ids, query.fields.as_deref(), query.include.as_ref()).await
}

async fn find(
    ctx: &Ctx,
    ids: &[impl AsRef<str>],
    fields: Option<&str>,
    include: Option<&Include>,
) -> Result<Response, Fault> {
    let wanted = wanted(fields, include)?;
    let ids = checked(ids)?;
    if fields.is_none() && include.is_none() {
        let found = records::documents(ctx, &ids).await?;
        return Ok(reply::written(StatusCode::OK, reply::NO_STORE, found.json()));
    }
    let found = records::find(ctx, &ids, &wanted).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &found))
}

/// Ids, each once; the fault names each that is none or stands there again.
fn checked(texts: &[impl AsRef<str>]) -> Result<Vec<AgentId>, Fault> {
    if texts.len() > BATCH_MAX {
        return Err(Fault::field("ids", format!("must be 1 to {BATCH_MAX} ids")));
    }
    let (mut ids, mut faults) = (Vec::with_capacity(texts.len()), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        match text.as_ref().parse::<AgentId>() {
            Err(error) => faults.push(FieldFault::new(format!("ids[{index}]"), error.to_string())),
            Ok(id) if ids.contains(&id) => {
                faults.push(FieldFault::new(format!("ids[{index}]"), "must be named once"));
            }
            Ok(id) => ids.push(id),
        }
    }
    if faults.is_empty() { Ok(ids) } else { Err(Fault::invalid(faults)) }
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    Body(spec): Body<AgentSpec>,
) -> Result<Response, Fault> {
    let agent = agents::create(&ctx, spec).await?;
    let path = format!("/api/v1/agents/{}", agent.id);
    Ok(reply::located(tagged(StatusCode::CREATED, &agent), &path))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<ReadQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if query.fields.is_some() || query.include.is_some() {
        let wanted = wanted(query.fields.as_deref(), query.include.as_ref())?;
        let record = Box::pin(records::get(&ctx, id, &wanted)).await?;
        return Ok(reply::json(StatusCode::OK, reply::NO_STORE, &record));
    }
    let agent = agents::document(&ctx, id).await?;
    Ok(conditional::answer(&headers, Audience::Owner, &agent))
}

pub(crate) async fn update(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    headers: HeaderMap,
    Body(changes): Body<AgentChanges>,
) -> Result<Response, Fault> {
    let agent = agents::update(&ctx, id, changes, conditional::seen(&headers)).await?;
    Ok(tagged(StatusCode::OK, &agent))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    agents::delete(&ctx, id, conditional::seen(&headers)).await?;
    Ok(reply::nothing())
}

/// A new session, with the limits also beside the goal, where many callers expect them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Execute {
    /// 1 to [`GOAL_MAX`] characters.
    #[schemars(length(min = 1, max = GOAL_MAX), regex(pattern = r"^[^\x00]*[^\s\x00][^\x00]*$"))]
    goal: String,
    /// At most [`CONTEXT_MAX`] characters.
    #[serde(default)]
    #[schemars(length(max = CONTEXT_MAX), regex(pattern = r"^[^\x00]*$"))]
    context: Option<String>,
    /// The values of the prompt's variables, by their names.
    #[serde(default)]
    variables: Values,
    #[serde(default)]
    limits: LimitChanges,
    #[schemars(range(min = 1, max = 50))]
    max_steps: Option<u32>,
    #[schemars(range(min = 1, max = 1_000_000))]
    max_tokens: Option<u32>,
    #[schemars(range(min = 1, max = 3_600))]
    timeout_seconds: Option<u32>,
    #[serde(default)]
    priority: Priority,
    #[schemars(with = "Option<Timestamp>")]
    run_at: Option<Instant>,
    /// `draft`, or the number of a version, in place of the edition that runs otherwise.
    #[schemars(with = "Option<String>", regex(pattern = EDITION))]
    edition: Option<Edition>,
}

pub(crate) async fn execute(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Body(body): Body<Execute>,
) -> Result<Response, Fault> {
    let nested = body.limits;
    let limits = LimitChanges {
        max_steps: body.max_steps.or(nested.max_steps),
        max_tokens: body.max_tokens.or(nested.max_tokens),
        timeout_seconds: body.timeout_seconds.or(nested.timeout_seconds),
        max_cost_micro_usd: nested.max_cost_micro_usd,
    };
    let flat = [
        ("max_steps", body.max_steps),
        ("max_tokens", body.max_tokens),
        ("timeout_seconds", body.timeout_seconds),
    ];
    let (priority, run_at) = (body.priority, body.run_at.map(|Instant(at)| at));
    let (goal, context, variables) = (body.goal, body.context, body.variables);
    let new = NewSession { goal, context, variables, limits, priority, run_at };
    let started = match body.edition {
        None => sessions::start(&ctx, id, new).await,
        Some(edition) => sessions::try_edition(&ctx, id, new, edition).await,
    };
    let session = started.map_err(|error| {
        // A fault is told by the name that the caller wrote.
        Fault::from(error).rename_fields(|field| {
            let name = field.strip_prefix("limits.")?;
            flat.iter().any(|(own, value)| *own == name && value.is_some()).then(|| name.to_owned())
        })
    })?;
    let path = format!("/api/v1/sessions/{}", session.id);
    Ok(reply::located(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &session), &path))
}

/// An agent with its revision as the entity tag.
pub(super) fn tagged(status: StatusCode, agent: &Agent) -> Response {
    let mut response = reply::json(status, reply::PRIVATE, agent);
    let tag = conditional::tag(&agent.revision.to_string());
    response.headers_mut().insert(header::ETAG, tag);
    response
}
