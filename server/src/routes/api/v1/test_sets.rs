//! `/api/v1/agents/{id}/test-sets`: what an agent should do, case by case, and whether it does.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::test_sets::records;
use resonant_backend::{Ctx, test_sets};
use resonant_domain::api_key::Scope;
use resonant_domain::fields::Part;
use resonant_domain::test_set::{
    NewTestRun, NewTestSet, RunSummary, TestPolicy, TestRun, TestSet, TrashedSet,
};
use resonant_domain::{AgentId, TestSetId};

use super::{FieldsQuery, PageQuery, PartsQuery, chosen, named, page};
use crate::conditional;
use crate::extract::{self, Body, Path, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of test sets.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/agents/{id}/test-sets", "Lists an agent's test sets");
    let new = Operation::post("/agents/{id}/test-sets", "Makes a test set");
    let one = Operation::get("/agents/{id}/test-sets/{set}", "Reads a test set");
    let other = Operation::put("/agents/{id}/test-sets/{set}", "Replaces a test set");
    let gone = Operation::delete("/agents/{id}/test-sets/{set}", "Deletes a test set");
    let trash_of = Operation::get("/agents/{id}/test-sets/trash", "Lists deleted test sets");
    let back = Operation::post(
        "/agents/{id}/test-sets/{set}/restore",
        "Takes a test set out of the trash, with its runs",
    );
    let runs_of = Operation::get("/agents/{id}/test-sets/{set}/runs", "Lists a test set's runs");
    let run_it = Operation::post("/agents/{id}/test-sets/{set}/runs", "Runs a test set");
    let one_run =
        Operation::get("/agents/{id}/test-sets/{set}/runs/{run}", "Reads a run, case by case");
    let policy = Operation::get("/agents/{id}/test-policy", "Tells whether versions need tests");
    let other_policy =
        Operation::put("/agents/{id}/test-policy", "Says whether versions need tests");

    let (read, write) = (Scope::AgentsRead, Scope::AgentsWrite);
    let new = new.scope(write).body::<NewTestSet>().located().versioned();
    let list_of = list_of.scope(read).query::<PartsQuery>().fields::<TestSet>();
    let one = one.scope(read).query::<FieldsQuery>().fields::<TestSet>().tagged();
    let policy = policy.scope(read).tagged();
    let run_it = run_it.scope(Scope::SessionsRun).body::<NewTestRun>().located();
    let other = other.scope(write).body::<NewTestSet>().conditional();
    let gone = gone.scope(write).conditional();
    let trash_of = trash_of.scope(read).query::<PageQuery>();
    let back = back.scope(write).versioned();
    let runs_of = runs_of.scope(read).query::<PageQuery>();
    let one_run = one_run.scope(read).query::<FieldsQuery>().fields::<TestRun>();
    let other_policy = other_policy.scope(write).body::<TestPolicy>().conditional();
    api.add(list_of.answers_page::<Part<TestSet>>("test_sets"), list)
        .add(new.answers::<TestSet>(201), create)
        .add(one.answers::<Part<TestSet>>(200), get)
        .add(other.answers::<TestSet>(200), replace)
        .add(gone.answers_nothing(204), delete)
        .add(trash_of.answers_page::<TrashedSet>("test_sets"), list_trash)
        .add(back.answers::<TestSet>(200), restore)
        .add(runs_of.answers_page::<RunSummary>("runs"), list_runs)
        .add(run_it.answers::<TestRun>(202), run)
        .add(one_run.answers::<Part<TestRun>>(200), read_run)
        .add(policy.answers::<TestPolicy>(200), read_policy)
        .add(other_policy.answers::<TestPolicy>(200), set_policy)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<PartsQuery>,
) -> Result<Response, Fault> {
    let fields = chosen(query.fields.as_deref())?.unwrap_or_default();
    let page = records::list(&ctx, id, page(query.cursor, query.limit), &fields).await?;
    Ok(reply::page("test_sets", &page))
}

pub(crate) async fn create(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Body(new): Body<NewTestSet>,
) -> Result<Response, Fault> {
    let set = test_sets::create(&ctx, id, new).await?;
    let path = format!("/api/v1/agents/{id}/test-sets/{}", set.id);
    Ok(reply::located(conditional::changed(StatusCode::CREATED, &set, &set), &path))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    Query(query): Query<FieldsQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (agent, set) = named(&names.0, &names.1)?;
    if let Some(fields) = chosen(query.fields.as_deref())? {
        let part = records::get(&ctx, agent, set, &fields).await?;
        return Ok(reply::json(StatusCode::OK, reply::NO_STORE, &part));
    }
    let set = test_sets::get(&ctx, agent, set).await?;
    Ok(conditional::answer_changeable(&headers, &set))
}

pub(crate) async fn replace(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    headers: HeaderMap,
    Body(new): Body<NewTestSet>,
) -> Result<Response, Fault> {
    let (agent, set) = named(&names.0, &names.1)?;
    let ctx = conditional::expecting(&ctx, &headers);
    let set = test_sets::replace(&ctx, agent, set, new).await?;
    Ok(conditional::changed(StatusCode::OK, &set, &set))
}

pub(crate) async fn delete(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (agent, set) = named(&names.0, &names.1)?;
    test_sets::delete(&conditional::expecting(&ctx, &headers), agent, set).await?;
    Ok(reply::nothing())
}

pub(crate) async fn list_trash(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let trashed = test_sets::trash(&ctx, id, query.into()).await?;
    Ok(reply::page("test_sets", &trashed))
}

pub(crate) async fn restore(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
) -> Result<Response, Fault> {
    let (agent, set) = named(&names.0, &names.1)?;
    let set = test_sets::restore(&ctx, agent, set).await?;
    Ok(conditional::changed(StatusCode::OK, &set, &set))
}

pub(crate) async fn list_runs(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let (agent, set) = named(&names.0, &names.1)?;
    let runs = test_sets::list_runs(&ctx, agent, set, query.into()).await?;
    Ok(reply::page("runs", &runs))
}

pub(crate) async fn run(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    Body(new): Body<NewTestRun>,
) -> Result<Response, Fault> {
    let (agent, set) = named::<TestSetId>(&names.0, &names.1)?;
    let run = test_sets::run(&ctx, agent, set, new).await?;
    let path = format!("/api/v1/agents/{agent}/test-sets/{set}/runs/{}", run.summary.id);
    Ok(reply::located(reply::json(StatusCode::ACCEPTED, reply::NO_STORE, &run), &path))
}

pub(crate) async fn read_run(
    Extension(ctx): Extension<Ctx>,
    Path((agent, set, run)): Path<(String, String, String)>,
    Query(query): Query<FieldsQuery>,
) -> Result<Response, Fault> {
    let (agent, set) = named(&agent, &set)?;
    let (run, fields) = (extract::named(&run)?, chosen(query.fields.as_deref())?);
    let run = records::read_run(&ctx, agent, set, run, &fields.unwrap_or_default()).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &run))
}

pub(crate) async fn read_policy(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let policy = test_sets::policy(&ctx, id).await?;
    Ok(conditional::answer_changeable(&headers, &policy))
}

pub(crate) async fn set_policy(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    headers: HeaderMap,
    Body(policy): Body<TestPolicy>,
) -> Result<Response, Fault> {
    let ctx = conditional::expecting(&ctx, &headers);
    let policy = test_sets::set_policy(&ctx, id, policy).await?;
    Ok(conditional::changed(StatusCode::OK, &policy, &policy))
}
