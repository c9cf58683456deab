//! `/api/v1/agents/{id}/knowledge`: an agent's documents; and the facts that it keeps.

use axum::Extension;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use resonant_backend::{Ctx, knowledge, memories};
use resonant_domain::api_key::Scope;
use resonant_domain::knowledge::{FoundPassage, KnowledgeDocument, KnowledgeQuery, NewDocument};
use resonant_domain::memory::Memory;
use resonant_domain::{AgentId, DocumentId, MemoryId};
use serde_json::json;

use super::{PageQuery, named};
use crate::conditional;
use crate::extract::{Body, Path, PathId, Query};
use crate::fault::Fault;
use crate::openapi::{Api, Operation};
use crate::reply;

/// The routes of what an agent keeps.
pub(crate) fn routes(api: Api) -> Api {
    let list_of = Operation::get("/agents/{id}/knowledge", "Lists an agent's documents");
    let new = Operation::post("/agents/{id}/knowledge", "Gives an agent a document");
    let one =
        Operation::get("/agents/{id}/knowledge/{document}", "Tells what is known of a document");
    let gone = Operation::delete("/agents/{id}/knowledge/{document}", "Takes a document away");
    let found = Operation::get("/agents/{id}/passages", "Searches an agent's documents");
    let facts = Operation::get("/agents/{id}/memories", "Lists the facts that an agent keeps");
    let fact = Operation::get("/agents/{id}/memories/{memory}", "Reads a fact");
    let forgotten = Operation::delete("/agents/{id}/memories/{memory}", "Forgets a fact");

    let new = new.scope(Scope::AgentsWrite).body::<NewDocument>().located().versioned();
    let list_of = list_of.scope(Scope::AgentsRead).query::<PageQuery>();
    let one = one.scope(Scope::AgentsRead).tagged();
    let found = found.scope(Scope::AgentsRead).query::<KnowledgeQuery>();
    let facts = facts.scope(Scope::AgentsRead).query::<PageQuery>();
    let fact = fact.scope(Scope::AgentsRead).tagged();
    let gone = gone.scope(Scope::AgentsWrite).conditional();
    let forgotten = forgotten.scope(Scope::AgentsWrite).conditional();
    api.add(list_of.answers_page::<KnowledgeDocument>("documents"), list)
        .add(new.answers::<KnowledgeDocument>(201), add)
        .add(one.answers::<KnowledgeDocument>(200), get)
        .add(gone.answers_nothing(204), remove)
        .add(found.answers_list::<FoundPassage>("passages"), search)
        .add(facts.answers_page::<Memory>("memories"), list_memories)
        .add(fact.answers::<Memory>(200), get_memory)
        .add(forgotten.answers_nothing(204), forget)
}

pub(crate) async fn list(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = knowledge::list(&ctx, id, query.into()).await?;
    Ok(reply::page("documents", &page))
}

pub(crate) async fn get(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (agent, document) = named::<DocumentId>(&names.0, &names.1)?;
    let document = knowledge::get(&ctx, agent, document).await?;
    Ok(conditional::answer_changeable(&headers, &document))
}

pub(crate) async fn add(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Body(new): Body<NewDocument>,
) -> Result<Response, Fault> {
    let document = knowledge::add(&ctx, id, new).await?;
    let path = format!("/api/v1/agents/{id}/knowledge/{}", document.id);
    let response = conditional::changed(StatusCode::CREATED, &document, &document);
    Ok(reply::located(response, &path))
}

pub(crate) async fn remove(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (agent, document) = named::<DocumentId>(&names.0, &names.1)?;
    knowledge::remove(&conditional::expecting(&ctx, &headers), agent, document).await?;
    Ok(reply::nothing())
}

pub(crate) async fn search(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<KnowledgeQuery>,
) -> Result<Response, Fault> {
    let passages = knowledge::search(&ctx, id, query).await?;
    Ok(reply::json(StatusCode::OK, reply::NO_STORE, &json!({ "passages": passages })))
}

pub(crate) async fn list_memories(
    Extension(ctx): Extension<Ctx>,
    PathId(id): PathId<AgentId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Fault> {
    let page = memories::list(&ctx, id, query.into()).await?;
    Ok(reply::page("memories", &page))
}

pub(crate) async fn get_memory(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (agent, memory) = named::<MemoryId>(&names.0, &names.1)?;
    let memory = memories::get(&ctx, agent, memory).await?;
    Ok(conditional::answer_changeable(&headers, &memory))
}

pub(crate) async fn forget(
    Extension(ctx): Extension<Ctx>,
    Path(names): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (agent, memory) = named::<MemoryId>(&names.0, &names.1)?;
    memories::forget(&conditional::expecting(&ctx, &headers), agent, memory).await?;
    Ok(reply::nothing())
}
