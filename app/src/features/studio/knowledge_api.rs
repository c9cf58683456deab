//! What the page of an agent's knowledge asks the server.

use leptos::prelude::*;
use resonant_domain::ids::{AgentId, DocumentId, MemoryId};
use resonant_domain::knowledge::{DocumentPage, FoundPassage, KnowledgeDocument};
use resonant_domain::memory::Memory;
use resonant_domain::team::AgentStanding;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::{paths, ssr};

/// What an agent keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnowledgePage {
    /// The agent.
    pub agent_id: AgentId,
    /// Its name.
    pub agent_name: String,
    /// Whether it may look things up.
    pub may_look_up: bool,
    /// Whether it may keep facts.
    pub may_remember: bool,
    /// Its documents, the newest first.
    pub documents: Vec<KnowledgeDocument>,
    /// The facts that it keeps for the viewer, the newest first.
    pub memories: Vec<Memory>,
    /// What was looked for, and what was found.
    pub found: Option<Found>,
    /// What the viewer may do with the agent, where it is another's.
    pub standing: Option<AgentStanding>,
}

/// A search that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What was looked for.
    pub query: String,
    /// What was found, or why nothing could be.
    pub passages: Result<Vec<FoundPassage>, AppError>,
}

/// What an agent keeps, and what a search in it finds.
#[server(prefix = "/api/fn", endpoint = "studio/get_knowledge")]
pub async fn get_knowledge(id: AgentId, query: Option<String>) -> Result<KnowledgePage, AppError> {
    use resonant_backend::{agents, knowledge, memories};
    use resonant_domain::knowledge::KnowledgeQuery;
    use resonant_domain::page::PageRequest;
    use resonant_domain::tool::{KNOWLEDGE, REMEMBER};

    let ctx = ssr::ctx()?;
    let agent = agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let found = match query.filter(|query| !query.trim().is_empty()) {
        Some(query) => {
            let asked = KnowledgeQuery { query: query.clone(), most: None };
            let passages = knowledge::search(&ctx, id, asked).await.map_err(ssr::fail);
            Some(Found { query, passages })
        }
        None => None,
    };
    let standing = super::api::standing(&ctx, &agent).await?;
    let memories = memories::list(&ctx, id, PageRequest::largest()).await.map_err(ssr::fail)?.items;
    let documents = knowledge::list(&ctx, id, PageRequest::largest()).await;
    Ok(KnowledgePage {
        agent_id: id,
        may_look_up: agent.spec.has_tool(KNOWLEDGE),
        may_remember: agent.spec.has_tool(REMEMBER),
        agent_name: agent.spec.name,
        documents: documents.map_err(ssr::fail)?.items,
        memories,
        found,
        standing,
    })
}

/// A page of a document of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownDocument {
    /// The agent.
    pub agent_id: AgentId,
    /// The document, and the passages on the page.
    pub page: DocumentPage,
    /// What the viewer may do with the agent, where it is another's.
    pub standing: Option<AgentStanding>,
}

/// A document of an agent: the page on which a passage stands.
#[server(prefix = "/api/fn", endpoint = "studio/get_document")]
pub async fn get_document(
    id: AgentId,
    document: DocumentId,
    passage: Option<u32>,
) -> Result<ShownDocument, AppError> {
    use resonant_backend::{agents, knowledge};

    let ctx = ssr::ctx()?;
    let page = knowledge::read(&ctx, id, document, passage.unwrap_or(1)).await;
    let page = page.map_err(ssr::fail)?;
    let agent = agents::get(&ctx, id).await.map_err(ssr::fail)?;
    let standing = super::api::standing(&ctx, &agent).await?;
    Ok(ShownDocument { agent_id: id, page, standing })
}

/// Gives an agent a document. Without a format the ending of the title tells it.
#[server(prefix = "/api/fn", endpoint = "studio/add_document")]
pub async fn add_document(
    id: AgentId,
    title: String,
    format: String,
    text: String,
) -> Result<(), AppError> {
    use resonant_domain::knowledge::{DocumentFormat, NewDocument};

    let format = match format.as_str() {
        "" => None,
        named => Some(
            DocumentFormat::parse(named)
                .ok_or_else(|| ssr::invalid("format", "must be one of the list"))?,
        ),
    };
    let new = NewDocument { title, format, text };
    resonant_backend::knowledge::add(&ssr::ctx()?, id, new).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::knowledge(id));
    Ok(())
}

/// Takes a document from an agent.
#[server(prefix = "/api/fn", endpoint = "studio/remove_document")]
pub async fn remove_document(id: AgentId, document_id: DocumentId) -> Result<(), AppError> {
    resonant_backend::knowledge::remove(&ssr::ctx()?, id, document_id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::knowledge(id));
    Ok(())
}

/// Makes an agent forget a fact.
#[server(prefix = "/api/fn", endpoint = "studio/forget_memory")]
pub async fn forget_memory(id: AgentId, memory_id: MemoryId) -> Result<(), AppError> {
    resonant_backend::memories::forget(&ssr::ctx()?, id, memory_id).await.map_err(ssr::fail)?;
    ssr::redirect(&paths::knowledge(id));
    Ok(())
}
